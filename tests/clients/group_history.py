"""What the members of a group said, in order, and what in it must not be.

All members append to one file, each line in one write, so the file's order is the order in which things
happened: a member says that it gave partitions up before it lets the group know, and that it has some after
the group gave them. An event is `MEMBER WHAT ...` (see README.md, "A member").
"""
import collections


class History:
    """Thread rule: the thread that runs the scenario. Violations are told by check()."""

    def __init__(self, path, strict=True):
        """strict: whether a member may only read what it owns, and that once. Otherwise what it still reads and
        commits of other partitions, or reads again of its own commits, is its client's weakness and not
        counted, as long as nothing gets lost by it."""
        self.path, self.strict, self.at = path, strict, 0
        self.owned = collections.defaultdict(set)      # member: partitions
        self.changes = collections.defaultdict(list)   # member: what it owned, change by change
        self.seen = set()                              # (partition, offset) of what was read
        self.times = collections.Counter()             # (partition, offset): how often, by an owner
        self.read = collections.defaultdict(list)      # member: (partition, offset)
        self.committed = {}                            # partition: offset
        self.committer = {}                            # partition: the member that committed it
        self.fetched = collections.defaultdict(dict)   # member: {partition: offset}
        self.ended = {}                                # member: 'left', 'killed'
        self.lines = collections.defaultdict(list)     # member: everything else
        self.violations = []
        open(path, 'wb').close()

    def note(self, member, what):
        """An event of the test's own."""
        with open(self.path, 'ab', buffering=0) as f:
            f.write(f'{member} {what}\n'.encode())

    def update(self):
        """Reads on."""
        with open(self.path, 'rb') as f:
            f.seek(self.at)
            data = f.read()
        whole = data.rfind(b'\n') + 1
        self.at += whole
        for line in data[:whole].decode(errors='replace').splitlines():
            self.event(line)
        return self

    def event(self, line):
        member, _, rest = line.partition(' ')
        what, *words = rest.split(' ')
        known = {'owns': self._owns, 'record': self._record, 'committed': self._committed,
                 'fetched': self._fetched, 'left': self._end, 'killed': self._end}
        if what in known:
            known[what](member, what, words)
        else:
            self.lines[member].append(rest)

    def _owns(self, member, _, words):
        now = set() if words[0] == '-' else {int(p) for p in words[0].split(',')}
        for other, theirs in self.owned.items():
            if other != member and now & theirs:
                self.violations.append(f'{member} and {other} both own {sorted(now & theirs)}')
        self.owned[member] = now
        self.changes[member].append(now)

    def _record(self, member, _, words):
        partition, offset = map(int, words)
        owns = partition in self.owned[member]
        if self.strict and not owns:
            self.violations.append(f'{member} reads {partition} at {offset} without owning it')
        may_repeat = not self.strict and (not owns or self.committer.get(partition) == member)
        if offset < self.committed.get(partition, 0) and not may_repeat:
            self.violations.append(f'{member} reads {partition} at {offset} again, which was committed '
                                   f'up to {self.committed[partition]}')
        self.seen.add((partition, offset))
        if owns or self.strict:
            self.times[partition, offset] += 1
        self.read[member].append((partition, offset))

    def _committed(self, member, _, words):
        partition, offset = map(int, words)
        if not self.strict and partition not in self.owned[member]:
            return
        if offset < self.committed.get(partition, 0):
            self.violations.append(f'{member} commits {offset} for {partition} after {self.committed[partition]}')
        self.committed[partition], self.committer[partition] = offset, member

    def _fetched(self, member, _, words):
        if words:
            self.fetched[member][int(words[0])] = int(words[1])
        else:
            self.fetched[member]['all'] = True

    def _end(self, member, what, _):
        self.owned[member] = set()
        self.ended[member] = what

    def owners(self):
        """{partition: member}"""
        return {p: member for member, partitions in self.owned.items() for p in partitions}

    def duplicates(self):
        return sorted(record for record, times in self.times.items() if times > 1)

    def check(self):
        """AssertionError with the first thing that must not be."""
        self.update()
        if self.violations:
            raise AssertionError(self.violations[0])
