"""The records of Kafka's own topics, read from the files: the states of transactions, and offsets of groups.

`problems_of(dump)` compares the coordinator's log with the markers: what it decided is what they say, in every
partition, and nobody else wrote any.
"""
import collections
import dataclasses
import struct

from log_entries import ABORT, COMMIT
from raw_client import Reader
from record_batch import BatchError

STATES, OFFSETS = '__transaction_state', '__consumer_offsets'
EMPTY, ONGOING, PREPARE_COMMIT, PREPARE_ABORT, COMPLETE_COMMIT, COMPLETE_ABORT, DEAD, PREPARE_FENCE = range(8)
NAMES = ('Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort', 'Dead',
         'PrepareEpochFence')
# What may come after which; None is the absence of any.
FOLLOWING = {
    None: {EMPTY},
    EMPTY: {EMPTY, ONGOING, PREPARE_ABORT, None},
    ONGOING: {ONGOING, PREPARE_COMMIT, PREPARE_ABORT},
    PREPARE_COMMIT: {COMPLETE_COMMIT},
    PREPARE_ABORT: {COMPLETE_ABORT},
    COMPLETE_COMMIT: {EMPTY, ONGOING, PREPARE_ABORT, None},
    COMPLETE_ABORT: {EMPTY, ONGOING, PREPARE_ABORT, None},
}


@dataclasses.dataclass(slots=True)
class State:
    """One record of the transaction log; `state` is None for a tombstone."""
    offset: int
    transactional_id: str
    state: int
    producer_id: int = -1
    epoch: int = -1
    keys: frozenset = frozenset()


@dataclasses.dataclass(slots=True)
class OffsetRecord:
    """One committed offset; `committed` is None for a tombstone."""
    offset: int
    producer_id: int    # of the transaction that it belongs to, else -1
    group: str
    key: tuple
    committed: int = None
    note: str = ''


class _Fixed:
    """Reads the older form, whose strings have two bytes of length."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def unpack(self, form):
        form = struct.Struct('>' + form)
        if self.at + form.size > len(self.data):
            raise BatchError('a record of an internal topic is too short')
        values = form.unpack_from(self.data, self.at)
        self.at += form.size
        return values[0] if len(values) == 1 else values

    def string(self):
        size = self.unpack('h')
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def array(self, read):
        size = self.unpack('i')
        return None if size < 0 else [read() for _ in range(size)]

    def int32s(self):
        return self.array(lambda: self.unpack('i'))

    def tags(self):
        pass


def read_state(record):
    key = _Fixed(record.key)
    if key.unpack('h') != 0:
        raise BatchError(f'{STATES}: a key of another version')
    name = key.string()
    if record.value is None:
        return State(record.offset, name, None)
    version, = struct.unpack_from('>h', record.value)
    if version not in (0, 1):
        raise BatchError(f'{STATES}: a value of version {version}')
    reader = (_Fixed, Reader)[version](record.value[2:])
    producer_id, epoch, _timeout, state = reader.unpack('qhib')

    def topic():
        name, numbers = reader.string(), reader.int32s()
        reader.tags()
        return [(name, number) for number in numbers]
    keys = frozenset(key for keys in reader.array(topic) or () for key in keys)
    return State(record.offset, name, state, producer_id, epoch, keys)


def read_offset(record, producer_id):
    """The committed offset that a record says, None for a record of another kind."""
    key = _Fixed(record.key)
    if key.unpack('h') not in (0, 1):
        return None
    out = OffsetRecord(record.offset, producer_id, key.string(), (key.string(), key.unpack('i')))
    if record.value is not None:
        version, = struct.unpack_from('>h', record.value)
        reader = (Reader if version >= 4 else _Fixed)(record.value[2:])
        out.committed = reader.unpack('q')
        if version >= 3:
            reader.unpack('i')
        out.note = reader.string()
    return out


def states_of(dump):
    """[State] in the order of the log, over all partitions of the topic."""
    return [read_state(record) for key, partition in sorted(dump.partitions.items()) if key[0] == STATES
            for record in partition.records()]


def offsets_of(partition):
    """[(batch, [OffsetRecord])] of every batch that has any."""
    out = []
    for batch in partition.batches():
        if not batch.is_control:
            producer_id = batch.producer_id if batch.is_transactional else -1
            rows = [read_offset(record, producer_id) for record in batch.records()]
            if any(rows):
                out.append((batch, [row for row in rows if row]))
    return out


def problems_of(dump, done=True):
    """`done`: the broker had time to end what it decided."""
    states = states_of(dump)
    return _orders(states, done) + _markers(dump, states, done)


def _orders(states, done):
    """Each transactional id goes from state to state as it may, and never back to an older epoch."""
    problems, last = [], {}
    for state in states:
        before = last.get(state.transactional_id)
        where = f'{STATES}: {state.transactional_id} at offset {state.offset}'
        was = before.state if before else None
        if state.state not in FOLLOWING.get(was, ()):
            problems.append(f'{where} goes from {_name(was)} to {_name(state.state)}')
        if before and before.producer_id == state.producer_id and state.epoch < before.epoch:
            problems.append(f'{where} goes back from epoch {before.epoch} to {state.epoch}')
        last[state.transactional_id] = state
    if done:
        problems += [f'{STATES}: {state.transactional_id} stays {_name(state.state)}' for state in last.values()
                     if state.state in (PREPARE_COMMIT, PREPARE_ABORT)]
    return problems


def _name(state):
    return 'nothing' if state is None else NAMES[state]


def _markers(dump, states, done):
    """Every decision has its marker in every partition of the transaction, and every marker a decision. A marker may
    be there twice: it is written again when nobody knows whether it was."""
    decided = collections.Counter()
    for state in states:
        if state.state in (PREPARE_COMMIT, PREPARE_ABORT):
            kind = COMMIT if state.state == PREPARE_COMMIT else ABORT
            decided.update((key, state.producer_id, state.epoch, kind) for key in state.keys)
    written = collections.Counter(
        (key, entry.producer_id, entry.epoch, entry.kind) for key, partition in dump.partitions.items()
        for entry in partition.entries if entry.kind in (COMMIT, ABORT))
    problems = []
    for what, count in decided.items():
        key, producer_id, epoch, kind = what
        if done and key in dump.partitions and written[what] < count:
            problems.append(f'{key[0]}-{key[1]}: {written[what]} markers {kind} of producer {producer_id} epoch {epoch}, '
                            f'the coordinator decided that {count} times')
    for (key, producer_id, epoch, kind), count in written.items():
        if not decided[key, producer_id, epoch, kind]:
            problems.append(f'{key[0]}-{key[1]}: a marker {kind} of producer {producer_id} epoch {epoch} that the coordinator '
                            f'did not decide')
    return problems
