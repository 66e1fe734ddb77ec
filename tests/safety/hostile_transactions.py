"""Rows of hostile.py: what is wrong with a transaction.

Every row has a transactional id of its own. The broker has nobody but these rows and the bystander, so that a
transaction is where the row left it.
"""
import itertools
import struct
import time

from hostile_arena import TOPIC, Row, good_batch
from raw_client import API, ConnectionLost, MalformedResponse, Writer, error_name, framed, request_header
from record_batch import TRANSACTIONAL
from txn_client import NO_PRODUCER, TxnClient, transactional_batch

HERE, THERE, NOWHERE = (TOPIC, 0), (TOPIC, 1), (TOPIC, 99)
OFFSETS = ('__consumer_offsets', 0)
PATIENCE_S = 20.0
_numbers = itertools.count()


class Life:
    """A transactional id on a connection of its own, with the producer that was given to it."""

    def __init__(self, client):
        self.client, self.id = client, f'hostile-{next(_numbers)}'
        self.wait_for(lambda: client.find_transaction_coordinator(self.id)[0])
        self.producer = self.init()

    @staticmethod
    def wait_for(attempt):
        """Repeats what is refused for now: a coordinator that loads, a transaction that ends."""
        until = time.monotonic() + PATIENCE_S
        while True:
            error = attempt()
            if error_name(error) not in ('COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS',
                                         'NOT_COORDINATOR', 'CONCURRENT_TRANSACTIONS'):
                return error
            if time.monotonic() > until:
                raise AssertionError(f'still {error_name(error)}')
            time.sleep(0.05)

    def init(self, **options):
        answer = []

        def attempt():
            answer[:] = self.client.init_transactional_id(self.id, **options)
            return answer[0]
        error = self.wait_for(attempt)
        if error:
            raise AssertionError(f'InitProducerId: {error_name(error)}')
        return answer[1]

    def older(self):
        """The producer as it was before another came."""
        old, self.producer = self.producer, self.init()
        return old

    def add(self, *keys, version=3, producer=None):
        answers = {}

        def attempt():
            answers.clear()
            answers.update(self.client.add_partitions(self.id, producer or self.producer, keys, version))
            return next(iter(answers.values()), 0)
        self.wait_for(attempt)
        return answers

    def begin(self, *keys):
        """Opens a transaction of the old protocol."""
        for key, error in self.add(*(keys or (HERE,))).items():
            if error:
                raise AssertionError(f'AddPartitionsToTxn of {key}: {error_name(error)}')
        return self

    def end(self, commit, version=4, producer=None):
        """Until it is answered and, in Kafka, complete."""
        error = self.wait_for(lambda: self.client.end_txn(self.id, producer or self.producer, commit,
                                                          version)[0])
        while self.client.describe_transactions([self.id])[self.id].state.startswith('Prepare'):
            time.sleep(0.01)
        return error

    def write(self, version=11, sequence=0, key=HERE, producer=None, transactional_id=None, batch=None):
        """Produces one transactional record, or `batch`; the error."""
        producer = producer or self.producer
        batch = batch or transactional_batch([(b'k', b'v')], producer, sequence)
        return self.wait_for(lambda: self.client.produce(
            *key, batch, version=version, transactional_id=transactional_id or self.id)[0])


def of_a_life(action):
    """An attack that has a Life. What `action` returns is an error, or the outcome itself."""
    def attack(arena):
        with TxnClient(arena.port, timeout=PATIENCE_S) as client:
            try:
                outcome = action(Life(client))
            except ConnectionLost as lost:
                return 'silent' if 'timed out' in str(lost) else 'closed'
            except MalformedResponse as error:
                return f'malformed answer: {error}'
            client.api_versions()
            return outcome if isinstance(outcome, str) else error_name(outcome)
    return attack


def named(answers):
    """The errors of partitions, in the order of the partitions."""
    return ', '.join(error_name(error) for _, error in sorted(answers.items()))


def call_old(client, api, version, body):
    """A request of a version without tagged fields; the body of the answer."""
    client.correlation += 1
    head = request_header(API[api], version, client.correlation, flexible=False)
    client.send_raw(framed(head + body))
    return client.receive(client.correlation, header_tags=False)


def old_text(text):
    return struct.pack('>h', len(text)) + text.encode()


def old_end(life, producer, version=1):
    body = old_text(life.id) + struct.pack('>qh?', *producer, True)
    return call_old(life.client, 'EndTxn', version, body).unpack('xxxxh')


def old_add(life, producer, version=1):
    body = (old_text(life.id) + struct.pack('>qhi', *producer, 1) + old_text(TOPIC)
            + struct.pack('>ii', 1, 0))
    reader = call_old(life.client, 'AddPartitionsToTxn', version, body)
    reader.unpack('ii')
    length = reader.unpack('h')
    reader.at += length
    return reader.unpack('iih')[2]


def old_add_offsets(life, producer, version=1):
    body = old_text(life.id) + struct.pack('>qh', *producer) + old_text('group')
    return call_old(life.client, 'AddOffsetsToTxn', version, body).unpack('xxxxh')


def later(producer, by=1):
    return producer[0], producer[1] + by


def stranger(producer):
    return producer[0] + 500000, 0


def rows_of_init():
    def init(transactional_id=None, **options):
        def action(life):
            name = life.id if transactional_id is None else transactional_id
            return life.client.init_transactional_id(name, **options)[0]
        return of_a_life(action)

    def of_the_producer(change, version=4):
        return of_a_life(lambda life: life.client.init_transactional_id(
            life.id, producer=change(life.producer), version=version)[0])

    def open_transaction(life):
        life.begin()
        return life.client.init_transactional_id(life.id)[0]

    def of_an_older_one(life):
        return life.client.init_transactional_id(life.id, producer=life.older())[0]

    def retried(life):
        """The same answer as before: it may have been lost."""
        first = life.client.init_transactional_id(life.id, producer=life.producer)
        second = life.client.init_transactional_id(life.id, producer=life.producer)
        return 'the same' if first == second else f'{first}, then {second}'
    name = 'InitProducerId: '
    return [
        Row(name + 'no time-out', init(timeout_ms=0), 'INVALID_TRANSACTION_TIMEOUT'),
        Row(name + 'negative time-out', init(timeout_ms=-1), 'INVALID_TRANSACTION_TIMEOUT'),
        Row(name + 'time-out over transaction.max.timeout.ms', init(timeout_ms=900001),
            'INVALID_TRANSACTION_TIMEOUT'),
        Row(name + 'time-out of 24 days', init(timeout_ms=(1 << 31) - 1),
            'INVALID_TRANSACTION_TIMEOUT'),
        Row(name + 'time-out just allowed', init(timeout_ms=900000), 'NONE'),
        Row(name + 'a producer id without epoch', init(producer=(7, -1)), 'INVALID_REQUEST'),
        Row(name + 'an epoch without producer id', init(producer=(-1, 7)), 'INVALID_REQUEST'),
        Row(name + 'half a producer and no transactional id', lambda arena: arena.call(
            lambda c: TxnClient.init_transactional_id(c, None, producer=(7, -1))[0]),
            'INVALID_REQUEST'),
        Row(name + 'another producer id', of_the_producer(stranger), 'PRODUCER_FENCED'),
        Row(name + 'another producer id, version 3', of_the_producer(stranger, 3),
            'INVALID_PRODUCER_EPOCH'),
        Row(name + 'an epoch of the future', of_the_producer(later), 'PRODUCER_FENCED'),
        Row(name + 'negative epoch', of_the_producer(lambda p: (p[0], -5)), 'PRODUCER_FENCED'),
        Row(name + 'of a producer that was replaced', of_a_life(of_an_older_one), 'PRODUCER_FENCED'),
        Row(name + 'asked twice', of_a_life(retried), 'the same'),
        Row(name + 'an id that nobody has, with a producer', init('hostile-unborn', producer=(7, 3)),
            'NONE'),
        Row(name + 'while a transaction is open', of_a_life(open_transaction),
            'CONCURRENT_TRANSACTIONS', 'NONE', 'it is aborted at once'),
        Row(name + 'a transactional id of 30,000 bytes', init('x' * 30000), 'NONE'),
        Row(name + 'a transactional id of 40,000 bytes', init('x' * 40000), 'closed',
            'closed|INVALID_REQUEST', 'any refusal will do'),
        Row(name + 'a transactional id with a line break', init('a\nb'), 'NONE'),
        Row(name + 'a transactional id that is no UTF-8', init(b'\xff\xfe'), 'NONE'),
    ]


def rows_of_partitions():
    def add(*keys, change=lambda p: p, version=3):
        return of_a_life(lambda life: named(life.add(*keys, version=version, producer=change(life.producer))))

    def with_a_bad_one(life):
        refused = life.add(HERE, NOWHERE)
        left = life.client.describe_transactions([life.id])[life.id]
        return f'{named(refused)}; {left.state} with {len(left.keys)}'

    def of_an_older_one(life):
        return named(life.add(HERE, producer=life.older()))

    def older_in(version):
        return of_a_life(lambda life: old_add(life, life.older(), version))

    def of_nobody(life):
        life.id = 'hostile-nobody'
        return named(life.add(HERE))

    def nameless(life):
        life.id = ''
        return named(life.add(HERE))

    def as_a_broker(life):
        life.wait_for(lambda: life.client.find_coordinator('group')[0])
        error, answers = life.client.verify_partitions(life.id, life.producer, [OFFSETS], verify_only=False)
        return f'{error_name(error)}: {named(answers)}'

    def ask(verify_only, *keys, version=5, change=lambda p: p, begun=True):
        def action(life):
            if begun:
                life.begin()
            error, answers = life.client.verify_partitions(
                life.id, change(life.producer), keys, verify_only, version)
            return error_name(error) + ': ' + named(answers)
        return of_a_life(action)

    def no_transaction(life):
        writer = Writer().array([], None).tags()
        return life.client.call('AddPartitionsToTxn', 5, writer).unpack('xxxxh')

    def offsets(change=lambda p: p, group='group'):
        return of_a_life(lambda life: life.wait_for(lambda: life.client.add_offsets(
            life.id, change(life.producer), group)))

    def offsets_of_nobody(life):
        return life.client.add_offsets('hostile-nobody', life.producer, 'group')

    name, offset_name = 'AddPartitionsToTxn: ', 'AddOffsetsToTxn: '
    many = [(TOPIC, 1000 + n) for n in range(10000)]
    return [
        Row(name + 'a partition that is not there',
            of_a_life(with_a_bad_one),
            'OPERATION_NOT_ATTEMPTED, UNKNOWN_TOPIC_OR_PARTITION; Empty with 0'),
        Row(name + 'a topic that is not there', add(('nobody', 0)), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row(name + 'negative partition', add((TOPIC, -1)), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row(name + 'an internal topic', add(OFFSETS), 'TOPIC_AUTHORIZATION_FAILED'),
        Row(name + 'nothing to add', add(), ''),
        Row(name + 'a partition twice', add(HERE, HERE), 'NONE'),
        Row(name + '10,000 partitions that are not there', of_a_life(
            lambda life: str(set(map(error_name, life.add(*many).values())))),
            "{'UNKNOWN_TOPIC_OR_PARTITION'}"),
        Row(name + 'a transactional id that nobody has', of_a_life(of_nobody),
            'INVALID_PRODUCER_ID_MAPPING'),
        Row(name + 'an empty transactional id', of_a_life(nameless), 'INVALID_REQUEST'),
        Row(name + 'another producer id', add(HERE, change=stranger), 'INVALID_PRODUCER_ID_MAPPING'),
        Row(name + 'an epoch of the future', add(HERE, change=later), 'PRODUCER_FENCED'),
        Row(name + 'of a producer that was replaced', of_a_life(of_an_older_one), 'PRODUCER_FENCED'),
        Row(name + 'of one that was replaced, version 2', older_in(2), 'PRODUCER_FENCED'),
        Row(name + 'of one that was replaced, version 1', older_in(1), 'INVALID_PRODUCER_EPOCH'),
        Row(name + 'verify one that is in', ask(True, HERE), 'NONE: NONE'),
        Row(name + 'verify one that is not in', ask(True, HERE, THERE),
            'NONE: NONE, TRANSACTION_ABORTABLE'),
        Row(name + 'verify one that is not in, version 4', ask(True, THERE, version=4),
            'NONE: TRANSACTION_ABORTABLE'),
        Row(name + 'verify one that is not there', ask(True, HERE, NOWHERE),
            'NONE: OPERATION_NOT_ATTEMPTED, UNKNOWN_TOPIC_OR_PARTITION'),
        Row(name + 'verify with an epoch of the future', ask(True, HERE, change=later),
            'NONE: PRODUCER_FENCED'),
        Row(name + 'verify with another producer id', ask(True, HERE, change=stranger),
            'NONE: INVALID_PRODUCER_ID_MAPPING'),
        Row(name + 'verify without a transaction', ask(True, HERE, begun=False),
            'NONE: TRANSACTION_ABORTABLE'),
        Row(name + 'as a broker, an internal topic', of_a_life(as_a_broker), 'NONE: NONE'),
        Row(name + 'as a broker, no transaction at all', of_a_life(no_transaction), 'silent',
            'NONE', 'Kafka forgets to answer'),
        Row(offset_name + 'a transactional id that nobody has', of_a_life(offsets_of_nobody),
            'INVALID_PRODUCER_ID_MAPPING'),
        Row(offset_name + 'another producer id', offsets(stranger), 'INVALID_PRODUCER_ID_MAPPING'),
        Row(offset_name + 'an epoch of the future', offsets(later), 'PRODUCER_FENCED'),
        Row(offset_name + 'of one that was replaced, version 1',
            of_a_life(lambda life: old_add_offsets(life, life.older())), 'INVALID_PRODUCER_EPOCH'),
        Row(offset_name + 'an empty group', offsets(group=''), 'NONE'),
        Row(offset_name + 'a group of 30,000 bytes', offsets(group='g' * 30000), 'NONE'),
    ]


def rows_of_ends():
    def end(commit, version, change=lambda p: p, begun=True):
        def action(life):
            if begun:
                life.begin()
            return life.client.end_txn(life.id, change(life.producer), commit, version)[0]
        return of_a_life(action)

    def of_nobody(life):
        return life.client.end_txn('hostile-nobody', life.producer, True)[0]

    def nameless(life):
        return life.client.end_txn('', life.producer, True)[0]

    def twice(first, second):
        def action(life):
            life.begin()
            return life.end(first) or life.end(second)
        return of_a_life(action)

    def twice_v2(first, second):
        """The same EndTxn of the new protocol again, with the epoch that is over."""
        def action(life):
            producer = life.producer
            error = life.write(version=12)
            error = error or life.end(first, version=5)
            return error or life.end(second, version=5, producer=producer)
        return of_a_life(action)

    def third_time_v2(life):
        producer = life.producer
        for _ in range(2):
            error = life.write(version=12)
            if error:
                return error
            error, life.producer = life.client.end_txn(life.id, life.producer, True, 5)
            if error:
                return error
            life.wait_for(lambda: life.client.end_txn(life.id, producer, True, 5)[0])
        return life.end(True, version=5, producer=producer)

    def nothing_in_it(commit):
        def action(life):
            error, producer = life.client.end_txn(life.id, life.producer, commit, 5)
            moved = producer != NO_PRODUCER and producer[1] - life.producer[1]
            return error_name(error) + (f', epoch {moved:+}' if moved else '')
        return of_a_life(action)

    def of_an_older_one(version):
        def action(life):
            old = life.older()
            life.begin()
            return old_end(life, old, version) if version < 3 else life.end(True, version, old)
        return of_a_life(action)

    name = 'EndTxn: '
    return [
        Row(name + 'a transactional id that nobody has', of_a_life(of_nobody),
            'INVALID_PRODUCER_ID_MAPPING'),
        Row(name + 'an empty transactional id', of_a_life(nameless), 'INVALID_REQUEST'),
        Row(name + 'another producer id', end(True, 4, stranger), 'INVALID_PRODUCER_ID_MAPPING'),
        Row(name + 'an epoch of the future', end(True, 4, later), 'PRODUCER_FENCED'),
        Row(name + 'an epoch of the future, version 5', end(True, 5, later), 'PRODUCER_FENCED'),
        Row(name + 'of a producer that was replaced', of_an_older_one(4), 'PRODUCER_FENCED'),
        Row(name + 'of one that was replaced, version 1', of_an_older_one(1),
            'INVALID_PRODUCER_EPOCH'),
        Row(name + 'of one that was replaced, version 5', of_an_older_one(5), 'PRODUCER_FENCED'),
        Row(name + 'commit of nothing', end(True, 4, begun=False), 'INVALID_TXN_STATE'),
        Row(name + 'abort of nothing', end(False, 4, begun=False), 'INVALID_TXN_STATE'),
        Row(name + 'commit of nothing, version 5', nothing_in_it(True), 'INVALID_TXN_STATE'),
        Row(name + 'abort of nothing, version 5', nothing_in_it(False), 'NONE, epoch +1'),
        Row(name + 'commit twice', twice(True, True), 'NONE'),
        Row(name + 'abort twice', twice(False, False), 'NONE'),
        Row(name + 'abort what was committed', twice(True, False), 'INVALID_TXN_STATE'),
        Row(name + 'commit what was aborted', twice(False, True), 'INVALID_TXN_STATE'),
        Row(name + 'commit twice, version 5', twice_v2(True, True), 'NONE'),
        Row(name + 'abort what was committed, version 5', twice_v2(True, False), 'INVALID_TXN_STATE'),
        Row(name + 'commit of the transaction before the last, version 5', of_a_life(third_time_v2),
            'PRODUCER_FENCED'),
    ]


def rows_of_writes():
    def write(begun=True, change=lambda p: p, **options):
        def action(life):
            if begun:
                life.begin()
            return life.write(producer=change(life.producer), **options)
        return of_a_life(action)

    def plain_batch(life):
        """Of the producer, and not of its transaction, after a record that is."""
        life.begin()
        error = life.write()
        batch = good_batch(producer_id=life.producer[0], producer_epoch=life.producer[1], base_sequence=1)
        return error or life.client.produce(*HERE, batch, version=11)[0]

    def nobodys_batch(life):
        """A transactional request with a batch of nobody's."""
        life.begin()
        return life.write(batch=good_batch())

    def without_an_id(life):
        life.begin()
        batch = transactional_batch([(b'k', b'v')], life.producer, 0)
        return life.client.produce(*HERE, batch, version=11)[0]

    def of_an_older_one(life):
        life.begin()
        error = life.write()
        old = life.older()
        life.begin()
        return error or life.write(producer=old, sequence=1)

    def after_the_end(version):
        def action(life):
            life.begin()
            error = life.write() or life.end(True)
            return error or life.write(sequence=1, version=version)
        return of_a_life(action)

    def two_producers(life):
        """Batches of two producers, each for its own partition, in one request of one transactional id."""
        other = Life(life.client)
        life.begin(HERE, THERE)
        return life.write(key=THERE, producer=other.producer)

    name = 'Produce in a transaction: '
    abortable = 'TRANSACTION_ABORTABLE'
    return [
        Row(name + 'to a partition that is not in it', write(key=THERE), abortable),
        Row(name + 'to a partition that is not in it, version 10', write(key=THERE, version=10),
            'INVALID_TXN_STATE'),
        Row(name + 'to a partition that is not in it, version 12', write(key=THERE, version=12), 'NONE'),
        Row(name + 'that is not open', write(begun=False), abortable),
        Row(name + 'that is not open, version 10', write(begun=False, version=10), 'INVALID_TXN_STATE'),
        Row(name + 'after its end', after_the_end(11), abortable),
        Row(name + 'after its end, version 10', after_the_end(10), 'INVALID_TXN_STATE'),
        Row(name + 'to a partition that is not there', write(key=NOWHERE), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row(name + 'with a transactional id that nobody has', write(transactional_id='hostile-nobody'),
            'INVALID_PRODUCER_ID_MAPPING'),
        Row(name + 'with another producer id', write(change=stranger), 'INVALID_PRODUCER_ID_MAPPING'),
        Row(name + 'of another transactional id', of_a_life(two_producers), 'INVALID_PRODUCER_ID_MAPPING'),
        Row(name + 'with an epoch of the future', write(change=later), 'INVALID_PRODUCER_EPOCH'),
        Row(name + 'of a producer that was replaced', of_a_life(of_an_older_one),
            'INVALID_PRODUCER_EPOCH'),
        Row(name + 'with a batch of nobody', of_a_life(nobodys_batch), 'NONE'),
        Row(name + 'with a batch that is not in it', of_a_life(plain_batch), 'INVALID_TXN_STATE'),
        Row(name + 'without a transactional id', of_a_life(without_an_id),
            'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'),
    ]


def rows_of_offsets():
    def commit(begun=True, change=lambda p: p, key=HERE, version=4, group='hostile-group', added=None, **options):
        def action(life):
            life.wait_for(lambda: life.client.find_coordinator(group)[0])
            if begun:
                life.wait_for(lambda: life.client.add_offsets(life.id, life.producer, added or group))
            answers = {}

            def attempt():
                answers.update(life.client.txn_offset_commit(
                    life.id, change(life.producer), group, {key: (5, 'm')}, version=version, **options))
                return next(iter(answers.values()))
            return life.wait_for(attempt)
        return of_a_life(action)

    name = 'TxnOffsetCommit: '
    return [
        Row(name + 'without AddOffsetsToTxn', commit(begun=False), 'TRANSACTION_ABORTABLE'),
        Row(name + 'without AddOffsetsToTxn, version 3', commit(begun=False, version=3),
            'INVALID_TXN_STATE'),
        Row(name + 'without AddOffsetsToTxn, version 5', commit(begun=False, version=5), 'NONE'),
        Row(name + 'another producer id', commit(change=stranger), 'INVALID_PRODUCER_ID_MAPPING'),
        Row(name + 'an epoch of the future', commit(change=later), 'INVALID_PRODUCER_EPOCH'),
        Row(name + 'a topic that is not there', commit(key=('nobody', 0)), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row(name + 'a partition that is not there', commit(key=NOWHERE), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row(name + 'a member that nobody knows', commit(member_id='nobody', generation=1),
            'UNKNOWN_MEMBER_ID'),
        Row(name + 'a generation of nobody', commit(generation=7), 'UNKNOWN_MEMBER_ID'),
        Row(name + 'an empty group', commit(group=''), 'INVALID_GROUP_ID'),
    ]


def rows_of_markers():
    def marker(keys, change=lambda p: p, begun=True, **options):
        def action(life):
            if begun:
                life.begin()
                error = life.write()
                if error:
                    return error
            return named(life.client.write_markers(change(life.producer), False, keys, **options))
        return of_a_life(action)

    def of_an_older_one(life):
        old = life.older()
        life.begin()
        return life.write() or named(life.client.write_markers(old, False, [HERE]))

    def without_partitions(life):
        writer = Writer()
        writer.array([0], lambda _: writer.pack('qh?', *life.producer, False).array([], None).pack('i', 0).tags())
        life.client.call('WriteTxnMarkers', 1, writer.tags())
        return 0

    def old_coordinator(life):
        """After a marker of a later leader of the coordinator's partition."""
        keys = [HERE]
        life.begin()
        error = life.write()
        first = life.client.write_markers(life.producer, False, keys, coordinator_epoch=50)
        second = life.client.write_markers(life.producer, False, keys, coordinator_epoch=49)
        return error or f'{named(first)}, then {named(second)}'

    def none_at_all(life):
        writer = Writer().array([], None).tags()
        return 'no answers' if life.client.call('WriteTxnMarkers', 1, writer).uvarint() == 1 else 'answers'

    def repeated(life):
        life.begin()
        error = life.write()
        first = life.client.write_markers(life.producer, False, [HERE])
        second = life.client.write_markers(life.producer, False, [HERE])
        return error or f'{named(first)}, then {named(second)}'

    name = 'WriteTxnMarkers: '
    return [
        Row(name + 'a topic that is not there', marker([('nobody', 0)]), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row(name + 'a partition that is not there', marker([HERE, NOWHERE]),
            'NONE, UNKNOWN_TOPIC_OR_PARTITION'),
        Row(name + 'negative partition', marker([(TOPIC, -1)]), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row(name + 'none at all', of_a_life(none_at_all), 'no answers'),
        Row(name + 'without partitions', of_a_life(without_partitions), 'NONE'),
        Row(name + 'of a producer that was replaced', of_a_life(of_an_older_one), 'INVALID_PRODUCER_EPOCH'),
        Row(name + 'a negative epoch', marker([HERE], lambda p: later(p, -1)), 'UNKNOWN_SERVER_ERROR',
            'INVALID_PRODUCER_EPOCH|INVALID_REQUEST', 'no unknown error for a known fault'),
        Row(name + 'an epoch of the future', marker([HERE], lambda p: later(p, 5)), 'NONE'),
        Row(name + 'the same epoch, transaction version 2',
            marker([HERE], version=2, transaction_version=2), 'INVALID_PRODUCER_EPOCH'),
        Row(name + 'the same epoch, transaction version 1',
            marker([HERE], version=2, transaction_version=1), 'NONE'),
        Row(name + 'transaction version 99', marker([HERE], later, version=2, transaction_version=99),
            'NONE'),
        Row(name + 'a producer that never wrote', marker([HERE], stranger, begun=False), 'NONE'),
        Row(name + 'a negative producer id', marker([HERE], lambda p: (-5, 0), begun=False), 'NONE'),
        Row(name + 'of an older coordinator', of_a_life(old_coordinator),
            'NONE, then TRANSACTION_COORDINATOR_FENCED'),
        Row(name + 'twice', of_a_life(repeated), 'NONE, then NONE'),
        Row(name + 'to __consumer_offsets', marker([OFFSETS], begun=False), 'NONE'),
    ]


def rows_of_looks():
    def described(*names):
        return of_a_life(lambda life: ', '.join(
            error_name(d.error) for d in life.client.describe_transactions(list(names)).values()))

    def listing(states=(), producers=(), longer_ms=-1, pattern=None, version=2):
        """(error, unknown states, ids)"""
        def action(life):
            writer = Writer()
            writer.array(states, writer.string).array(producers, lambda n: writer.pack('q', n))
            writer.pack('q', longer_ms)
            if version >= 2:
                writer.string(pattern)
            reader = life.client.call('ListTransactions', version, writer.tags())
            error = reader.unpack('xxxxh')
            unknown = reader.array(reader.string)
            return f'{error_name(error)} {unknown} {len(reader.array(lambda: _listed(reader)))}'
        return of_a_life(action)

    def _listed(reader):
        reader.string(), reader.unpack('q'), reader.string(), reader.tags()

    def producers(key):
        return of_a_life(lambda life: life.client.describe_producers([key])[key][0])

    def coordinator(key, kind=1):
        return of_a_life(lambda life: life.client.find_coordinator(key, kind=kind)[0])
    return [
        Row('DescribeTransactions: nobody', described('hostile-nobody'), 'TRANSACTIONAL_ID_NOT_FOUND'),
        Row('DescribeTransactions: empty', described(''), 'INVALID_REQUEST'),
        Row('DescribeTransactions: none', described(), ''),
        Row('ListTransactions: no state', listing(['Perhaps']), "NONE ['Perhaps'] 0"),
        Row('ListTransactions: a producer that is none', listing(producers=[-7]), 'NONE [] 0'),
        Row('ListTransactions: no pattern', listing(pattern='('), 'INVALID_REGULAR_EXPRESSION [] 0'),
        Row('ListTransactions: a pattern that never ends',
            listing(pattern='(a+)+' * 200 + 'b'), 'NONE [] 0'),
        Row('ListTransactions: a pattern of 100,000 bytes', listing(pattern='a' * 100000), 'closed',
            'closed|INVALID_REGULAR_EXPRESSION [] 0', 'patterns are limited'),
        Row('ListTransactions: since the beginning of time', listing(longer_ms=(1 << 63) - 1), 'NONE [] 0'),
        Row('DescribeProducers: unknown topic', producers(('nobody', 0)), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('DescribeProducers: unknown partition', producers(NOWHERE), 'UNKNOWN_TOPIC_OR_PARTITION'),
        Row('DescribeProducers: a name that is none', producers(('a/b', 0)), 'INVALID_TOPIC_EXCEPTION'),
        Row('FindCoordinator: an empty transactional id', coordinator(''), 'NONE'),
        Row('FindCoordinator: a kind that is none', coordinator('x', 9), 'INVALID_REQUEST'),
    ]


def rows():
    return (rows_of_init() + rows_of_partitions() + rows_of_ends() + rows_of_writes() + rows_of_offsets()
            + rows_of_markers() + rows_of_looks())
