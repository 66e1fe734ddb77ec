"""What the Python programs of transactions share: options, commands and answers (see README.md, "Transactions")."""
import os
import queue
import sys
import threading
import traceback

POLL_SECONDS = 0.1


class Worker:
    def __init__(self):
        self.bootstrap = sys.argv[1]
        for pair in sys.argv[2:]:
            name, _, value = pair.partition('=')
            setattr(self, name, value)
        self.commands = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in sys.stdin:
            self.commands.put(line.split())
        os._exit(0)    # The test is gone.

    def told(self):
        """Whether there is another command: the end of what goes on until then. It is taken."""
        try:
            self.commands.get_nowait()
            return True
        except queue.Empty:
            return False

    def run(self, answer, name_of=lambda error: type(error).__name__):
        """Answers each command with what answer(command, words) returns, or with the error's name."""
        while True:
            command, *words = self.commands.get()
            try:
                line = f'ok {answer(command, words) or ""}'
            except Exception as e:
                traceback.print_exc()
                line = f'error {name_of(e)} {e!r}'
            print(line.replace('\n', ' '), flush=True)


class Marked:
    """The values of a topic up to the mark of each of its partitions."""

    def __init__(self, partitions, mark):
        self.left, self.mark, self.values = int(partitions), mark, []

    def add(self, partition, value):
        self.left -= value == self.mark
        self.values.append(f'{partition}/{value}')

    def text(self):
        return ' '.join(self.values)
