#!/usr/bin/env python3
"""Installs the pinned clients that the tests run: virtual environments, node_modules, Go and Rust builds.

    prepare.py [--list] [NAME ...]       all of them by default

Each goes to ${MOLDAU_TEST_CACHE:-~/.cache/moldau-tests}/NAME, once: it is made anew only when one of its
sources under tests/clients/ changed. The versions are pinned in those sources.
"""
import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get('MOLDAU_TEST_CACHE', os.path.expanduser('~/.cache/moldau-tests'))

# name: (kind, the folder of its sources, its requirements); and the command that the kind needs.
CLIENTS = {
    'confluent': ('python', 'confluent', 'requirements.txt'),
    'kafka_python': ('python', 'kafka_python', 'requirements.txt'),
    'kafka_python-2.0.2': ('python', 'kafka_python', 'requirements-2.0.2.txt'),
    'aiokafka': ('python', 'aiokafka', 'requirements.txt'),
    'kafkajs': ('node', 'kafkajs', 'package.json'),
    'platformatic': ('node', 'platformatic', 'package.json'),
    'franz_go': ('go', 'franz_go', 'go.mod'),
    'sarama': ('go', 'sarama', 'go.mod'),
    'rust_rdkafka': ('rust', 'rust_rdkafka', 'Cargo.toml'),
}
NEEDS = {'python': sys.executable, 'node': 'npm', 'go': 'go', 'rust': 'cargo'}


class Missing(Exception):
    """A tool that the client cannot be prepared without; the message is its name."""


def prepare(name):
    """Installs or builds the client when needed; returns its folder."""
    kind, folder, requirements = CLIENTS[name]
    if not shutil.which(NEEDS[kind]):
        raise Missing(NEEDS[kind])
    source, home = os.path.join(HERE, folder), os.path.join(CACHE, name)
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, name + '.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _stamp(kind, source, requirements)
        stamp = os.path.join(home, 'prepared')
        if os.path.exists(stamp) and open(stamp).read() == wanted:
            return home
        if os.path.exists(stamp):
            os.remove(stamp)
        _MAKE[kind](source, home, requirements)
        with open(stamp, 'w') as f:
            f.write(wanted)
    return home


def _stamp(kind, source, requirements):
    """Of everything that an installation or a build depends on: scripts are run where they are."""
    digest = hashlib.sha256()
    for base, folders, files in os.walk(source):
        folders.sort()
        for file in sorted(files):
            if file == requirements or kind in ('go', 'rust') and file != 'Cargo.lock':
                with open(os.path.join(base, file), 'rb') as f:
                    digest.update(file.encode() + b'\0' + f.read())
    return digest.hexdigest()


def _run(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}")


def _python(source, home, requirements):
    shutil.rmtree(home, ignore_errors=True)
    _run([sys.executable, '-m', 'venv', home])
    _run([os.path.join(home, 'bin', 'pip'), 'install', '-q', '-r',
          os.path.join(source, requirements)])


def _node(source, home, requirements):
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    shutil.copy(os.path.join(source, requirements), home)
    _run(['npm', 'install', '--silent', '--no-package-lock', '--no-audit', '--no-fund'], cwd=home)


def _go(source, home, _):
    os.makedirs(home, exist_ok=True)
    _run(['go', 'build', '-o', home + os.sep, './...'], cwd=source)


def _rust(source, home, _):
    shutil.copytree(source, home, dirs_exist_ok=True)
    _run(['cargo', 'build', '--release', '--quiet'], cwd=home)


_MAKE = {'python': _python, 'node': _node, 'go': _go, 'rust': _rust}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--list', action='store_true')
    parser.add_argument('names', nargs='*', choices=[*CLIENTS, []])
    a = parser.parse_args()
    if a.list:
        print('\n'.join(CLIENTS))
        return 0
    failed = 0
    for name in a.names or CLIENTS:
        started = time.monotonic()
        try:
            print(f'ok {name} {prepare(name)} ({time.monotonic() - started:.0f} s)', flush=True)
        except Missing as e:
            print(f'skip {name} needs {e}', flush=True)
        except RuntimeError as e:
            failed += 1
            print(f'not ok {name} {e}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
