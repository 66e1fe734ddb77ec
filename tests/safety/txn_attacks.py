#!/usr/bin/env python3
"""Requests of transactions that come late, twice, from elsewhere or from nobody, row by row (reliability: W8, T3 to T5).

    txn_attacks.py [--kind moldau|kafka] [--only TEXT] [--rounds N]

A row is a short story of some producers on connections of their own, in a topic of its own; its outcome is what they
were told and what readers see in the end. The expectation is what Apache Kafka 4.3.1 does; where Moldau does
otherwise on purpose, the row says what and why: above all, Kafka lets a late request of an old client (v1) change
the next transaction (KAFKA-17754). A request that comes late is one on a connection that was there before.
"""
import argparse
import os
import shutil
import struct
import sys
import tempfile
import time

import broker as brokers
import dump
import internal_topics
from hostile_arena import Row
from raw_client import ERROR, LATEST, ConnectionLost, Writer, error_name
from record_batch import CONTROL, TRANSACTIONAL, Fields, build_batch, parse_batches
from report import Report
from txn_client import NO_PRODUCER, READ_COMMITTED, VERSIONS, TxnClient, transactional_batch

PARTITIONS = 2
TIMEOUT_MS, SWEEP_MS, MAX_TIMEOUT_MS = 60000, 500, 900000
HIGHEST_EPOCH = 32766    # of a producer; the next one has another id
PATIENCE_S = 10.0
SOON = {ERROR[name] for name in ('COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR',
                                 'CONCURRENT_TRANSACTIONS', 'UNKNOWN_TOPIC_OR_PARTITION', 'NOT_ENOUGH_REPLICAS',
                                 'NOT_LEADER_OR_FOLLOWER', 'LEADER_NOT_AVAILABLE')}
PROPERTIES = {'transaction.state.log.num.partitions': 4, 'offsets.topic.num.partitions': 4,
              'transaction.abort.timed.out.transaction.cleanup.interval.ms': SWEEP_MS}
OLDER = 'an older connection of an old client is refused; Kafka ends the next transaction (KAFKA-17754)'
OLDER_OFFSETS = 'the same of offsets; Kafka takes them for those of the next transaction'


def patiently(call, soon=frozenset(SOON)):
    """Asks until the code is another than one that says to ask again; the code."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        code = call()
        if code not in soon or time.monotonic() > deadline:
            return code
        time.sleep(0.005)


class Scene:
    """What a row works with."""

    def __init__(self, port, name, rounds):
        self.port, self.name, self.rounds, self.connections = port, name, rounds, []
        self.look = self.client()
        error, _ = self.look.create_topic(name, PARTITIONS)
        if error:
            raise RuntimeError(f'create {name}: {error_name(error)}')
        self.keys = [(name, number) for number in range(PARTITIONS)]
        for key in self.keys:
            patiently(lambda key=key: self.look.list_offsets({key: LATEST})[key][0])
        patiently(lambda: self.look.find_transaction_coordinator(name)[0])    # which has its topic made

    def client(self):
        client = TxnClient(self.port, timeout=30)
        self.connections.append(client)
        return client

    def close(self):
        for client in self.connections:
            client.close()

    def producer(self, protocol, name='', **options):
        return Producer(self, protocol, f'{self.name}{name}', **options)

    def group(self):
        return f'group-{self.name}'

    # What readers see

    def values(self, number=0, committed=True):
        """The values that readers are shown, as 'a+b'."""
        key, position, out, hidden = self.keys[number], 0, [], set()
        end = self.look.list_offsets({key: LATEST}, READ_COMMITTED * committed)[key][2]
        while position < end:
            _, answers = self.look.fetch({key: position}, max_wait_ms=10, isolation=READ_COMMITTED * committed)
            aborted = sorted(answers[key]['aborted'] or (), key=lambda pair: pair[1])
            for batch in parse_batches(answers[key]['data']):
                position = batch.last_offset + 1
                hidden |= {producer for producer, first in aborted if first <= batch.last_offset}
                if batch.is_control:
                    hidden.discard(batch.producer_id)
                    aborted = [pair for pair in aborted if pair[0] != batch.producer_id or pair[1] > batch.base_offset]
                elif batch.producer_id not in hidden:
                    out += [record.value.decode() for record in batch.records()]
        return '+'.join(out) or 'nothing'

    def stored(self, number=0):
        return self.values(number, committed=False)

    def is_stable(self, number=0):
        key = self.keys[number]
        return self.look.list_offsets({key: LATEST})[key] == self.look.list_offsets({key: LATEST}, READ_COMMITTED)[key]

    def open_or_not(self, number=0):
        return 'stable' if self.is_stable(number) else 'open'

    def becomes_stable(self, seconds=PATIENCE_S):
        deadline = time.monotonic() + seconds
        while not all(self.is_stable(number) for number in range(PARTITIONS)):
            if time.monotonic() > deadline:
                return 'stays open'
            time.sleep(0.02)
        return 'stable'

    def state(self, producer):
        return self.look.describe_transactions([producer.name])[producer.name].state

    def committed_offset(self, stable=True):
        """What the group is told: an offset, 'none', or the error."""
        def call():
            error, answers = self.look.offset_fetch(self.group(), [self.keys[0]], stable=stable)
            self.answer = (error, 0) if error else answers[self.keys[0]][:2]
            return self.answer[0]
        code = patiently(call)
        return error_name(code) if code else str(self.answer[1]) if self.answer[1] >= 0 else 'none'

    def have_coordinator(self):
        patiently(lambda: self.look.find_coordinator(self.group())[0])


class Producer:
    """One transactional producer. Every request may be sent on another connection (`via`) and as another producer
    (`of`); what comes back is told by the error's name."""

    def __init__(self, scene, protocol, name, timeout_ms=TIMEOUT_MS):
        self.scene, self.protocol, self.name, self.timeout_ms = scene, protocol, name, timeout_ms
        self.client, self.sequences = scene.client(), {}
        self.init()

    def init(self, **options):
        error = self.try_init(**options)
        if error != 'NONE':
            raise RuntimeError(f'InitProducerId: {error}')

    def try_init(self, soon=frozenset(SOON), producer=NO_PRODUCER, via=None, timeout_ms=None, name=None):
        answers = []

        def call():
            answers.append((via or self.client).init_transactional_id(
                self.name if name is None else name, self.timeout_ms if timeout_ms is None else timeout_ms, producer))
            return answers[-1][0]
        code = patiently(call, soon)
        if code == 0:
            self.id, self.sequences = answers[-1][1], {}
        return error_name(code)

    def init_many(self, count):
        """As many as fit are in flight at once."""
        body = Writer().string(self.name).pack('iqh', self.timeout_ms, *NO_PRODUCER).tags()
        sent = [self.client.send('InitProducerId', 4, body) for _ in range(count)]
        for correlation in sent:
            error, *producer = self.client.receive(correlation).unpack('xxxxhqh')
            if error == 0:
                self.id, self.sequences = tuple(producer), {}

    def add(self, *numbers, via=None, of=None, soon=frozenset(SOON)):
        keys = [self.scene.keys[number] for number in numbers or (0,)]
        return error_name(patiently(lambda: max((via or self.client).add_partitions(
            self.name, of or self.id, keys).values()), soon))

    def write(self, value, number=0, via=None, of=None, sequence=None, version=None, soon=frozenset(SOON)):
        key = self.scene.keys[number]
        first = self.sequences.get(number, 0) if sequence is None else sequence
        batch = transactional_batch([(b'k', value.encode())], of or self.id, first)
        code = patiently(lambda: (via or self.client).produce(
            *key, batch, version=version or VERSIONS[self.protocol]['Produce'], transactional_id=self.name)[0], soon)
        if code == 0 and sequence is None and of is None:
            self.sequences[number] = first + 1
        return error_name(code)

    def begin(self, value, *numbers):
        """Writes to the partitions, after what the protocol wants to come first."""
        for number in numbers or (0,):
            if self.protocol == 1:
                self.must(self.add(number))
            self.must(self.write(value, number))

    def try_end(self, commit, via=None, of=None, version=None, soon=frozenset(SOON)):
        answers, version = [], version or VERSIONS[self.protocol]['EndTxn']

        def call():
            answers.append((via or self.client).end_txn(self.name, of or self.id, commit, version))
            return answers[-1][0]
        code = patiently(call, soon)
        self.told = answers[-1][1]
        return error_name(code)

    def end(self, commit, **options):
        """Ends the transaction, goes on as the new producer, and waits for the markers."""
        self.must(self.try_end(commit, **options))
        if self.told:
            self.id, self.sequences = self.told, {}
        self.settle()

    def settle(self):
        deadline = time.monotonic() + PATIENCE_S
        while self.scene.state(self).startswith('Prepare') and time.monotonic() < deadline:
            time.sleep(0.005)

    def offsets(self, offset, via=None, of=None, add=True, soon=frozenset(SOON), **member):
        """Commits an offset of the row's group in the transaction."""
        via, group = via or self.client, self.scene.group()
        if self.protocol == 1 and add:
            self.must(error_name(patiently(lambda: via.add_offsets(self.name, of or self.id, group))))
        key = self.scene.keys[0]
        return error_name(patiently(lambda: via.txn_offset_commit(
            self.name, of or self.id, group, {key: (offset, 'note')},
            version=VERSIONS[self.protocol]['TxnOffsetCommit'], **member)[key], soon))

    @staticmethod
    def must(error):
        if error != 'NONE':
            raise RuntimeError(f'the row gets no further: {error}')


def told(*facts):
    return ', '.join(facts)


# The ends of transactions

def late_end(protocol, late, then):
    """The end of a transaction comes again when the next one has begun."""
    def attack(scene):
        one = scene.producer(protocol)
        late_connection = one.client
        one.client = scene.client()
        old = one.id
        one.begin('a')
        one.end(True)
        one.begin('b')
        error = one.try_end(late, via=late_connection, of=old, soon=())
        one.settle()
        state = scene.state(one)
        if state == 'Ongoing':
            one.end(then)
        return told(error, state, scene.values())
    return attack


def end_again(protocol, again):
    def attack(scene):
        one = scene.producer(protocol)
        one.begin('a')
        old = one.id
        one.end(True)
        error = one.try_end(again, of=old)
        same = '' if one.told is None or error != 'NONE' else ', as before' if one.told == one.id else f', {one.told}'
        return told(error + same, scene.values())
    return attack


def end_again_from_older_connection(scene):
    one = scene.producer(1)
    older, one.client = one.client, scene.client()
    one.begin('a')
    one.end(True)
    one.try_end(True, via=older, soon=())
    one.begin('b')
    one.end(True)
    return scene.values()


def end_from_second_connection(protocol):
    """Each end goes by a newer connection, and the client stays there."""
    def attack(scene):
        one = scene.producer(protocol)
        for value in 'ab':
            one.begin(value)
            one.client = scene.client()
            one.end(True)
        return scene.values()
    return attack


def end_of_nothing(protocol, commit):
    def attack(scene):
        one = scene.producer(protocol)
        old, error = one.id, one.try_end(commit)
        rise = '' if one.told is None or error != 'NONE' else f', epoch +{one.told[1] - old[1]}'
        return told(error + rise, scene.state(one))
    return attack


def each_end_raises_the_epoch(scene):
    one = scene.producer(2)
    epochs = [one.id[1]]
    for value in 'abc':
        one.begin(value)
        one.end(value != 'b')
        epochs.append(one.id[1])
    rises = {after - before for before, after in zip(epochs, epochs[1:])}
    return told(f'rises by {sorted(rises)}', scene.values())


def both_protocols_in_turn(scene):
    one = scene.producer(1)
    for value in 'abcdef':
        one.protocol = 1 + (value in 'bcf')
        one.begin(value, 0, 1)
        one.end(value not in 'be')
    return told(scene.values(), scene.values(1), scene.becomes_stable())


# Writes

def late_write(protocol, during_next):
    def attack(scene):
        one = scene.producer(protocol)
        late_connection, old = one.client, one.id
        one.client = scene.client()
        one.begin('a')
        one.end(True)
        sequence = 1
        if during_next:
            one.begin('b', 1)    # elsewhere
        error = one.write('late', via=late_connection, of=old, sequence=sequence, soon=())
        if during_next:
            one.end(True)
        return told(error, scene.stored(), scene.becomes_stable())
    return attack


def late_write_in_the_same_partition(protocol, sequence):
    """The next transaction has written there, too. `a` was number 0, `b` is 1."""
    def attack(scene):
        one = scene.producer(protocol)
        late_connection, old = one.client, one.id
        one.client = scene.client()
        one.begin('a')
        one.end(True)
        one.begin('b')
        error = one.write('late', via=late_connection, of=old, sequence=sequence, soon=())
        one.end(True)
        return told(error, scene.values())
    return attack


def late_write_of_the_next_number(begun):
    """What the first transaction gave up on comes when the next one is to write with its number: into a partition that
    was added only, or, if `begun`, written to as well."""
    def attack(scene):
        one = scene.producer(1)
        late_connection = one.client
        one.client = scene.client()
        one.begin('a')
        one.end(True)
        one.must(one.add())
        if begun:
            one.must(one.write('b'))
        late = one.write('late', via=late_connection, of=one.id, sequence=1 + begun, soon=())
        own = one.write('own')
        one.end(True)
        return told(late, own, scene.values())
    return attack


def write_again(protocol):
    """The same batch, once in its transaction and once after it."""
    def attack(scene):
        one = scene.producer(protocol)
        old = one.id
        one.begin('a')
        during = one.write('a', sequence=0)
        one.end(True)
        after = one.write('a', of=old, sequence=0, soon=())
        return told(during, after, scene.stored(), scene.becomes_stable())
    return attack


def write_without_adding(version, first):
    def attack(scene):
        one = scene.producer(1)
        if first:
            one.begin('a', 1)
        error = one.write('b', version=version)
        if first:
            one.end(True)
        return told(error, scene.stored(), scene.becomes_stable())
    return attack


def write_adds(scene):
    one = scene.producer(2)
    one.begin('a')
    keys = scene.look.describe_transactions([one.name])[one.name].keys
    one.end(True)
    return told('added' if keys == {scene.keys[0]} else f'{keys}', scene.values())


def sequence_gap(protocol, first):
    def attack(scene):
        one = scene.producer(protocol)
        if first:
            one.begin('a')
        elif protocol == 1:
            one.must(one.add())
        error = one.write('b', sequence=5)
        one.try_end(False)
        return told(error, scene.stored(), scene.becomes_stable())
    return attack


def plain_batch_in_a_transaction(scene):
    one = scene.producer(1)
    one.begin('a')
    batch = build_batch([(b'k', b'b')], Fields(base_timestamp=1, producer_id=one.id[0], producer_epoch=one.id[1],
                                               base_sequence=1))
    error = error_name(one.client.produce(*scene.keys[0], batch)[0])
    one.end(True)
    return told(error, scene.stored())


def write_without_transactional_id(scene):
    one = scene.producer(1)
    one.must(one.add())
    batch = transactional_batch([(b'k', b'a')], one.id, 0)
    error = error_name(one.client.produce(*scene.keys[0], batch, version=11)[0])
    one.try_end(False)
    return told(error, scene.stored())


def control_batch(scene):
    one = scene.producer(1)
    one.begin('a')
    record = struct.pack('>hh', 0, 1), struct.pack('>hi', 0, 0)
    batch = build_batch([record], Fields(base_timestamp=1, attributes=TRANSACTIONAL | CONTROL, producer_id=one.id[0],
                                         producer_epoch=one.id[1]))
    error = error_name(one.client.produce(*scene.keys[0], batch, version=11, transactional_id=one.name)[0])
    still = scene.open_or_not()
    one.end(False)
    return told(error, still, scene.values())


def write_as_another(protocol):
    """Under one's own id, with the producer id of somebody else."""
    def attack(scene):
        one, other = scene.producer(protocol), scene.producer(protocol, '-other')
        other.begin('a')
        other.end(True)
        other.begin('c', 1)
        if protocol == 1:
            one.must(one.add())
        error = one.write('b', of=other.id, sequence=1)
        other.end(True)
        return told(error, scene.stored())
    return attack


def unknown_producer(protocol):
    def attack(scene):
        one = scene.producer(protocol)
        nobody = (one.id[0] + 1000000, 0)
        errors = [one.write('a', of=nobody, sequence=0), one.try_end(True, of=nobody)]
        if protocol == 1:
            errors.append(one.add(of=nobody))
        return told(*errors, scene.stored())
    return attack


def unknown_id(scene):
    one = scene.producer(1)
    one.name += '-nobody'
    return told(one.add(), one.try_end(True), one.write('a'),
                error_name(one.client.add_offsets(one.name, one.id, scene.group())), scene.stored())


# Adding

def late_add(scene):
    one = scene.producer(1)
    older, one.client = one.client, scene.client()
    one.begin('a')
    one.end(True)
    one.add(via=older, soon=())
    return told(scene.state(one), scene.values())


def late_add_offsets(scene):
    scene.have_coordinator()
    one = scene.producer(1)
    older, one.client = one.client, scene.client()
    one.begin('a')
    one.end(True)
    older.add_offsets(one.name, one.id, scene.group())
    return told(scene.state(one), scene.values())


def add_unknown_partition(scene):
    one = scene.producer(1)
    answers = one.client.add_partitions(one.name, one.id, [scene.keys[0], (scene.name, 99), ('no-such-topic', 0)])
    return told(*(error_name(answers[key]) for key in sorted(answers)), scene.state(one))


def verify(scene):
    """As brokers ask before they append."""
    one = scene.producer(1)
    one.begin('a')
    error, answers = one.client.verify_partitions(one.name, one.id, scene.keys)
    one.end(True)
    _, after = one.client.verify_partitions(one.name, one.id, scene.keys[:1])
    return told(error_name(error), *(error_name(answers[key]) for key in scene.keys), error_name(after[scene.keys[0]]),
                scene.state(one))


# Producers that have successors

def fenced(protocol):
    def attack(scene):
        scene.have_coordinator()
        one = scene.producer(protocol)
        one.begin('a')
        successor = Producer(scene, protocol, one.name)
        errors = [one.write('b'), one.write('c', 1), one.try_end(True, soon=())]
        if protocol == 1:
            errors += [one.add(soon=()),
                       error_name(one.client.add_offsets(one.name, one.id, scene.group()))]
        errors.append(one.offsets(1, add=False, soon=()))
        successor.begin('d')
        successor.end(True)
        return told(*errors, scene.values(), scene.values(1), scene.committed_offset())
    return attack


def race(protocol):
    """Two that take the id from each other, over and over."""
    def attack(scene):
        mine, wrong = scene.producer(protocol), []
        for turn in range(scene.rounds):
            mine.begin(f'{turn}')
            other = Producer.__new__(Producer)
            other.__dict__.update(mine.__dict__, client=scene.connections[-1 - turn % 2], sequences={})
            other.init()
            for error in (mine.write('late'), mine.write('late', 1), mine.try_end(True, soon=())):
                if error == 'NONE':
                    wrong.append(turn)
            mine = other
        mine.try_end(False)
        return told(f'{len(wrong)} requests of a fenced producer were done', scene.values(), scene.values(1))
    return attack


def init_ends_a_transaction(protocol):
    def attack(scene):
        one = scene.producer(protocol)
        one.begin('a', 0, 1)
        old = one.id
        one.init()
        rose = 'the epoch rose' if one.id[0] == old[0] and one.id[1] > old[1] else f'{old} became {one.id}'
        return told(rose, scene.becomes_stable(), scene.values(), scene.stored())
    return attack


def init_during_prepare(protocol):
    """Both in flight at once: the transaction is committed everywhere or nowhere, and the successor can go on."""
    def attack(scene):
        outcomes = set()
        for turn in range(20):
            one = scene.producer(protocol, f'-{turn}')
            one.begin(f'{turn}', 0, 1)
            version = VERSIONS[protocol]['EndTxn']
            first = one.client.send_end_txn(one.name, one.id, True, version)
            successor = Producer(scene, protocol, one.name)
            error = error_name(one.client.receive_end_txn(first, version)[0])
            scene.becomes_stable()
            there = [f'{turn}' in scene.values(number).split('+') for number in (0, 1)]
            if there not in ([True, True], [False, False]):
                outcomes.add('torn')
            if error == 'NONE' and not all(there):
                outcomes.add('acknowledged and gone')
            successor.begin('next')
            successor.end(True)
        return told(*sorted(outcomes)) or 'whole'
    return attack


def init_with_producer(which):
    def attack(scene):
        one = scene.producer(1)
        first = one.id
        if which == 'stale':
            one.init()
            return one.try_init(producer=first)
        if which == 'again':    # the answer of the first was lost
            one.init(producer=first)
            second = one.id
            one.init(producer=first)
            return 'the same' if one.id == second else f'{second} and {one.id}'
        if which == 'unknown':
            return one.try_init(producer=(first[0] + 1000000, 0))
        one.begin('a')
        one.init(producer=first)
        rose = one.id[0] == first[0] and one.id[1] > first[1]
        return told('the epoch rose' if rose else f'{first} became {one.id}', scene.becomes_stable(), scene.values())
    return attack


def timeout_of(milliseconds):
    return lambda scene: scene.producer(1).try_init(timeout_ms=milliseconds)


def empty_id(scene):
    return scene.producer(1).try_init(name='')


def exhausted_epochs(scene):
    """Up to the last epoch by asking again and again, then beyond it by the ends of transactions."""
    one = scene.producer(2)
    first = one.id
    while one.id[1] < HIGHEST_EPOCH - 2:
        burst = min(200, HIGHEST_EPOCH - 2 - one.id[1])
        one.init_many(burst)
    seen = []
    for value in 'abcd':
        one.begin(value)
        before = one.id
        one.end(True)
        seen.append(one.id[1] - before[1] if one.id[0] == before[0] else 'another id')
    late = one.write('late', of=(first[0], HIGHEST_EPOCH), sequence=9)
    one.init()
    return told(f'{seen}', scene.values(), late, scene.becomes_stable(), 'new id' if one.id[0] != first[0] else 'old id')


def fence_at_the_last_epoch(scene):
    one = scene.producer(1)
    while one.id[1] < HIGHEST_EPOCH:
        one.init_many(min(200, HIGHEST_EPOCH - one.id[1]))
    first = one.id
    one.begin('a')
    one.init()
    late = one.write('late', of=first, sequence=1)
    one.begin('b')
    one.end(True)
    return told('another id' if one.id[0] != first[0] else f'{one.id}', late, scene.values(), scene.becomes_stable())


# Timeouts

def timed_out(protocol):
    def attack(scene):
        one = scene.producer(protocol, timeout_ms=1000)
        one.begin('a', 0, 1)
        ended = scene.becomes_stable(1.0 + 10.0)
        errors = one.write('b'), one.try_end(True)
        one.init()
        one.begin('c')
        one.end(True)
        return told(ended, *errors, scene.values(), scene.values(1))
    return attack


# Offsets

def pending_offsets(protocol, commit):
    def attack(scene):
        scene.have_coordinator()
        scene.look.offset_commit(scene.group(), {scene.keys[0]: (3, '')})
        one = scene.producer(protocol)
        one.must(one.offsets(7))
        error, answers = scene.look.offset_fetch(scene.group(), [scene.keys[0]])
        pending = error or answers[scene.keys[0]][0]
        unstable = scene.committed_offset(stable=False)
        one.end(commit)
        return told(error_name(pending), unstable, scene.committed_offset())
    return attack


def offsets_of_no_member(protocol, generation, member):
    def attack(scene):
        scene.have_coordinator()
        scene.look.offset_commit(scene.group(), {scene.keys[0]: (3, '')})
        one = scene.producer(protocol)
        error = one.offsets(7, generation=generation, member_id=member)
        one.try_end(True)
        return told(error, scene.committed_offset())
    return attack


def offsets_without_adding(scene):
    scene.have_coordinator()
    one = scene.producer(1)
    one.begin('a')
    error = one.offsets(7, add=False)
    one.end(True)
    return told(error, scene.committed_offset())


def late_offsets(protocol, during_next):
    """After the transaction, or in the next one, which has other offsets of the same group: then what they were was
    retried on a newer connection."""
    def attack(scene):
        scene.have_coordinator()
        one = scene.producer(protocol)
        late_connection, old = one.client, one.id
        one.client = scene.client()
        one.must(one.offsets(3))
        one.end(True)
        if during_next:
            one.must(one.offsets(5))
        error = one.offsets(3 if during_next else 7, via=late_connection, of=old, add=False, soon=())
        if during_next:
            one.end(True)
        return told(error, scene.committed_offset())
    return attack


# Readers and markers

def readers(scene):
    one, key = scene.producer(2), scene.keys[0]
    one.begin('a')
    plain = build_batch([(b'k', b'b')], Fields(base_timestamp=1))
    scene.look.produce(*key, plain)
    _, committed = scene.look.fetch({key: 0}, max_wait_ms=10, isolation=READ_COMMITTED)
    _, uncommitted = scene.look.fetch({key: 0}, max_wait_ms=10)
    shown = told(f'{len(committed[key]["data"])} bytes', f'stable {committed[key]["lso"]}', scene.stored())
    one.end(False)
    _, after = scene.look.fetch({key: 0}, max_wait_ms=10, isolation=READ_COMMITTED)
    lists = ['no list' if answer[key]['aborted'] is None else f'{len(answer[key]["aborted"])} aborted'
             for answer in (uncommitted, committed, after)]
    return told(shown, *lists, scene.values())


def marker(version, transaction_version, epoch, coordinator_epoch, first=2):
    """A marker as brokers send them, for an open transaction of protocol `first`."""
    def attack(scene):
        one, key = scene.producer(first), scene.keys[0]
        for value in 'ab':
            one.begin(value)
            if value == 'a':
                one.end(True)
        answers = one.client.write_markers((one.id[0], one.id[1] + epoch), True, [key], coordinator_epoch,
                                           transaction_version, version)
        error, still = error_name(answers[key]), scene.open_or_not()
        one.try_end(False)
        one.settle()
        return told(error, still, scene.values())
    return attack


def all_rows():
    return [
        Row('v2: a commit that comes late does not end the next transaction', late_end(2, True, False),
            'PRODUCER_FENCED, Ongoing, a'),
        Row('v2: an abort that comes late does not end the next transaction', late_end(2, False, True),
            'PRODUCER_FENCED, Ongoing, a+b'),
        Row('v1: a commit that comes late does not end the next transaction', late_end(1, True, False),
            'NONE, CompleteCommit, a+b', 'NOT_COORDINATOR, Ongoing, a', OLDER),
        Row('v1: an abort that comes late does not end the next transaction', late_end(1, False, True),
            'NONE, CompleteAbort, a', 'NOT_COORDINATOR, Ongoing, a+b', OLDER),
        Row('v2: the same end again', end_again(2, True), 'NONE, as before, a'),
        Row('v2: the other end after it', end_again(2, False), 'INVALID_TXN_STATE, a'),
        Row('v1: the same end again', end_again(1, True), 'NONE, a'),
        Row('v1: the other end after it', end_again(1, False), 'INVALID_TXN_STATE, a'),
        Row('v1: the same end again, from an older connection', end_again_from_older_connection, 'a+b'),
        Row('v2: ends from other connections', end_from_second_connection(2), 'a+b'),
        Row('v1: ends from other connections', end_from_second_connection(1), 'a+b'),
        Row('v2: an abort of nothing', end_of_nothing(2, False), 'NONE, epoch +1, CompleteAbort'),
        Row('v2: a commit of nothing', end_of_nothing(2, True), 'INVALID_TXN_STATE, Empty'),
        Row('v1: an abort of nothing', end_of_nothing(1, False), 'INVALID_TXN_STATE, Empty'),
        Row('v1: a commit of nothing', end_of_nothing(1, True), 'INVALID_TXN_STATE, Empty'),
        Row('v2: each end raises the epoch', each_end_raises_the_epoch, 'rises by [1], a+c'),
        Row('both protocols in turn', both_protocols_in_turn, 'a+c+d+f, a+c+d+f, stable'),
        Row('v2: a write that comes after the end', late_write(2, False), 'INVALID_PRODUCER_EPOCH, a, stable'),
        Row('v2: a write that comes in the next transaction', late_write(2, True), 'INVALID_PRODUCER_EPOCH, a, stable'),
        Row('v2: the same where that one writes, too', late_write_in_the_same_partition(2, 1),
            'INVALID_PRODUCER_EPOCH, a+b'),
        Row('v2: the same with the next number', late_write_in_the_same_partition(2, 2), 'INVALID_PRODUCER_EPOCH, a+b'),
        Row('v1: a write that comes after the end', late_write(1, False), 'TRANSACTION_ABORTABLE, a, stable'),
        Row('v1: a write that comes in the next transaction', late_write(1, True), 'TRANSACTION_ABORTABLE, a, stable'),
        # Where that one writes, too, the sequence tells what was done; what was never done is the window that is left.
        Row('v1: a write that was retried comes where the next one writes, too', late_write_in_the_same_partition(1, 0),
            'NONE, a+b'),
        Row('v1: a write with the number of one of the next', late_write_in_the_same_partition(1, 1), 'NONE, a+b'),
        Row('v1: a write further on', late_write_in_the_same_partition(1, 3), 'OUT_OF_ORDER_SEQUENCE_NUMBER, a+b'),
        Row('v1: a write that was given up is taken for one of the next', late_write_of_the_next_number(False),
            'NONE, NONE, a+late'),
        Row('v1: the same where that one has written', late_write_of_the_next_number(True), 'NONE, NONE, a+b+late'),
        Row('v2: a write again, in its transaction and after it', write_again(2),
            'NONE, INVALID_PRODUCER_EPOCH, a, stable'),
        Row('v1: a write again, in its transaction and after it', write_again(1),
            'NONE, TRANSACTION_ABORTABLE, a, stable'),
        Row('v1: a write to what was not added', write_without_adding(11, True), 'TRANSACTION_ABORTABLE, nothing, stable'),
        Row('v1: a write to what was not added, older', write_without_adding(9, True), 'INVALID_TXN_STATE, nothing, stable'),
        Row('v1: a write before anything was added', write_without_adding(11, False),
            'TRANSACTION_ABORTABLE, nothing, stable'),
        Row('v2: a write adds its partition', write_adds, 'added, a'),
        Row('v2: a gap in the sequence', sequence_gap(2, True), 'OUT_OF_ORDER_SEQUENCE_NUMBER, a, stable'),
        Row('v1: a gap in the sequence', sequence_gap(1, True), 'OUT_OF_ORDER_SEQUENCE_NUMBER, a, stable'),
        Row('v2: a sequence that does not begin with 0', sequence_gap(2, False),
            'OUT_OF_ORDER_SEQUENCE_NUMBER, nothing, stable'),
        Row('a batch without the transaction, in it', plain_batch_in_a_transaction, 'INVALID_TXN_STATE, a'),
        Row('a transactional batch without an id', write_without_transactional_id, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED, nothing'),
        Row('a marker from a client', control_batch, 'INVALID_RECORD, open, nothing'),
        Row('v2: a write with the producer id of another', write_as_another(2), 'INVALID_PRODUCER_ID_MAPPING, a'),
        Row('v1: a write with the producer id of another', write_as_another(1), 'INVALID_PRODUCER_ID_MAPPING, a'),
        Row('v2: a producer id that nobody has', unknown_producer(2),
            'INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_ID_MAPPING, nothing'),
        Row('v1: a producer id that nobody has', unknown_producer(1),
            'INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_ID_MAPPING, nothing'),
        Row('a transactional id that nobody has', unknown_id,
            'INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_ID_MAPPING, '
            'INVALID_PRODUCER_ID_MAPPING, nothing'),
        Row('v1: adding a partition that comes late begins nothing', late_add, 'Ongoing, a', 'CompleteCommit, a', OLDER),
        Row('v1: adding offsets that comes late begins nothing', late_add_offsets, 'Ongoing, a', 'CompleteCommit, a', OLDER),
        Row('adding what is not there adds nothing', add_unknown_partition,
            'OPERATION_NOT_ATTEMPTED, UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_OR_PARTITION, Empty'),
        Row('a broker asks whether partitions were added', verify,
            'NONE, NONE, TRANSACTION_ABORTABLE, TRANSACTION_ABORTABLE, CompleteCommit'),
        Row('v2: a producer that has a successor', fenced(2),
            'INVALID_PRODUCER_EPOCH, INVALID_PRODUCER_EPOCH, PRODUCER_FENCED, INVALID_PRODUCER_EPOCH, d, nothing, none'),
        Row('v1: a producer that has a successor', fenced(1),
            'INVALID_PRODUCER_EPOCH, INVALID_PRODUCER_EPOCH, PRODUCER_FENCED, PRODUCER_FENCED, PRODUCER_FENCED, '
            'INVALID_PRODUCER_EPOCH, d, nothing, none'),
        Row('v2: two that take the id from each other', race(2), '0 requests of a fenced producer were done, nothing, nothing'),
        Row('v1: two that take the id from each other', race(1), '0 requests of a fenced producer were done, nothing, nothing'),
        Row('v2: a new producer ends the transaction', init_ends_a_transaction(2), 'the epoch rose, stable, nothing, a'),
        Row('v1: a new producer ends the transaction', init_ends_a_transaction(1), 'the epoch rose, stable, nothing, a'),
        Row('v2: a new producer while the old one commits', init_during_prepare(2), 'whole'),
        Row('v1: a new producer while the old one commits', init_during_prepare(1), 'whole'),
        Row('a new producer that knows the epoch', init_with_producer('own'), 'the epoch rose, stable, nothing'),
        Row('the same again, as the answer was lost', init_with_producer('again'), 'the same'),
        Row('a new producer that knows an old epoch', init_with_producer('stale'), 'PRODUCER_FENCED'),
        Row('a new producer that knows the id of nobody', init_with_producer('unknown'), 'PRODUCER_FENCED'),
        Row('no timeout', timeout_of(0), 'INVALID_TRANSACTION_TIMEOUT'),
        Row('a timeout that is too long', timeout_of(MAX_TIMEOUT_MS + 1), 'INVALID_TRANSACTION_TIMEOUT'),
        Row('an empty transactional id', empty_id, 'INVALID_REQUEST'),
        Row('v2: a transaction that takes too long', timed_out(2),
            'stable, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, c, nothing'),
        Row('v1: a transaction that takes too long', timed_out(1),
            'stable, INVALID_PRODUCER_EPOCH, PRODUCER_FENCED, c, nothing'),
        *[Row(f'v{protocol}: offsets wait for the {"commit" if commit else "abort"}', pending_offsets(protocol, commit),
              f'UNSTABLE_OFFSET_COMMIT, 3, {7 if commit else 3}') for protocol in (2, 1) for commit in (True, False)],
        *[Row(f'v{protocol}: offsets of {what} that is none', offsets_of_no_member(protocol, generation, member), error)
          for protocol in (2, 1) for what, generation, member, error in (
              ('a member', 5, 'nobody', 'UNKNOWN_MEMBER_ID, 3'), ('a generation', 5, '', 'UNKNOWN_MEMBER_ID, 3'))],
        Row('v1: offsets of a group that was not added', offsets_without_adding, 'TRANSACTION_ABORTABLE, none'),
        Row('v2: offsets that come late', late_offsets(2, False), 'INVALID_PRODUCER_EPOCH, 3'),
        Row('v1: offsets that come late', late_offsets(1, False), 'TRANSACTION_ABORTABLE, 3', 'NOT_COORDINATOR, 3', OLDER_OFFSETS),
        Row('v2: offsets that come in the next transaction', late_offsets(2, True), 'INVALID_PRODUCER_EPOCH, 5'),
        Row('v1: offsets that come in the next transaction', late_offsets(1, True), 'NONE, 3',
            'NOT_COORDINATOR, 5', OLDER_OFFSETS),
        Row('what readers see of a transaction', readers, '0 bytes, stable 0, a+b, no list, 0 aborted, 1 aborted, b'),
        Row('a marker of an old epoch', marker(1, 0, -1, 0), 'INVALID_PRODUCER_EPOCH, open, a'),
        Row('a marker that has not raised the epoch', marker(2, 2, 0, 0), 'INVALID_PRODUCER_EPOCH, open, a'),
        Row('a marker of an old coordinator', marker(1, 0, 1, -5), 'TRANSACTION_COORDINATOR_FENCED, open, a'),
        Row('v2: epochs that are used up', exhausted_epochs, "[1, 1, 'another id', 1], a+b+c+d, INVALID_PRODUCER_EPOCH, "
                                                             "stable, new id"),
        Row('v1: a successor at the last epoch', fence_at_the_last_epoch, 'another id, INVALID_PRODUCER_EPOCH, b, stable'),
    ]


def run_row(port, number, row, rounds):
    scene = Scene(port, f'attack-{number}', rounds)
    try:
        return row.attack(scene)
    except (ConnectionLost, RuntimeError) as error:
        return f'{type(error).__name__}: {error}'
    finally:
        scene.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kind', choices=('kafka', 'moldau'), default='moldau')
    parser.add_argument('--only', default='')
    parser.add_argument('--rounds', type=int, default=200, help='of the rows that repeat themselves')
    options = parser.parse_args()
    brokers.exit_on_signals()
    report, folder = Report(), tempfile.mkdtemp(prefix='txn-attacks-')
    broker = brokers.Broker(options.kind, os.path.join(folder, 'broker'), properties=PROPERTIES)
    try:
        broker.start()
        for number, row in enumerate(all_rows()):
            if options.only not in row.name:
                continue
            outcome = run_row(broker.port, number, row, options.rounds)
            good = outcome in row.allowed(options.kind)
            text = f'{outcome}' + ('' if good else f'; expected {" or ".join(row.allowed(options.kind))}')
            report.line(good, row.name, text)
        report.line(broker.stop() == 0 or options.kind == 'kafka', 'orderly stop')
        contents = dump.Dump(broker.data)
        problems = contents.problems + internal_topics.problems_of(contents, done=False)
        report.line(not problems, 'what is on the disk', '; '.join(problems[:3]))
    finally:
        broker.kill9()
        shutil.rmtree(folder, ignore_errors=True)
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
