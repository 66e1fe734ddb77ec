"""A minimal Kafka client of our own: what the tests must see or do without a real client in between.

One blocking connection, one request at a time, old non-flexible versions that every broker serves.
KafkaError carries the error code of a response.
"""
import socket
import struct
import time
from collections import namedtuple

CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
EARLIEST, LATEST = -2, -1
UNCOMMITTED, COMMITTED = 0, 1
GROUP, TRANSACTION = 0, 1    # what has a coordinator
LEADER_SECONDS = 40    # of a machine that is busy; a moment otherwise

# bytes is the whole batch's size on the wire.
Batch = namedtuple('Batch', 'base_offset last_offset codec producer_id records bytes producer_epoch control')


class KafkaError(Exception):
    def __init__(self, code):
        super().__init__(f'error code {code}')
        self.code = code


def string(text):
    data = text.encode()
    return struct.pack('>h', len(data)) + data


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def unpack(self, layout):
        return struct.unpack('>' + layout, self.take(struct.calcsize('>' + layout)))

    def int16(self):
        return self.unpack('h')[0]

    def int32(self):
        return self.unpack('i')[0]

    def string(self):
        size = self.int16()
        return None if size < 0 else bytes(self.take(size)).decode()

    def check(self):
        code = self.int16()
        if code:
            raise KafkaError(code)


class Connection:
    def __init__(self, bootstrap, timeout=30):
        host, port = bootstrap.rsplit(':', 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def call(self, key, version, body):
        """Sends a request with header version 1; a Reader at the response's body."""
        self.correlation += 1
        frame = struct.pack('>hhi', key, version, self.correlation) + string('wire') + body
        self.socket.sendall(struct.pack('>i', len(frame)) + frame)
        size = struct.unpack('>i', self._read(4))[0]
        reader = Reader(memoryview(self._read(size)))
        if reader.int32() != self.correlation:
            raise RuntimeError('a response out of order')
        return reader

    def create_topic(self, topic, partitions=1, configs=None):
        """Returns when every partition has its leader, which may be a moment after the answer."""
        body = struct.pack('>i', 1) + string(topic) + struct.pack('>ihii', partitions, 1, 0,
                                                                  len(configs or {}))
        for name, value in (configs or {}).items():
            body += string(name) + string(str(value))
        reader = self.call(19, 2, body + struct.pack('>i?', 30000, False))
        reader.unpack('ii')
        reader.string()
        reader.check()
        for partition in range(partitions):
            self._await_leader(topic, partition)

    def delete_topic(self, topic):
        reader = self.call(20, 1, struct.pack('>i', 1) + string(topic) + struct.pack('>i', 30000))
        reader.unpack('ii')
        reader.string()
        reader.check()

    def produce(self, topic, partition, values):
        """One uncompressed batch of (timestamp, value) pairs, acks=all; the base offset."""
        batch = make_batch(values)
        body = (struct.pack('>hhii', -1, -1, 30000, 1) + string(topic)
                + struct.pack('>iii', 1, partition, len(batch)) + batch)
        reader = self.call(0, 3, body)
        reader.int32()
        reader.string()
        reader.unpack('ii')
        reader.check()
        return reader.unpack('q')[0]

    def offset(self, topic, partition, timestamp=LATEST):
        body = struct.pack('>ii', -1, 1) + string(topic) + struct.pack('>iiq', 1, partition, timestamp)
        reader = self.call(2, 1, body)
        reader.int32()
        reader.string()
        reader.unpack('ii')
        reader.check()
        return reader.unpack('qq')[1]

    def stable_offset(self, topic, partition):
        """Up to where read_committed reads: the end, or where the first open transaction begins."""
        body = struct.pack('>ibi', -1, COMMITTED, 1) + string(topic) + struct.pack('>iiq', 1, partition, LATEST)
        reader = self.call(2, 2, body)
        reader.unpack('ii')
        reader.string()
        reader.unpack('ii')
        reader.check()
        return reader.unpack('qq')[1]

    def fetch(self, topic, partition, offset, max_bytes=8 << 20, isolation=UNCOMMITTED, wait_ms=500):
        """The record batches from there, those that are whole, as bytes."""
        body = (struct.pack('>iiiibi', -1, wait_ms, 1, max_bytes, isolation, 1) + string(topic)
                + struct.pack('>iiqi', 1, partition, offset, max_bytes))
        reader = self.call(1, 4, body)
        reader.unpack('ii')
        reader.string()
        reader.unpack('ii')
        reader.check()
        reader.unpack('qq')
        for _ in range(max(0, reader.int32())):
            reader.unpack('qq')
        return reader.take(max(0, reader.int32()))

    def set_group_config(self, group, name, value):
        """IncrementalAlterConfigs of the group's resource."""
        body = struct.pack('>ib', 1, 32) + string(group) + struct.pack('>i', 1) + string(name) + b'\0' + string(value)
        reader = self.call(44, 0, body + b'\0')
        reader.unpack('ii')
        reader.check()

    def coordinator_error(self, name, kind=GROUP):
        """FindCoordinator's error code for the group or transactional id; the first question creates the topic."""
        reader = self.call(10, 1, string(name) + bytes([kind]))
        reader.int32()
        return reader.int16()

    def committed(self, group):
        """{(topic, partition): offset} of everything that the group has committed."""
        reader = self.call(9, 2, string(group) + struct.pack('>i', -1))
        offsets = {}
        for _ in range(reader.int32()):
            topic = reader.string()
            for _ in range(reader.int32()):
                partition, offset = reader.unpack('iq')
                reader.string()
                reader.check()
                offsets[topic, partition] = offset
        reader.check()
        return offsets

    def batches(self, topic, partition, up_to=None):
        """The headers of the batches from the beginning to the end, or to about that many bytes."""
        offset, end, seen = 0, self.offset(topic, partition), 0
        while offset < end and (up_to is None or seen < up_to):
            headers = list(batch_headers(self.fetch(topic, partition, offset)))
            if not headers:
                raise RuntimeError(f'{topic}-{partition}: nothing at {offset} of {end}')
            for header in headers:
                yield header
                seen += header.bytes
            offset = headers[-1].last_offset + 1

    def _await_leader(self, topic, partition):
        give_up = time.monotonic() + LEADER_SECONDS
        while True:
            try:
                return self.offset(topic, partition)
            except KafkaError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.02)

    def _read(self, count):
        data, got = bytearray(count), 0
        view = memoryview(data)
        while got < count:
            more = self.socket.recv_into(view[got:])
            if not more:
                raise ConnectionError('closed by the broker')
            got += more
        return data


def create_offsets_topic(bootstrap, seconds=30, kinds=(GROUP,)):
    """By asking for a group's coordinator until there is one: many tests do not allow for a first group's wait.
    The same of transactions when `kinds` names them. False when there is none."""
    give_up = time.monotonic() + seconds
    with Connection(bootstrap) as connection:
        for kind in kinds:
            while connection.coordinator_error('warm-up', kind):
                if time.monotonic() > give_up:
                    return False
                time.sleep(0.1)
    return True


def batch_headers(data):
    at = 0
    while at + 61 <= len(data):
        base, size = struct.unpack_from('>qi', data, at)
        if at + 12 + size > len(data):
            return
        attributes, delta = struct.unpack_from('>hi', data, at + 21)
        producer_id, producer_epoch = struct.unpack_from('>qh', data, at + 43)
        records, = struct.unpack_from('>i', data, at + 57)
        yield Batch(base, base + delta, CODECS[attributes & 7], producer_id, records, 12 + size, producer_epoch,
                    bool(attributes & 32))
        at += 12 + size


def make_batch(values):
    """A record batch of format 2 without keys, headers or a producer id."""
    first, records = values[0][0], b''
    for i, (timestamp, value) in enumerate(values):
        record = (b'\0' + varint(timestamp - first) + varint(i) + varint(-1)
                  + varint(len(value)) + value + varint(0))
        records += varint(len(record)) + record
    checked = struct.pack('>hiqqqhii', 0, len(values) - 1, first, max(t for t, _ in values),
                          -1, -1, -1, len(values)) + records
    return (struct.pack('>qiib', 0, 9 + len(checked), -1, 2)
            + struct.pack('>I', crc32c(checked)) + checked)


def varint(number):
    number = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
