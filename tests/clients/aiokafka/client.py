"""aiokafka. See tests/clients/README.md."""
import asyncio
import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path = [p for p in sys.path if p != os.path.dirname(os.path.abspath(__file__))]
import aiokafka  # noqa: E402
from jobs import IDLE_SECONDS, Output, main, records  # noqa: E402


async def produce(bootstrap, job):
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks='all', linger_ms=5, max_batch_size=65536,
        compression_type=None if job['codec'] == 'none' else job['codec'],
        enable_idempotence=job['idempotent'] == '1', max_request_size=3000000)
    await producer.start()
    try:
        partitions = int(job['partitions'])
        await asyncio.gather(*[await producer.send(job['topic'], value, partition=i % partitions)
                               for i, value in enumerate(records(job))])
    finally:
        await producer.stop()


async def consume(bootstrap, job):
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None,
                                         enable_auto_commit=False,
                                         max_partition_fetch_bytes=4 << 20)
    topic = [aiokafka.TopicPartition(job['topic'], p) for p in range(int(job['partitions']))]
    await consumer.start()
    try:
        consumer.assign(topic)
        for partition in topic:
            consumer.seek(partition, 0)
        with Output(job) as output:
            while output.left > 0:
                batches = await consumer.getmany(timeout_ms=IDLE_SECONDS * 1000)
                if not batches:
                    break
                for partition, messages in batches.items():
                    for message in messages:
                        output.add(partition.partition, message.value)
    finally:
        await consumer.stop()


main(lambda *a: asyncio.run(produce(*a)), lambda *a: asyncio.run(consume(*a)))
