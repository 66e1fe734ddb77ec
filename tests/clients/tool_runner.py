"""Runs Kafka's command-line tools against a broker and compares what they print with golden files.

    with Tools(broker, folder) as tools:
        lines = tools.run('topics-list', 'topics', '--list')
    Golden('golden').difference('topics-list', lines)

Every tool runs in the same JVM, one after the other (java/Tools.java), because each start costs a second.
"""
import argparse
import os
import re
import shutil
import subprocess
import tempfile
import threading

from broker import ROOT, Broker, exit_on_sigterm, kafka_jars

HERE = os.path.dirname(os.path.abspath(__file__))
LOG4J = os.path.join(ROOT, 'tests', 'reference', 'log4j2.properties')
# The tools that do not take the broker's address first, as an option of their own.
ADDRESS_LAST = ('cluster', 'producer-perf-test')
WITHOUT_ADDRESS = ('dump-log',)


def tool_classes():
    """{tool: its class}."""
    listed = subprocess.run([os.path.join(ROOT, 'tests', 'reference', 'kafka'), 'tools'], check=True,
                            capture_output=True, text=True).stdout
    return dict(line.split() for line in listed.splitlines())


def java(*options):
    """The command that runs a class of Kafka's, to be continued by more options or the class."""
    return ['java', '-XX:+UseSerialGC', f'-Dlog4j2.configurationFile={LOG4J}', '-Dconnections.level=ERROR',
            '-cp', kafka_jars() + '/*', *options]


class Tools:
    """One JVM of tools. A command that is not over when `seconds` have passed since its start ends them all."""

    def __init__(self, broker, folder, seconds=400, files=()):
        """Words of the arguments that are in `files` become files of `folder`, DATA/ the broker's directory."""
        self.broker, self.folder, self.files = broker, folder, files
        self.classes, self.seconds = tool_classes(), seconds

    def __enter__(self):
        self.errors = open(os.path.join(self.folder, 'tools.stderr'), 'w+')
        self.process = subprocess.Popen(
            java('-Xmx512m', os.path.join(HERE, 'java', 'Tools.java')), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.watchdog = threading.Timer(self.seconds, self.process.kill)
        self.watchdog.start()
        return self

    def __exit__(self, *_):
        self.watchdog.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def words(self, tool, arguments):
        given = [os.path.join(self.folder, word) if word in self.files else word for word in arguments.split()]
        given = [re.sub('^DATA/', self.broker.data + '/', word) for word in given]
        if tool in WITHOUT_ADDRESS:
            return given
        address = ['--bootstrap-server', self.broker.bootstrap]
        return given + address if tool in ADDRESS_LAST else address + given

    def run(self, name, tool, arguments):
        """The normalised lines of the output, or None when the JVM has ended."""
        path = os.path.join(self.folder, 'output', name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            self.process.stdin.write('\t'.join(['-', path, self.classes[tool],
                                                *self.words(tool, arguments)]) + '\n')
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        if self.process.stdout.readline().strip() != path:
            return None
        with open(path, errors='replace') as f:
            return self.normalise(f.read())

    def error_text(self):
        self.errors.seek(0)
        return self.errors.read()

    def normalise(self, text):
        """What must differ between two brokers, or between two runs, taken out."""
        text = text.replace(self.broker.bootstrap, 'BOOTSTRAP').replace(self.broker.data, 'DATA')
        text = text.replace(self.folder, 'FOLDER').replace(self.broker.directory, 'DIRECTORY')
        text = re.sub(r'(?m)^\d\d:\d\d:\d\d\.\d+ ', '', text)
        text = re.sub(r'(?m)^\[\d{4}-[^\]]*\] ', '', text)
        text = re.sub(r'TopicId: \S{22}', 'TopicId: ID', text)
        text = re.sub(r'Cluster ID: \S+', 'Cluster ID: ID', text)
        text = re.sub(r'127\.0\.0\.1(:|\s+)\d+', r'127.0.0.1 PORT', text)
        lines = [line.rstrip() for line in text.splitlines()]
        return [line for line in lines if line and not re.match(r'\s+(at |\.\.\. \d+ more)|WARN ', line)]


class Golden:
    """A folder with one file for each command: the command itself, then what Kafka printed."""

    def __init__(self, *folders):
        self.folder = os.path.join(HERE, *folders)

    def path(self, name):
        return os.path.join(self.folder, name + '.txt')

    def lines(self, name):
        """Of the output, or None when there is no such file."""
        if not os.path.exists(self.path(name)):
            return None
        with open(self.path(name)) as f:
            return f.read().splitlines()[1:]

    def record(self, outputs):
        """Writes {name: (command, lines)} in place of all that is there."""
        os.makedirs(self.folder, exist_ok=True)
        for old in os.listdir(self.folder):
            if old.endswith('.txt'):
                os.remove(os.path.join(self.folder, old))
        for name, (command, lines) in outputs.items():
            with open(self.path(name), 'w') as f:
                f.write('\n'.join([f'$ {command}'.rstrip()] + lines) + '\n')


def difference(lines, golden):
    """Why the output is not Kafka's, or None."""
    if lines is None:
        return 'not reached'
    if golden is None:
        return 'no golden file: --kind kafka --record'
    for i in range(max(len(lines), len(golden))):
        here = lines[i] if i < len(lines) else '(end)'
        there = golden[i] if i < len(golden) else '(end)'
        if here != there:
            return f'line {i + 1}: {here[:200]!r} instead of {there[:200]!r}'
    return None


def compare(title, description, commands, golden, run_all, why_not=None):
    """The program of a comparison: 0 when every command printed what Kafka did.

    `commands` are (name, tool, arguments); run_all(broker, folder) gives {name: lines} and what else went wrong;
    why_not(name, lines) the reason why the lines are not Kafka's, or None: by default, that they are others."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('--kind', choices=['moldau', 'kafka'], default='moldau')
    parser.add_argument('--record', action='store_true')
    parser.add_argument('--show', action='store_true')
    a = parser.parse_args()
    if a.record and a.kind != 'kafka':
        parser.error('--record is for --kind kafka')
    if not shutil.which('java'):
        print(f'skip {title} needs java\n0 passed, 0 failed, 1 skipped')
        return 1 if os.environ.get('CI') == 'true' else 0
    exit_on_sigterm()
    folder = tempfile.mkdtemp(prefix=title + '-')
    try:
        with Broker(a.kind) as broker:
            outputs, problems = run_all(broker, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if a.record and not problems:
        golden.record({name: (f'{tool} {arguments}', outputs[name]) for name, tool, arguments in commands})
    passed = 0
    for name, tool, arguments in commands:
        if a.show:
            print('\n'.join([f'$ {tool} {arguments}'] + outputs.get(name, ['(not reached)'])))
        lines = outputs.get(name)
        reason = why_not(name, lines) if why_not else difference(lines, golden.lines(name))
        passed += not reason
        print(f'not ok {name} {reason}' if reason else f'ok {name}')
    for problem in problems:
        print(f'not ok {problem}')
    failed = len(commands) - passed + len(problems)
    print(f'{passed} passed, {failed} failed, 0 skipped')
    return 1 if failed else 0
