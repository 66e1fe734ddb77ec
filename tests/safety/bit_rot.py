#!/usr/bin/env python3
"""What a living broker makes of damage to its files (reliability.md R3 to R5).

    bit_rot.py [--keep] [--seed N]

Between an orderly stop and a start one file of a partition is damaged. Readers get the bytes that were stored or
KAFKA_STORAGE_ERROR; the other partition of the topic and another topic are served as before and can be written; the
log names the file; `moldau log check` finds it; and with the byte put right everything is there again. Files that are
derived from the batches are made anew. Damage that nobody reads is found by scrubbing.
"""
import argparse
import os
import random
import subprocess
import sys
import time

import broker as brokers
from cleanup import until
from hand_back import all_batches
from raw_client import EARLIEST, ERROR, LATEST, RawClient
from record_batch import Fields, build_batch, parse_batches
from report import Report
from scratch import scratch_folder

TOPIC, OTHER = 'rot', 'well'
PLACES = [(TOPIC, 0), (TOPIC, 1), (OTHER, 0)]
SEGMENT, BATCHES, FIRST_MS = 65536, 60, 1_700_000_000_000
SETTINGS = {'log.retention.check.interval.ms': 200, 'log.retention.ms': -1, 'offsets.topic.replication.factor': 1}
STORAGE_ERROR = ERROR['KAFKA_STORAGE_ERROR']
DERIVED = ('.index', '.timeindex', '.snapshot', 'leader-epoch-checkpoint')


def fill(port, rng):
    with RawClient(port) as client:
        for topic, partitions in ((TOPIC, 2), (OTHER, 1)):
            client.create_topic(topic, partitions, {'internal.segment.bytes': str(SEGMENT)})
        for number in range(BATCHES):
            for topic, partition in PLACES:
                records = [(b'key %d' % number, rng.randbytes(rng.randint(500, 3000))) for _ in range(2)]
                batch = build_batch(records, Fields(base_timestamp=FIRST_MS + 10 * number - rng.randint(0, 35)))
                error = client.produce(topic, partition, batch)[0]
                if error:
                    raise RuntimeError(f'{topic}-{partition}: error {error}')


def answers(port, place):
    """Everything that can be asked of a partition."""
    with RawClient(port, timeout=30) as client:
        ends = {spec: client.list_offsets({place: spec})[place][2] for spec in (EARLIEST, LATEST)}
        times = {ms: client.list_offsets({place: ms})[place] for ms in [-3] + list(
            range(FIRST_MS - 50, FIRST_MS + 10 * BATCHES, 7))}
        return all_batches(client, *place, ends[EARLIEST], ends[LATEST]), ends, times


def read_until_error(port, place):
    """(bytes, error) of a reader that goes on from the start until something is in its way."""
    data, offset = b'', 0
    with RawClient(port, timeout=30) as client:
        while True:
            error, got = client.fetch({place: offset}, max_wait_ms=0, partition_max_bytes=20000)
            answer = got.get(place, {'error': error, 'data': b''})
            if error or answer['error'] or not answer['data']:
                return data, error or answer['error']
            data += answer['data']
            offset = parse_batches(answer['data'])[-1].last_offset + 1


def produce(port, place):
    with RawClient(port) as client:
        return client.produce(*place, build_batch([(b'more', b'x' * 100)], Fields(base_timestamp=FIRST_MS)))[0]


def offline_line(broker, name):
    return f'{TOPIC}-0 is offline: ' in broker.log_text(broker.log_start) and name in broker.log_text(broker.log_start)


def flip(path, at, bit):
    with open(path, 'r+b') as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ (1 << bit)]))


class Rot:
    """One directory with what is right, and a broker on it."""

    def __init__(self, folder, seed):
        self.rng, self.report = random.Random(seed), Report()
        self.folder = folder
        self.broker = self._broker('--set', 'storage.scrub_interval_ms=0')
        self.broker.start()
        fill(self.broker.port, self.rng)
        self.right = {place: answers(self.broker.port, place) for place in PLACES}
        self.stop()

    def _broker(self, *arguments):
        return brokers.Broker('moldau', os.path.join(self.folder, 'broker'), properties=SETTINGS, arguments=arguments)

    def stop(self):
        status = self.broker.stop()
        if status != 0:
            raise RuntimeError(f'the broker ended with {status}')

    def files(self, *suffixes):
        folder = os.path.join(self.broker.data, f'{TOPIC}-0')
        return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(suffixes))

    def others_are_right(self, text):
        for place in PLACES[1:]:
            got = answers(self.broker.port, place)
            right = self.right[place]
            self.report.line(got == right, f'{text}: {place[0]}-{place[1]} is served as before')

    def batch(self, path):
        """Flips one bit of a record in a closed segment; what puts it right."""
        at, bit = self.rng.randint(70, os.path.getsize(path) - 1), self.rng.randint(0, 7)
        flip(path, at, bit)
        return lambda: flip(path, at, bit)

    def check_readers(self):
        path = self.files('.log')[1]
        heal = self.batch(path)
        say, name = self.report.line, os.path.basename(path)
        self.broker.start()
        data, error = read_until_error(self.broker.port, PLACES[0])
        right = self.right[PLACES[0]][0]
        say(error == STORAGE_ERROR, 'a damaged batch: KAFKA_STORAGE_ERROR', f'got {error}')
        say(right.startswith(data) and len(data) < len(right), 'a damaged batch: what came before is as it was stored',
            f'{len(data)} of {len(right)} bytes')
        say(offline_line(self.broker, name), 'a damaged batch: the log names the partition and the file')
        say(produce(self.broker.port, PLACES[0]) == STORAGE_ERROR, 'a damaged batch: nobody writes behind it')
        self.others_are_right('a damaged batch')
        self.broker.kill9()
        self.broker.start()
        say(read_until_error(self.broker.port, PLACES[0])[1] == STORAGE_ERROR, 'a damaged batch: kill -9 changes nothing')
        self.stop()
        check = subprocess.run([brokers.moldau_binary(), 'log', 'check', self.broker.data], capture_output=True, text=True,
                               check=False)
        say(check.returncode != 0 and name in check.stdout + check.stderr, 'a damaged batch: log check names the file',
            f'status {check.returncode}')
        heal()
        self.broker.start()
        say(answers(self.broker.port, PLACES[0]) == self.right[PLACES[0]],
            'a damaged batch: with the byte put right everything is there')
        self.stop()

    def check_lost(self):
        """A closed segment that is cut between two batches, or gone: nothing in it is wrong."""
        for what in ('cut', 'gone'):
            path = self.files('.log')[1]
            with open(path, 'rb') as file:
                whole = file.read()
            if what == 'cut':
                first = 12 + int.from_bytes(whole[8:12], 'big')
                os.truncate(path, first)
            else:
                os.remove(path)
            self.broker.start()
            error = read_until_error(self.broker.port, PLACES[0])[1]
            self.report.line(error == STORAGE_ERROR, f'a segment that is {what}: KAFKA_STORAGE_ERROR', f'got {error}')
            self.report.line(offline_line(self.broker, os.path.basename(path)), f'a segment that is {what}: the log says so')
            self.others_are_right(f'a segment that is {what}')
            self.stop()
            with open(path, 'wb') as file:
                file.write(whole)
            self.broker.start()
            self.report.line(answers(self.broker.port, PLACES[0]) == self.right[PLACES[0]],
                             f'a segment that is {what}: put back, everything is there')
            self.stop()

    def check_derived(self):
        damages = {
            'removed': os.remove,
            'cut': lambda path: os.truncate(path, os.path.getsize(path) // 2 // 12 * 12),
            'flipped': lambda path: os.path.getsize(path) and flip(path, os.path.getsize(path) // 2, 3)}
        for what, damage in damages.items():
            for path in self.files(*DERIVED):
                damage(path)
            self.broker.start()
            self.report.line(answers(self.broker.port, PLACES[0]) == self.right[PLACES[0]],
                             f'derived files {what}: every answer is what it was')
            until(lambda: 'were made anew' in self.broker.log_text(self.broker.log_start))
            self.report.line('were made anew' in self.broker.log_text(self.broker.log_start),
                             f'derived files {what}: the log says that indexes were made anew')
            self.report.line(answers(self.broker.port, PLACES[0]) == self.right[PLACES[0]],
                             f'derived files {what}: and so it is afterwards')
            self.stop()
            check = subprocess.run([brokers.moldau_binary(), 'log', 'check', self.broker.data], capture_output=True,
                                   text=True, check=False)
            self.report.line(check.returncode == 0, f'derived files {what}: log check finds nothing after the stop',
                             check.stdout[-300:] if check.returncode else '')

    def check_scrub(self):
        path = self.files('.log')[2]
        heal = self.batch(path)
        self.broker = self._broker('--set', 'storage.scrub_interval_ms=500')
        self.broker.start()
        found = until(lambda: offline_line(self.broker, os.path.basename(path)))
        self.report.line(found, 'damage that nobody reads: scrubbing finds it')
        self.others_are_right('damage that nobody reads')
        self.stop()
        heal()
        self.broker.start()
        time.sleep(2)
        self.report.line('offline' not in self.broker.log_text(self.broker.log_start),
                         'rounds over sound files find nothing')
        self.report.line(answers(self.broker.port, PLACES[0]) == self.right[PLACES[0]],
                         'damage that nobody reads: with the byte put right everything is there')
        self.report.line(produce(self.broker.port, PLACES[0]) == 0, 'and it can be written again')
        self.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keep', action='store_true')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randint(0, 1 << 30))
    options = parser.parse_args()
    brokers.exit_on_signals()
    print('seed', options.seed)
    with scratch_folder('moldau-rot-', options.keep) as folder:
        rot = Rot(folder, options.seed)
        rot.check_readers()
        rot.check_lost()
        rot.check_derived()
        rot.check_scrub()
    return rot.report.close()


if __name__ == '__main__':
    sys.exit(main())
