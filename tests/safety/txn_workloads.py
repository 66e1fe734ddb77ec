"""Transactions while the broker is being killed (reliability: W4, W5, W7).

Transactors write to several partitions and read in between, at read_committed; transformers are members of groups
that read, write what they made of it, and commit their offsets in the same transaction; racers take each other's
transactional id away. All of them use the old protocol in one transaction and the new one in another, send again
what was not answered as clients do, and now and then abort, cut their connection or die without a word. Nothing
here judges.
"""
import time

import group_workloads
import history as h
import workloads
from group_client import LEAVING
from group_workloads import FORGOTTEN, REJOIN, Refused, expect_none, fetch_offsets
from raw_client import ERROR, LATEST, ConnectionLost, MalformedResponse, RawClient, error_name
from txn_client import NO_PRODUCER, READ_COMMITTED, VERSIONS, TxnClient, transactional_batch
from workloads import NOTHING_STORED, SEND_AGAIN, Client, now, read_poll

CLASSIC, CONSUMER = 'w4-classic', 'w4-consumer'
GROUPS = (CLASSIC, CONSUMER)
TIMEOUT_MS = 3000      # of transactions: what the dead leave behind ends soon
PATIENCE_S = 15.0      # for an answer other than one that says to ask again
ABORT, DIE, HANG, CUT = 1 / 32, 1 / 64, 1 / 8, 1 / 64
GIVE_UP = 1 / 5        # when the connection is lost, instead of asking again on the next one
BEYOND = 3             # partitions behind those of W5 that only W4 writes to
PROPERTIES = {**group_workloads.PROPERTIES, 'transaction.state.log.num.partitions': 4, 'offsets.topic.num.partitions': 4,
              'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1000}

NOT_HERE = {ERROR[name] for name in ('COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR')}
AGAIN = NOT_HERE | SEND_AGAIN | {ERROR['CONCURRENT_TRANSACTIONS']}
FENCED = {ERROR[name] for name in ('INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_PRODUCER_ID_MAPPING')}
# Codes by which the coordinator promises that it did nothing.
NOTHING_DONE = NOT_HERE | FENCED | {ERROR['INVALID_TXN_STATE'], ERROR['TRANSACTION_ABORTABLE']}
NO_MEMBER = FORGOTTEN | REJOIN | {ERROR['STALE_MEMBER_EPOCH']}


def shared_keys(world):
    """What transactions of W5 write to; W4 reads the last of them."""
    return world.keys[:-BEYOND]


def input_keys(world):
    return world.keys[-BEYOND - 2:1 - BEYOND]


def output_keys(world):
    return world.keys[1 - BEYOND:]


class Gone(Exception):
    """The client dies, and does not know what became of its last request."""


class Fenced(Exception):
    """The broker says that the producer has a successor."""


class Producing:
    """What all that have transactions do; goes before Client among the bases."""
    client_class = TxnClient

    def __init__(self, world, number):
        super().__init__(world, number)
        self.lives_of_id = 0
        self.transactional_id = self.new_id()
        self.protocol = self.random.choice((1, 2))
        self.producer, self.txn, self.sequences, self.notes = None, None, {}, []
        self.former = NO_PRODUCER    # what it asks to have raised, instead of beginning anew (KIP-360)
        self.unsure = False    # whether a try of the last request may have been carried out unanswered

    def new_id(self):
        self.lives_of_id += 1
        return f'{self.name}.{self.lives_of_id}'

    # One request

    def ask(self, call):
        """The code that `call()` returns, asked again for where clients do that: when the broker says so, and on
        the next connection when this one is lost. Raises Gone when the client dies instead."""
        deadline, self.unsure = now() + PATIENCE_S, False
        while True:
            try:
                code = call()
            except (ConnectionLost, MalformedResponse):
                self.unsure = True
                self.drop()
                if self.random.random() < GIVE_UP or not self.open():
                    raise Gone from None
                continue
            if code in FENCED:
                raise Fenced(error_name(code))
            if code not in AGAIN or now() > deadline:
                return code
            self.unsure = self.unsure or code not in NOT_HERE
            if self.world.stop.wait(0.01):
                raise Gone

    def require(self, call):
        expect_none(self.ask(call))

    # A transaction

    def begin(self):
        """Nothing is sent until something is written, but for a new producer."""
        before = self.protocol
        if self.random.random() < 0.1:
            self.protocol = self.random.choice((1, 2))
        if before < self.protocol and not self.world.settings.changes_protocol:
            self.producer = None
        if self.producer is None:
            self.require(self.get_producer)
        self.begun, self.spoiled, self.notes = False, False, []
        self.txn = h.Txn(self.history.new_txn(), self.process, self.life, self.transactional_id, self.protocol,
                         self.producer, now())

    def get_producer(self):
        error = self.client.find_transaction_coordinator(self.transactional_id)[0]    # which has its topic made
        if error:
            return error
        error, producer = self.client.init_transactional_id(self.transactional_id, TIMEOUT_MS, self.former)
        if not error:
            self.producer, self.sequences = producer, {}
            self.history.add(h.ProducerId(self.process, self.life, *producer, now(), self.transactional_id))
        return error

    def write_begins(self):
        if not self.begun:
            self.begun = True
            self.history.add(self.txn)

    def enlist(self, key):
        self.write_begins()
        if self.protocol == 1 and key not in self.txn.keys:
            self.txn.keys.add(key)
            self.require(lambda: self.client.add_partitions(self.transactional_id, self.producer, [key])[key])
        self.txn.keys.add(key)

    def send(self, key, count, sources=()):
        self.enlist(key)
        records, idents = self.make_values(key, count)
        first = self.sequences.get(key, 0)
        batch = transactional_batch(records, self.producer, first)
        send = self.history.add(h.Send(self.process, self.life, key, idents, -1, len(batch), now(),
                                       producer=(*self.producer, first), lives=set(), txn=self.txn.number,
                                       sources=list(sources)))
        offsets = []

        def call():
            send.life = self.life
            send.lives.add(self.life)
            error, offset, _ = self.client.produce(*key, batch, version=VERSIONS[self.protocol]['Produce'],
                                                   transactional_id=self.transactional_id)
            offsets.append(offset)
            return error
        try:
            code = self.ask(call)
        except Gone:
            send.t1, send.error = now(), 'the client died'
            raise
        except Fenced as fenced:
            send.t1, send.error = now(), str(fenced)
            send.status = 'info' if self.unsure else 'fail'
            raise
        send.t1 = now()
        if code == 0:
            send.status, send.offset = 'ok', offsets[-1]
            self.sequences[key] = first + count
            return
        send.error = error_name(code)
        send.status = 'fail' if code in NOTHING_STORED and not self.unsure else 'info'
        raise Refused(code)

    def end(self, commit):
        """Ends the transaction; whether it was acknowledged."""
        txn, version, producers = self.txn, VERSIONS[self.protocol]['EndTxn'], []
        txn.wanted, txn.t_end = ('commit' if commit else 'abort'), now()

        def call():
            txn.life = self.life
            correlation = self.client.send_end_txn(self.transactional_id, self.producer, commit, version)
            if self.random.random() < CUT:
                raise ConnectionLost('cut by the client', sent=True)
            error, producer = self.client.receive_end_txn(correlation, version)
            producers.append(producer)
            return error
        try:
            code = self.ask(call)
        except Gone:
            txn.t1, txn.error = now(), 'the client died'
            raise
        except Fenced as fenced:
            txn.t1, txn.error = now(), str(fenced)
            txn.status = 'info' if self.unsure else 'fail'
            raise
        txn.t1 = now()
        if code == 0:
            txn.status = 'ok'
            if self.protocol == 2 and producers[-1] != self.producer:
                self.producer, self.sequences = producers[-1], {}
            self.completed()
            return True
        txn.error = error_name(code)
        txn.status = 'fail' if code in NOTHING_DONE and not self.unsure else 'info'
        self.producer = None
        return False

    def transaction(self, steps):
        """One whole transaction, `steps()` being what it does; True when it is committed for sure."""
        try:
            self.begin()
            commit = self._attempt(steps)
            if not self.begun:
                return False
            done = self.end(commit)
            if self.spoiled and self.protocol == 1:
                # Its sequence numbers are uncertain.
                self.former = self.producer if self.producer and self.random.random() < 0.5 else NO_PRODUCER
                self.producer = None
            return done and commit
        except Fenced:
            self.fenced()
        except Gone:
            self.die()
        finally:
            self._tell_commits()
        return False

    def _attempt(self, steps):
        """Whether to commit."""
        try:
            for step in steps():
                if self.random.random() < ABORT:
                    return False
                step()
        except Refused as refused:
            self.spoiled = True
            self.trouble(refused.code)
            return False
        if self.random.random() < DIE:
            raise Gone
        return self.random.random() >= ABORT

    def trouble(self, code):
        self.world.stop.wait(0.01)

    def fenced(self):
        self.die()

    def die(self):
        """Another process goes on, most often under the same transactional id. Else the transaction is left to its
        timeout."""
        self.drop()
        self.producer, self.former = None, NO_PRODUCER
        self.process, self.sequence_number = self.history.new_process(), 0
        if self.random.random() < HANG:
            self.transactional_id = self.new_id()

    # Offsets, in the same transaction

    def send_offsets(self, group, offsets, generation, member_id):
        self.write_begins()
        notes = {}
        for key, offset in offsets.items():
            self.commits_made = getattr(self, 'commits_made', 0) + 1
            notes[key] = self.history.add(h.Commit(
                self.process, self.life, group, key, offset, f'{self.process}.t{self.commits_made}', now(),
                txn=self.txn.number))
        self.notes += notes.values()
        if self.protocol == 1:
            self.require(lambda: self.client.add_offsets(self.transactional_id, self.producer, group))

        def call():
            answers = self.client.txn_offset_commit(
                self.transactional_id, self.producer, group,
                {key: (note.offset, note.note) for key, note in notes.items()}, generation, member_id,
                version=VERSIONS[self.protocol]['TxnOffsetCommit'])
            return max(answers.get(key, ERROR['UNKNOWN_SERVER_ERROR']) for key in notes)
        self.require(call)

    def _tell_commits(self):
        """The outcome of a transaction is that of the offsets in it."""
        txn = self.txn
        for note in self.notes:
            note.life, note.t1, note.error = txn.life, now(), txn.error
            committing = txn.wanted == 'commit'
            note.status = txn.status if committing else 'fail'
            if not committing:
                note.error = note.error or 'aborted'
        self.notes = []


class Transactor(Producing, Client):
    """W5: transactions of one to four steps, each writing to a partition or reading from one."""
    kind = 'transactor'

    def __init__(self, world, number):
        super().__init__(world, number)
        self.positions = {}

    def step(self):
        try:
            self.transaction(self.steps)
        except Refused:
            self.world.stop.wait(0.02)

    def steps(self):
        return [self.write if self.random.random() < 0.65 else self.read
                for _ in range(self.random.randrange(1, 5))]

    def write(self):
        self.send(self.random.choice(shared_keys(self.world)), self.random.randrange(1, 4))

    def read(self):
        """Some records, from where it was or from a little before the end."""
        key = self.random.choice(shared_keys(self.world))

        def call():
            if key not in self.positions or self.random.random() < 1 / 16:
                error, _, end, _ = self.client.list_offsets({key: LATEST}, READ_COMMITTED)[key]
                if error:
                    return error
                self.positions[key] = max(0, end - self.random.randrange(30))
            t0 = now()
            error, answers = self.client.fetch({key: self.positions[key]}, max_wait_ms=2,
                                               isolation=READ_COMMITTED, partition_max_bytes=1 << 14)
            if error:
                return error
            poll = read_poll(self.world, self.process, self.life, key, self.positions[key], answers[key],
                             READ_COMMITTED)
            poll.t0, poll.t1, poll.txn = t0, now(), self.txn.number
            self.history.add(poll)
            if poll.status == 'ok':
                self.positions[key] = poll.following
            return 0
        self.require(call)


class Racer(Transactor):
    """Two that have one transactional id between them."""
    kind = 'racer'

    def new_id(self):
        return 'race'

    def fenced(self):
        self.die()
        self.world.stop.wait(self.random.uniform(0.0, 0.3))


class Transforming(Producing):
    """W4: reads, writes one record for each that was read, commits its offsets, all in one transaction. Positions
    are None until the group has said where it is."""
    MOST_INPUTS = 12

    def take(self, keys):
        self.positions.update(dict.fromkeys(keys))

    def look_again(self):
        self.take(list(self.positions))

    def take_up(self):
        mine = [key for key in input_keys(self.world) if key in self.positions]
        lost = [key for key in mine if self.positions[key] is None]
        for key, (offset, _) in fetch_offsets(self.world, self.client, self.process, self.life, self.group,
                                              lost).items():
            self.positions[key] = max(offset, 0)
        return mine

    def consume(self):
        if self.producer is None:
            # First, so that what its predecessor left is decided before it asks where the group is.
            try:
                self.require(self.get_producer)
            except (Fenced, Gone):
                self.die()
                raise ConnectionLost('died', sent=True) from None
        wanted = {key: self.positions[key] for key in self.take_up()}
        if not wanted:
            self.world.stop.wait(0.02)
            return
        inputs = self.read(wanted)
        if inputs is None:
            return
        following, sources = inputs
        if self.transaction(lambda: self.steps(following, sources)):
            self.positions.update((key, at) for key, at in following.items() if key in self.positions)
        elif self.txn.status != 'ok':
            self.look_again()
        if self.client is None:
            raise ConnectionLost('died', sent=True)

    def read(self, wanted):
        """({key: position behind}, [(group, key, offset)]), None when there is nothing new."""
        t0 = now()
        error, answers = self.client.fetch(wanted, max_wait_ms=20, isolation=READ_COMMITTED,
                                           partition_max_bytes=1 << 15)
        t1 = now()
        if error:
            return None
        following, sources = {}, []
        for key, answer in answers.items():
            poll = read_poll(self.world, self.process, self.life, key, wanted[key], answer, READ_COMMITTED)
            poll.t0, poll.t1 = t0, t1
            self.history.add(poll)
            if poll.status != 'ok' or poll.following == wanted[key] or len(sources) >= self.MOST_INPUTS:
                continue
            taken = poll.records[:self.MOST_INPUTS - len(sources)]
            sources += [(self.group, key, offset) for offset, _ in taken]
            whole = len(taken) == len(poll.records)
            following[key] = poll.following if whole else taken[-1][0] + 1
        return (following, sources) if following else None

    def steps(self, following, sources):
        """The writes, and the offsets before or after them."""
        steps, rest = [], list(sources)
        while rest:
            count = self.random.randrange(1, 5)
            steps.append(lambda part=rest[:count]: self.send(self.random.choice(output_keys(self.world)),
                                                             len(part), part))
            rest = rest[count:]
        steps.insert(self.random.choice((0, len(steps))), lambda: self.send_offsets(
            self.group, following, self.generation, self.member_id))
        return steps

    def trouble(self, code):
        if code in NO_MEMBER:
            self.refused(code)

    def die(self):
        super().die()
        self.look_again()


class ClassicTransformer(Transforming, group_workloads.ClassicMember):
    kind, group = 'classic-transformer', CLASSIC

    def become_another(self):
        super().become_another()
        self.producer = None

    def is_silent(self):
        return False

    def shares(self, joined):
        members, keys = sorted(joined.members), input_keys(self.world)
        return {member: group_workloads.assignment({keys[0][0]: [p for _, p in keys[i::len(members)]]})
                for i, member in enumerate(members)}


class ConsumerTransformer(Transforming, group_workloads.ConsumerMember):
    """Sessions of this protocol last 45 s, longer than most lives of the broker here: a member that leaves no word
    behind would keep its partitions from everybody for the rest of the run."""
    kind, group = 'consumer-transformer', CONSUMER

    def refused(self, code):
        if code == ERROR['FENCED_MEMBER_EPOCH']:    # it joins again as who it is
            self.generation, self.positions, code = -1, {}, ERROR['REBALANCE_IN_PROGRESS']
        super().refused(code)

    def become_another(self):
        code = self.client.consumer_heartbeat(self.group, self.member_id, LEAVING).error
        expect_none(0 if code in FORGOTTEN else code)
        self.process, self.producer = self.history.new_process(), None
        self.forget()


class InputSender(workloads.Sender):
    """What W4 reads besides the transactions of W5."""
    kind = 'input'

    @property
    def keys(self):
        return input_keys(self.world)

    def step(self):
        super().step()
        self.world.stop.wait(0.01)


class CommittedConsumer(workloads.Consumer):
    kind, isolation = 'committed-consumer', READ_COMMITTED


class Lister(workloads.Lister):
    """W7, with the last stable offset."""
    isolations = (0, READ_COMMITTED, READ_COMMITTED)


class Watcher(group_workloads.Watcher):
    groups = GROUPS


def settle(world, limit_s):
    """After the last client has gone: waits until no transaction is open any more, and notes how long it took."""
    began, left = now(), set(world.keys)
    while left and now() - began < limit_s:
        with RawClient(world.port) as client:
            ends = client.list_offsets({key: LATEST for key in left})
            stable = client.list_offsets({key: LATEST for key in left}, READ_COMMITTED)
        for key in [key for key in left if ends[key] == stable[key] and ends[key][0] == 0]:
            left.discard(key)
            world.history.add(h.Stable(key, now() - began))
        time.sleep(0.05)
    for key in left:
        world.history.add(h.Stable(key, None))


def all_clients(world):
    """The whole crowd, not yet started."""
    several = [(Transactor, 3), (Racer, 2), (ClassicTransformer, 2), (ConsumerTransformer, 2)]
    clients = [kind(world, n) for kind, count in several for n in range(count)]
    clients += [kind(world, 0) for kind in (InputSender, CommittedConsumer, Lister, Watcher, workloads.IdAllocator)]
    return clients + [workloads.Consumer(world, 0)]
