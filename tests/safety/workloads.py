"""The clients that run against the broker while it is being killed (reliability: W1, W2, W6, W7).

Every client is a thread that goes on until `world.stop` is set, writes each operation into the
history, and treats a lost connection as what it is: it does not know. Nothing here judges.
"""
import collections
import dataclasses
import random
import threading
import time

import history as h
from raw_client import (EARLIEST, ERROR, LATEST, ConnectionLost, MalformedResponse, RawClient,
                        error_name)
from record_batch import BatchError, Fields, build_batch, parse_batches

now = time.monotonic

# Codes by which the broker promises that nothing was appended.
NOTHING_STORED = {ERROR[name] for name in (
    'CORRUPT_MESSAGE', 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD',
    'INVALID_TIMESTAMP', 'INVALID_TOPIC_EXCEPTION', 'UNKNOWN_TOPIC_OR_PARTITION',
    'TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', 'UNSUPPORTED_VERSION',
    'UNSUPPORTED_FOR_MESSAGE_FORMAT', 'UNSUPPORTED_COMPRESSION_TYPE', 'THROTTLING_QUOTA_EXCEEDED',
    'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE',
    'OUT_OF_ORDER_SEQUENCE_NUMBER', 'INVALID_REQUIRED_ACKS')}

# Codes at which an idempotent producer sends the same batch again, as the clients do.
SEND_AGAIN = {ERROR[name] for name in (
    'NOT_LEADER_OR_FOLLOWER', 'LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION',
    'REQUEST_TIMED_OUT', 'KAFKA_STORAGE_ERROR', 'NOT_ENOUGH_REPLICAS', 'NETWORK_EXCEPTION')}


@dataclasses.dataclass
class Settings:
    topic: str = 'w1'
    partitions: int = 8
    senders: int = 3
    idempotent_senders: int = 2
    consumers: int = 2
    think_s: float = 0.002     # between two operations of one client
    acks: tuple = (-1, -1, -1, 1, 1, 0)
    big_every: int = 200       # one send in so many carries a record of up to 64 KiB
    admin: bool = True
    # Whether a producer goes from the old protocol to the new one without a new epoch. Kafka mixes up the two
    # transactions then, if the markers of the first are still on their way.
    changes_protocol: bool = True


class World:
    """What all clients share. `life` is raised by the nemesis when it ends the broker's life."""

    def __init__(self, port, run, seed, settings=None):
        self.port, self.settings = port, settings or Settings()
        self.history, self.values = h.History(), h.Values(run)
        self.seed, self.life = seed, 0
        self.stop = threading.Event()
        self.still = threading.Event()    # while it is set nobody begins an operation
        self.heal_time = None
        self.crashed_threads = []
        self.admin_lock = threading.Lock()  # held over an administrator's step, and a reading
        self.keys = [(self.settings.topic, p) for p in range(self.settings.partitions)]

    def connect(self, client_class=RawClient):
        """A connection and the life it belongs to. Tries until it works; None when stopping."""
        while not self.stop.is_set():
            life = self.life
            try:
                client = client_class(self.port, timeout=15)
            except ConnectionLost:
                self.stop.wait(0.01)
                continue
            if life == self.life:
                return client, life
            client.close()
        return None


class Client(threading.Thread):
    """One client: subclasses do one operation in `step`, with self.client and self.life."""
    kind = ''
    client_class = RawClient

    def __init__(self, world, number):
        super().__init__(name=f'{self.kind}-{number}', daemon=True)
        self.world, self.history, self.number = world, world.history, number
        self.random = random.Random(f'{world.seed}/{self.name}')
        self.process = self.history.new_process()
        self.client = None
        self.life = -1
        self.reported_alive = False

    def run(self):
        try:
            self.loop()
        except Exception as error:  # a bug of the harness must not pass for silence
            self.world.crashed_threads.append(f'{self.name}: {type(error).__name__}: {error}')
            raise

    def loop(self):
        while not self.world.stop.is_set():
            if self.world.still.is_set():
                self.world.stop.wait(0.002)
                continue
            if self.client is None and not self.open():
                return
            try:
                self.step()
            except (ConnectionLost, MalformedResponse):
                self.drop()
            self.world.stop.wait(self.world.settings.think_s)
        self.drop()

    def open(self):
        pair = self.world.connect(self.client_class)
        if pair is None:
            return False
        self.client, self.life = pair
        self.opened()
        return True

    def opened(self):
        pass

    def drop(self):
        if self.client:
            self.client.close()
        self.client = None

    def completed(self):
        """Notes the first success after the last heal."""
        healed = self.world.heal_time
        if healed and not self.reported_alive:
            self.reported_alive = True
            self.history.add(h.Liveness(self.name, now() - healed))

    def make_values(self, key, count, biggest=1000):
        records, idents = [], []
        for _ in range(count):
            self.sequence_number = getattr(self, 'sequence_number', 0) + 1
            size = self.random.randrange(0, biggest)
            record, ident = self.world.values.record(self.process, self.sequence_number, key, size)
            records.append(record)
            idents.append(ident)
        return records, idents


class Sender(Client):
    """W1: one batch at a time with acks 0, 1 or all, to partitions at random."""
    kind = 'sender'

    @property
    def keys(self):
        return self.world.keys

    def step(self):
        key, acks = self.random.choice(self.keys), self.random.choice(self.world.settings.acks)
        big = self.random.randrange(self.world.settings.big_every) == 0
        records, idents = self.make_values(key, 1 if big else self.random.randrange(1, 5),
                                           65536 if big else 1000)
        batch = build_batch(records, Fields(base_timestamp=int(time.time() * 1000)))
        send = h.Send(self.process, self.life, key, idents, acks, len(batch), now(),
                      lives={self.life})
        self.history.add(send)
        try:
            answer = self.client.produce(*key, batch, acks)
        except ConnectionLost as lost:
            send.t1, send.error = now(), str(lost)
            self.become_another()
            raise
        send.t1 = now()
        if answer is None:
            return  # acks=0: the broker says nothing
        self.judge(send, *answer[:2])

    def judge(self, send, error, offset):
        if error == 0:
            send.status, send.offset = 'ok', offset
            self.completed()
            return
        send.error = error_name(error)
        if error in NOTHING_STORED:
            send.status = 'fail'
        else:
            self.become_another()
        self.world.stop.wait(0.01)

    def become_another(self):
        """A process that does not know how its operation ended makes no further ones."""
        self.process, self.sequence_number = self.history.new_process(), 0


class IdempotentSender(Client):
    """W2: five batches in flight, for a while all in one partition, as a broker remembers so many of each; cuts its own
    connection, and sends what is not acknowledged again on the next one with the same sequence numbers."""
    kind = 'idempotent'
    IN_FLIGHT = 5

    def __init__(self, world, number):
        super().__init__(world, number)
        self.window = collections.deque()   # (Send, batch), oldest first
        self.on_wire = collections.deque()  # correlation ids, for the first entries of window
        self.producer, self.sequences = None, {}
        self.key, self.staying = None, 0    # where it stays for so many batches

    def opened(self):
        self.on_wire.clear()
        self.quiet = self.random.randrange(5, 60)  # operations until the next cut

    def step(self):
        if self.producer is None:
            self.get_producer()
            return
        while len(self.window) < self.IN_FLIGHT and not self.world.stop.is_set():
            self.window.append(self.new_send())
        self.quiet -= 1
        while len(self.on_wire) < len(self.window):
            send, batch = self.window[len(self.on_wire)]
            send.life = self.life
            send.lives.add(self.life)
            if self.quiet <= 0 and self.random.random() < 0.3:
                self.cut(send, batch)
            self.on_wire.append(self.client.send_produce(*send.key, batch))
        if self.quiet <= 0:
            self.world.stop.wait(self.random.choice((0.0, 0.01)))    # with the batches stored, or on their way
            raise ConnectionLost('cut by the client', sent=True)
        self.receive_one()

    def cut(self, send, batch):
        """Leaves half a frame behind."""
        self.client.socket.settimeout(0.2)
        frame = len(batch).to_bytes(4, 'big') + b'\0\0\0\x09' + batch
        self.client.send_raw(frame[:self.random.randrange(1, len(batch))])
        raise ConnectionLost('cut by the client in a frame', sent=True)

    def get_producer(self):
        error, producer_id, epoch = self.client.init_producer_id()
        if error:
            self.world.stop.wait(0.05)
            return
        self.history.add(h.ProducerId(self.process, self.life, producer_id, epoch, now()))
        self.producer, self.sequences = (producer_id, epoch), {}

    def new_send(self):
        if self.staying <= 0:
            self.key, self.staying = self.random.choice(self.world.keys), self.random.choice((1, 1, 2, 20))
        self.staying -= 1
        key = self.key
        records, idents = self.make_values(key, self.random.randrange(1, 4))
        first = self.sequences.get(key, 0)
        self.sequences[key] = first + len(records)
        batch = build_batch(records, Fields(
            base_timestamp=int(time.time() * 1000), producer_id=self.producer[0],
            producer_epoch=self.producer[1], base_sequence=first))
        send = h.Send(self.process, self.life, key, idents, -1, len(batch), now(),
                      producer=(*self.producer, first))
        return self.history.add(send), batch

    def receive_one(self):
        error, offset, _ = self.client.receive_produce(self.on_wire[0])
        send, _ = self.window[0]
        if error in SEND_AGAIN:
            self.world.stop.wait(0.02)
            raise ConnectionLost(error_name(error), sent=True)
        self.on_wire.popleft()
        self.window.popleft()
        send.t1 = now()
        if error == 0:
            send.status, send.offset = 'ok', offset
            self.completed()
        elif error == ERROR['DUPLICATE_SEQUENCE_NUMBER']:
            send.status = 'ok'
        else:
            send.error = error_name(error)
            self.give_up()

    def give_up(self):
        """The broker refuses the sequence: what is in the window stays unknown for good."""
        for send, _ in self.window:
            send.t1 = now()
        self.window.clear()
        self.producer, self.process = None, self.history.new_process()
        self.sequence_number = 0
        raise ConnectionLost('gave up', sent=True)


class Consumer(Client):
    """W1: reads its partitions at the tail; now and then it goes elsewhere in one of them."""
    kind, isolation = 'consumer', 0

    def __init__(self, world, number):
        super().__init__(world, number)
        mine = world.keys[number::world.settings.consumers]
        self.positions = {key: 0 for key in mine}

    def step(self):
        t0, wanted = now(), dict(self.positions)
        error, answers = self.client.fetch(wanted, max_wait_ms=30, isolation=self.isolation)
        t1 = now()
        if error:
            self.world.stop.wait(0.02)
            return
        for key, answer in answers.items():
            poll = read_poll(self.world, self.process, self.life, key, wanted[key], answer, self.isolation)
            poll.t0, poll.t1 = t0, t1
            self.history.add(poll)
            if poll.error == 'OFFSET_OUT_OF_RANGE':
                self.positions[key] = 0
            elif not poll.error:
                self.positions[key] = poll.following
                self.completed()
        if self.random.randrange(64) == 0:
            self.go_elsewhere()

    def go_elsewhere(self):
        key = self.random.choice(list(self.positions))
        self.positions[key] = self.random.randrange(0, self.positions[key] + 1)


def read_poll(world, process, life, key, position, answer, isolation=0):
    """The answer of one partition as a Poll; its times are the caller's. At read_committed it shows what clients
    show: they leave out the batches of producers that the list of aborted transactions names, from the named
    offset to the marker."""
    poll = h.Poll(process, life, key, position, 0.0, isolation=isolation)
    if answer['error']:
        poll.status, poll.error = 'fail', error_name(answer['error'])
        return poll
    poll.high_watermark, poll.log_start, poll.stable = answer['hw'], answer['start'], answer['lso']
    poll.aborted, poll.following = answer['aborted'], position
    coming, dropping = sorted(answer['aborted'] or (), key=lambda pair: pair[1]), set()
    try:
        for batch in parse_batches(answer['data']):
            poll.following = max(position, batch.last_offset + 1)
            if not batch.crc_is_good():
                poll.corrupt.append((batch.base_offset, 'wrong CRC'))
                continue
            while coming and coming[0][1] <= batch.last_offset:
                dropping.add(coming.pop(0)[0])
            if batch.is_control:
                if batch.base_offset >= position:
                    poll.markers.append(batch.base_offset)
                if batch.marker() and not batch.marker()[0]:
                    dropping.discard(batch.producer_id)
                continue
            drop = isolation and batch.is_transactional and batch.producer_id in dropping
            for record in batch.records():
                if record.offset >= position:
                    identify(world, poll, record, poll.dropped if drop else poll.records)
    except BatchError as error:
        poll.corrupt.append((position, str(error)))
    return poll


def identify(world, poll, record, to):
    try:
        to.append((record.offset, world.values.identify(record, poll.key)))
    except BatchError as error:
        poll.corrupt.append((record.offset, str(error)))


class Lister(Client):
    """W7: the ends of the log as registers, and where in it a time is. All records of a batch are of the same time
    here."""
    kind, isolations = 'lister', (0,)
    LONGEST_AGO_S = 60

    def step(self):
        timestamp = self.random.choice((LATEST, LATEST, LATEST, EARLIEST, None))
        if timestamp is None:
            timestamp = int((time.time() - self.random.uniform(0, self.LONGEST_AGO_S)) * 1000)
        isolation = self.random.choice(self.isolations)
        t0 = now()
        answers = self.client.list_offsets({key: timestamp for key in self.world.keys}, isolation)
        t1 = now()
        for key, (error, found, offset, epoch) in answers.items():
            if error == 0:
                self.history.add(h.Listing(self.process, self.life, key, timestamp, offset, epoch,
                                           t0, t1, isolation, found))
                self.completed()
        self.world.stop.wait(0.01)


class IdAllocator(Client):
    """Takes producer ids and does nothing with them: none may ever come twice."""
    kind = 'ids'

    def step(self):
        error, producer_id, epoch = self.client.init_producer_id()
        if error == 0:
            self.history.add(h.ProducerId(self.process, self.life, producer_id, epoch, now()))
            self.completed()
        self.world.stop.wait(0.01)


class Administrator(Client):
    """W6: creates, deletes and alters topics of its own, one change at a time."""
    kind = 'admin'
    MOST_TOPICS = 6

    def __init__(self, world, number):
        super().__init__(world, number)
        self.topics = {}  # name -> partitions, as far as it knows
        self.ends = {}    # name -> records produced to partition 0
        self.made = 0

    def step(self):
        with self.world.admin_lock:
            self.move()
        self.world.stop.wait(0.01)

    def move(self):
        moves = [self.create] if len(self.topics) < 2 else [
            self.create, self.delete, self.grow, self.configure, self.cut_off, self.cut_off]
        if len(self.topics) >= self.MOST_TOPICS:
            moves.remove(self.create)
        self.random.choice(moves)()

    def change(self, registers, call):
        """Runs one change; `registers` maps each register it sets to the new value, a callable of
        the answer where that is not known before. True when it was acknowledged."""
        changes = [h.Admin(self.life, register, None if callable(value) else value, now())
                   for register, value in registers.items()]
        for change in changes:
            self.history.add(change)
        try:
            answer = call()
        except ConnectionLost as lost:
            for change in changes:
                change.t1, change.error = now(), str(lost)
            raise
        error = answer[0] if isinstance(answer, tuple) else answer
        for change, value in zip(changes, registers.values()):
            change.t1 = now()
            if callable(value):
                change.value = None if error else value(answer)
            change.status = 'info' if error else 'ok'
            change.error = error_name(error) if error else ''
        if not error:
            self.completed()
        return not error

    def create(self):
        self.made += 1
        name, count = f'w6-{self.number}-{self.made}', self.random.randrange(1, 4)
        self.topics[name], self.ends[name] = count, 0
        retention = str(self.random.randrange(10 ** 8, 10 ** 9))
        self.change({('topic', name): lambda answer: str(answer[1]), ('partitions', name): count,
                     ('config', name, 'retention.ms'): retention},
                    lambda: self.client.create_topic(name, count, {'retention.ms': retention}))

    def delete(self):
        name = self.random.choice(list(self.topics))
        del self.topics[name]
        self.change({('topic', name): None}, lambda: self.client.delete_topic(name))

    def grow(self):
        name = self.random.choice(list(self.topics))
        count = self.topics[name] + 1
        if self.change({('partitions', name): count},
                       lambda: self.client.create_partitions(name, count)):
            self.topics[name] = count

    def configure(self):
        name = self.random.choice(list(self.topics))
        value = str(self.random.randrange(10 ** 8, 10 ** 9))
        self.change({('config', name, 'retention.ms'): value},
                    lambda: self.client.set_topic_configs(name, {'retention.ms': value}))

    def cut_off(self):
        """Produces some records and deletes them again."""
        name = self.random.choice(list(self.topics))
        records, _ = self.make_values((name, 0), self.random.randrange(1, 10))
        error, base, _ = self.client.produce(name, 0, build_batch(
            records, Fields(base_timestamp=int(time.time() * 1000))))
        if error:
            return
        offset = self.random.randrange(base, base + len(records) + 1)
        self.change({('start', name, 0): offset},
                    lambda: self.client.delete_records(name, 0, offset))


def read_registers(client):
    """All registers of the administrators' topics as the broker shows them now."""
    out = {}
    topics = client.metadata(None)['topics']
    for name, topic in topics.items():
        if not name.startswith('w6-') or topic['error']:
            continue
        out['topic', name] = str(topic['id'])
        out['partitions', name] = len(topic['partitions'])
        error, configs = client.topic_configs(name, ['retention.ms'])
        if error == 0:
            out['config', name, 'retention.ms'] = configs.get('retention.ms')
        start = client.list_offsets({(name, 0): EARLIEST})[name, 0]
        if start[0] == 0:
            out['start', name, 0] = start[2]
    return out


def resting_ends(world, client, isolation):
    """The ends of the logs once they rest: what was sent with acks=0 may be on its way to the disk still."""
    before, ends = None, client.list_offsets({key: LATEST for key in world.keys}, isolation)
    for _ in range(20):
        if ends == before:
            break
        time.sleep(0.2)
        before, ends = ends, client.list_offsets({key: LATEST for key in world.keys}, isolation)
    return ends


def read_all(world, isolation=0, timeout_s=60.0):
    """The reading at the end: a new client takes every partition from its start to its end. Returns
    the seconds that it took; partitions not finished in time stay short in the history."""
    began, process = now(), world.history.new_process()
    with RawClient(world.port, timeout=timeout_s) as client:
        starts = client.list_offsets({key: EARLIEST for key in world.keys})
        ends = resting_ends(world, client, isolation)
        for key in world.keys:
            position, end = starts[key][2], ends[key][2]
            while position < end and now() - began < timeout_s:
                t0 = now()
                error, answers = client.fetch({key: position}, max_wait_ms=100, isolation=isolation)
                poll = read_poll(world, process, world.life, key, position, answers[key], isolation)
                poll.t0, poll.t1, poll.final = t0, now(), True
                world.history.add(poll)
                if poll.corrupt or poll.error:
                    break
                position = poll.following
    return now() - began


def all_clients(world):
    """The whole crowd, not yet started."""
    settings = world.settings
    clients = [Sender(world, n) for n in range(settings.senders)]
    clients += [IdempotentSender(world, n) for n in range(settings.idempotent_senders)]
    clients += [Consumer(world, n) for n in range(settings.consumers)]
    clients += [Lister(world, 0), IdAllocator(world, 0)]
    if settings.admin:
        clients.append(Administrator(world, 0))
    return clients
