#!/usr/bin/env python3
"""Reads a stopped broker's data directory and checks it against Kafka's formats.

    dump.py DIRECTORY [--records] [--json] [--unclean]

It shares no code with the broker, so that both must be wrong in the same way for an error to
pass. Every batch of every segment is read; each index entry, producer snapshot, leader epoch,
checkpoint and metadata file is compared with what the batches say. `--unclean` is for a directory
whose broker was killed: a torn batch at the very end, preallocated zeros in indexes and old
checkpoints are then no problem. The exit status is 1 when a problem was found.
"""
import argparse
import base64
import bisect
import json
import os
import re
import struct
import sys
import uuid

from crc32c import crc32c
from log_entries import Transactions, entries_of
from record_batch import HEADER_BYTES, LOG_APPEND_TIME, Batch, BatchError

PARTITION = re.compile(r'^(?P<topic>[a-zA-Z0-9._-]{1,249})-(?P<partition>\d+)$')
SEGMENT = re.compile(r'^(\d{20})\.log$')
SNAPSHOT = re.compile(r'^(\d{20})\.snapshot$')
SNAPSHOT_ENTRY = struct.Struct('>qhiqiqiq')
ABORTED = struct.Struct('>hqqqq')    # an entry of a transaction index
EPOCHS = 'leader-epoch-checkpoint'
RECOVERY_POINTS = 'recovery-point-offset-checkpoint'
HIGH_WATERMARKS = 'replication-offset-checkpoint'
LOG_STARTS = 'log-start-offset-checkpoint'
CLEANER = 'cleaner-offset-checkpoint'
METADATA_LOG, OFFSETS = '__cluster_metadata', '__consumer_offsets'
SEQUENCES = 1 << 31


def read_bytes(path):
    with open(path, 'rb') as file:
        return file.read()


def read_checkpoint(path, columns):
    """The rows of a text checkpoint, or ValueError. Rows are lists of `columns` strings."""
    lines = read_bytes(path).decode().split('\n')
    if lines == ['']:
        return []  # Kafka leaves the file empty until it has something to write
    if lines[0] != '0':
        raise ValueError(f'version {lines[0]!r}')
    if lines[-1] != '':
        raise ValueError('no newline at the end')
    rows = [line.split(' ') for line in lines[2:-1]]
    if len(rows) != int(lines[1]):
        raise ValueError(f'{len(rows)} rows, but it says {lines[1]}')
    if any(len(row) != columns for row in rows):
        raise ValueError('a row with the wrong number of columns')
    return rows


def read_properties(path):
    out = {}
    for line in read_bytes(path).decode().splitlines():
        if line.strip() and not line.startswith('#'):
            name, _, value = line.partition('=')
            out[name.strip()] = value.strip()
    return out


class Segment:
    """One segment file and its batches, in file order."""

    def __init__(self, path, base_offset):
        self.path, self.base_offset, self.batches, self.torn = path, base_offset, [], None
        data, at = read_bytes(path), 0
        self.size = len(data)
        while at < len(data):
            torn = self._read(data, at)
            if torn:
                self.torn = f'{torn} at byte {at} of {len(data)}'
                break
            at = self.batches[-1].position + 12 + self.batches[-1].length
        self.by_position = {batch.position: batch for batch in self.batches}
        self.by_last_offset = {batch.last_offset: batch for batch in self.batches}

    def _read(self, data, at):
        if at + HEADER_BYTES > len(data):
            return 'a cut batch header'
        length = struct.unpack_from('>i', data, at + 8)[0]
        if length < HEADER_BYTES - 12:
            return f'a batch length of {length}'
        if at + 12 + length > len(data):
            return 'a cut batch'
        batch = Batch(data[at:at + 12 + length], at)
        if batch.magic != 2:
            return f'magic {batch.magic}'
        if not batch.crc_is_good():
            return f'a wrong CRC in the batch of offset {batch.base_offset}'
        self.batches.append(batch)
        return None


class PartitionDump:
    """Everything one partition's folder holds, and what is wrong with it."""

    def __init__(self, path, topic, partition, unclean=False, compacted=False):
        self.path, self.topic, self.partition = path, topic, partition
        self.unclean, self.compacted = unclean, compacted
        self.problems, self.topic_id, self.epochs, self.snapshots = [], None, [], {}
        names = sorted(os.listdir(path))
        bases = [int(match[1]) for match in map(SEGMENT.match, names) if match]
        self.segments = [Segment(os.path.join(path, f'{base:020}.log'), base) for base in bases]
        self._check_segments()
        for segment in self.segments:
            # Moldau keeps no indexes of its metadata log: Kafka makes them anew when it takes it over.
            if topic == '__cluster_metadata' and not os.path.exists(segment.path[:-4] + '.index'):
                continue
            self._check_offset_index(segment)
            self._check_time_index(segment)
        self.entries = self._read_entries()
        self.transactions = Transactions(self.entries)
        for segment in self.segments:
            self._check_transaction_index(segment)
        self._check_epochs()
        for name in names:
            match = SNAPSHOT.match(name)
            if match:
                self._check_snapshot(name, int(match[1]))
        self._check_sequences()
        self._check_topic_id()

    @property
    def key(self):
        return self.topic, self.partition

    @property
    def first_offset(self):
        return self.segments[0].base_offset if self.segments else 0

    @property
    def end_offset(self):
        for segment in reversed(self.segments):
            if segment.batches:
                return segment.batches[-1].last_offset + 1
        return self.segments[-1].base_offset if self.segments else 0

    def batches(self):
        for segment in self.segments:
            yield from segment.batches

    def records(self):
        for batch in self.batches():
            if not batch.is_control:
                yield from batch.records()

    def problem(self, text):
        self.problems.append(f'{self.topic}-{self.partition}: {text}')

    def _check_segments(self):
        if not self.segments:
            self.problem('no segment')
        expected = None
        for position, segment in enumerate(self.segments):
            last = position == len(self.segments) - 1
            name = os.path.basename(segment.path)
            if segment.torn and not (last and self.unclean):
                self.problem(f'{name}: {segment.torn}')
            if expected is not None and segment.base_offset < expected:
                self.problem(f'{name}: begins before the end of the one before, {expected}')
            if not self.compacted and expected not in (None, segment.base_offset):
                self.problem(f'{name}: offsets from {expected} are missing')
            expected = self._check_batches(segment, name)

    def _check_batches(self, segment, name):
        expected, epoch = segment.base_offset, -1
        for batch in segment.batches:
            if batch.base_offset < expected:
                self.problem(f'{name}: offset {batch.base_offset} comes after {expected - 1}')
            elif batch.base_offset > expected and not self.compacted:
                self.problem(f'{name}: offset {batch.base_offset} where {expected} was due')
            if batch.leader_epoch < epoch:
                self.problem(f'{name}: leader epoch falls to {batch.leader_epoch} at offset '
                             f'{batch.base_offset}')
            self._check_records(batch, name)
            expected, epoch = batch.last_offset + 1, batch.leader_epoch
        return expected

    def _check_records(self, batch, name):
        where = f'{name}: batch at offset {batch.base_offset}'
        if not self.compacted and batch.count != batch.last_offset_delta + 1:
            self.problem(f'{where}: {batch.count} records, last delta {batch.last_offset_delta}')
        if batch.codec:
            return
        try:
            records = batch.records()
        except BatchError as error:
            self.problem(f'{where}: {error}')
            return
        if not self.compacted and [r.offset for r in records] != list(
                range(batch.base_offset, batch.last_offset + 1)):
            self.problem(f'{where}: its records are not numbered in order')
        newest = max((r.timestamp for r in records), default=-1)
        if not self.compacted and not batch.attributes & LOG_APPEND_TIME:
            if newest != batch.max_timestamp:
                self.problem(f'{where}: max timestamp {batch.max_timestamp}, records say {newest}')

    def _index_entries(self, segment, suffix, form):
        path = segment.path[:-len('.log')] + suffix
        name = os.path.basename(path)
        if not os.path.exists(path):
            if not self.unclean:
                self.problem(f'{name} is missing')
            return name, []
        data = read_bytes(path)
        if len(data) % form.size:
            self.problem(f'{name}: {len(data)} bytes is no multiple of {form.size}')
            data = data[:len(data) - len(data) % form.size]
        entries = list(form.iter_unpack(data))
        used = len(entries)
        while used and not any(entries[used - 1]):
            used -= 1  # zeros at the end are preallocated room
        if used < len(entries) and not self.unclean:
            self.problem(f'{name}: {len(entries) - used} zero entries after an orderly stop')
        return name, entries[:used]

    def _check_offset_index(self, segment):
        name, entries = self._index_entries(segment, '.index', struct.Struct('>ii'))
        before = (-1, -1)
        for relative, position in entries:
            if relative <= before[0] or position <= before[1]:
                self.problem(f'{name}: entry ({relative}, {position}) does not rise')
            before = relative, position
            batch = segment.by_position.get(position)
            if batch is None:
                if not (self.unclean and segment.torn):
                    self.problem(f'{name}: no batch begins at position {position}')
            elif batch.last_offset - segment.base_offset != relative:
                self.problem(f'{name}: ({relative}, {position}), but that batch ends at relative '
                             f'offset {batch.last_offset - segment.base_offset}')

    def _check_time_index(self, segment):
        name, entries = self._index_entries(segment, '.timeindex', struct.Struct('>qi'))
        before = (-2, -1)
        for timestamp, relative in entries:
            if timestamp <= before[0] or relative <= before[1]:
                self.problem(f'{name}: entry ({timestamp}, {relative}) does not rise')
            before = timestamp, relative
            batch = segment.by_last_offset.get(segment.base_offset + relative)
            if batch is None:
                if not (self.unclean and segment.torn):
                    self.problem(f'{name}: no batch ends at relative offset {relative}')
            elif batch.max_timestamp != timestamp:
                self.problem(f'{name}: ({timestamp}, {relative}), but that batch has the max '
                             f'timestamp {batch.max_timestamp}')
        newest = max((b.max_timestamp for b in segment.batches), default=-1)
        if newest >= 0 and not self.unclean and not self.compacted and before[0] != newest:
            self.problem(f'{name}: ends at {before[0]}, the newest timestamp is {newest}')

    def _read_entries(self):
        try:
            # Compaction may leave a marker's batch without its record.
            return entries_of(batch for batch in self.batches() if batch.count or not batch.is_control)
        except BatchError as error:
            self.problem(str(error))
            return []

    def _check_transaction_index(self, segment):
        """One entry for each aborted transaction whose marker the segment has; no file where there is none."""
        path = segment.path[:-len('.log')] + '.txnindex'
        name = os.path.basename(path)
        data = read_bytes(path) if os.path.exists(path) else b''
        if len(data) % ABORTED.size:
            self.problem(f'{name}: {len(data)} bytes is no multiple of {ABORTED.size}')
            return
        found = [entry[1:] for entry in ABORTED.iter_unpack(data)]
        if any(entry[0] for entry in ABORTED.iter_unpack(data)):
            self.problem(f'{name}: a version that is not 0')
        # What began in a segment that is gone is known to the index only.
        older = {(entry[0], entry[2]) for entry in found if entry[1] < self.first_offset}
        found = [entry for entry in found if (entry[0], entry[2]) not in older]
        due = [(span.producer_id, span.first, span.end, self.transactions.last_stable_offset(span.end + 1))
               for span in self.transactions.aborted
               if span.end in segment.by_last_offset and (span.producer_id, span.end) not in older]
        if self.compacted:
            # A transaction may have lost its first batches, and the stable offset of then is not to be known.
            missing = [row for row in due if not any(
                entry[0] == row[0] and entry[1] <= row[1] and entry[2] == row[2] for entry in found)]
            if missing and not self.unclean:
                self.problem(f'{name}: {len(missing)} aborted transactions are missing, the first {missing[0]}')
            return
        if found != due and not (self.unclean and found == due[:len(found)]):
            pair = next(((f, d) for f, d in zip(found, due) if f != d), None)
            self.problem(f'{name}: {len(found)} entries, the batches say {len(due)}; first difference {pair}')

    def _check_epochs(self):
        path = os.path.join(self.path, EPOCHS)
        if not os.path.exists(path):
            if any(True for _ in self.batches()) and not self.unclean:
                self.problem(f'{EPOCHS} is missing')
            return
        try:
            self.epochs = [(int(a), int(b)) for a, b in read_checkpoint(path, 2)]
        except ValueError as error:
            self.problem(f'{EPOCHS}: {error}')
            return
        if any(a[0] >= b[0] or a[1] > b[1] for a, b in zip(self.epochs, self.epochs[1:])):
            self.problem(f'{EPOCHS}: does not rise: {self.epochs}')
        starts = [start for _, start in self.epochs]
        for batch in self.batches():
            at = bisect.bisect_right(starts, batch.base_offset) - 1
            if at < 0 and starts:
                continue  # below a log start that DeleteRecords moved
            said = self.epochs[at][0] if at >= 0 else None
            if said != batch.leader_epoch and not self.unclean:
                self.problem(f'{EPOCHS}: offset {batch.base_offset} has epoch '
                             f'{batch.leader_epoch}, the file says {said}')
                return

    def _check_snapshot(self, name, offset):
        data = read_bytes(os.path.join(self.path, name))
        if len(data) < 10:
            if not self.unclean:
                self.problem(f'{name}: {len(data)} bytes')
            return
        version, crc, count = struct.unpack_from('>hIi', data)
        if version != 1:
            self.problem(f'{name}: version {version}')
        elif crc != crc32c(data[6:]):
            if not self.unclean:
                self.problem(f'{name}: wrong CRC')
        elif len(data) != 10 + count * SNAPSHOT_ENTRY.size:
            self.problem(f'{name}: {count} entries in {len(data)} bytes')
        else:
            entries = list(SNAPSHOT_ENTRY.iter_unpack(data[10:]))
            self.snapshots[offset] = {entry[0]: entry for entry in entries}
            self._compare_snapshot(name, offset)

    def _compare_snapshot(self, name, offset):
        """The newest data batch of each producer below `offset` against its snapshot entry."""
        newest, stamps = {}, {}
        for batch in self.batches():
            if batch.producer_id >= 0 and batch.last_offset < offset:
                stamps[batch.producer_id] = batch.max_timestamp    # a marker's counts, too
                if not batch.is_control:
                    newest[batch.producer_id] = batch
        opened = {span.producer_id: span.first for span in self.transactions.spans
                  if span.first < offset <= span.end}
        for producer, batch in newest.items():
            entry = self.snapshots[offset].get(producer)
            last = (batch.base_sequence + batch.last_offset_delta) % SEQUENCES
            expected = (batch.producer_epoch, last, batch.last_offset, batch.last_offset_delta,
                        stamps[producer])
            if entry is None:
                self.problem(f'{name}: producer {producer} is missing')
                continue
            if self.compacted:
                # A batch since then may be gone, but for a producer's last; times are those of the records left.
                if entry[3] == batch.last_offset and entry[1:5] != expected[:4]:
                    self.problem(f'{name}: producer {producer} is {entry[1:5]}, its newest batch says {expected[:4]}')
                continue
            if entry[1] == batch.producer_epoch and entry[1:6] != expected:
                self.problem(f'{name}: producer {producer} is {entry[1:6]}, its newest batch says '
                             f'{expected}')
            if entry[7] != opened.get(producer, -1):
                self.problem(f'{name}: producer {producer} has a transaction from {entry[7]} on, the batches say '
                             f'{opened.get(producer, -1)}')

    def _check_sequences(self):
        """Sequence numbers of a producer's epoch follow each other without a gap."""
        following = {}
        # The offsets of transactions are written by the coordinator, which numbers nothing.
        for batch in self.batches() if not self.compacted and self.topic != OFFSETS else ():
            if batch.producer_id < 0 or batch.is_control:
                continue
            producer = batch.producer_id, batch.producer_epoch
            due = following.get(producer)
            if due is not None and batch.base_sequence != due:
                self.problem(f'offset {batch.base_offset}: producer {producer} has sequence '
                             f'{batch.base_sequence} where {due} was due')
            following[producer] = (batch.base_sequence + batch.last_offset_delta + 1) % SEQUENCES

    def _check_topic_id(self):
        path = os.path.join(self.path, 'partition.metadata')
        if not os.path.exists(path):
            if self.topic != METADATA_LOG:
                self.problem('partition.metadata is missing')
            return
        match = re.fullmatch(rb'version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?', read_bytes(path))
        if not match:
            self.problem('partition.metadata is not as Kafka writes it')
            return
        self.topic_id = uuid.UUID(bytes=base64.urlsafe_b64decode(match[1] + b'=='))


class Dump:
    """A whole log directory. `problems` is empty when all is as it should be. Logs that were compacted may have gaps:
    the topics named in `compacted`, and those that the cleaner's checkpoint has."""

    def __init__(self, directory, unclean=False, compacted=()):
        self.directory, self.unclean, self.problems = directory, unclean, []
        self.partitions, self.leftovers, self.checkpoints = {}, [], {}
        compacted = set(compacted) | self._cleaned()
        for name in sorted(os.listdir(directory)):
            path = os.path.join(directory, name)
            if not os.path.isdir(path) or name.startswith('.'):
                continue
            match = PARTITION.match(name)
            if not match:
                self.leftovers.append(name)
                continue
            key = match['topic'], int(match['partition'])
            internal = match['topic'].startswith('__') and match['topic'] != METADATA_LOG
            self.partitions[key] = PartitionDump(path, *key, unclean, internal or key[0] in compacted)
            self.problems += self.partitions[key].problems
        self._check_meta_properties()
        for name in (RECOVERY_POINTS, HIGH_WATERMARKS, LOG_STARTS, CLEANER):
            self._read_offsets(name)
        if not unclean:
            self._check_clean()

    def _cleaned(self):
        try:
            return {row[0] for row in read_checkpoint(os.path.join(self.directory, CLEANER), 3)}
        except (OSError, ValueError):
            return set()    # what is wrong with it is said later

    def _check_meta_properties(self):
        path = os.path.join(self.directory, 'meta.properties')
        if not os.path.exists(path):
            self.problems.append('meta.properties is missing')
            return
        self.meta = read_properties(path)
        if self.meta.get('version') != '1':
            self.problems.append(f'meta.properties: version {self.meta.get("version")}')
        for name in ('cluster.id', 'node.id', 'directory.id'):
            if not self.meta.get(name):
                self.problems.append(f'meta.properties: {name} is missing')

    def _read_offsets(self, name):
        path = os.path.join(self.directory, name)
        self.checkpoints[name] = {}
        if not os.path.exists(path):
            return
        try:
            rows = read_checkpoint(path, 3)
            self.checkpoints[name] = {(row[0], int(row[1])): int(row[2]) for row in rows}
        except ValueError as error:
            self.problems.append(f'{name}: {error}')
            return
        for key, offset in self.checkpoints[name].items():
            partition = self.partitions.get(key)
            if partition and offset > partition.end_offset:
                self.problems.append(f'{name}: {key[0]}-{key[1]} at {offset}, after the end of its '
                                     f'log, {partition.end_offset}')

    def _check_clean(self):
        """After an orderly stop everything is known to be stored and nothing needs recovery."""
        marker = os.path.join(self.directory, '.kafka_cleanshutdown')
        if not os.path.exists(marker):
            self.problems.append('.kafka_cleanshutdown is missing')
        elif read_bytes(marker) and 'version' not in json.loads(read_bytes(marker)):
            self.problems.append('.kafka_cleanshutdown names no version')
        for key, partition in self.partitions.items():
            if key[0] == METADATA_LOG:
                continue
            for name in (RECOVERY_POINTS, HIGH_WATERMARKS):
                offset = self.checkpoints[name].get(key)
                if offset is None and partition.end_offset > 0:
                    self.problems.append(f'{name}: {key[0]}-{key[1]} is missing')
                elif offset is not None and offset != partition.end_offset:
                    self.problems.append(f'{name}: {key[0]}-{key[1]} at {offset}, its log ends at '
                                         f'{partition.end_offset}')

    def log_start(self, key):
        return max(self.partitions[key].first_offset,
                   self.checkpoints[LOG_STARTS].get(key, 0))


def describe(dump, records):
    out = {'directory': dump.directory, 'problems': dump.problems, 'partitions': {}}
    for (topic, number), partition in dump.partitions.items():
        row = {'topic_id': str(partition.topic_id), 'start': dump.log_start((topic, number)),
               'end': partition.end_offset, 'segments': len(partition.segments),
               'batches': sum(1 for _ in partition.batches()), 'epochs': partition.epochs,
               'snapshots': {o: sorted(s) for o, s in partition.snapshots.items()}}
        if records:
            row['records'] = [[r.offset, r.timestamp, repr(r.key), repr(r.value)]
                              for b in partition.batches() if not b.is_control and not b.codec
                              for r in b.records()]
        out['partitions'][f'{topic}-{number}'] = row
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('directory')
    parser.add_argument('--records', action='store_true', help='print every record')
    parser.add_argument('--json', action='store_true')
    parser.add_argument('--unclean', action='store_true', help='the broker was killed')
    arguments = parser.parse_args()
    dump = Dump(arguments.directory, arguments.unclean)
    out = describe(dump, arguments.records)
    if arguments.json:
        print(json.dumps(out, indent=1))
    else:
        for name, row in out['partitions'].items():
            print(f'{name}: offsets {row["start"]}..{row["end"]}, {row["segments"]} segments, '
                  f'{row["batches"]} batches, epochs {row["epochs"]}')
            for record in row.get('records', []):
                print('   ', *record)
        for problem in dump.problems:
            print('PROBLEM', problem)
        print(f'{len(dump.partitions)} partitions, {len(dump.problems)} problems')
    return 1 if dump.problems else 0


if __name__ == '__main__':
    sys.exit(main())
