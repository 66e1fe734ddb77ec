#!/usr/bin/env python3
"""Transactions survive a change of the broker, Moldau to Apache Kafka and back, and Kafka to Moldau and back.

    hand_back_transactions.py [--first moldau|kafka] [--then moldau|kafka] [--keep]

Producers of both protocols commit, abort and leave open what they write to topics and to groups' offsets, their
transactions overlapping each other in segments that roll; some of them are fenced. The broker stops in order, and

1. kafka-dump-log reads the coordinator's topic and the groups' offsets: record for record, its decoders say what the
   producers did, in order; and it reads the indexes of aborted transactions;
2. the other broker starts on the directory and has the same transactions: what read_committed and read_uncommitted
   read, the aborted lists and last stable offsets, the states of all transactional ids, `kafka-transactions
   describe`, the producers of each partition, the groups' offsets, those of open transactions held back, and how
   fenced producers are refused; producers go on with what they left open, commit it and abort it;
3. the first broker starts on what that left, with the same proof.

Kafka leaves a hanging transaction behind, which the broker after it ends. With `--first kafka --then kafka` it is a
test of this test.
"""
import argparse
import base64
import collections
import json
import os
import re
import subprocess
import sys
import time

import broker as brokers
from dump import Dump
from hand_back import PROPERTIES, Writer, complaints_of, difference, dump, wait_until_served
from hand_back_groups import LOADED_TOO_EARLY, must, patiently, tool
from internal_topics import (COMPLETE_ABORT, COMPLETE_COMMIT, EMPTY, NAMES, ONGOING, PREPARE_ABORT, PREPARE_COMMIT,
                             problems_of)
from raw_client import EARLIEST, ERROR, LATEST, error_name
from record_batch import parse_batches
from report import Report
from scratch import scratch_folder
from txn_client import READ_COMMITTED, READ_UNCOMMITTED, VERSIONS, TxnClient, transactional_batch

STATE_TOPIC, OFFSETS_TOPIC = '__transaction_state', '__consumer_offsets'
TOPIC, PARTITIONS, HANGING = 'data', 3, 'hanging'
LONG_MS = 900000
# Small segments: the indexes of aborted transactions are to be several.
CONFIGS = {'segment.bytes': '1048576', 'retention.ms': '-1'}
SIZE = 40000
SETTINGS = {**PROPERTIES, 'offsets.topic.replication.factor': 1, 'transaction.state.log.replication.factor': 1,
            'transaction.state.log.min.isr': 1, 'group.initial.rebalance.delay.ms': 0}
# What kafka-dump-log says of a partition, a batch, a record that its decoder knows, and an end of a transaction.
DUMPING = re.compile(r'Dumping .*/([^/]+)-(\d+)/\d{20}\.log$')
BATCH = re.compile(r'baseOffset: \d+ .* producerId: (-?\d+) producerEpoch: (-?\d+) .* isTransactional: (\w+) ')
RECORD = re.compile(r'\| offset: \d+ .* key: (\{.*?\}\}) payload: (\{.*\})$')
MARKER = re.compile(r'\| offset: \d+ .* endTxnMarker: (COMMIT|ABORT) coordinatorEpoch: \d+$')
ENDS = {True: (PREPARE_COMMIT, COMPLETE_COMMIT, 'COMMIT'), False: (PREPARE_ABORT, COMPLETE_ABORT, 'ABORT')}
COORDINATOR_PARTITIONS = 50
FENCED = {'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'}
RETRY = {ERROR['CONCURRENT_TRANSACTIONS'], ERROR['COORDINATOR_LOAD_IN_PROGRESS'], ERROR['NOT_COORDINATOR'],
         ERROR['COORDINATOR_NOT_AVAILABLE'], ERROR['UNKNOWN_TOPIC_OR_PARTITION']}


def keys(numbers=range(PARTITIONS)):
    return [(TOPIC, number) for number in numbers]


def soon(call, error_of=lambda answer: answer, patience_s=30.0):
    """Calls until nothing is in the way that goes by; the answer."""
    deadline = time.monotonic() + patience_s
    while True:
        answer = call()
        if error_of(answer) not in RETRY or time.monotonic() > deadline:
            return answer
        time.sleep(0.05)


def worst(answers):
    return max(answers.values())


def partition_of(name):
    """Of the topics of both coordinators: Java's hash of the name, which is ASCII, without its sign."""
    out = 0
    for unit in name.encode():
        out = (out * 31 + unit) & 0xffffffff
    return min(out, (1 << 32) - out) % COORDINATOR_PARTITIONS


class Producer:
    """A transactional id with one of the two protocols. It knows what it wrote, and what its coordinator has to write
    of that; `before` is the one that it takes the id from."""

    def __init__(self, story, port, transactional_id, protocol, before=None):
        self.story, self.transactional_id, self.protocol = story, transactional_id, protocol
        self.group = f'g-{transactional_id}'
        self.versions = VERSIONS[protocol]
        self.connect(port)
        error, self.producer = soon(lambda: self.client.init_transactional_id(transactional_id, LONG_MS),
                                    lambda answer: answer[0])
        must(f'init {transactional_id}', error)
        self.sequences, self.open = {}, set()
        self.version = None    # What the last record had; an abort that the broker decides on is of the newer protocol.
        if before:
            ident, epoch = before.producer
            if before.open:
                epoch += 1
                before.ended(False, (ident, epoch), 2)
            self.version = before.version
            if self.producer != (ident, epoch + 1):
                raise RuntimeError(f'{transactional_id}: {self.producer} follows {ident, epoch}')
        self.coordinated(EMPTY, self.version)

    def connect(self, port):
        """To the broker that took over."""
        self.client = TxnClient(port, timeout=30)
        patiently(lambda: self.client.find_transaction_coordinator(self.transactional_id)[0])

    def coordinated(self, state, version, producer=None):
        """The record that the coordinator writes now."""
        self.version = version
        self.story.states[self.transactional_id].append(
            (NAMES[state], producer or self.producer, tuple(sorted(self.open)), version))

    def added(self, *keys_):
        if not self.open.issuperset(keys_):
            self.open.update(keys_)
            self.coordinated(ONGOING, 2 if self.protocol == 2 else None)

    def ended(self, commit, producer, version):
        prepare, complete, marker = ENDS[commit]
        self.coordinated(prepare, version, producer)
        if (OFFSETS_TOPIC, partition_of(self.group)) in self.open:
            self.story.rows[partition_of(self.group), producer[0]].append((marker, producer))
        self.open = set()
        self.coordinated(complete, version, producer)

    def write(self, value, numbers=range(PARTITIONS), size=0):
        keys_ = keys(numbers)
        if self.protocol == 1:
            must(f'add to {self.transactional_id}', worst(soon(
                lambda: self.client.add_partitions(self.transactional_id, self.producer, keys_), worst)))
            self.added(*keys_)
        for topic, number in keys_:
            error, *_ = soon(lambda: self.produce(number, value.encode() + b' ' * size), lambda answer: answer[0])
            must(f'{self.transactional_id} writes {value}', error)
            self.sequences[number] = self.sequences.get(number, 0) + 1
            self.added((topic, number))
        return self

    def produce(self, number, value):
        batch = transactional_batch([(b'k', value)], self.producer, self.sequences.get(number, 0))
        return self.client.produce(TOPIC, number, batch, version=self.versions['Produce'],
                                   transactional_id=self.transactional_id)

    def commit_offsets(self, offsets):
        return worst(self.client.txn_offset_commit(self.transactional_id, self.producer, self.group, offsets,
                                                   version=self.versions['TxnOffsetCommit']))

    def offsets(self, base):
        patiently(lambda: self.client.find_coordinator(self.group)[0])
        if self.protocol == 1:
            must('add offsets', soon(lambda: self.client.add_offsets(self.transactional_id, self.producer, self.group)))
        offsets = {key: (base + key[1], f'of {self.transactional_id}') for key in keys()}
        must('commit offsets', soon(lambda: self.commit_offsets(offsets)))
        self.added((OFFSETS_TOPIC, partition_of(self.group)))
        self.story.rows[partition_of(self.group), self.producer[0]] += [
            (self.producer, self.group, key, *offsets[key]) for key in sorted(offsets)]
        return self

    def end(self, commit):
        error, bumped = soon(lambda: self.client.end_txn(self.transactional_id, self.producer, commit,
                                                         self.versions['EndTxn']), lambda answer: answer[0])
        must(f'{self.transactional_id} ends', error)
        if bumped and bumped != (self.producer[0], self.producer[1] + 1):
            raise RuntimeError(f'{self.transactional_id}: {bumped} follows {self.producer}')
        self.ended(commit, bumped or self.producer, 2 if self.protocol == 2 else None)
        if bumped:
            self.producer, self.sequences = bumped, {}

    def refused(self):
        """{request: the error} for one whose id somebody else took."""
        client, name, producer = self.client, self.transactional_id, self.producer
        answers = {'Produce': self.produce(0, b'of a zombie')[0],
                   'AddPartitionsToTxn': worst(client.add_partitions(name, producer, keys())),
                   'AddOffsetsToTxn': client.add_offsets(name, producer, self.group),
                   'TxnOffsetCommit': self.commit_offsets({(TOPIC, 0): (99, 'of a zombie')}),
                   'EndTxn': client.end_txn(name, producer, True, self.versions['EndTxn'])[0]}
        return {request: error_name(error) for request, error in answers.items()}


class Story:
    """What was done, what read_committed has to say of it, and what the coordinators have to write of it: of each
    transactional id its states, of each partition of the groups' offsets and producer its rows and their ends."""

    def __init__(self):
        self.producers, self.committed, self.offsets, self.ids, self.hung = {}, [], {}, set(), False
        self.zombies, self.states, self.rows = {}, collections.defaultdict(list), collections.defaultdict(list)

    def producer(self, port, name, protocol):
        before = self.producers.get(name)
        made = Producer(self, port, name, protocol, before)
        if before:
            self.zombies[name, before.producer] = before
        self.producers[name] = made
        self.ids.add(made.producer[0])
        return made

    def end(self, name, commit, values=(), base=None):
        self.producers[name].end(commit)
        if commit:
            self.committed += values
            if base is not None:
                self.offsets.update({(self.producers[name].group, *key): base + key[1] for key in keys()})

    def connect(self, port):
        for producer in (*self.producers.values(), *self.zombies.values()):
            producer.connect(port)


def fill(port, story):
    with Writer(port) as writer:
        writer.create(TOPIC, PARTITIONS, CONFIGS)
        writer.create(HANGING, 1, {})
    for protocol in (1, 2):
        some = [story.producer(port, f'v{protocol}-{name}', protocol) for name in
                ('plain', 'aborts', 'open-commits', 'open-aborts', 'open-fenced', 'empty')]
        plain, aborts = some[:2]
        plain.write(f'v{protocol} first').offsets(10)
        story.end(plain.transactional_id, True, [f'v{protocol} first'], 10)
        aborts.write(f'v{protocol} never').offsets(20)
        story.end(aborts.transactional_id, False)
        # Overlapping: each rolls the segment that the other's began in.
        for number in range(6):
            plain.write(f'v{protocol} kept {number}')
            aborts.write(f'v{protocol} gone {number}')
            for _ in range(6):
                plain.write(f'v{protocol} kept {number}', size=SIZE)
            story.end(aborts.transactional_id, False)
            story.end(plain.transactional_id, True, [f'v{protocol} kept {number}'] * 7)
        plain.write(f'v{protocol} offsets go', [0]).offsets(30)
        story.end(plain.transactional_id, False)
        fenced = f'v{protocol}-fenced'
        story.producer(port, fenced, protocol).write(f'v{protocol} before it is fenced')
        story.end(fenced, True, [f'v{protocol} before it is fenced'])
        story.producer(port, fenced, protocol).write(f'v{protocol} fences')    # Each partition knows who was fenced.
        story.end(fenced, True, [f'v{protocol} fences'])
    leave_open(port, story, 'open', 40)


def leave_open(port, story, note, base):
    for protocol in (1, 2):
        for name in ('commits', 'aborts', 'fenced'):
            story.producers[f'v{protocol}-open-{name}'].write(f'v{protocol} {note} {name}').offsets(base)


def go_on(port, story, note, base):
    """The broker that took over ends what was left open, each transaction in one of the ways."""
    story.connect(port)
    for protocol in (1, 2):
        name = f'v{protocol}-open'
        story.producers[f'{name}-commits'].write(f'v{protocol} more')
        story.end(f'{name}-commits', True, [f'v{protocol} {note} commits', f'v{protocol} more'], base)
        story.end(f'{name}-aborts', False)
        story.producer(port, f'{name}-fenced', protocol).write(f'v{protocol} fences {note}')    # which aborts it
        story.end(f'{name}-fenced', True, [f'v{protocol} fences {note}'])
        plain = story.producers[f'v{protocol}-plain'].write(f'v{protocol} after {note}').offsets(base + 1)
        story.end(plain.transactional_id, True, [f'v{protocol} after {note}'], base + 1)


def hang(port):
    """A transaction that no coordinator knows: Kafka writes it when it does not verify."""
    with TxnClient(port, timeout=30) as client:
        error, producer, epoch = soon(client.init_producer_id, lambda answer: answer[0])
        must('init', error)
        batch = transactional_batch([(b'k', b'hangs')], (producer, epoch), 0)
        must('hang', soon(lambda: client.produce(HANGING, 0, batch, version=9, transactional_id='unknown')[0]))


def batches_of(client, key, isolation):
    """Of all that this isolation level gives, and the aborted list of it all."""
    data, aborted, offset = b'', [], 0
    while True:
        error, answers = client.fetch({key: offset}, isolation=isolation, partition_max_bytes=1 << 22, max_wait_ms=0)
        answer = answers.get(key, {'error': error})
        must(f'fetch {key} at {offset}', error or answer['error'])
        if not answer['data']:
            return data, aborted, answer['lso'], answer['hw']
        batches = parse_batches(answer['data'])
        data += b''.join(batch.raw for batch in batches)
        aborted += [pair for pair in answer['aborted'] or () if pair not in aborted]
        offset = batches[-1].last_offset + 1


def values_of(data, aborted):
    """As a client reads them: without the batches of an aborted transaction, up to its marker."""
    begins, gone, values = sorted(aborted, key=lambda pair: pair[1]), set(), []
    for batch in parse_batches(data):
        while begins and begins[0][1] <= batch.base_offset:
            gone.add(begins.pop(0)[0])
        if batch.is_control:
            if batch.marker() and not batch.marker()[0]:
                gone.discard(batch.producer_id)
        elif batch.producer_id not in gone or not batch.is_transactional:
            values += [record.value.strip().decode() for record in batch.records()]
    return values


def look(client, key, out):
    """Into `out` what there is of a partition."""
    data, aborted, stable, end = batches_of(client, key, READ_COMMITTED)
    out['read_committed'][key] = values_of(data, aborted)
    out['aborted'][key] = sorted(aborted)
    everything, none, _, _ = batches_of(client, key, READ_UNCOMMITTED)
    must('aborted list of read_uncommitted', len(none))
    out['read_uncommitted'][key] = everything
    ends = [client.list_offsets({key: at}, isolation)[key][2] for at in (EARLIEST, LATEST)
            for isolation in (READ_UNCOMMITTED, READ_COMMITTED)]
    out['stable'][key] = (stable, end, *ends)
    error, producers = client.describe_producers([key])[key]
    must('describe producers', error)
    # Kafka's snapshots keep what it says of a producer, only not which coordinator ended it last.
    out['producers'][key] = {ident: (p.epoch, p.last_sequence, p.first_offset) for ident, p in producers.items()}


def shown(port, story, described=True):
    """{aspect: {where: what}} of all transactions, by the wire and by Kafka's tools."""
    out = {aspect: {} for aspect in ('read_committed', 'read_uncommitted', 'aborted', 'stable', 'transactions',
                                     'producers', 'offsets', 'fenced', 'described')}
    for (name, producer), zombie in story.zombies.items():
        zombie.connect(port)
        out['fenced'].update({(name, producer, request): error for request, error in zombie.refused().items()})
    with TxnClient(port, timeout=30) as client:
        for key in [*keys(), (HANGING, 0)]:
            look(client, key, out)
        for name in story.producers:
            found = soon(lambda: client.describe_transactions([name])[name], lambda answer: answer.error)
            out['transactions'][name] = (found.error, found.state, found.timeout_ms, found.start_ms, found.producer,
                                         sorted(found.keys))
        error, listed = soon(client.list_transactions, lambda answer: answer[0])
        must('list', error)
        out['transactions'].update({('listed', name): what for name, what in listed.items()})
        for producer in story.producers.values():
            patiently(lambda: client.find_coordinator(producer.group)[0])
            for stable in (False, True):
                error, found = patiently(lambda: client.offset_fetch(producer.group, keys(), stable),
                                         lambda answer: answer[0])
                out['offsets'].update({(producer.group, stable, *key): value for key, value in found.items()})
    address = ['--bootstrap-server', f'127.0.0.1:{port}']
    for name in story.producers:
        if name.endswith('open-commits') and described:    # A JVM each: one of each protocol.
            titles, values = tool('transactions', *address, 'describe', '--transactional-id', name).splitlines()[:2]
            row = dict(zip(titles.split(), values.split()))
            row.pop('TransactionDurationMs')
            row['TopicPartitions'] = sorted(row.get('TopicPartitions', '').split(','))
            out['described'][name] = row
    return out


def compare(report, who, before, after):
    for aspect in before:
        reason = difference(before[aspect], after[aspect])
        report.line(not reason and len(before[aspect]) > 1, f'{who} shows the same: {aspect}',
                    reason or f'({len(before[aspect])})')


def check_contents(report, who, seen, story, note):
    """That there is to be seen what was done, whoever shows it."""
    for number in range(PARTITIONS):
        got = sorted(seen['read_committed'][TOPIC, number])
        report.line(got == sorted(story.committed), f'{who}: read_committed reads what was committed, partition {number}',
                    f'({len(got)})' if got == sorted(story.committed) else
                    f'{len(got)} of {len(story.committed)}: {sorted(set(got) ^ set(story.committed))[:4]}')
    told = {where: value[0] if where[1] else value[1] for where, value in seen['offsets'].items()}
    wanted, held = {}, 0
    for name, producer in story.producers.items():
        opened = 'open' in name and note is not None
        for key in keys():
            wanted[producer.group, False, *key] = story.offsets.get((producer.group, *key), -1)
            wanted[producer.group, True, *key] = ERROR['UNSTABLE_OFFSET_COMMIT'] if opened else 0
            held += opened
    reason = difference(wanted, told)
    report.line(not reason, f"{who}: the groups' offsets, {held} held back", reason)
    states = {name: seen['transactions'][name][1] for name in story.producers}
    opened = {name for name, state in states.items() if state == 'Ongoing'}
    expected = {name for name in story.producers if 'open' in name} if note is not None else set()
    report.line(opened == expected, f'{who}: {len(expected)} transactions are open', str(opened ^ expected or ''))
    wrong = {where: error for where, error in seen['fenced'].items() if error not in FENCED}
    report.line(not wrong and len(story.zombies) > 1, f'{who}: {len(story.zombies)} fenced producers are refused',
                str(wrong or f"({len(seen['fenced'])})"))


def decoded(data, topic, option):
    """What one of kafka-dump-log's decoders says of a coordinator's topic, in the order of the log:
    [(partition, producer of the batch, whether it is of a transaction, key, value)], with a marker's kind as the key;
    and what is wrong with it."""
    files = [os.path.join(folder, name) for folder, _, names in os.walk(data) for name in sorted(names)
             if f'/{topic}-' in folder and name.endswith('.log')]
    status, output = dump(brokers.kafka_runner(), [option, '--deep-iteration'], files)
    problems = [f'status {status}: {output[-300:]}'] if status else []
    if len(files) != COORDINATOR_PARTITIONS:
        problems.append(f'{len(files)} files')
    rows, partition, batch = [], None, None
    for line in output.splitlines():
        if found := DUMPING.match(line):
            partition = int(found[2])
        elif found := BATCH.match(line):
            batch = (int(found[1]), int(found[2])), found[3] == 'true'
        elif found := MARKER.match(line):
            rows.append((partition, *batch, found[1], None))
        elif found := RECORD.match(line):
            rows.append((partition, *batch, json.loads(found[1]), json.loads(found[2])))
        elif line.startswith('| '):
            problems.append(f'not decoded: {line[:300]}')
    return rows, problems


def decoded_states(data):
    """{transactional id: its states, as Story has them}, and what is wrong."""
    rows, problems = decoded(data, STATE_TOPIC, '--transaction-log-decoder')
    out, times = collections.defaultdict(list), {}
    for partition, batch, of_transaction, key, value in rows:
        if value is None:
            problems.append(f'partition {partition}, {batch}: a marker {key}')
            continue
        name, fields = key['data']['transactionalId'], value['data']
        producer = fields['producerId'], fields['producerEpoch']
        open_ = sorted((topic['topic'], number) for topic in fields['transactionPartitions'] or ()
                       for number in topic['partitionIds'])
        out[name].append((NAMES[fields['transactionStatus']], producer, tuple(open_),
                          fields.get('clientTransactionVersion')))
        # An open transaction's start stays what it was; an id without any has none.
        start, updated = fields['transactionStartTimestampMs'], fields['transactionLastUpdateTimestampMs']
        state, (before, last) = fields['transactionStatus'], times.get(name, (None, 0))
        begins = len(out[name]) == 1 or before == -1 or out[name][-2][0].startswith('Complete')
        due = -1 if state == EMPTY else updated if begins else before
        times[name] = start, updated
        if ((partition, key['type'], value['version']) != (partition_of(name), '0', '1') or batch != (-1, -1)
                or of_transaction or fields['transactionTimeoutMs'] != LONG_MS or start != due or updated < last
                or fields['previousProducerId'] != producer[0] or fields.get('nextProducerId', -1) != -1):
            problems.append(f'partition {partition}, {batch}, start {due} due, updated {last}: {key} {value}')
    return out, problems


def decoded_rows(data, topic_id):
    """{partition of the groups' offsets and producer id: the rows, as Story has them}, and what is wrong."""
    rows, problems = decoded(data, OFFSETS_TOPIC, '--offsets-decoder')
    out = collections.defaultdict(list)
    for partition, batch, of_transaction, key, value in rows:
        if value is None:
            out[partition, batch[0]].append((key, batch))
            continue
        key_, fields = key['data'], value['data']
        out[partition, batch[0]].append((batch, key_['group'], (key_['topic'], key_['partition']), fields['offset'],
                                         fields['metadata']))
        # Kafka leaves the topic's id out of what a transaction commits, and knows it all the same.
        if (not of_transaction or (key['type'], value['version']) != ('1', '4') or fields['leaderEpoch'] != -1
                or fields['commitTimestamp'] <= 0 or fields.get('topicId', topic_id) != topic_id):
            problems.append(f'partition {partition}, {batch}, {of_transaction}: {key} {value}')
    return out, problems


def first_difference(wanted, found):
    """The first row that differs of two dictionaries of lists, or ''."""
    for where in sorted(wanted.keys() | found.keys(), key=str):
        due, there = wanted.get(where, []), found.get(where, [])
        for at in range(max(len(due), len(there))):
            pair = [rows[at] if at < len(rows) else None for rows in (due, there)]
            if pair[0] != pair[1]:
                return f'{where}, row {at} of {len(due)}: {pair[0]} was done, {pair[1]} is there'
    return ''


def dump_internal(report, who, data, story, topic_id, hung=False):
    """Kafka's own decoders say of both coordinators' topics what was done, and its dump-log reads the other files.
    `hung`: an administrator has ended the hanging transaction."""
    for option, wanted, (found, problems) in (
            ('--transaction-log-decoder', story.states, decoded_states(data)),
            ('--offsets-decoder', story.rows, decoded_rows(data, topic_id))):
        reason = ' | '.join(problems[:3]) or first_difference(wanted, found)
        count = sum(map(len, wanted.values()))
        report.line(not reason and count > 40, f'{who}: dump-log {option} says what was done',
                    reason[:900] or f'({count} records of {len(wanted)})')
    files = [os.path.join(folder, name) for folder, _, names in os.walk(data) for name in sorted(names)
             if f'/{TOPIC}-' in folder and name.endswith(('.txnindex', '.snapshot', '.log'))]
    indexes = sum(name.endswith('.txnindex') for name in files)
    status, output = dump(brokers.kafka_runner(), [], files)
    problems = [line for line in output.splitlines() if re.search('Exception|corrupt|could not', line)]
    report.line(status == 0 and indexes >= PARTITIONS * 2 and not problems,
                f'{who}: dump-log of {indexes} indexes of aborted transactions', f'status {status} '
                + ' | '.join(problems[:3]))
    read = Dump(data)
    problems = read.problems + problems_of(read, done=False)
    # An administrator's marker has no coordinator, with Kafka either: it goes from the tool to the partition's leader.
    own = [problem for problem in problems if re.match(rf'{HANGING}-0: a marker abort .* did not decide$', problem)]
    problems = [problem for problem in problems if problem not in own]
    report.line(not problems and len(own) == hung, f'{who}: the files agree with each other',
                ' | '.join(map(str, problems[:4]))[:600] or f'({len(own)} marker without a coordinator)')


def end_hanging(report, who, port, seen):
    """As kafka-transactions does for an administrator."""
    stable, end, *_ = seen['stable'][HANGING, 0]
    address = ['--bootstrap-server', f'127.0.0.1:{port}']
    found = tool('transactions', *address, 'find-hanging', '--topic', HANGING, '--max-transaction-timeout', '0')
    words = found.splitlines()[1].split() if len(found.splitlines()) > 1 else []
    report.line(stable < end and words[:2] == [HANGING, '0'], f'{who}: the hanging transaction is found',
                f'stable {stable} of {end}: {" ".join(words)}')
    tool('transactions', *address, 'abort', '--topic', HANGING, '--partition', '0', '--start-offset', str(stable))
    with TxnClient(port, timeout=30) as client:
        *_, stable, end = batches_of(client, (HANGING, 0), READ_COMMITTED)
    report.line(stable == end, f'{who}: an administrator ends it', f'stable {stable} of {end}')


def new_ids(report, who, port, story):
    """Nobody gets a producer id that somebody has had."""
    old = set(story.ids)
    made = [Producer(story, port, f'new-{who.replace(" ", "-")}-{number}', 1 + number % 2) for number in range(4)]
    with TxnClient(port, timeout=30) as client:
        ids = [producer.producer[0] for producer in made] + [
            soon(client.init_producer_id, lambda answer: answer[0])[1] for _ in range(4)]
    story.ids |= set(ids)
    report.line(not old & set(ids) and len(set(ids)) == len(ids), f'{who}: new producer ids', f'{ids} after {max(old)}')


def stop(report, who, broker):
    status = broker.stop()
    report.line(status in (0, 143), f'{who} stops in order', f'status {status}')


def take_over(report, who, broker, seen, story, note, base):
    """Starts a broker on what another left, and goes on; what is to be seen then has no open transaction."""
    broker.start()
    wait_until_served(broker)
    after = shown(broker.port, story)
    compare(report, who, seen, after)
    check_contents(report, who, after, story, note)
    complaints = [line for line in complaints_of(broker) if not LOADED_TOO_EARLY.search(line)]
    if broker.kind == 'kafka':
        report.line(not complaints, f'{who} complains of nothing', ' | '.join(line[:300] for line in complaints[:6]))
    new_ids(report, who, broker.port, story)
    if after['stable'][HANGING, 0][0] < after['stable'][HANGING, 0][1]:
        end_hanging(report, who, broker.port, after)
    go_on(broker.port, story, note, base)
    check_contents(report, who, shown(broker.port, story, described=False), story, None)


def leave(report, who, broker, story, note):
    """Stops a broker that left transactions open; what was to be seen of it. Kafka, once, leaves a hanging one too, in
    a run of its own, because it must not verify transactions for that."""
    seen = shown(broker.port, story)
    check_contents(report, who, seen, story, note)
    stop(report, who, broker)
    if broker.kind == 'kafka' and not story.hung:
        careless = brokers.Broker('kafka', broker.directory, port=broker.port, properties={
            **SETTINGS, 'transaction.partition.verification.enable': 'false'}).start()
        wait_until_served(careless)
        hang(careless.port)
        with TxnClient(careless.port, timeout=30) as client:
            look(client, (HANGING, 0), seen)
        story.hung = True
        stop(report, f'{who} without verification', careless)
    return seen


def run(folder, first, then, report):
    before = brokers.Broker(first, folder, properties=SETTINGS).start()
    other = brokers.Broker(then, folder, port=before.port, properties=SETTINGS)
    name, story = first.capitalize(), Story()
    fill(before.port, story)
    with TxnClient(before.port, timeout=30) as client:
        topic_id = base64.urlsafe_b64encode(client.metadata()['topics'][TOPIC]['id'].bytes).decode().rstrip('=')
    seen = leave(report, name, before, story, 'open')
    dump_internal(report, name, before.data, story, topic_id)

    who = then.capitalize()
    take_over(report, who, other, seen, story, 'open', 40)
    leave_open(other.port, story, 'again', 60)
    seen = leave(report, who, other, story, 'again')

    who = name + ' again'
    take_over(report, who, before, seen, story, 'again', 60)
    stop(report, who, before)
    dump_internal(report, who, before.data, story, topic_id, hung=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--first', choices=('moldau', 'kafka'), default='moldau')
    parser.add_argument('--then', choices=('moldau', 'kafka'), help='the other one by default')
    parser.add_argument('--keep', action='store_true', help='keep the directory')
    options = parser.parse_args()
    then = options.then or ('kafka' if options.first == 'moldau' else 'moldau')
    brokers.exit_on_signals()
    report = Report()
    try:
        with scratch_folder('moldau-hand-back-', options.keep) as folder:
            run(os.path.join(folder, 'node'), options.first, then, report)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        report.line(False, 'hand-back-transactions', str(error)[-1500:])
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
