#!/usr/bin/env python3
"""What cleanup.policy and its configurations make of the logs of a living broker.

    cleanup.py [PART ...] [--kind moldau|kafka] [--keep] [--seed N]

Each configuration is set while the broker runs, its effect is seen, and it is unset again and the other behaviour is
seen. What is to stay is shown by a witness: another topic that the same passes of the broker do change. Of every
compacted topic the records that are served are compared with a model: of each key the newest below what the cleaner's
checkpoint says, and everything above. After each part the broker stops, dump.py reads its directory, and a broker that
cleans nothing serves exactly the batches that are in the files.
"""
import argparse
import concurrent.futures
import gzip
import itertools
import os
import random
import sys
import threading
import time

import broker as brokers
from dump import CLEANER, Dump, read_checkpoint
from hand_back import all_batches
from raw_client import EARLIEST, ERROR, LATEST, ConnectionLost, MalformedResponse, error_name
from record_batch import HEADER_BYTES, Batch, Fields, build_batch, encode_record, parse_batches
from report import Report
from scratch import scratch_folder
from txn_client import READ_COMMITTED, READ_UNCOMMITTED, TxnClient, transactional_batch

HOUR_MS = 3600 * 1000
SEGMENT = 4096
PATIENCE_S = 30.0
GZIP = 1
DELETE_HORIZON = 0x40    # a batch's attribute: its first timestamp is when its tombstones may go
SETTINGS = {
    'num.partitions': 1, 'log.retention.check.interval.ms': 200, 'log.cleaner.backoff.ms': 100,
    'offsets.topic.num.partitions': 2, 'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 2, 'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1, 'group.initial.rebalance.delay.ms': 0}
# Nothing is cleaned any more.
QUIET = {**SETTINGS, 'log.cleaner.enable': 'false', 'log.retention.check.interval.ms': 24 * HOUR_MS}
SMALL = {'internal.segment.bytes': str(SEGMENT), 'file.delete.delay.ms': '600'}
COMPACT = {**SMALL, 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01'}
RETRY = {ERROR[name] for name in ('CONCURRENT_TRANSACTIONS', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR',
                                  'COORDINATOR_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION',
                                  'NOT_LEADER_OR_FOLLOWER')}


class Failed(RuntimeError):
    """Something that the rest of a part needs did not happen."""


def now_ms():
    return int(time.time() * 1000)


def until(true, patience_s=PATIENCE_S, pause_s=0.02):
    """Asks until the answer is true, or for so long; the last answer."""
    deadline = time.monotonic() + patience_s
    while True:
        answer = true()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(pause_s)


def soon(call, error_of=lambda answer: answer):
    """Calls until nothing is in the way that goes by; the answer."""
    answers = []

    def done():
        answers[:] = [call()]
        return error_of(answers[0]) not in RETRY
    until(done)
    return answers[0]


def must(what, error):
    if error:
        raise Failed(f'{what}: {error_name(error)}')


def compressed_batch(records, fields):
    """As build_batch, with gzip."""
    body = b''.join(encode_record(delta, 0, *record) for delta, record in enumerate(records))
    fields.attributes |= GZIP
    return build_batch(records, fields, payload=gzip.compress(body, mtime=0))


def records_of(batch):
    """The records of a plain batch or one compressed by gzip; none of a control batch."""
    if batch.is_control:
        return []
    if batch.codec == GZIP:
        batch = Batch(batch.raw[:HEADER_BYTES] + gzip.decompress(batch.raw[HEADER_BYTES:]), batch.position)
        batch.attributes &= ~GZIP
    return batch.records()


def survivors(records, cleaned):
    """What compaction up to `cleaned` leaves of (offset, key, value), while tombstones are kept."""
    newest = {key: offset for offset, key, _ in records if offset < cleaned}
    return [record for record in records if record[0] >= cleaned or newest[record[1]] == record[0]]


def first_difference(due, found):
    """Where two lists of records differ, or ''."""
    if due == found:
        return ''
    for wanted, there in itertools.zip_longest(due, found):
        if wanted != there:
            return f'{len(due)} are due, {len(found)} there; {short(wanted)} was due, {short(there)} is there'
    return ''


def short(record):
    return str(record)[:90]


class Bench:
    """A broker, and what was written to it. Its log is looked at from outside: over the network, and as files."""

    def __init__(self, kind, folder, report, seed):
        self.kind, self.report, self.random = kind, report, random.Random(seed)
        self.written, self.fillers = {}, itertools.count()
        self.client = None
        for tries_left in (2, 1, 0):
            self.broker = brokers.Broker(kind, folder, properties=SETTINGS)
            try:
                self.start()
                break
            except RuntimeError as error:    # another part's broker may have the port, with HTTP's there are two
                if 'in use' not in str(error) or not tries_left:
                    raise

    def start(self):
        self.broker.start()
        self.client = TxnClient(self.broker.port, timeout=30)

    def restart(self, properties, kill=False):
        self.client.close()
        if kill:
            self.broker.kill9()
        elif self.broker.stop() not in (0, 143):
            raise Failed('the broker did not stop in order')
        self.broker.properties = properties
        self.start()

    def close(self):
        self.client.close()
        self.broker.kill9()

    # Writing

    def create(self, topic, configs, partitions=1):
        must(f'create {topic}', self.client.create_topic(topic, partitions, configs)[0])
        self.written.setdefault(topic, [])
        for partition in range(partitions):
            self.served(topic, partition)

    def served(self, topic, partition=0):
        def error():
            return self.client.list_offsets({(topic, partition): LATEST})[topic, partition][0]
        if not until(lambda: error() == 0):
            raise Failed(f'{topic}-{partition} is not served: {error_name(error())}')

    def configure(self, topic, **configs):
        """Sets configurations, None unsets; a name's dots are underscores here."""
        must(f'configure {topic}', self.client.set_topic_configs(
            topic, {name.replace('_', '.'): value for name, value in configs.items()}))

    def produce(self, topic, batch, **options):
        error, offset, _ = soon(lambda: self.client.produce(topic, 0, batch, **options), lambda answer: answer[0])
        must(f'produce to {topic}', error)
        return offset

    def note(self, topic, offset, records):
        self.written[topic] += [(offset + delta, key, value) for delta, (key, value) in enumerate(records)]

    def append(self, topic, records, timestamp=None, packed=False, **fields):
        """One batch of (key, value); its offset."""
        make = compressed_batch if packed else build_batch
        header = Fields(base_timestamp=now_ms() if timestamp is None else timestamp, **fields)
        offset = self.produce(topic, make(records, header))
        self.note(topic, offset, records)
        return offset

    def roll(self, topic, timestamp=None):
        """Two records that do not fit into one segment: everything below the second one's offset, which is returned,
        lies in segments that are closed."""
        for _ in range(2):
            offset = self.append(topic, [(b'filler', b'%d ' % next(self.fillers) + self.random.randbytes(SEGMENT * 3 // 4))], timestamp)
        return offset

    def fill(self, topic, count, keys=10, size=300, **options):
        for number in range(count):
            key = b'key %d' % self.random.randrange(keys)
            self.append(topic, [(key, b'%d ' % number + self.random.randbytes(size))], **options)

    # Seeing

    def bounds(self, topic, partition=0):
        """(log start, log end)"""
        return tuple(self.client.list_offsets({(topic, partition): at})[topic, partition][2] for at in (EARLIEST, LATEST))

    def first(self, topic):
        return self.bounds(topic)[0]

    def folder(self, topic, partition=0):
        return os.path.join(self.broker.data, f'{topic}-{partition}')

    def files(self, topic, suffix='.log', partition=0):
        try:
            return sorted(name for name in os.listdir(self.folder(topic, partition)) if name.endswith(suffix))
        except FileNotFoundError:
            return []

    def sizes(self, topic, partition=0):
        """[(base offset, bytes)] of the segments."""
        out = []
        for name in self.files(topic, partition=partition):
            try:
                out.append((int(name[:20]), os.path.getsize(os.path.join(self.folder(topic, partition), name))))
            except FileNotFoundError:
                pass    # it has just gone
        return out

    def batches(self, topic, isolation=READ_UNCOMMITTED, partition=0):
        """(all batches, what is said to be aborted), to the end that the isolation has."""
        where, out, aborted = (topic, partition), [], set()
        offset = self.bounds(topic, partition)[0]
        end = self.client.list_offsets({where: LATEST}, isolation)[where][2]
        while offset < end:
            error, answers = self.client.fetch({where: offset}, isolation=isolation, partition_max_bytes=1 << 22)
            if answers[where]['error'] == ERROR['OFFSET_OUT_OF_RANGE'] and self.bounds(topic, partition)[0] > offset:
                return self.batches(topic, isolation, partition)    # the start has just moved
            must(f'fetch {topic} at {offset}', error or answers[where]['error'])
            batches = parse_batches(answers[where]['data'])
            if not batches or not all(batch.crc_is_good() for batch in batches):
                raise Failed(f'{topic} at {offset}: {len(batches)} batches, the end is {end}')
            aborted.update(answers[where]['aborted'] or ())
            out += batches
            offset = batches[-1].last_offset + 1
        return out, aborted

    def read(self, topic, isolation=READ_UNCOMMITTED):
        """[(offset, key, value)] as a consumer sees them."""
        batches, aborted = self.batches(topic, isolation)
        waiting = sorted((first, producer) for producer, first in aborted)
        out, dropped = [], set()
        for batch in batches:
            while waiting and waiting[0][0] <= batch.last_offset:
                dropped.add(waiting.pop(0)[1])
            if batch.is_control:
                dropped.discard(batch.producer_id)
            elif not (batch.is_transactional and batch.producer_id in dropped):
                out += [(record.offset, record.key, record.value) for record in records_of(batch)]
        start = batches[0].base_offset if batches else 0
        return [record for record in out if record[0] >= start]

    def cleaned(self, topic, partition=0):
        """Up to where it was compacted, as the checkpoint in Kafka's format says."""
        try:
            rows = read_checkpoint(os.path.join(self.broker.data, CLEANER), 3)
        except FileNotFoundError:
            return 0
        return next((int(row[2]) for row in rows if row[:2] == [topic, str(partition)]), 0)

    def compacted(self, topic, to):
        """Waits until it is compacted up to there at least."""
        if not until(lambda: self.cleaned(topic) >= to):
            raise Failed(f'{topic} is compacted up to {self.cleaned(topic)}, not {to}')

    def equals_model(self, topic, isolation=READ_UNCOMMITTED):
        """Why what is served is not what is due, or ''. A round that is just going on is waited for."""
        reason = []

        def equal():
            cleaned = self.cleaned(topic)
            reason[:] = [first_difference(survivors(self.written[topic], cleaned), self.read(topic, isolation))]
            return not reason[0]
        until(equal)
        return reason[0]

    def line(self, good, name, text=''):
        self.report.line(bool(good), name, text)

    def settle(self):
        """Returns when the broker has been over all logs twice, for retention and for compaction."""
        for topic, configs in (('witness-age', {**SMALL, 'retention.ms': '1000'}), ('witness-keys', COMPACT)):
            if topic not in self.written:
                self.create(topic, configs)
        for _ in range(2):
            end = self.append('witness-age', [(b'k', b'old')], now_ms() - HOUR_MS) + 1
            self.compacted('witness-keys', self.roll('witness-keys'))
            if not until(lambda: self.first('witness-age') >= end):
                raise Failed('retention does not come by')
            time.sleep(0.25)    # other logs may have to be compacted after the witness

    def stays(self, topic, name):
        """Nothing of the topic goes while others lose theirs."""
        before = self.read(topic)
        self.settle()
        after = self.read(topic)
        self.line(before == after and before, name, f'({len(before)} records)' if before == after else
                  first_difference(before, after))

    def agree(self, part):
        """The files say what is served."""
        self.restart(QUIET)
        self.client.close()
        topics = [(name, partition) for name, topic in TxnClient(self.broker.port).metadata()['topics'].items()
                  for partition in topic['partitions']]
        self.client = TxnClient(self.broker.port, timeout=30)
        served = {}
        for name, partition in topics:
            self.served(name, partition)
            served[name, partition] = self.bounds(name, partition), all_batches(
                self.client, name, partition, *self.bounds(name, partition))
        self.client.close()
        status = self.broker.stop()
        dump = Dump(self.broker.data)
        problems = list(dump.problems)
        for key, ((start, end), data) in served.items():
            partition = dump.partitions[key]
            stored = b''.join(batch.raw for batch in partition.batches() if batch.last_offset >= start)
            if stored != data or (dump.log_start(key), partition.end_offset) != (start, end):
                problems.append(f'{key}: {len(data)} bytes from {start} to {end} are served, {len(stored)} from '
                                f'{dump.log_start(key)} to {partition.end_offset} are in the files')
        size = sum(len(data) for _, data in served.values())
        self.line(status in (0, 143) and not problems and size, f'{part}: the files say what is served',
                  ' | '.join(map(str, problems[:4]))[:800] or f'({len(served)} partitions, {size} bytes)')
        self.broker.properties = SETTINGS
        self.start()
        for name, partition in topics:
            self.served(name, partition)


# Retention

def retention_by_time(bench):
    topic, old = 'by-time', now_ms() - HOUR_MS
    bench.create(topic, {**SMALL, 'retention.ms': '-1'})
    bench.fill(topic, 30, size=1000, timestamp=old)
    fresh = bench.append(topic, [(b'k', b'new')])
    bench.stays(topic, 'retention.ms=-1 keeps what is old')
    bench.configure(topic, retention_ms='60000')
    moved = until(lambda: bench.first(topic) > fresh - 4)
    seen = until(lambda: bench.files(topic, '.log.deleted') and bench.files(topic, 'index.deleted'))
    start, end = bench.bounds(topic)
    bench.line(moved and start <= fresh and end == fresh + 1, 'retention.ms: old segments go, the new record stays',
               f'from {start} to {end}, the new record is {fresh}')
    bench.line(seen, 'retention.ms: files are renamed first', f'{len(bench.files(topic, ".deleted"))} *.deleted')
    gone = until(lambda: not bench.files(topic, '.deleted'))
    bench.line(gone and bench.sizes(topic)[0][0] == bench.first(topic), 'file.delete.delay.ms: and are gone later',
               f'{bench.sizes(topic)}')
    error = bench.client.fetch({(topic, 0): start - 1})[1][topic, 0]['error']
    bench.line(error_name(error) == 'OFFSET_OUT_OF_RANGE', 'retention.ms: a fetch below the start', error_name(error))
    bench.configure(topic, file_delete_delay_ms=None)
    bench.append(topic, [(b'k', b'old')], old)
    bench.stays(topic, 'retention.ms: a segment with a new record stays')
    bench.configure(topic, retention_ms='1000')
    end = bench.bounds(topic)[1]
    emptied = until(lambda: bench.bounds(topic) == (end, end))
    kept = until(lambda: bench.files(topic, '.deleted'))
    bench.line(emptied, 'retention.ms: the active segment goes as well', str(bench.bounds(topic)))
    bench.configure(topic, retention_ms=None)
    bench.fill(topic, 8, size=1000, timestamp=old)
    bench.stays(topic, 'retention.ms unset: what is an hour old stays')
    bench.line(kept and set(kept) <= set(bench.files(topic, '.deleted')), 'file.delete.delay.ms unset: files stay for a minute',
               f'{len(kept)} *.deleted')


def retention_by_append_time(bench):
    topic = 'by-append-time'
    bench.create(topic, {**SMALL, 'message.timestamp.type': 'LogAppendTime', 'retention.ms': '1800000'})
    bench.fill(topic, 12, size=1000, timestamp=now_ms() - HOUR_MS)
    bench.stays(topic, 'LogAppendTime: the time of the append counts')
    bench.configure(topic, retention_ms='200')
    end = bench.bounds(topic)[1]
    bench.line(until(lambda: bench.first(topic) == end), 'LogAppendTime: and it goes by', str(bench.bounds(topic)))
    bench.configure(topic, retention_ms='1800000', message_timestamp_type=None)
    bench.fill(topic, 4, size=1000, timestamp=now_ms() - HOUR_MS)
    end = bench.bounds(topic)[1]
    bench.line(until(lambda: bench.first(topic) == end), 'LogAppendTime unset: old times count again', str(bench.bounds(topic)))
    bench.fill(topic, 2)


def retention_by_size(bench):
    topic, limit = 'by-size', 3 * SEGMENT
    bench.create(topic, {**SMALL, 'retention.ms': '-1'})
    bench.fill(topic, 30, size=1000)
    bench.roll(topic)
    bench.stays(topic, 'retention.bytes=-1 keeps any size')
    everything = sum(size for _, size in bench.sizes(topic))

    def kept():
        """What the log has, and what it would have without its first segment: of the bytes that are served."""
        start = bench.first(topic)
        data = bench.batches(topic)[0]
        bases = [base for base, _ in bench.sizes(topic) if base > start]
        return (sum(len(batch.raw) for batch in data),
                sum(len(batch.raw) for batch in data if bases and batch.base_offset >= bases[0]))
    bench.configure(topic, retention_bytes=str(limit))
    least = []

    def small():
        least.append(kept()[0])
        return kept()[1] < limit
    found = until(small)
    bench.settle()
    least.append(kept()[0])
    bench.line(found and min(least) >= limit, 'retention.bytes: down to it, and never below',
               f'{everything} became {kept()[0]}, without the first segment {kept()[1]}, the limit is {limit}')
    bench.configure(topic, retention_bytes=None)
    bench.fill(topic, 15, size=1000)
    bench.stays(topic, 'retention.bytes unset: it grows again')


def deleted_records(bench):
    for topic, configs in (('trimmed', {**SMALL, 'retention.ms': '-1'}),
                           ('trimmed-compacted', {**COMPACT, 'cleanup.policy': 'compact,delete', 'retention.ms': '-1',
                                                  'min.compaction.lag.ms': str(HOUR_MS)})):
        bench.create(topic, configs)
        bench.fill(topic, 20, size=1000)
        middle = bench.roll(topic) - 10
        until(lambda: len(bench.sizes(topic)) > 5)
        bench.stays(topic, f'{topic}: nothing goes by itself')
        must('delete records', bench.client.delete_records(topic, 0, middle)[0])
        seen = until(lambda: bench.files(topic, '.log.deleted'))
        gone = until(lambda: not bench.files(topic, '.deleted') and len(bench.sizes(topic)) > 1
                     and bench.sizes(topic)[1][0] > middle)
        sizes = bench.sizes(topic)
        bench.line(seen and gone and sizes[0][0] <= middle and bench.first(topic) == middle,
                   f'{topic}: the files below DeleteRecords go', f'from {middle} on, segments {[base for base, _ in sizes]}')
        served = [record[0] for record in bench.read(topic) if record[0] >= middle]
        bench.line(served == list(range(middle, bench.bounds(topic)[1])), f'{topic}: the rest is there', f'({len(served)} records)')


# Compaction

def policies(bench):
    topic, old = 'policies', now_ms() - HOUR_MS
    bench.create(topic, {**SMALL, 'min.cleanable.dirty.ratio': '0.01', 'retention.ms': '-1'})
    bench.fill(topic, 40, timestamp=old)
    bench.roll(topic, old)
    bench.stays(topic, 'cleanup.policy=delete: nothing is compacted')
    bench.configure(topic, cleanup_policy='compact', retention_ms='1000')
    to = bench.roll(topic, old)
    before = len(bench.written[topic])
    bench.compacted(topic, to)
    reason = bench.equals_model(topic)
    bench.line(not reason and len(bench.read(topic)) < before / 3, 'cleanup.policy=compact: the newest of each key',
               reason or f'{before} became {len(bench.read(topic))}, compacted up to {bench.cleaned(topic)}')
    bench.stays(topic, 'cleanup.policy=compact: retention.ms means nothing')
    bench.configure(topic, cleanup_policy='compact,delete', retention_ms='1800000')
    end = bench.bounds(topic)[1]
    gone = until(lambda: bench.first(topic) == end)
    bench.line(gone, 'cleanup.policy=compact,delete: what is old goes', f'from {bench.first(topic)} to {end}')
    bench.written[topic].clear()
    bench.fill(topic, 40)
    to = bench.roll(topic)
    bench.compacted(topic, to)
    reason = bench.equals_model(topic)
    bench.line(not reason, 'cleanup.policy=compact,delete: what is new is compacted',
               reason or f'{to - end} became {len(bench.read(topic))}')
    bench.configure(topic, cleanup_policy='', retention_ms='1000')
    bench.fill(topic, 20, timestamp=old)
    bench.roll(topic, old)
    bench.stays(topic, 'cleanup.policy of an empty list: all is kept')
    bench.configure(topic, cleanup_policy=None)
    end = bench.bounds(topic)[1]
    bench.append(topic, [(b'k', b'the last one')], old)
    gone = until(lambda: bench.first(topic) > end)
    bench.line(gone, 'cleanup.policy unset: delete again', f'from {bench.first(topic)} to {end + 1}')
    bench.configure(topic, retention_ms=None)
    bench.fill(topic, 5)


def packed(bench):
    """Batches of several records, plain and compressed, lose some of theirs and keep their offsets."""
    topic = 'packed'
    bench.create(topic, COMPACT)
    for number in range(60):
        records = [(b'key %d' % bench.random.randrange(25), b'%d/%d ' % (number, each) + b'again ' * 20)
                   for each in range(8)]
        bench.append(topic, records, packed=number % 3 > 0)
    to = bench.roll(topic)
    bench.compacted(topic, to)
    reason = bench.equals_model(topic)
    batches, _ = bench.batches(topic)
    partial = [batch for batch in batches if 0 < batch.count <= batch.last_offset_delta]
    bench.line(not reason, 'batches of many records: the newest of each key',
               reason or f'{to} became {len(bench.read(topic))}')
    bench.line({batch.codec for batch in partial} == {0, GZIP}, 'batches lose some of their records, compressed ones too',
               f'{len(partial)} of {len(batches)} batches')


def segments_are_merged(bench):
    """Compacted segments become few; segment.bytes is live."""
    topic = 'merged'
    bench.create(topic, {**COMPACT, 'min.compaction.lag.ms': str(HOUR_MS)})
    bench.fill(topic, 80, keys=5)
    to = bench.roll(topic)
    many = until(lambda: bench.sizes(topic)[-1][0] == to and len(bench.sizes(topic)))
    bench.configure(topic, min_compaction_lag_ms=None)
    bench.compacted(topic, to)
    # Groups are made by the sizes from before; the next round has small ones.
    bench.compacted(topic, bench.roll(topic))
    few = until(lambda: len(bench.sizes(topic)) <= many - 3)
    reason = bench.equals_model(topic)
    bench.line(few and not reason, 'small segments become one', reason or f'{many} became {len(bench.sizes(topic))}')
    first = bench.fill(topic, 1) or bench.bounds(topic)[1]
    bench.configure(topic, internal_segment_bytes=str(64 * SEGMENT))
    bench.fill(topic, 40, keys=5)
    bench.settle()
    inside = [base for base, _ in bench.sizes(topic) if base > first]
    bench.configure(topic, internal_segment_bytes=str(SEGMENT))
    to = bench.roll(topic)
    bench.compacted(topic, to)
    rolled = until(lambda: [base for base, _ in bench.sizes(topic) if base > first])
    reason = bench.equals_model(topic)
    bench.line(not inside and rolled and not reason, 'segment.bytes: larger, then small again', reason or f'{inside}, {rolled}')
    bench.configure(topic, internal_segment_bytes=str(64 * SEGMENT), segment_ms='60000')
    last = bench.bounds(topic)[1]
    for minute in range(4):
        bench.append(topic, [(b'a', b'%d' % minute)], now_ms() + minute * 61000)
    bases = [last + minute for minute in range(1, 4)]
    rolled = until(lambda: set(bases[1:]) <= {base for base, _ in bench.sizes(topic)} or bench.cleaned(topic) >= bases[-1])
    bench.line(rolled, 'segment.ms: a roll by the records\' times', f'{bench.sizes(topic)}, compacted up to {bench.cleaned(topic)}')
    bench.configure(topic, segment_ms=None)
    reason = bench.equals_model(topic)
    bench.line(not reason, 'segment.ms: what is compacted then', reason)


def horizons(batches, offset):
    """The delete horizon of the batch with this offset; None without one, False when the record is not there."""
    for batch in batches:
        if any(record.offset == offset for record in records_of(batch)):
            return batch.base_timestamp if batch.attributes & DELETE_HORIZON else None
    return False


def tombstones(bench):
    topic, day_ms = 'tombstones', 24 * HOUR_MS
    bench.create(topic, COMPACT)

    def round_of():
        bench.fill(topic, 3, keys=2)
        bench.compacted(topic, bench.roll(topic))

    def bury(key):
        bench.append(topic, [(key, b'to be deleted')])
        return bench.append(topic, [(key, None)])
    long = bury(b'long')
    round_of()
    found = horizons(bench.batches(topic)[0], long)
    bench.line(found and abs(found - now_ms() - day_ms) < HOUR_MS, 'delete.retention.ms: a tombstone stays, with its horizon',
               f'in {(found - now_ms()) / HOUR_MS if found else found} h')
    round_of()
    again = horizons(bench.batches(topic)[0], long)
    reason = bench.equals_model(topic)
    bench.line(again == found and not reason, 'delete.retention.ms: the next round keeps both', reason or f'{found}, {again}')
    bench.configure(topic, delete_retention_ms='0')
    brief = bury(b'brief')
    round_of()
    first = horizons(bench.batches(topic)[0], brief)
    round_of()
    second = horizons(bench.batches(topic)[0], brief)
    bench.line(first and second is False, 'delete.retention.ms=0: it stays one round and goes in the next', f'{first}, {second}')
    bench.line(horizons(bench.batches(topic)[0], long) == found, 'delete.retention.ms: a horizon does not change',
               str(horizons(bench.batches(topic)[0], long)))
    bench.configure(topic, delete_retention_ms=None)
    third = bury(b'third')
    round_of()
    round_of()
    bench.line(horizons(bench.batches(topic)[0], third), 'delete.retention.ms unset: a tombstone stays again')
    bench.written[topic] = [record for record in bench.written[topic] if record[1] != b'brief']
    reason = bench.equals_model(topic)
    bench.line(not reason, 'tombstones: nothing of what they deleted comes back', reason)
    # A new value after the tombstone is as any other.
    bench.append(topic, [(b'brief', b'back again'), (b'long', b'back again')])
    round_of()
    reason = bench.equals_model(topic)
    bench.line(not reason and horizons(bench.batches(topic)[0], long) is False, 'tombstones: a new value takes their place', reason)


def lags(bench):
    topic, old = 'lags', now_ms() - HOUR_MS
    bench.create(topic, {**COMPACT, 'min.compaction.lag.ms': str(HOUR_MS // 2)})
    bench.fill(topic, 20, timestamp=old)
    edge = bench.roll(topic, old)
    bench.fill(topic, 20)
    end = bench.roll(topic)
    bench.compacted(topic, edge)
    bench.settle()
    cleaned = bench.cleaned(topic)
    reason = bench.equals_model(topic)
    bench.line(edge <= cleaned <= edge + 2 and not reason, 'min.compaction.lag.ms: old segments only',
               reason or f'up to {cleaned}, what is new begins at {edge + 1}')
    bench.configure(topic, min_compaction_lag_ms=None)
    bench.compacted(topic, end)
    reason = bench.equals_model(topic)
    bench.line(not reason, 'min.compaction.lag.ms unset: all', reason or f'up to {bench.cleaned(topic)}')

    bench.configure(topic, min_cleanable_dirty_ratio='1.0')
    cleaned = bench.cleaned(topic)
    # The first segment of these begins with a new record, those after it do not.
    bench.fill(topic, 20, timestamp=old)
    end = bench.roll(topic, old)
    bench.stays(topic, 'min.cleanable.dirty.ratio=1: it is never dirty enough')
    bench.configure(topic, max_compaction_lag_ms=str(HOUR_MS // 2))
    bench.compacted(topic, end)
    reason = bench.equals_model(topic)
    bench.line(not reason, 'max.compaction.lag.ms: then age decides', reason or f'{cleaned} became {bench.cleaned(topic)}')
    bench.configure(topic, max_compaction_lag_ms='60000')
    small = bench.append(topic, [(b'key 1', b'a')], old)
    bench.append(topic, [(b'key 1', b'b')], old + 61000)
    bench.compacted(topic, small + 1)
    bench.line(True, 'max.compaction.lag.ms: the active segment is closed by it', f'up to {bench.cleaned(topic)}')
    bench.configure(topic, max_compaction_lag_ms=None)
    bench.fill(topic, 20, timestamp=old)
    end = bench.roll(topic, old)
    bench.stays(topic, 'max.compaction.lag.ms unset: the ratio decides again')

    # What is clean outweighs what is new, until the ratio is lower.
    bench.configure(topic, min_cleanable_dirty_ratio='0.3')
    bench.compacted(topic, end)
    bench.append(topic, [(b'large %d' % number, bytes(3000)) for number in range(1)])
    for number in range(30):
        bench.append(topic, [(b'large %d' % number, bytes(3000))])
    bench.compacted(topic, bench.roll(topic))
    bench.fill(topic, 12)
    end = bench.roll(topic)
    bench.stays(topic, 'min.cleanable.dirty.ratio: a small dirty part waits')
    bench.configure(topic, min_cleanable_dirty_ratio='0.02')
    bench.compacted(topic, end)
    reason = bench.equals_model(topic)
    bench.line(not reason, 'min.cleanable.dirty.ratio lowered: it is compacted', reason or f'up to {bench.cleaned(topic)}')
    bench.configure(topic, min_cleanable_dirty_ratio=None)
    bench.fill(topic, 12)
    bench.roll(topic)
    bench.stays(topic, 'min.cleanable.dirty.ratio unset: half of it has to be new')


# Transactions

class Producer:
    def __init__(self, bench, name):
        self.bench, self.name, self.sequence = bench, name, 0
        must('find', soon(lambda: bench.client.find_transaction_coordinator(name)[0]))
        error, self.producer = soon(lambda: bench.client.init_transactional_id(name), lambda answer: answer[0])
        must(f'init {name}', error)

    def begin(self, topic):
        self.topic, self.pending = topic, []
        answers = soon(lambda: self.bench.client.add_partitions(self.name, self.producer, [(topic, 0)]),
                       lambda answer: answer[topic, 0])
        must('add partitions', answers[topic, 0])

    def write(self, records):
        batch = transactional_batch(records, self.producer, self.sequence)
        self.sequence += len(records)
        offset = self.bench.produce(self.topic, batch, version=11, transactional_id=self.name)
        self.pending += [(offset + delta, *record) for delta, record in enumerate(records)]

    def end(self, commit):
        must('end', soon(lambda: self.bench.client.end_txn(self.name, self.producer, commit)[0]))
        if commit:
            written = self.bench.written[self.topic]
            written += self.pending
            written.sort()
        return self.pending


def transactions(bench):
    topic, random_ = 'transactional', bench.random
    bench.create(topic, {**COMPACT, 'min.compaction.lag.ms': str(HOUR_MS)})
    producers = [Producer(bench, f'p{number}') for number in range(5)]
    aborted, counts, opened = set(), {True: 0, False: 0}, []

    def records():
        return [(b'key %d' % random_.randrange(30), None if random_.random() < 0.1 else random_.randbytes(120))
                for _ in range(random_.randint(1, 4))]

    def work(steps):
        for _ in range(steps):
            idle = [producer for producer in producers if producer not in opened]
            what = random_.random()
            if what < 0.15:
                bench.append(topic, records())
            elif what < 0.4 and idle:
                opened.append(random_.choice(idle))
                opened[-1].begin(topic)
                opened[-1].write(records())
            elif what < 0.7 and opened:
                random_.choice(opened).write(records())
            elif opened:
                finish(opened.pop(random_.randrange(len(opened))), random_.random() < 0.55)

    def finish(producer, commit):
        pending = producer.end(commit)
        counts[commit] += 1
        if not commit:
            aborted.update(offset for offset, _, _ in pending)

    def finish_all():
        while opened:
            finish(opened.pop(), random_.random() < 0.5)
    work(250)
    finish_all()
    to = bench.roll(topic)
    bench.written[topic].sort()
    before = bench.read(topic, READ_COMMITTED)
    reason = first_difference(bench.written[topic], before)
    bench.line(not reason and min(counts.values()) > 10, 'transactions: read_committed before compaction',
               reason or f'({counts[True]} committed, {counts[False]} aborted, {len(before)} records)')
    markers = sum(batch.is_control for batch in bench.batches(topic)[0])
    bench.configure(topic, min_compaction_lag_ms=None)
    bench.compacted(topic, to)
    for isolation, name in ((READ_COMMITTED, 'read_committed'), (READ_UNCOMMITTED, 'read_uncommitted')):
        reason = bench.equals_model(topic, isolation)
        bench.line(not reason, f'transactions: {name} equals the model',
                   reason or f'{len(before)} became {len(bench.read(topic, isolation))}')
    there = aborted & {record[0] for record in bench.read(topic)}
    bench.line(not there and len(aborted) > 20, 'transactions: what was aborted is gone', f'{len(there)} of {len(aborted)}')
    left = [batch for batch in bench.batches(topic)[0] if batch.is_control and batch.count]
    bench.line(len(left) > markers / 2, 'transactions: markers outlive their records', f'{markers} became {len(left)}')

    # An open transaction stops compaction.
    held = Producer(bench, 'held')
    held.begin(topic)
    held.write([(b'key 1', b'open')])
    stable = held.pending[0][0]
    work(60)
    finish_all()
    bench.roll(topic)
    bench.settle()
    # What is above the last stable offset is not to be seen yet.
    visible = [record for record in survivors(bench.written[topic], bench.cleaned(topic)) if record[0] < stable]
    reason = first_difference(visible, bench.read(topic, READ_COMMITTED))
    bench.line(bench.cleaned(topic) <= stable and not reason, 'transactions: an open one holds compaction up',
               reason or f'compacted up to {bench.cleaned(topic)}, open since {stable}')
    held.end(True)
    bench.written[topic].sort()
    to = bench.roll(topic)
    bench.compacted(topic, to)
    reason = bench.equals_model(topic, READ_COMMITTED) or bench.equals_model(topic)
    bench.line(not reason, 'transactions: it goes on when that ends', reason or f'up to {bench.cleaned(topic)}')

    for producer in producers:
        producer.begin(topic)
        producer.write([(b'key 0', b'and on')])
        producer.end(True)


def markers(bench):
    """They go when their records are gone, a round after their horizon, and readers see no difference."""
    topic, random_ = 'markers', bench.random
    bench.create(topic, {**COMPACT, 'delete.retention.ms': '0'})
    producers, ended, opened, left = [Producer(bench, f'm{number}') for number in range(4)], 0, [], []
    for _ in range(4):
        for _ in range(40):
            idle = [producer for producer in producers if producer not in opened]
            if idle and random_.random() < 0.5:
                opened.append(idle[0])
                idle[0].begin(topic)
                idle[0].write([(b'key %d' % random_.randrange(10), random_.randbytes(100))])
            elif opened:
                opened.pop(0).end(random_.random() < 0.6)
                ended += 1
        while opened:
            opened.pop().end(False)
            ended += 1
        bench.append(topic, [(b'key %d' % number, b'plain') for number in range(10)])
        bench.written[topic].sort()
        to = bench.roll(topic)
        bench.compacted(topic, to)
        reason = bench.equals_model(topic, READ_COMMITTED) or bench.equals_model(topic)
        left.append(sum(batch.is_control and batch.count > 0 for batch in bench.batches(topic)[0]))
        bench.line(not reason, f'markers: round {len(left)}', reason or f'{left[-1]} of {ended} are left')
    bench.line(left[-1] < ended * 3 / 4 and left[0] > 10, 'markers go in the end', f'{left} of {ended}')
    for _ in range(3):
        bench.append(topic, [(b'key 0', b'plain')])
        bench.compacted(topic, bench.roll(topic))
    last = [batch for batch in bench.batches(topic)[0] if batch.is_control]
    # A producer's last batch says where it is, with or without its record.
    bench.line(len(last) <= len(producers), 'markers: only producers\' last batches stay', f'{len(last)} of {ended}')
    reason = bench.equals_model(topic, READ_COMMITTED)
    for producer in producers:
        producer.begin(topic)
        producer.write([(b'key 0', b'and on')])
        producer.end(True)
    bench.written[topic].sort()
    reason = reason or bench.equals_model(topic, READ_COMMITTED)
    bench.line(not reason, 'markers: producers go on without them', reason)


# The brokers' own topics

def parallel(jobs):
    """Runs each in a thread of its own; their answers, and the first error raised."""
    answers, errors = [None] * len(jobs), []

    def run(number):
        try:
            answers[number] = jobs[number]()
        except (Failed, OSError, ConnectionLost, MalformedResponse, KeyError) as error:
            errors.append(error)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise Failed(f'{type(errors[0]).__name__}: {errors[0]}')
    return answers


def own_topic(bench, topic):
    """Makes its segments small, and compaction eager."""
    for partition in range(2):
        bench.served(topic, partition)
    bench.configure(topic, internal_segment_bytes=str(16 * SEGMENT), min_cleanable_dirty_ratio='0.05',
                    file_delete_delay_ms='500', segment_ms='2000')


def stored(bench, topic):
    return sum(size for partition in range(2) for _, size in bench.sizes(topic, partition))


def appended(bench, topic):
    """Bytes that would be there without compaction, about: as many as the offsets, at what a record takes now."""
    total = 0
    for partition in range(2):
        batches = bench.batches(topic, partition=partition)[0]
        records = sum(batch.count for batch in batches)
        if records:
            total += bench.bounds(topic, partition)[1] * sum(len(batch.raw) for batch in batches) // records
    return total


def became_small(bench, topic, name, write):
    """Something new now and then, which closes segments, is all it needs."""
    due = appended(bench, topic)

    def small():
        write()
        return stored(bench, topic) < due / 5
    small = until(small, pause_s=0.3)
    bench.line(small and due > 200000, name, f'{stored(bench, topic)} of about {due} bytes')


def committed_offsets(bench, groups=5, commits=2000):
    bench.create('offsets-of', {}, 3)
    keys = [('offsets-of', partition) for partition in range(3)]
    for group in range(groups):
        must('find', soon(lambda: bench.client.find_coordinator(f'g{group}')[0]))
        soon(lambda: bench.client.offset_commit(f'g{group}', {keys[0]: (0, '')})[keys[0]])
    own_topic(bench, '__consumer_offsets')

    def work(group):
        def run():
            acknowledged = {}
            with TxnClient(bench.broker.port, timeout=30) as client:
                for number in range(commits):
                    key = keys[number % 3]
                    must('commit', client.offset_commit(f'g{group}', {key: (number, 'x' * 200)})[key])
                    acknowledged[key] = number
            return acknowledged
        return run
    acknowledged = parallel([work(group) for group in range(groups)])
    bench.restart(SETTINGS, kill=True)
    for partition in range(2):
        bench.served('__consumer_offsets', partition)

    def wrong():
        out = []
        for group, due in enumerate(acknowledged):
            error, found = soon(lambda: bench.client.offset_fetch(f'g{group}', keys), lambda answer: answer[0])
            found = {key: value[1] for key, value in found.items()}
            if error or found != due:
                out.append(f'g{group}: {found}, acknowledged {due}')
        return out
    reasons = wrong()
    bench.line(not reasons, f'{groups * commits} commits and kill -9: each group\'s last ones are there', ' | '.join(reasons[:2]))

    def again():
        for group, due in enumerate(acknowledged):
            answers = bench.client.offset_commit(f'g{group}', {key: (offset, 'x' * 200) for key, offset in due.items()})
            must('commit', max(answers.values()))
    became_small(bench, '__consumer_offsets', '__consumer_offsets became small', again)
    bench.restart(SETTINGS)
    reasons = wrong()
    bench.line(not reasons, 'compacted offsets are read at a start', ' | '.join(reasons[:2]))


def transaction_states(bench, ids=20, each=25):
    bench.create('in-transactions', {}, 4)
    keys = [('in-transactions', partition) for partition in range(4)]
    must('find', soon(lambda: bench.client.find_transaction_coordinator('first')[0]))
    must('init', soon(lambda: bench.client.init_transactional_id('first')[0]))
    own_topic(bench, '__transaction_state')

    def work(first):
        def run():
            out = {}
            with TxnClient(bench.broker.port, timeout=30) as client:
                for name in [f'id-{number}' for number in range(first, ids, 4)]:
                    error, producer = soon(lambda: client.init_transactional_id(name), lambda answer: answer[0])
                    must('init', error)
                    for number in range(each):
                        answers = soon(lambda: client.add_partitions(name, producer, keys), lambda answer: max(answer.values()))
                        must('add partitions', max(answers.values()))
                        commit = number % 3 > 0
                        must('end', soon(lambda: client.end_txn(name, producer, commit)[0]))
                    out[name] = producer, 'CompleteCommit' if commit else 'CompleteAbort'
            return out
        return run
    due = {name: state for part in parallel([work(first) for first in range(4)]) for name, state in part.items()}
    bench.restart(SETTINGS, kill=True)

    def wrong():
        out = []
        for name, (producer, state) in due.items():
            row = soon(lambda: bench.client.describe_transactions([name])[name], lambda answer: answer.error)
            if (row.error, row.state, row.producer) != (0, state, producer):
                out.append(f'{name}: {row}, due {producer} {state}')
        return out
    reasons = wrong()
    bench.line(not reasons, f'{ids * each} transactions and kill -9: each id\'s last state is there', ' | '.join(reasons[:2]))

    def again():
        for name, (producer, _) in due.items():
            answers = soon(lambda: bench.client.add_partitions(name, producer, keys), lambda answer: max(answer.values()))
            must('add partitions', max(answers.values()))
            must('end', soon(lambda: bench.client.end_txn(name, producer, True)[0]))
            due[name] = producer, 'CompleteCommit'
    again()
    bench.line(True, 'transactional ids go on')
    became_small(bench, '__transaction_state', '__transaction_state became small', again)
    bench.restart(SETTINGS)
    reasons = wrong()
    bench.line(not reasons, 'compacted states are read at a start', ' | '.join(reasons[:2]))
    again()


# While it works

def disabled(bench):
    topic, aged = 'disabled', 'disabled-age'
    bench.create(topic, COMPACT)
    bench.create(aged, {**SMALL, 'retention.ms': '1000'})
    bench.restart({**SETTINGS, 'log.cleaner.enable': 'false'})
    bench.served(topic), bench.served(aged)
    bench.fill(topic, 30)
    to = bench.roll(topic)
    before = bench.read(topic)
    for _ in range(3):
        end = bench.append(aged, [(b'k', b'old')], now_ms() - HOUR_MS) + 1
        gone = until(lambda: bench.first(aged) >= end)
        time.sleep(0.2)
    bench.line(gone, 'log.cleaner.enable=false: retention goes on', f'{bench.bounds(aged)}')
    bench.line(bench.read(topic) == before and len(before) == to + 1 and not bench.cleaned(topic),
               'log.cleaner.enable=false: nothing is compacted', f'({len(before)} records)')
    bench.restart(SETTINGS)
    bench.served(topic)
    bench.compacted(topic, to)
    reason = bench.equals_model(topic)
    bench.line(not reason, 'log.cleaner.enable=true: it is', reason or f'{len(before)} became {len(bench.read(topic))}')


def slowly(bench):
    """Topics go, get shorter and longer, and the broker stops, while they are compacted."""
    slow = {**SETTINGS, 'log.cleaner.io.max.bytes.per.second': '400000'}
    bench.restart(slow)
    large = {**COMPACT, 'cleanup.policy': 'compact,delete', 'internal.segment.bytes': str(1 << 20)}

    def make(topic):
        bench.create(topic, large)
        for number in range(16):
            bench.append(topic, [(b'key %d' % (number % 7), bytes(100000))])

    def going_on(topic):
        if not until(lambda: bench.files(topic, '.cleaned') or bench.cleaned(topic)) or bench.cleaned(topic):
            raise Failed(f'{topic} is not just being compacted: {os.listdir(bench.folder(topic))}, up to {bench.cleaned(topic)}')
    make('going')
    going_on('going')
    started = time.monotonic()
    must('delete', bench.client.delete_topic('going'))
    took = time.monotonic() - started
    gone = until(lambda: not os.path.exists(bench.folder('going')))
    bench.line(gone, 'DeleteTopics during compaction', f'{took * 1000:.0f} ms')
    bench.written['going'] = []
    bench.create('going', large)
    bench.fill('going', 5)
    bench.line(bench.read('going') == bench.written['going'], 'the same topic again')

    make('used')
    going_on('used')
    must('delete records', bench.client.delete_records('used', 0, 3)[0])
    bench.fill('used', 20)
    found = [record for record in bench.read('used')]
    due = [record for record in bench.written['used'] if record[0] >= 3]
    newest = {record[1]: record for record in due}
    bench.line(set(newest.values()) <= set(found) and set(found) <= set(due), 'DeleteRecords and produces during compaction',
               f'{len(found)} records')
    make('stopped')
    going_on('stopped')
    started = time.monotonic()
    status = bench.broker.stop()
    bench.line(status in (0, 143), 'an orderly stop during compaction', f'{time.monotonic() - started:.1f} s, status {status}')
    leftovers = bench.files('stopped', '.cleaned') + bench.files('stopped', '.swap')
    bench.client.close()
    bench.broker.properties = SETTINGS
    bench.start()
    for topic, to in (('stopped', 10), ('used', 10)):
        bench.served(topic)
        bench.compacted(topic, to)
    reason = bench.equals_model('stopped')
    bench.line(not reason and not bench.files('stopped', '.cleaned'), 'the next start compacts it',
               reason or f'{leftovers} were left; {len(bench.written["stopped"])} became {len(bench.read("stopped"))}')
    bench.written['used'] = due
    reason = bench.equals_model('used')
    bench.line(not reason, 'what DeleteRecords left is compacted', reason or f'{len(bench.read("used"))} records')
    make('killed')
    bench.restart(slow)
    bench.served('killed')
    going_on('killed')
    for _ in range(4):
        bench.restart(slow, kill=True)
        bench.served('killed')
        until(lambda: bench.files('killed', '.cleaned') or bench.files('killed', '.swap'), 3)
        time.sleep(bench.random.random() / 2)
    bench.restart(SETTINGS, kill=True)
    bench.served('killed')
    bench.compacted('killed', 10)
    reason = bench.equals_model('killed')
    bench.line(not reason, 'kill -9 during compaction', reason or f'{len(bench.written["killed"])} became {len(bench.read("killed"))}')


PARTS = {part.__name__.replace('_', '-'): part for part in (
    retention_by_time, retention_by_append_time, retention_by_size, deleted_records, policies, packed, segments_are_merged,
    tombstones, lags, transactions, markers, committed_offsets, transaction_states, disabled, slowly)}


def run(name, kind, folder, report, seed):
    """One part, with a broker of its own."""
    bench = None
    try:
        bench = Bench(kind, os.path.join(folder, name), report, seed)
        PARTS[name](bench)
        bench.agree(name)
    except (RuntimeError, OSError, ConnectionLost, MalformedResponse) as error:
        report.line(False, name, f'{type(error).__name__}: {error}'[-1500:])
    if bench:
        bench.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('parts', nargs='*', metavar='PART', help=', '.join(PARTS))
    parser.add_argument('--kind', choices=('moldau', 'kafka'), default='moldau')
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--keep', action='store_true', help='keep the directories')
    options = parser.parse_args()
    brokers.exit_on_signals()
    report = Report()
    print(f'seed {options.seed}', flush=True)
    # Most of the time is spent waiting.
    workers = 1 if options.kind == 'kafka' else 6
    with scratch_folder('moldau-cleanup-', options.keep) as folder:
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(run, name, options.kind, folder, report, f'{options.seed} {name}')
                         for name in options.parts or PARTS]:
                done.result()
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
