"""The clients of transactions.py: what each can do, and what it says when it may not go on."""
import group_clients

# version: of the transactions' protocol; the newer one has a new epoch for each transaction (KIP-890)
# judge: another client, which reads what it has written
# protocols: of groups, those in which it reads what it transforms
# fenced: how it names its error once another producer has taken its transactional id, as against Apache Kafka
# ended: how it names it when the broker has ended its transaction
# lacks: the commands that it has no call for
CLIENTS = {
    'java_groups-4.3.1': {'version': 2, 'judge': 'confluent', 'protocols': ['classic', 'consumer'],
                          'fenced': ('InvalidProducerEpochException',), 'ended': ('InvalidTxnStateException',)},
    'java_groups-3.9.1': {'version': 1, 'judge': 'kafkajs',
                          'fenced': ('InvalidProducerEpochException',), 'ended': ('ProducerFencedException',)},
    'java_groups-2.8.2': {'version': 1, 'judge': 'franz_go',
                          'fenced': ('InvalidProducerEpochException',), 'ended': ('ProducerFencedException',)},
    'kafkajs': {'version': 1, 'judge': 'java_groups-4.3.1',
                'fenced': ('INVALID_PRODUCER_EPOCH',), 'ended': ('INVALID_PRODUCER_EPOCH',)},
    # It commits offsets in a transaction only as the member that it is.
    'franz_go': {'version': 2, 'judge': 'sarama', 'protocols': ['classic', 'consumer'], 'lacks': ['offsets'],
                 'fenced': ('INVALID_PRODUCER_EPOCH',), 'ended': ('INVALID_TXN_STATE',)},
    'sarama': {'version': 1, 'judge': 'java_groups-3.9.1', 'fenced': ('47',), 'ended': ('90',)},
    'rust_rdkafka': {'version': 1, 'judge': 'aiokafka', 'protocols': ['classic', 'consumer'],
                     'fenced': ('Fenced',), 'ended': ('Fenced',)},
    'aiokafka': {'version': 1, 'judge': 'rust_rdkafka', 'fenced': ('ProducerFenced',), 'ended': ('ProducerFenced',)},
    'kafka_python': {'version': 1, 'judge': 'java_groups-2.8.2',
                     'fenced': ('InvalidProducerEpochError',), 'ended': ('ProducerFencedError',)},
    'confluent': {'version': 1, 'judge': 'kafka_python', 'protocols': ['classic', 'consumer'],
                  'fenced': ('_FENCED',), 'ended': ('_FENCED',)},
}
NAMES = {client: group_clients.CLIENTS[client]['name'] for client in CLIENTS}


def partner(client):
    """One that speaks the other version."""
    return 'sarama' if CLIENTS[client]['version'] == 2 else 'franz_go'


def protocols(client):
    return CLIENTS[client].get('protocols', ['classic'])


def lacks(client):
    return CLIENTS[client].get('lacks', [])
