"""What happened in a run: every operation with its times and its outcome, and every fault.

Times are seconds of the monotonic clock, one clock for all. `life` counts the broker's lives from
0: an operation belongs to the life that its connection was made to, so an answer that was read
late still counts for the life that gave it. Outcomes: 'ok' the broker said yes; 'fail' the broker
said no and promises that nothing was stored; 'info' anything else, both are possible.
"""
import dataclasses
import hashlib
import itertools
import json
import threading
import time
import typing

from record_batch import BatchError

now = time.monotonic

Key = typing.Tuple[str, int]  # topic, partition


@dataclasses.dataclass(slots=True)
class Send:
    """One batch. `values` are its value ids in order, `offset` the first one's where it is known.
    `life` is that of the last attempt; `lives` of all attempts. `sources` are the records that it was made from,
    where it was made from others."""
    process: int
    life: int
    key: Key
    values: list
    acks: int
    size: int
    t0: float
    t1: float = 0.0
    status: str = 'info'
    error: str = ''
    offset: typing.Optional[int] = None
    producer: typing.Optional[tuple] = None  # (producer id, epoch, first sequence)
    lives: set = dataclasses.field(default_factory=set)
    txn: typing.Optional[int] = None         # the number of its transaction
    sources: list = dataclasses.field(default_factory=list)  # [(key, offset)]


@dataclasses.dataclass(slots=True)
class Txn:
    """One transaction. `wanted` is what its end was asked to be, 'commit' or 'abort', since `t_end`; '' when nobody
    asked. `status` 'ok': that was acknowledged; 'fail': it was refused, and cannot have been done; 'info': neither.
    `keys` are the partitions that it was to write to, whether or not it did."""
    number: int
    process: int
    life: int                # of the last request that ends it
    transactional_id: str
    protocol: int
    producer: tuple          # (producer id, epoch)
    t0: float
    t_end: float = 0.0
    t1: float = 0.0
    wanted: str = ''
    status: str = 'info'
    error: str = ''
    keys: set = dataclasses.field(default_factory=set)


@dataclasses.dataclass(slots=True)
class Poll:
    """What one fetch said of one partition; `final`: it belongs to the reading at the end. At read_committed
    (`isolation` 1) `records` are what a client shows, `dropped` what the list `aborted` told it not to show;
    `markers` are the offsets of control batches, and `following` is the offset after the last batch."""
    process: int
    life: int
    key: Key
    position: int
    t0: float
    t1: float = 0.0
    status: str = 'ok'
    error: str = ''
    high_watermark: int = -1
    log_start: int = -1
    records: list = dataclasses.field(default_factory=list)  # (offset, value id)
    corrupt: list = dataclasses.field(default_factory=list)  # (offset, what is wrong)
    final: bool = False
    isolation: int = 0
    txn: typing.Optional[int] = None  # the number of the transaction that it is part of
    stable: int = -1                  # the last stable offset
    aborted: typing.Optional[list] = None                    # [(producer id, first offset)]
    dropped: list = dataclasses.field(default_factory=list)  # (offset, value id)
    markers: list = dataclasses.field(default_factory=list)
    following: int = -1


@dataclasses.dataclass(slots=True)
class Listing:
    """One answer of ListOffsets: timestamp -1 latest, -2 earliest; of `isolation` 1 the latest is the last stable
    offset. Any other `timestamp` is a time, and `found` that of the record at `offset`; both -1 when there is none."""
    process: int
    life: int
    key: Key
    timestamp: int
    offset: int
    epoch: int
    t0: float
    t1: float
    isolation: int = 0
    found: int = -1


@dataclasses.dataclass(slots=True)
class ProducerId:
    """One answer of InitProducerId."""
    process: int
    life: int
    producer_id: int
    epoch: int
    t1: float
    transactional_id: typing.Optional[str] = None


@dataclasses.dataclass(slots=True)
class Stable:
    """After the last client had gone: so long it took until no transaction was open in this partition, None when
    that did not happen in time."""
    key: Key
    seconds: typing.Optional[float]


@dataclasses.dataclass(slots=True)
class Admin:
    """A change that sets `register` to `value`: ('topic', name) to a topic id's text or None,
    ('partitions', name) to a number, ('config', name, option) to a text or None,
    ('start', topic, partition) to an offset."""
    life: int
    register: tuple
    value: typing.Any
    t0: float
    t1: float = 0.0
    status: str = 'info'
    error: str = ''


@dataclasses.dataclass(slots=True)
class AdminRead:
    """The registers as they were read after a start."""
    life: int
    values: dict
    t0: float


@dataclasses.dataclass(slots=True)
class Commit:
    """One offset of one OffsetCommit, or of a transaction's, and then its outcome is the transaction's. `note` is its
    metadata, another one in every commit, so that a reader can tell whose offset it sees."""
    process: int
    life: int
    group: str
    key: Key
    offset: int
    note: str
    t0: float
    t1: float = 0.0
    status: str = 'info'
    error: str = ''
    txn: typing.Optional[int] = None


@dataclasses.dataclass(slots=True)
class Committed:
    """What one OffsetFetch said of one partition; offset -1: nothing is committed."""
    process: int
    life: int
    group: str
    key: Key
    offset: int
    note: str
    t0: float
    t1: float


@dataclasses.dataclass(slots=True)
class Start:
    """A start of the broker that led to life `life`. `epochs` are the leader epochs it showed,
    `stale` the error codes it gave to fetches with the epochs of the life before."""
    life: int
    t0: float
    ready_s: float
    epochs: dict = dataclasses.field(default_factory=dict)
    stale: dict = dataclasses.field(default_factory=dict)
    error: str = ''


@dataclasses.dataclass(slots=True)
class Fault:
    """The end of life `life`. Just before it the clock stood at `t`; when it was over, at `t_done`.
    `paused`: the process was stopped at t, so that every answer it ever gave is from before t."""
    kind: str  # 'kill9', 'power' or 'stop'
    life: int
    t: float
    t_done: float
    paused: bool = False
    ended_with: typing.Optional[int] = None


@dataclasses.dataclass(slots=True)
class Liveness:
    """After the last heal: this kind of client completed an operation after so many seconds, or
    not (None)."""
    client: str
    seconds: typing.Optional[float]


class History:
    """Thread rule: add from any thread; read when all have ended."""

    def __init__(self):
        self.events = []
        self._processes, self._txns = itertools.count(1), itertools.count(1)
        self._lock = threading.Lock()

    def add(self, event):
        self.events.append(event)  # atomic under CPython
        return event

    def new_process(self):
        with self._lock:
            return next(self._processes)

    def new_txn(self):
        with self._lock:
            return next(self._txns)

    def of(self, kind):
        return [event for event in self.events if type(event) is kind]

    def write(self, path):
        """As JSON lines, for a person to look into."""
        with open(path, 'w') as file:
            for event in self.events:
                row = {'f': type(event).__name__.lower()}
                for field in dataclasses.fields(event):
                    value = getattr(event, field.name)
                    if isinstance(value, dict):
                        value = {str(k): v for k, v in value.items()}
                    row[field.name] = sorted(value) if isinstance(value, set) else value
                file.write(json.dumps(row, default=str) + '\n')


class Values:
    """Records that prove themselves: key, headers and every byte of the value follow from the run,
    the process and the number in front, so that a reader needs no list of what was written."""

    def __init__(self, run):
        self.run = run

    def record(self, process, number, key, size):
        """((key, value, headers), value id)"""
        noise = self._noise(process, number, size)
        head = f'{self.run}|{process}|{number}|{key[0]}-{key[1]}|{size}|'.encode()
        return (noise[:8], head + noise[16:], self._headers(noise)), f'{process}.{number}'

    def _noise(self, process, number, size):
        return hashlib.shake_128(f'{self.run}|{process}|{number}'.encode()).digest(size + 16)

    @staticmethod
    def _headers(noise):
        return [(b'a', noise[8:12]), (b'b', noise[12:16] if noise[12] & 1 else None)]

    def identify(self, record, key):
        """The value id of a record that was read from `key`; BatchError when a byte is wrong."""
        try:
            run, process, number, where, size, _ = record.value.split(b'|', 5)
            process, number, size = int(process), int(number), int(size)
        except (ValueError, AttributeError):
            raise BatchError('no value of ours') from None
        if run.decode(errors='replace') != self.run or where.decode() != f'{key[0]}-{key[1]}':
            raise BatchError('a value of another run or partition')
        expected, ident = self.record(process, number, key, size)
        if (record.key, record.value, [tuple(h) for h in record.headers]) != expected:
            raise BatchError(f'value {ident}: bytes differ from those written')
        return ident
