"""Consumers in groups that commit while the broker is being killed (reliability: W3).

Members of both protocols read their partitions, commit after every reading with a note of their own in the
metadata, and now and then leave or die without a word; one more consumer commits without being a member. Each
commit and each offset that a member was told when it got a partition is noted. Nothing here judges.
"""
import time

import history as h
import workloads
from group_client import (JOINING, LEAVING, GroupClient, assignment, new_member_id, read_assignment)
from raw_client import ERROR, ConnectionLost, error_name
from workloads import Client, now

CLASSIC, CONSUMER, SIMPLE = 'w3-classic', 'w3-consumer', 'w3-simple'
GROUPS = (CLASSIC, CONSUMER, SIMPLE)
MEMBERS = 3
HEARTBEAT_S = 0.3
LIFE_S = 20.0    # after about so long a member becomes another one
# A member that died keeps its partitions until its session is over, and each start of the broker begins that anew: a
# session of 45 s, the shortest by default, is longer than what comes after the last kill.
PROPERTIES = {'group.consumer.min.session.timeout.ms': 6000, 'group.consumer.session.timeout.ms': 6000}

# The member is no more what it was: it has to join again, as itself or as a new one.
REJOIN = {ERROR[name] for name in ('REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'INCONSISTENT_GROUP_PROTOCOL')}
FORGOTTEN = {ERROR[name] for name in ('UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'GROUP_ID_NOT_FOUND')}
# Codes by which the broker promises that nothing was committed.
NOTHING_COMMITTED = REJOIN | FORGOTTEN | {ERROR[name] for name in (
    'COORDINATOR_LOAD_IN_PROGRESS', 'INVALID_GROUP_ID', 'STALE_MEMBER_EPOCH', 'UNKNOWN_TOPIC_OR_PARTITION')}


class Refused(Exception):
    """The coordinator did not do what was asked; `code` is what it said."""

    def __init__(self, code):
        super().__init__(error_name(code))
        self.code = code


def expect_none(code):
    if code:
        raise Refused(code)


class Committer(Client):
    """Reads some partitions and commits. As it is, without a membership."""
    kind, group = 'simple', SIMPLE
    client_class = GroupClient

    def __init__(self, world, number):
        super().__init__(world, number)
        self.positions, self.commits = {}, 0    # of the partitions that are its own
        self.generation, self.member_id = -1, ''
        self.live()

    def live(self):
        self.ends_at = now() + self.random.expovariate(1 / LIFE_S)

    def opened(self):
        self.found = False    # whether this connection leads to the coordinator, which may be yet to load

    def step(self):
        try:
            self.found = self.found or found_coordinator(self.client, self.group)
            self.take_part()
            self.consume()
            if now() > self.ends_at:
                self.become_another()
                self.live()
        except Refused as refused:
            self.refused(refused.code)

    def take_part(self):
        if not self.positions:
            self.take(self.world.keys)

    def refused(self, code):
        self.world.stop.wait(0.02)

    def become_another(self):
        self.process, self.positions = self.history.new_process(), {}

    def take(self, keys):
        """Goes on in these partitions where the group is."""
        for key, (offset, _) in fetch_offsets(self.world, self.client, self.process, self.life, self.group,
                                              keys).items():
            self.positions[key] = max(offset, 0)

    def consume(self):
        if not self.positions:
            return
        wanted = {key: self.positions[key]
                  for key in self.random.sample(sorted(self.positions), min(2, len(self.positions)))}
        t0 = now()
        error, answers = self.client.fetch(wanted, max_wait_ms=20)
        t1 = now()
        if error:
            return
        for key, answer in answers.items():
            poll = workloads.read_poll(self.world, self.process, self.life, key, wanted[key], answer)
            poll.t0, poll.t1 = t0, t1
            self.history.add(poll)
            if poll.records:
                # As many as it likes: the group is to stand anywhere, not always at the end.
                self.positions[key] = self.random.choice(poll.records)[0] + 1
        self.commit(wanted)

    def commit(self, keys):
        notes = {}
        for key in keys:
            self.commits += 1
            notes[key] = self.history.add(h.Commit(
                self.process, self.life, self.group, key, self.positions[key],
                f'{self.process}.{self.commits}', now()))
        try:
            answers = self.client.offset_commit(
                self.group, {key: (note.offset, note.note) for key, note in notes.items()},
                self.generation, self.member_id)
        except ConnectionLost as lost:
            for note in notes.values():
                note.t1, note.error = now(), str(lost)
            raise
        t1, codes = now(), set()
        for key, note in notes.items():
            code = answers.get(key, ERROR['UNKNOWN_SERVER_ERROR'])
            note.t1, note.error = t1, error_name(code) if code else ''
            note.status = 'fail' if code in NOTHING_COMMITTED else 'info' if code else 'ok'
            codes.add(code)
        if codes == {0}:
            self.completed()
        expect_none(max(codes))


class Member(Committer):
    """One that has to be let into the group."""

    def __init__(self, world, number):
        super().__init__(world, number)
        self.next_beat = 0.0

    def refused(self, code):
        if code in FORGOTTEN:
            self.forget()
        elif code in REJOIN:
            self.generation = -1
        self.next_beat = 0.0
        self.world.stop.wait(0.02)

    def become_another(self):
        """Says so, or dies without a word."""
        if self.generation >= 0 and not self.is_silent():
            self.leave()
        self.process = self.history.new_process()
        self.forget()

    def due(self):
        if now() < self.next_beat:
            return False
        self.next_beat = now() + HEARTBEAT_S
        return True


class ClassicMember(Member):
    kind, group = 'classic', CLASSIC

    def is_silent(self):
        return self.random.random() < 0.5

    def forget(self):
        self.generation, self.member_id, self.positions = -1, '', {}

    def leave(self):
        expect_none(self.client.leave_group(self.group, self.member_id))

    def take_part(self):
        if self.generation < 0:
            self.enter()
        elif self.due():
            expect_none(self.client.heartbeat(self.group, self.generation, self.member_id))

    def enter(self):
        self.positions = {}
        joined = self.client.join_group(self.group, self.member_id, [self.world.settings.topic])
        if joined.error == ERROR['MEMBER_ID_REQUIRED']:
            self.member_id = joined.member_id
            joined = self.client.join_group(self.group, self.member_id, [self.world.settings.topic])
        expect_none(joined.error)
        self.member_id = joined.member_id
        shares = self.shares(joined) if joined.leader == self.member_id else {}
        error, mine = self.client.sync_group(self.group, joined.generation, self.member_id, shares)
        expect_none(error)
        self.take(read_assignment(mine))
        self.generation = joined.generation

    def shares(self, joined):
        members, keys = sorted(joined.members), self.world.keys
        return {member: assignment({keys[0][0]: [p for _, p in keys[i::len(members)]]})
                for i, member in enumerate(members)}


class ConsumerMember(Member):
    kind, group = 'consumer-member', CONSUMER

    def __init__(self, world, number):
        super().__init__(world, number)
        self.forget()

    def is_silent(self):
        """Only one of them: until their sessions are over the partitions of the dead lie idle, in the end all."""
        return self.number == 0 and self.random.random() < 0.5

    def forget(self):
        self.generation, self.member_id, self.positions = -1, new_member_id(), {}

    def leave(self):
        expect_none(self.client.consumer_heartbeat(self.group, self.member_id, LEAVING).error)

    def take_part(self):
        if self.generation < 0:
            self.positions = {}
            self.beat(JOINING, [self.world.settings.topic], {})
        elif self.due():
            self.beat(self.generation)

    def beat(self, epoch, topics=None, owned=None):
        beat = self.client.consumer_heartbeat(self.group, self.member_id, epoch, topics, owned)
        if beat.error == ERROR['STALE_MEMBER_EPOCH']:
            return    # the next beat brings the epoch
        expect_none(beat.error)
        self.generation = -1    # so that it joins again when it gets no further than here
        self.generation = self.reconcile(beat)

    def reconcile(self, beat):
        """Gives up and takes what it is told to, and tells that at once; the epoch it has then."""
        while beat.assignment is not None:
            topic, ids = self.world.settings.topic, list(beat.assignment)
            target = {(topic, p) for numbers in beat.assignment.values() for p in numbers}
            self.positions = {key: at for key, at in self.positions.items() if key in target}
            self.take(sorted(target - self.positions.keys()))
            owned = {ids[0]: [p for _, p in sorted(self.positions)]} if ids else {}
            beat = self.client.consumer_heartbeat(self.group, self.member_id, beat.epoch, None, owned)
            expect_none(beat.error)
        return beat.epoch


class Watcher(Client):
    """Asks again and again where the groups are."""
    kind, groups = 'watcher', GROUPS
    client_class = GroupClient

    def step(self):
        group = self.random.choice(self.groups)
        try:
            found_coordinator(self.client, group)
            fetch_offsets(self.world, self.client, self.process, self.life, group, self.world.keys)
            self.completed()
        except Refused:
            pass
        self.world.stop.wait(0.01)


def found_coordinator(client, group):
    """Asks for the coordinator, which also has the offsets topic made; Refused while there is none."""
    expect_none(client.find_coordinator(group)[0])
    return True


def fetch_offsets(world, client, process, life, group, keys):
    """Notes and returns {key: (offset, note)}; Refused when the coordinator does not say."""
    if not keys:
        return {}
    t0 = now()
    error, answers = client.offset_fetch(group, keys)
    t1 = now()
    expect_none(error)
    out = {}
    for key, (code, offset, note) in answers.items():
        expect_none(code)
        world.history.add(h.Committed(process, life, group, key, offset, note or '', t0, t1))
        out[key] = offset, note
    return out


def read_commits(world, groups=GROUPS, patience_s=30.0):
    """Where the groups are, by a new client, once their coordinator has loaded. What is wrong, or ''."""
    process, deadline = world.history.new_process(), now() + patience_s
    for group in groups:
        while True:
            try:
                with GroupClient(world.port) as client:
                    found_coordinator(client, group)
                    fetch_offsets(world, client, process, world.life, group, world.keys)
                break
            except (Refused, ConnectionLost) as error:
                if now() > deadline:
                    return f'{group} does not tell its offsets: {error}'
            time.sleep(0.02)    # not world.stop.wait, which is over at once when the clients have gone
    return ''


def all_clients(world):
    """The whole crowd, not yet started."""
    clients = [workloads.Sender(world, n) for n in range(world.settings.senders)]
    for kind in (ClassicMember, ConsumerMember):
        clients += [kind(world, n) for n in range(MEMBERS)]
    return clients + [Committer(world, 0), Watcher(world, 0)]
