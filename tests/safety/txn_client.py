"""The transactional requests of the raw client: both protocols, one connection, no retries.

Clients of the old protocol (v1) add partitions and offsets before they use them and keep their epoch; those of the
new one (v2, KIP-890) only write, and get another epoch with each end of a transaction. VERSIONS has the versions of
the requests that each of them sends. `producer` is always (producer id, epoch).
"""
import dataclasses
import time

from group_client import GroupClient
from raw_client import Writer
from record_batch import TRANSACTIONAL, Fields, build_batch

NO_PRODUCER = (-1, -1)
TRANSACTION = 1    # the kind of coordinator
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
VERSIONS = {1: {'Produce': 11, 'EndTxn': 4, 'TxnOffsetCommit': 4},
            2: {'Produce': 12, 'EndTxn': 5, 'TxnOffsetCommit': 5}}


@dataclasses.dataclass
class Described:
    """What DescribeTransactions says of one transactional id."""
    error: int
    state: str
    timeout_ms: int
    start_ms: int
    producer: tuple
    keys: set


@dataclasses.dataclass
class ActiveProducer:
    """What DescribeProducers says of one producer in one partition."""
    epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int
    first_offset: int    # of its open transaction, or -1


def transactional_batch(records, producer, sequence):
    return build_batch(records, Fields(
        base_timestamp=int(time.time() * 1000), attributes=TRANSACTIONAL, producer_id=producer[0],
        producer_epoch=producer[1], base_sequence=sequence))


def by_topic(keys):
    out = {}
    for topic, partition in keys:
        out.setdefault(topic, []).append(partition)
    return list(out.items())


class TxnClient(GroupClient):
    def _write_topics(self, writer, keys):
        return writer.array(by_topic(keys), lambda item: writer.string(item[0]).int32s(item[1]).tags())

    @staticmethod
    def _read_topics(reader, read_partition):
        """{(topic, partition): ...}; `read_partition` returns (partition, ...)."""
        out = {}

        def topic():
            name = reader.string()
            for number, answer in reader.array(read_partition):
                out[name, number] = answer
            reader.tags()
        reader.array(topic)
        return out

    @staticmethod
    def _partition_and_error(reader):
        def partition():
            pair = reader.unpack('ih')
            reader.tags()
            return pair
        return partition

    def find_transaction_coordinator(self, transactional_id):
        """(error, host, port)"""
        return self.find_coordinator(transactional_id, kind=TRANSACTION)

    def init_transactional_id(self, transactional_id, timeout_ms=60000, producer=NO_PRODUCER, version=4):
        """(error, producer)"""
        writer = Writer().string(transactional_id).pack('iqh', timeout_ms, *producer).tags()
        error, producer_id, epoch = self.call('InitProducerId', version, writer).unpack('xxxxhqh')
        return error, (producer_id, epoch)

    def add_partitions(self, transactional_id, producer, keys, version=3):
        """{(topic, partition): error}"""
        writer = Writer().string(transactional_id).pack('qh', *producer)
        reader = self.call('AddPartitionsToTxn', version, self._write_topics(writer, keys).tags())
        reader.unpack('i')
        return self._read_topics(reader, self._partition_and_error(reader))

    def verify_partitions(self, transactional_id, producer, keys, verify_only=True, version=5):
        """As brokers ask each other: (error, {(topic, partition): error})"""
        writer = Writer()

        def transaction(name):
            writer.string(name).pack('qh?', *producer, verify_only)
            self._write_topics(writer, keys).tags()
        writer.array([transactional_id], transaction).tags()
        reader = self.call('AddPartitionsToTxn', version, writer)
        _throttle, error = reader.unpack('ih')
        if reader.uvarint() != 2:
            return error, {}
        reader.string()
        return error, self._read_topics(reader, self._partition_and_error(reader))

    def add_offsets(self, transactional_id, producer, group, version=3):
        writer = Writer().string(transactional_id).pack('qh', *producer).string(group).tags()
        return self.call('AddOffsetsToTxn', version, writer).unpack('xxxxh')

    def send_end_txn(self, transactional_id, producer, commit, version=4):
        writer = Writer().string(transactional_id).pack('qh?', *producer, commit).tags()
        return self.send('EndTxn', version, writer)

    def receive_end_txn(self, correlation, version=4):
        """(error, producer to go on with); the producer is None where the version has none."""
        reader = self.receive(correlation)
        error = reader.unpack('xxxxh')
        return error, reader.unpack('qh') if version >= 5 else None

    def end_txn(self, transactional_id, producer, commit, version=4):
        return self.receive_end_txn(self.send_end_txn(transactional_id, producer, commit, version), version)

    def txn_offset_commit(self, transactional_id, producer, group, offsets, generation=-1, member_id='',
                          instance=None, version=4):
        """`offsets` is {(topic, partition): (offset, metadata)}; returns {(topic, partition): error}."""
        writer = Writer().string(transactional_id).string(group).pack('qhi', *producer, generation)
        writer.string(member_id).string(instance)

        def write_partition(item):
            writer.pack('iqi', item[0], item[1][0], -1).string(item[1][1]).tags()

        def write_topic(item):
            writer.string(item[0])
            writer.array([(number, offsets[item[0], number]) for number in item[1]], write_partition).tags()
        writer.array(by_topic(offsets), write_topic).tags()
        reader = self.call('TxnOffsetCommit', version, writer)
        reader.unpack('i')
        return self._read_topics(reader, self._partition_and_error(reader))

    def write_markers(self, producer, commit, keys, coordinator_epoch=0, transaction_version=0, version=1):
        """{(topic, partition): error}"""
        writer = Writer()

        def marker(_):
            writer.pack('qh?', *producer, commit)
            self._write_topics(writer, keys).pack('i', coordinator_epoch)
            if version >= 2:
                writer.pack('b', transaction_version)
            writer.tags()
        writer.array([0], marker).tags()
        reader = self.call('WriteTxnMarkers', version, writer)
        reader.uvarint(), reader.unpack('q')
        return self._read_topics(reader, self._partition_and_error(reader))

    def describe_transactions(self, transactional_ids):
        """{transactional id: Described}"""
        writer = Writer()
        writer.array(transactional_ids, writer.string).tags()
        reader = self.call('DescribeTransactions', 0, writer)
        reader.unpack('i')

        def topic():
            name, numbers = reader.string(), reader.int32s()
            reader.tags()
            return [(name, number) for number in numbers]

        def state():
            error, name, what = reader.unpack('h'), reader.string(), reader.string()
            timeout_ms, start_ms, *producer = reader.unpack('iqqh')
            keys = {key for keys in reader.array(topic) for key in keys}
            reader.tags()
            return name, Described(error, what, timeout_ms, start_ms, tuple(producer), keys)
        return dict(reader.array(state))

    def list_transactions(self, states=(), producer_ids=(), longer_than_ms=-1):
        """(error, {transactional id: (producer id, state)})"""
        writer = Writer()
        writer.array(states, writer.string).array(producer_ids, lambda n: writer.pack('q', n))
        reader = self.call('ListTransactions', 1, writer.pack('q', longer_than_ms).tags())
        _throttle, error = reader.unpack('ih')
        reader.array(reader.string)

        def state():
            name, producer_id, what = reader.string(), reader.unpack('q'), reader.string()
            reader.tags()
            return name, (producer_id, what)
        return error, dict(reader.array(state))

    def describe_producers(self, keys):
        """{(topic, partition): (error, {producer id: ActiveProducer})}"""
        writer = Writer()
        reader = self.call('DescribeProducers', 0, self._write_topics(writer, keys).tags())
        reader.unpack('i')

        def producer():
            ident, *rest = reader.unpack('qiiqiq')
            reader.tags()
            return ident, ActiveProducer(*rest)

        def partition():
            number, error = reader.unpack('ih')
            reader.string()
            producers = dict(reader.array(producer))
            reader.tags()
            return number, (error, producers)
        return self._read_topics(reader, partition)

