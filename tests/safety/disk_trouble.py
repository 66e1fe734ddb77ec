#!/usr/bin/env python3
"""What a living broker makes of disks that fail or are slow, and of too few descriptors (reliability.md R7, R9, R10, R12).

    disk_trouble.py [PART ...] [--keep] [--seed N] [--failures N]

Parts: failures, slow, descriptors. Failing and slow system calls are injected by strace.

- A write or a sync that fails (EIO, ENOSPC) at any moment ends the process with a status that says so. Nothing is
  acknowledged after it, and a start finds every record that was acknowledged, at its offset.
- While every sync takes 200 ms, producers wait for it, and metadata and fetches do not.
- With no descriptor left, new connections wait, and who is connected produces on, across a new segment; the broker does
  not spin, and takes connections again as soon as some have gone.
"""
import argparse
import os
import random
import signal
import statistics
import sys
import threading
import time

import broker as brokers
from cleanup import until
from hand_back import all_batches
from raw_client import LATEST, ConnectionLost, RawClient
from record_batch import Fields, build_batch, parse_batches
from report import Report
from scratch import scratch_folder

TOPIC, PARTITIONS = 'trouble', 3
SETTINGS = {'offsets.topic.replication.factor': 1, 'log.retention.ms': -1}
DELAY_US = 200_000
FILES = 128


class Injected(brokers.Broker):
    """A broker whose system calls strace meddles with."""

    def __init__(self, directory, injection, calls):
        super().__init__('moldau', directory, properties=SETTINGS)
        self.injection, self.calls = injection, calls

    def command(self):
        return ['strace', '-f', '--seccomp-bpf', '-qq', '-o', '/dev/null', '-e', f'trace={self.calls}', '-e', 'signal=none',
                '-e', f'inject={self.calls}:{self.injection}'] + super().command()

    def kill9(self):
        """The broker too: strace would leave it."""
        if self.alive():
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


class Limited(brokers.Broker):
    """A broker that may open few files."""

    def __init__(self, directory):
        super().__init__('moldau', directory, properties=SETTINGS)

    def command(self):
        return ['prlimit', f'--nofile={FILES}:{FILES}'] + super().command()


def batch(number, repeats=200):
    return build_batch([(b'%d' % number, b'%d ' % number * repeats)], Fields(base_timestamp=1_700_000_000_000 + number))


def produce_until_it_ends(port, count, repeats):
    """{(partition, offset): number} of what was acknowledged, and whether the broker went away."""
    acknowledged = {}
    try:
        with RawClient(port, timeout=20) as client:
            for number in range(count):
                partition = number % PARTITIONS
                error, offset, _ = client.produce(TOPIC, partition, batch(number, repeats))
                if not error:
                    acknowledged[partition, offset] = number
    except ConnectionLost:
        return acknowledged, True
    return acknowledged, False


def stored(port):
    """{(partition, offset): number} of everything that is served."""
    found = {}
    with RawClient(port, timeout=20) as client:
        for partition in range(PARTITIONS):
            end = client.list_offsets({(TOPIC, partition): LATEST})[TOPIC, partition][2]
            data = all_batches(client, TOPIC, partition, 0, end)
            for each in parse_batches(data):
                for record in each.records():
                    found[partition, record.offset] = int(record.key)
    return found


class Trouble:
    def __init__(self, folder, options):
        self.folder, self.options = folder, options
        self.rng, self.report = random.Random(options.seed), Report()

    def prepared(self, name, segment_bytes=20_000):
        """A directory with the topic in it."""
        directory = os.path.join(self.folder, name)
        with brokers.Broker('moldau', directory, properties=SETTINGS) as broker, RawClient(broker.port) as client:
            client.create_topic(TOPIC, PARTITIONS, {'internal.segment.bytes': str(segment_bytes)})
            until(lambda: client.produce(TOPIC, 0, batch(-1))[0] == 0)
        return directory

    def failures(self):
        ended = 0
        for number in range(self.options.failures):
            call, error = self.rng.choice([('fdatasync', 'EIO'), ('pwritev', 'EIO'), ('pwritev', 'ENOSPC'),
                                           ('fdatasync', 'ENOSPC'), ('sync_file_range', 'EIO')])
            when = self.rng.randint(1, 200 if call != 'sync_file_range' else 3)
            what = f'{call} {when} fails with {error}'
            # Only large pieces are handed to the disk before a checkpoint.
            large = call == 'sync_file_range'
            directory = self.prepared(f'failure-{number}', 1 << 20 if large else 20_000)
            broker = Injected(directory, f'error={error}:when={when}', call)
            try:
                broker.start()
                acknowledged, lost = produce_until_it_ends(broker.port, 400, 3000 if large else 200)
            except (RuntimeError, ConnectionLost):
                acknowledged, lost = {}, True  # it failed at its start
            if lost:
                ended += 1
                until(lambda: not broker.alive())
                self.report.line(broker.process.poll() not in (None, 0), f'{what}: the process ends with a status that says so',
                                 f'status {broker.process.poll()}, {len(acknowledged)} acknowledged')
            broker.kill9()
            with brokers.Broker('moldau', directory, properties=SETTINGS) as again:
                found = stored(again.port)
            missing = {place: value for place, value in acknowledged.items() if found.get(place) != value}
            self.report.line(not missing, f'{what}: what was acknowledged is there',
                             f'{len(acknowledged)} acknowledged, missing {sorted(missing)[:5]}')
        self.report.line(ended >= self.options.failures // 2, 'most of the failures were met', f'{ended}')

    def slow(self):
        broker = Injected(self.prepared('slow'), f'delay_enter={DELAY_US}', 'fdatasync')
        broker.start()
        stop, waits = threading.Event(), []

        def producer():
            with RawClient(broker.port, timeout=60) as client:
                while not stop.is_set():
                    began = time.monotonic()
                    client.produce(TOPIC, 0, batch(len(waits)))
                    waits.append(time.monotonic() - began)
        thread = threading.Thread(target=producer)
        thread.start()
        others = []
        with RawClient(broker.port, timeout=60) as client:
            while len(waits) < 20 and thread.is_alive():
                began = time.monotonic()
                client.metadata([TOPIC])
                client.fetch({(TOPIC, 1): 0}, max_wait_ms=0)
                others.append(time.monotonic() - began)
                time.sleep(0.01)
        stop.set()
        thread.join()
        others.sort()
        self.report.line(statistics.median(waits) * 1e6 >= DELAY_US, 'every sync is slow: producers wait for it',
                         f'{statistics.median(waits) * 1000:.0f} ms')
        # Nobody else's time is asserted here: only that it is not the disk's.
        self.report.line(statistics.median(others) * 1e6 < DELAY_US / 2, 'every sync is slow: metadata and fetches do not wait',
                         f'{statistics.median(others) * 1000:.1f} ms, {others[len(others) * 99 // 100] * 1000:.1f} ms at the '
                         f'99th percentile of {len(others)}')
        broker.kill9()

    def descriptors(self):
        directory = self.prepared('descriptors')
        broker = Limited(directory)
        broker.start()
        before = RawClient(broker.port, timeout=20)
        crowd = []
        for _ in range(500):
            try:
                crowd.append(RawClient(broker.port, timeout=2))
            except ConnectionLost:
                break
        errors = [before.produce(TOPIC, number % PARTITIONS, batch(number))[0] for number in range(90)]
        self.report.line(not any(errors), 'no descriptor left: who is connected produces on', f'{sum(map(bool, errors))} errors')

        def segments():
            return [name for name in os.listdir(os.path.join(broker.data, f'{TOPIC}-0')) if name.endswith('.log')]
        self.report.line(until(lambda: len(segments()) > 1), 'no descriptor left: segments roll', f'{len(segments())} segments')
        used = broker.cpu_s()
        time.sleep(2)
        used = broker.cpu_s() - used
        self.report.line(used < 0.2, 'no descriptor left: it does not spin', f'{used * 500:.0f} ms of CPU a second')
        for client in crowd:
            client.close()

        def connects():
            try:
                with RawClient(broker.port, timeout=2) as client:
                    return client.produce(TOPIC, 0, batch(1))[0] == 0
            except ConnectionLost:
                return False
        self.report.line(until(connects), 'once some have gone others are let in')
        before.close()
        self.report.line(broker.stop() == 0, 'and it stops in order')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('parts', nargs='*', metavar='PART')
    parser.add_argument('--keep', action='store_true')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randint(0, 1 << 30))
    parser.add_argument('--failures', type=int, default=30)
    options = parser.parse_args()
    brokers.exit_on_signals()
    print('seed', options.seed)
    with scratch_folder('moldau-trouble-', options.keep) as folder:
        trouble = Trouble(folder, options)
        for part in options.parts or ['failures', 'slow', 'descriptors']:
            getattr(trouble, part)()
    return trouble.report.close()


if __name__ == '__main__':
    sys.exit(main())
