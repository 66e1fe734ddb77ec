#!/usr/bin/env python3
"""Records what real clients and a real Apache Kafka say to each other, as golden bytes.

    record_golden.py [--client NAME]... [--api NAME]...

A proxy between the clients of walk/ and the broker keeps, for each API and version, one request and
the response to it (frames without their length), in tests/protocol/golden/:
    NAME_vN_request.bin  NAME_vN_response.bin  index.tsv (which client sent it, and the sizes)
The pair that is kept is the richest of at most LIMIT bytes, else the smallest: empty answers teach
little, and files of many kilobytes are of no more use than small ones.
With --api only the pairs of those APIs are recorded anew; the others stay as they are.
"""
import argparse
import os
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import threading

from broker import ROOT, Broker, exit_on_sigterm, free_ports, kafka_jars
from prepare import CACHE, prepare, toolchain

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(ROOT, 'tests', 'protocol', 'golden')
LIMIT = 1500
UNSUPPORTED_VERSION = 35
APIS = {
    0: 'produce', 1: 'fetch', 2: 'list_offsets', 3: 'metadata', 8: 'offset_commit',
    9: 'offset_fetch', 10: 'find_coordinator', 11: 'join_group', 12: 'heartbeat',
    13: 'leave_group', 14: 'sync_group', 15: 'describe_groups', 16: 'list_groups',
    18: 'api_versions', 19: 'create_topics', 20: 'delete_topics', 21: 'delete_records',
    22: 'init_producer_id', 23: 'offset_for_leader_epoch', 24: 'add_partitions_to_txn',
    25: 'add_offsets_to_txn', 26: 'end_txn', 27: 'write_txn_markers', 28: 'txn_offset_commit',
    32: 'describe_configs',
    33: 'alter_configs', 35: 'describe_log_dirs', 37: 'create_partitions', 42: 'delete_groups',
    44: 'incremental_alter_configs', 47: 'offset_delete', 60: 'describe_cluster',
    61: 'describe_producers', 65: 'describe_transactions', 66: 'list_transactions', 68: 'consumer_group_heartbeat', 69: 'consumer_group_describe',
    75: 'describe_topic_partitions',
}


class Recorder:
    """Forwards bytes both ways unchanged, one thread for each connection, and keeps the pairs."""

    def __init__(self, port, broker_port):
        self.broker_port, self.client, self.pairs = broker_port, '', {}
        self.lock = threading.Lock()
        self.listener = socket.create_server(('127.0.0.1', port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                down, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(down, self.client), daemon=True).start()

    def _serve(self, down, client):
        try:
            up = socket.create_connection(('127.0.0.1', self.broker_port))
        except OSError:    # The broker itself, which comes this way too, before it listens.
            down.close()
            return
        waiting, buffers = {}, {down: b'', up: b''}
        selector = selectors.DefaultSelector()
        selector.register(down, selectors.EVENT_READ, up)
        selector.register(up, selectors.EVENT_READ, down)
        with down, up:
            while True:
                for key, _ in selector.select():
                    try:
                        data = key.fileobj.recv(1 << 16)
                        if not data:
                            return
                        buffers[key.fileobj] += data
                        for frame in self._frames(buffers, key.fileobj):
                            self._seen(frame, key.fileobj is down, waiting, client)
                        key.data.sendall(data)
                    except OSError:
                        return

    @staticmethod
    def _frames(buffers, side):
        while len(buffers[side]) >= 4:
            size = struct.unpack('>i', buffers[side][:4])[0]
            if len(buffers[side]) < 4 + size:
                return
            yield buffers[side][4:4 + size]
            buffers[side] = buffers[side][4 + size:]

    def _seen(self, frame, is_request, waiting, client):
        if is_request:
            waiting[struct.unpack('>i', frame[4:8])[0]] = frame
            return
        request = waiting.pop(struct.unpack('>i', frame[:4])[0])
        key, version = struct.unpack('>hh', request[:4])
        if key == 18 and struct.unpack('>h', frame[4:6])[0] == UNSUPPORTED_VERSION:
            return    # The answer to a version that the broker does not know is one of version 0.
        if key in APIS:
            with self.lock:
                old = self.pairs.get((key, version))
                if old is None or better((request, frame), old):
                    self.pairs[key, version] = (request, frame, client)


def better(new, old):
    new_size, old_size = len(new[0]) + len(new[1]), len(old[0]) + len(old[1])
    if new_size > LIMIT:
        return new_size < old_size
    return old_size > LIMIT or new_size > old_size


def clients():
    """Name and commands; {} stands for the bootstrap address. First kcat makes its topic."""
    kcat = ['kcat', '-b', '{}', '-t', 'walk-kcat', '-p', '0']
    walk = os.path.join(HERE, 'walk')

    def java(file):
        return ['java', '-cp', kafka_jars() + '/*', os.path.join(walk, file), '{}']

    def python(venv, script):
        return [os.path.join(prepare(venv), 'bin', 'python'), os.path.join(walk, script), '{}']
    return {
        'kcat': [['kcat', '-b', '{}', '-L'], kcat + ['-P', '-z', 'gzip'],
                 kcat + ['-P', '-X', 'enable.idempotence=true'],
                 kcat + ['-C', '-o', 'beginning', '-e'], ['kcat', '-b', '{}', '-Q', '-t', 'walk-kcat:0:1'],
                 ['kcat', '-b', '{}', '-X', 'auto.offset.reset=earliest', '-e', '-G', 'walk-kcat', 'walk-kcat']],
        'confluent': [python('confluent', 'confluent.py')],
        'java': [java('Walk.java'), java('Groups.java')],
        'kafka-python-2.0.2': [python('kafka_python-2.0.2', 'kafka_python.py')],
        'kafka-python': [python('kafka_python', 'kafka_python.py')],
        'kafkajs': [[os.path.join(toolchain('node'), 'node'), os.path.join(walk, 'kafkajs.mjs'), '{}']],
        'sarama': [[os.path.join(prepare('sarama'), 'walk'), '{}']],
        'franz-go': [[os.path.join(prepare('franz_go'), 'walk'), '{}']],
    }


def path_of(key, version, kind):
    return os.path.join(GOLDEN, f'{APIS[key]}_v{version}_{kind}.bin')


def kept(apis):
    """The pairs on the disk, of all other APIs."""
    pairs = {}
    with open(os.path.join(GOLDEN, 'index.tsv')) as f:
        rows = [line.split('\t') for line in f.read().splitlines()[1:]]
    for key, name, version, client, *_ in rows:
        if name in apis:
            continue
        frames = []
        for kind in ('request', 'response'):
            with open(path_of(int(key), version, kind), 'rb') as f:
                frames.append(f.read())
        pairs[int(key), int(version)] = (*frames, client)
    return pairs


def write(pairs):
    shutil.rmtree(GOLDEN, ignore_errors=True)
    os.makedirs(GOLDEN)
    rows = ['api_key\tname\tversion\tclient\trequest_bytes\tresponse_bytes']
    for (key, version), (request, response, client) in sorted(pairs.items()):
        for kind, frame in (('request', request), ('response', response)):
            with open(path_of(key, version, kind), 'wb') as f:
                f.write(frame)
        rows.append(f'{key}\t{APIS[key]}\t{version}\t{client}\t{len(request)}\t{len(response)}')
    with open(os.path.join(GOLDEN, 'index.tsv'), 'w') as f:
        f.write('\n'.join(rows) + '\n')
    total = sum(len(r) + len(s) for r, s, _ in pairs.values())
    print(f'{len(pairs)} pairs, {total} bytes in {GOLDEN}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--client', action='append')
    parser.add_argument('--api', action='append', choices=sorted(APIS.values()))
    a = parser.parse_args()
    exit_on_sigterm()
    port = free_ports(3)[2]
    with Broker('kafka', {'advertised.listeners': f'PLAINTEXT://127.0.0.1:{port}',
                          'auto.create.topics.enable': 'true', 'num.partitions': '2'}) as broker:
        recorder = Recorder(port, broker.port)
        for name, commands in clients().items():
            if a.client and name not in a.client:
                continue
            recorder.client = name
            for command in commands:
                done = subprocess.run([word.replace('{}', f'127.0.0.1:{port}') for word in command],
                                      input='one\ntwo\nthree\n', capture_output=True, text=True,
                                      timeout=300, env={**os.environ, 'MODULES': os.path.join(CACHE, name)})
                print(f'{name}: exit {done.returncode}\n{done.stderr}', file=sys.stderr)
        pairs = recorder.pairs
        if a.api:
            pairs = kept(a.api) | {pair: frames for pair, frames in pairs.items() if APIS[pair[0]] in a.api}
        write(pairs)


if __name__ == '__main__':
    main()
