"""confluent-kafka (librdkafka) as a member of a group. See tests/clients/README.md."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from confluent_kafka import (Consumer, ConsumerGroupTopicPartitions, KafkaException,  # noqa: E402
                             TopicPartition)
from confluent_kafka.admin import AdminClient  # noqa: E402
from member import POLL_SECONDS, Member  # noqa: E402


def settings(member):
    config = {'bootstrap.servers': member.bootstrap, 'group.id': member.group, 'enable.auto.commit': False,
              'auto.offset.reset': 'earliest', 'fetch.wait.max.ms': 100}
    if member.instance:
        config['group.instance.id'] = member.instance
    if member.protocol == 'consumer':
        return {**config, 'group.protocol': 'consumer'}
    return {**config, 'session.timeout.ms': member.session, 'heartbeat.interval.ms': 500,
            'partition.assignment.strategy': member.protocol}


def commit(member, consumer, positions):
    offsets = [TopicPartition(member.topic, p, n) for p, n in positions.items()]
    if member.commit == 'async':
        consumer.commit(offsets=offsets, asynchronous=True)    # on_commit says what came of it
        return
    try:
        consumer.commit(offsets=offsets, asynchronous=False)
        member.committed(positions.items())
    except KafkaException as e:
        member.say(f'not committed {e.args[0].name()}')


def consume(member):
    def on_commit(error, offsets):
        if member.commit == 'async' and not error:
            member.committed((o.partition, o.offset) for o in offsets if o.offset >= 0)
    consumer = Consumer({**settings(member), 'on_commit': on_commit})
    consumer.subscribe([member.topic],
                       on_assign=lambda _, ps: member.assigned(p.partition for p in ps),
                       on_revoke=lambda _, ps: member.revoked(p.partition for p in ps),
                       on_lost=lambda _, ps: member.revoked(p.partition for p in ps))
    while True:
        command = member.command()
        if command == 'leave':
            break
        if command == 'fetch':
            found = consumer.committed([TopicPartition(member.topic, p) for p in range(int(member.partitions))], 10)
            member.fetched((p.partition, p.offset) for p in found)
        messages = consumer.consume(500, POLL_SECONDS)
        for message in messages:
            if message.error():
                member.say(f'said {message.error().name()}')
        pairs = [(m.partition(), m.offset()) for m in messages if not m.error()]
        member.records(pairs)
        if member.pending:
            commit(member, consumer, dict(member.pending))
    consumer.close()
    member.say('left')


def offsets_of(admin, member):
    asked = [ConsumerGroupTopicPartitions(member.group)]
    return [(p.partition, p.offset)
            for future in admin.list_consumer_group_offsets(asked).values()
            for p in future.result(10).topic_partitions]


def administer(member):
    admin = AdminClient({'bootstrap.servers': member.bootstrap})
    listed = admin.list_consumer_groups().result(10).valid
    member.say(*[f'listed {g.group_id} {g.state.name}' for g in listed])
    for group, future in admin.describe_consumer_groups([member.live]).items():
        found = future.result(10)
        owned = sum(len(m.assignment.topic_partitions) for m in found.members)
        member.say(f'described {group} {found.state.name} {len(found.members)} {owned}')
    member.say(*[f'offset {p} {o}' for p, o in offsets_of(admin, member)])
    wanted = [TopicPartition(member.topic, p, 1) for p in range(int(member.partitions))]
    for future in admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(member.group, wanted)]).values():
        future.result(10)
    member.say(*[f'altered {p} {o}' for p, o in offsets_of(admin, member)])
    member.say('cannot delete-offsets', 'cannot remove-member')
    admin.delete_consumer_groups([member.group])[member.group].result(10)
    member.say(*[f'still {g.group_id}' for g in admin.list_consumer_groups().result(10).valid], 'left')


member = Member()
{'member': consume, 'admin': administer}[member.operation](member)
