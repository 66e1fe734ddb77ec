#!/usr/bin/env python3
"""Bad input: every row sends something wrong on a connection of its own, and says what comes back.

    hostile.py [--kind moldau|kafka] [--only TEXT]     the table
    hostile.py --kind moldau --connections [N]         many connections with huge frames, and memory

A well-behaved client produces and fetches all the while on another connection; after each row it
must have gone on without an error. What comes back is a Kafka error by name, 'NONE' for an answer
without an error, 'answered' where the answer is not looked at, 'closed' for that connection alone
being closed, 'silent' for nothing at all. The expectation is what Apache Kafka 4.3.1 does; where
Moldau does otherwise on purpose, the row says what and why.
"""
import argparse
import os
import random
import resource
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
import uuid

import broker as brokers
import dump
import hostile_transactions
from hostile_arena import MIB, QUIET_S, TOPIC, Arena, Row, good_batch
from raw_client import (API, EARLIEST, ConnectionLost, MalformedResponse, RawClient, Reader, Writer,
                        error_name, framed, request_header)
from record_batch import (CONTROL, LOG_APPEND_TIME, TRANSACTIONAL, Fields, build_batch,
                          parse_batches)
from report import Report


def rows_of_frames():
    metadata = API['Metadata']
    body = bytes(Writer().array([], None).pack('??', False, False).tags().parts)
    header = request_header(metadata, 12, 1)
    tags = bytes(Writer().uvarint(1000000).parts)
    many_tags = b''.join(bytes(Writer().uvarint(n).uvarint(0).parts) for n in range(1000000))
    versions = bytes(Writer().string('x').string('1').tags().parts)

    def frame_of(size):
        return lambda arena: arena.raw(struct.pack('>i', size), b'\0' * 16)

    def exact(data):
        return lambda arena: arena.raw(framed(data))

    def pipelined(arena):
        with arena.client() as client:
            client.send_raw(framed(header + body) + struct.pack('>i', -5))
            first = arena.wait(client)
            return f'{first}, then {arena.wait(client)}'

    def too_new_api_versions(arena):
        with arena.client() as client:
            client.send_raw(framed(request_header(18, 99, 7) + b'\xff' * 9))
            reader = Reader(client.receive_frame())
            reader.unpack('i')
            return error_name(reader.unpack('h'))

    return [
        Row('frame of negative length', frame_of(-1), 'closed'),
        Row('frame of the most negative length', frame_of(-(1 << 31)), 'closed'),
        Row('frame of absurd length', frame_of((1 << 31) - 1), 'closed'),
        Row('frame one byte over socket.request.max.bytes', frame_of(100 * MIB + 1), 'closed'),
        Row('frame of no bytes', exact(b''), 'closed'),
        Row('frame of one byte', exact(b'\0'), 'closed'),
        Row('frame that ends in the header', exact(b'\0\3\0\x0c\0\0\0\1'), 'closed'),
        Row('frame declared and never sent', lambda a: a.raw(
            struct.pack('>i', 100 * MIB), b'\0', patience=QUIET_S), 'silent'),
        Row('half a length', lambda a: a.raw(b'\0\0', patience=QUIET_S), 'silent'),
        Row('TLS hello', lambda a: a.raw(bytes.fromhex(
            '1603010200010001fc0303') + bytes(range(200))), 'closed'),
        Row('HTTP request', lambda a: a.raw(
            b'GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8\r\n\r\n'), 'closed'),
        Row('HTTP request with a body', lambda a: a.raw(
            b'POST /topics HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'), 'closed'),
        Row('SSH hello', lambda a: a.raw(b'SSH-2.0-OpenSSH_9.2\r\n'), 'closed'),
        Row('unknown api', lambda a: a.request(999, 0, b''), 'closed'),
        Row('negative api', lambda a: a.request(-1, 0, b''), 'closed'),
        Row('api that brokers do not serve (Vote)', lambda a: a.request(52, 0, b'\0' * 40),
            'closed'),
        Row('api of ZooKeeper times (LeaderAndIsr)', lambda a: a.request(4, 4, b'\0' * 40),
            'closed'),
        Row('version too new', lambda a: a.request(metadata, 99, body), 'closed'),
        Row('negative version', lambda a: a.request(metadata, -1, body), 'closed'),
        Row('version too old (Produce 2)', lambda a: a.request(0, 2, b'\0' * 20, flexible=False),
            'closed'),
        Row('version too old (Fetch 3)', lambda a: a.request(1, 3, b'\0' * 40, flexible=False),
            'closed'),
        Row('ApiVersions of an unknown version', too_new_api_versions, 'UNSUPPORTED_VERSION'),
        Row('client id longer than the frame', exact(
            struct.pack('>hhih', metadata, 12, 1, 32767) + b'x'), 'closed'),
        Row('client id of negative length', exact(
            struct.pack('>hhih', metadata, 12, 1, -2) + b'\0' + body), 'answered',
            'answered|closed', 'Kafka takes every negative length for null'),
        Row('client id that is no UTF-8', exact(
            struct.pack('>hhih', metadata, 12, 1, 4) + b'\xff\xfe\n\x1b' + b'\0' + body),
            'answered', 'answered|closed', 'text is checked here'),
        Row('client id of 30,000 bytes', exact(
            struct.pack('>hhih', metadata, 12, 1, 30000) + b'%n' * 15000 + b'\0' + body),
            'answered'),
        Row('client software name with a line break', lambda a: a.call(
            lambda c: c.call('ApiVersions', 3, Writer().string('a\nb').string('1').tags()
                             ).unpack('h')), 'INVALID_REQUEST'),
        Row('truncated body', exact(header + body[:-2]), 'closed'),
        Row('no body', exact(header), 'closed'),
        Row('bytes behind the body', exact(header + body + b'\0\1\2'), 'answered',
            'answered|closed', 'closing is stricter'),
        Row('garbage behind a good request', pipelined, 'answered, then closed'),
        Row('1,000,000 tagged fields in the header', exact(
            struct.pack('>hhih', 18, 3, 1, -1) + tags + many_tags + versions), 'answered',
            'closed', 'Kafka 4.4 limits them to 10,000; 4.3 is CVE-2026-111115'),
        Row('1,000,000 tagged fields in the body', exact(
            request_header(18, 3, 1) + versions[:-1] + tags + many_tags), 'answered',
            'closed', 'as above'),
        Row('tagged fields counted but not there', exact(
            struct.pack('>hhih', 18, 3, 1, -1) + b'\xff\xff\xff\xff\x07'), 'closed'),
        Row('tagged field with an absurd size', exact(
            struct.pack('>hhih', 18, 3, 1, -1) + b'\1\0\xff\xff\xff\xff\x07' + versions),
            'closed'),
        Row('varint without end', exact(
            struct.pack('>hhih', 18, 3, 1, -1) + b'\xff' * 64), 'closed'),
    ]


# (api, name, lowest version, first flexible, highest version), as Kafka 4.3.1 serves them.
KINDS = [(0, 'Produce', 3, 9, 13), (1, 'Fetch', 4, 12, 18), (2, 'ListOffsets', 1, 6, 11),
         (3, 'Metadata', 0, 9, 13), (10, 'FindCoordinator', 0, 3, 6),
         (19, 'CreateTopics', 2, 5, 7), (20, 'DeleteTopics', 1, 4, 6),
         (21, 'DeleteRecords', 0, 2, 2), (22, 'InitProducerId', 0, 2, 5),
         (23, 'OffsetForLeaderEpoch', 2, 4, 4), (24, 'AddPartitionsToTxn', 0, 3, 5),
         (25, 'AddOffsetsToTxn', 0, 3, 4), (26, 'EndTxn', 0, 3, 5), (27, 'WriteTxnMarkers', 1, 1, 2),
         (28, 'TxnOffsetCommit', 0, 3, 5), (32, 'DescribeConfigs', 1, 4, 4),
         (33, 'AlterConfigs', 0, 2, 2), (35, 'DescribeLogDirs', 1, 2, 5),
         (37, 'CreatePartitions', 0, 2, 3), (44, 'IncrementalAlterConfigs', 0, 1, 1),
         (60, 'DescribeCluster', 0, 0, 2), (61, 'DescribeProducers', 0, 0, 0),
         (65, 'DescribeTransactions', 0, 0, 0), (66, 'ListTransactions', 0, 0, 2),
         (75, 'DescribeTopicPartitions', 0, 0, 0)]

# Bytes before the first array of each kind's flexible and classic form.
BEFORE_ARRAY = {
    'Produce': (b'\0\xff\xff\0\0\x03\xe8', b'\xff\xff\xff\xff\0\0\x03\xe8'),
    'Fetch': (b'\0\0\0\1\0\0\0\1\0\1\0\0\0\0\0\0\0\xff\xff\xff\xff',
              b'\xff\xff\xff\xff\0\0\0\1\0\0\0\1\0\1\0\0\0'),
    'ListOffsets': (b'\xff\xff\xff\xff\0', b'\xff\xff\xff\xff'),
    'OffsetForLeaderEpoch': (b'\xff\xff\xff\xff', b''),
    'FindCoordinator': (b'\0', None), 'InitProducerId': (None, None),
    'AddPartitionsToTxn': (b'', b'\0\1x' + b'\0' * 10), 'AddOffsetsToTxn': (None, None),
    'EndTxn': (None, None),
    'TxnOffsetCommit': (b'\2x\2g' + b'\0' * 10 + b'\xff\xff\xff\xff\1\0', b'\0\1x\0\1g' + b'\0' * 10),
    'DescribeCluster': (None, None)}


def rows_of_kinds():
    """Absurd counts and garbage for every kind of request, in its newest and its oldest version."""
    rows = []
    for key, name, low, flexible_from, high in KINDS:
        flexible, classic = BEFORE_ARRAY.get(name, (b'', b''))
        cases = [('an absurd count', high, None if flexible is None else
                  flexible + b'\xff\xff\xff\xff\x07' + b'\0' * 8),
                 ('a count over what is left', high, None if flexible is None else
                  flexible + b'\x80\x01' + b'\0' * 8),
                 ('only ones', high, b'\xff' * 64), ('nothing', high, b'')]
        if low < flexible_from:
            cases += [('an absurd count, old', low, None if classic is None else
                       classic + b'\x7f\xff\xff\xff' + b'\0' * 8),
                      ('a negative count, old', low, None if classic is None else
                       classic + b'\xff\xff\xff\xf0' + b'\0' * 8)]
        for text, version, body in cases:
            if body is None:
                continue
            row = Row(f'{name} {version}: {text}', _kind(
                key, version, body, version >= flexible_from), 'closed')
            if row.name == 'DescribeLogDirs 1: a negative count, old':
                row.expected, row.moldau = 'answered', 'answered|closed'
                row.why = 'Kafka takes every negative length for null'
            rows.append(row)
    return rows


def _kind(key, version, body, flexible):
    return lambda arena: arena.request(key, version, body, flexible)


def rows_of_batches():
    def batch(expected, name, moldau='', why='', payload=None, records=1, options=None, **fields):
        def attack(arena):
            fields.setdefault('base_timestamp', int(time.time() * 1000))
            data = build_batch([(b'key', b'value')] * records, Fields(**fields), payload)
            return arena.produce(data, **(options or {}))
        return Row('batch: ' + name, attack, expected, moldau, why)

    def cut(size):
        return lambda arena: arena.produce(good_batch()[:size])

    cut_short = 'INVALID_RECORD|CORRUPT_MESSAGE', 'either names the fault'
    no_unknown = 'UNKNOWN_SERVER_ERROR makes Java producers send duplicates'
    not_yours = 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
    unparsed = 'no record is parsed where nothing demands it'
    return [
        batch('CORRUPT_MESSAGE', 'wrong CRC', crc=12345),
        Row('batch: wrong CRC with acks=1',
            lambda a: a.produce(good_batch(crc=1), acks=1), 'CORRUPT_MESSAGE'),
        Row('batch: wrong CRC with acks=0', lambda a: a.call(lambda c: _unanswered(
            c, good_batch(crc=1))), 'closed'),
        Row('batch: a flipped bit', lambda a: a.produce(_flipped(good_batch())),
            'CORRUPT_MESSAGE'),
        Row('batch: cut in the header', cut(30), 'INVALID_RECORD', *cut_short),
        Row('batch: cut in the records', cut(-3), 'INVALID_RECORD', *cut_short),
        Row('batch: no bytes', lambda a: a.produce(b''), 'INVALID_RECORD'),
        Row('batch: null', lambda a: a.produce(None), 'silent',
            'INVALID_RECORD|CORRUPT_MESSAGE|closed', 'Kafka forgets to answer'),
        Row('batch: garbage', lambda a: a.produce(b'garbage ' * 20), 'CORRUPT_MESSAGE'),
        Row('batch: two at once', lambda a: a.produce(good_batch() * 2), 'INVALID_RECORD'),
        Row('batch: bytes behind it', lambda a: a.produce(good_batch() + b'\0\0\0'),
            'NONE', 'NONE|INVALID_RECORD|CORRUPT_MESSAGE', 'Kafka drops them'),
        batch('CORRUPT_MESSAGE', 'length of zero', length=0),
        batch('CORRUPT_MESSAGE', 'negative length', length=-1),
        batch('UNKNOWN_SERVER_ERROR', 'absurd length', 'INVALID_RECORD|CORRUPT_MESSAGE',
              no_unknown, length=(1 << 31) - 1),
        batch('INVALID_RECORD', 'magic 0', magic=0),
        batch('INVALID_RECORD', 'magic 1', magic=1),
        batch('CORRUPT_MESSAGE', 'magic 3', magic=3),
        batch('CORRUPT_MESSAGE', 'magic -1', magic=-1),
        batch('INVALID_RECORD', 'control bit', attributes=CONTROL),
        batch(not_yours, 'control and transactional bits', not_yours + '|INVALID_TXN_STATE|'
              'INVALID_RECORD', 'any refusal will do', producer_id=1, producer_epoch=0,
              base_sequence=0, attributes=CONTROL | TRANSACTIONAL),
        batch(not_yours, 'transactional bit without a producer', not_yours
              + '|INVALID_TXN_STATE|INVALID_RECORD', 'any refusal will do',
              attributes=TRANSACTIONAL),
        batch(not_yours, 'transactional bit outside a transaction', not_yours
              + '|INVALID_TXN_STATE', 'any refusal will do', producer_id=1,
              attributes=TRANSACTIONAL, producer_epoch=0, base_sequence=0),
        batch('NONE', 'log append time set by the client', 'NONE|INVALID_TIMESTAMP',
              'older releases of Kafka refuse it', attributes=LOG_APPEND_TIME),
        batch('INVALID_RECORD', 'base offset 5', base_offset=5),
        batch('INVALID_RECORD', 'negative base offset', base_offset=-1),
        batch('INVALID_RECORD', 'count too high', count=2),
        batch('INVALID_RECORD', 'count too low', count=1, records=2),
        batch('INVALID_RECORD', 'count of zero', count=0, last_offset_delta=-1),
        batch('INVALID_RECORD', 'negative count', count=-1),
        batch('INVALID_RECORD', 'absurd count and delta', 'INVALID_RECORD|NONE', unparsed,
              count=1000000, last_offset_delta=999999),
        batch('INVALID_RECORD', 'last offset delta too high', last_offset_delta=7),
        batch('INVALID_RECORD', 'negative last offset delta', last_offset_delta=-2),
        batch('INVALID_RECORD', 'producer without a sequence', producer_id=70000,
              producer_epoch=0, base_sequence=-1),
        batch('INVALID_RECORD', 'negative sequence', producer_id=70000, producer_epoch=0,
              base_sequence=-5),
        batch('NONE', 'producer with a negative epoch', 'NONE|INVALID_RECORD',
              'refusing is stricter', producer_id=70000, producer_epoch=-1, base_sequence=0),
        batch('INVALID_TIMESTAMP', 'timestamp two hours ahead',
              base_timestamp=int(time.time() * 1000) + 7200000),
        batch('UNKNOWN_SERVER_ERROR', 'codec 7', 'CORRUPT_MESSAGE|INVALID_RECORD|'
              'UNSUPPORTED_COMPRESSION_TYPE', no_unknown, attributes=7),
        batch('UNKNOWN_SERVER_ERROR', 'gzip that is none', 'CORRUPT_MESSAGE|NONE', unparsed,
              payload=b'not gzip' * 4, attributes=1),
        batch('UNKNOWN_SERVER_ERROR', 'zstd that is none', 'CORRUPT_MESSAGE|NONE', unparsed,
              payload=b'not zstd' * 4, attributes=4),
        batch('UNKNOWN_SERVER_ERROR', 'garbage for records', 'INVALID_RECORD|NONE', unparsed,
              payload=b'\xff' * 40),
        batch('INVALID_RECORD', 'record that runs past the batch', 'INVALID_RECORD|NONE', unparsed,
              payload=b'\x7e\0\0\0\2k\2v\0'),
        Row('batch: over max.message.bytes', lambda a: a.produce(build_batch(
            [(b'k', b'v' * 1100000)], Fields(base_timestamp=int(time.time() * 1000)))),
            'MESSAGE_TOO_LARGE'),
        Row('batch: sequence with a gap', _gap, 'OUT_OF_ORDER_SEQUENCE_NUMBER'),
        Row('batch: an older producer epoch', _old_epoch, 'INVALID_PRODUCER_EPOCH'),
    ]


def _flipped(data):
    return data[:-2] + bytes([data[-2] ^ 4]) + data[-1:]


def _unanswered(client, batch):
    """A produce with acks=0 has no answer: whatever comes is one to the question after it."""
    client.produce(TOPIC, 0, batch, acks=0)
    client.api_versions()
    return 0


def _producer(client):
    while True:
        error, producer_id, epoch = client.init_producer_id()
        if error == 0:
            return producer_id, epoch
        time.sleep(0.1)


def _sequenced(client, producer_id, epoch, sequence):
    return client.produce(TOPIC, 1, good_batch(
        producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence))[0]


def _gap(arena):
    def action(client):
        producer_id, epoch = _producer(client)
        first = _sequenced(client, producer_id, epoch, 0)
        return first or _sequenced(client, producer_id, epoch, 2)
    return arena.call(action)


def _old_epoch(arena):
    def action(client):
        producer_id, epoch = _producer(client)
        first = _sequenced(client, producer_id, epoch + 1, 0)
        return first or _sequenced(client, producer_id, epoch, 1)
    return arena.call(action)


NOBODY = uuid.UUID(int=0x1234)


def rows_of_data_requests():
    def listing(timestamp, topic=TOPIC, partition=0):
        return lambda a: a.call(lambda c: c.list_offsets({(topic, partition): timestamp})[
            topic, partition][0])

    def listing_twice(client):
        writer = Writer().pack('ib', -1, 0)

        def part(_):
            writer.pack('iiq', 0, -1, -1).tags()
        writer.array([0], lambda _: writer.string(TOPIC).array([0, 0], part).tags()).tags()
        reader = client.call('ListOffsets', 7, writer)
        reader.unpack('i'), reader.uvarint(), reader.string(), reader.uvarint()
        return reader.unpack('ih')[1]

    def epoch_end(topic, current=-1):
        return lambda a: a.call(lambda c: c.offset_for_leader_epoch(topic, 0, 0, current)[0])

    def producer_id(transactional_id, timeout):
        def action(client):
            writer = Writer().string(transactional_id).pack('iqh', timeout, -1, -1).tags()
            reader = client.call('InitProducerId', 4, writer)
            reader.unpack('i')
            return reader.unpack('h')
        return lambda a: a.call(action)

    return [
        Row('Produce: acks 2', lambda a: a.produce(good_batch(), acks=2), 'INVALID_REQUIRED_ACKS'),
        Row('Produce: acks -2', lambda a: a.produce(good_batch(), acks=-2),
            'INVALID_REQUIRED_ACKS'),
        Row('Produce: unknown topic', lambda a: a.produce(good_batch(), topic='nobody'),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('Produce: unknown topic, acks 0', lambda a: a.call(lambda c: (
            c.produce('nobody', 0, good_batch(), acks=0), c.api_versions(), 0)[2]), 'closed'),
        Row('Produce: unknown partition', lambda a: a.produce(good_batch(), partition=99),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('Produce: negative partition', lambda a: a.produce(good_batch(), partition=-1),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('Produce: unknown topic id', lambda a: a.produce(
            good_batch(), topic=NOBODY, version=13), 'UNKNOWN_TOPIC_ID'),
        Row('Produce: no topic id', lambda a: a.produce(
            good_batch(), topic=uuid.UUID(int=0), version=13), 'UNKNOWN_TOPIC_ID'),
        Row('Produce: topic ..', lambda a: a.produce(good_batch(), topic='..'),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('Produce: topic ../../etc/passwd', lambda a: a.produce(
            good_batch(), topic='../../etc/passwd'), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('Produce: topic without a name', lambda a: a.produce(good_batch(), topic=''),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('Produce: topic that is no UTF-8', lambda a: a.call(
            lambda c: c.produce(b'\xff\xfe', 0, good_batch())[0]), 'UNKNOWN_TOPIC_OR_PARTITION',
            'UNKNOWN_TOPIC_OR_PARTITION|closed', 'text is checked here'),
        Row('Fetch: unknown topic', lambda a: a.fetch('nobody'), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('Fetch: unknown partition', lambda a: a.fetch(partition=99),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('Fetch: negative partition', lambda a: a.fetch(partition=-1),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('Fetch: unknown topic id', lambda a: a.fetch(NOBODY, version=13), 'UNKNOWN_TOPIC_ID'),
        Row('Fetch: offset beyond the end', lambda a: a.fetch(offset=1 << 40),
            'OFFSET_OUT_OF_RANGE'),
        Row('Fetch: negative offset', lambda a: a.fetch(offset=-5), 'OFFSET_OUT_OF_RANGE'),
        Row('Fetch: leader epoch of the future', lambda a: a.fetch(leader_epoch=1 << 30),
            'UNKNOWN_LEADER_EPOCH'),
        Row('Fetch: session that nobody opened', lambda a: a.fetch(session=(12345, 3)),
            'FETCH_SESSION_ID_NOT_FOUND'),
        Row('Fetch: negative sizes', lambda a: a.fetch(max_bytes=-1, partition_max_bytes=-1,
                                                       min_bytes=-1),
            'UNKNOWN_SERVER_ERROR', 'NONE|INVALID_REQUEST', 'a negative size is a small one'),
        Row('Fetch: isolation 7', lambda a: a.fetch(isolation=7), 'UNKNOWN_SERVER_ERROR',
            'closed|NONE|INVALID_REQUEST', 'no unknown error for a known fault'),
        Row('Fetch: a wait of 24 days with data there', lambda a: a.fetch(
            max_wait_ms=(1 << 31) - 1), 'NONE'),
        Row('ListOffsets: unknown timestamp -99', listing(-99), 'UNSUPPORTED_VERSION'),
        Row('ListOffsets: unknown topic', listing(-1, 'nobody'), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('ListOffsets: unknown partition', listing(-1, partition=99),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('ListOffsets: a partition twice', lambda a: a.call(listing_twice), 'INVALID_REQUEST'),
        Row('OffsetForLeaderEpoch: unknown topic', epoch_end('nobody'),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('OffsetForLeaderEpoch: epoch of the future', epoch_end(TOPIC, 1 << 30),
            'UNKNOWN_LEADER_EPOCH'),
        Row('InitProducerId: empty transactional id', producer_id('', 1000), 'INVALID_REQUEST'),
        Row('InitProducerId: absurd time-out without a transactional id',
            producer_id(None, -1), 'NONE'),
    ]


def rows_of_admin_requests():
    def create(name, partitions=1, **configs):
        settings = {key.replace('_', '.'): value for key, value in configs.items()}
        return lambda a: a.call(lambda c: c.create_topic(name, partitions, settings)[0])

    def grow(topic, count):
        return lambda a: a.call(lambda c: c.create_partitions(topic, count))

    def records(topic, offset, partition=0):
        return lambda a: a.call(lambda c: c.delete_records(topic, partition, offset)[0])

    def configure(topic, **configs):
        settings = {key.replace('_', '.'): value for key, value in configs.items()}
        return lambda a: a.call(lambda c: c.set_topic_configs(topic, settings))

    def metadata(topic):
        return lambda a: a.call(lambda c: c.metadata([topic])['topics'][topic]['error'])

    def replicas(count):
        def action(client):
            writer = Writer()
            writer.array([0], lambda _: writer.string('h-replicas').pack('ih', 1, count).array(
                [], None).array([], None).tags()).pack('i?', 5000, False).tags()
            reader = client.call('CreateTopics', 7, writer)
            reader.unpack('i'), reader.uvarint(), reader.string(), reader.uuid()
            return reader.unpack('h')
        return lambda a: a.call(action)

    bad_names = [('', 'empty'), ('.', 'dot'), ('..', 'dot dot'), ('a/b', 'with a slash'),
                 ('../x', 'climbing'), ('x' * 250, 'of 250 letters'), ('a\0b', 'with a NUL'),
                 ('a b', 'with a blank'), ('a\nb', 'with a line break'), ('t\u00f6pic', 'umlaut'),
                 ('%s%n', 'format string')]
    rows = [Row(f'CreateTopics: name {text}', create(name), 'INVALID_TOPIC_EXCEPTION')
            for name, text in bad_names]
    rows += [Row(f'Metadata: name {text}', metadata(name), 'INVALID_TOPIC_EXCEPTION')
             for name, text in bad_names]
    return rows + [
        Row('Metadata: unknown topic, not to be created', metadata('nobody'),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('CreateTopics: a name of 249 letters', create('y' * 249), 'NONE'),
        Row('CreateTopics: one that is there', create(TOPIC), 'TOPIC_ALREADY_EXISTS'),
        Row('CreateTopics: a name that collides', create('hos.tile-2'), 'NONE'),
        Row('CreateTopics: dot against underscore', create('hos_tile-2'),
            'INVALID_TOPIC_EXCEPTION'),
        Row('CreateTopics: no partitions', create('h-none', 0), 'INVALID_PARTITIONS'),
        Row('CreateTopics: negative partitions', create('h-neg', -5), 'INVALID_PARTITIONS'),
        Row('CreateTopics: 2147483647 partitions', create('h-many', (1 << 31) - 1),
            'POLICY_VIOLATION', 'POLICY_VIOLATION|INVALID_PARTITIONS', 'either says no'),
        Row('CreateTopics: three replicas on one broker', replicas(3),
            'INVALID_REPLICATION_FACTOR'),
        Row('CreateTopics: no replicas', replicas(0), 'INVALID_REPLICATION_FACTOR'),
        Row('CreateTopics: unknown option', create('h-opt', no_such_option='1'),
            'INVALID_CONFIG'),
        Row('CreateTopics: retention.ms=abc', create('h-opt', retention_ms='abc'),
            'INVALID_CONFIG'),
        Row('CreateTopics: retention.ms=-2', create('h-opt', retention_ms='-2'),
            'INVALID_CONFIG'),
        Row('CreateTopics: segment.bytes=1', create('h-opt', segment_bytes='1'),
            'INVALID_CONFIG'),
        Row('CreateTopics: cleanup.policy=shred', create('h-opt', cleanup_policy='shred'),
            'INVALID_CONFIG'),
        Row('CreateTopics: a number over 64 bits', create('h-opt', retention_ms='9' * 30),
            'INVALID_CONFIG'),
        Row('DeleteTopics: unknown', lambda a: a.call(lambda c: c.delete_topic('nobody')),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('DeleteTopics: name ..', lambda a: a.call(lambda c: c.delete_topic('..')),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('CreatePartitions: fewer than there are', grow(TOPIC, 1), 'INVALID_PARTITIONS'),
        Row('CreatePartitions: as many as there are', grow(TOPIC, 2), 'INVALID_PARTITIONS'),
        Row('CreatePartitions: negative', grow(TOPIC, -1), 'INVALID_PARTITIONS'),
        Row('CreatePartitions: unknown topic', grow('nobody', 3), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('DeleteRecords: beyond the end', records(TOPIC, 1 << 40), 'OFFSET_OUT_OF_RANGE'),
        Row('DeleteRecords: negative', records(TOPIC, -7), 'OFFSET_OUT_OF_RANGE'),
        Row('DeleteRecords: unknown topic', records('nobody', 0), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('DeleteRecords: unknown partition', records(TOPIC, 0, 99),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('AlterConfigs: retention.ms=abc', configure(TOPIC, retention_ms='abc'),
            'INVALID_CONFIG'),
        Row('AlterConfigs: unknown option', configure(TOPIC, no_such_option='1'),
            'INVALID_CONFIG'),
        Row('AlterConfigs: unknown topic', configure('nobody', retention_ms='1000'),
            'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('DescribeConfigs: unknown topic', lambda a: a.call(
            lambda c: c.topic_configs('nobody')[0]), 'UNKNOWN_TOPIC_OR_PARTITION'),
    ]


def all_rows():
    return (rows_of_frames() + rows_of_kinds() + rows_of_batches() + rows_of_data_requests()
            + rows_of_admin_requests() + hostile_transactions.rows())


class Bystander(threading.Thread):
    """The well-behaved client. Nothing that others do may reach it."""

    def __init__(self, port, pause_s=0.005):
        super().__init__(daemon=True)
        self.client, self.pause_s = RawClient(port, timeout=20), pause_s
        self.done, self.slowest_s, self.failure, self.stop = 0, 0.0, None, threading.Event()

    def run(self):
        try:
            while not self.stop.is_set():
                began = time.monotonic()
                self.round()
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.done += 1
                self.stop.wait(self.pause_s)
        except Exception as error:
            self.failure = f'{type(error).__name__}: {error}'

    def round(self):
        value = b'%d' % self.done
        batch = build_batch([(b'k', value)], Fields(base_timestamp=int(time.time() * 1000)))
        error, offset, _ = self.client.produce('bystander', 0, batch)
        if error or offset != self.done:
            raise AssertionError(f'produce {self.done}: {error_name(error)} at offset {offset}')
        _, answers = self.client.fetch({('bystander', 0): offset})
        answer = answers['bystander', 0]
        records = [r for b in parse_batches(answer['data']) for r in b.records()]
        if answer['error'] or [r.value for r in records] != [value]:
            raise AssertionError(f'fetch {offset}: {error_name(answer["error"])}, {records}')

    def goes_on(self, rounds=2, patience_s=15.0):
        """Whether it completes some more rounds from now on."""
        goal, until = self.done + rounds, time.monotonic() + patience_s
        while self.done < goal and not self.failure and time.monotonic() < until:
            time.sleep(0.002)
        return self.done >= goal and not self.failure

    def everything_is_there(self):
        """Reads all that it wrote, by a new connection."""
        values, offset = [], 0
        with RawClient(self.client.socket.getpeername()[1]) as client:
            while offset < self.done:
                _, answers = client.fetch({('bystander', 0): offset})
                records = [r for b in parse_batches(answers['bystander', 0]['data'])
                           for r in b.records() if r.offset >= offset]
                if not records:
                    break
                values += [r.value for r in records]
                offset = records[-1].offset + 1
        return values == [b'%d' % n for n in range(self.done)]


def prepare(port):
    with RawClient(port) as client:
        for topic, partitions in ((TOPIC, 2), ('bystander', 1)):
            error, _ = client.create_topic(topic, partitions)
            if error:
                raise RuntimeError(f'create {topic}: {error_name(error)}')
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            topics = client.metadata([TOPIC, 'bystander'])['topics']
            if all(p['leader'] >= 0 and not t['error'] for t in topics.values()
                   for p in t['partitions'].values()):
                client.produce(TOPIC, 0, good_batch())
                return
            time.sleep(0.1)
    raise RuntimeError('the topics did not come up')


def run_table(broker, only, report):
    prepare(broker.port)
    arena, bystander = Arena(broker.port), Bystander(broker.port)
    bystander.start()
    for row in all_rows():
        if only not in row.name:
            continue
        try:
            outcome = row.attack(arena)
        except (ConnectionLost, MalformedResponse) as error:
            outcome = f'{type(error).__name__}: {error}'
        good, note = outcome in row.allowed(broker.kind), outcome
        if not good:
            note = f'{outcome}, expected {" or ".join(row.allowed(broker.kind))}'
        if broker.kind == 'moldau' and outcome != row.expected and good:
            note += f' (Kafka: {row.expected}; {row.why})'
        if not bystander.goes_on():
            good, note = False, f'{note}; the bystander noticed: {bystander.failure}'
        report.line(good, row.name + ':', note)
        if bystander.failure or not broker.alive():
            report.line(False, 'broker', 'gone' if not broker.alive() else 'serves no more')
            return
    bystander.stop.set()
    bystander.join()
    report.line(bystander.everything_is_there(), 'bystander',
                f'read back {bystander.done} records, slowest round {bystander.slowest_s:.3f} s')


def raise_file_limit(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, count + 500)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return
        except (ValueError, OSError):
            wanted = hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run_connections(broker, count, limit_mib, report):
    """`count` connections declare a frame of 100 MiB and send one byte of it."""
    prepare(broker.port)
    bystander = Bystander(broker.port)
    bystander.start()
    held, refused, before = [], 0, broker.memory_mib()
    for number in range(count):
        connection = socket.socket()
        connection.settimeout(5)
        connection.bind((f'127.0.0.{1 + number % 4}', 0))
        try:
            connection.connect(('127.0.0.1', broker.port))
            connection.sendall(struct.pack('>i', 100 * MIB) + b'\0')
            held.append(connection)
        except OSError:
            refused += 1
            connection.close()
    bystander.goes_on()
    closed = sum(_is_closed(connection) for connection in held)
    text = (f'{len(held) - closed} held, {refused + closed} refused; resident {before:.1f} MiB '
            f'before, {broker.memory_mib():.1f} now, {broker.memory_mib("VmHWM"):.1f} at most')
    report.line(len(held) - closed == count, 'connections held', text)
    report.line(broker.memory_mib('VmHWM') < limit_mib, f'memory under {limit_mib} MiB', text)
    report.line(bystander.goes_on(50), 'the bystander goes on', bystander.failure or (
        f'slowest round {bystander.slowest_s:.3f} s'))
    report.line(Arena(broker.port).call(lambda c: c.list_offsets({(TOPIC, 0): EARLIEST})[
        TOPIC, 0][0]) == 'NONE', 'a new connection is served')
    for connection in held:
        connection.close()
    bystander.stop.set()
    bystander.join()


def _is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b''
    except BlockingIOError:
        return False
    except OSError:
        return True


def check_disk(broker, report):
    """Nothing that was refused, and no damage, lies on the disk. The records of a batch that was
    taken without being parsed may be anything; they stay inside their batch."""
    problems = [problem for problem in dump.Dump(broker.data).problems
                if not (problem.startswith(f'{TOPIC}-') and 'batch at offset' in problem)]
    report.line(not problems, 'the data directory is sound', '; '.join(problems[:3]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kind', choices=('kafka', 'moldau'), default='moldau')
    parser.add_argument('--only', default='', help='rows whose name contains this')
    parser.add_argument('--connections', type=int, nargs='?', const=10000, default=0)
    parser.add_argument('--memory-limit-mib', type=int, default=128)
    options = parser.parse_args()
    brokers.exit_on_signals()
    properties, report = {'auto.create.topics.enable': 'false'}, Report()
    if options.connections:
        raise_file_limit(options.connections)
        properties.update({'max.connections': options.connections + 100,
                           'max.connections.per.ip': options.connections + 100})
    folder = tempfile.mkdtemp(prefix='moldau-hostile-')
    broker = brokers.Broker(options.kind, os.path.join(folder, 'broker'), properties=properties)
    random.seed(1)
    try:
        broker.start()
        if options.connections:
            run_connections(broker, options.connections, options.memory_limit_mib, report)
        else:
            run_table(broker, options.only, report)
        status = broker.stop()
        if options.kind == 'moldau':
            report.line(status == 0, 'orderly stop', f'exit status {status}')
        check_disk(broker, report)
    finally:
        if report.failed:
            print('# the log ends:', broker.log_text()[-3000:])
        broker.kill9()
        shutil.rmtree(folder, ignore_errors=True)
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
