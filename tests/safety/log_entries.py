"""A partition's log as a list of entries, and the transactions that it holds: the truth that the answers of a broker
are compared with. Pure; dump.py makes the entries from the files.
"""
import bisect
import dataclasses
import heapq
import math

PLAIN, DATA, COMMIT, ABORT = 'plain', 'data', 'commit', 'abort'


@dataclasses.dataclass(slots=True)
class Entry:
    """One batch: DATA is what belongs to a transaction, COMMIT and ABORT are the markers. `values` says what it
    holds, in whatever way its maker likes; `timestamp` is its newest record's."""
    offset: int
    last_offset: int
    producer_id: int
    epoch: int
    kind: str
    values: list = dataclasses.field(default_factory=list)
    timestamp: int = -1


@dataclasses.dataclass(slots=True)
class Span:
    """One transaction in one partition: its data and the marker that ended it, or None."""
    producer_id: int
    data: list
    marker: Entry = None

    @property
    def first(self):
        return self.data[0].offset

    @property
    def end(self):
        return self.marker.offset if self.marker else math.inf

    @property
    def fate(self):
        return self.marker.kind if self.marker else 'open'


def entry_of(batch, values=()):
    kind = DATA if batch.is_transactional else PLAIN
    if batch.is_control:
        kind = COMMIT if batch.marker()[0] else ABORT
    return Entry(batch.base_offset, batch.last_offset, batch.producer_id, batch.producer_epoch, kind, list(values),
                 batch.max_timestamp)


def entries_of(batches):
    """Of all batches but control batches that end no transaction."""
    return [entry_of(batch) for batch in batches if not batch.is_control or batch.is_transactional]


class Transactions:
    """What one partition's entries say. `spans` are in the order of their first offsets; `idle` are the markers
    that ended nothing."""

    def __init__(self, entries):
        self.spans, self.idle, opened = [], [], {}
        for entry in entries:
            if entry.kind == DATA:
                span = opened.get(entry.producer_id)
                if span is None:
                    opened[entry.producer_id] = span = Span(entry.producer_id, [])
                    self.spans.append(span)
                span.data.append(entry)
            elif entry.kind in (COMMIT, ABORT):
                span = opened.pop(entry.producer_id, None)
                if span is None:
                    self.idle.append(entry)
                else:
                    span.marker = entry
        self.end = entries[-1].last_offset + 1 if entries else 0
        self.aborted = sorted((span for span in self.spans if span.fate == ABORT), key=lambda span: span.end)
        self._ends = [span.end for span in self.aborted]
        self._longest = max((span.end - span.first for span in self.aborted), default=0)
        self._stable = None

    def last_stable_offset(self, end):
        """What it was when the log ended at `end`: where the oldest transaction began that was open then."""
        self.stable_offsets
        return self._stable[end] if end < len(self._stable) else end

    @property
    def stable_offsets(self):
        """All that it ever was."""
        if self._stable is None:
            self._stable = self._sweep()
            self._legal = set(self._stable)
        return self._legal

    def _sweep(self):
        """The last stable offset for every end that the log ever had."""
        out, opened, spans = [], [], iter(self.spans)
        following = next(spans, None)
        for end in range(self.end + 1):
            while following and following.first < end:
                heapq.heappush(opened, (following.first, following.end))
                following = next(spans, None)
            while opened and opened[0][1] < end:
                heapq.heappop(opened)
            out.append(opened[0][0] if opened else end)
        return out

    def aborted_in(self, start, end):
        """[(producer id, first offset)] of the aborted ones that lie over offsets from `start` to before `end`."""
        found = []
        for span in self.aborted[bisect.bisect_left(self._ends, start):]:
            if span.end > end + self._longest:
                break
            if span.first < end:
                found.append((span.producer_id, span.first))
        return sorted(found, key=lambda pair: pair[1])
