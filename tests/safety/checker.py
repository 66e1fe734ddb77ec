"""Judges a history: which promises does what happened break?

`check(history, logs, settings)` takes the operations and the log of every partition as it was at
the end, and returns a Verdict with one Finding per rule. It is pure: no broker, no files, no
clock. Rule names follow the consistency rules of docs/reliability.md; RULES below says each in
one line.
"""
import bisect
import collections
import dataclasses

import history as h
from commit_rules import CommitRules
from raw_client import ERROR, LATEST
from txn_rules import TxnRules

RULES = {
    'A0': 'every byte that was read is a byte that was written',
    'A1': 'what was refused is not stored, what was aborted not shown',
    'A2': 'an offset never shows two values',
    'A3': 'nothing is stored that nobody sent',
    'A4': 'what was acknowledged is there, at its offset',
    'A5': 'nothing is stored twice',
    'A6': 'the log keeps the order of each sender',
    'A7': 'a consumer misses nothing and sees nothing twice',
    'A8': 'nobody reads at read_committed what is not yet to be committed',
    'A9': 'no transactions read each other in a circle',
    'A11': 'new consumers read everything acknowledged',
    'A12': 'a read that starts after an acknowledgement sees the record',
    'A13': 'the disk says what the network says, in Kafka\'s formats',
    'A14': 'a group is shown its last acknowledged offset or a later one, always one of its own',
    'A15': 'acknowledged administration stays',
    'A16': 'producer ids and their epochs are new, leader epochs rise at each start',
    'A17': 'the broker comes back in time, and so do all clients',
    'A18': 'consumers in groups commit again soon after a restart',
    'A19': 'a time leads to the first record of that time or a later one',
    'P1': 'kill -9 takes nothing acknowledged with acks 1 or all',
    'P2': 'power loss takes nothing acknowledged with acks=all',
    'P3': 'power loss takes of acks=1 a short unread end only',
    'P4': 'an unknown send is stored once or never, and stays so',
    'D6': 'an idempotent producer that sends again is not refused',
    'R7': 'nothing is acknowledged once the disk is gone',
    'X1': 'a transaction acknowledged as committed is so in every partition',
    'X2': 'a transaction that was not to be committed is so nowhere',
    'X3': 'no transaction is torn',
    'X4': 'a marker ends one transaction, which is over then',
    'X5': 'no transaction stays open without a client',
    'X6': 'a group writes once for each record that it has read',
    'X7': 'a fetch lists the aborted transactions, at read_committed only',
    'X8': 'who has lost its transactional id does nothing more',
}


@dataclasses.dataclass
class Settings:
    nemesis: str = 'kill9'
    flush_bytes: int = 256 * 1024
    flush_s: float = 0.100
    slack_s: float = 0.050
    start_limit_s: float = 5.0
    liveness_s: float = 30.0
    resume_limit_s: float = 15.0  # between a start and a group's first commit; 5 s is the aim
    stable_limit_s: float = 13.0  # until transactions without a client are over
    # What Moldau promises beyond Kafka: readers can see the end of a transaction when it is acknowledged, the last
    # stable offset in an answer is that of its high watermark, and a time leads to the first record of its batch.
    exact: bool = True
    clients: tuple = ()           # names of the clients that must complete an operation at the end


@dataclasses.dataclass
class Finding:
    """`checked`: how many things the rule looked at. If that is nothing, it proves nothing."""
    rule: str
    checked: int = 0
    count: int = 0
    cases: list = dataclasses.field(default_factory=list)

    def bad(self, case):
        self.count += 1
        if len(self.cases) < 8:
            self.cases.append(case)


@dataclasses.dataclass
class Logs:
    """The end of it all. `disk` and `network` are {key: [(offset, value id)]}, `starts` {key: log
    start}, `problems` what the offline reader found wrong. Without a disk, `disk` is None. `entries` are
    {key: [log_entries.Entry]} of the disk, and where there are transactions also of the groups' offsets, whose values
    are the commits' notes."""
    network: dict
    disk: dict = None
    starts: dict = dataclasses.field(default_factory=dict)
    problems: list = dataclasses.field(default_factory=list)
    entries: dict = dataclasses.field(default_factory=dict)


class Verdict:
    def __init__(self, findings, stats):
        self.findings, self.stats = findings, stats

    @property
    def valid(self):
        return not any(finding.count for finding in self.findings.values())

    def as_dict(self):
        return {'valid': self.valid, 'stats': self.stats, 'rules': {
            name: dataclasses.asdict(finding) for name, finding in self.findings.items()}}


class _Checker:
    def __init__(self, history, logs, settings):
        self.history, self.logs, self.settings = history, logs, settings
        self.log = logs.disk if logs.disk is not None else logs.network
        self.findings = {}
        self.sends, self.polls = history.of(h.Send), history.of(h.Poll)
        self.faults = {fault.life: fault for fault in history.of(h.Fault)}
        self._index_sends()
        self._index_log()
        self.lost = self._find_lost()
        self.stats = self._count()

    def finding(self, rule):
        return self.findings.setdefault(rule, Finding(rule))

    # What is derived from the history once

    def _index_sends(self):
        self.sent = {}  # value id -> Send
        self.acked = []  # Sends whose acknowledgement counts
        for send in self.sends:
            for value in send.values:
                self.sent[value] = send
            if send.status == 'ok' and not self.after_the_end(send.life, send.t1):
                self.acked.append(send)
        self.acked_ids = {id(send) for send in self.acked}

    def after_the_end(self, life, t1):
        """An answer that a broker may have given when its disk was gone already: no promise."""
        fault = self.faults.get(life)
        return fault and fault.kind == 'power' and not fault.paused and t1 > fault.t

    def _index_log(self):
        self.at = {}      # (key, offset) -> value at the end
        self.places = collections.defaultdict(list)  # value -> [(key, offset)]
        for key, records in self.log.items():
            for offset, value in records:
                self.at[key, offset] = value
                self.places[value].append((key, offset))
        self.read = {}    # value -> first poll that returned it
        for poll in self.polls:
            for _, value in poll.records:
                self.read.setdefault(value, poll)

    def _start(self, key):
        return self.logs.starts.get(key, 0)

    def _find_lost(self):
        """[(send, value, offset)] of acknowledged values that are not where they should be."""
        out = []
        for send in self.acked:
            if send.offset is None:
                out += [(send, v, None) for v in send.values if not self.places[v]]
                continue
            for number, value in enumerate(send.values):
                offset = send.offset + number
                if offset >= self._start(send.key) and self.at.get((send.key, offset)) != value:
                    out.append((send, value, offset))
        return out

    def _fault_that_took(self, send):
        return self.faults.get(send.life)

    def _by_power(self, send):
        fault = self._fault_that_took(send)
        return bool(fault and fault.kind == 'power')

    def _excused(self, send):
        """Lost as acks=1 may be, if rule P3 agrees."""
        return send.acks == 1 and self._by_power(send)

    def _count(self):
        by_acks = collections.Counter(send.acks for send in self.acked)
        lost = collections.Counter(send.acks for send, _, _ in self.lost)
        starts = [s.ready_s for s in self.history.of(h.Start) if not s.error]
        return {'sends': len(self.sends), 'acked_sends': len(self.acked),
                'acked_by_acks': dict(by_acks), 'acked_records': sum(
                    len(send.values) for send in self.acked),
                'lost_records_by_acks': dict(lost), 'records_in_log': len(self.at),
                'polls': len(self.polls), 'records_polled': sum(
                    len(p.records) for p in self.polls if not p.final),
                'faults': dict(collections.Counter(f.kind for f in self.faults.values())),
                'slowest_start_s': round(max(starts, default=0), 3),
                'operations': len(self.history.events)}

    # Rules

    def a0_corruption(self):
        finding = self.finding('A0')
        for poll in self.polls:
            finding.checked += len(poll.records) + len(poll.corrupt)
            for offset, reason in poll.corrupt:
                finding.bad(f'{poll.key} offset {offset}: {reason}')

    def a1_refused(self):
        finding = self.finding('A1')
        for send in self.sends:
            if send.status == 'fail':
                finding.checked += 1
                for value in send.values:
                    if self.places[value] or value in self.read:
                        finding.bad(f'{value} was refused ({send.error}) and is stored')

    def a2_inconsistent_offsets(self):
        finding = self.finding('A2')
        seen = {(key, offset): value for (key, offset), value in self.at.items()}
        lost = {value for send, value, _ in self.lost if self._excused(send)}

        def show(key, offset, value, where):
            finding.checked += 1
            other = seen.setdefault((key, offset), value)
            if other != value:
                finding.bad(f'{key} offset {offset}: {value} in {where}, {other} elsewhere')
        for poll in self.polls:
            for offset, value in poll.records:
                show(poll.key, offset, value, f'a poll of life {poll.life}')
        for send in self.acked:
            if send.offset is not None:
                for number, value in enumerate(send.values):
                    if value not in lost:
                        show(send.key, send.offset + number, value,
                             f'an acknowledgement (acks {send.acks}) of life {send.life}')

    def a3_phantom(self):
        finding = self.finding('A3')
        for value, places in list(self.places.items()) + [
                (value, [(poll.key, '?')]) for value, poll in self.read.items()]:
            finding.checked += 1
            send = self.sent.get(value)
            for key, offset in places:
                if send is None:
                    finding.bad(f'{key} offset {offset}: {value} was never sent')
                elif send.key != key:
                    finding.bad(f'{key} offset {offset}: {value} was sent to {send.key}')

    def a4_lost_write(self):
        finding = self.finding('A4')
        finding.checked = self.stats['acked_records']
        for send, value, offset in self.lost:
            if not self._excused(send):
                finding.bad(self._loss(send, value, offset))

    def _loss(self, send, value, offset):
        there = self.at.get((send.key, offset), 'nothing')
        return (f'{send.key} offset {offset}: {value}, acks {send.acks}, acknowledged in life '
                f'{send.life}; there is {there}')

    def a5_duplicate(self):
        finding = self.finding('A5')
        for value, places in self.places.items():
            finding.checked += 1
            if len(places) > 1:
                finding.bad(f'{value} lies at {places}')

    def a6_order(self):
        finding = self.finding('A6')
        last = {}
        for send in self.sends:  # in the order of their invocation per process
            places = [self.places[v][0][1] for v in send.values if self.places[v]]
            if not places:
                continue
            finding.checked += 1
            if places != list(range(places[0], places[0] + len(send.values))):
                finding.bad(f'{send.key}: the batch of {send.values[0]} lies at {places}')
            before = last.get((send.process, send.key), (-1, None))
            if places[0] <= before[0]:
                finding.bad(f'{send.key}: {send.values[0]} at {places[0]} was sent after '
                            f'{before[1]} at {before[0]}')
            last[send.process, send.key] = places[-1], send.values[-1]

    def a7_polls(self):
        finding = self.finding('A7')
        for poll in self.polls:
            if poll.error == 'OFFSET_OUT_OF_RANGE':
                finding.bad(f'{poll.key}: process {poll.process} at {poll.position} was told '
                            f'that this is out of range (life {poll.life})')
            due = max(poll.position, poll.log_start)
            passed = [(offset, 'a marker') for offset in poll.markers] + poll.dropped
            for offset, value in sorted(poll.records + passed) if passed else poll.records:
                finding.checked += 1
                if offset != due:
                    finding.bad(f'{poll.key}: process {poll.process} got {offset} ({value}) where '
                                f'{due} was due (life {poll.life})')
                due = offset + 1

    def a11_unseen(self):
        finding = self.finding('A11')
        final = {v for poll in self.polls if poll.final and not poll.isolation for _, v in poll.records}
        excused = {value for send, value, _ in self.lost if self._excused(send)}
        for send in self.acked:
            for number, value in enumerate(send.values):
                if send.offset is not None and send.offset + number < self._start(send.key):
                    continue
                finding.checked += 1
                if value not in final and value not in excused:
                    finding.bad(f'{send.key}: {value} was not read at the end')

    def a12_realtime(self):
        reads = collections.defaultdict(list)  # key -> (t0, t1, end offset, who)
        for poll in self.polls:
            if poll.status == 'ok':
                reads[poll.key].append((poll.t0, poll.t1, poll.high_watermark, 'poll'))
        for listing in self.history.of(h.Listing):
            if listing.timestamp == LATEST and not listing.isolation:
                reads[listing.key].append((listing.t0, listing.t1, listing.offset, 'listing'))
        acks = collections.defaultdict(list)
        for send in self.acked:
            if send.acks == -1 and send.offset is not None:
                acks[send.key].append((send.t1, send.offset + len(send.values) - 1))
        for key, rows in reads.items():
            self._sees_what_was_acked(key, rows, sorted(acks[key]))
            self.never_falls(key, rows)

    def _sees_what_was_acked(self, key, rows, acks):
        finding = self.finding('A12')
        times = [t for t, _ in acks]
        highest = _running_max(offset for _, offset in acks)
        for t0, _, end, who in rows:
            at = bisect.bisect_left(times, t0) - 1
            if at < 0:
                continue
            finding.checked += 1
            if end <= highest[at]:
                finding.bad(f'{key}: a {who} at {t0:.6f} shows the end {end}, but {highest[at]} '
                            f'was acknowledged before')

    def never_falls(self, key, rows, what='end'):
        finding = self.finding('A12')
        done = sorted((t1, end) for _, t1, end, _ in rows)
        times = [t for t, _ in done]
        highest = _running_max(end for _, end in done)
        for t0, _, end, who in rows:
            at = bisect.bisect_left(times, t0) - 1
            if at < 0 or end >= highest[at]:
                continue
            if self._power_between(times, highest, end, t0) and not self._was_read(key, end, t0):
                continue
            finding.bad(f'{key}: a {who} at {t0:.6f} shows the {what} {end}, it was {highest[at]} '
                        f'before')

    def _power_between(self, times, highest, end, t0):
        first = bisect.bisect_right(highest, end)
        return any(f.kind == 'power' and times[first] <= f.t_done <= t0
                   for f in self.faults.values())

    def _was_read(self, key, end, t0):
        return any(poll.key == key and poll.t1 < t0 and poll.records
                   and poll.records[-1][0] >= end for poll in self.polls)

    def a19_times(self):
        """Logs only grow, so an answer at any time is what the log at the end says, or nothing as long as that record
        was not there. In the histories all records of a batch are of the same time."""
        finding = self.finding('A19')
        batches = {key: self._newer_than_all(entries) for key, entries in self.logs.entries.items()}
        acks = collections.defaultdict(list)
        for send in self.acked:
            if send.acks == -1 and send.offset is not None:
                acks[send.key].append((send.t1, send.offset))
        acks = {key: sorted(rows) for key, rows in acks.items()}
        highest = {key: _running_max(offset for _, offset in rows) for key, rows in acks.items()}
        for listing in self.history.of(h.Listing):
            if listing.timestamp < 0 or listing.key not in batches:
                continue
            finding.checked += 1
            times, newest = batches[listing.key]
            at = bisect.bisect_left(times, listing.timestamp)
            due = newest[at] if at < len(newest) else None
            what = f'{listing.key}: at {listing.t0:.6f} the time {listing.timestamp} led to {listing.offset}'
            if listing.offset >= 0:
                last = due and (due.offset if self.settings.exact else due.last_offset)
                if due is None or not due.offset <= listing.offset <= last or listing.found != due.timestamp:
                    finding.bad(f'{what} of {listing.found}; the first of that time or later is ' + (
                        f'{due.offset} of {due.timestamp}' if due else 'none'))
            elif due and not listing.isolation:
                count = bisect.bisect_left(acks.get(listing.key, ()), (listing.t0,))
                if count and highest[listing.key][count - 1] >= due.offset:
                    finding.bad(f'{what}, but {due.offset} of {due.timestamp} was acknowledged before')

    @staticmethod
    def _newer_than_all(entries):
        """(times, batches): the batches that are newer than all before them."""
        found = []
        for entry in entries:
            if not found or entry.timestamp > found[-1].timestamp:
                found.append(entry)
        return [entry.timestamp for entry in found], found

    def a13_disk(self):
        finding = self.finding('A13')
        for problem in self.logs.problems:
            finding.bad(problem)
        if self.logs.disk is None:
            return
        for key in self.logs.network.keys() | self.logs.disk.keys():
            network = self.logs.network.get(key, [])
            disk = [r for r in self.logs.disk.get(key, []) if r[0] >= self._start(key)]
            finding.checked += len(disk)
            if network != disk:
                pair = next(((n, d) for n, d in zip(network, disk) if n != d), None)
                finding.bad(f'{key}: {len(network)} records by network, {len(disk)} on disk; '
                            f'first difference {pair}')

    def a15_administration(self):
        _Administration(self).check()

    def a14_a18_commits(self):
        CommitRules(self).check()

    def a16_ids_and_epochs(self):
        finding = self.finding('A16')
        given = {}
        for event in self.history.of(h.ProducerId):
            finding.checked += 1
            last = given.get(event.producer_id)
            given[event.producer_id] = event
            if last is None:
                continue
            if event.transactional_id is None or event.transactional_id != last.transactional_id:
                finding.bad(f'producer id {event.producer_id} was given in life {last.life} and '
                            f'in life {event.life}')
            elif event.epoch == last.epoch:
                finding.bad(f'{event.transactional_id} got producer id {event.producer_id} with epoch {event.epoch} in '
                            f'life {last.life} and in life {event.life}')
        before = {}
        for start in self.history.of(h.Start):
            for key, epoch in start.epochs.items():
                finding.checked += 1
                if epoch <= before.get(key, -1):
                    finding.bad(f'{key}: leader epoch {epoch} in life {start.life}, it was '
                                f'{before[key]}')
                before[key] = epoch
            for key, code in start.stale.items():
                finding.checked += 1
                if code != ERROR['FENCED_LEADER_EPOCH']:
                    finding.bad(f'{key}: a fetch with an old leader epoch got code {code} in life '
                                f'{start.life}')

    def a17_liveness(self):
        finding = self.finding('A17')
        for start in self.history.of(h.Start):
            finding.checked += 1
            if start.error or start.ready_s > self.settings.start_limit_s:
                finding.bad(f'life {start.life} was ready after {start.ready_s:.2f} s '
                            f'{start.error}')
        alive = {event.client: event.seconds for event in self.history.of(h.Liveness)}
        for client in self.settings.clients:
            finding.checked += 1
            seconds = alive.get(client)
            if seconds is None or seconds > self.settings.liveness_s:
                finding.bad(f'{client} completed nothing after the last heal')

    def p1_p2_acknowledged(self):
        kinds = {fault.kind for fault in self.faults.values()}
        for rule, kind in (('P1', 'kill9'), ('P2', 'power')):
            if kind not in kinds:
                continue
            finding = self.finding(rule)
            for send in self.acked:
                fault = self._fault_that_took(send)
                if fault and fault.kind == kind and (send.acks == -1 or rule == 'P1'):
                    finding.checked += len(send.values)
            for send, value, offset in self.lost:
                fault = self._fault_that_took(send)
                if fault and fault.kind == kind and not self._excused(send):
                    finding.bad(self._loss(send, value, offset))

    def p3_acks_one(self):
        if not any(fault.kind == 'power' for fault in self.faults.values()):
            return
        finding = self.finding('P3')
        finding.checked = sum(1 for s in self.acked if s.acks == 1 and self._by_power(s))
        groups = collections.defaultdict(list)
        for send, value, offset in self.lost:
            if self._excused(send):
                groups[send.life, send.key].append((send, value, offset))
        self.stats['worst_acks_1_loss_bytes'] = 0
        self.stats['worst_acks_1_loss_age_s'] = 0.0
        for (life, key), lost in groups.items():
            self._suffix(finding, life, key, lost)
            self._bound(finding, life, key, lost)
            for send, value, offset in lost:
                if value in self.read:
                    finding.bad(f'{key} offset {offset}: {value} was read in life '
                                f'{self.read[value].life} and is gone')

    def _suffix(self, finding, life, key, lost):
        smallest = min(offset for _, _, offset in lost)
        for offset, value in self.log.get(key, []):
            send = self.sent.get(value)
            if offset > smallest and send and (send.lives or {send.life}) == {life}:
                finding.bad(f'{key} offset {smallest} is gone, but {value} at {offset}, of the '
                            f'same life {life}, is there')
                break
        for send in self.acked:
            if send.life == life and send.key == key and send.acks == -1 and (
                    send.offset is not None and send.offset > smallest):
                finding.bad(f'{key} offset {smallest} is gone, but acks=all was given for '
                            f'{send.offset} in the same life {life}')
                break

    def _bound(self, finding, life, key, lost):
        fault, sends = self.faults[life], {id(send): send for send, _, _ in lost}
        size = sum(send.size for send in sends.values())
        biggest = max(send.size for send in sends.values())
        age = max(fault.t - send.t1 for send in sends.values())
        stats = self.stats
        stats['worst_acks_1_loss_bytes'] = max(stats['worst_acks_1_loss_bytes'], size)
        stats['worst_acks_1_loss_age_s'] = max(stats['worst_acks_1_loss_age_s'], round(age, 4))
        if size > self.settings.flush_bytes + biggest:
            finding.bad(f'{key}: life {life} lost {size} bytes')
        if age > self.settings.flush_s + self.settings.slack_s:
            finding.bad(f'{key}: life {life} lost records acknowledged {age:.3f} s before the cut')

    def p4_unknown(self):
        """What somebody read is there at the end, at the same offset."""
        finding = self.finding('P4')
        for poll in self.polls:
            for offset, value in poll.records:
                send = self.sent.get(value)
                if send is None or id(send) in self.acked_ids:
                    continue
                finding.checked += 1
                if offset >= self._start(poll.key) and self.at.get((poll.key, offset)) != value:
                    finding.bad(f'{poll.key} offset {offset}: {value} (acks {send.acks}, unknown) '
                                f'was read in life {poll.life}; there is '
                                f'{self.at.get((poll.key, offset), "nothing")}')

    def d6_idempotence(self):
        finding = self.finding('D6')
        for send in self.sends:
            if send.producer and send.txn is None:
                finding.checked += 1
                if send.error:
                    finding.bad(f'{send.key}: {send.values[0]} {send.producer} of lives '
                                f'{sorted(send.lives)} was refused: {send.error}')

    def r7_after_the_end(self):
        if not any(f.kind == 'power' and not f.paused for f in self.faults.values()):
            return
        finding = self.finding('R7')
        for send in self.sends:
            fault = self.faults.get(send.life)
            if not fault or fault.kind != 'power' or fault.paused or send.acks != -1:
                continue
            if len(send.lives) <= 1 and send.t0 > fault.t_done:
                finding.checked += 1
                if send.status == 'ok':
                    finding.bad(f'{send.key}: {send.values[0]} was acknowledged '
                                f'{send.t1 - fault.t_done:.3f} s after the disk had gone')

    def run(self):
        self.a0_corruption()
        self.a1_refused()
        self.a2_inconsistent_offsets()
        self.a3_phantom()
        self.a4_lost_write()
        self.a5_duplicate()
        self.a6_order()
        self.a7_polls()
        self.a11_unseen()
        self.a12_realtime()
        self.a19_times()
        self.a13_disk()
        self.a14_a18_commits()
        self.a15_administration()
        self.a16_ids_and_epochs()
        self.a17_liveness()
        self.p1_p2_acknowledged()
        self.p3_acks_one()
        self.p4_unknown()
        self.d6_idempotence()
        self.r7_after_the_end()
        TxnRules(self).check()
        return Verdict(self.findings, self.stats)


class _Administration:
    """Rule A15: each register holds its last acknowledged value, or that of an unknown change after
    it; once read, it is settled."""
    ANY = object()  # some value that we could not learn

    def __init__(self, checker):
        self.checker, self.finding = checker, checker.finding('A15')
        self.allowed, self.topic_of_id = {}, {}

    def check(self):
        events = self.checker.history.of(h.Admin) + self.checker.history.of(h.AdminRead)
        for event in sorted(events, key=lambda e: e.t0):
            self.change(event) if isinstance(event, h.Admin) else self.compare(event)

    def change(self, event):
        sure = event.status == 'ok' and not self.checker.after_the_end(event.life, event.t1)
        unknown_id = event.register[0] == 'topic' and event.value is None and (
            self.possible(event.register) == {None})
        value = self.ANY if unknown_id and not sure else event.value
        if event.register[0] == 'topic' and isinstance(event.value, str):
            self.note_id(event.value, event.register[1])
        if sure:
            self.allowed[event.register] = {value}
        else:
            self.allowed[event.register] = self.possible(event.register) | {value}

    def possible(self, register):
        return self.allowed.get(register, {0} if register[0] == 'start' else {None})

    def note_id(self, ident, topic):
        owner = self.topic_of_id.setdefault(ident, topic)
        if owner != topic:
            self.finding.bad(f'topic id {ident} belonged to {owner} and now to {topic}')

    def compare(self, read):
        topics = {r[1] for r in self.allowed} | {r[1] for r in read.values if r[0] == 'topic'}
        for name in topics:
            seen = read.values.get(('topic', name))
            self.settle(read, ('topic', name), seen)
            if seen is None:
                continue
            self.note_id(seen, name)
            for register in [r for r in self.allowed if r[1] == name and r[0] != 'topic']:
                if register in read.values:
                    self.settle(read, register, read.values[register])

    def settle(self, read, register, seen):
        self.finding.checked += 1
        allowed = self.possible(register)
        if seen not in allowed and not (seen is not None and self.ANY in allowed):
            shown = ['?' if value is self.ANY else value for value in allowed]
            self.finding.bad(f'{register} is {seen} in life {read.life}; possible: {shown}')
        self.allowed[register] = {seen}


def _running_max(numbers):
    out, highest = [], -1
    for number in numbers:
        highest = max(highest, number)
        out.append(highest)
    return out


def check(history, logs, settings=None):
    return _Checker(history, logs, settings or Settings()).run()
