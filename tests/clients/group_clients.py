"""The clients of groups.py: what each can do, how its program is run, and which version it is."""
import os
import re

from prepare import prepare, toolchain

HERE = os.path.dirname(os.path.abspath(__file__))
# A short life is cheaper when the code is compiled once, and fast.
JAVA = ['java', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']

# protocols: of the classic kind by the assignor's name, and `consumer`, KIP-848's
# static: the protocols in which it has group.instance.id, all by default
# strict: whether it reads only what its events say is its own, and that once (group_history.py)
# commit: how it commits without waiting, `async` or only `auto`
# lacks: what its administration has not, in every protocol ('') or in one
CLIENTS = {
    'java_groups-4.3.1': {'name': 'Java', 'protocols': ['range', 'cooperative-sticky', 'consumer']},
    'java_groups-3.9.1': {'name': 'Java', 'protocols': ['range', 'cooperative-sticky']},
    'java_groups-2.8.2': {'name': 'Java', 'protocols': ['range', 'cooperative-sticky']},
    'kafkajs': {
        'name': 'kafkajs', 'protocols': ['roundrobin'], 'static': (), 'commit': 'auto',
        'lacks': {'': ['delete-offsets', 'remove-member']}},
    'platformatic': {
        # It hands out what it has fetched even after a rebalance took the partition away.
        'name': '@platformatic/kafka', 'protocols': ['roundrobin', 'consumer'], 'static': ('roundrobin',),
        'strict': False, 'commit': 'auto',
        'lacks': {'': ['remove-member'], 'consumer': ['describe']}},
    # Static in the new protocol it leaves without its instance id, which Kafka refuses, so that its restart
    # waits for the session's end.
    'franz_go': {
        'name': 'franz-go', 'protocols': ['range', 'cooperative-sticky', 'consumer'],
        'static': ('range', 'cooperative-sticky'), 'lacks': {'consumer': ['remove-member']}},
    'sarama': {'name': 'sarama', 'protocols': ['range', 'cooperative-sticky'], 'commit': 'auto'},
    'rust_rdkafka': {
        'name': 'rust-rdkafka', 'protocols': ['cooperative-sticky', 'consumer'],
        'lacks': {'': ['alter', 'delete-offsets', 'remove-member'], 'consumer': ['describe']}},
    'aiokafka': {
        'name': 'aiokafka', 'protocols': ['range', 'roundrobin'], 'commit': 'auto',
        'lacks': {'': ['alter', 'delete-offsets', 'remove-member', 'delete']}},
    'kafka_python-2.0.2': {
        'name': 'kafka-python', 'protocols': ['range'], 'static': (),
        'lacks': {'': ['alter', 'delete-offsets', 'remove-member']}},
    'kafka_python': {'name': 'kafka-python', 'protocols': ['range', 'cooperative-sticky']},
    'confluent': {
        'name': 'confluent-kafka-python', 'protocols': ['range', 'cooperative-sticky', 'consumer'],
        'lacks': {'': ['delete-offsets', 'remove-member']}},
}


def command(client, program='group'):
    """The words that run a client's program, and its environment."""
    home = prepare(client)
    folder = client.split('-')[0]
    source = os.path.join(HERE, folder, program)
    if folder in ('confluent', 'aiokafka', 'kafka_python'):
        return [os.path.join(home, 'bin', 'python'), source + '.py'], {}
    if folder in ('kafkajs', 'platformatic'):
        return [os.path.join(toolchain('node'), 'node'), source + '.mjs'], {'MODULES': home}
    if folder in ('franz_go', 'sarama'):
        return [os.path.join(home, program)], {}
    if folder == 'rust_rdkafka':
        return [os.path.join(home, 'target/release', program)], {}
    return JAVA + ['-cp', f'{home}/classes:{home}/libs/*', program.capitalize()], {}


# Where a version is pinned: the file and what stands before it.
PINS = {
    'confluent': ('confluent/requirements.txt', 'confluent-kafka=='),
    'kafka_python': ('kafka_python/requirements.txt', 'kafka-python=='),
    'kafka_python-2.0.2': ('kafka_python/requirements-2.0.2.txt', 'kafka-python=='),
    'aiokafka': ('aiokafka/requirements.txt', 'aiokafka=='),
    'kafkajs': ('kafkajs/package.json', '"kafkajs": "'),
    'platformatic': ('platformatic/package.json', '"@platformatic/kafka": "'),
    'franz_go': ('franz_go/go.mod', 'franz-go v'),
    'sarama': ('sarama/go.mod', 'sarama v'),
    'rust_rdkafka': ('rust_rdkafka/Cargo.toml', 'rdkafka = { version = "='),
}


def versions():
    found = {}
    for client in CLIENTS:
        if client in PINS:
            file, before = PINS[client]
            with open(os.path.join(HERE, file)) as f:
                found[client] = re.search(re.escape(before) + r'([\w.]+)', f.read())[1]
        else:
            found[client] = client.rsplit('-', 1)[1]
    return found


def is_static(client, protocol):
    return protocol in CLIENTS[client].get('static', CLIENTS[client]['protocols'])


def lacks(client, protocol):
    """What of groups.ADMIN_WORDS the client does not have in this protocol."""
    table = CLIENTS[client].get('lacks', {})
    return set(table.get('', ())) | set(table.get(protocol, ()))
