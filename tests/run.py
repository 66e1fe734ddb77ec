#!/usr/bin/env python3
"""Every test of Moldau: what `./dev test` runs once everything is installed.

    tests/run.py [--only NAME[,NAME...]] [--deep] [--list]

Each step builds or runs one thing and is counted by its own closing line: GoogleTest's, or 'N passed, N failed, N skipped'.  The last line adds them up.  A
test that needs a tool that is missing is skipped with the tool's name; with CI=true a skip is a failure.
"""
import argparse, os, re, shutil, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PLAIN = re.compile(r'(\d+) passed, (\d+) failed(?:, (\d+) skipped)?')


class Counts:
    def __init__(self): self.passed = self.failed = self.skipped = 0

    def add(self, passed, failed, skipped):
        self.passed += passed; self.failed += failed; self.skipped += skipped


def run(command, log, env=None, timeout=None):
    """Runs `command`, its output to `log` and back; the status is None when it ran out of time."""
    with open(log, 'w') as out:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        try: status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill(); process.wait(); status = None
    with open(log, errors='replace') as f: return status, f.read()


def gtest_counts(output, status):
    """(passed, failed, skipped) of one GoogleTest program."""
    number = lambda pattern: int((re.search(pattern, output) or [0, 0])[1])
    ran, passed = number(r'\[==========\] (\d+) tests? from .* ran'), number(r'\[  PASSED  \] (\d+) tests?')
    skipped, failed = number(r'\[  SKIPPED \] (\d+) tests?, listed'), number(r'\[  FAILED  \] (\d+) tests?, listed')
    if status != 0 and failed == 0: failed = 1      # it died
    if status == 0 and ran == 0: failed = 1         # it ran nothing
    return passed, failed, skipped


def step_build(kind, targets=()):
    def step(a, log):
        status, output = run(['./dev', 'build-only', kind, *targets], log)
        return (1, 0, 0) if status == 0 else (0, 1, 0)
    return step


def step_units(kind, programs=None, environment=None):
    """Every *_test program of a build; the sanitizers' builds take a subset where one is named."""
    def step(a, log):
        folder = os.path.join(ROOT, 'build', kind, 'bin')
        total = Counts()
        for program in sorted(os.listdir(folder)):
            if not program.endswith('_test') or (programs and program[:-5] not in programs): continue
            status, output = run([os.path.join(folder, program), '--gtest_brief=1'], f'{log}.{program}', environment, timeout=900)
            counts = gtest_counts(output, status)
            total.add(*counts)
            if counts[1]: print(f'    {program}: {counts[1]} failed, see {os.path.relpath(log, ROOT)}.{program}'); sys.stdout.write(tail(output))
        return total.passed, total.failed, total.skipped
    return step


def step_script(*command, tools=(), env=None, timeout=1800):
    def step(a, log):
        missing = [t for t in tools if not shutil.which(t)]
        if missing:
            print(f'    skip: needs {", ".join(missing)}')
            return 0, 0, 1
        full = [sys.executable, *command] if command[0].endswith('.py') else list(command)
        status, output = run(full, log, env, timeout)
        for line in output.splitlines():
            if line.startswith(('not ok', 'skip ')): print('    ' + line[:220])
        found = PLAIN.findall(output)
        if not found:
            sys.stdout.write(tail(output))
            return 0, 1, 0
        passed, failed, skipped = (int(x or 0) for x in found[-1])
        if status != 0 and failed == 0 and skipped == 0: failed = 1; sys.stdout.write(tail(output))
        return passed, failed, skipped
    return step


def step_unittest(*files):
    """Python's own unit tests."""
    def step(a, log):
        status, output = run([sys.executable, '-m', 'unittest', *files], log)
        ran = int((re.search(r'^Ran (\d+) tests?', output, re.M) or [0, 0])[1])
        failed = sum(int(n) for n in re.findall(r'(?:failures|errors)=(\d+)', output))
        if ran == 0 or (status != 0 and failed == 0): failed = max(failed, 1)
        if failed: sys.stdout.write(tail(output))
        return ran - failed if ran else 0, failed, 0
    return step


def tail(output, lines=25): return ''.join('      ' + line + '\n' for line in output.splitlines()[-lines:])


def steps(deep):
    """(name, step) in order; what fails fastest first."""
    from steps import STEPS
    return STEPS(deep)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--only', help='steps whose names contain one of these (comma-separated)')
    p.add_argument('--deep', action='store_true', help='the long forms too')
    p.add_argument('--list', action='store_true')
    a = p.parse_args()
    chosen = steps(a.deep)
    if a.only: chosen = [s for s in chosen if any(o in s[0] for o in a.only.split(','))]
    if a.list or not chosen:
        print('\n'.join(name for name, _ in steps(a.deep)))
        sys.exit(0 if a.list else 2)
    logs = os.path.join(ROOT, 'build', 'test-logs')
    os.makedirs(logs, exist_ok=True)
    total, ci = Counts(), os.environ.get('CI') == 'true'
    for name, step in chosen:
        started = time.monotonic()
        print(f'== {name}', flush=True)
        passed, failed, skipped = step(a, os.path.join(logs, name + '.log'))
        total.add(passed, failed, skipped)
        print(f'   {name}: {passed} passed, {failed} failed, {skipped} skipped ({time.monotonic() - started:.0f} s)', flush=True)
        if failed and name.startswith('build'): break     # nothing after it can run
    print(f'{total.passed} passed, {total.failed} failed, {total.skipped} skipped')
    sys.exit(1 if total.failed or (ci and total.skipped) else 0)


if __name__ == '__main__':
    sys.path.insert(0, HERE)
    main()
