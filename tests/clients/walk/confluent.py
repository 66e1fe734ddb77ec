"""librdkafka's producer, consumer without and with a group, and admin client: confluent.py BOOTSTRAP"""
import sys

from confluent_kafka import (Consumer, ConsumerGroupTopicPartitions, IsolationLevel, Producer,
                             TopicCollection, TopicPartition)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource,
                                   NewPartitions, NewTopic, OffsetSpec, ResourceType)

BOOTSTRAP, TOPIC = sys.argv[1], 'walk-confluent'


def wait(what, futures):
    for future in (futures.values() if isinstance(futures, dict) else [futures]):
        try:
            future.result(20)
        except Exception as e:
            print(f'{what}: {e}', file=sys.stderr)


admin = AdminClient({'bootstrap.servers': BOOTSTRAP})
wait('create', admin.create_topics([NewTopic(TOPIC, 2, 1, config={'retention.ms': '3600000'})]))
for extra in ({'enable.idempotence': True}, {'compression.type': 'zstd'}, {'acks': 1}):
    producer = Producer({'bootstrap.servers': BOOTSTRAP, **extra})
    for i in range(3):
        producer.produce(TOPIC, f'a value {i}', key=f'key{i}', partition=i % 2, headers={'h': str(i)})
    producer.flush(20)
consumer = Consumer({'bootstrap.servers': BOOTSTRAP, 'group.id': 'none', 'auto.offset.reset': 'earliest',
                     'enable.auto.commit': False})
consumer.assign([TopicPartition(TOPIC, 0, 0), TopicPartition(TOPIC, 1, 0)])
consumer.consume(9, 5)
consumer.seek(TopicPartition(TOPIC, 0, 1, leader_epoch=0))
consumer.consume(1, 5)
consumer.get_watermark_offsets(TopicPartition(TOPIC, 0))
consumer.offsets_for_times([TopicPartition(TOPIC, 0, 1)])
consumer.close()
resource = ConfigResource(ResourceType.TOPIC, TOPIC)
zero = TopicPartition(TOPIC, 0)
for protocol, topic in (('classic', TOPIC), ('consumer', TOPIC), ('consumer', f'^{TOPIC}.*')):
    group = f'walk-confluent-{protocol}'
    member = Consumer({'bootstrap.servers': BOOTSTRAP, 'group.id': group, 'group.protocol': protocol,
                       'auto.offset.reset': 'earliest', 'enable.auto.commit': False})
    member.subscribe([topic])
    seen = member.consume(3, 20)
    member.commit(offsets=[TopicPartition(TOPIC, m.partition(), m.offset() + 1, metadata='a note')
                           for m in seen], asynchronous=False)
    member.committed([zero], 20)
    wait('describe group', admin.describe_consumer_groups([group], include_authorized_operations=True))
    wait('list groups', admin.list_consumer_groups())
    member.close()
    wait('group offsets', admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]))
    wait('alter group', admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(
        group, [TopicPartition(TOPIC, 0, 2)])]))
    wait('delete group', admin.delete_consumer_groups([group]))
wait('describe', admin.describe_topics(TopicCollection([TOPIC])))
for spec in (OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.max_timestamp(),
             OffsetSpec.for_timestamp(1)):
    wait('offsets', admin.list_offsets({zero: spec}, isolation_level=IsolationLevel.READ_COMMITTED))
wait('partitions', admin.create_partitions([NewPartitions(TOPIC, 3)]))
wait('configs', admin.describe_configs([resource]))
wait('configs', admin.describe_configs([ConfigResource(ResourceType.BROKER, '1')]))
wait('alter', admin.alter_configs([ConfigResource(ResourceType.TOPIC, TOPIC,
                                                  set_config={'retention.ms': '7200000'})]))
wait('incremental', admin.incremental_alter_configs([ConfigResource(
    ResourceType.TOPIC, TOPIC, incremental_configs=[
        ConfigEntry('retention.bytes', '1000000', incremental_operation=AlterConfigOpType.SET)])]))
wait('records', admin.delete_records([TopicPartition(TOPIC, 0, 1)]))
wait('cluster', admin.describe_cluster())
wait('group', admin.describe_consumer_groups(['no-such-group']))
wait('delete', admin.delete_topics([TOPIC]))
