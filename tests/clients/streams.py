#!/usr/bin/env python3
"""A Kafka Streams application counts each word of its input exactly once, whatever is killed.

    streams.py [--kind moldau|kafka] [--records N] [--seconds N] [--broker-kills N] [--instance-kills N]

Two instances of one application (kafka-streams 4.3.1, exactly_once_v2; java_streams/Words.java) count the words of
a topic in a state store. The broker and instances in turn are killed with kill -9, evenly over all that is to be
counted, and started again. The output has every count of every word: read_committed has to see 1, 2, 3... of each, and
the last one has to be how often the word was written. A kill counts when it ended a process with that signal while
there was work to be done.
"""
import argparse
import collections
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from broker import Broker, exit_on_sigterm
from group_clients import JAVA
from groups import BROKER
from prepare import Missing, prepare
from wire import Connection, KafkaError, batch_headers

INPUT, OUTPUT, GROUP, PARTITIONS = 'lines', 'counts', 'words', 4
REPARTITION = f'{GROUP}-counts-repartition'
INSTANCES = ['a', 'b']
# Without any progress, on a machine that may be busy: a transaction of a killed instance ends after 10 s.
STALL_SECONDS = 120
_libc = ctypes.CDLL(None)


def words_of(i):
    """Of the input record, as Words.java has it."""
    return f'w{i % 499}', f'v{i * 7 % 311}'


class Application:
    """The instances, what they say, and what kills them."""

    def __init__(self, broker, home, folder):
        self.broker, self.folder, self.processes = broker, folder, {}
        self.words = JAVA + ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', f'{home}/classes:{home}/libs/*',
                             'Words']

    def run(self, name, *arguments):
        """A process that ends with this one, its output in a file."""
        with open(os.path.join(self.folder, name + '.log'), 'ab') as log:
            self.processes[name] = subprocess.Popen(
                [*self.words, arguments[0], self.broker.bootstrap, *map(str, arguments[1:])],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                preexec_fn=lambda: _libc.prctl(1, signal.SIGKILL))    # PR_SET_PDEATHSIG
        return self.processes[name]

    def start(self, name):
        self.run(name, 'run', INPUT, OUTPUT, os.path.join(self.folder, 'state-' + name))

    def kill(self, name):
        """Whether it was this that ended it."""
        self.processes[name].kill()
        return self.processes.pop(name).wait() == -signal.SIGKILL

    def stop(self):
        for name in INSTANCES:
            self.processes[name].terminate()
        for name in INSTANCES:
            status = self.processes.pop(name).wait(60)
            assert status in (0, 143), f'{name} ended with {status}: {self.tail(name)}'

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait()

    def tail(self, name):
        with open(os.path.join(self.folder, name + '.log'), errors='replace') as f:
            return f.read()[-600:]


def counted(bootstrap):
    """How many records of the input are read, what is left to be done of what is there, and how many are counted: that
    only about, for between the two steps there are ends of transactions as well."""
    with Connection(bootstrap) as connection:
        offsets = connection.committed(GROUP)
        read = sum(offsets.get((INPUT, p), 0) for p in range(PARTITIONS))
        ends = [connection.offset(REPARTITION, p) for p in range(PARTITIONS)]
        between = [offsets.get((REPARTITION, p), 0) for p in range(PARTITIONS)]
        left = [f'{REPARTITION}-{p} is read up to {between[p]}, stable up to '
                f'{connection.stable_offset(REPARTITION, p)} of {ends[p]}'
                for p in range(PARTITIONS) if not between[p] or not only_ends_after(connection, p, between[p])]
        left += [f'{OUTPUT}-{p} is stable up to {connection.stable_offset(OUTPUT, p)} of {connection.offset(OUTPUT, p)}'
                 for p in range(PARTITIONS) if connection.stable_offset(OUTPUT, p) < connection.offset(OUTPUT, p)]
        return read, left, read * sum(between) // max(1, sum(ends))


def only_ends_after(connection, partition, offset):
    """Whether nothing but ends of transactions, which are records that nobody commits, is left to be read."""
    while offset < connection.offset(REPARTITION, partition):
        batches = list(batch_headers(connection.fetch(REPARTITION, partition, offset, 1 << 20)))
        if not batches or not all(batch.control for batch in batches):
            return False
        offset = batches[-1].last_offset + 1
    return True


class Progress:
    def __init__(self, application, records):
        self.application, self.records = application, records
        self.seen, self.changed = (0, ['everything'], 0), time.monotonic()

    @property
    def done(self):
        read, left, _ = self.seen
        return read == self.records and not left

    def until(self, count):
        """Until about that many records are counted, or all."""
        while not self.done and self.seen[2] < count:
            try:
                seen = counted(self.application.broker.bootstrap)
                if seen != self.seen:
                    self.seen, self.changed = seen, time.monotonic()
            except (KafkaError, OSError):
                pass    # The group rebalances, or the broker has just been started.
            for name, process in self.application.processes.items():
                assert process.poll() in (None, 0) and (process.poll() is None or name == 'feed'), \
                    f'{name} ended with {process.poll()}: {self.application.tail(name)}'
            assert time.monotonic() - self.changed < STALL_SECONDS, \
                f'no progress for {STALL_SECONDS} s, {self.seen[0]} of {self.records} read; {", ".join(self.seen[1])}'
            time.sleep(0.2)


def schedule(records, broker_kills, instance_kills):
    """[(after how many records, what is killed)]; an instance is killed between two kills of the broker."""
    kills = [(records * (i + 1) / (broker_kills + 1), 'broker') for i in range(broker_kills)]
    kills += [(records * (i + 0.75) / (instance_kills + 0.5), INSTANCES[i % 2]) for i in range(instance_kills)]
    return sorted(kills)


def check(path, records):
    """Why the output is not one count for each word written, or None."""
    wanted = collections.Counter()
    for i in range(records):
        wanted.update(words_of(i))
    seen, lines = collections.Counter(), 0
    with open(path) as f:
        for line in f:
            word, count = line.split()
            seen[word] += 1
            lines += 1
            if int(count) != seen[word]:
                return f'{word} is {count} where {seen[word]} was due, of {wanted[word]}'
    wrong = [(word, seen[word], count) for word, count in wanted.items() if seen[word] != count]
    if wrong or lines != 2 * records:
        return f'{len(wrong)} words are counted wrong, {wrong[:3]}; {lines} counts of {2 * records}'
    return None


def count(application, a, killed):
    """Why it went wrong, or None; counts in `killed` what was killed."""
    broker = application.broker
    with Connection(broker.bootstrap) as connection:
        for topic in (INPUT, OUTPUT):
            connection.create_topic(topic, PARTITIONS)
    for name in INSTANCES:
        application.start(name)
    application.run('feed', 'feed', INPUT, PARTITIONS, a.records, a.seconds)
    progress = Progress(application, a.records)
    for due, what in schedule(a.records, a.broker_kills, a.instance_kills):
        progress.until(due)
        at_work = not progress.done
        print(f'# {progress.seen[2]} counted, {what} is killed', file=sys.stderr, flush=True)
        if what == 'broker':
            broker.kill()
            killed['broker'] += at_work and broker.process.returncode == -signal.SIGKILL
            broker.start()
        else:
            killed['instance'] += application.kill(what) and at_work
            application.start(what)
    progress.until(float('inf'))
    assert application.processes.pop('feed').wait(60) == 0, application.tail('feed')
    application.stop()
    path = os.path.join(application.folder, 'counts')
    assert application.run('read', 'read', OUTPUT, PARTITIONS, path).wait(300) == 0, application.tail('read')
    wanted = {'broker': a.broker_kills, 'instance': a.instance_kills}
    return check(path, a.records) or (None if killed == wanted else f'kills {killed} of {wanted}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kind', choices=['moldau', 'kafka'], default='moldau')
    parser.add_argument('--records', type=int, default=60000)
    parser.add_argument('--seconds', type=float, default=30, help='how long the input takes to be written')
    parser.add_argument('--broker-kills', type=int, default=2)
    parser.add_argument('--instance-kills', type=int, default=2)
    parser.add_argument('--keep', metavar='FOLDER', help='for what the instances and the broker wrote')
    a = parser.parse_args()
    exit_on_sigterm()
    try:
        home = prepare('java_streams')
    except Missing as e:
        print(f'not ok word-count needs {e}\n0 passed, 1 failed, 0 skipped')
        return 1
    folder = a.keep or tempfile.mkdtemp(prefix='streams-')
    os.makedirs(folder, exist_ok=True)
    started, why, killed = time.monotonic(), None, {'broker': 0, 'instance': 0}
    try:
        with Broker(a.kind, BROKER, a.keep and os.path.join(a.keep, 'broker')) as broker:
            application = Application(broker, home, folder)
            try:
                why = count(application, a, killed)
            except (AssertionError, RuntimeError, OSError, KafkaError, subprocess.TimeoutExpired) as e:
                why = f'{type(e).__name__}: {e}'.replace('\n', ' ')
            finally:
                application.close()
    finally:
        if not a.keep:
            shutil.rmtree(folder, ignore_errors=True)
    took = time.monotonic() - started
    print(f'{"not ok" if why else "ok"} word-count {a.records} records, {killed["broker"]} kills of the broker, '
          f'{killed["instance"]} of an instance, {took:.0f} s' + (f': {why}' if why else ''))
    print(f'{0 if why else 1} passed, {1 if why else 0} failed, 0 skipped')
    return 1 if why else 0


if __name__ == '__main__':
    sys.exit(main())
