#!/usr/bin/env python3
"""Compacted logs survive a change of the broker, Moldau to Apache Kafka and back, and Kafka to Moldau and back.

    hand_back_compacted.py [--first moldau|kafka] [--then moldau|kafka] [--kills N] [--keep]

The first broker is given topics of several segments, plain and compressed, with tombstones, with transactions that
commit and abort, and one that is deleted from as well, and compacts them. It stops in order, and

1. kafka-dump-log reads every segment and every index without a complaint, and the records are those of a model;
2. the other broker starts on the directory and serves the same batches at the same offsets, with the same aborted
   transactions; it compacts what comes then, and what it serves is the model's again; producers go on;
3. the first broker starts on what that left, with the same proof.

With --kills, Kafka is killed while its cleaner works, and Moldau starts on what it left: the newest acknowledged value
of every key is there.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import threading
import time

import broker as brokers
from cleanup import COMPACT, HOUR_MS, SETTINGS, Bench, Producer, first_difference, horizons, now_ms, survivors, until
from dump import Dump
from hand_back import complaints_of, difference, dump
from hand_back_groups import LOADED_TOO_EARLY
from raw_client import ConnectionLost, MalformedResponse
from record_batch import Fields, build_batch
from report import Report
from scratch import scratch_folder
from txn_client import READ_COMMITTED, READ_UNCOMMITTED, TxnClient

sys.path.insert(0, os.path.join(brokers.REPOSITORY, 'tests', 'storage'))
from kafka_reads_it import COMPLAINT, HARMLESS  # noqa: E402

CONFIGS = {**COMPACT, 'index.interval.bytes': '500'}
TOPICS = {
    'plain': CONFIGS,
    'buried': CONFIGS,
    'buried-soon': {**CONFIGS, 'delete.retention.ms': '0'},
    'gzip': CONFIGS,
    'lz4': {**CONFIGS, 'compression.type': 'lz4'},
    'snappy': {**CONFIGS, 'compression.type': 'snappy'},
    'zstd': {**CONFIGS, 'compression.type': 'zstd'},
    'transactional': CONFIGS,
    'deleted-too': {**CONFIGS, 'cleanup.policy': 'compact,delete', 'retention.ms': str(HOUR_MS // 2)},
}
READABLE = ('plain', 'buried', 'gzip', 'transactional', 'deleted-too')    # without a decoder
KEYS = 24
LARGE = 65536
# What dump-log prints of each record; offsets that are missing are no news in a compacted log.
RECORD = re.compile(r'\| offset: (\d+) .*?keySize: (-?\d+) valueSize: (-?\d+) ')
DUMPING = re.compile(r'Dumping .*/([^/]+)-0/(\d{20})\.log$')
GAPS = re.compile(r'^Non-consecutive offsets in|^ *-?\d+ is followed by \d+$')
# Nor is a time that no record of a batch has which lost all of them: both brokers keep such batches.
TIMES = re.compile(r'^Found timestamp mismatch in|^ +Index timestamp: \d+, log timestamp: -1$')
OTHER_TIME = re.compile(r'^ +Index timestamp: ')


class Relay(Bench):
    """A bench whose broker changes."""

    def hand_to(self, kind, properties=SETTINGS):
        """Stops the broker in order, unless it was killed; another one starts on its directory."""
        self.client.close()
        status = self.broker.stop()
        self.broker = brokers.Broker(kind, self.broker.directory, port=self.broker.port, properties=properties)
        self.start()
        for topic in self.written:
            self.served(topic)
        return status

    def roll_large(self, topic, segment):
        for number in range(2):
            offset = self.append(topic, [(b'filler', self.random.randbytes(segment * 3 // 4))])
        return offset

    def seen(self):
        """All that is served, by aspect."""
        out = {'batches': {}, 'aborted transactions': {}, 'bounds': {}, 'last stable offset': {}}
        for topic in self.written:
            batches, _ = self.batches(topic)
            out['batches'][topic] = b''.join(batch.raw for batch in batches)
            committed, aborted = self.batches(topic, READ_COMMITTED)
            out['aborted transactions'][topic] = sorted(aborted)
            out['last stable offset'][topic] = committed[-1].last_offset
            out['bounds'][topic] = self.bounds(topic)
        return out


class Work:
    """What is written, the same for both brokers."""

    def __init__(self, bench):
        self.bench, self.producers, self.rounds, self.buried = bench, [], 0, []
        for topic, configs in TOPICS.items():
            bench.create(topic, configs)

    def records(self, count, dead=0.0):
        random_ = self.bench.random
        return [(b'key %d' % random_.randrange(KEYS),
                 None if random_.random() < dead else random_.randbytes(200) + b'again ' * 20) for _ in range(count)]

    def go(self):
        """One round: as much of everything as makes several segments of it, closed by a roll."""
        bench, old = self.bench, now_ms() - HOUR_MS
        self.rounds += 1
        if not self.producers:
            self.producers = [Producer(bench, f'p{number}') for number in range(3)]
        for number in range(14):
            for topic in TOPICS:
                if topic == 'transactional':
                    continue
                times = {'timestamp': old} if topic == 'deleted-too' and number < 5 and self.rounds == 1 else {}
                bench.append(topic, self.records(4, 0.15 if topic.startswith('buried') else 0), packed=topic == 'gzip', **times)
        self.transactions(25)
        for topic in ('buried', 'buried-soon'):
            bench.append(topic, [(b'tombstone %d' % self.rounds, b'to be deleted')])
            self.buried.append((topic, bench.append(topic, [(b'tombstone %d' % self.rounds, None)])))
        ends = {topic: bench.roll(topic) for topic in TOPICS for _ in range(2)}
        for topic, end in ends.items():
            bench.written[topic].sort()
            bench.compacted(topic, end)

    def transactions(self, count):
        opened = []
        for number in range(count):
            if len(opened) == len(self.producers) or (opened and number % 3 == 2):
                opened.pop(0).end(number % 2 == 0)
            idle = next(producer for producer in self.producers if producer not in opened)
            idle.begin('transactional')
            opened.append(idle)
            for producer in opened:
                producer.write(self.records(2))
            if number % 5 == 0:
                self.bench.append('transactional', self.records(1))
        for number, producer in enumerate(opened):
            producer.end(number % 2 > 0)

    def due(self, topic):
        """What is to be there of (offset, key, value); tombstones may have gone where they go at once."""
        start = self.bench.first(topic)
        return [record for record in survivors(self.bench.written[topic], self.bench.cleaned(topic)) if record[0] >= start]

    def check(self, report, who):
        reasons = []
        for topic in READABLE:
            for isolation in (READ_UNCOMMITTED, READ_COMMITTED):
                reason = first_difference(self.due(topic), self.bench.read(topic, isolation))
                if reason:
                    reasons.append(f'{topic}: {reason}')
        counts = {topic: len(self.bench.sizes(topic)) for topic in TOPICS}
        report.line(not reasons, f'{who}: what is served is the model\'s', ' | '.join(reasons[:3])[:900] or f'({len(READABLE)} topics)')
        report.line(min(counts.values()) >= 3, f'{who}: three segments each and more', str(counts))
        found = [horizons(self.bench.batches(topic)[0], offset) for topic, offset in self.buried if topic == 'buried']
        report.line(all(found) and found, f'{who}: tombstones have their horizons', str(found))
        gone = [horizons(self.bench.batches(topic)[0], offset) for topic, offset in self.buried if topic == 'buried-soon'][:-1]
        report.line(not any(gone), f'{who}: those whose horizon has passed are gone', str(gone))


def dumped(output):
    """{topic: [(offset, key size, value size)]} of what dump-log said of records."""
    out, topic = {}, None
    for line in output.splitlines():
        match = DUMPING.match(line)
        if match:
            topic = match[1]
        elif line.startswith('Dumping '):
            topic = None
        record = RECORD.match(line)
        if record and topic in TOPICS and 'endTxnMarker' not in line:
            out.setdefault(topic, []).append(tuple(map(int, record.groups())))
    return out


def size(data):
    return -1 if data is None else len(data)


def read_offline(report, who, bench, due):
    """Of a stopped broker's files: both dump-log and dump.py."""
    files = [os.path.join(folder, name) for folder, _, names in os.walk(bench.broker.data) for name in sorted(names)
             if not folder.endswith('__cluster_metadata-0') and name.endswith(('.log', '.index', '.timeindex', '.txnindex'))]
    files.sort()
    kinds = {kind: sum(path.endswith(kind) for path in files) for kind in ('.log', '.index', '.timeindex', '.txnindex')}
    report.line(min(kinds.values()) >= 1 and kinds['.log'] >= 3 * len(TOPICS), f'{who}: there is enough to be read', str(kinds))
    indexes = [path for path in files if path.endswith(('.index', '.timeindex'))]
    records = {}
    for arguments, paths in ((['--deep-iteration'], files), (['--index-sanity-check'], indexes)):
        status, output = dump(brokers.kafka_runner(), arguments, paths)
        complaints = [line for line in output.splitlines()
                      if (COMPLAINT.search(line) or OTHER_TIME.search(line))
                      and not any(known.search(line) for known in (HARMLESS, GAPS, TIMES))]
        if status or output.count('Dumping ') < len(paths):
            complaints.append(f'status {status}, {output.count("Dumping ")} of {len(paths)} files read: {output[-300:]}')
        report.line(not complaints, f'{who}: dump-log {arguments[0]}', ' | '.join(complaints[:3])[:700] or f'({len(paths)} files)')
        records = records or dumped(output)
    reasons = []
    for topic, wanted in due.items():
        reason = first_difference([(offset, size(key), size(value)) for offset, key, value in wanted],
                                  [row for row in records.get(topic, []) if row[0] >= wanted[0][0]])
        if reason:
            reasons.append(f'{topic}: {reason}')
    report.line(not reasons, f'{who}: dump-log finds the model\'s records', ' | '.join(reasons[:3])[:700] or f'({len(due)} topics)')
    problems = Dump(bench.broker.data).problems
    report.line(not problems, f'{who}: dump.py finds nothing wrong', ' | '.join(map(str, problems[:4]))[:700])


def errors_of(broker):
    """What a broker's log says of trouble since its start."""
    if broker.kind == 'kafka':
        return [line for line in complaints_of(broker) if not LOADED_TOO_EARLY.search(line)]
    return [line for line in broker.log_text(broker.log_start).splitlines() if re.search(r' (warn|error) ', line)]


def leave(report, who, bench, work):
    """The broker's last words, and what is in its files; what is to be served by the next."""
    work.check(report, who)
    seen = bench.seen()
    due = {topic: work.due(topic) for topic in TOPICS if topic != 'buried-soon'}
    reasons = errors_of(bench.broker)
    report.line(not reasons, f'{who} complains of nothing', ' | '.join(line[:300] for line in reasons[:4]))
    status = bench.broker.stop()
    report.line(status in (0, 143), f'{who} stops in order', f'status {status}')
    read_offline(report, who, bench, due)
    return seen


def take_over(report, who, kind, bench, work, seen):
    bench.hand_to(kind)
    after = bench.seen()
    for aspect, before in seen.items():
        reason = difference(before, after[aspect])
        report.line(not reason and before, f'{who} serves the same: {aspect}', reason or f'({len(before)} topics)')
    before = {topic: bench.cleaned(topic) for topic in TOPICS}
    work.go()
    moved = all(bench.cleaned(topic) > end for topic, end in before.items())
    report.line(moved, f'{who} goes on compacting', f'up to {[bench.cleaned(topic) for topic in TOPICS]}')


def run(folder, first, then, report, seed):
    names = [first.capitalize(), then.capitalize(), first.capitalize() + ' again']
    bench = Relay(first, os.path.join(folder, 'node'), report, seed)
    work = Work(bench)
    work.go()
    seen = leave(report, names[0], bench, work)
    take_over(report, names[1], then, bench, work, seen)
    seen = leave(report, names[1], bench, work)
    take_over(report, names[2], first, bench, work, seen)
    work.check(report, names[2])
    reasons = errors_of(bench.broker)
    report.line(not reasons, f'{names[2]} complains of nothing', ' | '.join(line[:300] for line in reasons[:4]))
    bench.close()


# Killed while it compacts

class Load(threading.Thread):
    """Writes one topic until the broker is gone; the newest acknowledged value of each key, with its offset."""

    def __init__(self, port, topic, newest, seed):
        super().__init__()
        self.port, self.topic, self.newest, self.random, self.sent = port, topic, newest, random.Random(seed), 0

    def run(self):
        try:
            with TxnClient(self.port, timeout=10) as client:
                while True:
                    records = [(b'key %d' % self.random.randrange(200), self.random.randbytes(200)) for _ in range(20)]
                    error, offset, _ = client.produce(self.topic, 0, build_batch(records, Fields(base_timestamp=now_ms())))
                    if error:
                        return
                    self.sent += len(records)
                    for delta, (key, value) in enumerate(records):
                        self.newest[key] = offset + delta, value
        except (ConnectionLost, MalformedResponse):
            pass


def kills(folder, report, seed, tries):
    slow = {**SETTINGS, 'log.cleaner.io.max.bytes.per.second': '1000000'}
    bench = Relay('kafka', os.path.join(folder, 'killed'), report, seed)
    topics = ('one', 'two')
    for topic in topics:
        bench.create(topic, {**CONFIGS, 'internal.segment.bytes': str(LARGE)})
    newest = {topic: {} for topic in topics}
    at_work = 0
    for number in range(tries):
        if number:
            bench.hand_to('kafka', slow if number % 2 else SETTINGS)
        loads = [Load(bench.broker.port, topic, newest[topic], f'{seed} {topic} {number}') for topic in topics]
        for load in loads:
            load.start()
        before = [bench.cleaned(topic) for topic in topics]
        until(lambda: [bench.cleaned(topic) for topic in topics] != before)
        time.sleep(bench.random.random())
        until(lambda: any(bench.files(topic, suffix) for topic in topics for suffix in ('.cleaned', '.swap')), 3, 0.001)
        bench.broker.kill9()
        for load in loads:
            load.join()
        left = [name for topic in topics for suffix in ('.cleaned', '.swap') for name in bench.files(topic, suffix)]
        at_work += bool(left)
        bench.hand_to('moldau')
        reasons = [line for line in errors_of(bench.broker) if ' error ' in line]
        for topic in topics:
            found = {key: (offset, value) for offset, key, value in bench.read(topic)}
            for key, (offset, value) in newest[topic].items():
                there = found.get(key, (-1, None))
                if there[0] < offset or (there[0] == offset and there[1] != value):
                    reasons.append(f'{topic}, {key}: {offset} was acknowledged, {there[0]} is there')
        sent = sum(load.sent for load in loads)
        report.line(not reasons and sent > 1000, f'Kafka killed, try {number + 1}: the newest of every key is there',
                    ' | '.join(reasons[:3])[:600] or f'({sent} records, {len(left)} files of its cleaner were left)')
        for topic in topics:
            end = bench.roll_large(topic, LARGE)
            bench.compacted(topic, end)
        status = bench.broker.stop()
        problems = Dump(bench.broker.data).problems
        report.line(status == 0 and not problems, f'Kafka killed, try {number + 1}: Moldau compacts it and leaves it sound',
                    ' | '.join(map(str, problems[:3]))[:600])
    report.line(at_work, 'the cleaner was at work when it was killed', f'{at_work} of {tries} times')
    bench.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--first', choices=('moldau', 'kafka'), default='moldau')
    parser.add_argument('--then', choices=('moldau', 'kafka'), help='the other one by default')
    parser.add_argument('--kills', type=int, default=0, help='only this: kill Kafka so often')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--keep', action='store_true', help='keep the directory')
    options = parser.parse_args()
    os.environ.setdefault('JAVA_OPTS', '-XX:TieredStopAtLevel=1')    # none of these lives for long
    then = options.then or ('kafka' if options.first == 'moldau' else 'moldau')
    brokers.exit_on_signals()
    report = Report()
    print(f'seed {options.seed}', flush=True)
    try:
        with scratch_folder('moldau-hand-back-', options.keep) as folder:
            if options.kills:
                kills(folder, report, options.seed, options.kills)
            else:
                run(folder, options.first, then, report, options.seed)
    except (RuntimeError, OSError, ConnectionLost, MalformedResponse, subprocess.SubprocessError) as error:
        report.line(False, 'hand-back-compacted', f'{type(error).__name__}: {error}'[-1500:])
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
