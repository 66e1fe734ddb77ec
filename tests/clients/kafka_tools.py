#!/usr/bin/env python3
"""Kafka's own command-line tools print for Moldau what they print for Apache Kafka.

    kafka_tools.py [--kind moldau|kafka] [--record] [--show]

The commands below run in their order, in one JVM. What each prints is normalised (ids, addresses, sizes,
times, order) and compared with golden/NAME.txt, which --kind kafka --record wrote: no Kafka runs for a
comparison. --show prints what came instead of comparing it.

Every line is compared, in its order where Kafka has one. What differs on purpose is named in this file, with
the reason: NOT_SERVED, NOT_SERVED_FEATURES and OTHER_VERSIONS. What is named there and printed all the same
must be as Kafka prints it.

Commands that need no group are here (the console consumer with --partition); those that read as a group, such as
kafka-consumer-perf-test, and those about groups are in group_tools.py.
"""
import json
import os
import re
import sys
import time

from tool_runner import Golden, Tools, compare, difference
from wire import Connection

GOLDEN = Golden('golden')
SECONDS = 400
TOPIC, SEEDED = 'orders', 'seeded'
FIRST_MS = 1700000000000
OFFSETS_FILE = 'delete-records.json'

# APIs that Moldau does not serve yet, by key; the tool calls them UNSUPPORTED.
NOT_SERVED = {
    'SASL, ACLs, quotas, delegation tokens': (17, 29, 30, 31, 36, 38, 39, 40, 41, 48, 49, 50, 51),
    'share groups': (76, 77, 78, 79, 83, 84, 85, 86, 87, 90, 91, 92),
    'streams groups': (88, 89),
    'more than one node, more than one directory': (34, 45, 55, 64, 80, 81),
}
# Nobody may take what is not served for finalized.
NOT_SERVED_FEATURES = ('share.version', 'streams.version')
# Versions that Kafka 4.3 does not have: older ones that only lack fields, and 4.4's newest.
OTHER_VERSIONS = {
    'ListOffsets(2)': '0 to 11 [usable: 11]', 'OffsetCommit(8)': '0 to 10 [usable: 10]',
    'OffsetFetch(9)': '0 to 10 [usable: 10]', 'ApiVersions(18)': '0 to 5 [usable: 4]',
    'CreateTopics(19)': '0 to 7 [usable: 7]', 'DeleteTopics(20)': '0 to 6 [usable: 6]',
    'OffsetForLeaderEpoch(23)': '0 to 4 [usable: 4]', 'TxnOffsetCommit(28)': '0 to 6 [usable: 5]',
    'DescribeConfigs(32)': '0 to 4 [usable: 4]',
    'DescribeLogDirs(35)': '0 to 5 [usable: 5]', 'DeleteGroups(42)': '0 to 3 [usable: 2]',
}

# name, tool, arguments
COMMANDS = [
    ('topics-create', 'topics', f'--create --topic {TOPIC} --partitions 2 --config retention.ms=3600000'),
    ('topics-create-again', 'topics', f'--create --topic {TOPIC}'),
    ('topics-create-if-not-exists', 'topics', f'--create --if-not-exists --topic {TOPIC}'),
    ('topics-create-assignment', 'topics', '--create --topic assigned --replica-assignment 1,1,1'),
    ('topics-create-replication', 'topics', '--create --topic three --replication-factor 3'),
    ('topics-create-no-partitions', 'topics', '--create --topic none --partitions 0'),
    ('topics-create-bad-name', 'topics', '--create --topic a/b'),
    ('topics-create-dotted', 'topics', '--create --topic dotted.name'),
    ('topics-create-colliding', 'topics', '--create --topic dotted_name'),
    ('topics-create-bad-config', 'topics', '--create --topic bad --config retention.ms=soon'),
    ('topics-create-unknown-config', 'topics', '--create --topic bad --config no.such.config=1'),
    ('topics-list', 'topics', '--list'),
    ('topics-list-internal', 'topics', '--list --exclude-internal'),
    ('topics-describe', 'topics', f'--describe --topic {TOPIC}'),
    ('topics-describe-all', 'topics', '--describe'),
    ('topics-describe-missing', 'topics', '--describe --topic no-such-topic'),
    ('topics-describe-overrides', 'topics', '--describe --topics-with-overrides'),
    ('topics-describe-unavailable', 'topics', '--describe --unavailable-partitions'),
    ('topics-describe-under-replicated', 'topics', '--describe --under-replicated-partitions'),
    ('topics-describe-at-min-isr', 'topics', '--describe --at-min-isr-partitions'),
    ('topics-describe-under-min-isr', 'topics', '--describe --under-min-isr-partitions'),
    ('topics-describe-external', 'topics', '--describe --exclude-internal'),
    ('topics-create-configs', 'topics', '--create --topic full --config cleanup.policy=compact '
     '--config compression.type=zstd --config message.timestamp.type=LogAppendTime'),
    ('topics-create-metadata', 'topics', '--create --topic __cluster_metadata'),
    ('topics-delete-configs', 'topics', '--delete --topic full'),
    ('topics-alter', 'topics', f'--alter --topic {TOPIC} --partitions 4'),
    ('topics-alter-fewer', 'topics', f'--alter --topic {TOPIC} --partitions 1'),
    ('topics-alter-missing', 'topics', '--alter --topic no-such-topic --partitions 2'),
    ('topics-describe-altered', 'topics', f'--describe --topic {TOPIC}'),
    ('topics-delete', 'topics', '--delete --topic assigned'),
    ('topics-delete-missing', 'topics', '--delete --topic no-such-topic'),
    ('topics-delete-if-exists', 'topics', '--delete --if-exists --topic no-such-topic'),
    ('topics-list-left', 'topics', '--list'),

    ('configs-topic', 'configs', f'--describe --entity-type topics --entity-name {TOPIC}'),
    ('configs-topic-all', 'configs', f'--describe --all --entity-type topics --entity-name {TOPIC}'),
    ('configs-topic-alter', 'configs', f'--alter --entity-type topics --entity-name {TOPIC} '
     '--add-config cleanup.policy=[compact,delete],segment.bytes=1048576'),
    ('configs-topic-altered', 'configs', f'--describe --entity-type topics --entity-name {TOPIC}'),
    ('configs-topic-delete', 'configs', f'--alter --entity-type topics --entity-name {TOPIC} '
     '--delete-config cleanup.policy'),
    ('configs-topic-left', 'configs', f'--describe --entity-type topics --entity-name {TOPIC}'),
    ('configs-topic-bad-value', 'configs', f'--alter --entity-type topics --entity-name {TOPIC} '
     '--add-config min.insync.replicas=none'),
    ('configs-topic-out-of-range', 'configs', f'--alter --entity-type topics --entity-name {TOPIC} '
     '--add-config min.cleanable.dirty.ratio=2'),
    ('configs-topic-unknown', 'configs', f'--alter --entity-type topics --entity-name {TOPIC} '
     '--add-config no.such.config=1'),
    ('configs-topic-missing', 'configs', '--describe --entity-type topics --entity-name no-such-topic'),
    ('configs-broker', 'configs', '--describe --entity-type brokers --entity-name 1'),
    ('configs-broker-all', 'configs', '--describe --all --entity-type brokers --entity-name 1'),
    ('configs-broker-alter', 'configs', '--alter --entity-type brokers --entity-name 1 '
     '--add-config log.retention.ms=86400000'),
    ('configs-broker-altered', 'configs', '--describe --entity-type brokers --entity-name 1'),
    ('configs-broker-all-altered', 'configs', '--describe --all --entity-type brokers --entity-name 1'),
    ('configs-broker-static', 'configs', '--alter --entity-type brokers --entity-name 1 '
     '--add-config num.partitions=7'),
    ('configs-broker-default', 'configs', '--alter --entity-type brokers --entity-default '
     '--add-config log.retention.ms=172800000'),
    ('configs-broker-defaults', 'configs', '--describe --entity-type brokers --entity-default'),
    ('configs-topic-inherits', 'configs', '--describe --all --entity-type topics --entity-name dotted.name'),
    ('configs-broker-delete', 'configs', '--alter --entity-type brokers --entity-name 1 '
     '--delete-config log.retention.ms'),
    ('configs-broker-default-delete', 'configs', '--alter --entity-type brokers --entity-default '
     '--delete-config log.retention.ms'),
    ('configs-broker-min-isr', 'configs', '--alter --entity-type brokers --entity-name 1 '
     '--add-config min.insync.replicas=2'),
    ('configs-broker-min-isr-delete', 'configs', '--alter --entity-type brokers --entity-default '
     '--delete-config min.insync.replicas'),
    ('configs-broker-left', 'configs', '--describe --entity-type brokers --entity-name 1'),

    ('get-offsets', 'get-offsets', f'--topic {SEEDED}'),
    ('get-offsets-all', 'get-offsets', ''),
    ('get-offsets-partition', 'get-offsets', f'--topic-partitions {SEEDED}:1'),
    ('get-offsets-missing', 'get-offsets', '--topic no-such-topic'),
    ('get-offsets-range', 'get-offsets', f'--topic-partitions {SEEDED}:0-1,{TOPIC}:1-'),
    ('get-offsets-external', 'get-offsets', '--exclude-internal-topics'),
] + [(f'get-offsets-{time}', 'get-offsets', f'--topic {SEEDED} --time {time}') for time in (
    '-1', '-2', '-3', '-4', '-5', '-6', 'latest', 'earliest', 'max-timestamp', 'earliest-local',
    'latest-tiered', 'earliest-pending-upload', '0', FIRST_MS + 3500, FIRST_MS + 4000, 4000000000000)] + [
    ('delete-records', 'delete-records', f'--offset-json-file {OFFSETS_FILE}'),
    ('delete-records-earliest', 'get-offsets', f'--topic {SEEDED} --time earliest'),
    ('log-dirs', 'log-dirs', '--describe'),
    ('log-dirs-topic', 'log-dirs', f'--describe --topic-list {SEEDED} --broker-list 1'),
    ('log-dirs-missing', 'log-dirs', '--describe --topic-list no-such-topic'),
    ('log-dirs-no-broker', 'log-dirs', '--describe --broker-list 9'),
    ('cluster-id', 'cluster', 'cluster-id'),
    ('cluster-endpoints', 'cluster', 'list-endpoints'),
    ('cluster-endpoints-fenced', 'cluster', 'list-endpoints --include-fenced-brokers'),
    ('leader-election', 'leader-election', '--election-type preferred --all-topic-partitions'),
    ('leader-election-one', 'leader-election', f'--election-type unclean --topic {SEEDED} --partition 0'),
    ('reassignments', 'reassign-partitions', '--list'),
    ('producers', 'transactions', f'describe-producers --topic {SEEDED} --partition 0'),
    ('api-versions', 'api-versions', ''),
    ('features', 'features', 'describe'),
    ('features-too-new', 'features', 'upgrade --feature eligible.leader.replicas.version=2'),
    ('features-downgrade', 'features', 'downgrade --feature metadata.version=20'),
    ('features-transactions-too-new', 'features', 'upgrade --feature transaction.version=3'),
    ('features-transactions-lower', 'features', 'downgrade --feature transaction.version=1'),
    ('features-transactions-lowered', 'features', 'describe'),
    ('features-transactions-dry', 'features', 'upgrade --feature transaction.version=2 --dry-run'),
    ('features-transactions-off', 'features', 'disable --feature transaction.version'),
    ('features-transactions-without', 'features', 'describe'),
    ('features-transactions-raise', 'features', 'upgrade --feature transaction.version=2'),
    ('features-transactions-raised', 'features', 'describe'),
    ('producer-perf', 'producer-perf-test', f'--topic {TOPIC} --num-records 2000 --record-size 100 '
     '--throughput -1'),
    ('producer-perf-acks-1', 'producer-perf-test', f'--topic {TOPIC} --num-records 2000 '
     '--record-size 100 --throughput -1 --command-property acks=1 compression.type=lz4'),
    ('producer-perf-zstd', 'producer-perf-test', '--topic dotted.name --num-records 2000 '
     '--record-size 100 --throughput -1 --command-property compression.type=zstd'),
    ('console-consumer-perf', 'console-consumer', '--topic dotted.name --partition 0 --offset earliest '
     '--max-messages 2000 --timeout-ms 10000 '
     '--formatter org.apache.kafka.tools.consumer.NoOpMessageFormatter'),
    ('console-consumer', 'console-consumer', f'--topic {SEEDED} --partition 0 --offset 4 --max-messages 3 '
     '--timeout-ms 10000 --formatter-property print.timestamp=true '
     '--formatter-property print.offset=true --formatter-property print.partition=true'),
    ('console-consumer-end', 'console-consumer', f'--topic {SEEDED} --partition 1 --offset earliest '
     '--timeout-ms 1500'),
]


def seed(bootstrap):
    with Connection(bootstrap) as connection:
        # Old records: they are to stay.
        connection.create_topic(SEEDED, 2, {'retention.ms': -1})
        for count, partition in ((10, 0), (5, 1)):
            for i in range(count):
                connection.produce(SEEDED, partition, [(FIRST_MS + 1000 * i, b'value %d' % i)])


def run_all(broker, folder):
    """{name: the normalised output}, of the commands that were reached."""
    with open(os.path.join(folder, OFFSETS_FILE), 'w') as f:
        json.dump({'version': 1, 'partitions': [{'topic': SEEDED, 'partition': 0, 'offset': 3},
                                                {'topic': SEEDED, 'partition': 1, 'offset': -1}]}, f)
    seed(broker.bootstrap)
    outputs = {}
    with Tools(broker, folder, SECONDS, files=[OFFSETS_FILE]) as tools:
        for name, tool, arguments in COMMANDS:
            lines = tools.run(name, tool, arguments)
            if lines is None:
                print(tools.error_text(), file=sys.stderr)
                break
            outputs[name] = change(name, lines)
            if tool == 'configs' and '--alter' in arguments:
                time.sleep(0.5)    # Kafka answers before the change is in force.
    return outputs


def change(name, lines):
    for pattern, way in CHANGES.items():
        if name.startswith(pattern):
            lines = way(lines)
    return lines


def api_versions(lines):
    return [line.strip().rstrip(',') for line in lines]


def features(lines):
    """Without the epoch, which counts changes."""
    return [re.sub(r'\s*Epoch: \d+', '', line) for line in lines]


def log_dirs(lines):
    """Sizes are only told from nothing."""
    changed = []
    for line in lines:
        if line.startswith('{'):
            described = json.loads(line)
            for directory in (d for b in described['brokers'] for d in b['logDirs']):
                directory['partitions'] = sorted(
                    ({**p, 'size': 'SIZE' if p['size'] else 0} for p in directory['partitions']),
                    key=lambda p: p['partition'])
            line = json.dumps(described, indent=1, sort_keys=True)
        changed += line.splitlines()
    return changed


def without_numbers(lines):
    """Measured figures, and lines of progress whose number depends on the machine."""
    lines = [re.sub(r'\d+[.,]\d+', 'N', line) for line in lines]
    lines = [re.sub(r'\b\d+ ms\b', 'N ms', line) for line in lines]
    return [line for line in lines if not line.endswith('max latency.') and line[:1] != '0']


def spaces(lines):
    return [re.sub(r'\s+', ' ', line).strip() for line in lines]


CHANGES = {'api-versions': api_versions, 'features': features, 'log-dirs': log_dirs,
           'producer-perf': without_numbers, 'cluster-endpoints': spaces, 'topics-list': sorted,
           'topics-describe-': sorted, 'get-offsets': sorted, 'delete-records': sorted}


def as_documented(name, lines, golden):
    """Both without what differs on purpose; only where it differs in just that way."""
    if name.startswith('features'):
        absent = [line for line in golden if line not in lines
                  and line.split()[1:2] and line.split()[1] in NOT_SERVED_FEATURES]
        return lines, [line for line in golden if line not in absent]
    if name == 'api-versions':
        keys = {key for served in NOT_SERVED.values() for key in served}
        unsupported = [line for line in lines if line.endswith(': UNSUPPORTED')
                       and int(line.split('(')[1].split(')')[0]) in keys]
        apis = {line.split(':')[0] for line in unsupported}
        others = {f'{api}: {versions}': api for api, versions in OTHER_VERSIONS.items()}
        kafkas = {line.split(':')[0]: line for line in golden}
        return ([kafkas[others[line]] if line in others else line
                 for line in lines if line not in unsupported],
                [line for line in golden if line.split(':')[0] not in apis])
    return lines, golden


def why_not(name, lines):
    golden = GOLDEN.lines(name)
    if lines is not None and golden is not None:
        lines, golden = as_documented(name, lines, golden)
    return difference(lines, golden)


def main():
    return compare('kafka-tools', __doc__.splitlines()[0], COMMANDS, GOLDEN,
                   lambda broker, folder: (run_all(broker, folder), []), why_not)


if __name__ == '__main__':
    sys.exit(main())
