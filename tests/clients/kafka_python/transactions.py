"""kafka-python with transactions. See tests/clients/README.md."""
import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path = [p for p in sys.path if p != os.path.dirname(os.path.abspath(__file__))]
from kafka import KafkaConsumer, KafkaProducer, TopicPartition  # noqa: E402
from kafka.errors import KafkaError, OutOfOrderSequenceNumberError, ProducerFencedError  # noqa: E402
from kafka.structs import OffsetAndMetadata  # noqa: E402
from worker import POLL_SECONDS, Marked, Worker  # noqa: E402

SECONDS = 30
worker = Worker()
producer = None
sent = []


def init():
    global producer
    producer = KafkaProducer(bootstrap_servers=worker.bootstrap, transactional_id=worker.id,
                             transaction_timeout_ms=int(worker.timeout))
    producer.init_transactions()


def acknowledged():
    producer.flush(SECONDS)
    waiting = list(sent)
    sent.clear()
    for future in waiting:
        future.get(SECONDS)


def send(topic, partition, value, count):
    for i in range(int(count)):
        sent.append(producer.send(topic, f'{value}.{i}'.encode(), partition=int(partition)))


def offsets(group, topic, partition, offset):
    producer.send_offsets_to_transaction(
        {TopicPartition(topic, int(partition)): OffsetAndMetadata(int(offset), '', -1)}, group)


def commit():
    producer.commit_transaction()
    acknowledged()


def abort():
    sent.clear()
    producer.abort_transaction()


def consumer_of(**more):
    return KafkaConsumer(bootstrap_servers=worker.bootstrap, enable_auto_commit=False,
                         auto_offset_reset='earliest', fetch_max_wait_ms=100, **more)


def read(level, topic, partitions, mark):
    consumer = consumer_of(isolation_level='read_' + level)
    consumer.assign([TopicPartition(topic, p) for p in range(int(partitions))])
    consumer.seek_to_beginning()
    seen = Marked(partitions, mark)
    while seen.left:
        for messages in consumer.poll(int(POLL_SECONDS * 1000)).values():
            for message in messages:
                seen.add(message.partition, message.value.decode())
    consumer.close()
    return seen.text()


def transform(group, source, target, _):
    init()
    consumer = consumer_of(group_id=group, isolation_level='read_committed', session_timeout_ms=6000,
                           heartbeat_interval_ms=500, max_poll_records=10)
    consumer.subscribe([source])
    while not worker.told():
        batches = consumer.poll(int(POLL_SECONDS * 1000))
        if batches:
            transfer(consumer, batches, target)
    consumer.close()


def transfer(consumer, batches, target):
    try:
        producer.begin_transaction()
        ends = {}
        for partition, messages in batches.items():
            for message in messages:
                producer.send(target, message.value, partition=message.partition)
            ends[partition] = OffsetAndMetadata(messages[-1].offset + 1, '', -1)
        producer.send_offsets_to_transaction(ends, consumer.group_metadata())
        producer.commit_transaction()
    except (ProducerFencedError, OutOfOrderSequenceNumberError):
        raise
    except KafkaError as e:
        print('aborted:', e, file=sys.stderr)
        producer.abort_transaction()
        for partition in consumer.assignment():
            consumer.seek(partition, consumer.committed(partition) or 0)


COMMANDS = {'init': init, 'send': send, 'flush': acknowledged, 'offsets': offsets, 'commit': commit, 'abort': abort,
            'begin': lambda: producer.begin_transaction(), 'read': read, 'transform': transform,
            'close': lambda: producer.close(5)}
worker.run(lambda command, words: COMMANDS[command](*words))
