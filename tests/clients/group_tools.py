#!/usr/bin/env python3
"""Kafka's command-line tools print of Moldau's consumer groups what they print of Apache Kafka's.

    group_tools.py [--kind moldau|kafka] [--record] [--show]

The steps below run in their order: a command is run and what it prints is compared with golden/groups/NAME.txt,
which --kind kafka --record wrote; a member is a real consumer of its own process that joins and leaves; at the
end the broker is stopped and its offsets topic is read from the disk. --show prints what came.

Taken out of the output is what differs between two runs of Kafka: ids, ports, times, and the order of tables.
"""
import json
import os
import re
import subprocess
import sys
import time
from collections import namedtuple

from tool_runner import Golden, Tools, compare, java, tool_classes
from wire import Connection

GOLDEN = Golden('golden', 'groups')
SECONDS, PATIENCE_S = 900, 60
OFFSETS_TOPIC = '__consumer_offsets'
FIRST_MS = 1700000000000    # 2023-11-14T22:13:20Z
PLAN_FILE, BAD_PLAN_FILE = 'plan.csv', 'bad-plan.csv'

Command = namedtuple('Command', 'name tool arguments')
# A member is named after its group instance id, or its client id when it has none.
Start = namedtuple('Start', 'member tool arguments')
Stop = namedtuple('Stop', 'members')
# Until every pattern is found in what the tool prints, at most PATIENCE_S.
Await = namedtuple('Await', 'tool arguments patterns')
# Everything after it is done with the broker down.
Down = namedtuple('Down', '')

GROUPS = 'consumer-groups'
CONSUMER = '--command-property group.protocol=consumer'
COOPERATIVE = 'org.apache.kafka.clients.consumer.CooperativeStickyAssignor'
ROUND_ROBIN = 'org.apache.kafka.clients.consumer.RoundRobinAssignor'


def partition_of(group, partitions=50):
    """Of the offsets topic: the absolute value of Java's hash of the name."""
    code = 0
    for letter in group:
        code = (31 * code + ord(letter)) & 0xffffffff
    return min(code, (1 << 32) - code) % partitions


def verifiable(member, group, topic, more=''):
    return Start(member, 'verifiable-consumer', f'--group-id {group} --topic {topic} {more}')


def console(name, group, more, topic='--topic orders', timeout_ms=15000):
    return Command(name, 'console-consumer', f'{topic} --group {group} --timeout-ms {timeout_ms} '
                   f'--command-property client.id={name} {more}'.strip())


def describe(name, group):
    """All that can be described of a group."""
    return [Command(f'{name}-offsets', GROUPS, f'--describe --group {group}'),
            Command(f'{name}-offsets-verbose', GROUPS, f'--describe --group {group} --offsets --verbose'),
            Command(f'{name}-members', GROUPS, f'--describe --group {group} --members'),
            Command(f'{name}-members-verbose', GROUPS, f'--describe --group {group} --members --verbose'),
            Command(f'{name}-state', GROUPS, f'--describe --group {group} --state'),
            Command(f'{name}-state-verbose', GROUPS, f'--describe --group {group} --state --verbose')]


def reset(name, group, how, topics='--topic orders', run='--dry-run'):
    return Command(f'reset-{name}', GROUPS, f'--reset-offsets --group {group} {topics} {how} {run}'.strip())


def done_and_shown(name, group, how, topics='--topic orders'):
    return [reset(name, group, how, topics, '--execute'),
            Command(f'reset-{name}-shown', GROUPS, f'--describe --group {group}')]


def groups_file(arguments):
    return [Command(name, 'groups', words) for name, words in arguments.items()]


NOTHING = [
    Command('none-list', GROUPS, '--list'),
    Command('none-list-state', GROUPS, '--list --state'),
    Command('none-list-type', GROUPS, '--list --type'),
    Command('none-groups', 'groups', '--list'),
    Command('none-all', GROUPS, '--describe --all-groups'),
    *describe('none', 'nobody'),
    Command('none-delete', GROUPS, '--delete --group nobody'),
    Command('none-delete-offsets', GROUPS, '--delete-offsets --group nobody --topic orders'),
    Command('none-reset-current', GROUPS, '--reset-offsets --group nobody --topic orders --to-current --dry-run'),
    Command('none-reset-all-topics', GROUPS, '--reset-offsets --group nobody --all-topics --to-earliest'),
]

# Consumers that read something, commit and go.
READERS = [
    console('read-classic', 'g-classic', '--from-beginning --max-messages 15'),
    Command('read-consumer', 'console-consumer', '--topic orders --group g-consumer --timeout-ms 15000 '
            '--consumer-property client.id=read-consumer --consumer-property group.protocol=consumer '
            '--from-beginning --max-messages 15'),
    console('read-range', 'g-range', f'--from-beginning --max-messages 15 {CONSUMER} '
            '--command-property group.remote.assignor=range'),
    console('read-no-assignor', 'g-no-assignor', f'{CONSUMER} --command-property group.remote.assignor=none'),
    console('read-pattern', 'g-pattern', '--from-beginning --max-messages 18', '--include ord.*|oth.*'),
    console('read-pattern-consumer', 'g-pattern-consumer', f'--from-beginning --max-messages 18 {CONSUMER}',
            '--include ord.*|oth.*'),
    # What is committed is not read again; not the groups of RECORDED, for nobody knows how often these commit.
    console('read-again', 'g-pattern', '--from-beginning', timeout_ms=6000),
    console('read-again-consumer', 'g-pattern-consumer', f'--from-beginning {CONSUMER}', timeout_ms=6000),
    console('read-cooperative', 'g-cooperative', '--from-beginning --max-messages 15 '
            f'--command-property partition.assignment.strategy={COOPERATIVE}'),
    console('read-latest', 'g-latest', '', timeout_ms=6000),
    console('read-missing', 'g-missing', '--command-property allow.auto.create.topics=false',
            '--topic no-such-topic', timeout_ms=6000),
    Command('verifiable', 'verifiable-consumer', '--group-id g-verifiable --topic orders --max-messages 15'),
    Command('verifiable-consumer', 'verifiable-consumer', '--group-id g-verifiable-consumer --topic orders '
            '--max-messages 15 --group-protocol consumer'),
    Command('verifiable-round-robin', 'verifiable-consumer', '--group-id g-round-robin --topic orders '
            f'--max-messages 15 --assignment-strategy {ROUND_ROBIN} --enable-autocommit'),
    Command('perf', 'consumer-perf-test', '--topic many --group g-perf --num-records 2000 --timeout 15000'),
    Command('perf-consumer', 'consumer-perf-test', '--topic many --group g-perf-consumer --num-records 2000 '
            f'--timeout 15000 {CONSUMER}'),
]

LISTED = [
    Command('list', GROUPS, '--list'),
    Command('list-state', GROUPS, '--list --state'),
    Command('list-type', GROUPS, '--list --type'),
    Command('list-type-state', GROUPS, '--list --type --state'),
    Command('list-empty', GROUPS, '--list --state empty'),
    Command('list-stable', GROUPS, '--list --state stable'),
    Command('list-two-states', GROUPS, '--list --state Stable,Empty'),
    Command('list-rare-states', GROUPS, '--list --state PreparingRebalance,CompletingRebalance,Dead'),
    Command('list-new-states', GROUPS, '--list --state Assigning,Reconciling'),
    Command('list-bad-state', GROUPS, '--list --state sleeping'),
    Command('list-classic', GROUPS, '--list --type classic'),
    Command('list-consumer', GROUPS, '--list --type consumer'),
    Command('list-two-types', GROUPS, '--list --type classic,consumer --state stable'),
    Command('list-bad-type', GROUPS, '--list --type quorum'),
    *groups_file({
        'groups': '--list', 'groups-consumer': '--list --consumer', 'groups-share': '--list --share',
        'groups-streams': '--list --streams', 'groups-type-classic': '--list --group-type classic',
        'groups-type-consumer': '--list --group-type consumer', 'groups-type-share': '--list --group-type share',
        'groups-bad-type': '--list --group-type quorum', 'groups-protocol': '--list --protocol consumer',
        'groups-protocol-other': '--list --protocol connect',
        'groups-type-protocol': '--list --group-type classic --protocol consumer',
        'groups-two-filters': '--list --consumer --share'}),
]

# Members with fixed assignments: static ones, and topics of one partition each.
ACTIVE = [
    verifiable('a1', 'a-classic', 'orders', '--group-instance-id a1 --session-timeout 6000'),
    verifiable('a2', 'a-classic', 'orders', '--group-instance-id a2 --session-timeout 6000'),
    verifiable('b1', 'a-consumer', 'orders', '--group-instance-id b1 --group-protocol consumer'),
    Start('c1', 'console-consumer', '--topic orders --group a-dynamic --from-beginning '
          '--command-property client.id=c1'),
    Await(GROUPS, '--describe --group a-consumer', [r'orders 0 10 10 0 ', r'orders 1 5 5 0 ']),
    verifiable('d1', 'a-dynamic-consumer', 'other', '--group-protocol consumer'),
    verifiable('e1', 'a-cooperative', 'orders', f'--assignment-strategy {COOPERATIVE}'),
    Await(GROUPS, '--describe --group a-classic', [r'orders 0 10 10 0 a1-', r'orders 1 5 5 0 a2-']),
    Await(GROUPS, '--describe --group a-dynamic', [r'orders 0 10 10 0 c1-', r'orders 1 5 5 0 c1-']),
    Await(GROUPS, '--describe --group a-dynamic-consumer', [r'other 0 3 3 0 ']),
    Await(GROUPS, '--describe --group a-cooperative', [r'orders 0 10 10 0 ', r'orders 1 5 5 0 ']),
    *describe('active-classic', 'a-classic'),
    *describe('active-consumer', 'a-consumer'),
    *describe('active-dynamic', 'a-dynamic'),
    *describe('active-dynamic-consumer', 'a-dynamic-consumer'),
    *describe('active-cooperative', 'a-cooperative'),
    *describe('active-two', 'a-dynamic --group g-classic'),
    *describe('active-some-unknown', 'a-dynamic --group nobody'),
    Command('active-all', GROUPS, '--describe --all-groups'),
    Command('active-all-members', GROUPS, '--describe --all-groups --members'),
    Command('active-all-state', GROUPS, '--describe --all-groups --state'),
    Command('active-list', GROUPS, '--list --type --state'),
    Command('active-list-stable', GROUPS, '--list --state stable'),
    Command('active-groups', 'groups', '--list'),
    reset('active-classic', 'a-classic', '--to-earliest', run='--execute'),
    reset('active-classic-dry', 'a-classic', '--to-earliest'),
    reset('active-consumer', 'a-consumer', '--to-earliest', run='--execute'),
    reset('active-dynamic', 'a-dynamic', '--to-earliest', '--all-topics', run='--execute'),
    reset('active-and-empty', 'a-consumer --group g-classic', '--to-offset 1', run='--execute'),
    Command('active-and-empty-shown', GROUPS, '--describe --group g-classic'),
    Command('active-delete', GROUPS, '--delete --group a-classic'),
    Command('active-delete-consumer', GROUPS, '--delete --group a-consumer'),
    Command('active-delete-some', GROUPS, '--delete --group a-dynamic --group nobody'),
    Command('active-delete-offsets', GROUPS, '--delete-offsets --group a-classic --topic orders'),
    Command('active-delete-offsets-consumer', GROUPS, '--delete-offsets --group a-consumer --topic orders'),
    Command('active-delete-offsets-other', GROUPS, '--delete-offsets --group a-dynamic --topic other'),
    # A second member of the new protocol, as static as the first: it gets one of the two partitions.
    verifiable('b2', 'a-consumer', 'orders', '--group-instance-id b2 --group-protocol consumer'),
    Await(GROUPS, '--describe --group a-consumer --members', [r' b1 .* 1 *$', r' b2 .* 1 *$']),
    Await(GROUPS, '--describe --group a-consumer --state', [' Stable 2']),
    Command('active-second-members', GROUPS, '--describe --group a-consumer --members'),
    Command('active-second-state', GROUPS, '--describe --group a-consumer --state'),
    # A member of the old protocol in a group of the new one, and the other way round.
    Start('f1', 'console-consumer', '--topic orders --group a-dynamic-consumer --command-property client.id=f1'),
    Await(GROUPS, '--describe --group a-dynamic-consumer', [r'orders 0 10 10 0 .* f1', r'orders 1 5 5 0 .* f1']),
    Await(GROUPS, '--describe --group a-dynamic-consumer --state', [' Stable 2']),
    *describe('active-mixed', 'a-dynamic-consumer'),
    Start('g1', 'console-consumer', f'--topic other --group a-dynamic {CONSUMER} --command-property client.id=g1'),
    Await(GROUPS, '--describe --group a-dynamic', [r'other 0 3 3 0 .* g1', r'orders 0 10 10 0 c1-']),
    Await(GROUPS, '--describe --group a-dynamic --state', [' Stable 2']),
    *describe('active-upgraded', 'a-dynamic'),
    Command('active-mixed-list', GROUPS, '--list --type --state'),
    Command('active-mixed-groups', 'groups', '--list --group-type consumer'),
]

LEFT = [
    # When the last member of the new protocol has left, the group is one of the old protocol again.
    Stop('g1'),
    Await(GROUPS, '--describe --group a-dynamic --state', [' range Stable 1']),
    *describe('left-downgraded', 'a-dynamic'),
    Stop('c1'),
    Stop('f1'),
    # How far the assignment got is not to depend on how soon the other one leaves, too.
    Await(GROUPS, '--describe --group a-dynamic-consumer --state', [' uniform Stable 1']),
    *describe('left-one-consumer', 'a-dynamic-consumer'),
    Stop('d1'),
    Stop('e1'),
    Await(GROUPS, '--describe --group a-dynamic --state', ['Empty']),
    Await(GROUPS, '--describe --group a-dynamic-consumer --state', ['Empty']),
    Await(GROUPS, '--describe --group a-cooperative --state', ['Empty']),
    *describe('left-dynamic', 'a-dynamic'),
    *describe('left-dynamic-consumer', 'a-dynamic-consumer'),
    *describe('left-cooperative', 'a-cooperative'),
    Stop('a1 a2 b1 b2'),
    # The old protocol keeps static members for a session, the new one notes that they left for a while.
    Await(GROUPS, '--describe --group a-classic --state', ['Empty']),
    *describe('left-classic', 'a-classic'),
    *describe('left-consumer', 'a-consumer'),
    Command('left-delete-consumer', GROUPS, '--delete --group a-consumer'),
    reset('left-consumer', 'a-consumer', '--to-earliest', run='--execute'),
    Command('left-list', GROUPS, '--list --type --state'),
    Await(GROUPS, '--describe --group a-consumer --state', ['Empty']),
    *describe('left-long-consumer', 'a-consumer'),
]

RESETS = [
    *done_and_shown('new-group', 'r-new', '--to-earliest'),
    Command('reset-new-list', 'groups', '--list'),
    *describe('reset-new', 'r-new'),
    *done_and_shown('latest', 'g-classic', '--to-latest'),
    *done_and_shown('earliest', 'g-classic', '--to-earliest'),
    *done_and_shown('offset', 'g-classic', '--to-offset 4'),
    *done_and_shown('offset-too-high', 'g-classic', '--to-offset 100'),
    *done_and_shown('offset-negative', 'g-classic', '--to-offset -3'),
    *done_and_shown('partition', 'g-classic', '--to-offset 3', '--topic orders:1'),
    *done_and_shown('partitions', 'g-classic', '--to-offset 2', '--topic orders:0,1'),
    *done_and_shown('shift', 'g-classic', '--shift-by 2'),
    *done_and_shown('shift-back', 'g-classic', '--shift-by -1'),
    *done_and_shown('shift-too-far', 'g-classic', '--shift-by -100'),
    *done_and_shown('shift-too-far-on', 'g-classic', '--shift-by 100'),
    *done_and_shown('duration', 'g-classic', '--by-duration P1D'),
    *done_and_shown('duration-long', 'g-classic', '--by-duration P20000D'),
    *done_and_shown('datetime', 'g-classic', '--to-datetime 2023-11-14T22:13:23.500Z'),
    *done_and_shown('datetime-exact', 'g-classic', '--to-datetime 2023-11-14T22:13:24.000Z'),
    *done_and_shown('datetime-zone', 'g-classic', '--to-datetime 2023-11-15T00:13:25.000+02:00'),
    *done_and_shown('datetime-late', 'g-classic', '--to-datetime 2024-01-01T00:00:00.000Z'),
    *done_and_shown('offset-again', 'g-classic', '--to-offset 1'),
    *done_and_shown('current', 'g-classic', '--to-current'),
    *done_and_shown('current-all', 'g-classic', '--to-current', '--all-topics'),
    *done_and_shown('all-topics', 'g-pattern', '--to-offset 2', '--all-topics'),
    *done_and_shown('two-topics', 'g-pattern', '--to-earliest', '--topic orders:0 --topic other'),
    *done_and_shown('more-topics', 'g-classic', '--to-latest', '--topic orders --topic other'),
    *done_and_shown('consumer', 'g-consumer', '--to-offset 3'),
    *done_and_shown('consumer-shift', 'g-consumer', '--shift-by -2', '--all-topics'),
    *done_and_shown('from-file', 'g-classic', f'--from-file {PLAN_FILE}', ''),
    reset('from-file-dry', 'g-classic', f'--from-file {PLAN_FILE}', ''),
    reset('from-file-bad', 'g-classic', f'--from-file {BAD_PLAN_FILE}', ''),
    reset('dry', 'g-classic', '--to-latest'),
    reset('default-run', 'g-classic', '--to-latest', run=''),
    reset('dry-current', 'g-classic', '--to-current', '--topic many'),
    Command('reset-dry-shown', GROUPS, '--describe --group g-classic'),
    reset('export', 'g-classic', '--to-offset 2', run='--dry-run --export'),
    reset('export-two-groups', 'g-classic --group g-pattern', '--to-latest', run='--dry-run --export'),
    reset('export-executed', 'g-consumer', '--to-latest', run='--execute --export'),
    reset('two-groups', 'g-classic --group g-consumer', '--to-offset 4', run='--execute'),
    reset('no-such-topic', 'g-classic', '--to-earliest', '--topic no-such-topic', run='--execute'),
    reset('no-such-partition', 'g-classic', '--to-earliest', '--topic orders:7', run='--execute'),
    reset('no-scope', 'g-classic', '--to-earliest', ''),
    reset('no-mode', 'g-classic', ''),
    reset('two-modes', 'g-classic', '--to-earliest --to-latest'),
    reset('bad-datetime', 'g-classic', '--to-datetime yesterday'),
    reset('bad-duration', 'g-classic', '--by-duration 5'),
    Command('reset-all-groups', GROUPS, '--reset-offsets --all-groups --topic many --to-offset 5 --dry-run'),
]

DELETIONS = [
    Command('delete-offsets-partition', GROUPS, '--delete-offsets --group g-pattern --topic orders:1'),
    Command('delete-offsets-partition-shown', GROUPS, '--describe --group g-pattern'),
    Command('delete-offsets-topic', GROUPS, '--delete-offsets --group g-pattern --topic orders'),
    Command('delete-offsets-topic-shown', GROUPS, '--describe --group g-pattern'),
    Command('delete-offsets-two', GROUPS, '--delete-offsets --group g-pattern --topic orders --topic other'),
    Command('delete-offsets-two-shown', GROUPS, '--describe --group g-pattern'),
    Command('delete-offsets-consumer', GROUPS, '--delete-offsets --group g-pattern-consumer --topic other'),
    Command('delete-offsets-consumer-shown', GROUPS, '--describe --group g-pattern-consumer'),
    Command('delete-offsets-simple', GROUPS, '--delete-offsets --group r-new --topic orders'),
    Command('delete-offsets-simple-shown', GROUPS, '--describe --group r-new'),
    Command('delete-offsets-no-topic', GROUPS, '--delete-offsets --group g-classic --topic no-such-topic'),
    Command('delete-offsets-no-partition', GROUPS, '--delete-offsets --group g-classic --topic orders:7'),
    Command('delete-group', GROUPS, '--delete --group g-cooperative'),
    Command('delete-group-again', GROUPS, '--delete --group g-cooperative'),
    Command('delete-group-consumer', GROUPS, '--delete --group g-range'),
    Command('delete-group-simple', GROUPS, '--delete --group r-new'),
    Command('delete-two', GROUPS, '--delete --group g-round-robin --group g-verifiable-consumer'),
    Command('delete-some', GROUPS, '--delete --group g-latest --group nobody'),
    Command('delete-list', GROUPS, '--list --type --state'),
    Command('delete-shown', GROUPS, '--describe --group g-cooperative'),
    console('delete-read-again', 'g-range', '--from-beginning --max-messages 15'),
    Command('delete-became-classic', GROUPS, '--list --type classic'),
]

CONFIGS = [
    Command('configs', 'configs', '--describe --entity-type groups --entity-name g-consumer'),
    Command('configs-all', 'configs', '--describe --all --entity-type groups --entity-name g-consumer'),
    Command('configs-every', 'configs', '--describe --entity-type groups'),
    Command('configs-alter', 'configs', '--alter --entity-type groups --entity-name g-consumer '
            '--add-config consumer.session.timeout.ms=50000,consumer.heartbeat.interval.ms=6000'),
    Command('configs-altered', 'configs', '--describe --entity-type groups --entity-name g-consumer'),
    Command('configs-altered-all', 'configs', '--describe --all --entity-type groups --entity-name g-consumer'),
    Command('configs-altered-every', 'configs', '--describe --entity-type groups'),
    Command('configs-short', 'configs', '--describe --group g-consumer'),
    Command('configs-classic', 'configs', '--alter --entity-type groups --entity-name g-classic '
            '--add-config consumer.session.timeout.ms=55000'),
    Command('configs-no-group', 'configs', '--alter --entity-type groups --entity-name nobody '
            '--add-config consumer.heartbeat.interval.ms=7000'),
    Command('configs-no-group-altered', 'configs', '--describe --entity-type groups --entity-name nobody'),
    Command('configs-too-short', 'configs', '--alter --entity-type groups --entity-name g-consumer '
            '--add-config consumer.session.timeout.ms=1000'),
    Command('configs-too-long', 'configs', '--alter --entity-type groups --entity-name g-consumer '
            '--add-config consumer.heartbeat.interval.ms=100000'),
    Command('configs-bad-value', 'configs', '--alter --entity-type groups --entity-name g-consumer '
            '--add-config consumer.session.timeout.ms=soon'),
    Command('configs-unknown', 'configs', '--alter --entity-type groups --entity-name g-consumer '
            '--add-config no.such.config=1'),
    Command('configs-default', 'configs', '--alter --entity-type groups --entity-default '
            '--add-config consumer.session.timeout.ms=50000'),
    Command('configs-delete', 'configs', '--alter --entity-type groups --entity-name g-consumer '
            '--delete-config consumer.session.timeout.ms'),
    Command('configs-deleted', 'configs', '--describe --entity-type groups --entity-name g-consumer'),
    Command('configs-delete-absent', 'configs', '--alter --entity-type groups --entity-name g-consumer '
            '--delete-config consumer.session.timeout.ms'),
]


def formatted(name, group, formatter):
    return Command(f'formatted-{name}', 'console-consumer', f'--topic {OFFSETS_TOPIC} '
                   f'--partition {partition_of(group)} --offset earliest --timeout-ms 3000 '
                   f'--formatter org.apache.kafka.tools.consumer.{formatter}')


# The groups whose records are all there in a fixed order: one member, one commit.
RECORDED = ('g-classic', 'g-consumer', 'r-new', 'g-verifiable-consumer', 'g-verifiable', 'g-range')
TOPIC = [
    Command('topic', 'topics', f'--describe --topic {OFFSETS_TOPIC}'),
    Command('topic-configs', 'configs', f'--describe --entity-type topics --entity-name {OFFSETS_TOPIC}'),
    Command('topic-offsets', 'get-offsets', f'--topic {OFFSETS_TOPIC}'),
    Command('topic-offsets-earliest', 'get-offsets', f'--topic {OFFSETS_TOPIC} --time earliest'),
    Command('topic-offsets-external', 'get-offsets', '--exclude-internal-topics'),
    *[formatted(f'offsets-{group}', group, 'OffsetsMessageFormatter') for group in RECORDED[:3]],
    *[formatted(f'groups-{group}', group, 'GroupMetadataMessageFormatter') for group in RECORDED[:3]],
    Down(),
    *[Command(f'dump-{group}', 'dump-log', '--offsets-decoder --print-data-log --files '
              f'DATA/{OFFSETS_TOPIC}-{partition_of(group)}/00000000000000000000.log') for group in RECORDED],
]

STEPS = [*NOTHING, *READERS, *LISTED, *describe('empty-classic', 'g-classic'),
         *describe('empty-consumer', 'g-consumer'), *describe('empty-pattern', 'g-pattern'),
         Command('empty-all', GROUPS, '--describe --all-groups'),
         *ACTIVE, *LEFT, *RESETS, *DELETIONS, *CONFIGS, *TOPIC]
COMMANDS = [step for step in STEPS if isinstance(step, Command)]


class Members:
    """Consumers in processes of their own. Their client id is their name."""

    def __init__(self, broker, folder):
        self.broker, self.folder, self.processes = broker, folder, {}
        self.classes = tool_classes()

    def start(self, step):
        config = os.path.join(self.folder, step.member + '.properties')
        with open(config, 'w') as f:
            f.write(f'client.id={step.member}\n')
        log = open(os.path.join(self.folder, step.member + '.log'), 'w')
        self.processes[step.member] = subprocess.Popen(
            java('-Xmx96m', '-XX:TieredStopAtLevel=1', self.classes[step.tool],
                 '--bootstrap-server', self.broker.bootstrap, '--command-config', config,
                 *step.arguments.split()), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def stop(self, names):
        for name in names:
            self.processes[name].terminate()
        for name in names:
            self.processes.pop(name).wait(30)

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


def await_patterns(tools, step):
    """Why what was waited for did not come, or None."""
    deadline, number = time.monotonic() + PATIENCE_S, 0
    while True:
        lines = tools.run('await', step.tool, step.arguments)
        lines = lines and [re.sub(r' +', ' ', line) for line in lines]
        if not lines or all(any(re.search(p, line) for line in lines) for p in step.patterns):
            return None
        if time.monotonic() > deadline:
            return f'awaited {step.patterns} in {step.arguments}: {lines}'
        number += 1
        time.sleep(min(0.1 * number, 0.5))


def seed(broker, folder):
    with Connection(broker.bootstrap) as connection:
        for topic, counts in (('orders', (10, 5)), ('other', (3,)), ('many', (2000,))):
            # Old records: they are to stay.
            connection.create_topic(topic, len(counts), {'retention.ms': -1})
            for partition, count in enumerate(counts):
                values = [(FIRST_MS + 1000 * i, b'%d of %d' % (i, partition)) for i in range(count)]
                at_once = 1 if count < 100 else 500
                for i in range(0, count, at_once):
                    connection.produce(topic, partition, values[i:i + at_once])
    with open(os.path.join(folder, PLAN_FILE), 'w') as f:
        f.write('orders,0,7\norders,1,100\n')
    with open(os.path.join(folder, BAD_PLAN_FILE), 'w') as f:
        f.write('orders,zero,7\n')


def run_all(broker, folder):
    """({name: the normalised output} of the commands that were reached, what was waited for in vain)."""
    outputs, problems = {}, []
    seed(broker, folder)
    members = Members(broker, folder)
    try:
        with Tools(broker, folder, SECONDS, files=[PLAN_FILE, BAD_PLAN_FILE]) as tools:
            for step in STEPS:
                if isinstance(step, Start):
                    members.start(step)
                elif isinstance(step, Stop):
                    members.stop(step.members.split())
                elif isinstance(step, Await):
                    problem = await_patterns(tools, step)
                    problems += [problem] if problem else []
                elif isinstance(step, Down):
                    broker.stop()
                else:
                    lines = tools.run(step.name, step.tool, step.arguments)
                    if lines is None:
                        print(tools.error_text(), file=sys.stderr)
                        break
                    outputs[step.name] = change(step, lines)
                    if step.tool == 'configs' and '--alter' in step.arguments:
                        time.sleep(0.5)    # Kafka answers before the change is in force.
    finally:
        members.close()
    return outputs, problems


def change(step, lines):
    """Without what differs between two runs of the same broker."""
    lines = [sort_list(ids(re.sub(r' +', ' ', line))) for line in lines]
    for prefix, way in CHANGES.items():
        if step.name.startswith(prefix) or step.tool == prefix:
            lines = way(step, lines)
    return sort_tables(step, without_usage(lines)) if step.tool in (GROUPS, 'groups') else lines


def ids(line):
    """Member ids are a client's or an instance's name and a UUID, or Kafka's own form of one alone."""
    line = re.sub(r'adminclient-\d+', 'adminclient-N', line)
    line = re.sub(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'UUID', line)
    return re.sub(r'(?<![\w./=+-])(?=[\w-]*[A-Z0-9_])[\w-]{22}(?![\w./=+-])', 'ID', line)


def sort_list(line):
    """What the tools list in a sentence comes in the order of a set, which changes with every JVM."""
    match = re.search(r'(?<= are: )[\w, ]+$|(?<=scenarios: \[).*(?=\]$)', line)
    return line.replace(match[0], ', '.join(sorted(match[0].split(', ')))) if match else line


def without_usage(lines):
    """The list of options comes from the tool, whatever the broker said."""
    for i, line in enumerate(lines):
        if line.startswith('Option ') and ' Description' in line:
            return lines[:i] + lines[-1:]
    return lines


def sort_tables(step, lines):
    """A table begins with a line of titles; it ends at the next one or at a sentence."""
    out, rows, inside = [], [], step.arguments == '--list'
    for line in lines + ['exit']:
        title = re.match(r'GROUP |"group"', line)
        if title or re.match(r'Consumer group |Error|Warning|exit|Deletion|Request ', line):
            out, rows, inside = out + sorted(rows), [], bool(title)
            out.append(line)
        elif inside:
            rows.append(line)
        else:
            out.append(line)
    return out[:-1]


def unordered(step, lines):
    return sorted(lines)


def events(step, lines):
    """A verifiable consumer's, whatever the fetches brought together."""
    out, consumed, committed = [], 0, {}
    for line in lines:
        if not line.startswith('{'):
            out.append(line)
            continue
        event = json.loads(line)
        event.pop('timestamp')
        if event['name'] == 'partitions_assigned' and not event['partitions']:
            continue    # the broker may take a moment to compute the assignment
        if event['name'] == 'records_consumed':
            consumed += event['count']
        elif event['name'] == 'offsets_committed':
            committed.update({f'{o["topic"]}-{o["partition"]}': o['offset'] for o in event['offsets']})
        else:
            if 'partitions' in event:
                event['partitions'].sort(key=lambda p: (p['topic'], p['partition']))
            out.append(json.dumps(event, sort_keys=True))
    return out + [f'consumed {consumed}', f'committed {sorted(committed.items())}']


def figures(step, lines):
    """The titles, and how many records they were."""
    return [re.sub(r'\d+([.,:]\d+)+|\d{4}-\d\d-\d\d', 'N', re.sub(r'-?\d{13,}|(?<=, )-?\d+(?=,|$)', 'N', line))
            for line in lines]


def ends(step, lines):
    """Which partitions hold something: how much depends on how often members had to be told something."""
    return sorted(re.sub(r':[1-9]\d*$', ':SOME', line) for line in lines)


def stored(step, lines):
    """The records of the offsets topic, of the one group that is asked for, without where and when."""
    group = step.name.split('-', 2)[2] if step.name.startswith('formatted') else step.name.split('-', 1)[1]
    # The formatters put one behind the other, and the timeout that ends the reading behind the last.
    lines = re.sub(r'\}(?=\{"key"|\d\d:\d\d)', '}\n', '\n'.join(lines)).splitlines()
    of_group = re.compile(f'"group(Id)?":"{group}"')
    lines = [re.sub(r'offset: \d+ | sequence: \d+', '', line) for line in lines
             if of_group.search(line) or 'exit' in line]
    return [re.sub(r'"metadataHash":-?\d+', '"metadataHash":HASH', re.sub(r'\b1[78]\d{11}\b', 'T', line))
            for line in lines]


CHANGES = {'read-': unordered, 'delete-read': unordered, 'verifiable-consumer': events, 'perf': figures,
           'topic-offsets': ends, 'configs-every': unordered, 'configs-altered-every': unordered,
           'formatted': stored, 'dump-': stored}


def main():
    def run(broker, folder):
        outputs, problems = run_all(broker, folder)
        return outputs, [f'await {problem}' for problem in problems]
    commands = [(c.name, c.tool, c.arguments) for c in COMMANDS]
    return compare('group-tools', __doc__.splitlines()[0], commands, GOLDEN, run)


if __name__ == '__main__':
    sys.exit(main())
