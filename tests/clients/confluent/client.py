"""confluent-kafka (librdkafka). See tests/clients/README.md."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from jobs import IDLE_SECONDS, Output, main, records  # noqa: E402


def produce(bootstrap, job):
    failures = []

    def delivered(error, _):
        if error:
            failures.append(error)
    producer = Producer({'bootstrap.servers': bootstrap, 'acks': 'all', 'message.max.bytes': 3000000,
                         'compression.type': job['codec'],
                         'enable.idempotence': job['idempotent'] == '1'})
    partitions = int(job['partitions'])
    for i, value in enumerate(records(job)):
        while True:
            try:
                producer.produce(job['topic'], value, partition=i % partitions,
                                 on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(60)
    if left or failures:
        raise RuntimeError(f'{left} not delivered, {len(failures)} failed: {failures[:1]}')


def consume(bootstrap, job):
    consumer = Consumer({'bootstrap.servers': bootstrap, 'group.id': 'unused',
                         'enable.auto.commit': False, 'auto.offset.reset': 'error'})
    consumer.assign([TopicPartition(job['topic'], p, 0) for p in range(int(job['partitions']))])
    try:
        with Output(job) as output:
            idle = 0
            while output.left > 0 and idle < IDLE_SECONDS:
                messages = consumer.consume(min(output.left, 10000), 1)
                idle = 0 if messages else idle + 1
                for message in messages:
                    if message.error():
                        raise RuntimeError(str(message.error()))
                    output.add(message.partition(), message.value())
    finally:
        consumer.close()


main(produce, consume)
