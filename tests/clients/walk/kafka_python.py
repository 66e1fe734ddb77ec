"""kafka-python's producer, consumer without and with a group, and admin client: kafka_python.py BOOTSTRAP

Written for what 2.0.2 and 3.0 have in common."""
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic

BOOTSTRAP, TOPIC = sys.argv[1], 'walk-kafka-python'


def attempt(what, call):
    try:
        return call()
    except Exception as e:
        print(f'{what}: {e!r}', file=sys.stderr)


admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
attempt('create', lambda: admin.create_topics([NewTopic(TOPIC, 2, 1)]))
for extra in ({}, {'compression_type': 'gzip', 'acks': 1}):
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, **extra)
    for i in range(3):
        producer.send(TOPIC, b'a value', b'key', partition=i % 2)
    producer.close(10)
consumer = KafkaConsumer(bootstrap_servers=BOOTSTRAP, auto_offset_reset='earliest',
                         enable_auto_commit=False, consumer_timeout_ms=2000)
zero = TopicPartition(TOPIC, 0)
consumer.assign([zero, TopicPartition(TOPIC, 1)])
attempt('consume', lambda: [next(consumer) for _ in range(6)])
attempt('end', lambda: consumer.end_offsets([zero]))
attempt('times', lambda: consumer.offsets_for_times({zero: 1}))
attempt('topics', lambda: consumer.topics())
consumer.close()
GROUP = 'walk-kafka-python'
member = KafkaConsumer(TOPIC, bootstrap_servers=BOOTSTRAP, group_id=GROUP, auto_offset_reset='earliest',
                       enable_auto_commit=False, consumer_timeout_ms=10000)
attempt('group', lambda: [next(member) for _ in range(6)])
attempt('commit', lambda: member.commit())
attempt('committed', lambda: member.committed(zero))
describe_group = getattr(admin, 'describe_consumer_groups', None) or admin.describe_groups
list_groups = getattr(admin, 'list_consumer_groups', None) or admin.list_groups
list_offsets = getattr(admin, 'list_consumer_group_offsets', None) or admin.list_group_offsets
delete_group = getattr(admin, 'delete_consumer_groups', None) or admin.delete_groups
attempt('describe group', lambda: describe_group([GROUP]))
attempt('list groups', lambda: list_groups())
member.close()
attempt('group offsets', lambda: list_offsets(GROUP))
attempt('delete group', lambda: delete_group([GROUP]))
resource = ConfigResource(ConfigResourceType.TOPIC, TOPIC)
attempt('configs', lambda: admin.describe_configs([resource]))
attempt('alter', lambda: admin.alter_configs([ConfigResource(
    ConfigResourceType.TOPIC, TOPIC, configs={'retention.ms': '7200000'})]))
attempt('partitions', lambda: admin.create_partitions({TOPIC: NewPartitions(3)}))
attempt('describe', lambda: admin.describe_topics([TOPIC]))
attempt('cluster', lambda: admin.describe_cluster())
attempt('log dirs', lambda: admin.describe_log_dirs())
attempt('records', lambda: admin.delete_records({zero: 1}))
attempt('group', lambda: describe_group(['no-such-group']))
attempt('delete', lambda: admin.delete_topics([TOPIC]))
