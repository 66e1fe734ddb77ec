#!/usr/bin/env python3
"""Do the tests find what they are there to find? A build with a bug, for each of a list, must be caught by its test.

    planted.py [--only TEXT] [--tree DIR]

Each planted/NN-NAME.patch has one bug of the kinds that brokers had (reliability: C8). It is applied to a copy of
the sources in build/planted, that is built, and the test named below must fail by the rule or the case named there.
A patch that no longer applies is a failure, too: then the bug is to be planted anew in today's sources.
"""
import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import typing

import broker as brokers
from report import Report

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, 'planted')
STORAGE = 'storage_test'


@dataclasses.dataclass
class Planted:
    """`test` is a program of the build with its filter, or a script and its arguments; `caught` matches a line that it
    prints when it fails; empty for what is no bug and must pass, as the bug that comes with it needs it to be seen."""
    patch: str
    test: typing.List[str]
    caught: str


def crash(nemesis, cycles, *more, workload='log'):
    return ['crash_test.py', '--workload', workload, '--nemesis', nemesis, '--cycles', str(cycles), *more]


def unit(test_filter):
    return [STORAGE, f'--gtest_filter={test_filter}']


ALL = [
    Planted('00-slow-syncs', crash('power', 5), ''),
    Planted('00-slow-markers', crash('kill9', 10, workload='txn'), ''),
    Planted('01-acknowledged-before-the-sync', crash('power', 5), 'not ok P2 '),
    Planted('02-high-watermark-ahead-of-the-sync', crash('power', 10), 'not ok (A2|P2|P3|P4) '),
    Planted('03-no-sync-of-the-directory-after-a-roll', unit('Crash.*'), 'FAILED'),
    Planted('04-failed-sync-tried-again', unit('*Failure.*'), 'FAILED'),
    Planted('05-recovery-loses-the-last-block', crash('kill9', 20), 'not ok P1 '),
    Planted('06-recovery-keeps-a-torn-block', unit('Crash.*:Recovery.*'), 'FAILED'),
    Planted('07-recovery-goes-on-without-lost-bytes', unit('Recovery.ASegmentThatLost*'), 'FAILED'),
    Planted('08-rebuilt-index-off-by-one', crash('power', 5), 'not ok (A7|A13) '),
    Planted('09-producers-forgotten-by-recovery', crash('kill9', 10), 'not ok (A5|D6) '),
    Planted('10-four-batches-remembered', crash('kill9', 5), 'not ok (A5|D6) '),
    Planted('11-producer-ids-not-durable', crash('kill9', 5), 'not ok A16 '),
    Planted('12-commits-acknowledged-before-they-are-durable', crash('power', 10, workload='groups'), 'not ok A14 '),
    Planted('13-markers-forgotten-by-recovery', crash('kill9', 10, workload='txn'), 'not ok (X1|X3|X5|A13) '),
    Planted('14-last-stable-offset-is-the-high-watermark', crash('kill9', 2, workload='txn'), 'not ok (A1|A8) '),
    Planted('15-end-of-a-transaction-of-any-epoch', ['txn_attacks.py', '--only', 'late'], 'not ok v2: .* comes late '),
]


class Tree:
    """A copy of the sources with a build of its own."""

    def __init__(self, folder):
        self.folder, self.sources = folder, os.path.join(folder, 'sources')
        self.build = os.path.join(folder, 'build')
        self.environment = {**os.environ, 'CCACHE_BASEDIR': self.sources}

    def refresh(self):
        """Every file as it is in the repository; what is the same keeps its time, so that little is built anew."""
        listed = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                                cwd=brokers.REPOSITORY, check=True, capture_output=True)
        names = [name.decode() for name in listed.stdout.split(b'\0') if name]
        for name in names:
            source, target = os.path.join(brokers.REPOSITORY, name), os.path.join(self.sources, name)
            if os.path.isfile(source) and not self._same(source, target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy(source, target)

    @staticmethod
    def _same(source, target):
        if not os.path.exists(target):
            return False
        with open(source, 'rb') as one, open(target, 'rb') as other:
            return one.read() == other.read()

    def plant(self, name):
        """What went wrong, or ''."""
        with open(os.path.join(FOLDER, name + '.patch')) as patch:
            done = subprocess.run(['patch', '-p1', '--no-backup-if-mismatch', '--force'], cwd=self.sources, stdin=patch,
                                  capture_output=True, text=True)
        return '' if done.returncode == 0 else 'the patch does not apply: ' + done.stdout[-300:]

    def make(self, program):
        """What went wrong, or ''."""
        for command in (['cmake', '-S', self.sources, '-B', self.build, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release',
                         '-DMOLDAU_UNITY=ON', '-DMOLDAU_BENCH=OFF'],
                        ['ninja', '-C', self.build, '--quiet', program]):
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
            if done.returncode:
                return 'it does not build: ' + (done.stdout + done.stderr)[-600:]
        return ''


def run(tree, planted):
    """(whether it was caught, what to say of it)"""
    tree.refresh()
    program, *arguments = planted.test
    script = program.endswith('.py')
    problem = tree.plant(planted.patch) or tree.make('moldau' if script else program)
    if problem:
        return False, problem
    binary = os.path.join(tree.build, 'bin', 'moldau' if script else program)
    command = [sys.executable, os.path.join(HERE, program)] if script else [binary]
    done = subprocess.run(command + arguments, env={**os.environ, 'MOLDAU': binary}, capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if planted.caught and re.search(planted.caught, line)]
    if bool(done.returncode) == bool(planted.caught) == bool(found):
        return True, found[0][:200] if found else 'no bug'
    what = 'did not see it' if planted.caught else 'saw something'
    return False, f'{" ".join(planted.test)} {what}; it ends: {done.stdout[-600:]}'


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--only', default='')
    parser.add_argument('--tree', default=os.path.join(brokers.REPOSITORY, 'build/planted'))
    options = parser.parse_args()
    brokers.exit_on_signals()
    report, tree = Report(), Tree(options.tree)
    for planted in ALL:
        if options.only in planted.patch:
            report.line(*run_named(tree, planted))
    tree.refresh()    # so that nobody finds a bug there
    return report.close()


def run_named(tree, planted):
    caught, text = run(tree, planted)
    return caught, planted.patch, text


if __name__ == '__main__':
    sys.exit(main())
