"""Record batches of magic 2: building them for a produce, and reading them from a fetch or a file.

Only uncompressed batches are built. `parse_batches` reads headers of every batch and the records of
uncompressed ones; a batch cut off at the end (legal in a fetch) is left out.
"""
import struct
from collections import namedtuple

from crc32c import crc32c

HEADER = struct.Struct('>qiibIhiqqqhii')
HEADER_BYTES = HEADER.size  # 61
CRC_FROM = 21  # the checksum covers the batch from its attributes on

CODEC_MASK = 0x07
LOG_APPEND_TIME = 0x08
TRANSACTIONAL = 0x10
CONTROL = 0x20

MARKERS = {b'\0\0\0\0': False, b'\0\0\0\1': True}    # a marker's key, and whether it commits

Record = namedtuple('Record', 'offset timestamp key value headers')


class BatchError(ValueError):
    """Bytes that are no valid batch; the text says where and why."""


def encode_varint(number):
    value = (number << 1) ^ (number >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data, at):
    result = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise BatchError('a varint runs past the end')
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (result >> 1) ^ -(result & 1), at
        shift += 7


def _sized(data):
    return encode_varint(-1) if data is None else encode_varint(len(data)) + data


def encode_record(offset_delta, timestamp_delta, key, value, headers=()):
    body = bytearray(b'\0')
    body += encode_varint(timestamp_delta) + encode_varint(offset_delta)
    body += _sized(key) + _sized(value) + encode_varint(len(headers))
    for name, content in headers:
        body += _sized(name) + _sized(content)
    return encode_varint(len(body)) + bytes(body)


class Fields:
    """The header of one batch. Every field may be set to nonsense: hostile.py does."""

    def __init__(self, **values):
        self.base_offset, self.leader_epoch, self.magic, self.crc = 0, -1, 2, None
        self.attributes, self.last_offset_delta = 0, None
        self.base_timestamp, self.max_timestamp = 0, None
        self.producer_id, self.producer_epoch, self.base_sequence = -1, -1, -1
        self.count, self.length = None, None
        for name, value in values.items():
            if not hasattr(self, name):
                raise AttributeError(name)
            setattr(self, name, value)


def build_batch(records, fields=None, payload=None):
    """One batch. `records` is a list of (key, value) or (key, value, headers) or
    (key, value, headers, timestamp); `payload` replaces the encoded records when given."""
    fields = fields or Fields()
    encoded, latest = [], fields.base_timestamp
    for delta, record in enumerate(records):
        key, value = record[0], record[1]
        headers = record[2] if len(record) > 2 else ()
        timestamp = record[3] if len(record) > 3 else fields.base_timestamp
        latest = max(latest, timestamp)
        encoded.append(encode_record(delta, timestamp - fields.base_timestamp, key, value, headers))
    body = b''.join(encoded) if payload is None else payload
    count = len(records) if fields.count is None else fields.count
    last = len(records) - 1 if fields.last_offset_delta is None else fields.last_offset_delta
    newest = latest if fields.max_timestamp is None else fields.max_timestamp
    length = HEADER_BYTES - 12 + len(body) if fields.length is None else fields.length
    head = HEADER.pack(fields.base_offset, length, fields.leader_epoch, fields.magic, 0,
                       fields.attributes, last, fields.base_timestamp, newest, fields.producer_id,
                       fields.producer_epoch, fields.base_sequence, count)
    covered = head[CRC_FROM:] + body
    crc = crc32c(covered) if fields.crc is None else fields.crc
    return head[:17] + struct.pack('>I', crc) + covered


class Batch:
    """A batch that was read: its header, where it lay, and its records on demand."""
    __slots__ = ('base_offset', 'length', 'leader_epoch', 'magic', 'crc', 'attributes',
                 'last_offset_delta', 'base_timestamp', 'max_timestamp', 'producer_id',
                 'producer_epoch', 'base_sequence', 'count', 'position', 'raw')

    def __init__(self, raw, position):
        (self.base_offset, self.length, self.leader_epoch, self.magic, self.crc, self.attributes,
         self.last_offset_delta, self.base_timestamp, self.max_timestamp, self.producer_id,
         self.producer_epoch, self.base_sequence, self.count) = HEADER.unpack_from(raw)
        self.raw, self.position = raw, position

    @property
    def last_offset(self):
        return self.base_offset + self.last_offset_delta

    @property
    def codec(self):
        return self.attributes & CODEC_MASK

    @property
    def is_control(self):
        return bool(self.attributes & CONTROL)

    @property
    def is_transactional(self):
        return bool(self.attributes & TRANSACTIONAL)

    def marker(self):
        """(whether it commits, the coordinator's epoch) of a transaction's end; None for any other batch, BatchError
        for a control batch that is not as it should be."""
        if not self.is_control or not self.is_transactional:
            return None
        record, = self.records()
        if record.key not in MARKERS or len(record.value or b'') != 6 or record.value[:2] != b'\0\0':
            raise BatchError(f'marker {record.key} with the value {record.value}')
        return MARKERS[record.key], struct.unpack('>i', record.value[2:])[0]

    def crc_is_good(self):
        return crc32c(self.raw[CRC_FROM:]) == self.crc

    def records(self):
        """Every record, or BatchError. Compressed batches are refused."""
        if self.codec:
            raise BatchError(f'codec {self.codec} is not read here')
        data, at, out = self.raw, HEADER_BYTES, []
        for _ in range(self.count):
            size, at = decode_varint(data, at)
            end = at + size
            if size < 0 or end > len(data):
                raise BatchError('a record runs past its batch')
            record, at = self._record(data, at + 1, end), end
            out.append(record)
        if at != len(data):
            raise BatchError(f'{len(data) - at} bytes after the last record')
        return out

    def _record(self, data, at, end):
        timestamp, at = decode_varint(data, at)
        delta, at = decode_varint(data, at)
        key, at = self._bytes(data, at)
        value, at = self._bytes(data, at)
        headers = []
        count, at = decode_varint(data, at)
        for _ in range(count):
            name, at = self._bytes(data, at)
            content, at = self._bytes(data, at)
            headers.append((name, content))
        if at != end:
            raise BatchError('a record does not end where its length says')
        if self.attributes & LOG_APPEND_TIME:
            stamp = self.max_timestamp
        else:
            stamp = self.base_timestamp + timestamp
        return Record(self.base_offset + delta, stamp, key, value, headers)

    @staticmethod
    def _bytes(data, at):
        size, at = decode_varint(data, at)
        if size < 0:
            return None, at
        if at + size > len(data):
            raise BatchError('a field runs past its batch')
        return bytes(data[at:at + size]), at + size


def parse_batches(data):
    """All whole batches in `data`, in order; what is left over at the end is ignored."""
    out, at = [], 0
    while at + HEADER_BYTES <= len(data):
        length = struct.unpack_from('>i', data, at + 8)[0]
        if length < HEADER_BYTES - 12:
            raise BatchError(f'batch length {length} at byte {at}')
        end = at + 12 + length
        if end > len(data):
            break
        out.append(Batch(bytes(data[at:end]), at))
        at = end
    return out
