"""Starting, killing and measuring one broker: Apache Kafka ('kafka') or Moldau ('moldau').

Both take the same Kafka properties. MOLDAU names Moldau's binary (build/release/bin/moldau by
default), KAFKA the reference runner (tests/reference/kafka by default), MOLDAU_ARGS further
arguments, PORTS the range that ports are taken from ("12000-21999"). Every process that is started here is killed when the harness ends, however it ends
short of SIGKILL.
"""
import atexit
import os
import random
import re
import shlex
import signal
import socket
import struct
import subprocess
import threading
import time

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READY = re.compile(rb'ready in (\d+) ms')
_started = set()


def moldau_binary():
    return os.environ.get('MOLDAU', os.path.join(REPOSITORY, 'build/release/bin/moldau'))


def kafka_runner():
    return os.environ.get('KAFKA', os.path.join(REPOSITORY, 'tests/reference/kafka'))


@atexit.register
def _kill_all():
    for process in list(_started):
        if process.poll() is None:
            process.kill()
            process.wait()


def exit_on_signals():
    """Makes SIGTERM, SIGHUP and SIGINT run the clean-up that atexit has. Call it from main."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda n, _: os._exit(128 + n) if _leaving.is_set() else _leave(n))


_leaving = threading.Event()


def _leave(number):
    _leaving.set()
    raise SystemExit(128 + number)


def free_port():
    """A port below the ephemeral range that is free now, with port + 10000 free too (Kafka's
    controller)."""
    lowest, highest = map(int, os.environ.get('PORTS', '12000-21999').split('-'))
    for _ in range(200):
        port = random.SystemRandom().randint(lowest, highest)
        try:
            for number in (port, port + 10000):
                with socket.socket() as probe:
                    probe.bind(('127.0.0.1', number))
        except OSError:
            continue
        return port
    raise RuntimeError('no free port')


def answers_api_versions(port, host='127.0.0.1', timeout=1.0):
    """Whether a broker answers ApiVersions v0 there: the definition of being ready."""
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.settimeout(timeout)
            body = struct.pack('>hhih', 18, 0, 7, -1)
            connection.sendall(struct.pack('>i', len(body)) + body)
            head = connection.recv(8)
            return len(head) == 8 and struct.unpack('>ii', head)[1] == 7
    except OSError:
        return False


class Broker:
    """One broker over its starts and ends. Thread rule: one thread starts and stops it."""

    def __init__(self, kind, directory, port=None, properties=None, arguments=()):
        if kind not in ('kafka', 'moldau'):
            raise ValueError(f'no such kind of broker: {kind}')
        self.kind, self.directory = kind, directory
        self.port = port or free_port()
        self.http_port = self.port + 5000
        self.properties = dict(properties or {})
        self.arguments = list(arguments)
        self.process, self.ready_s, self.starts = None, None, 0
        self.log_path = directory.rstrip('/') + '.log'  # beside it: the directory may be cut off

    @property
    def data(self):
        return os.path.join(self.directory, 'data')

    @property
    def pid(self):
        return self.process.pid

    def log_text(self, start=0):
        with open(self.log_path, errors='replace') as log:
            log.seek(start)
            return log.read()

    def command(self):
        if self.kind == 'kafka':
            settings = [f'{name}={value}' for name, value in self.properties.items()]
            return [kafka_runner(), 'broker', self.directory, str(self.port)] + settings
        path = self.write_properties()
        more = shlex.split(os.environ.get('MOLDAU_ARGS', ''))
        return [moldau_binary(), 'serve', '--properties', path, '--set',
                f'http.address=127.0.0.1:{self.http_port}'] + self.arguments + more

    def write_properties(self):
        os.makedirs(self.directory, exist_ok=True)
        path = os.path.join(self.directory, 'server.properties')
        settings = {'process.roles': 'broker,controller', 'node.id': 1,
                    'listeners': f'PLAINTEXT://127.0.0.1:{self.port}',
                    'advertised.listeners': f'PLAINTEXT://127.0.0.1:{self.port}',
                    'log.dirs': self.data, 'num.partitions': 4}
        settings.update(self.properties)
        with open(path, 'w') as file:
            file.writelines(f'{name}={value}\n' for name, value in settings.items())
        return path

    def launch(self):
        """Starts the process and returns at once."""
        command = self.command()
        self.log_start = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        self.started_at = time.monotonic()
        environment = {'HEAP': '512m', **os.environ}
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=environment, start_new_session=True)
        _started.add(self.process)
        self.starts += 1

    def start(self, timeout_s=90.0):
        """Starts it and waits until it answers; sets ready_s. RuntimeError when it does not."""
        self.launch()
        pause_s = 0.1 if self.kind == 'kafka' else 0.003
        while time.monotonic() - self.started_at < timeout_s:
            if self.process.poll() is not None:
                raise RuntimeError(f'{self.kind} ended with {self.process.returncode}: '
                                   + self.log_text(self.log_start)[-2000:])
            if answers_api_versions(self.port):
                self.ready_s = time.monotonic() - self.started_at
                return self
            time.sleep(pause_s)
        self.kill9()
        raise RuntimeError(f'{self.kind} not ready in {timeout_s} s: '
                           + self.log_text(self.log_start)[-2000:])

    def stop(self, timeout_s=60.0):
        """An orderly stop; the exit status, or None when it had to be killed."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill9()
            return None

    def kill9(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def memory_mib(self, field='VmRSS'):
        """VmRSS, VmHWM, ... in MiB."""
        with open(f'/proc/{self.pid}/status') as status:
            for line in status:
                if line.startswith(field + ':'):
                    return int(line.split()[1]) / 1024
        raise ValueError(f'no {field} in /proc/{self.pid}/status')

    def cpu_s(self):
        """CPU seconds of all living threads, exact to the nanosecond."""
        total = 0
        for task in os.listdir(f'/proc/{self.pid}/task'):
            try:
                with open(f'/proc/{self.pid}/task/{task}/schedstat') as file:
                    total += int(file.read().split()[0])
            except OSError:
                pass  # the thread has just ended
        return total / 1e9

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop(20)
