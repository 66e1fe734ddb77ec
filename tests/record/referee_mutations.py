#!/usr/bin/env python3
"""Asks a broker what it answers to every mutation of a record batch, and writes the table.

    referee_mutations.py PORT > golden/mutations.txt

Run against Apache Kafka it records the answers that tests/record/validation_test.cpp holds ours
against. One line per case: name, topic, Produce version, error, record errors, error message, bytes.
"""
import gzip
import json
import pathlib
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'safety'))
from raw_client import ConnectionLost, RawClient, Reader, Writer  # noqa: E402
from record_batch import Fields, build_batch, encode_record, encode_varint  # noqa: E402

T = 1_700_000_000_000
FUTURE = 4_000_000_000_000
RECORDS = [(b'key0', b'value0'), (b'key1', b'value1'), (b'key2', b'value2')]
GZIP, ZSTD = 1, 4
INT32 = (1 << 31) - 1
INT64 = (1 << 63) - 1

# max.message.bytes is Kafka's default where nothing is said.
TOPICS = {
    'plain': {},
    'compacted': {'cleanup.policy': 'compact'},
    'append_time': {'message.timestamp.type': 'LogAppendTime'},
    'gzip': {'compression.type': 'gzip'},
    'uncompressed': {'compression.type': 'uncompressed'},
    'small': {'max.message.bytes': '200'},
    'recent': {'message.timestamp.before.max.ms': '3600000'},
}


def batch(records=None, payload=None, **fields):
    fields.setdefault('base_timestamp', T)
    return build_batch(RECORDS if records is None else records, Fields(**fields), payload)


def encoded(count=3):
    return b''.join(encode_record(i, 0, b'key%d' % i, b'value%d' % i) for i in range(count))


def record(body):
    return encode_varint(len(body)) + bytes(body)


def old_message(magic, value=b'value'):
    stamp = struct.pack('>q', T) if magic == 1 else b''
    body = struct.pack('>bb', magic, 0) + stamp + struct.pack('>i', -1)
    body += struct.pack('>i', len(value)) + value
    import zlib
    message = struct.pack('>I', zlib.crc32(body)) + body
    return struct.pack('>qi', 0, len(message)) + message


def payloads():
    """Records that are wrong inside: (name, count, bytes)."""
    good = encode_record(0, 0, b'k', b'v')
    yield 'good', 1, good
    yield 'record_missing', 2, good
    yield 'record_too_many', 1, good + encode_record(1, 0, b'k', b'v')
    yield 'trailing_byte', 1, good + b'\0'
    yield 'no_bytes', 1, b''
    yield 'length_past_end', 1, encode_varint(len(good) + 5) + good[1:]
    yield 'length_too_short', 1, encode_varint(len(good) - 2) + good[1:]
    yield 'length_negative', 1, encode_varint(-1) + good[1:]
    yield 'length_zero', 1, encode_varint(0)
    yield 'length_overlong', 1, b'\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'
    yield 'record_attributes', 1, record(b'\x7f\0\0' + b'\2k\2v\0')
    yield 'key_length_-2', 1, record(b'\0\0\0' + encode_varint(-2) + b'\2v\0')
    yield 'key_past_end', 1, record(b'\0\0\0' + encode_varint(99) + b'\2v\0')
    yield 'value_length_-2', 1, record(b'\0\0\0\2k' + encode_varint(-2) + b'\0')
    yield 'value_past_end', 1, record(b'\0\0\0\2k' + encode_varint(99) + b'\0')
    yield 'header_count_-1', 1, record(b'\0\0\0\2k\2v' + encode_varint(-1))
    yield 'header_count_past_end', 1, record(b'\0\0\0\2k\2v' + encode_varint(9))
    yield 'header_name_null', 1, record(b'\0\0\0\2k\2v\2' + encode_varint(-1) + b'\2x')
    yield 'header_name_past_end', 1, record(b'\0\0\0\2k\2v\2' + encode_varint(50) + b'x')
    yield 'header_value_-2', 1, record(b'\0\0\0\2k\2v\2\2h' + encode_varint(-2))
    yield 'header_value_null', 1, record(b'\0\0\0\2k\2v\2\2h' + encode_varint(-1))
    yield 'record_trailing_byte', 1, record(b'\0\0\0\2k\2v\0\0')
    yield 'record_without_headers', 1, record(b'\0\0\0\2k\2v')
    yield 'offset_delta_1', 1, encode_record(1, 0, b'k', b'v')
    yield 'offset_delta_-1', 1, encode_record(-1, 0, b'k', b'v')
    yield 'offset_deltas_equal', 2, good + good
    yield 'offset_deltas_fall', 2, encode_record(1, 0, b'k', b'v') + good
    yield 'offset_delta_gap', 2, good + encode_record(2, 0, b'k', b'v')
    yield 'null_key', 1, encode_record(0, 0, None, b'v')
    yield 'null_key_in_the_middle', 3, (good + encode_record(1, 0, None, b'v') +
                                        encode_record(2, 0, b'k', b'v'))
    yield 'null_keys', 3, b''.join(encode_record(i, 0, None, b'v') for i in range(3))
    yield 'null_value', 1, encode_record(0, 0, b'k', None)
    yield 'timestamp_future', 1, encode_record(0, FUTURE - T, b'k', b'v')
    yield 'timestamp_future_second', 2, good + encode_record(1, FUTURE - T, b'k', b'v')
    yield 'timestamp_future_and_null_key', 3, (encode_record(0, 0, None, b'v') +
                                               encode_record(1, FUTURE - T, b'k', b'v') +
                                               encode_record(2, 0, None, b'v'))
    yield 'timestamp_none', 1, encode_record(0, -1 - T, b'k', b'v')
    yield 'timestamp_negative', 1, encode_record(0, -5 - T, b'k', b'v')


def header_cases():
    good = batch()
    yield 'valid', good
    yield 'valid_twice', good + good
    yield 'trailing_1', good + b'\0'
    yield 'trailing_12', good + b'\0' * 12
    yield 'trailing_20', good + b'\0' * 20
    yield 'trailing_half_batch', good + good[:len(good) // 2]
    yield 'null', None
    for size in (0, 1, 8, 11, 12, 13, 16, 17, 21, 60, 61, 80, len(good) - 1):
        yield f'cut_to_{size}', good[:size]
    for length in (-INT32 - 1, -1, 0, 1, 13, 14, 48, 49, INT32):
        yield f'length_{length}', batch(length=length)
    yield 'length_plus_1', batch(length=len(good) - 12 + 1)
    yield 'length_minus_1', batch(length=len(good) - 12 - 1)
    for magic in (0, 1, 3, 127, -1, -128):
        yield f'magic_{magic}', batch(magic=magic)
    yield 'message_v0', old_message(0)
    yield 'message_v1', old_message(1)
    yield 'batch_then_message_v1', good + old_message(1)
    for offset in (1, 5, -1, INT64, -INT64 - 1):
        yield f'base_offset_{offset}', batch(base_offset=offset)
    for epoch in (0, 5, -2, INT32):
        yield f'leader_epoch_{epoch}', batch(leader_epoch=epoch)
    yield 'crc_0', batch(crc=0)
    yield 'crc_flipped', good[:20] + bytes([good[20] ^ 1]) + good[21:]
    yield 'payload_flipped', good[:-1] + bytes([good[-1] ^ 1])
    for bit in range(16):
        value = 1 << bit if bit < 15 else -(1 << 15)
        yield f'attribute_bit_{bit}', batch(attributes=value)
    for codec in (5, 6, 7):
        yield f'codec_{codec}', batch(attributes=codec)
    yield 'control_and_transactional', batch(attributes=0x30)
    for delta in (-INT32 - 1, -1, 0, 1, 3, INT32):
        yield f'last_offset_delta_{delta}', batch(last_offset_delta=delta)
    for count in (-INT32 - 1, -1, 0, 1, 2, 4, INT32):
        yield f'count_{count}', batch(count=count)
    yield 'count_0_delta_-1', batch(count=0, last_offset_delta=-1)
    yield 'count_0_delta_-1_empty', batch([], count=0, last_offset_delta=-1, max_timestamp=-1)
    yield 'count_0_delta_0_empty', batch([], count=0, last_offset_delta=0)
    yield 'count_4_delta_3', batch(count=4, last_offset_delta=3)
    yield 'count_2_delta_1', batch(count=2, last_offset_delta=1)
    for stamp in (0, -1, -2, FUTURE, INT64, -INT64 - 1):
        yield f'base_timestamp_{stamp}', batch(base_timestamp=stamp, max_timestamp=T)
        yield f'max_timestamp_{stamp}', batch(max_timestamp=stamp)
        yield f'timestamps_{stamp}', batch(base_timestamp=stamp, max_timestamp=stamp)
    for name, ident, epoch, sequence in (
            ('id_only', 7001, -1, -1), ('no_sequence', 7002, 0, -1), ('sequence_-2', 7003, 0, -2),
            ('no_epoch', 7004, -1, 0), ('good', 7005, 0, 0), ('sequence_5', 7006, 0, 5),
            ('id_-2', -2, 0, 0), ('id_-1_sequence_0', -1, 0, 0), ('id_-1_epoch_0', -1, 0, -1),
            ('epoch_-2', 7007, -2, 0), ('epoch_max', 7008, 32767, 0),
            ('sequence_max', 7009, 0, INT32), ('id_max', INT64, 0, 0),
            ('id_min', -INT64 - 1, 0, 0)):
        yield f'producer_{name}', batch(producer_id=ident, producer_epoch=epoch,
                                        base_sequence=sequence)
    yield 'transactional_without_id', batch(attributes=0x10)


def cases():
    for name, data in header_cases():
        yield name, 'plain', 9, data
    for codec, pack in ((0, bytes), (GZIP, lambda b: gzip.compress(b, mtime=0))):
        prefix = 'gzip_' if codec else 'raw_'
        for name, count, payload in payloads():
            data = batch([None] * 0, pack(payload), attributes=codec, count=count,
                         last_offset_delta=count - 1, max_timestamp=T)
            for topic in ('plain', 'compacted', 'append_time', 'gzip'):
                yield prefix + name, topic, 9, data
    packed = gzip.compress(encoded(), mtime=0)
    shape = dict(attributes=GZIP, count=3, last_offset_delta=2, max_timestamp=T)
    yield 'gzip_valid', 'plain', 9, batch([], packed, **shape)
    yield 'gzip_valid', 'uncompressed', 9, batch([], packed, **shape)
    yield 'gzip_garbage', 'plain', 9, batch([], b'garbage garbage', **shape)
    yield 'gzip_empty', 'plain', 9, batch([], b'', **shape)
    yield 'gzip_cut', 'plain', 9, batch([], packed[:-9], **shape)
    yield 'gzip_wrong_checksum', 'plain', 9, batch([], packed[:-8] + b'\0\0\0\0' + packed[-4:],
                                                   **shape)
    for codec in (2, 3, 4):
        for topic in ('plain', 'gzip'):
            yield f'codec_{codec}_garbage', topic, 9, batch([], b'garbage garbage',
                                                            **{**shape, 'attributes': codec})
    zstd_frame = bytes.fromhex('28b52ffd20') + bytes([len(encoded())]) + struct.pack(
        '<I', len(encoded()) << 3 | 1)[:3] + encoded()
    zstd = batch([], zstd_frame, **{**shape, 'attributes': ZSTD})
    for version in (3, 6, 7, 9):
        yield 'zstd', 'plain', version, zstd
    for version in (3, 5, 8, 9, 10, 11, 12):
        yield 'valid', 'plain', version, batch()
        yield 'valid_twice', 'plain', version, batch() + batch()
        yield 'crc_0', 'plain', version, batch(crc=0)
        yield 'message_v1', 'plain', version, old_message(1)
        yield 'codec_5', 'plain', version, batch(attributes=5)
    big = [(b'key', b'v' * 200)]
    yield 'too_large', 'small', 9, batch(big)
    yield 'too_large_and_wrong_crc', 'small', 9, batch(big, crc=0)
    yield 'too_large_and_twice', 'small', 9, batch(big) + batch(big)
    yield 'too_large_and_base_offset', 'small', 9, batch(big, base_offset=1)
    room = 200 - len(batch([(b'key', b'')])) - 2  # two lengths take a byte more
    exact = batch([(b'key', b'v' * room)])
    assert len(exact) == 200, len(exact)
    yield 'exactly_the_limit', 'small', 9, exact
    yield 'one_over_the_limit', 'small', 9, batch([(b'key', b'v' * (room + 1))])
    for topic in ('compacted', 'append_time', 'gzip', 'recent', 'uncompressed'):
        yield 'valid', topic, 9, batch()
        yield 'attribute_bit_3', topic, 9, batch(attributes=8)
        yield 'attribute_bit_5', topic, 9, batch(attributes=0x20)
        yield 'max_timestamp_future', topic, 9, batch(max_timestamp=FUTURE)
        yield 'timestamps_future', topic, 9, batch(base_timestamp=FUTURE, max_timestamp=FUTURE)
        yield 'timestamps_none', topic, 9, batch(base_timestamp=-1, max_timestamp=-1)
        yield 'crc_0', topic, 9, batch(crc=0)
        yield 'last_offset_delta_3', topic, 9, batch(last_offset_delta=3)
        yield 'codec_5', topic, 9, batch(attributes=5)


def produce(client, version, topic, data):
    """(error, [[index, message]], message), each as far as the version says it."""
    flexible = version >= 9
    writer = Writer()
    if flexible:
        writer.string(None).pack('hi', -1, 10000)
        writer.uvarint(2).string(topic).uvarint(2).pack('i', 0).bytes(data).tags().tags().tags()
    else:
        name = topic.encode()
        writer.pack('hhiih', -1, -1, 10000, 1, len(name))
        writer.parts += name
        writer.pack('iii', 1, 0, -1 if data is None else len(data))
        writer.parts += data or b''
    correlation = client.send('Produce', version, writer, flexible)
    reader = Reader(client.receive_frame())
    assert reader.unpack('i') == correlation
    if not flexible:
        reader.unpack('i')
        name_bytes = reader.unpack('h')
        reader.at += name_bytes
        _count, _index, error = reader.unpack('iih')
        return error, [], None
    reader.tags(), reader.uvarint(), reader.string(), reader.uvarint()
    _index, error, _base, _time, _start = reader.unpack('ihqqq')

    def record_error():
        index, text = reader.unpack('i'), reader.string()
        reader.tags()
        return [index, text]
    errors = reader.array(record_error)
    return error, errors, reader.string()


def main():
    port, run = int(sys.argv[1]), f'{int(time.time()):x}'
    client = RawClient(port)
    for topic, configs in TOPICS.items():
        error, _ = client.create_topic(f'{topic}-{run}', 1, configs)
        assert error == 0, (topic, error)
    time.sleep(1)
    print(f'# now_ms {int(time.time() * 1000)}')
    seen = set()
    for name, topic, version, data in cases():
        if (name, topic, version) in seen:
            continue
        seen.add((name, topic, version))
        try:
            error, errors, message = produce(client, version, f'{topic}-{run}', data)
        except ConnectionLost:
            client = RawClient(port)
            error, errors, message = 'closed', [], None
        text = None if message is None else message.replace(f'{topic}-{run}', topic)
        errors = [[i, None if m is None else m.replace(f'{topic}-{run}', topic)] for i, m in errors]
        print('\t'.join([name, topic, str(version), str(error), json.dumps(errors),
                         json.dumps(text), '-' if data is None else data.hex()]))


if __name__ == '__main__':
    main()
