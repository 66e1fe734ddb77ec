"""kafka-python, 2.0.2 and 3, as a member of a group. See tests/clients/README.md."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import kafka  # noqa: E402
from kafka.coordinator.assignors.range import RangePartitionAssignor  # noqa: E402
from kafka.errors import KafkaError  # noqa: E402
from member import POLL_SECONDS, Member  # noqa: E402

OLD = kafka.__version__.startswith('2.0.')


def settings(member):
    config = {'bootstrap_servers': member.bootstrap, 'group_id': member.group, 'enable_auto_commit': False,
              'auto_offset_reset': 'earliest', 'session_timeout_ms': int(member.session),
              'heartbeat_interval_ms': 500, 'fetch_max_wait_ms': 100, 'max_poll_interval_ms': 20000}
    if member.instance:
        config['group_instance_id'] = member.instance
    if member.protocol == 'cooperative-sticky':
        from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
        return {**config, 'partition_assignment_strategy': [CooperativeStickyAssignor]}
    return {**config, 'partition_assignment_strategy': [RangePartitionAssignor]}


def offset(position):
    return (kafka.OffsetAndMetadata(position, '') if OLD
            else kafka.OffsetAndMetadata(position, '', -1))


def commit(member, consumer, positions):
    offsets = {kafka.TopicPartition(member.topic, p): offset(n) for p, n in positions.items()}
    if member.commit == 'async':
        def done(_, outcome):
            if not isinstance(outcome, Exception):
                member.committed(positions.items())
        consumer.commit_async(offsets, callback=done)
        return
    try:
        consumer.commit(offsets)
        member.committed(positions.items())
    except KafkaError as e:
        member.say(f'not committed {type(e).__name__}')


def consume(member):
    class Listener(kafka.ConsumerRebalanceListener):
        def on_partitions_assigned(self, assigned):
            member.assigned(p.partition for p in assigned)

        def on_partitions_revoked(self, revoked):
            member.revoked(p.partition for p in revoked)

        def on_partitions_lost(self, lost):
            member.revoked(p.partition for p in lost)
    consumer = kafka.KafkaConsumer(**settings(member))
    consumer.subscribe([member.topic], listener=Listener())
    while True:
        command = member.command()
        if command == 'leave':
            break
        if command == 'fetch':
            found = [(p, consumer.committed(kafka.TopicPartition(member.topic, p)))
                     for p in range(int(member.partitions))]
            member.fetched((p, -1 if n is None else n) for p, n in found)
        batches = consumer.poll(int(POLL_SECONDS * 1000))
        pairs = [(m.partition, m.offset) for messages in batches.values() for m in messages]
        member.records(pairs)
        if member.pending:
            commit(member, consumer, dict(member.pending))
    consumer.close()
    # It calls no listener then, in either version.
    member.revoked(set(member.owned))
    member.say('left')


def offsets_of(admin, member):
    if OLD:
        found = admin.list_consumer_group_offsets(member.group)
    else:
        found = admin.list_group_offsets(member.group)
        found = found.get(member.group, found)
    return [(p.partition, o.offset) for p, o in found.items()]


def administer_old(member, admin):
    member.say(*[f'listed {name} -' for name, _ in admin.list_consumer_groups()])
    for group in admin.describe_consumer_groups([member.live]):
        owned = sum(len(partitions) for m in group.members
                    for _, partitions in m.member_assignment.assignment)
        member.say(f'described {group.group} {group.state} {len(group.members)} {owned}')
    member.say(*[f'offset {p} {o}' for p, o in offsets_of(admin, member)])
    member.say('cannot alter', 'cannot delete-offsets', 'cannot remove-member')
    (_, outcome), = admin.delete_consumer_groups([member.group])
    if outcome is not kafka.errors.NoError:
        raise outcome
    member.say(*[f'still {name}' for name, _ in admin.list_consumer_groups()])


def administer(member, admin):
    groups = admin.list_groups()
    member.say(*[f"listed {g['group_id']} {g['group_state']}" for g in groups])
    for name, group in admin.describe_groups([member.live]).items():
        owned = sum(len(t['partitions']) for m in group['members']
                    for t in m['member_assignment']['assigned_partitions'])
        member.say(f"described {name} {group['group_state']} {len(group['members'])} {owned}")
    member.say(*[f'offset {p} {o}' for p, o in offsets_of(admin, member)])
    partitions = [kafka.TopicPartition(member.topic, p) for p in range(int(member.partitions))]
    admin.alter_group_offsets(member.group, {p: offset(1) for p in partitions})
    member.say(*[f'altered {p} {o}' for p, o in offsets_of(admin, member)])
    admin.delete_group_offsets(member.group, partitions[:1])
    member.say(*[f'kept {p} {o}' for p, o in offsets_of(admin, member)])
    from kafka.admin import MemberToRemove
    admin.remove_group_members(member.live, [MemberToRemove(group_instance_id=member.removed)])
    member.say(f'removed {member.removed}')
    admin.delete_groups([member.group])
    member.say(*[f"still {g['group_id']}" for g in admin.list_groups()])


member = Member()
if member.operation == 'member':
    consume(member)
else:
    admin = kafka.KafkaAdminClient(bootstrap_servers=member.bootstrap)
    (administer_old if OLD else administer)(member, admin)
    member.say('left')
