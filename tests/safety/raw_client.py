"""A Kafka client that hides nothing: one connection, no retries, no metadata cache, no threads.

A call sends one request and reads one response; what the broker said is returned as it was said,
error codes included. Whatever stops the answer from arriving raises ConnectionLost, and `sent` on
it tells whether the request's first byte had left: only then may the broker have acted on it. The
caller names the version only where versions behave differently (Produce, Fetch).
"""
import socket
import struct
import uuid

API = {'Produce': 0, 'Fetch': 1, 'ListOffsets': 2, 'Metadata': 3, 'OffsetCommit': 8,
       'OffsetFetch': 9, 'FindCoordinator': 10, 'JoinGroup': 11, 'Heartbeat': 12,
       'LeaveGroup': 13, 'SyncGroup': 14, 'ApiVersions': 18,
       'CreateTopics': 19, 'DeleteTopics': 20, 'DeleteRecords': 21, 'InitProducerId': 22,
       'OffsetForLeaderEpoch': 23, 'AddPartitionsToTxn': 24, 'AddOffsetsToTxn': 25, 'EndTxn': 26,
       'WriteTxnMarkers': 27, 'TxnOffsetCommit': 28, 'DescribeConfigs': 32, 'CreatePartitions': 37,
       'IncrementalAlterConfigs': 44, 'DescribeProducers': 61, 'DescribeTransactions': 65,
       'ListTransactions': 66, 'ConsumerGroupHeartbeat': 68}

ERROR = {'NONE': 0, 'OFFSET_OUT_OF_RANGE': 1, 'CORRUPT_MESSAGE': 2, 'UNKNOWN_TOPIC_OR_PARTITION': 3,
         'LEADER_NOT_AVAILABLE': 5, 'NOT_LEADER_OR_FOLLOWER': 6, 'REQUEST_TIMED_OUT': 7,
         'BROKER_NOT_AVAILABLE': 8, 'MESSAGE_TOO_LARGE': 10, 'NETWORK_EXCEPTION': 13,
         'COORDINATOR_LOAD_IN_PROGRESS': 14, 'COORDINATOR_NOT_AVAILABLE': 15,
         'NOT_COORDINATOR': 16, 'ILLEGAL_GENERATION': 22, 'INCONSISTENT_GROUP_PROTOCOL': 23,
         'INVALID_GROUP_ID': 24, 'UNKNOWN_MEMBER_ID': 25, 'INVALID_SESSION_TIMEOUT': 26,
         'REBALANCE_IN_PROGRESS': 27,
         'INVALID_TOPIC_EXCEPTION': 17, 'RECORD_LIST_TOO_LARGE': 18, 'NOT_ENOUGH_REPLICAS': 19,
         'NOT_ENOUGH_REPLICAS_AFTER_APPEND': 20, 'INVALID_REQUIRED_ACKS': 21,
         'TOPIC_AUTHORIZATION_FAILED': 29, 'CLUSTER_AUTHORIZATION_FAILED': 31,
         'INVALID_TIMESTAMP': 32, 'UNSUPPORTED_VERSION': 35, 'TOPIC_ALREADY_EXISTS': 36,
         'INVALID_PARTITIONS': 37, 'INVALID_REPLICATION_FACTOR': 38, 'INVALID_CONFIG': 40,
         'INVALID_REQUEST': 42, 'UNSUPPORTED_FOR_MESSAGE_FORMAT': 43, 'POLICY_VIOLATION': 44,
         'OUT_OF_ORDER_SEQUENCE_NUMBER': 45, 'DUPLICATE_SEQUENCE_NUMBER': 46,
         'INVALID_PRODUCER_EPOCH': 47, 'INVALID_TXN_STATE': 48, 'INVALID_PRODUCER_ID_MAPPING': 49,
         'INVALID_TRANSACTION_TIMEOUT': 50, 'CONCURRENT_TRANSACTIONS': 51,
         'TRANSACTION_COORDINATOR_FENCED': 52, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED': 53,
         'OPERATION_NOT_ATTEMPTED': 55, 'UNSTABLE_OFFSET_COMMIT': 88,
         'TRANSACTIONAL_ID_NOT_FOUND': 105, 'TRANSACTION_ABORTABLE': 120, 'INVALID_REGULAR_EXPRESSION': 128,
         'KAFKA_STORAGE_ERROR': 56, 'UNKNOWN_PRODUCER_ID': 59, 'NON_EMPTY_GROUP': 68,
         'GROUP_ID_NOT_FOUND': 69, 'MEMBER_ID_REQUIRED': 79, 'GROUP_MAX_SIZE_REACHED': 81,
         'FENCED_INSTANCE_ID': 82, 'FENCED_MEMBER_EPOCH': 110, 'UNRELEASED_INSTANCE_ID': 111,
         'UNSUPPORTED_ASSIGNOR': 112, 'STALE_MEMBER_EPOCH': 113, 'FETCH_SESSION_ID_NOT_FOUND': 70,
         'INVALID_FETCH_SESSION_EPOCH': 71, 'FENCED_LEADER_EPOCH': 74, 'UNKNOWN_LEADER_EPOCH': 75,
         'UNSUPPORTED_COMPRESSION_TYPE': 76, 'OFFSET_NOT_AVAILABLE': 78,
         'THROTTLING_QUOTA_EXCEEDED': 89, 'PRODUCER_FENCED': 90, 'INVALID_RECORD': 87,
         'UNKNOWN_TOPIC_ID': 100, 'INCONSISTENT_TOPIC_ID': 103, 'UNKNOWN_SERVER_ERROR': -1}
ERROR_NAME = {code: name for name, code in ERROR.items()}

NO_TOPIC_ID = uuid.UUID(int=0)
LATEST, EARLIEST = -1, -2
TOPIC, BROKER = 2, 4


def error_name(code):
    return ERROR_NAME.get(code, f'error {code}')


class ConnectionLost(Exception):
    """No answer came. `sent` is False when nothing of the request can have reached the broker."""

    def __init__(self, reason, sent):
        super().__init__(reason)
        self.sent = sent


class MalformedResponse(Exception):
    """The broker answered with bytes that are no response to what was asked."""


class Writer:
    """Builds a message of a flexible version; `parts` may be appended to directly."""

    def __init__(self):
        self.parts = bytearray()

    def pack(self, form, *values):
        self.parts += struct.pack('>' + form, *values)
        return self

    def uvarint(self, value):
        while value > 0x7F:
            self.parts.append(value & 0x7F | 0x80)
            value >>= 7
        self.parts.append(value)
        return self

    def bytes(self, data):
        if data is None:
            return self.uvarint(0)
        self.uvarint(len(data) + 1)
        self.parts += data
        return self

    def string(self, text):
        return self.bytes(text.encode() if isinstance(text, str) else text)

    def uuid(self, value):
        self.parts += value.bytes
        return self

    def array(self, items, write):
        """`write(item)` writes one element, its tagged fields included."""
        if items is None:
            return self.uvarint(0)
        self.uvarint(len(items) + 1)
        for item in items:
            write(item)
        return self

    def int32s(self, numbers):
        return self.array(numbers, lambda n: self.pack('i', n))

    def tags(self):
        self.parts.append(0)
        return self


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def unpack(self, form):
        form = struct.Struct('>' + form)
        try:
            values = form.unpack_from(self.data, self.at)
        except struct.error as error:
            raise MalformedResponse(str(error)) from None
        self.at += form.size
        return values[0] if len(values) == 1 else values

    def uvarint(self):
        value = shift = 0
        while True:
            if self.at >= len(self.data) or shift > 35:
                raise MalformedResponse('a varint runs past the end')
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def bytes(self):
        size = self.uvarint() - 1
        if size < 0:
            return None
        if self.at + size > len(self.data):
            raise MalformedResponse('a field runs past the end')
        self.at += size
        return self.data[self.at - size:self.at]

    def string(self):
        data = self.bytes()
        return None if data is None else bytes(data).decode(errors="replace")

    def uuid(self):
        self.at += 16
        return uuid.UUID(bytes=bytes(self.data[self.at - 16:self.at]))

    def array(self, read):
        size = self.uvarint() - 1
        if size < 0:
            return None
        if size > len(self.data) - self.at:
            raise MalformedResponse('an array has more elements than bytes are left')
        return [read() for _ in range(size)]

    def int32s(self):
        return self.array(lambda: self.unpack('i'))

    def tags(self):
        """{tag: bytes} of the tagged fields at this place."""
        return {self.uvarint(): self._tag() for _ in range(self.uvarint())}

    def _tag(self):
        size = self.uvarint()
        self.at += size
        return self.data[self.at - size:self.at]

    def end(self):
        if self.at != len(self.data):
            raise MalformedResponse(f'{len(self.data) - self.at} bytes after the response')


def request_header(key, version, correlation, client_id='safety', flexible=True):
    name = client_id.encode()
    head = struct.pack('>hhih', key, version, correlation, len(name)) + name
    return head + (b'\0' if flexible else b'')


def framed(payload):
    return struct.pack('>i', len(payload)) + payload


class RawClient:
    """One connection. Not thread safe: every thread has its own."""

    def __init__(self, port, host='127.0.0.1', timeout=10.0, client_id='safety', source=None):
        self.client_id, self.correlation, self.timeout = client_id, 0, timeout
        try:
            self.socket = socket.create_connection((host, port), timeout, source_address=source)
        except OSError as error:
            raise ConnectionLost(f'connect: {error}', sent=False) from None
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Bytes

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise ConnectionLost(f'send: {error}', sent=True) from None

    def send(self, api, version, writer, flexible=True):
        """Sends one request without waiting; returns its correlation id."""
        self.correlation += 1
        head = request_header(API[api], version, self.correlation, self.client_id, flexible)
        self.send_raw(framed(head + bytes(writer.parts)))
        return self.correlation

    def receive_exactly(self, size):
        out = bytearray(size)
        view, have = memoryview(out), 0
        while have < size:
            try:
                got = self.socket.recv_into(view[have:])
            except OSError as error:
                raise ConnectionLost(f'receive: {error}', sent=True) from None
            if got == 0:
                raise ConnectionLost('closed by the broker', sent=True)
            have += got
        return memoryview(out)

    def receive_frame(self):
        size = struct.unpack('>i', self.receive_exactly(4))[0]
        if size < 4:
            raise MalformedResponse(f'a response of {size} bytes')
        return self.receive_exactly(size)

    def receive(self, correlation, header_tags=True):
        """The body of the next response, which must be the one with this correlation id."""
        reader = Reader(self.receive_frame())
        got = reader.unpack('i')
        if got != correlation:
            raise MalformedResponse(f'correlation id {got} instead of {correlation}')
        if header_tags:
            reader.tags()
        return reader

    def call(self, api, version, writer):
        return self.receive(self.send(api, version, writer), header_tags=api != 'ApiVersions')

    # Requests

    def api_versions(self):
        """{key: (lowest, highest)}"""
        writer = Writer().string('safety').string('1').tags()
        reader = self.call('ApiVersions', 3, writer)
        error = reader.unpack('h')
        if error:
            raise MalformedResponse(f'ApiVersions: {error_name(error)}')

        def row():
            key, low, high = reader.unpack('hhh')
            reader.tags()
            return key, (low, high)
        return dict(reader.array(row))

    def metadata(self, topics=None, create=False):
        """{'brokers': [...], 'cluster_id': s, 'topics': {name: {...}}}; `topics` None means all."""
        writer = Writer()
        writer.array(topics, lambda name: writer.uuid(NO_TOPIC_ID).string(name).tags())
        writer.pack('??', create, False).tags()
        reader = self.call('Metadata', 12, writer)
        reader.unpack('i')

        def broker():
            node, host, port = reader.unpack('i'), reader.string(), reader.unpack('i')
            reader.string(), reader.tags()
            return node, host, port

        def partition():
            error, index, leader, epoch = reader.unpack('hiii')
            reader.int32s(), reader.int32s(), reader.int32s(), reader.tags()
            return index, {'error': error, 'leader': leader, 'epoch': epoch}

        def topic():
            error, name, ident = reader.unpack('h'), reader.string(), reader.uuid()
            reader.unpack('?')
            partitions = dict(reader.array(partition))
            reader.unpack('i'), reader.tags()
            return name, {'error': error, 'id': ident, 'partitions': partitions}
        brokers = reader.array(broker)
        cluster, _controller = reader.string(), reader.unpack('i')
        return {'brokers': brokers, 'cluster_id': cluster, 'topics': dict(reader.array(topic))}

    def create_topic(self, name, partitions=1, configs=None, timeout_ms=10000):
        """(error, topic id)"""
        writer = Writer()

        def config(item):
            writer.string(item[0]).string(item[1]).tags()

        def topic(_):
            writer.string(name).pack('ih', partitions, 1).array([], None)
            writer.array(list((configs or {}).items()), config).tags()
        writer.array([name], topic).pack('i?', timeout_ms, False).tags()
        reader = self.call('CreateTopics', 7, writer)
        reader.unpack('i'), reader.uvarint(), reader.string()
        ident = reader.uuid()
        return reader.unpack('h'), ident

    def delete_topic(self, name, timeout_ms=10000):
        writer = Writer()
        writer.array([name], lambda n: writer.string(n).uuid(NO_TOPIC_ID).tags())
        writer.pack('i', timeout_ms).tags()
        reader = self.call('DeleteTopics', 6, writer)
        reader.unpack('i'), reader.uvarint(), reader.string(), reader.uuid()
        return reader.unpack('h')

    def create_partitions(self, name, count, timeout_ms=10000):
        """Raises the topic to `count` partitions in all; the error."""
        writer = Writer()
        writer.array([name], lambda n: writer.string(n).pack('i', count).array(None, None).tags())
        writer.pack('i?', timeout_ms, False).tags()
        reader = self.call('CreatePartitions', 3, writer)
        reader.unpack('i'), reader.uvarint(), reader.string()
        return reader.unpack('h')

    def delete_records(self, topic, partition, offset, timeout_ms=10000):
        """(error, low watermark)"""
        writer = Writer()

        def write_partition(_):
            writer.pack('iq', partition, offset).tags()
        writer.array([topic], lambda n: writer.string(n).array([0], write_partition).tags())
        writer.pack('i', timeout_ms).tags()
        reader = self.call('DeleteRecords', 2, writer)
        reader.unpack('i'), reader.uvarint(), reader.string(), reader.uvarint()
        _index, low, error = reader.unpack('iqh')
        return error, low

    def set_topic_configs(self, topic, configs, kind=TOPIC):
        """Sets each of `configs` (None as a value deletes); the error. `kind` BROKER: of that broker,
        of all of them with an empty name."""
        writer = Writer()

        def config(item):
            operation = 1 if item[1] is None else 0
            writer.string(item[0]).pack('b', operation).string(item[1]).tags()

        def resource(name):
            writer.pack('b', kind).string(name).array(list(configs.items()), config).tags()
        writer.array([topic], resource).pack('?', False).tags()
        reader = self.call('IncrementalAlterConfigs', 1, writer)
        reader.unpack('i'), reader.uvarint()
        return reader.unpack('h')

    def topic_configs(self, topic, names=None, kind=TOPIC):
        """(error, {name: value})"""
        writer = Writer()

        def resource(name):
            writer.pack('b', kind).string(name).array(names, writer.string).tags()
        writer.array([topic], resource).pack('??', False, False).tags()
        reader = self.call('DescribeConfigs', 4, writer)

        def synonym():
            reader.string(), reader.string(), reader.unpack('b'), reader.tags()

        def config():
            name, value = reader.string(), reader.string()
            reader.unpack('?b?'), reader.array(synonym), reader.unpack('b'), reader.string()
            reader.tags()
            return name, value
        reader.unpack('i'), reader.uvarint()
        error = reader.unpack('h')
        reader.string(), reader.unpack('b'), reader.string()
        return error, dict(reader.array(config))

    def init_producer_id(self):
        """(error, producer id, epoch) for an idempotent producer without transactions."""
        writer = Writer().string(None).pack('iqh', 60000, -1, -1).tags()
        reader = self.call('InitProducerId', 4, writer)
        reader.unpack('i')
        return reader.unpack('hqh')

    def send_produce(self, topic, partition, batch, acks=-1, timeout_ms=10000, version=9,
                     transactional_id=None):
        """`topic` is a name, or from version 13 on a UUID. Returns the correlation id."""
        writer = Writer().string(transactional_id).pack('hi', acks, timeout_ms)

        def write_partition(_):
            writer.pack('i', partition).bytes(batch).tags()

        def write_topic(_):
            writer.uuid(topic) if version >= 13 else writer.string(topic)
            writer.array([0], write_partition).tags()
        writer.array([0], write_topic).tags()
        return self.send('Produce', version, writer)

    def receive_produce(self, correlation, version=9):
        """(error, base offset, log start offset)"""
        reader = self.receive(correlation)
        if reader.uvarint() != 2:
            raise MalformedResponse('Produce: not one topic')
        reader.uuid() if version >= 13 else reader.string()
        if reader.uvarint() != 2:
            raise MalformedResponse('Produce: not one partition')
        _index, error, base, _append_time, start = reader.unpack('ihqqq')
        return error, base, start

    def produce(self, topic, partition, batch, acks=-1, version=9, **options):
        """(error, base offset, log start offset), or None with acks=0."""
        correlation = self.send_produce(topic, partition, batch, acks, version=version, **options)
        return None if acks == 0 else self.receive_produce(correlation, version)

    def fetch(self, wanted, max_wait_ms=100, min_bytes=1, max_bytes=1 << 24, isolation=0,
              version=12, partition_max_bytes=1 << 20, session=(0, -1), leader_epoch=-1,
              last_epoch=-1):
        """`wanted` is {(topic, partition): offset}, topic being a name, a UUID from version 13 on.
        Returns (error, {(topic, partition): {'error', 'hw', 'lso', 'start', 'aborted', 'data',
        'diverging'}})."""
        by_topic = {}
        for (topic, partition), offset in wanted.items():
            by_topic.setdefault(topic, []).append((partition, offset))
        writer = Writer()
        if version <= 14:
            writer.pack('i', -1)
        writer.pack('iiibii', max_wait_ms, min_bytes, max_bytes, isolation, *session)

        def write_partition(item):
            writer.pack('iiqiqi', item[0], leader_epoch, item[1], last_epoch, -1,
                        partition_max_bytes).tags()

        def write_topic(item):
            writer.uuid(item[0]) if version >= 13 else writer.string(item[0])
            writer.array(item[1], write_partition).tags()
        writer.array(list(by_topic.items()), write_topic).array([], None).string('').tags()
        return self._read_fetch(self.call('Fetch', version, writer), version)

    def _read_fetch(self, reader, version):
        out = {}
        _throttle, error, self.session_id = reader.unpack('ihi')

        def aborted():
            pair = reader.unpack('qq')
            reader.tags()
            return pair

        def partition():
            index, code, high, stable, start = reader.unpack('ihqqq')
            aborts = reader.array(aborted)
            reader.unpack('i')
            data = reader.bytes()
            tags = reader.tags()
            diverging = struct.unpack('>iq', tags[0][:12]) if 0 in tags else None
            return index, {'error': code, 'hw': high, 'lso': stable, 'start': start,
                           'aborted': aborts, 'data': data or b'', 'diverging': diverging}

        def topic():
            name = reader.uuid() if version >= 13 else reader.string()
            for index, answer in reader.array(partition):
                out[name, index] = answer
            reader.tags()
        reader.array(topic)
        reader.tags()
        reader.end()
        return error, out

    def list_offsets(self, wanted, isolation=0, version=7):
        """`wanted` is {(topic, partition): timestamp}.
        Returns {(topic, partition): (error, timestamp, offset, leader epoch)}."""
        by_topic = {}
        for (topic, partition), timestamp in wanted.items():
            by_topic.setdefault(topic, []).append((partition, timestamp))
        writer = Writer().pack('ib', -1, isolation)

        def write_partition(item):
            writer.pack('iiq', item[0], -1, item[1]).tags()

        def write_topic(item):
            writer.string(item[0]).array(item[1], write_partition).tags()
        writer.array(list(by_topic.items()), write_topic)
        if version >= 10:
            writer.pack('i', 10000)
        writer.tags()
        reader, out = self.call('ListOffsets', version, writer), {}
        reader.unpack('i')

        def topic():
            name = reader.string()

            def partition():
                index, error, timestamp, offset, epoch = reader.unpack('ihqqi')
                reader.tags()
                out[name, index] = error, timestamp, offset, epoch
            reader.array(partition)
            reader.tags()
        reader.array(topic)
        return out

    def offset_for_leader_epoch(self, topic, partition, epoch, current_epoch=-1):
        """(error, leader epoch, end offset)"""
        writer = Writer().pack('i', -2)

        def write_partition(_):
            writer.pack('iii', partition, current_epoch, epoch).tags()
        writer.array([topic], lambda n: writer.string(n).array([0], write_partition).tags()).tags()
        reader = self.call('OffsetForLeaderEpoch', 4, writer)
        reader.unpack('i'), reader.uvarint(), reader.string(), reader.uvarint()
        error, _index, got, end = reader.unpack('hiiq')
        return error, got, end
