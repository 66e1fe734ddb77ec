#!/usr/bin/env python3
"""A directory that Moldau left in order is Apache Kafka's, and Moldau's again after that.

    hand_back.py [--keep]

Moldau is written to with all that leaves something on the disk: rolls, every codec, idempotent producers,
DeleteRecords, deleted topics, changed configurations, several runs of the broker, one of them killed. Then

0. Kafka refuses what kill -9 left, and nothing is lost by its trying;
1. kafka-dump-log reads every file without a complaint, the metadata's log and snapshots too;
2. Apache Kafka starts on the directory, recovers nothing, and serves what Moldau served: the bytes of all
   batches, offsets, log starts, topic ids, configurations, look-ups by time and by leader epoch; producers
   go on with their next sequence, and a batch sent twice is found to be there;
3. Moldau starts on what Kafka left, and serves that.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time

import broker as brokers
from raw_client import BROKER, EARLIEST, LATEST, RawClient, error_name
from record_batch import Fields, build_batch, parse_batches
from report import Report
from scratch import scratch_folder

sys.path.insert(0, os.path.join(brokers.REPOSITORY, 'tests', 'storage'))
from kafka_reads_it import COMPLAINT, HARMLESS, dump  # noqa: E402

MIB = 1 << 20
MAX_TIMESTAMP = -3
PROPERTIES = {'num.partitions': 1, 'log.index.interval.bytes': 2000}
# name: partitions, configs
TOPICS = {
    'plain': (3, {}),
    'rolled': (2, {'segment.bytes': '1048576', 'index.interval.bytes': '1000', 'retention.ms': '-1'}),
    'rolled-by-time': (1, {'segment.ms': '1000', 'retention.ms': '-1'}),
    'codecs': (5, {'segment.bytes': '1048576'}),
    'recompressed': (1, {'compression.type': 'gzip'}),
    'append-time': (1, {'message.timestamp.type': 'LogAppendTime'}),
    'compacted': (1, {'cleanup.policy': 'compact', 'min.compaction.lag.ms': '86400000'}),
    'trimmed': (2, {'segment.bytes': '1048576'}),
    'emptied': (1, {}),
    'empty': (2, {}),
    'with.dots_and-dashes-7': (1, {'max.message.bytes': '2000000', 'min.insync.replicas': '1'}),
    'grown': (1, {}),
    'idempotent': (2, {'segment.bytes': '1048576'}),
    'deleted': (2, {'segment.bytes': '1048576'}),
    'made-again': (1, {}),
}
CODECS = ('none', 'gzip', 'snappy', 'lz4', 'zstd')
# Every start of a controller says the first; one that is asked before it is active, the next two; a slow machine, the last.
HARMLESS_IN_LOG = re.compile('Performing controller activation|apiKey=CONTROLLER_REGISTRATION|'
                             'NotControllerException|EventPerformanceMonitor')
IN_LOG = re.compile(r' (WARN|ERROR|FATAL) |Exception')


class Writer:
    """Fills a broker; remembers where each idempotent producer is."""

    def __init__(self, port):
        self.port, self.sequences = port, {}

    def __enter__(self):
        self.client = RawClient(self.port, timeout=30)
        return self

    def __exit__(self, *_):
        self.client.close()

    def create(self, name, partitions, configs):
        error, _ = self.client.create_topic(name, partitions, configs)
        if error:
            raise RuntimeError(f'create {name}: {error_name(error)}')
        for partition in range(partitions):
            self.produce(name, partition, None)

    def produce(self, topic, partition, batch, patience_s=20):
        """Produces, or waits until the partition is served when `batch` is None."""
        deadline = time.monotonic() + patience_s
        while True:
            if batch is None:
                error = self.client.list_offsets({(topic, partition): LATEST})[topic, partition][0]
            else:
                error, offset, _ = self.client.produce(topic, partition, batch)
            if not error:
                return None if batch is None else offset
            if time.monotonic() > deadline:
                raise RuntimeError(f'{topic}-{partition}: {error_name(error)}')
            time.sleep(0.05)

    def records(self, topic, partition, count, size=100, step_ms=1, per_batch=7, back_ms=0):
        """`count` records of random bytes, whose times go up by `step_ms`."""
        now = int(time.time() * 1000) - back_ms
        for first in range(0, count, per_batch):
            batch = build_batch(
                [(b'key %d' % (i % 50), os.urandom(size), [(b'h', b'%d' % i)], now + i * step_ms)
                 for i in range(first, min(first + per_batch, count))],
                Fields(base_timestamp=now + first * step_ms))
            self.produce(topic, partition, batch)

    def idempotent(self, topic, partition, producer, batches, size=3000):
        for _ in range(batches):
            self.produce(topic, partition, self.next_batch(topic, partition, producer, size))

    def next_batch(self, topic, partition, producer, size=3000):
        key = topic, partition, producer
        sequence = self.sequences.get(key, 0)
        self.sequences[key] = sequence + 3
        return build_batch([(b'k', os.urandom(size))] * 3, Fields(
            base_timestamp=int(time.time() * 1000), producer_id=producer, producer_epoch=0,
            base_sequence=sequence))

    def must(self, what, error):
        if error:
            raise RuntimeError(f'{what}: {error_name(error)}')


def kcat(port, topic, codec, partition, lines):
    """A real client compresses what a raw one does not."""
    subprocess.run(['kcat', '-P', '-b', f'127.0.0.1:{port}', '-t', topic, '-p', str(partition), '-z', codec,
                    '-X', 'acks=all', '-X', 'linger.ms=50'], input='\n'.join(lines) + '\n', text=True,
                   check=True, timeout=120, capture_output=True)


def fill(broker):
    """All that a run of a broker may leave; the producers' state for what comes after."""
    with Writer(broker.port) as writer:
        client = writer.client
        for name, (partitions, configs) in TOPICS.items():
            writer.create(name, partitions, configs)
        for partition in range(3):
            writer.records('plain', partition, 200)
        for partition in range(2):
            writer.records('rolled', partition, 900, size=4000)
            writer.records('trimmed', partition, 900, size=4000)
            writer.records('deleted', partition, 400, size=4000)
        writer.records('rolled-by-time', 0, 60, step_ms=300, per_batch=1, back_ms=60000)
        for partition, codec in enumerate(CODECS):
            kcat(broker.port, 'codecs', codec, partition,
                 [f'{i} {os.urandom(40).hex()} ' + 'again ' * 20 for i in range(10000)])
        writer.records('recompressed', 0, 300)
        kcat(broker.port, 'recompressed', 'lz4', 0, [f'{i} ' + 'again ' * 20 for i in range(500)])
        writer.records('append-time', 0, 100, back_ms=5000)
        writer.records('compacted', 0, 300)
        writer.records('emptied', 0, 50)
        writer.records('with.dots_and-dashes-7', 0, 50, size=30000, per_batch=40)
        writer.records('grown', 0, 20)
        writer.must('create partitions', client.create_partitions('grown', 3))
        for partition in (1, 2):
            writer.produce('grown', partition, None)
            writer.records('grown', partition, 20)
        writer.records('made-again', 0, 30)
        producers = []
        for _ in range(2):
            error, producer, _epoch = client.init_producer_id()
            writer.must('init producer id', error)
            producers.append(producer)
        for producer in producers:
            for partition in range(2):
                writer.idempotent('idempotent', partition, producer, 150)
        return producers, writer.sequences


def go_on(broker, producers, sequences):
    """The second run: a later leader epoch, and everything that changes what the first one wrote."""
    with Writer(broker.port) as writer:
        writer.sequences = sequences
        client = writer.client
        for name, (partitions, _) in TOPICS.items():
            for partition in range(partitions):
                writer.produce(name, partition, None)
        for topic in ('plain', 'rolled', 'compacted'):
            writer.records(topic, 0, 100)
        writer.idempotent('idempotent', 0, producers[0], 5)
        writer.must('delete records', client.delete_records('trimmed', 0, 333)[0])
        writer.must('delete records', client.delete_records('trimmed', 1, 12)[0])
        writer.must('delete records', client.delete_records('emptied', 0, -1)[0])
        for topic in ('deleted', 'made-again'):
            writer.must('delete', client.delete_topic(topic))
        writer.create('made-again', 2, {'retention.bytes': '1000000000'})
        writer.records('made-again', 1, 10)
        writer.must('alter', client.set_topic_configs('plain', {'retention.ms': '7200000', 'segment.ms': '3600000'}))
        writer.must('alter', client.set_topic_configs('rolled', {'index.interval.bytes': None}))
        writer.must('alter', client.set_topic_configs('1', {'log.retention.ms': '86400000'}, BROKER))
        writer.must('alter', client.set_topic_configs('', {'message.max.bytes': '2097152'}, BROKER))
        return writer.sequences


def all_batches(client, topic, partition, start, end):
    """The bytes of every batch from `start` on."""
    data, offset = b'', start
    while offset < end:
        error, answers = client.fetch({(topic, partition): offset}, partition_max_bytes=4 * MIB)
        answer = answers.get((topic, partition), {'error': error})
        if error or answer['error'] or not answer['data']:
            raise RuntimeError(f'{topic}-{partition} at {offset}: '
                               f'{error_name(error or answer["error"])}, end {end}')
        batches = parse_batches(answer['data'])
        for batch in batches:
            if not batch.crc_is_good():
                raise RuntimeError(f'{topic}-{partition}: a batch with a bad CRC')
            data += batch.raw
        offset = batches[-1].last_offset + 1
    return data


def served(port):
    """{aspect: {where: what}} of everything that a broker serves."""
    out = {'records': {}, 'log start': {}, 'log end': {}, 'topic id': {}, 'configuration': {},
           'by time': {}, 'leader epochs': {}}
    with RawClient(port, timeout=30) as client:
        topics = client.metadata()['topics']
        for name, topic in sorted(topics.items()):
            out['topic id'][name] = str(topic['id'])
            out['configuration'][name] = client.topic_configs(name)
            for partition in sorted(topic['partitions']):
                where = name, partition
                starts, ends, newest = (client.list_offsets({where: at})[where]
                                        for at in (EARLIEST, LATEST, MAX_TIMESTAMP))
                out['log start'][where], out['log end'][where] = starts[:3], ends[:3]
                data = all_batches(client, name, partition, starts[2], ends[2])
                out['records'][where] = data
                batches = parse_batches(data)
                times = sorted({b.max_timestamp for b in batches})
                wanted = [times[i * (len(times) - 1) // 6] for i in range(7)] if times else [0]
                if not batches:
                    newest = None  # where all records are deleted, Kafka names the last of them
                out['by time'][where] = [newest] + [client.list_offsets({where: at})[where]
                                                    for at in wanted + [wanted[-1] + 1]]
                epochs = {b.leader_epoch for b in batches}
                out['leader epochs'][where] = {
                    epoch: client.offset_for_leader_epoch(name, partition, epoch)
                    for epoch in sorted(epochs)[:-1]}
        for name in ('1', ''):
            error, configs = client.topic_configs(name, ['log.retention.ms', 'message.max.bytes'], BROKER)
            out['configuration']['broker ' + name] = error, configs
    return out


def difference(before, after):
    """Where two things that were served differ, or ''."""
    for where in sorted(before.keys() | after.keys(), key=str):
        here, there = before.get(where), after.get(where)
        if here == there:
            continue
        if isinstance(here, bytes) and isinstance(there, bytes):
            at = next((i for i, (a, b) in enumerate(zip(here, there)) if a != b), min(len(here), len(there)))
            return f'{where}: {len(here)} and {len(there)} bytes, the first other one at {at}'
        if isinstance(here, tuple) and isinstance(there, tuple) and isinstance(here[-1], dict) \
                and isinstance(there[-1], dict):
            names = {n for n in here[-1].keys() | there[-1].keys() if here[-1].get(n) != there[-1].get(n)}
            return f'{where}: ' + ', '.join(
                f'{n} {here[-1].get(n)!r}, now {there[-1].get(n)!r}' for n in sorted(names))
        return f'{where}: {here!r}, now {there!r}'
    return ''


def compare(report, who, before, after):
    for aspect in before:
        there = len(before[aspect])
        reason = difference(before[aspect], after[aspect])
        report.line(not reason and there > 0, f'{who} serves the same: {aspect}', reason or f'({there})')


def files_of(data):
    """The files of all partitions, and the metadata's own."""
    logs, metadata = [], []
    for folder, _, names in os.walk(data):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if folder.endswith('__cluster_metadata-0') or name.endswith('.checkpoint'):
                if name.endswith(('.log', '.checkpoint')):
                    metadata.append(path)
            elif name.endswith(('.log', '.index', '.timeindex', '.txnindex', '.snapshot')):
                logs.append(path)
    return sorted(logs), sorted(metadata)


def dump_all(report, data):
    logs, metadata = files_of(data)
    kinds = {kind: sum(path.endswith(kind) for path in logs)
             for kind in ('.log', '.index', '.timeindex', '.snapshot')}
    report.line(min(kinds.values()) > 10, 'there is enough to be read', str(kinds))
    indexes = [path for path in logs if path.endswith('index')]
    for arguments, files in ((['--deep-iteration'], logs), (['--index-sanity-check'], indexes),
                             (['--verify-index-only'], indexes),
                             (['--cluster-metadata-decoder'], metadata)):
        status, output = dump(brokers.kafka_runner(), arguments, files)
        complaints = [line for line in output.splitlines()
                      if COMPLAINT.search(line) and not HARMLESS.search(line)]
        if status:
            complaints.append(f'exit status {status}: {output[-300:]}')
        if output.count('Dumping ') < len(files):
            complaints.append(f'{output.count("Dumping ")} of {len(files)} files read')
        report.line(not complaints, 'dump-log ' + arguments[0],
                    ' | '.join(complaints[:3])[:600] or f'({len(files)} files)')


def producers_go_on(report, who, port, producers, sequences):
    """The last batch sent again is a duplicate, the next one follows, a gap is refused."""
    with Writer(port) as writer:
        writer.sequences = sequences
        for partition in range(2):
            key = 'idempotent', partition, producers[1]
            end = writer.client.list_offsets({key[:2]: LATEST})[key[:2]][2]
            first, again = (writer.next_batch(*key) for _ in range(2))
            offset = writer.produce('idempotent', partition, first)
            report.line(offset == end, f'{who}: a producer goes on, partition {partition}', f'{offset}, end {end}')
            writer.produce('idempotent', partition, again)
            error, twice, _ = writer.client.produce('idempotent', partition, again)
            report.line((error, twice) == (0, offset + 3), f'{who}: a batch twice, partition {partition}',
                        f'{error_name(error)} at {twice}')
            skipped = writer.next_batch(*key)
            ahead = writer.next_batch(*key)
            error = writer.client.produce('idempotent', partition, ahead)[0]
            report.line(error_name(error) == 'OUT_OF_ORDER_SEQUENCE_NUMBER',
                        f'{who}: a gap is refused, partition {partition}', error_name(error))
            writer.produce('idempotent', partition, skipped)
            writer.sequences[key] -= 3
        return writer.sequences


def complaints_of(broker):
    """What Kafka's log says at the level of a warning or above, since the last start."""
    return [line for line in broker.log_text(broker.log_start).splitlines()
            if IN_LOG.search(line) and not HARMLESS_IN_LOG.search(line)]


def wait_until_served(broker):
    with Writer(broker.port) as writer:
        for name, topic in writer.client.metadata()['topics'].items():
            for partition in topic['partitions']:
                writer.produce(name, partition, None)


def refused_by_kafka(report, folder, port):
    """What was acknowledged may be in the lane alone, which Kafka does not know."""
    kafka = brokers.Broker('kafka', folder, port=port, properties=PROPERTIES)
    kafka.launch()
    try:
        status = kafka.process.wait(60)
    except subprocess.TimeoutExpired:
        kafka.kill9()
        status = 0
    named = '.moldau' in kafka.log_text(kafka.log_start)
    report.line(status != 0 and named, 'Kafka does not start after kill -9', f'status {status}')


def run(folder, report):
    moldau = brokers.Broker('moldau', folder, properties=PROPERTIES).start()
    producers, sequences = fill(moldau)
    before = served(moldau.port)
    moldau.kill9()
    refused_by_kafka(report, folder, moldau.port)
    moldau.start()
    wait_until_served(moldau)
    compare(report, 'Moldau after kill -9', before, served(moldau.port))
    sequences = go_on(moldau, producers, sequences)
    before = served(moldau.port)
    size = sum(map(len, before['records'].values()))
    status = moldau.stop()
    report.line(status == 0, 'Moldau stops in order', f'status {status}; {size} bytes of records')
    dump_all(report, moldau.data)

    kafka = brokers.Broker('kafka', folder, port=moldau.port, properties=PROPERTIES).start()
    wait_until_served(kafka)
    compare(report, 'Kafka', before, served(kafka.port))
    complaints = complaints_of(kafka)
    report.line(not complaints, 'Kafka complains of nothing', ' | '.join(line[:300] for line in complaints[:6]))
    sequences = producers_go_on(report, 'Kafka', kafka.port, producers, sequences)
    before = served(kafka.port)
    kafka.stop()

    moldau.start()
    wait_until_served(moldau)
    compare(report, 'Moldau again', before, served(moldau.port))
    producers_go_on(report, 'Moldau again', moldau.port, producers, sequences)
    report.line(moldau.stop() == 0, 'Moldau stops in order again')
    dump_all(report, moldau.data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--keep', action='store_true', help='keep the directory')
    options = parser.parse_args()
    brokers.exit_on_signals()
    missing = [tool for tool in ('java', 'kcat') if not shutil.which(tool)]
    if missing:
        print(f'skip hand-back needs {" and ".join(missing)}\n0 passed, 0 failed, 1 skipped')
        return 1 if os.environ.get('CI') == 'true' else 0
    report = Report()
    try:
        with scratch_folder('moldau-hand-back-', options.keep) as folder:
            run(os.path.join(folder, 'node'), report)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        report.line(False, 'hand-back', str(error)[-1500:])
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
