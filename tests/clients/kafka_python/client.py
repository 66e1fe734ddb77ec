"""kafka-python, 2.0.2 (without idempotence) and 3. See tests/clients/README.md."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import kafka  # noqa: E402
from jobs import IDLE_SECONDS, Output, main, records  # noqa: E402

HAS_IDEMPOTENCE = not kafka.__version__.startswith('2.0.')


def produce(bootstrap, job):
    options = {'enable_idempotence': job['idempotent'] == '1'} if HAS_IDEMPOTENCE else {}
    producer = kafka.KafkaProducer(
        bootstrap_servers=bootstrap, acks='all', linger_ms=20, batch_size=65536,
        compression_type=None if job['codec'] == 'none' else job['codec'],
        max_request_size=3000000, **options)
    partitions = int(job['partitions'])
    futures = [producer.send(job['topic'], value, partition=i % partitions)
               for i, value in enumerate(records(job))]
    producer.flush(120)
    failed = [f for f in futures if not f.succeeded()]
    producer.close(10)
    if failed:
        raise RuntimeError(f'{len(failed)} not delivered: {failed[0].exception!r}')


def consume(bootstrap, job):
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False,
        max_partition_fetch_bytes=4 << 20, consumer_timeout_ms=IDLE_SECONDS * 1000)
    topic = [kafka.TopicPartition(job['topic'], p) for p in range(int(job['partitions']))]
    consumer.assign(topic)
    consumer.seek_to_beginning(*topic)
    with Output(job) as output:
        for message in consumer:
            output.add(message.partition, message.value)
            if output.left == 0:
                break
    consumer.close()


main(produce, consume)
