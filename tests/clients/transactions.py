#!/usr/bin/env python3
"""Unmodified clients write in transactions; what they wrote is judged by what another client reads.

    transactions.py [--kind moldau|kafka] [--client NAME]... [--only CASE]... [--list] [--jobs N] [--table FILE]

commit        records are read_uncommitted's before the commit, and everybody's after it; each of the newer
              protocol's transactions has an epoch of its own
abort         aborted records are never read_committed's, the next transaction's are
empty         transactions without records leave nothing behind
restart       the client comes again with its transactional id, after an orderly end and after a kill: what was
              open is aborted by the time that it may begin
fencing       a second producer takes the id: the first one gets its error, and nothing of it is ever committed
timeout       the broker aborts what is open for longer than transaction.timeout.ms; the client gets its error
offsets       offsets sent to the transaction are the group's with the commit, and never when it aborts
partitions    a transaction over 60 partitions
take-over     the id goes to and fro between this client and one that speaks the other version of the protocol
transform     three members of a group copy a topic, each in transactions with the offsets; one comes and one is
              killed while they do: each record is copied once, and the offsets say so (classic groups)
transform-848 the same with the newer protocol of groups
broker-killed the broker is killed again and again while all clients write at once, each transaction to three
              partitions and to a group's offsets: it is there in all of them or in none
"""
import argparse
import concurrent.futures
import ctypes
import os
import queue
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter

import groups
from broker import Broker, exit_on_sigterm
from group_clients import command, versions
from prepare import Missing, prepare
from transaction_clients import CLIENTS, NAMES, lacks, partner, protocols
from wire import COMMITTED, GROUP, TRANSACTION, Connection, KafkaError, batch_headers, create_offsets_topic

CASES = ['commit', 'abort', 'empty', 'restart', 'fencing', 'timeout', 'offsets', 'partitions', 'take-over',
         'transform', 'transform-848', 'broker-killed']
# How long to wait for what happens at once unless something hangs. A machine may be busy.
PATIENCE_SECONDS = 60
# transaction.timeout.ms: where it is not to end anything, where a killed member's is waited for, and where it is the
# matter. All that a transaction does has to fit in.
TIMEOUT_MS, COPY_TIMEOUT_MS, SHORT_MS = 60000, 10000, 3000
PARTITIONS, MANY = 3, 60
COPIED_PARTITIONS, COPIED_RECORDS = 6, 150
KILLS, COMMITS_BETWEEN = 3, 5
BROKER = {
    **groups.BROKER,
    # How often Kafka looks for transactions that are over their time.
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 200,
}
_libc = ctypes.CDLL(None)
_stopping = threading.Event()


class Refused(Exception):
    """A client's error; `name` is what it calls it."""

    def __init__(self, name, text):
        super().__init__(f'{name} {text}'[:300])
        self.name = name


class Producer:
    """One run of a client's program, that does what it is told."""

    def __init__(self, client, name, bootstrap, folder, transactional_id='none', timeout_ms=TIMEOUT_MS):
        words, environment = command(client, 'transactions')
        self.client, self.name, self.answers = client, name, queue.Queue()
        self.errors = os.path.join(folder, name + '.stderr')
        with open(self.errors, 'ab') as err:
            self.process = subprocess.Popen(
                words + [bootstrap, f'name={name}', f'id={transactional_id}', f'timeout={timeout_ms}'],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True,
                env={**os.environ, **environment},
                preexec_fn=lambda: _libc.prctl(1, signal.SIGKILL))    # PR_SET_PDEATHSIG
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.answers.put(line.rstrip('\n'))
        self.answers.put(None)

    def tell(self, *words):
        try:
            self.process.stdin.write(' '.join(map(str, words)) + '\n')
            self.process.stdin.flush()
        except OSError:
            pass    # It is gone, which answer() says.

    def answer(self, seconds=PATIENCE_SECONDS):
        give_up = time.monotonic() + seconds
        while True:
            try:
                line = self.answers.get(timeout=0.5)
                break
            except queue.Empty:
                if _stopping.is_set():
                    raise RuntimeError('the test was ended') from None
                if time.monotonic() > give_up:
                    raise AssertionError(f'{self.name} did not answer in {seconds} s') from None
        if line is None:
            raise AssertionError(f'{self.name} ended with {self.process.wait()}: {self.why()}')
        word, _, rest = line.partition(' ')
        if word != 'ok':
            raise Refused(*rest.partition(' ')[::2])
        return rest

    def ask(self, *words):
        self.tell(*words)
        return self.answer()

    def do(self, *commands):
        """One after the other, each a text."""
        for words in commands:
            self.ask(words)

    def refused(self, *words):
        """The name of the error, or None."""
        try:
            self.ask(*words)
            return None
        except Refused as e:
            return e.name

    def why(self):
        with open(self.errors, errors='replace') as f:
            return f.read()[-300:]

    def kill(self):
        self.process.kill()
        self.process.wait()


class Scene:
    """A topic, the producers that write to it, and who reads it."""

    def __init__(self, run, case, partitions=PARTITIONS):
        self.run, self.partitions, self.producers = run, partitions, []
        self.client, self.topic = run.client, f'{run.client}-{case}'
        self.connection = Connection(run.bootstrap)
        self.connection.create_topic(self.topic, partitions)

    def producer(self, client=None, transactional_id=None, timeout_ms=TIMEOUT_MS):
        """One of the topic's name for a transactional id, that has taken it over."""
        made = self.start(client, transactional_id, timeout_ms)
        made.ask('init')
        return made

    def start(self, client=None, transactional_id=None, timeout_ms=TIMEOUT_MS):
        client = client or self.client
        name = f'{self.topic}.{len(self.producers)}.{client}'
        self.producers.append(Producer(client, name, self.run.bootstrap, self.run.folder,
                                       transactional_id or self.topic, timeout_ms))
        return self.producers[-1]

    def write(self, producer, value, count=5, how='commit'):
        """A transaction with records in all partitions; open when `how` is nothing."""
        producer.do('begin', *[f'send {self.topic} {p} {value} {count}' for p in range(self.partitions)])
        producer.ask(how or 'flush')

    def ends(self):
        return [self.connection.offset(self.topic, p) for p in range(self.partitions)]

    def stable(self):
        return [self.connection.stable_offset(self.topic, p) for p in range(self.partitions)]

    def check_open(self, first, count):
        """From `first` on there are `count` open records in each partition, and read_committed reads none."""
        assert self.ends() == [first + count] * self.partitions, f'the ends are {self.ends()}'
        assert self.stable() == [first] * self.partitions, f'open, but stable up to {self.stable()}'
        for p in range(self.partitions):
            got = list(batch_headers(self.connection.fetch(self.topic, p, first, isolation=COMMITTED, wait_ms=0)))
            assert not got, f'read_committed reads of an open transaction: {got}'

    def check_ended(self):
        assert self.stable() == self.ends(), f'not ended: stable up to {self.stable()} of {self.ends()}'

    def await_ended(self, seconds=PATIENCE_SECONDS):
        """Kafka's answer to a commit or an abort is before its markers."""
        give_up = time.monotonic() + seconds
        while self.stable() != self.ends():
            assert time.monotonic() < give_up, f'not ended after {seconds} s: {self.stable()} of {self.ends()}'
            time.sleep(0.02)

    def check(self, committed, aborted=(), count=5):
        """What another client reads, of both levels: these transactions in this order, in each partition."""
        mark = f'mark-{time.monotonic_ns()}'
        for p in range(self.partitions):
            self.connection.produce(self.topic, p, [(int(time.time() * 1000), mark.encode())])
        found = {level: self.run.read(level, self.topic, self.partitions, mark)
                 for level in ('committed', 'uncommitted')}
        wanted = [f'{value}.{i}' for value in committed for i in range(count)]
        others = {f'{value}.{i}' for value in aborted for i in range(count)}
        for p in range(self.partitions):
            got, everything = found['committed'][p], found['uncommitted'][p]
            assert got == wanted, f'{self.run.judge} reads {got} in partition {p} and not {wanted}'
            assert [v for v in everything if v not in others] == wanted and others == set(everything) - set(wanted), \
                f'{self.run.judge} reads uncommitted {everything} in partition {p}'
            assert len(everything) == len(wanted) + len(others), f'doubled: {everything}'

    def epochs(self):
        """Of the batches with records, in the first partition."""
        return [b.producer_epoch for b in self.connection.batches(self.topic, 0)
                if b.producer_id >= 0 and not b.control]

    def close(self):
        for producer in self.producers:
            producer.kill()
        self.connection.close()


class Run:
    """All cases of one client but the last one."""

    def __init__(self, client, bootstrap, folder, only):
        self.client, self.bootstrap, self.folder, self.only = client, bootstrap, folder, only
        self.judge = CLIENTS[client]['judge']
        self.reader = None
        self.outcomes = {}    # case: None, or what failed

    def run(self):
        steps = {'commit': self._commit, 'abort': self._abort, 'empty': self._empty, 'restart': self._restart,
                 'fencing': self._fencing, 'timeout': self._timeout, 'offsets': self._offsets,
                 'partitions': self._partitions, 'take-over': self._take_over,
                 'transform': lambda scene: self._transform(scene, 'classic'),
                 'transform-848': lambda scene: self._transform(scene, 'consumer')}
        sizes = {'partitions': MANY, 'transform': COPIED_PARTITIONS, 'transform-848': COPIED_PARTITIONS}
        try:
            for case, step in steps.items():
                if case in self.only and case in cases_of(self.client):
                    self._attempt(case, step, sizes.get(case, PARTITIONS))
        finally:
            if self.reader:
                self.reader.kill()
        return self

    def _attempt(self, case, step, partitions):
        started, scene = time.monotonic(), None
        try:
            scene = Scene(self, case, partitions)
            step(scene)
            self.outcomes[case] = None
        except AssertionError as e:
            self.outcomes[case] = str(e)
        except Missing:
            raise
        except Exception as e:    # Whatever it is, it is this case's failure and not the others'.
            self.outcomes[case] = f'{type(e).__name__}: {e}'
        finally:
            if scene:
                scene.close()
        print(f'# {self.client}/{case}: {time.monotonic() - started:.1f} s {self.outcomes[case] or ""}',
              file=sys.stderr, flush=True)

    def read(self, level, topic, partitions, mark):
        """{partition: values} of the judge, without marks."""
        if not self.reader:
            self.reader = Producer(self.judge, f'{self.client}.judge', self.bootstrap, self.folder)
        try:
            return parted(self.reader.ask('read', level, topic, partitions, mark), partitions)
        except (AssertionError, Refused):
            self.reader.kill()    # It may still be at it when the next case asks.
            self.reader = None
            raise

    def _commit(self, scene):
        producer = scene.producer()
        scene.write(producer, 'first', how=None)
        scene.check_open(0, 5)
        producer.ask('commit')
        scene.await_ended()
        scene.write(producer, 'second')
        scene.await_ended()
        assert scene.ends() == [12] * scene.partitions, f'two transactions end at {scene.ends()}'
        epochs = scene.epochs()
        version = 2 if epochs[-1] > epochs[0] else 1
        assert version == CLIENTS[self.client]['version'], f'it speaks version {version}: epochs {epochs}'
        scene.check(['first', 'second'])

    def _abort(self, scene):
        producer = scene.producer()
        scene.write(producer, 'gone', how=None)
        scene.check_open(0, 5)
        producer.ask('abort')
        scene.await_ended()
        scene.write(producer, 'kept')
        scene.write(producer, 'gone-too', how=None)
        producer.ask('abort')
        scene.await_ended()
        scene.check(['kept'], ['gone', 'gone-too'])

    def _empty(self, scene):
        producer = scene.producer()
        producer.do('begin', 'commit', 'begin', 'abort', 'begin', 'abort')
        scene.write(producer, 'kept')
        producer.do('begin', 'commit', 'begin', 'abort')
        scene.await_ended()
        assert scene.ends() == [6] * scene.partitions, f'one transaction ends at {scene.ends()}'
        scene.check(['kept'])

    def _restart(self, scene):
        first = scene.producer()
        scene.write(first, 'first')
        first.ask('close')
        second = scene.producer()
        scene.write(second, 'second', how=None)
        second.kill()
        scene.check_open(6, 5)
        third = scene.producer()
        scene.check_ended()
        scene.write(third, 'third')
        scene.check(['first', 'third'], ['second'])

    def _fencing(self, scene):
        first = scene.producer()
        scene.write(first, 'old')
        scene.write(first, 'zombie', how=None)
        second = scene.producer()
        scene.check_ended()
        scene.write(second, 'new')
        scene.await_ended()
        ends = scene.ends()
        names = [first.refused(f'send {scene.topic} 0 late 5'), first.refused('flush'), first.refused('commit')]
        self._check_error('fenced', names)
        # There is no way back for it, by whatever name.
        for words in ('abort', 'begin', f'send {scene.topic} 0 later 5', 'flush'):
            first.refused(words)
        assert first.refused('commit'), 'a fenced producer commits'
        assert scene.ends() == ends, f'a fenced producer has written: {scene.ends()} after {ends}'
        scene.write(second, 'newer')
        scene.check(['old', 'new', 'newer'], ['zombie'])

    def _timeout(self, scene):
        producer = scene.producer(timeout_ms=SHORT_MS)
        scene.write(producer, 'first')
        started = time.monotonic()
        scene.write(producer, 'late', how=None)
        scene.await_ended(SHORT_MS / 1000 + PATIENCE_SECONDS)
        took = time.monotonic() - started
        assert took >= SHORT_MS / 1000 - 0.1, f'it was aborted after {took:.2f} s'
        self._check_error('ended', [producer.refused('commit')])
        ends = scene.ends()
        # Some clients go on, others need to be made anew.
        try:
            producer.ask('abort')
            scene.write(producer, 'second')
        except Refused:
            assert scene.ends() == ends, f'written after an error: {scene.ends()} and not {ends}'
            producer = scene.producer(timeout_ms=SHORT_MS)
            scene.write(producer, 'second')
        scene.check(['first', 'second'], ['late'])

    def _check_error(self, kind, names):
        known = CLIENTS[self.client][kind]
        assert set(names) & set(known), f'{kind}: the errors are {names} and not {known}'

    def _offsets(self, scene):
        group = scene.topic
        producer = scene.producer()

        def check_offsets(wanted, when):
            scene.await_ended()
            give_up = time.monotonic() + PATIENCE_SECONDS
            while committed(scene.connection, group) != wanted and time.monotonic() < give_up:
                time.sleep(0.05)
            found = committed(scene.connection, group)
            assert found == wanted, f'the group has {found} after {when}, and not {wanted}'
        scene.write(producer, 'first', how=None)
        producer.do(f'offsets {group} {scene.topic} 0 3', f'offsets {group} {scene.topic} 1 4')
        assert not committed(scene.connection, group), 'the offsets of an open transaction are told'
        producer.ask('commit')
        check_offsets({0: 3, 1: 4}, 'a commit')
        scene.write(producer, 'gone', how=None)
        producer.do(f'offsets {group} {scene.topic} 0 5', f'offsets {group} {scene.topic} 2 5', 'abort')
        check_offsets({0: 3, 1: 4}, 'an abort')
        # Without a record in any topic.
        producer.do('begin', f'offsets {group} {scene.topic} 2 7', 'commit')
        check_offsets({0: 3, 1: 4, 2: 7}, 'a commit of offsets alone')
        scene.check(['first'], ['gone'])

    def _partitions(self, scene):
        producer = scene.producer()
        scene.write(producer, 'first')
        scene.write(producer, 'gone', how=None)
        scene.check_open(6, 5)
        producer.ask('abort')
        scene.await_ended()
        scene.write(producer, 'second')
        scene.check(['first', 'second'], ['gone'])

    def _take_over(self, scene):
        other = partner(self.client)
        scene.write(scene.producer(), 'first')
        second = scene.producer(other)
        scene.write(second, 'second', how=None)
        third = scene.producer()
        scene.check_ended()
        scene.write(third, 'third')
        scene.write(third, 'fourth', how=None)
        assert second.refused('commit'), f'{other} commits what {self.client} has aborted'
        fifth = scene.producer(other)
        scene.check_ended()
        scene.write(fifth, 'fifth')
        assert third.refused('commit'), f'{self.client} commits what {other} has aborted'
        scene.write(scene.producer(), 'sixth')
        scene.check(['first', 'third', 'fifth', 'sixth'], ['second', 'fourth'])

    def _transform(self, scene, protocol):
        """The scene's topic is what is written; a killed member's transaction ends by its timeout."""
        source, group = scene.topic + '.in', scene.topic
        scene.connection.create_topic(source, COPIED_PARTITIONS)
        written = Counter()

        def write(count):
            for p in range(COPIED_PARTITIONS):
                now = int(time.time() * 1000)
                scene.connection.produce(source, p, [(now, b'%d' % (written[p] + i)) for i in range(count)])
                written[p] += count

        def start(name):
            member = scene.start(transactional_id=f'{scene.topic}-{name}', timeout_ms=COPY_TIMEOUT_MS)
            member.tell('transform', group, source, scene.topic, protocol)
            return member

        def await_copied(at_least, otherwise):
            give_up = time.monotonic() + PATIENCE_SECONDS
            while sum(committed(scene.connection, group).values()) < at_least:
                for member in members:
                    if not member.answers.empty():
                        raise AssertionError(f'{member.name} ended: {member.answers.get()} {member.why()}')
                assert time.monotonic() < give_up, f'{otherwise}: {committed(scene.connection, group)}'
                time.sleep(0.05)

        if protocol == 'consumer':
            scene.connection.set_group_config(group, 'consumer.session.timeout.ms', '6000')
        # The members may not share their transactional ids, unless these belong to partitions.
        members = [start('a'), start('b')]
        write(COPIED_RECORDS)
        await_copied(COPIED_RECORDS, 'two members copy nothing')
        members.append(start('c'))
        write(COPIED_RECORDS)
        await_copied(COPIED_RECORDS * COPIED_PARTITIONS + 10, 'three members do not go on')
        members.pop(0).kill()
        write(COPIED_RECORDS)
        await_copied(sum(written.values()), 'the others do not end it')
        for member in members:
            member.tell('stop')
        for member in members:
            member.answer()
        scene.await_ended()
        ends = {p: o for p, o in committed(scene.connection, group).items()}
        assert ends == dict(written), f'the offsets are {ends} of {dict(written)}'
        self._check_copies(scene, written)

    def _check_copies(self, scene, written):
        mark = 'mark'
        for p in range(scene.partitions):
            scene.connection.produce(scene.topic, p, [(int(time.time() * 1000), mark.encode())])
        found = self.read('committed', scene.topic, scene.partitions, mark)
        for p, values in found.items():
            count, wanted = Counter(values), {str(i) for i in range(written[p])}
            lost = sorted(wanted - set(count))
            doubled = [v for v, n in count.items() if n > 1]
            assert not lost and not doubled and set(count) == wanted, \
                f'partition {p}: {len(lost)} lost {lost[:3]}, {len(doubled)} doubled {doubled[:3]}'


def parted(text, partitions):
    """{partition: values} of a reader's answer, without the marks."""
    values = {p: [] for p in range(partitions)}
    for word in text.split():
        p, _, value = word.partition('/')
        if not value.startswith('mark'):
            values[int(p)].append(value)
    return values


def committed(connection, group):
    try:
        return {p: o for (_, p), o in connection.committed(group).items() if o >= 0}
    except KafkaError:
        return {}


class Life:
    """Transactions of one client, one after the other, whatever happens to the broker."""

    def __init__(self, client, bootstrap, folder):
        self.client, self.bootstrap, self.folder = client, bootstrap, folder
        self.topic = self.group = f'{client}-life'
        self.outcomes, self.starts, self.over, self.failure = [], 0, threading.Event(), None
        self.commits = 0
        self.producer = None
        with Connection(bootstrap) as connection:
            connection.create_topic(self.topic, PARTITIONS)
        self.thread = threading.Thread(target=self._live)

    def _live(self):
        try:
            while not self.over.is_set() or self.outcomes[-1:] != ['committed']:
                self._one()
        except Exception as e:
            self.failure = f'{type(e).__name__}: {e}'
        finally:
            if self.producer:
                self.producer.kill()

    def _one(self):
        """The next transaction; 'unknown' when it is not told how it ended."""
        number, asked = len(self.outcomes), False
        self.outcomes.append('aborted')
        how = 'abort' if number % 3 == 2 else 'commit'
        try:
            if not self.producer:
                self._start()
            self.producer.do('begin', *[f'send {self.topic} {p} {number} 2' for p in range(PARTITIONS)])
            if 'offsets' not in lacks(self.client):
                self.producer.ask('offsets', self.group, self.topic, 0, number)
            self.producer.ask('flush')
            asked = how == 'commit'
            self.producer.ask(how)
            if asked:
                self.outcomes[number] = 'committed'
                self.commits += 1
        except Refused:
            if asked:
                self.outcomes[number] = 'unknown'
            self._recover()

    def _recover(self):
        """As an application does: abort, and when that is refused, begin anew."""
        if self.producer and self.producer.refused('abort'):
            self.producer.kill()
            self.producer = None

    def _start(self):
        self.starts += 1
        producer = Producer(self.client, f'{self.topic}.{self.starts}', self.bootstrap, self.folder, self.topic)
        try:
            producer.ask('init')
        except Exception:
            producer.kill()
            raise
        self.producer = producer

    def check(self, run):
        """All or nothing of each transaction, and the group's offset is that of the last one."""
        if self.failure:
            return self.failure
        with Connection(self.bootstrap) as connection:
            give_up = time.monotonic() + PATIENCE_SECONDS
            for p in range(PARTITIONS):
                while connection.stable_offset(self.topic, p) != connection.offset(self.topic, p):
                    if time.monotonic() > give_up:
                        return f'partition {p} has an open transaction'
                    time.sleep(0.05)
                connection.produce(self.topic, p, [(int(time.time() * 1000), b'mark')])
            found = run.read('committed', self.topic, PARTITIONS, 'mark')
            group = committed(connection, self.group)
        for number, outcome in enumerate(self.outcomes):
            seen = [[v for v in values if v in (f'{number}.0', f'{number}.1')] for values in found.values()]
            whole = all(s == [f'{number}.0', f'{number}.1'] for s in seen)
            if outcome == 'committed' and not whole or outcome == 'aborted' and any(seen) or any(seen) and not whole:
                return f'transaction {number}, {outcome}, is read as {seen}'
        last = max(n for n, outcome in enumerate(self.outcomes) if outcome == 'committed')
        if 'offsets' not in lacks(self.client) and group != {0: last}:
            return f'the offsets are {group}, the last transaction is {last}'
        return None


def live(kind, clients, folder, kills):
    """{client: what failed, or None}: all at once, while the broker is killed."""
    outcomes = {}
    with Broker(kind, BROKER) as broker:
        if not create_offsets_topic(broker.bootstrap, PATIENCE_SECONDS, (GROUP, TRANSACTION)):
            return {client: 'the coordinator is not there' for client in clients}
        lives = {client: Life(client, broker.bootstrap, folder) for client in clients}
        try:
            for life in lives.values():
                life.thread.start()
            for _ in range(kills):
                await_commits(lives.values())
                broker.kill()
                broker.start()
            await_commits(lives.values())
        except AssertionError as e:
            outcomes = {client: str(e) for client in clients}
        finally:
            for life in lives.values():
                life.over.set()
            for life in lives.values():
                life.thread.join()
        for client, life in lives.items():
            run = Run(client, broker.bootstrap, folder, [])
            try:
                outcomes[client] = life.check(run) or outcomes.get(client)
            except (AssertionError, Refused, OSError) as e:
                outcomes[client] = str(e)
            finally:
                if run.reader:
                    run.reader.kill()
            said = Counter(life.outcomes)
            print(f'# {client}: {dict(said)}, {life.starts} starts', file=sys.stderr, flush=True)
    return outcomes


def await_commits(lives):
    """Until each has committed some more."""
    before = {life: life.commits for life in lives}
    give_up = time.monotonic() + 3 * PATIENCE_SECONDS
    while True:
        waiting = [life.client for life in lives if life.commits < before[life] + COMMITS_BETWEEN and not life.failure]
        if not waiting:
            return
        assert time.monotonic() < give_up and not _stopping.is_set(), f'{" ".join(waiting)} do not go on'
        time.sleep(0.05)


def cases_of(client):
    return [case for case in CASES if not (case in lacks(client)
                                           or case == 'transform-848' and 'consumer' not in protocols(client))]


def table(outcomes):
    """Markdown: a row for each client."""
    marks = {True: 'yes', False: '**no**', None: '-'}
    rows = ['| client | version | transactions | ' + ' | '.join(CASES) + ' |', '|---' * (len(CASES) + 3) + '|']
    for client, results in outcomes.items():
        cells = [marks[results[c] is None if c in results else None] for c in CASES]
        rows.append(f'| {NAMES[client]} | {versions()[client]} | {CLIENTS[client]["version"]} | '
                    + ' | '.join(cells) + ' |')
    return '\n'.join(rows) + '\n'


def lines_of(client, outcomes):
    return [f'not ok {client}/{case} {why}'.replace('\n', ' ') if why else f'ok {client}/{case}'
            for case, why in outcomes.items()]


def attempt(client, bootstrap, folder, only):
    """The outcome lines, and the outcomes by case, of one client."""
    started = time.monotonic()
    run = Run(client, bootstrap, folder, only)
    try:
        for needed in (client, run.judge, partner(client)):
            prepare(needed)
        run.run()
        lines = lines_of(client, run.outcomes)
    except Missing as e:
        lines = [f'skip {client} needs {e}']
    print(f'# {client}: {time.monotonic() - started:.1f} s', file=sys.stderr, flush=True)
    return lines, run.outcomes


def attempt_all(kind, clients, folder, only, jobs):
    """The outcome lines and {client: outcomes} of all cases on one broker that is left alone."""
    lines, outcomes = [], {client: {} for client in clients}
    if not set(only) - {'broker-killed'}:
        return lines, outcomes
    with Broker(kind, BROKER) as broker, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        if not create_offsets_topic(broker.bootstrap, PATIENCE_SECONDS, (GROUP, TRANSACTION)):
            return ['not ok coordinator is not there'], outcomes
        waiting = {pool.submit(attempt, client, broker.bootstrap, folder, only): client for client in clients}
        try:
            for done in concurrent.futures.as_completed(waiting):
                said, outcomes[waiting[done]] = done.result()
                print('\n'.join(said), flush=True)
                lines += said
        except BaseException:
            _stopping.set()    # So that the threads that wait for clients end too.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f'# CPU: clients {cpu.ru_utime + cpu.ru_stime:.0f} s, broker {broker.cpu_seconds():.0f} s',
              file=sys.stderr)
        lines.append('ok orderly stop' if broker.stop(120) else 'not ok orderly stop ' + broker.log_tail(300))
        print(lines[-1], flush=True)
    return lines, outcomes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kind', choices=['moldau', 'kafka'], default='moldau')
    parser.add_argument('--client', action='append', choices=list(CLIENTS))
    parser.add_argument('--only', action='append', choices=CASES)
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--jobs', type=int, default=3)
    parser.add_argument('--kills', type=int, default=KILLS, help='of the broker')
    parser.add_argument('--table', metavar='FILE')
    parser.add_argument('--keep', metavar='FOLDER', help='for what the clients said')
    a = parser.parse_args()
    clients, only = a.client or list(CLIENTS), a.only or CASES
    if a.list:
        print('\n'.join(f'{client}/{case}' for client in clients for case in cases_of(client)))
        return 0
    exit_on_sigterm()
    folder = a.keep or tempfile.mkdtemp(prefix='transactions-')
    os.makedirs(folder, exist_ok=True)
    try:
        lines, outcomes = attempt_all(a.kind, clients, folder, only, a.jobs)
        missing = {line.split()[1] for line in lines if line.startswith('skip ')}
        living = [client for client in clients if client not in missing]
        if 'broker-killed' in only and living:
            started = time.monotonic()
            for client, why in live(a.kind, living, folder, a.kills).items():
                outcomes[client]['broker-killed'] = why
                lines += lines_of(client, {'broker-killed': why})
                print(lines[-1], flush=True)
            print(f'# broker-killed: {time.monotonic() - started:.1f} s', file=sys.stderr)
    finally:
        if not a.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if a.table:
        with open(a.table, 'w') as f:
            f.write(table({client: outcomes[client] for client in clients}))
    counts = [sum(line.startswith(word) for line in lines) for word in ('ok ', 'not ok ', 'skip ')]
    print('{} passed, {} failed, {} skipped'.format(*counts))
    return 1 if counts[1] or (counts[2] and os.environ.get('CI') == 'true') else 0


if __name__ == '__main__':
    sys.exit(main())
