#!/usr/bin/env python3
"""Transactions survive a change of the broker, Moldau to Apache Kafka and back.

    hand_back_transactions.py [--first moldau|kafka] [--keep]

Producers of both protocols commit, abort and leave open what they write to topics and to groups' offsets, their
transactions overlapping each other in segments that roll. The broker stops in order, and

1. kafka-dump-log reads the coordinator's topic, the groups' offsets and the indexes of aborted transactions;
2. Apache Kafka starts on the directory and has the same transactions: what read_committed and read_uncommitted
   read, the aborted lists and last stable offsets, the states of all transactional ids, `kafka-transactions
   describe`, the producers of each partition, the groups' offsets, those of open transactions held back; producers
   go on with what they left open, commit it and abort it; and Kafka leaves a hanging transaction behind;
3. Moldau starts on what Kafka left, with the same proof, and ends the hanging transaction.

--first kafka puts Kafka in Moldau's place: a test of this test.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import broker as brokers
from dump import Dump
from hand_back import PROPERTIES, Writer, complaints_of, difference, dump, wait_until_served
from hand_back_groups import LOADED_TOO_EARLY, must, patiently, tool
from internal_topics import problems_of
from raw_client import EARLIEST, ERROR, LATEST, error_name
from record_batch import parse_batches
from report import Report
from txn_client import READ_COMMITTED, READ_UNCOMMITTED, VERSIONS, TxnClient, transactional_batch

STATE_TOPIC, OFFSETS_TOPIC = '__transaction_state', '__consumer_offsets'
TOPIC, PARTITIONS, HANGING = 'data', 3, 'hanging'
LONG_MS = 900000
# Small segments: the indexes of aborted transactions are to be several.
CONFIGS = {'segment.bytes': '1048576', 'retention.ms': '-1'}
SIZE = 40000
DECODED = re.compile(r'(key|payload): (\{"|transaction_metadata::|transactionalId=|<DELETE>)')
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


class Producer:
    """A transactional id with one of the two protocols. It knows what it wrote."""

    def __init__(self, port, transactional_id, protocol):
        self.transactional_id, self.protocol = transactional_id, protocol
        self.group = f'g-{transactional_id}'
        self.versions = VERSIONS[protocol]
        self.connect(port)
        error, self.producer = soon(lambda: self.client.init_transactional_id(transactional_id, LONG_MS),
                                    lambda answer: answer[0])
        must(f'init {transactional_id}', error)
        self.sequences = {}

    def connect(self, port):
        """To the broker that took over."""
        self.client = TxnClient(port, timeout=30)
        patiently(lambda: self.client.find_transaction_coordinator(self.transactional_id)[0])

    def write(self, value, numbers=range(PARTITIONS), size=0):
        keys_ = keys(numbers)
        if self.protocol == 1:
            must(f'add to {self.transactional_id}', worst(soon(
                lambda: self.client.add_partitions(self.transactional_id, self.producer, keys_), worst)))
        for topic, number in keys_:
            batch = transactional_batch([(b'k', value.encode() + b' ' * size)], self.producer,
                                        self.sequences.get(number, 0))
            error, *_ = soon(lambda: self.client.produce(topic, number, batch, version=self.versions['Produce'],
                                                         transactional_id=self.transactional_id),
                             lambda answer: answer[0])
            must(f'{self.transactional_id} writes {value}', error)
            self.sequences[number] = self.sequences.get(number, 0) + 1
        return self

    def offsets(self, base):
        patiently(lambda: self.client.find_coordinator(self.group)[0])
        if self.protocol == 1:
            must('add offsets', soon(lambda: self.client.add_offsets(self.transactional_id, self.producer, self.group)))
        offsets = {key: (base + key[1], f'of {self.transactional_id}') for key in keys()}
        must('commit offsets', worst(soon(lambda: self.client.txn_offset_commit(
            self.transactional_id, self.producer, self.group, offsets, version=self.versions['TxnOffsetCommit']), worst)))
        return self

    def end(self, commit):
        error, bumped = soon(lambda: self.client.end_txn(self.transactional_id, self.producer, commit,
                                                         self.versions['EndTxn']), lambda answer: answer[0])
        must(f'{self.transactional_id} ends', error)
        if bumped:
            self.producer, self.sequences = bumped, {}


class Story:
    """What was done, and what read_committed has to say of it."""

    def __init__(self):
        self.producers, self.committed, self.offsets, self.ids = {}, [], {}, set()

    def producer(self, port, name, protocol):
        made = Producer(port, name, protocol)
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
        for producer in self.producers.values():
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
        story.producer(port, f'{name}-fenced', protocol)    # which aborts it
        plain = story.producers[f'v{protocol}-plain'].write(f'v{protocol} after {note}').offsets(base + 1)
        story.end(plain.transactional_id, True, [f'v{protocol} after {note}'], base + 1)


def hang(port):
    """A transaction that no coordinator knows: Kafka writes it when it does not verify."""
    with TxnClient(port, timeout=30) as client:
        error, producer, epoch = client.init_producer_id()
        must('init', error)
        batch = transactional_batch([(b'k', b'hangs')], (producer, epoch), 0)
        must('hang', client.produce(HANGING, 0, batch, version=9, transactional_id='unknown')[0])


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


def shown(port, story):
    """{aspect: {where: what}} of all transactions, by the wire and by Kafka's tools."""
    out = {aspect: {} for aspect in ('read_committed', 'read_uncommitted', 'aborted', 'stable', 'transactions', 'producers',
                                     'offsets', 'described')}
    with TxnClient(port, timeout=30) as client:
        for key in [*keys(), (HANGING, 0)]:
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
        if 'open' in name:
            titles, values = tool('transactions', *address, 'describe', '--transactional-id', name).splitlines()[:2]
            row = dict(zip(titles.split(), values.split()))
            row.pop('TransactionDurationMs')
            row['TopicPartitions'] = sorted(row.get('TopicPartitions', '').split(','))
            out['described'][name] = row
    return out


def compare(report, who, before, after):
    for aspect in before:
        reason = difference(before[aspect], after[aspect])
        report.line(not reason and len(before[aspect]) > 3, f'{who} shows the same: {aspect}',
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


def dump_internal(report, who, data):
    """Kafka's own decoders know every record of both coordinators' topics, and its dump-log the other files."""
    for topic, option in ((STATE_TOPIC, '--transaction-log-decoder'), (OFFSETS_TOPIC, '--offsets-decoder')):
        files = [os.path.join(data, name, '0' * 20 + '.log') for name in sorted(os.listdir(data))
                 if name.startswith(topic + '-')]
        status, output = dump(brokers.kafka_runner(), [option, '--deep-iteration'], files)
        records = [line for line in output.splitlines() if line.startswith('| ')]
        odd = [line for line in records if not DECODED.search(line) and 'endTxnMarker' not in line]
        report.line(status == 0 and len(files) == 50 and len(records) > 30 and not odd, f'{who}: dump-log {option}',
                    f'status {status}, {len(files)} files, {len(records)} records'
                    + (f', odd: {odd[0][:300]}' if odd else ''))
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
    report.line(not problems, f'{who}: the files agree with each other', ' | '.join(map(str, problems[:4]))[:600])


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
    made = [Producer(port, f'new-{who.replace(" ", "-")}-{number}', 1 + number % 2) for number in range(4)]
    with TxnClient(port, timeout=30) as client:
        ids = [producer.producer[0] for producer in made] + [client.init_producer_id()[1] for _ in range(4)]
    story.ids |= set(ids)
    report.line(not old & set(ids) and len(set(ids)) == len(ids), f'{who}: new producer ids', f'{ids} after {max(old)}')


def stop(report, who, broker):
    status = broker.stop()
    report.line(status in (0, 143), f'{who} stops in order', f'status {status}')


def run(folder, first, report):
    before = brokers.Broker(first, folder, properties=properties(first)).start()
    name, story = first.capitalize(), Story()
    fill(before.port, story)
    seen = shown(before.port, story)
    check_contents(report, name, seen, story, 'open')
    stop(report, name, before)
    dump_internal(report, name, before.data)

    kafka = brokers.Broker('kafka', folder, port=before.port, properties=properties('kafka')).start()
    wait_until_served(kafka)
    after = shown(kafka.port, story)
    compare(report, 'Kafka', seen, after)
    check_contents(report, 'Kafka', after, story, 'open')
    complaints = [line for line in complaints_of(kafka) if not LOADED_TOO_EARLY.search(line)]
    report.line(not complaints, 'Kafka complains of nothing', ' | '.join(line[:300] for line in complaints[:6]))
    new_ids(report, 'Kafka', kafka.port, story)
    go_on(kafka.port, story, 'open', 40)
    check_contents(report, 'Kafka', shown(kafka.port, story), story, None)
    leave_open(kafka.port, story, 'again', 60)
    hang(kafka.port)
    seen = shown(kafka.port, story)
    check_contents(report, 'Kafka', seen, story, 'again')
    stop(report, 'Kafka', kafka)

    before.start()
    wait_until_served(before)
    who = name + ' again'
    after = shown(before.port, story)
    compare(report, who, seen, after)
    new_ids(report, who, before.port, story)
    end_hanging(report, who, before.port, after)
    go_on(before.port, story, 'again', 60)
    check_contents(report, who, shown(before.port, story), story, None)
    stop(report, who, before)
    dump_internal(report, who, before.data)


def properties(kind):
    own = {'transaction.partition.verification.enable': 'false'} if kind == 'kafka' else {}
    return {**PROPERTIES, 'offsets.topic.replication.factor': 1, 'transaction.state.log.replication.factor': 1,
            'transaction.state.log.min.isr': 1, 'group.initial.rebalance.delay.ms': 0, **own}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--first', choices=('moldau', 'kafka'), default='moldau')
    parser.add_argument('--keep', action='store_true', help='keep the directory')
    options = parser.parse_args()
    brokers.exit_on_signals()
    if not shutil.which('java'):
        print('skip hand-back-transactions needs java\n0 passed, 0 failed, 1 skipped')
        return 1 if os.environ.get('CI') == 'true' else 0
    folder, report = tempfile.mkdtemp(prefix='moldau-hand-back-'), Report()
    try:
        run(os.path.join(folder, 'node'), options.first, report)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        report.line(False, 'hand-back-transactions', str(error)[-1500:])
    finally:
        if options.keep:
            print('kept', folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
