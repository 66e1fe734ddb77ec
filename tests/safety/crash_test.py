#!/usr/bin/env python3
"""Kills a broker over and over under load, and checks that every promise was kept.

    crash_test.py --kind moldau --nemesis kill9 --cycles 50
    crash_test.py --kind moldau --nemesis power --cycles 30
    crash_test.py --kind moldau --nemesis power --cycles 5 --unsafe-no-fsync   (must lose records)
    crash_test.py --kind kafka --nemesis power --cycles 4 --expect-loss
    crash_test.py --workload groups --nemesis kill9 --cycles 20   consumers in groups that commit
    crash_test.py --workload txn --nemesis kill9 --cycles 50      transactions, also of consumers in groups

`power` cuts the power of an ext4 on loop devices (needs root); `kill9` is SIGKILL. Half of the power
cuts stop the process first, the other half let it run into the dead disk; half of them leave on the
drive some of what was not flushed, in any order. Some starts are cut down in the middle of recovery.
Every line `ok RULE` or `not ok RULE` is one rule of checker.py; the last line counts them.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
import traceback

import broker as brokers
import checker
import dump
import group_workloads
import history as h
import internal_topics
import loop_disk
import txn_workloads
import workloads
from raw_client import ConnectionLost, MalformedResponse, RawClient
from record_batch import BatchError
from report import Report

now = time.monotonic
# A rule that looked at fewer things than this has not been tested.
LEAST_CHECKED = {
    'log': {'A0': 1000, 'A2': 1000, 'A4': 500, 'A7': 100, 'A12': 100, 'A13': 500, 'A15': 10,
            'A16': 100, 'A19': 100, 'D6': 50, 'P1': 200, 'P2': 200},
    'groups': {'A0': 500, 'A4': 200, 'A7': 100, 'A13': 200, 'A14': 1000, 'A18': 10},
    'txn': {'A0': 1000, 'A1': 500, 'A2': 1000, 'A4': 300, 'A7': 500, 'A8': 300, 'A9': 100, 'A12': 500, 'A13': 500,
            'A14': 20, 'A16': 50, 'A19': 100, 'X1': 50, 'X2': 20, 'X3': 100, 'X4': 100, 'X6': 50, 'X7': 200, 'X8': 5},
}
CHECKED = 0.25    # of the ends of lives: the directory is looked through before the next start
CROWDS = {'log': workloads, 'groups': group_workloads, 'txn': txn_workloads}


class Nemesis:
    """Starts the broker and ends its lives. Thread rule: the main thread."""

    def __init__(self, world, broker, options, disk):
        self.world, self.broker, self.options, self.disk = world, broker, options, disk
        self.random = random.Random(f'{options.seed}/nemesis')
        self.epochs, self.problems, self.checks = {}, [], 0

    def start(self):
        """One start, up to the moment when every partition is served."""
        event = h.Start(self.world.life, now(), 0.0)
        self.broker.start(timeout_s=60 if self.broker.kind == 'moldau' else 180)
        while not self._served(event):
            if now() - event.t0 > 200:
                event.error = 'not all partitions were served in 200 s'
                break
            time.sleep(0.005 if self.broker.kind == 'moldau' else 0.05)
        event.ready_s = now() - event.t0
        self.world.history.add(event)
        return event

    def _served(self, event):
        keys = self.world.keys
        try:
            with RawClient(self.broker.port) as client:
                topic = client.metadata([keys[0][0]])['topics'].get(keys[0][0])
                if not topic or topic['error'] or len(topic['partitions']) < len(keys):
                    return False
                error, answers = client.fetch({key: 0 for key in keys}, max_wait_ms=0,
                                              partition_max_bytes=1)
                if error or any(answer['error'] not in (0, 1) for answer in answers.values()):
                    return False
                event.epochs = {key: topic['partitions'][key[1]]['epoch'] for key in keys}
                if self.epochs:
                    _, answers = client.fetch({keys[0]: 0}, leader_epoch=self.epochs[keys[0]])
                    event.stale = {keys[0]: answers[keys[0]]['error']}
                self.epochs = event.epochs
                return True
        except (ConnectionLost, MalformedResponse):
            return False

    def read_registers(self):
        with self.world.admin_lock:
            if self.broker.kind == 'kafka':
                time.sleep(0.5)  # its metadata cache follows the controller from behind
            t0 = now()
            try:
                with RawClient(self.broker.port) as client:
                    values = workloads.read_registers(client)
            except (ConnectionLost, MalformedResponse) as error:
                self.problems.append(f'reading what the administrators did: {error}')
                return
            self.world.history.add(h.AdminRead(self.world.life, values, t0))

    def read_commits(self, groups=group_workloads.GROUPS):
        problem = group_workloads.read_commits(self.world, groups)
        if problem:
            self.problems.append(f'life {self.world.life}: {problem}')

    def read_back(self):
        """What must have outlived the life before."""
        if self.options.workload == 'groups':
            self.read_commits()
        elif self.options.workload == 'log':
            self.read_registers()

    def end_life(self):
        if not self.broker.alive():
            self.problems.append(f'the broker ended by itself in life {self.world.life} with '
                                 f'{self.broker.process.returncode}')
        if self.random.random() < 0.3:    # what was written last is acknowledged then
            self.world.still.set()
            time.sleep(self.random.uniform(0.01, 0.05))
        self.cut_power() if self.disk else self.kill9()
        self.world.still.clear()

    def kill9(self):
        t = now()
        self.broker.kill9()
        self._ended('kill9', t, now())

    def cut_power(self):
        paused = self.random.random() < 0.5
        t = now()
        if paused and self.broker.alive():
            self.broker.pause()
            time.sleep(0.03)  # the clients read what was answered before
        self.disk.power_cut(self.random if self.random.random() < 0.5 else None)
        t_done = now()
        if not paused:
            time.sleep(self.random.uniform(0.0, 0.1))
        ended_with = self.broker.process.poll()
        self.broker.kill9()
        self._ended('power', t, t_done, paused, ended_with)
        self.disk.remount()

    def _ended(self, kind, t, t_done, paused=False, ended_with=None):
        self.world.history.add(h.Fault(kind, self.world.life, t, t_done, paused, ended_with))
        self.world.life += 1

    def end_life_in_recovery(self):
        """A start that does not get far."""
        self.broker.launch()
        time.sleep(self.random.uniform(0.0, self.options.recovery_s))
        self.end_life()

    def check_directory(self):
        """`moldau log check` finds no damage in what the broker left, which a start has not touched yet."""
        if self.broker.kind == 'kafka' or self.options.unsafe_no_fsync:
            return
        done = subprocess.run([brokers.moldau_binary(), 'log', 'check', '-o', 'json', self.broker.data],
                              capture_output=True, text=True)
        self.checks += 1
        if done.returncode:
            self.problems.append(f'log check before life {self.world.life}: {done.stderr} {done.stdout[-1500:]}')

    def cycle(self):
        seconds = self.options.seconds_per_cycle
        time.sleep(self.random.uniform(0.4 * seconds, 1.2 * seconds))
        self.end_life()
        while self.random.random() < self.options.nested:
            self.end_life_in_recovery()
        if self.random.random() < CHECKED:
            self.check_directory()
        self.start()
        self.read_back()


class Run:
    """One whole run; `verdict` and `problems` are its result."""

    def __init__(self, options):
        self.options, self.disk, self.broker = options, None, None
        self.folder = os.path.join(brokers.REPOSITORY, 'build/safety', f'crash-{os.getpid()}')
        os.makedirs(self.folder, exist_ok=True)
        self.problems, self.verdict, self.exit_status = [], None, None

    def set_up(self):
        options, place = self.options, os.path.join(self.folder, 'disk')
        if options.nemesis == 'power':
            self.disk = loop_disk.VolatileDisk(self.folder)
            place = self.disk.mount_point
        transactions = options.workload == 'txn'
        properties = dict(getattr(CROWDS[options.workload], 'PROPERTIES', {}))
        properties.update(item.split('=', 1) for item in options.set)
        self.broker = brokers.Broker(options.kind, os.path.join(place, 'broker'),
                                     properties=properties,
                                     arguments=['--unsafe-no-fsync'] * options.unsafe_no_fsync)
        self.broker.log_path = os.path.join(self.folder, 'broker.log')
        settings = workloads.Settings(acks=tuple(options.acks),
                                      idempotent_senders=0 if options.plain else 2,
                                      consumers=1 if transactions else 2,
                                      changes_protocol=options.kind == 'moldau',
                                      admin=not options.plain)
        self.world = workloads.World(self.broker.port, f'r{options.seed}', options.seed, settings)
        self.nemesis = Nemesis(self.world, self.broker, options, self.disk)
        os.makedirs(place, exist_ok=True)
        self.broker.start()
        self._create_topic()
        if self.disk and options.kind == 'kafka':
            time.sleep(1)
            self.disk.sync()  # Kafka syncs neither its first format nor a new topic's folder

    def _create_topic(self):
        settings = self.world.settings
        for _ in range(100):
            with RawClient(self.broker.port) as client:
                error, _ = client.create_topic(settings.topic, settings.partitions,
                                               {'segment.bytes': '1048576'})
            if error == 0:
                return
            time.sleep(0.1)
        raise RuntimeError(f'cannot create the topic: error {error}')

    def work(self):
        self.clients = CROWDS[self.options.workload].all_clients(self.world)
        for client in self.clients:
            client.start()
        for number in range(self.options.cycles):
            self.nemesis.cycle()
            if self.options.verbose:
                print(f'# cycle {number + 1}, {len(self.world.history.events)} operations',
                      flush=True)
        self._heal()

    def _heal(self):
        self.world.heal_time = now()
        deadline = now() + 30
        time.sleep(self.options.seconds_per_cycle)
        while now() < deadline and not all(c.reported_alive for c in self.clients):
            time.sleep(0.1)
        self.world.stop.set()
        for client in self.clients:
            client.join(20)
            if client.is_alive():
                self.problems.append(f'{client.name} hangs')

    def finish(self):
        if self.options.workload == 'txn':
            txn_workloads.settle(self.world, checker.Settings.stable_limit_s + 5)
            self.nemesis.read_commits(txn_workloads.GROUPS)
            workloads.read_all(self.world, isolation=1)
        else:
            self.nemesis.read_back()
        workloads.read_all(self.world)
        began = now()
        self.exit_status = self.broker.stop()
        self.stop_s = now() - began
        self.world.history.add(h.Fault('stop', self.world.life, began, now()))
        self.nemesis.check_directory()
        self.problems += self.world.crashed_threads + self.nemesis.problems

    def judge(self):
        world, options = self.world, self.options
        network = {key: [] for key in world.keys}
        for poll in world.history.of(h.Poll):
            if poll.final and not poll.isolation:
                network[poll.key] += poll.records
        disk, starts, found, entries = self._read_disk()
        limit = options.start_limit_s or (5.0 if options.kind == 'moldau' else 60.0)
        resume = options.resume_limit_s or (15.0 if options.kind == 'moldau' else limit)
        settings = checker.Settings(options.nemesis, start_limit_s=limit,
                                    slack_s=options.flush_slack_ms / 1000,
                                    resume_limit_s=resume,
                                    exact=options.kind == 'moldau',
                                    clients=tuple(client.name for client in self.clients))
        logs = checker.Logs(network, disk, starts, found, entries)
        self.verdict = checker.check(world.history, logs, settings)
        self.verdict.stats['exit_status'] = self.exit_status
        self.verdict.stats['stop_s'] = round(self.stop_s, 3)
        self.verdict.stats['directory_checks'] = self.nemesis.checks

    def _read_disk(self):
        world = self.world
        contents = dump.Dump(self.broker.data)
        disk, problems, entries = {}, list(contents.problems), {}
        for key in world.keys:
            disk[key] = []
            if key not in contents.partitions:
                problems.append(f'{key[0]}-{key[1]} is not on the disk')
                continue
            entries[key] = contents.partitions[key].entries
            by_offset = {entry.offset: entry for entry in entries[key]}
            try:
                for batch in contents.partitions[key].batches():
                    for record in batch.records() if not batch.is_control else ():
                        value = world.values.identify(record, key)
                        disk[key].append((record.offset, value))
                        by_offset[batch.base_offset].values.append(value)
            except BatchError as error:
                problems.append(f'{key[0]}-{key[1]}: {error}')
        if self.options.workload == 'txn':
            problems += self._read_internal_topics(contents, entries)
        starts = {key: contents.log_start(key) for key in contents.partitions}
        return disk, starts, problems, entries

    @staticmethod
    def _read_internal_topics(contents, entries):
        try:
            for key, partition in contents.partitions.items():
                if key[0] == internal_topics.OFFSETS:
                    entries[key] = partition.entries
                    by_offset = {entry.offset: entry for entry in entries[key]}
                    for batch, rows in internal_topics.offsets_of(partition):
                        by_offset[batch.base_offset].values += [row.note for row in rows]
            return internal_topics.problems_of(contents)
        except (BatchError, MalformedResponse) as error:
            return [f'an internal topic: {error}']

    def tear_down(self):
        if self.broker:
            self.broker.kill9()
        if self.disk:
            self.disk.close()
        if self.options.keep:
            return
        shutil.rmtree(os.path.join(self.folder, 'disk'), ignore_errors=True)


def report_rules(report, run):
    for rule, text in checker.RULES.items():
        finding = run.verdict.findings.get(rule)
        if finding is None:
            continue
        if run.options.workload != 'log' and not finding.checked:
            continue    # nothing of its kind is done there
        least = LEAST_CHECKED[run.options.workload].get(rule, 0) * min(1.0, run.options.cycles / 10)
        if run.options.plain:
            least = 0
        if finding.count:
            report.line(False, rule, f'{text}: {finding.count} of {finding.checked}, first: '
                                     f'{finding.cases[0]}')
        elif finding.checked < least:
            report.line(False, rule, f'{text}: only {finding.checked} looked at')
        else:
            report.line(True, rule, f'{text} ({finding.checked})')
    if run.options.kind == 'moldau':
        report.line(run.exit_status == 0, 'stop', f'SIGTERM ends in {run.stop_s:.2f} s with exit '
                                                  f'status {run.exit_status}')
    for problem in run.problems:
        report.line(False, 'harness', problem)


def report_loss(report, run):
    """With a broker that is known to lose records a checker that finds nothing is blind."""
    what, rule = {'log': ('records acknowledged with acks=all', 'P2'), 'groups': ('commits', 'A14'),
                  'txn': ('transactions acknowledged as committed', 'X1')}[run.options.workload]
    lost = run.verdict.findings[rule].count
    for rule, finding in run.verdict.findings.items():
        if finding.count:
            print(f'# {rule} {checker.RULES[rule]}: {finding.count} cases, first: '
                  f'{finding.cases[0]}')
    if lost:
        report.line(True, 'teeth', f'{lost} {what} were found lost')
    else:
        report.line(False, 'teeth', f'no lost {what} were found. The test is not valid')


def prune(folder, keep=4):
    """Drops the results of all but the newest runs."""
    runs = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith('crash-')]
    for path in sorted(runs, key=os.path.getmtime)[:-keep]:
        if not os.path.exists(f'/proc/{path.rpartition("-")[2]}'):
            shutil.rmtree(path, ignore_errors=True)


def write_result(run):
    path = os.path.join(run.folder, 'result.json')
    result = {'options': vars(run.options), 'problems': run.problems}
    if run.verdict:
        result.update(run.verdict.as_dict())
    with open(path, 'w') as file:
        json.dump(result, file, indent=1, default=str)
    run.world.history.write(os.path.join(run.folder, 'history.jsonl'))
    return path


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kind', choices=('kafka', 'moldau'), default='moldau')
    parser.add_argument('--nemesis', choices=('kill9', 'power'), default='kill9')
    parser.add_argument('--workload', choices=tuple(CROWDS), default='log',
                        help='records and administration, consumers in groups, or transactions')
    parser.add_argument('--cycles', type=int, default=10)
    parser.add_argument('--seed', type=int, default=None)
    parser.add_argument('--seconds-per-cycle', type=float, default=None)
    parser.add_argument('--unsafe-no-fsync', action='store_true')
    parser.add_argument('--expect-loss', action='store_true',
                        help='pass exactly when acknowledged records are lost')
    parser.add_argument('--flush-slack-ms', type=float, default=50)
    parser.add_argument('--start-limit-s', type=float, default=None)
    parser.add_argument('--resume-limit-s', type=float, default=None,
                        help='how soon after a start each group must commit again')
    parser.add_argument('--nested', type=float, default=None,
                        help='how likely a start is cut down in recovery')
    parser.add_argument('--recovery-s', type=float, default=0.08)
    parser.add_argument('--acks', type=lambda text: [int(n) for n in text.split(',')],
                        default=None, metavar='N,N,...',
                        help='what the plain senders draw from (-1,-1,-1,1,1,0; with groups -1)')
    parser.add_argument('--plain', action='store_true', help='no idempotent senders and no '
                        'administrator, so that nothing but --acks asks for a sync')
    parser.add_argument('--set', action='append', default=[], metavar='NAME=VALUE',
                        help='a property of the broker')
    parser.add_argument('--keep', action='store_true', help='keep the data directory')
    parser.add_argument('--verbose', action='store_true')
    options = parser.parse_args()
    kafka = options.kind == 'kafka'
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 31)
    if options.seconds_per_cycle is None:
        options.seconds_per_cycle = 2.0 if kafka else 0.8
        if options.workload == 'groups':    # a group needs a while after each start
            options.seconds_per_cycle = 8.0 if kafka else 3.0
        elif options.workload == 'txn':
            options.seconds_per_cycle = 4.0 if kafka else 1.25
    if options.nested is None:
        options.nested = 0.0 if kafka else 0.15
    if options.acks is None:
        # A commit of a record that may be lost could not be told from one that was made up.
        options.acks = workloads.Settings.acks if options.workload == 'log' else [-1]
    options.expect_loss = options.expect_loss or options.unsafe_no_fsync
    return options


def main():
    options = parse_options()
    brokers.exit_on_signals()
    sys.setswitchinterval(0.001)
    folder = os.path.join(brokers.REPOSITORY, 'build/safety')
    os.makedirs(folder, exist_ok=True)
    loop_disk.sweep(folder)
    prune(folder)
    print(f'# {options.kind} {options.nemesis}, {options.cycles} cycles, seed {options.seed}',
          flush=True)
    run, report, began = Run(options), Report(), now()
    try:
        run.set_up()
        run.work()
        run.finish()
        run.judge()
    except Exception:
        run.problems.append(traceback.format_exc())
        if run.broker and os.path.exists(run.broker.log_path):
            run.problems.append('the log ends: ' + run.broker.log_text()[-1500:])
        run.world.stop.set() if hasattr(run, 'world') else None
    finally:
        run.tear_down()
    if run.verdict:
        print('#', json.dumps(run.verdict.stats))
    if run.verdict and options.expect_loss and not run.problems:
        report_loss(report, run)
    elif run.verdict:
        report_rules(report, run)
    else:
        for problem in run.problems:
            report.line(False, 'harness', problem)
    print(f'# result: {write_result(run)} ({now() - began:.1f} s)')
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
