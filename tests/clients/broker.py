#!/usr/bin/env python3
"""One broker, Moldau or Apache Kafka, from one set of Kafka properties: start, stop, kill, measure.

    from broker import Broker
    with Broker('moldau', {'num.partitions': 4}) as broker:
        broker.bootstrap, broker.cpu_seconds(), broker.rss_mb()
        broker.kill(); broker.start()            # the same data, the same port

Each broker has its own free port and its own temporary directory, so several may run at once. Both
go away at close(), at the interpreter's exit, on SIGTERM, and the process also when this one dies.

    broker.py KIND [--dir DIR] [--port PORT] [name=value ...]     one broker in the foreground

MOLDAU names Moldau's binary (default build/release/bin/moldau of this checkout), HEAP Kafka's heap.
"""
import argparse
import atexit
import base64
import ctypes
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MOLDAU = os.environ.get('MOLDAU', os.path.join(ROOT, 'build', 'release', 'bin', 'moldau'))
KAFKA = os.path.join(ROOT, 'tests', 'reference', 'kafka')
LOG4J = os.path.join(ROOT, 'tests', 'reference', 'log4j2.properties')
READY_SECONDS = 90
STOP_SECONDS = 30

DEFAULTS = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
}

_open = set()
_libc = ctypes.CDLL(None)


def free_ports(count):
    """Ports nobody listens on; taken together, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(('127.0.0.1', 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def answers(port, timeout=1.0):
    """Whether a broker answers ApiVersions v0 there."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout) as s:
            s.settimeout(timeout)
            request = struct.pack('>hhih', 18, 0, 7, -1)
            s.sendall(struct.pack('>i', len(request)) + request)
            head = s.recv(8)
            return len(head) == 8 and struct.unpack('>ii', head)[1] == 7
    except OSError:
        return False


def kafka_jars():
    """The folder of Apache Kafka's jars, fetched when missing."""
    return subprocess.run([KAFKA, 'fetch'], check=True, capture_output=True, text=True).stdout.strip()


def _die_with_parent():
    # The parent is the thread that called start(): it has to live as long as the broker.
    _libc.prctl(1, signal.SIGKILL)    # PR_SET_PDEATHSIG


class Broker:
    def __init__(self, kind, properties=None, directory=None, port=None, wrap=(), env=None,
                 format_options=()):
        """kind: 'moldau' or 'kafka'. A property of None takes a default away. A directory that is
        given is kept at close(); wrap is a command prefix such as ['taskset', '-c', '0'];
        format_options are for Kafka's `storage format`."""
        if kind not in ('moldau', 'kafka'):
            raise ValueError(f'no kind of broker {kind!r}')
        self.kind, self.wrap, self.env = kind, list(wrap), dict(env or {})
        self.format_options = list(format_options)
        self.temporary = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix=f'{kind}-test-')
        os.makedirs(self.directory, exist_ok=True)
        ports = free_ports(3)
        self.port = port or ports[0]
        self.bootstrap = f'127.0.0.1:{self.port}'
        self.http = f'127.0.0.1:{ports[2]}'    # Moldau's health and metrics
        self.log = os.path.join(self.directory, 'broker.log')
        self.data = os.path.join(self.directory, 'data')
        self.process = None
        self.ready_seconds = None
        self.properties = dict(DEFAULTS)
        self.properties['controller.quorum.bootstrap.servers'] = f'127.0.0.1:{ports[1]}'
        self.properties['listeners'] = (f'PLAINTEXT://{self.bootstrap},'
                                        f'CONTROLLER://127.0.0.1:{ports[1]}')
        self.properties['advertised.listeners'] = f'PLAINTEXT://{self.bootstrap}'
        self.properties['log.dirs'] = self.data
        for name, value in (properties or {}).items():
            if value is None:
                self.properties.pop(name, None)
            else:
                self.properties[name] = str(value)

    def start(self, timeout=READY_SECONDS):
        """Returns when the broker answers; RuntimeError with its log's end when it does not."""
        command = self.wrap + self._command()
        _open.add(self)
        started = time.monotonic()
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, **self.env}, start_new_session=True,
                preexec_fn=_die_with_parent)
        while time.monotonic() - started < timeout:
            if self.process.poll() is not None:
                raise RuntimeError(f'{self.kind} exited with {self.process.returncode}: '
                                   + self.log_tail())
            if answers(self.port):
                self.ready_seconds = time.monotonic() - started
                return self
            time.sleep(0.01 if self.kind == 'moldau' else 0.1)
        self.kill()
        raise RuntimeError(f'{self.kind} not ready after {timeout} s: ' + self.log_tail())

    def stop(self, timeout=STOP_SECONDS):
        """Orderly. False when it had to be killed or did not exit with 0 (143 for a JVM)."""
        if not self.alive():
            return True
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout) in (0, 143)
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()

    def close(self):
        """Kills what runs and removes the temporary directory."""
        self.kill()
        if self.temporary:
            shutil.rmtree(self.directory, ignore_errors=True)
        _open.discard(self)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def cpu_seconds(self):
        """CPU of the process so far: exact for living threads, to 10 ms for those that ended."""
        pid, living = self.process.pid, 0
        for task in os.listdir(f'/proc/{pid}/task'):
            try:
                with open(f'/proc/{pid}/task/{task}/schedstat') as f:
                    living += int(f.read().split()[0])
            except OSError:
                pass
        with open(f'/proc/{pid}/stat') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return max(living / 1e9, (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK'))

    def rss_mb(self):
        with open(f'/proc/{self.process.pid}/status') as f:
            return next(int(l.split()[1]) / 1024 for l in f if l.startswith('VmRSS'))

    def log_tail(self, characters=2000):
        with open(self.log, errors='replace') as f:
            return f.read()[-characters:]

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def _command(self):
        path = os.path.join(self.directory, 'server.properties')
        with open(path, 'w') as f:
            f.writelines(f'{name}={value}\n' for name, value in self.properties.items())
        if self.kind == 'moldau':
            if not os.path.exists(MOLDAU):
                raise RuntimeError(f'no broker at {MOLDAU}: ./dev build, or set MOLDAU')
            return [MOLDAU, 'serve', '--properties', path, '--set', f'http.address={self.http}']
        java = ['java', '-Djava.awt.headless=true', f'-Dlog4j2.configurationFile={LOG4J}',
                '-cp', kafka_jars() + '/*']
        if not os.path.exists(os.path.join(self.data, 'meta.properties')):
            cluster = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip('=').replace('-', '_')
            done = subprocess.run(java + ['-Xmx128m', 'kafka.tools.StorageTool', 'format',
                                          '--standalone', '-t', cluster, '-c', path,
                                          *self.format_options],
                                  capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError('format: ' + done.stdout + done.stderr)
        heap = os.environ.get('HEAP', '1g')
        return java + [f'-Xms{heap}', f'-Xmx{heap}', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20',
                       '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent',
                       'kafka.Kafka', path]


@atexit.register
def _close_all():
    for broker in list(_open):
        broker.close()


def exit_on_sigterm():
    """For programs that start brokers: SIGTERM then runs the clean-up too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('kind', choices=['moldau', 'kafka'])
    parser.add_argument('--dir')
    parser.add_argument('--port', type=int)
    parser.add_argument('properties', nargs='*', metavar='name=value')
    a = parser.parse_args()
    exit_on_sigterm()
    broker = Broker(a.kind, dict(p.split('=', 1) for p in a.properties), a.dir, a.port)
    with broker:
        print(f'{a.kind} on {broker.bootstrap} after {broker.ready_seconds:.2f} s, '
              f'pid {broker.process.pid}, {broker.directory}', flush=True)
        try:
            broker.process.wait()
        except KeyboardInterrupt:
            broker.stop()


if __name__ == '__main__':
    main()
