"""What a program of this folder says of its checks, in the lines that tests/run.py reads."""


class Report:
    """The lines `ok` and `not ok`, and their count."""

    def __init__(self):
        self.passed = self.failed = 0

    def line(self, good, name, text=''):
        if good:
            self.passed += 1
        else:
            self.failed += 1
        print(f'{"ok" if good else "not ok"} {name} {text}'.rstrip(), flush=True)

    def close(self):
        """Prints the count; the exit status."""
        print(f'{self.passed} passed, {self.failed} failed, 0 skipped', flush=True)
        return 1 if self.failed else 0
