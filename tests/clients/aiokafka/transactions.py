"""aiokafka with transactions. See tests/clients/README.md.

It commits offsets in a transaction without saying as which member, so that the group does not fence it: whoever
reads, transforms and writes with it needs a producer for each partition that is read. Who gets the partition
takes over its transactional id, and begins where the last transaction of that id ended.
"""
import asyncio
import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path = [p for p in sys.path if p != os.path.dirname(os.path.abspath(__file__))]
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition  # noqa: E402
from worker import POLL_SECONDS, Marked, Worker  # noqa: E402

SECONDS = 30
worker = Worker()
producer = None
sent = []


async def started(transactional_id):
    made = AIOKafkaProducer(bootstrap_servers=worker.bootstrap, transactional_id=transactional_id,
                            transaction_timeout_ms=int(worker.timeout))
    await made.start()
    return made


async def init():
    global producer
    producer = await started(worker.id)


async def acknowledged():
    await producer.flush()
    waiting = list(sent)
    sent.clear()
    for future in waiting:
        await asyncio.wait_for(future, SECONDS)


async def send(topic, partition, value, count):
    for i in range(int(count)):
        sent.append(await producer.send(topic, f'{value}.{i}'.encode(), partition=int(partition)))


async def offsets(group, topic, partition, offset):
    await producer.send_offsets_to_transaction({TopicPartition(topic, int(partition)): int(offset)}, group)


async def commit():
    await producer.commit_transaction()
    await acknowledged()


async def abort():
    await producer.abort_transaction()
    for future in sent:
        future.exception()    # so that it is not said to be forgotten
    sent.clear()


def consumer_of(**more):
    return AIOKafkaConsumer(bootstrap_servers=worker.bootstrap, enable_auto_commit=False,
                            auto_offset_reset='earliest', fetch_max_wait_ms=100, **more)


async def read(level, topic, partitions, mark):
    consumer = consumer_of(group_id=None, isolation_level='read_' + level)
    await consumer.start()
    every = [TopicPartition(topic, p) for p in range(int(partitions))]
    consumer.assign(every)
    await consumer.seek_to_beginning(*every)
    seen = Marked(partitions, mark)
    while seen.left:
        for messages in (await consumer.getmany(timeout_ms=int(POLL_SECONDS * 1000))).values():
            for message in messages:
                seen.add(message.partition, message.value.decode())
    await consumer.stop()
    return seen.text()


class Owner(ConsumerRebalanceListener):
    """Has a producer for each partition that is its consumer's; `busy` while one is in a transaction.

    The group is rebalanced in a task of its own. A commit on a producer that is stopped meanwhile never returns.
    """

    def __init__(self, consumer, group):
        self.consumer, self.group, self.producers, self.busy = consumer, group, {}, asyncio.Lock()

    async def on_partitions_revoked(self, _):
        async with self.busy:
            for owned in self.producers.values():
                await owned.stop()
            self.producers.clear()

    async def on_partitions_assigned(self, assigned):
        for partition in assigned:
            owned = await started(f'{self.group}-{partition.partition}')
            self.consumer.seek(partition, await self.consumer.committed(partition) or 0)
            self.producers[partition] = owned


async def transform(group, source, target, _):
    consumer = consumer_of(group_id=group, isolation_level='read_committed', session_timeout_ms=6000,
                           heartbeat_interval_ms=500, max_poll_records=10)
    owner = Owner(consumer, group)
    consumer.subscribe([source], listener=owner)
    await consumer.start()
    while not worker.told():
        read = await consumer.getmany(timeout_ms=int(POLL_SECONDS * 1000))
        producers = dict(owner.producers)
        for partition, messages in read.items():
            async with owner.busy:
                # Taken away since it was read? Even when it came back, it is read anew.
                if partition in producers and owner.producers.get(partition) is producers[partition]:
                    await transfer(producers[partition], partition, messages, target, group)
    await owner.on_partitions_revoked([])
    await consumer.stop()


async def transfer(owned, partition, messages, target, group):
    async with owned.transaction():
        for message in messages:
            await owned.send(target, message.value, partition=partition.partition)
        await owned.send_offsets_to_transaction({partition: messages[-1].offset + 1}, group)


async def begin():
    await producer.begin_transaction()


async def close():
    await producer.stop()


COMMANDS = {'init': init, 'begin': begin, 'send': send, 'flush': acknowledged, 'offsets': offsets, 'commit': commit,
            'abort': abort, 'read': read, 'transform': transform, 'close': close}
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
worker.run(lambda command, words: loop.run_until_complete(COMMANDS[command](*words)))
