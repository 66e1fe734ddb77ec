#!/usr/bin/env python3
"""Starts that must be refused, and a disk that fills up.

    refusals.py [--kind moldau|kafka] [--only TEXT]

A refused start ends with the exit status of its cause, prints a line that names what is wrong,
and leaves every byte of the data directory as it was. With a full disk produce is refused, fetch
goes on, nothing acknowledged is lost, and when there is room again producing goes on without a
restart. The full disk needs root (a loop-mounted ext4).
"""
import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import broker as brokers
import loop_disk
from raw_client import ConnectionLost, RawClient, error_name
from record_batch import Fields, build_batch, parse_batches
from report import Report

MIB = 1 << 20


def fingerprint(folder):
    """{path: (size, content hash)} of all files below `folder`."""
    out = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, 'rb') as file:
                data = file.read()
            out[os.path.relpath(path, folder)] = len(data), hashlib.sha1(data).hexdigest()
    return out


def differences(before, after):
    return sorted(path for path in before.keys() | after.keys()
                  if before.get(path) != after.get(path))


class Refusals:
    def __init__(self, kind, report, only):
        self.kind, self.report, self.only = kind, report, only
        self.folder = tempfile.mkdtemp(prefix='moldau-refusals-')
        self.number = 0

    def broker(self, directory=None, **more):
        self.number += 1
        directory = directory or os.path.join(self.folder, f'broker-{self.number}')
        made = brokers.Broker(self.kind, directory, **more)
        made.log_path = os.path.join(self.folder, f'{self.number}.log')
        return made

    def stopped_broker(self):
        """A broker that has run, holds one topic with records, and was stopped in order."""
        made = self.broker().start()
        with RawClient(made.port) as client:
            client.create_topic('kept')
            produce_until_ok(client, 'kept', small_batch())
        made.stop()
        return made

    def expect(self, name, broker, statuses, *words, untouched=None):
        """Starts `broker`, which must end by itself with one of `statuses` and name `words`."""
        before = fingerprint(untouched) if untouched else None
        broker.launch()
        try:
            status = broker.process.wait(30)
        except subprocess.TimeoutExpired:
            broker.kill9()
            self.report.line(False, name, 'it started, or never ended')
            return
        text = broker.log_text(broker.log_start)
        missing = [word for word in words if word.lower() not in text.lower()]
        changed = differences(before, fingerprint(untouched)) if untouched else []
        complaint = ''
        if status not in statuses:
            complaint += f'exit status {status} instead of {statuses}; '
        if missing:
            complaint += f'it does not mention {missing}; '
        if changed:
            complaint += f'it changed {changed[:4]}; '
        lines = [line for line in text.splitlines() if line.strip()]
        if 'terminate called' in text or 'Assertion' in text or status < 0:
            complaint += 'it crashed; '
        said = lines[-1][:160] if lines else 'nothing'
        self.report.line(not complaint, name, f'{complaint}it says: {said}')

    def run(self):
        for name in sorted(n for n in dir(self) if n.startswith('case_')):
            if self.only in name:
                try:
                    getattr(self, name)()
                except (OSError, RuntimeError, ConnectionLost) as error:
                    self.report.line(False, name, str(error)[-600:])
        shutil.rmtree(self.folder, ignore_errors=True)

    # Cases

    def case_locked(self):
        first = self.broker().start()
        second = self.broker(first.directory)
        second.write_properties = lambda: _properties_elsewhere(second, self.folder)
        self.expect('a directory that another broker holds', second, (3,), first.data)
        with RawClient(first.port) as client:
            client.create_topic('after')
            error = produce_until_ok(client, 'after', small_batch())
        self.report.line(error == 0, 'its holder goes on', error_name(error))
        first.stop()

    def case_newer_version(self):
        made = self.stopped_broker()
        edit(made.data, 'version=1', 'version=9')
        self.expect('a newer meta.properties', made, (3,), 'meta.properties',
                    untouched=made.data)

    def case_foreign_node(self):
        made = self.stopped_broker()
        made.properties['node.id'] = 7
        self.expect('a directory of another node', made, (3,), 'node.id', untouched=made.data)

    def case_foreign_cluster(self):
        if self.kind == 'kafka':
            return  # it takes the cluster from the directory
        made = self.stopped_broker()
        made.arguments = ['--set', 'node.cluster_id=AAAAAAAAAAAAAAAAAAAAAA']
        self.expect('a directory of another cluster', made, (3,), made.data, 'cluster_id',
                    untouched=made.data)

    def case_two_directories(self):
        one, other = self.stopped_broker(), self.stopped_broker()
        one.properties['log.dirs'] = f'{one.data},{other.data}'
        # Moldau serves one directory yet; Kafka finds that they are of two clusters.
        status, word = ((2,), 'log director') if self.kind == 'moldau' else ((3,), 'cluster.id')
        self.expect('two directories', one, status, word, untouched=one.data)

    def case_damaged_meta(self):
        made = self.stopped_broker()
        with open(os.path.join(made.data, 'meta.properties'), 'wb') as file:
            file.write(b'\0\xff garbage')
        self.expect('a damaged meta.properties', made, (3,), 'meta.properties',
                    untouched=made.data)

    def case_data_is_a_file(self):
        made = self.broker()
        os.makedirs(made.directory)
        with open(made.data, 'w') as file:
            file.write('x')
        self.expect('a file in place of the directory', made, (3,), made.data)

    def case_nowhere(self):
        if self.kind == 'kafka':
            return  # it makes the parents too
        made = self.broker(properties={'log.dirs': os.path.join(self.folder, 'no', 'such', 'data')})
        self.expect('a directory whose parent is missing', made, (3,), 'data_dir', '/no/such/data')

    def case_port_in_use(self):
        made = self.broker()
        with socket.socket() as holder:
            holder.bind(('127.0.0.1', made.port))
            holder.listen()
            self.expect('a port in use', made, (1, 2), str(made.port))

    def case_bad_values(self):
        for name, value in (('log.segment.bytes', 'abc'), ('num.partitions', '-3'),
                            ('log.retention.ms', '9' * 30), ('auto.create.topics.enable', 'maybe'),
                            ('no.such.option', '1'), ('listeners', 'PLAINTEXT://nowhere')):
            made = self.broker(properties={name: value})
            path = made.write_properties()
            line = next(n for n, text in enumerate(open(path), 1) if text.startswith(name + '='))
            self.expect(f'{name}={value[:12]}', made, (2,), f'server.properties:{line}', name)

    def case_all_errors_at_once(self):
        made = self.broker(properties={'log.segment.bytes': 'abc', 'num.partitions': '-3'})
        self.expect('two bad values', made, (2,), 'log.segment.bytes', 'num.partitions')

    def case_bad_value_touches_nothing(self):
        made = self.stopped_broker()
        made.properties['num.partitions'] = 'many'
        self.expect('a bad value over good data', made, (2,), 'num.partitions',
                    untouched=made.data)

    def case_full_disk_at_start(self):
        disk = loop_disk.LoopDisk(self.folder, 64)
        try:
            made = self.broker(properties={'log.dirs': disk.mount_point + '/data'})
            fill(disk.mount_point + '/ballast', 0)
            self.expect('a full disk and no data yet', made, (1, 3), 'space', disk.mount_point)
        finally:
            disk.close()

    def case_full_disk_while_running(self):
        disk = loop_disk.LoopDisk(self.folder, 6144)
        made = self.broker(disk.mount_point + '/broker')
        try:
            FullDisk(made.start(), disk, self.report).run()
        finally:
            made.kill9()
            disk.close()


def _properties_elsewhere(broker, folder):
    """Writes the properties beside, not into, the directory that another broker holds."""
    directory, data = broker.directory, broker.data
    broker.properties['log.dirs'] = data
    broker.directory = os.path.join(folder, 'second')
    try:
        return brokers.Broker.write_properties(broker)
    finally:
        broker.directory = directory


def edit(data, old, new):
    path = os.path.join(data, 'meta.properties')
    with open(path) as file:
        text = file.read()
    if old not in text:
        raise RuntimeError(f'{path} has no {old}')
    with open(path, 'w') as file:
        file.write(text.replace(old, new))


def fill(path, leave_mib):
    """Takes all room but `leave_mib` with a file that is not written to; with 0, the last block."""
    room = os.statvfs(os.path.dirname(path))
    size = room.f_bavail * room.f_frsize - max(leave_mib, 1) * MIB
    with open(path, 'wb', buffering=0) as file:
        if size > 0:
            os.posix_fallocate(file.fileno(), 0, size)
        file.seek(0, os.SEEK_END)
        try:
            while leave_mib == 0:
                file.write(bytes(4096))
        except OSError:
            pass  # no space is left, as wanted


def small_batch(size=10):
    return build_batch([(b'k', b'v' * size)], Fields(base_timestamp=int(time.time() * 1000)))


def produce_until_ok(client, topic, batch, patience_s=20):
    deadline = time.monotonic() + patience_s
    while True:
        error = client.produce(topic, 0, batch)[0]
        if error == 0 or time.monotonic() > deadline:
            return error
        time.sleep(0.1)


class FullDisk:
    """A disk that fills up while a producer writes to it."""
    ROOM_MIB, MOST_BATCHES = 40, 3000

    def __init__(self, broker, disk, report):
        self.broker, self.disk, self.report = broker, disk, report
        self.acked = {}  # offset -> first byte of the value
        self.ballast = disk.mount_point + '/ballast'

    def run(self):
        with RawClient(self.broker.port, timeout=30) as client:
            client.create_topic('full')
            produce_until_ok(client, 'full', small_batch())
            self.produce(client, 20)
            fill(self.ballast, self.ROOM_MIB)
            refused = self.produce(client, self.MOST_BATCHES)
        self.report.line(bool(refused) and 'UNKNOWN_SERVER' not in refused,
                         'produce to a full disk is refused', f'{refused} after '
                         f'{len(self.acked)} acknowledged batches')
        self.report.line(self.broker.alive(), 'the broker stays up')
        self.check('fetch is served from a full disk')
        self.make_room()
        self.broker.stop()
        self.broker.start()
        self.check('all is there after a restart')

    def produce(self, client, count):
        """Produces until told no; returns what the refusal was, '' when there was none."""
        for number in range(count):
            mark = bytes([len(self.acked) % 256])
            batch = build_batch([(b'k', mark * 900000)], Fields(
                base_timestamp=int(time.time() * 1000)))
            try:
                error, offset, _ = client.produce('full', 0, batch)
            except ConnectionLost as lost:
                return f'connection lost: {lost}'
            if error:
                return error_name(error)
            self.acked[offset] = mark
        return ''

    def check(self, name):
        try:
            with RawClient(self.broker.port, timeout=30) as client:
                wrong = [offset for offset, mark in self.acked.items()
                         if not self.is_there(client, offset, mark)]
        except ConnectionLost as lost:
            wrong = [str(lost)]
        self.report.line(not wrong, name, f'{len(self.acked)} acknowledged, missing: {wrong[:5]}')

    @staticmethod
    def is_there(client, offset, mark):
        _, answers = client.fetch({('full', 0): offset}, partition_max_bytes=1)
        batches = parse_batches(answers['full', 0]['data'])
        records = [r for b in batches if b.crc_is_good() for r in b.records()]
        return any(r.offset == offset and r.value == mark * 900000 for r in records)

    def make_room(self):
        os.unlink(self.ballast)
        began, error = time.monotonic(), 'not tried'
        while time.monotonic() - began < 15:
            try:
                with RawClient(self.broker.port) as client:
                    error = self.produce(client, 1)
            except ConnectionLost as lost:
                error = str(lost)
            if not error:
                break
            time.sleep(0.1)
        self.report.line(not error and time.monotonic() - began < 5, 'producing goes on when there '
                         'is room', error or f'after {time.monotonic() - began:.2f} s')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kind', choices=('kafka', 'moldau'), default='moldau')
    parser.add_argument('--only', default='', help='cases whose name contains this')
    options = parser.parse_args()
    brokers.exit_on_signals()
    loop_disk.sweep(tempfile.gettempdir())
    report = Report()
    Refusals(options.kind, report, options.only).run()
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
