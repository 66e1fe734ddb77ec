#!/usr/bin/env python3
"""Kafka's command-line tools print of Moldau's transactions what they print of Apache Kafka's.

    transaction_tools.py [--kind moldau|kafka] [--record] [--show]

The steps below run in their order: a command is run and what it prints is compared with golden/transactions/NAME.txt,
which --kind kafka --record wrote; a producer is told to go on with its transaction; at the end the broker is stopped
and its internal topics are read from the disk. --show prints what came.

Taken out of the output is what differs between two runs of Kafka: producer ids (the transactional id stands for
them), times, and the order of tables. What the tools ask again and again until their time is over has two seconds.
"""
import os
import re
import sys
import time
from collections import namedtuple

import group_tools
from group_tools import Command, Down, partition_of
from kafka_tools import NOT_SERVED_FEATURES
from prepare import prepare
from tool_runner import Golden, Tools, compare
from transactions import TIMEOUT_MS, Producer
from wire import GROUP, TRANSACTION, Connection, create_offsets_topic

GOLDEN = Golden('golden', 'transactions')
SECONDS = 600
STATE_TOPIC, OFFSETS_TOPIC = '__transaction_state', '__consumer_offsets'
TRANSACTIONS = 'transactions'
NEW, OLD = 'java_groups-4.3.1', 'java_groups-3.9.1'
# For the commands that end only when their time does, a minute by default.
IMPATIENT = 'impatient.properties'

# The producer that is named after its transactional id; a `client` begins it anew.
Tell = namedtuple('Tell', 'producer command client')


def new(producer, *commands):
    return [Tell(producer, 'init', NEW), *tell(producer, *commands)]


def old(producer, *commands):
    return [Tell(producer, 'init', OLD), *tell(producer, *commands)]


def tell(producer, *commands):
    return [Tell(producer, command, None) for command in commands]


def transactions(name, arguments):
    return Command(name, TRANSACTIONS, arguments)


def in_vain(name, arguments):
    """What is not there, which the tool does not believe until its time is over."""
    return transactions(name, f'--command-config {IMPATIENT} {arguments}')


def describe(name, transactional_id):
    return transactions(name, f'describe --transactional-id {transactional_id}')


def producers(name, partition):
    topic, number = partition.rsplit(':', 1)
    return transactions(name, f'describe-producers --topic {topic} --partition {number}')


def console(name, topic, partition, level):
    return Command(name, 'console-consumer', f'--topic {topic} --partition {partition} --offset earliest '
                   f'--timeout-ms 2000 --isolation-level read_{level}')


NOTHING = [
    transactions('none-list', 'list'),
    describe('none-describe', 'nobody'),
    producers('none-producers', 'orders:0'),
    in_vain('none-producers-missing', 'describe-producers --topic no-such-topic --partition 0'),
    in_vain('none-producers-partition', 'describe-producers --topic orders --partition 9'),
    transactions('none-hanging', 'find-hanging --broker-id 1'),
    transactions('none-hanging-topic', 'find-hanging --topic orders'),
    transactions('none-hanging-anywhere', 'find-hanging'),
    transactions('none-hanging-partition', 'find-hanging --broker-id 1 --partition 0'),
    transactions('none-hanging-missing', 'find-hanging --topic no-such-topic'),
    transactions('none-abort-which', 'abort --topic orders --partition 0'),
    transactions('none-abort-half', 'abort --topic orders --partition 0 --producer-id 77'),
    transactions('none-abort', 'abort --topic orders --partition 0 --start-offset 0'),
    transactions('none-abort-older', 'abort --topic orders --partition 0 --producer-id 77 --producer-epoch 0 '
                 '--coordinator-epoch 0'),
]

OPEN = [
    # Flushed in between: whether two partitions are added with one request is a matter of how fast the client is.
    *new('committed', 'begin', 'send orders 0 committed 3', 'flush', 'send orders 1 committed 2', 'commit'),
    *new('aborted', 'begin', 'send orders 0 aborted 3', 'flush', 'abort'),
    *new('empty'),
    *new('twice', 'begin', 'send other 0 first 1', 'commit', 'begin', 'send other 0 second 1', 'commit'),
    *old('old-committed', 'begin', 'send orders 0 old 1', 'flush', 'offsets g-old orders 0 2',
         'commit'),
    *old('old-twice', 'begin', 'send other 0 third 1', 'commit', 'begin', 'send other 0 fourth 1', 'commit'),
    *new('open', 'begin', 'send orders 0 open 4', 'flush', 'send orders 2 open 2', 'flush', 'offsets g-open orders 0 3'),
    *old('old-open', 'begin', 'send other 0 old-open 4', 'flush', 'send orders 1 old-open 1', 'flush'),
]

SHOWN = [
    transactions('list', 'list'),
    transactions('list-long', 'list --duration-filter 600000'),
    transactions('list-short', 'list --duration-filter 1'),
    transactions('list-pattern', 'list --transactional-id-pattern old-.*'),
    transactions('list-pattern-none', 'list --transactional-id-pattern x'),
    transactions('list-pattern-bad', 'list --transactional-id-pattern ('),
    *[describe(f'describe-{who}', who) for who in ('committed', 'aborted', 'empty', 'twice', 'old-committed',
                                                   'old-twice', 'open', 'old-open')],
    *[producers(f'producers-{where.replace(":", "-")}', where) for where in ('orders:0', 'orders:1', 'orders:2',
                                                                             'other:0')],
    transactions('producers-broker', 'describe-producers --topic orders --partition 0 --broker-id 1'),
    in_vain('producers-other-broker', 'describe-producers --topic orders --partition 0 --broker-id 7'),
    # They are old enough to be suspected, but their coordinator knows them.
    transactions('hanging', 'find-hanging --broker-id 1'),
    transactions('hanging-short', 'find-hanging --broker-id 1 --max-transaction-timeout 0'),
    transactions('hanging-topic', 'find-hanging --topic orders --max-transaction-timeout 0'),
    transactions('hanging-partition', 'find-hanging --topic orders --partition 0 --max-transaction-timeout 0'),
    console('read-committed', 'orders', 0, 'committed'),
    console('read-uncommitted', 'orders', 0, 'uncommitted'),
    console('read-other-committed', 'other', 0, 'committed'),
    Command('offsets', 'get-offsets', '--topic-partitions orders,other'),
    Command('group-open', 'consumer-groups', '--describe --group g-open'),
    Command('group-old', 'consumer-groups', '--describe --group g-old'),
]

ENDED = [
    *tell('open', 'commit'),
    *tell('old-open', 'abort'),
    transactions('ended-list', 'list'),
    describe('ended-open', 'open'),
    describe('ended-old-open', 'old-open'),
    producers('ended-producers', 'orders:0'),
    producers('ended-producers-other', 'other:0'),
    console('ended-read', 'orders', 0, 'committed'),
    console('ended-read-2', 'orders', 2, 'committed'),
    Command('ended-group', 'consumer-groups', '--describe --group g-open'),
    transactions('ended-hanging', 'find-hanging --broker-id 1 --max-transaction-timeout 0'),
]

# An administrator ends what is open.
ABORTS = [
    *old('old-stuck', 'begin', 'send stuck 0 old-stuck 3', 'flush'),
    *new('stuck', 'begin', 'send stuck 1 stuck 3', 'flush'),
    transactions('abort-wrong-offset', 'abort --topic stuck --partition 0 --start-offset 2'),
    in_vain('abort-no-topic', 'abort --topic no-such-topic --partition 0 --start-offset 0'),
    transactions('abort-old', 'abort --topic stuck --partition 0 --start-offset 0'),
    transactions('abort-new', 'abort --topic stuck --partition 1 --start-offset 0'),
    producers('abort-producers', 'stuck:0'),
    producers('abort-producers-new', 'stuck:1'),
    describe('abort-described', 'old-stuck'),
    describe('abort-described-new', 'stuck'),
    Command('abort-offsets', 'get-offsets', '--topic stuck'),
    console('abort-read', 'stuck', 0, 'committed'),
    *new('forced', 'begin', 'send stuck 2 forced 3', 'flush'),
    transactions('force-unknown', 'forceTerminateTransaction --transactionalId nobody'),
    transactions('force', 'forceTerminateTransaction --transactionalId forced'),
    describe('forced', 'forced'),
    producers('forced-producers', 'stuck:2'),
    transactions('force-again', 'forceTerminateTransaction --transactionalId forced'),
    describe('forced-again', 'forced'),
]

PERFORMANCE = [
    Command('perf', 'producer-perf-test', '--topic perf --num-records 2000 --record-size 100 --throughput -1 '
            '--transactional-id perf --transaction-duration-ms 20'),
    Command('perf-default-id', 'producer-perf-test', '--topic perf --num-records 500 --record-size 100 '
            '--throughput -1 --transaction-duration-ms 1000000 --transactional-id perf-once'),
    describe('perf-once', 'perf-once'),
    Command('perf-read', 'console-consumer', '--topic perf --partition 0 --offset earliest --max-messages 2500 '
            '--timeout-ms 10000 --isolation-level read_committed '
            '--formatter org.apache.kafka.tools.consumer.NoOpMessageFormatter'),
]

FEATURES = [
    Command('features', 'features', 'describe'),
    Command('features-too-new', 'features', 'upgrade --feature transaction.version=3'),
    Command('features-one', 'features', 'downgrade --feature transaction.version=1'),
    Command('features-one-shown', 'features', 'describe'),
    *new('under-one', 'begin', 'send other 0 under-one 1', 'commit', 'begin', 'send other 0 under-one 1', 'commit'),
    describe('described-under-one', 'under-one'),
    Command('features-zero', 'features', 'downgrade --feature transaction.version=0'),
    Command('features-zero-shown', 'features', 'describe'),
    *new('under-zero', 'begin', 'send other 0 under-zero 1', 'commit'),
    describe('described-under-zero', 'under-zero'),
    Command('features-two', 'features', 'upgrade --feature transaction.version=2'),
    Command('features-two-shown', 'features', 'describe'),
    *new('under-two', 'begin', 'send other 0 under-two 1', 'commit', 'begin', 'send other 0 under-two 1', 'commit'),
    describe('described-under-two', 'under-two'),
    # One that began under another version goes on.
    *tell('under-zero', 'begin', 'send other 0 under-zero 1', 'commit'),
    *tell('under-one', 'begin', 'send other 0 under-one 1', 'commit'),
    console('read-all-versions', 'other', 0, 'committed'),
]

# The transactional ids whose records all come from what was told above.
RECORDED = ('committed', 'aborted', 'empty', 'twice', 'old-committed', 'old-twice', 'open', 'old-open', 'forced',
            'under-one', 'under-zero', 'under-two')
TOPIC = [
    Command('topic', 'topics', f'--describe --topic {STATE_TOPIC}'),
    Command('topic-configs', 'configs', f'--describe --entity-type topics --entity-name {STATE_TOPIC}'),
    *[Command(f'formatted-{who}', 'console-consumer', f'--topic {STATE_TOPIC} --partition {partition_of(who)} '
              '--offset earliest --timeout-ms 3000 '
              '--formatter org.apache.kafka.tools.consumer.TransactionLogMessageFormatter')
      for who in RECORDED[:3]],
    Down(),
    *[Command(f'dump-{who}', 'dump-log', '--transaction-log-decoder --print-data-log --files '
              f'DATA/{STATE_TOPIC}-{partition_of(who)}/00000000000000000000.log') for who in RECORDED],
    *[Command(f'dump-{group}', 'dump-log', '--offsets-decoder --print-data-log --files '
              f'DATA/{OFFSETS_TOPIC}-{partition_of(group)}/00000000000000000000.log') for group in ('g-open', 'g-old')],
    Command('dump-orders', 'dump-log', '--print-data-log --files DATA/orders-0/00000000000000000000.log'),
    Command('dump-index', 'dump-log', '--files DATA/orders-0/00000000000000000000.txnindex'),
]

STEPS = [*NOTHING, *OPEN, *SHOWN, *ENDED, *ABORTS, *PERFORMANCE, *FEATURES, *TOPIC]
COMMANDS = [step for step in STEPS if isinstance(step, Command)]


class Producers:
    """Real clients in processes of their own, which are started before it is their turn: a JVM takes its time."""

    AHEAD = 3

    def __init__(self, broker, folder):
        self.broker, self.folder, self.running, self.begun = broker, folder, {}, set()
        self.waiting = [step for step in STEPS if isinstance(step, Tell) and step.client]

    def tell(self, step):
        while self.waiting and (step.producer not in self.running or self._idle() < self.AHEAD):
            self._start(self.waiting.pop(0))
        self.begun.add(step.producer)
        self.running[step.producer].ask(step.command)

    def _idle(self):
        return len(self.running) - len(self.begun)

    def _start(self, step):
        self.running[step.producer] = Producer(step.client, step.producer, self.broker.bootstrap, self.folder,
                                               step.producer, TIMEOUT_MS * 10)

    def close(self):
        for producer in self.running.values():
            producer.kill()


def seed(broker):
    with Connection(broker.bootstrap) as connection:
        for topic, partitions in (('orders', 3), ('other', 1), ('stuck', 3), ('perf', 1)):
            connection.create_topic(topic, partitions)
        # Of today: a segment with an older record would be closed before the next one is written.
        connection.produce('orders', 0, [(int(time.time() * 1000), b'before')])


def run_all(broker, folder):
    """({name: the normalised output} of the commands that were reached, what went wrong besides)."""
    outputs, problems, names = {}, [], Names()
    for client in (NEW, OLD):
        prepare(client)
    seed(broker)
    with open(os.path.join(folder, IMPATIENT), 'w') as f:
        f.write('default.api.timeout.ms=2000\nrequest.timeout.ms=1500\n')
    create_offsets_topic(broker.bootstrap, kinds=(GROUP, TRANSACTION))
    running = Producers(broker, folder)
    try:
        with Tools(broker, folder, SECONDS, files=[IMPATIENT]) as tools:
            for step in STEPS:
                if isinstance(step, Tell):
                    running.tell(step)
                elif isinstance(step, Down):
                    running.close()
                    broker.stop()
                else:
                    lines = tools.run(step.name, step.tool, step.arguments)
                    if lines is None:
                        print(tools.error_text(), file=sys.stderr)
                        break
                    outputs[step.name] = change(step, lines, names)
                    if step.tool == 'features':
                        time.sleep(0.5)    # Kafka answers before the change is in force.
    except Exception as e:    # A producer that did not do as it was told.
        problems.append(f'{type(e).__name__} {e}'.replace('\n', ' '))
    finally:
        running.close()
    return outputs, problems


class Names:
    """Which transactional id a producer id belongs to, as far as it was told."""

    def __init__(self):
        self.of = {}

    def learn(self, transactional_id, producer_id):
        self.of.setdefault(producer_id, f'ID-{transactional_id}')

    def name(self, producer_id):
        return self.of.get(producer_id, 'ID')


# Columns whose values are another run's.
TIMES = ('LastTimestamp', 'CurrentTransactionStartTimeMs', 'TransactionDurationMs')


def change(step, lines, names):
    if step.tool == TRANSACTIONS:
        return tables(lines, names)
    if step.name.startswith(('dump', 'formatted')):
        return stored(step, lines, names)
    if step.tool == 'producer-perf-test':
        # Every five seconds there is a line of what it has done by then.
        return [re.sub(r'\b\d+(?= ms )', 'N', line) for line in group_tools.figures(step, lines)
                if not line.endswith('latency.')]
    if step.tool == 'features':
        return [re.sub(r'\s*Epoch: \d+', '', line) for line in lines
                if not any(name in line for name in NOT_SERVED_FEATURES)]
    return group_tools.change(step, lines)


def tables(lines, names):
    """Those of kafka-transactions: a line of titles, then a row each."""
    titles, out, rows = None, [], []
    for line in lines:
        words = line.split()
        if 'ProducerId' in words and not titles:
            titles = words
            out.append(' '.join(words))
        elif titles and not line.startswith('exit '):
            rows.append(row(titles, line, names))
        else:
            # Whether it was asking or about to ask when its time was over.
            line = re.sub(r'Call\(callName=(\w+)\(.* attempt\(s\)', r'TIMED OUT in \1', line)
            line = re.sub(r'Timed out waiting for a node assignment\. Call: (\w+)\(\S+\)', r'TIMED OUT in \1', line)
            out += [*sorted(rows), group_tools.ids(line)]
            rows, titles = [], None
    return out


def row(titles, line, names):
    # The last column may be empty, and the others have no spaces in them.
    values = dict(zip(titles, line.split(None, len(titles) - 1)))
    if 'TransactionalId' in values:
        names.learn(values['TransactionalId'], values['ProducerId'])
    values['ProducerId'] = names.name(values['ProducerId'])
    for title in TIMES:
        if values.get(title, 'None') not in ('None', '-1'):
            values[title] = 'T'
    if 'TopicPartitions' in values:
        values['TopicPartitions'] = ','.join(sorted(values['TopicPartitions'].split(',')))
    return ' '.join(values.values())


def stored(step, lines, names):
    """Records from a file or from the formatter, without where and when."""
    who = step.name.split('-', 1)[1]
    lines = re.sub(r'\}(?=\{"key"|\d\d:\d\d)', '}\n', '\n'.join(lines)).splitlines()
    if STATE_TOPIC in step.arguments or step.name.startswith('dump-g-'):
        of_it = re.compile(f'(transactionalId|transactional_id|group)"?[:=]"?{who}\\b')
        lines = [line for line in lines if of_it.search(line) or 'exit' in line or 'endTxnMarker' in line]
    out, batch = [], 0
    for line in lines:
        line = re.sub(r'\b1[78]\d{11}\b', 'T', line)
        line = re.sub(r'(?i)(producer_?id"?[:=] ?)(\d+)', lambda m: m[1] + names.name(m[2]), line)
        # Kafka goes through its topics in a hash table's order.
        line = re.sub(r'(?<="transactionPartitions":\[)\{.+?\]\}(?=\])',
                      lambda m: ','.join(sorted(re.findall(r'\{.*?\}', m[0]))), line)
        # With a transaction's offsets Kafka 4.3 leaves out the topic's id, which it writes with all others. Moldau
        # writes it with all: they are not to be those of another topic of this name. Both read both.
        line = re.sub(r',"topicId":"[\w-]{22}"(?=\}\})', '', line)
        line = re.sub(r'crc: \d+|position: \d+|size: \d+|batchSize: \d+|Log starting.*', '', line)
        if STATE_TOPIC in step.arguments or step.name.startswith('dump-g-'):
            line = re.sub(r'\boffset: \d+ | sequence: \d+|(base|last)Offset: \d+ ', '', line)
            # A line of the log may come between where a record is and what it says.
            line = re.sub(r'^.*?(?= key: \{| endTxnMarker: )', '', line)
        if line.startswith('baseOffset: '):
            # How many records come in one batch is a matter of how fast the client is.
            line = re.sub(r'^.* lastSequence: \S+', 'batch:', line)
            if line in out[batch:]:
                continue
            batch = len(out)
        out.append(line)
    return out


def main():
    commands = [(c.name, c.tool, c.arguments) for c in COMMANDS]
    return compare('transaction-tools', __doc__.splitlines()[0], commands, GOLDEN, run_all)


if __name__ == '__main__':
    sys.exit(main())
