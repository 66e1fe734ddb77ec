#!/usr/bin/env python3
"""Plays the stories of tests/scenario/txn to a real Apache Kafka, and says where it tells another one.

    referee.py [STORY.txt]...      all of them without an argument; about four minutes
    referee.py --record            also writes golden/records.tsv: what Kafka wrote to __transaction_state

The commands are those of tests/scenario/README.md, as far as a real broker can be made to do them: a story is played up
to the first that it cannot (a partition that is away, a crash in the middle of a step, connections). Time runs ten times
as fast as the story says. Answers, the records of __transaction_state and the markers are compared line by line;
`# Kafka: LINE` behind an expectation is what Kafka is known to say instead, `# Kafka: ` alone that it says nothing there.
A record in golden/records.tsv is a line: key and value in hexadecimal, - for no value, and both as Kafka's own dump-log
reads them.
"""
import argparse
import pathlib
import re
import shlex
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
STORIES = HERE.parent / 'scenario' / 'txn'
sys.path[:0] = [str(HERE.parent / 'clients'), str(HERE.parent / 'safety')]
from broker import KAFKA, Broker, exit_on_sigterm  # noqa: E402
from internal_topics import NAMES, STATES, _Fixed  # noqa: E402
from raw_client import API, ERROR, ERROR_NAME, Reader, Writer, error_name  # noqa: E402
from record_batch import Fields, build_batch, parse_batches  # noqa: E402
from txn_client import TxnClient  # noqa: E402

SPEED = 10
SETTLED = 0.25    # what a timeout may be late, in seconds
FOREIGN = 9_000_000    # X1 is one more
PROPERTIES = {
    'transaction.state.log.num.partitions': '1',
    'transaction.max.timeout.ms': str(900_000 // SPEED),
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': '50',
}
TOMBSTONES = {'transactional.id.expiration.ms': '1',
              'transaction.remove.expired.transaction.cleanup.interval.ms': '200'}

API.setdefault('UpdateFeatures', 57)
ERROR_NAME.setdefault(128, 'INVALID_REGULAR_EXPRESSION')


class CannotBePlayed(Exception):
    pass


def milliseconds(text):
    number, unit = re.fullmatch(r'(\d+)(ms|s|m|h|d)', text).groups()
    return int(number) * {'ms': 1, 's': 1000, 'm': 60_000, 'h': 3_600_000, 'd': 86_400_000}[unit]


def duration(ms):
    return f'{ms // 1000}s' if ms % 1000 == 0 else f'{ms}ms'


def partitions_text(keys):
    topics = {}
    for topic, number in sorted(keys):
        topics.setdefault(topic, []).append(str(number))
    return ''.join(f' {topic}-{",".join(numbers)}' for topic, numbers in topics.items())


class Value:
    """A record of __transaction_state, all of it."""

    def __init__(self, record):
        key = _Fixed(record.key)
        key.unpack('h')
        self.name, self.state, self.version = key.string(), 'none', 1
        if record.value is None:
            return
        self.version, = struct.unpack_from('>h', record.value)
        reader = (_Fixed, Reader)[self.version](record.value[2:])
        self.producer, self.epoch, self.timeout_ms, state = reader.unpack('qhib')
        self.state = NAMES[state]

        def topic():
            name, numbers = reader.string(), reader.int32s()
            reader.tags()
            return [(name, number) for number in numbers]
        self.keys = [key for keys in reader.array(topic) or () for key in keys]
        reader.unpack('qq')
        tags = reader.tags() or {}
        self.previous = struct.unpack('>q', tags[0])[0] if 0 in tags else -1
        self.next = struct.unpack('>q', tags[1])[0] if 1 in tags else -1
        self.client = struct.unpack('>h', tags[2])[0] if 2 in tags else 0


class Story:
    """One file's world in the broker: its ids and topics have the file's name in front."""

    def __init__(self, broker, name):
        self.broker, self.prefix = broker, name + '.'
        self.connect()
        self.topics, self.ids = set(), set()
        self.names = []       # producer ids: P1 is the first
        self.clients = {}     # name: [transactional id, producer]
        self.read_up_to = {}  # partitions
        self.await_coordinator()
        self.read_new()

    def connect(self):
        self.client = TxnClient(self.broker.port)

    def await_coordinator(self):
        """Until it is there, with a block of producer ids."""
        while (self.client.find_transaction_coordinator('x')[0]
               or self.client.init_producer_id()[0] == ERROR['COORDINATOR_LOAD_IN_PROGRESS']):
            time.sleep(0.1)

    # Names

    def producer_name(self, ident):
        if ident == -1:
            return 'nobody'
        if ident > FOREIGN:
            return f'X{ident - FOREIGN}'
        if ident not in self.names:
            self.names.append(ident)
        return f'P{self.names.index(ident) + 1}'

    def producer_text(self, producer):
        return f'{self.producer_name(producer[0])}/{producer[1]}'

    def producer_id(self, name):
        if name == 'nobody':
            return -1
        number = int(name[1:])
        return FOREIGN + number if name[0] == 'X' else self.names[number - 1]

    def producer_in(self, text):
        name, epoch = text.split('/')
        return self.producer_id(name), int(epoch)

    def keys_in(self, words):
        keys = []
        for word in words:
            topic, _, numbers = word.rpartition('-')
            if topic not in self.topics:
                self.client.create_topic(self.prefix + topic, 2)
                self.topics.add(topic)
                time.sleep(0.3)    # until it has its leaders
            keys += [(self.prefix + topic, int(number)) for number in numbers.split(',')]
        return keys

    def named(self, keys):
        return [(topic.removeprefix(self.prefix), number) for topic, number in keys]

    # What is in the logs

    def read_new(self):
        """The lines that tell of what came into the logs since the last time."""
        markers = []
        for topic in sorted(self.topics):
            for number in range(2):
                for batch in self.new_batches(self.prefix + topic, number):
                    commit, _ = batch.marker()
                    markers.append(f'  marked {topic}-{number} {"COMMIT" if commit else "ABORT"} '
                                   + self.producer_text((batch.producer_id, batch.producer_epoch)))
        lines = []
        for batch in self.new_batches(STATES, 0):
            for record in batch.records():
                value = Value(record)
                if not value.name.startswith(self.prefix):
                    continue
                lines.append(self.record_text(value))
                if value.state.startswith('Prepare'):
                    mine = [line for line in markers if line.endswith(self.producer_text((value.producer, value.epoch)))]
                    lines += mine
                    markers = [line for line in markers if line not in mine]
        return lines + markers

    def new_batches(self, topic, number):
        while True:
            at = self.read_up_to.get((topic, number), 0)
            _error, answers = self.client.fetch({(topic, number): at}, max_wait_ms=0, version=12)
            batches = list(parse_batches(bytes(answers[topic, number]['data'])))
            if not batches:
                return
            for batch in batches:
                if batch.last_offset >= at:
                    yield batch
            self.read_up_to[topic, number] = batches[-1].last_offset + 1

    def record_text(self, value):
        name = value.name.removeprefix(self.prefix)
        if value.state == 'none':
            return f'  forgot {name}'
        line = '  wrote ' + ('' if name == 't' else f'{name}: ') + value.state
        line += ' ' + self.producer_text((value.producer, value.epoch))
        if value.version and value.previous != value.producer:
            line += ' after ' + self.producer_name(value.previous)
        if value.next != -1:
            line += ' then ' + self.producer_name(value.next)
        if value.state == 'Empty':
            line += ' timeout ' + duration(value.timeout_ms * SPEED)
        if value.client:
            line += f' v{value.client}'
        if value.version != 1:
            line += f' in version {value.version}'
        if value.keys:
            line += ':' + partitions_text(self.named(value.keys))
        return line

    def settle(self):
        """Until nothing is on its way."""
        while any(state.state.startswith('Prepare')
                  for state in self.client.describe_transactions(sorted(self.ids)).values()):
            time.sleep(0.01)

    # Commands

    def play(self, command):
        verb, *words = shlex.split(command)
        options = dict(word.split('=', 1) for word in words if '=' in word)
        words = [word for word in words if '=' not in word]
        if any(name in options for name in ('connection', 'kept')):
            raise CannotBePlayed(command)
        method = getattr(self, 'do_' + verb.replace('-', '_'), None)
        if method is None:
            raise CannotBePlayed(command)
        said = method(words, options)
        if self.ids:
            self.settle()
        return said + self.read_new()

    def client_of(self, words, options):
        client = self.clients.setdefault(words[0], ['t', (-1, -1)])
        client[0] = options.get('id', client[0])
        self.ids.add(self.prefix + client[0])
        return client, self.prefix + client[0]

    @staticmethod
    def code(error):
        return error_name(error) if error else 'ok'

    def older(self, api, version, body, form):
        """A request of a version that is not flexible."""
        writer = Writer()
        writer.parts += body
        return self.client.receive(self.client.send(api, version, writer, flexible=False),
                                   header_tags=False).unpack(form)

    @staticmethod
    def older_string(text):
        return struct.pack('>h', len(text)) + text.encode()

    def do_init(self, words, options):
        client, ident = self.client_of(words, options)
        expects = options.get('expects')
        expected = (-1, -1) if expects is None else client[1] if expects == 'own' else self.producer_in(expects)
        timeout = milliseconds(options.get('timeout', '60s')) // SPEED
        version = int(options.get('v', 4))
        if version < 2:
            body = self.older_string(ident) + struct.pack('>i', timeout)
            error, *producer = self.older('InitProducerId', version, body, 'xxxxhqh')
        else:
            error, producer = self.client.init_transactional_id(ident, timeout, expected, max(version, 3))
        if error:
            return [f'{words[0]} <- {error_name(error)}']
        client[1] = tuple(producer)
        return [f'{words[0]} <- {self.producer_text(client[1])}']

    def enlist(self, words, options, send):
        client, ident = self.client_of(words, options)
        producer = self.producer_in(options['producer']) if 'producer' in options else client[1]
        keys = self.keys_in(words[1:])
        codes = send(ident, producer, keys)
        texts = [self.code(codes[key]) for key in keys]
        if len(set(texts)) == 1:
            return [f'{words[0]} <- {texts[0]}']
        return [f'{words[0]} <- ' + ', '.join(
            f'{topic}-{number}: {text}' for (topic, number), text in zip(self.named(keys), texts))]

    def do_add(self, words, options):
        return self.enlist(words, options, self.client.add_partitions)

    def do_write(self, words, options):
        return self.enlist(words, options, lambda *a: self.ask_as_broker(*a, verify_only=False))

    def do_verify(self, words, options):
        return self.enlist(words, options, lambda *a: self.ask_as_broker(*a, verify_only=True))

    def ask_as_broker(self, ident, producer, keys, verify_only):
        error, codes = self.client.verify_partitions(ident, producer, keys, verify_only)
        if error:    # below level 1 Kafka does not serve these versions
            raise CannotBePlayed(error_name(error))
        return codes

    def do_end(self, words, options):
        client, ident = self.client_of(words, options)
        producer = self.producer_in(options['producer']) if 'producer' in options else client[1]
        commit, version, following = words[1] == 'commit', int(options.get('v', 5)), None
        if version < 3:
            body = self.older_string(ident) + struct.pack('>qh?', *producer, commit)
            error = self.older('EndTxn', version, body, 'xxxxh')
        else:
            error, following = self.client.end_txn(ident, producer, commit, version)
        text = self.code(error)
        if following and following[0] != -1:
            client[1] = following
            text += ' ' + self.producer_text(following)
        return [f'{words[0]} <- {text}']

    def do_describe(self, _words, options):
        name = options.get('id', 't')
        ident = self.prefix + name if name else ''
        state = self.client.describe_transactions([ident])[ident]
        if state.error:
            return [error_name(state.error)]
        line = f'{state.state} {self.producer_text(state.producer)} timeout {duration(state.timeout_ms * SPEED)}'
        if state.start_ms != -1:
            line += ' for SOME TIME'
        if state.keys:
            line += ':' + partitions_text(self.named(state.keys))
        return [line]

    def do_list(self, _words, options):
        writer = Writer()
        writer.array([s for s in options.get('states', '').split(',') if s], writer.string)
        writer.array([self.producer_id(p) for p in options.get('producers', '').split(',') if p],
                     lambda n: writer.pack('q', n))
        writer.pack('q', milliseconds(options['longer']) // SPEED if 'longer' in options else -1)
        pattern = options.get('pattern')
        writer.string(f'{re.escape(self.prefix)}({pattern})' if pattern else pattern).tags()
        reader = self.client.call('ListTransactions', 2, writer)
        _throttle, error = reader.unpack('ih')
        if error:
            return [error_name(error)]
        lines = [f'no state {name}' for name in reader.array(reader.string)]

        def state():
            found = reader.string(), reader.unpack('q'), reader.string()
            reader.tags()
            return found
        for name, producer, what in sorted(reader.array(state)):
            if name.startswith(self.prefix):
                lines.append(f'{name.removeprefix(self.prefix)} {what} {self.producer_name(producer)}')
        return lines

    def do_pass(self, words, _options):
        ms = milliseconds(words[0]) // SPEED
        if ms > 20_000:
            raise CannotBePlayed(words[0])
        time.sleep(ms / 1000 + SETTLED if ms else 0)
        return []

    def do_restart(self, _words, _options):
        self.client.close()
        self.broker.stop()
        self.broker.start(timeout=300)    # of a machine that is busy
        self.connect()
        self.await_coordinator()
        # It has to read its log first.
        while any(state.error not in (0, ERROR['TRANSACTIONAL_ID_NOT_FOUND'])
                  for state in self.client.describe_transactions(sorted(self.ids) or ['x']).values()):
            time.sleep(0.05)
        return []

    def do_level(self, words, _options):
        set_level(self.client, int(words[0]))
        return []

    def do_given(self, words, options):
        """Kafka lets a client of this name write to its own topics."""
        name, version = options.get('id', 't'), int(options.get('version', 1))
        self.ids.add(self.prefix + name)
        producer = self.producer_in(words[1])
        keys = self.keys_in(words[2:])
        value = Writer().pack('h', version)
        value.pack('qhib', *producer, milliseconds(options.get('timeout', '60s')) // SPEED, NAMES.index(words[0]))
        topics = {}
        for topic, number in keys:
            topics.setdefault(topic, []).append(number)
        value.array(None if words[0] == 'Empty' else list(topics.items()),
                    lambda item: value.string(item[0]).int32s(item[1]).tags())
        now = int(time.time() * 1000)
        value.pack('qq', now, -1 if words[0] == 'Empty' else now)
        tags = [(0, struct.pack('>q', producer[0]))]
        if options.get('client', '2') != '0':
            tags.append((2, struct.pack('>h', int(options.get('client', '2')))))
        value.uvarint(len(tags))
        for tag, data in tags:
            value.uvarint(tag).uvarint(len(data)).parts.extend(data)
        key = struct.pack('>h', 0) + self.older_string(self.prefix + name)
        with TxnClient(self.broker.port, client_id='__admin_client') as admin:
            error, _, _ = admin.produce(STATES, 0, build_batch([(key, bytes(value.parts))], Fields(base_timestamp=now)))
        if error:
            raise RuntimeError(f'{STATES}: {error_name(error)}')
        self.read_new()
        return self.do_restart([], {})


def set_level(client, level):
    """Up or down, and until the broker knows of it."""
    codes = []
    for direction in (1, 2):
        writer = Writer().pack('i', 10_000)
        writer.array([level], lambda n: writer.string('transaction.version').pack('hb', n, direction).tags())
        reader = client.receive(client.send('UpdateFeatures', 1, writer.pack('?', False).tags()))
        codes.append(reader.unpack('xxxxh'))
    if 0 not in codes:
        raise RuntimeError(f'transaction.version {level}: {[error_name(code) for code in codes]}')
    time.sleep(0.5)


def cases_of(path):
    """(line number, command, expected lines) of a story; a line of what Kafka says instead takes the place."""
    cases, number, command, expected, known = [], 0, None, [], None

    def end():
        if command is not None:
            cases.append((number, command, expected if known is None else known))
    for at, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith('> '):
            end()
            number, command, expected, known = at, line[2:], [], None
        elif line.startswith('# Kafka:'):
            known = (known or []) + [line.removeprefix('# Kafka:').removeprefix(' ')]
        elif line and not line.startswith('#'):
            expected.append(line)
    end()
    return cases


def comparable(lines):
    """Without what a real broker does not say, or not to the millisecond."""
    out = []
    for line in lines:
        if line in ('ok', '') or line.startswith('  timed out'):
            continue
        line = re.sub(r' for [^:]*', '', line) if re.match(r'\w+ \w+/', line) else line
        if line.startswith('  marked'):
            line = re.sub(r' v\d+$', '', line)
        out.append(line)
    return out


def play(broker, path):
    """(commands played, commands, differences)"""
    story, cases, differences = Story(broker, path.stem), cases_of(path), 0
    set_level(story.client, 2)
    for count, (number, command, expected) in enumerate(cases):
        if command.startswith('deadline'):
            continue
        try:
            said = story.play(command)
        except CannotBePlayed:
            return count, len(cases), differences
        if comparable(said) != comparable(expected):
            differences += 1
            print(f'{path.name}:{number}: > {command}', 'the story:', *comparable(expected), 'Kafka:',
                  *comparable(said), sep='\n    ')
    return len(cases), len(cases), differences


def record(broker):
    """Everything that is in the log, and tombstones: with the bytes, and as dump-log reads them."""
    broker.stop()
    broker.properties.update(TOMBSTONES)
    broker.start(timeout=300)
    time.sleep(2)
    with TxnClient(broker.port) as client:
        story = Story.__new__(Story)
        story.client, story.read_up_to = client, {}
        raw = {record.offset: record for batch in story.new_batches(STATES, 0) for record in batch.records()}
    broker.stop()
    log = pathlib.Path(broker.data) / f'{STATES}-0' / f'{0:020}.log'
    dump = subprocess.run([KAFKA, 'dump-log', '--transaction-log-decoder', '--files', log], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    lines = ['key\tvalue\tkey_json\tvalue_json']
    for offset, key, payload in re.findall(r'offset: (\d+) .*key: (\{.*?\}) payload: (.*)', dump):
        each = raw[int(offset)]
        value = '-' if each.value is None else each.value.hex()
        lines.append('\t'.join([each.key.hex(), value, key, payload]))
    (HERE / 'golden').mkdir(exist_ok=True)
    (HERE / 'golden' / 'records.tsv').write_text('\n'.join(lines) + '\n')
    print(f'{len(lines) - 1} records')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('stories', nargs='*', type=pathlib.Path)
    parser.add_argument('--record', action='store_true')
    options = parser.parse_args()
    exit_on_sigterm()
    differences = 0
    with Broker('kafka', PROPERTIES) as broker:
        for path in options.stories or sorted(STORIES.glob('*.txt')):
            played, commands, different = play(broker, path)
            differences += different
            print(f'{path.stem}: {played} of {commands} commands, {different} differ', flush=True)
        if options.record:
            record(broker)
    return 1 if differences else 0


if __name__ == '__main__':
    sys.exit(main())
