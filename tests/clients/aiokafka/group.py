"""aiokafka as a member of a group. See tests/clients/README.md."""
import asyncio
import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path = [p for p in sys.path if p != os.path.dirname(os.path.abspath(__file__))]
import aiokafka  # noqa: E402
from aiokafka.admin import AIOKafkaAdminClient  # noqa: E402
from aiokafka.coordinator.assignors.range import RangePartitionAssignor  # noqa: E402
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor  # noqa: E402
from aiokafka.errors import KafkaError  # noqa: E402
from member import POLL_SECONDS, Member  # noqa: E402

ASSIGNORS = {'range': RangePartitionAssignor, 'roundrobin': RoundRobinPartitionAssignor}


class Listener(aiokafka.ConsumerRebalanceListener):
    def __init__(self, member):
        self.member = member

    async def on_partitions_assigned(self, assigned):
        self.member.assigned(p.partition for p in assigned)

    async def on_partitions_revoked(self, revoked):
        self.member.revoked(p.partition for p in revoked)


async def consume(member):
    automatic = member.commit == 'auto'
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=member.bootstrap, group_id=member.group, enable_auto_commit=automatic,
        auto_commit_interval_ms=200, auto_offset_reset='earliest', session_timeout_ms=int(member.session),
        heartbeat_interval_ms=500, fetch_max_wait_ms=100, max_poll_interval_ms=20000,
        partition_assignment_strategy=[ASSIGNORS[member.protocol]],
        group_instance_id=member.instance or None)
    consumer.subscribe([member.topic], listener=Listener(member))
    await consumer.start()
    partitions = [aiokafka.TopicPartition(member.topic, p) for p in range(int(member.partitions))]
    while True:
        command = member.command()
        if command == 'leave':
            break
        if command == 'fetch':
            found = [(p.partition, await consumer.committed(p)) for p in partitions]
            member.fetched((p, -1 if n is None else n) for p, n in found)
        batches = await consumer.getmany(timeout_ms=int(POLL_SECONDS * 1000))
        pairs = [(m.partition, m.offset) for messages in batches.values() for m in messages]
        member.records(pairs)
        if member.pending and not automatic:
            positions = dict(member.pending)
            try:
                await consumer.commit({partitions[p]: n for p, n in positions.items()})
                member.committed(positions.items())
            except KafkaError as e:
                member.say(f'not committed {type(e).__name__}')
    await consumer.stop()
    member.revoked(set(member.owned))
    member.say('left')


async def administer(member):
    admin = AIOKafkaAdminClient(bootstrap_servers=member.bootstrap)
    await admin.start()
    member.say(*[f'listed {name} -' for name, *_ in await admin.list_consumer_groups()])
    for response in await admin.describe_consumer_groups([member.live]):
        for group in response.groups:
            _, name, state, _, _, members, *_ = group
            member.say(f'described {name} {state} {len(members)} -')
    found = await admin.list_consumer_group_offsets(member.group)
    member.say(*[f'offset {p.partition} {o.offset}' for p, o in found.items()])
    member.say('cannot alter', 'cannot delete-offsets', 'cannot remove-member', 'cannot delete')
    await admin.close()
    member.say('left')


member = Member()
asyncio.run((consume if member.operation == 'member' else administer)(member))
