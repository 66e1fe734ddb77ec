"""What the Python members of a group share: options, output and commands (see README.md, "A member")."""
import queue
import sys
import threading

POLL_SECONDS = 0.1


class Member:
    def __init__(self):
        self.bootstrap, self.operation = sys.argv[1:3]
        for pair in sys.argv[3:]:
            name, _, value = pair.partition('=')
            setattr(self, name, value)
        self.owned = set()
        # {partition: offset} of what was read and is not known to be committed: a group that rebalances refuses it,
        # and then it is tried again.
        self.pending = {}
        self.commands = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in sys.stdin:
            self.commands.put(line.strip())
        self.commands.put('leave')

    def command(self):
        """The next command from the test, or None."""
        try:
            return self.commands.get_nowait()
        except queue.Empty:
            return None

    def say(self, *lines):
        """Each with this member's name, all in one write: the output's file has several writers."""
        if lines:
            sys.stdout.write(''.join(f'{self.name} {line}\n' for line in lines))
            sys.stdout.flush()

    def assigned(self, partitions):
        self.owned |= set(partitions)
        self.owns()

    def revoked(self, partitions):
        self.owned -= set(partitions)
        self.pending = {p: n for p, n in self.pending.items() if p in self.owned}
        self.owns()

    def owns(self):
        self.say('owns ' + (','.join(map(str, sorted(self.owned))) or '-'))

    def records(self, pairs):
        self.say(*[f'record {partition} {offset}' for partition, offset in pairs])
        self.pending.update(ends(pairs))

    def committed(self, pairs):
        pairs = list(pairs)
        self.say(*[f'committed {partition} {offset}' for partition, offset in pairs])
        for partition, offset in pairs:
            if self.pending.get(partition) == offset:
                del self.pending[partition]

    def fetched(self, pairs):
        self.say(*[f'fetched {partition} {offset}' for partition, offset in pairs], 'fetched')


def ends(pairs):
    """{partition: the offset after the last one} of (partition, offset) pairs."""
    last = {}
    for partition, offset in pairs:
        last[partition] = max(offset + 1, last.get(partition, 0))
    return last
