#!/usr/bin/env python3
"""franz-go's own test suite, unmodified, against Moldau or Apache Kafka.

    kgo_suite.py [--kind moldau|kafka] [--only PATTERN] [--group] [--runs N] [--out FILE]
                 [--compare BASELINE] [--with-needs] [--records N]

Runs `go test github.com/twmb/franz-go/pkg/kgo`, the version that franz_go/go.mod pins, and prints a line for
each of its tests. --group takes those that are about groups. With --compare a test is `not ok` only when the
baseline, which is what --kind kafka --out wrote, passes it: golden/kgo.json is Apache Kafka's.

Tests of what Moldau does not serve yet are not run but listed as `needs NAME what`, and counted apart;
--with-needs runs them too. With --runs each run has a fresh broker, and a test that passed in one and failed
in another is `flaky`: a failure, unless it is that on Kafka too.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

from broker import Broker, exit_on_sigterm
from prepare import environment
from wire import create_offsets_topic

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = 'github.com/twmb/franz-go/pkg/kgo'
TIMEOUT_MINUTES = 30

# Top-level tests that need what Moldau does not serve yet.
NEEDS = {
    'TestShareGroup': 'share groups',
    'TestShareGroupETL': 'share groups',
    'TestShareGroupAckOnClose': 'share groups',
    'TestShareGroupOffsetsAdmin': 'share groups',
    'TestConsumeRegexShareSkipsInternal': 'share groups',
    'TestSCRAMAuth': 'SASL',
    'TestSCRAMAuthBadCredentials': 'SASL',
}
# What is about groups, by name; TestIssue523 is the one that has a group without saying so.
GROUP = 'Group|848|Cooperative|Balance|Issue523|TxnEtl'
VERDICTS = ('pass', 'fail', 'skip')


def outcomes(output):
    """{test: [verdict, note]} of `go test -json`: of a test with subtests, those."""
    seen, said = {}, {}
    for line in output.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        name = event.get('Test')
        if not name:
            continue
        if event['Action'] == 'run':
            seen[name] = 'fail'    # Which it stays when the process dies in it.
        elif event['Action'] in VERDICTS:
            seen[name] = event['Action']
        elif event['Action'] == 'output' and re.search(r'_test\.go:\d+: |^panic: ', event['Output']):
            said.setdefault(name, event['Output'].strip())
    tests = {}
    for name, verdict in seen.items():
        below = [v for other, v in seen.items() if other.startswith(name + '/')]
        # One with subtests is its own only when it failed by itself. Below the top that cannot be told:
        # `range/848` is no subtest of `range`.
        if '/' in name or not below or (verdict == 'fail' and 'fail' not in below):
            tests[name] = [verdict] if verdict == 'pass' else [verdict, said.get(name, '')[:200]]
    return tests


def merge(runs):
    tests = {}
    for name in sorted({name for run in runs for name in run}):
        results = [run.get(name, ['fail', 'not run']) for run in runs]
        worst = next((r for r in results if r[0] == 'fail'), results[-1])
        passed = sum(r[0] == 'pass' for r in results)
        if worst[0] == 'fail' and passed:
            worst = ['flaky', f'passed {passed} of {len(runs)}; {worst[1]}']
        tests[name] = worst
    return tests


def run_suite(kind, only, skip, records):
    """One run on a fresh broker: its tests."""
    with Broker(kind) as broker:
        create_offsets_topic(broker.bootstrap)
        variables = {**environment('go'), 'KGO_SEEDS': broker.bootstrap, 'KGO_TEST_RF': '1',
                     'KGO_LOG_LEVEL': 'none'}
        if records:
            variables['KGO_TEST_RECORDS'] = str(records)
        words = ['go', 'test', '-json', '-count=1', f'-timeout={TIMEOUT_MINUTES}m']
        words += ['-run', only] if only else []
        words += ['-skip', skip] if skip else []
        process = subprocess.Popen(words + [PACKAGE], cwd=os.path.join(HERE, 'franz_go'), env=variables,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors='replace',
                                   start_new_session=True)
        try:
            output, _ = process.communicate(timeout=(TIMEOUT_MINUTES + 5) * 60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        tests = outcomes(output)
        if not tests:
            raise RuntimeError('no test ran: ' + output[-1000:])
        tests['the broker lives'] = ['pass'] if broker.alive() else ['fail', broker.log_tail(200)]
        return tests


def needed(a):
    """{test: what} of those that are asked for and cannot run; the pattern is Go's, of the top level."""
    only = a.only.split('/')[0] if a.only else ''
    return {} if a.with_needs else {n: what for n, what in NEEDS.items() if re.search(only, n)}


def version():
    with open(os.path.join(HERE, 'franz_go', 'go.mod')) as f:
        return re.search(r'franz-go (v\S+)', f.read())[1]


def save(path, head, tests):
    """A test a line, so that two of these can be compared by eye."""
    lines = [f'{json.dumps(name)}: {json.dumps(tests[name])}' for name in sorted(tests)]
    with open(path, 'w') as f:
        f.write(json.dumps(head)[:-1] + ', "tests": {\n' + ',\n'.join(lines) + '\n}}\n')


def lines_of(tests, baseline):
    """The outcome line of each test. A failure that the baseline has too is told, but is none of ours."""
    lines = []
    for name in sorted(tests):
        verdict, note = (tests[name] + [''])[:2]
        theirs = baseline.get(name, ['pass'])[0]
        if verdict == 'pass':
            lines.append(f'ok {name}')
        elif verdict == 'needs':
            lines.append(f'needs {name} {note}')
        elif verdict == 'skip' and theirs == 'skip':
            lines.append(f'same {name} passes itself over on Kafka too: {note}')
        elif verdict == 'skip':
            lines.append(f'skip {name} {note}')
        elif theirs in ('fail', 'flaky'):
            lines.append(f'skip {name} {theirs} on Kafka too: {note}')
        else:
            lines.append(f'not ok {name} {verdict}: {note}')
    return lines


def compare(tests, baseline, everything):
    """Adds to `tests` what the baseline passes and this run did not reach."""
    for name, (verdict, *_) in baseline.items():
        if everything and verdict == 'pass' and name not in tests and name.split('/')[0] not in NEEDS:
            tests[name] = ['fail', 'not run']


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kind', choices=['moldau', 'kafka'], default='moldau')
    parser.add_argument('--only', help="go test's -run")
    parser.add_argument('--group', action='store_true')
    parser.add_argument('--runs', type=int, default=1)
    parser.add_argument('--records', type=int, help='of a chain of groups; the suite has 500,000')
    parser.add_argument('--out')
    parser.add_argument('--compare')
    parser.add_argument('--with-needs', action='store_true')
    a = parser.parse_args()
    exit_on_sigterm()
    if a.group:
        a.only = GROUP
    baseline = {}
    if a.compare:
        with open(a.compare) as f:
            baseline = json.load(f)['tests']
    skip = '' if a.with_needs else f"^({'|'.join(NEEDS)})$"
    started = time.monotonic()
    runs = [run_suite(a.kind, a.only, skip, a.records) for _ in range(a.runs)]
    tests = merge(runs)
    compare(tests, baseline, not a.only)
    for name, what in needed(a).items():
        # The baseline, recorded with these, knows their subtests.
        known = [n for n in baseline if n.split('/')[0] == name]
        tests.update({n: ['needs', what] for n in known or [name]})
    if a.out:
        save(a.out, {'kind': a.kind, 'franz-go': version(), 'runs': a.runs, 'only': a.only,
                     'records': a.records}, tests)
    lines = lines_of(tests, baseline)
    print('\n'.join(lines))
    print(f'# {time.monotonic() - started:.0f} s', file=sys.stderr)
    counts = [sum(line.startswith(word) for line in lines) for word in ('ok ', 'not ok ', 'skip ', 'needs ', 'same ')]
    print('{} passed, {} failed, {} skipped; {} need what is not served yet, '
          '{} pass themselves over on Kafka too'.format(*counts))
    return 1 if counts[1] else 0


if __name__ == '__main__':
    sys.exit(main())
