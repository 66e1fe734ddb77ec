"""confluent-kafka (librdkafka) with transactions. See tests/clients/README.md."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition  # noqa: E402
from worker import POLL_SECONDS, Marked, Worker  # noqa: E402

SECONDS = 30
worker = Worker()
producer = None
consumers = {}    # by group
failures = []    # of what was sent since the last time that was asked


def again(call, *words):
    """As long as the client says that it is worth it."""
    while True:
        try:
            return call(*words)
        except KafkaException as e:
            if not e.args[0].retriable():
                raise


def init():
    global producer
    # When all brokers are gone librdkafka forgets them and begins anew with bootstrap.servers, but for a group's
    # coordinator goes on waiting for the forgotten one: send_offsets_to_transaction would never return.
    producer = Producer({'bootstrap.servers': worker.bootstrap, 'transactional.id': worker.id,
                         'transaction.timeout.ms': int(worker.timeout), 'metadata.recovery.strategy': 'none'})
    again(producer.init_transactions, SECONDS)


def delivered(error, _):
    if error:
        failures.append(error)


def acknowledged():
    producer.flush(SECONDS)
    if failures:
        error = failures[0]
        failures.clear()
        raise KafkaException(error)


def send(topic, partition, value, count):
    for i in range(int(count)):
        producer.produce(topic, partition=int(partition), value=f'{value}.{i}', on_delivery=delivered)


def offsets(group, topic, partition, offset):
    # The metadata of a group is to be had from a consumer only; these are no members.
    if group not in consumers:
        consumers[group] = Consumer({'bootstrap.servers': worker.bootstrap, 'group.id': group})
    again(producer.send_offsets_to_transaction, [TopicPartition(topic, int(partition), int(offset))],
          consumers[group].consumer_group_metadata(), SECONDS)


def commit():
    again(producer.commit_transaction, SECONDS)
    acknowledged()


def abort():
    again(producer.abort_transaction, SECONDS)
    failures.clear()


def read(level, topic, partitions, mark):
    consumer = Consumer({'bootstrap.servers': worker.bootstrap, 'group.id': 'unused', 'enable.auto.commit': False,
                         'auto.offset.reset': 'earliest', 'isolation.level': 'read_' + level,
                         'fetch.wait.max.ms': 100})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(int(partitions))])
    seen = Marked(partitions, mark)
    while seen.left:
        for message in consumer.consume(500, POLL_SECONDS):
            if message.error():
                raise KafkaException(message.error())
            seen.add(message.partition(), message.value().decode())
    consumer.close()
    return seen.text()


def transform(group, source, target, protocol):
    config = {'bootstrap.servers': worker.bootstrap, 'group.id': group, 'enable.auto.commit': False,
              'auto.offset.reset': 'earliest', 'fetch.wait.max.ms': 100}
    if protocol == 'consumer':
        config['group.protocol'] = 'consumer'
    else:
        config.update({'session.timeout.ms': 6000, 'heartbeat.interval.ms': 500})
    init()
    consumer = Consumer(config)
    consumer.subscribe([source])
    while not worker.told():
        messages = [m for m in consumer.consume(10, POLL_SECONDS) if not m.error()]
        if messages:
            transfer(consumer, messages, target)
    consumer.close()


def transfer(consumer, messages, target):
    try:
        producer.begin_transaction()
        for message in messages:
            producer.produce(target, partition=message.partition(), value=message.value(), on_delivery=delivered)
        positions = {}
        for message in messages:
            positions[message.partition()] = TopicPartition(message.topic(), message.partition(), message.offset() + 1)
        again(producer.send_offsets_to_transaction, list(positions.values()), consumer.consumer_group_metadata(),
              SECONDS)
        again(producer.commit_transaction, SECONDS)
    except KafkaException as e:
        if not e.args[0].txn_requires_abort():
            raise
        print('aborted:', e, file=sys.stderr)
        abort()
        for partition in consumer.committed(consumer.assignment(), SECONDS):
            partition.offset = max(partition.offset, 0)
            consumer.seek(partition)
    finally:
        failures.clear()


COMMANDS = {'init': init, 'send': send, 'flush': acknowledged, 'offsets': offsets, 'commit': commit, 'abort': abort,
            'begin': lambda: producer.begin_transaction(), 'read': read, 'transform': transform,
            'close': lambda: None}
worker.run(lambda command, words: COMMANDS[command](*words),
           lambda e: e.args[0].name() if isinstance(e, KafkaException) else type(e).__name__)
