"""Rules A1, A7 to A10, A12 and X1 to X8 of the checker: what becomes of transactions.

The truth is the log as it is at the end. The marker that follows a transaction's data in a partition decides its
fate there; what each client was told, and everything that readers were shown, has to agree with that. A fate that
was decided stays, so a reading at any time is compared with the end.
"""
import bisect
import collections

import history as h
from log_entries import ABORT, COMMIT, DATA, Transactions
from raw_client import LATEST


class TxnRules:
    def __init__(self, checker):
        self.checker, self.history, self.settings = checker, checker.history, checker.settings
        self.txns = {txn.number: txn for txn in self.history.of(h.Txn)}
        self.commits = [commit for commit in self.history.of(h.Commit) if commit.txn is not None]
        self.sends = [send for send in checker.sends if send.txn is not None]
        self.logs = {key: Transactions(entries) for key, entries in checker.logs.entries.items()}
        self.owner = {value: send.txn for send in self.sends for value in send.values}
        self.owner.update((commit.note, commit.txn) for commit in self.commits)

    def check(self):
        if not self.txns:
            return
        self._index_fates()
        self._outcomes()
        self._spans()
        self._ends()
        for poll in self.checker.polls:
            self._aborted_list(poll)
            if poll.isolation and poll.status == 'ok':
                self._committed_reading(poll)
        self._last_stable_offsets()
        self._information_flow()
        self._transformations()
        self._fencing()
        self._count()

    def finding(self, rule):
        return self.checker.finding(rule)

    # What is derived once

    def _index_fates(self):
        """Of each transaction in each partition, of each record, and of each offset in a group."""
        self.fates = collections.defaultdict(lambda: collections.defaultdict(set))  # number -> {key: fates}
        self.shown = {}    # value -> fate; of what belongs to no transaction COMMIT
        for key, log in self.logs.items():
            for entry in self.checker.logs.entries[key]:
                if entry.kind not in (COMMIT, ABORT, DATA):
                    self.shown.update(dict.fromkeys(entry.values, COMMIT))
            for span in log.spans:
                for value in (value for entry in span.data for value in entry.values):
                    self.shown[value] = span.fate
                    if value in self.owner:
                        self.fates[self.owner[value]][key].add(span.fate)

    def is_sure(self, txn):
        return txn.status == 'ok' and not self.checker.after_the_end(txn.life, txn.t1)

    def outcome(self, txn):
        """'commit' or 'abort' where it is known, else 'info'. A commit that nobody asked for is an abort."""
        if txn.wanted != 'commit' or txn.status == 'fail':
            return 'abort'
        return 'commit' if self.is_sure(txn) else 'info'

    @staticmethod
    def name(txn):
        return f'transaction {txn.number} of {txn.transactional_id} (v{txn.protocol}, {txn.producer})'

    # X1, X2, X3

    def _outcomes(self):
        kept, hidden, whole = self.finding('X1'), self.finding('X2'), self.finding('X3')
        written = collections.defaultdict(list)
        for send in self.sends:
            if send.status == 'ok':
                written[send.txn].append((send.key, send.values))
        for commit in self.commits:
            written[commit.txn].append((commit.key, [commit.note]))
        self.tally = collections.Counter(self.outcome(txn) for txn in self.txns.values())
        for number, txn in self.txns.items():
            fates = self.fates.get(number, {})
            decided = {fate for found in fates.values() for fate in found if fate != 'open'}
            outcome = self.outcome(txn)
            if outcome == 'commit':
                kept.checked += 1
                missing = [(key, value) for key, values in written[number] for value in values
                           if self.shown.get(value) != COMMIT]
                if missing:
                    key, value = missing[0]
                    kept.bad(f'{self.name(txn)} was acknowledged as committed in life {txn.life}; {value} in {key} is '
                             f'{self.shown.get(value, "gone")}, {len(missing)} in all')
            elif outcome == 'abort':
                hidden.checked += 1
                if COMMIT in decided:
                    hidden.bad(f'{self.name(txn)} cannot have been committed ({txn.wanted or "never ended"}, {txn.status} '
                               f'{txn.error}); it is in {self._places(fates)}')
            whole.checked += 1
            if len(decided) > 1:
                whole.bad(f'torn: {self.name(txn)} ({txn.wanted or "never ended"}, {txn.status}) is {self._places(fates)}')

    @staticmethod
    def _places(fates):
        return ', '.join(f'{key[0]}-{key[1]} {"+".join(sorted(found))}' for key, found in sorted(fates.items()))

    # X4, X5

    def _spans(self):
        finding, open_ones = self.finding('X4'), self.finding('X5')
        for key, log in self.logs.items():
            seen = collections.Counter()
            for span in log.spans:
                finding.checked += 1
                numbers = self._numbers(span)
                seen.update(numbers)
                self._one_transaction(finding, key, span, numbers)
                if span.fate == 'open':
                    open_ones.bad(f'{key}: a transaction of producer {span.producer_id} has been open from '
                                  f'{span.first} on')
            for number, count in seen.items():
                if count > 1:
                    finding.bad(f'{key}: {self.name(self.txns[number])} goes on after its marker')
            for marker in log.idle:
                self._idle_marker(finding, key, marker)

    def _numbers(self, span):
        return sorted({self.owner[value] for entry in span.data for value in entry.values if value in self.owner})

    def _one_transaction(self, finding, key, span, numbers):
        if len(numbers) > 1:
            finding.bad(f'{key}: one marker at {span.end} ends ' + ' and '.join(
                self.name(self.txns[number]) for number in numbers))
        marker = span.marker
        if not marker or not numbers:
            return
        newest = max(entry.epoch for entry in span.data)
        txn = self.txns[numbers[-1]]
        ended = txn.status == 'ok' and txn.wanted    # by the client, in its own protocol
        if marker.epoch < newest or (ended and txn.protocol == 2 and marker.epoch <= newest):
            finding.bad(f'{key}: the marker at {marker.offset} has epoch {marker.epoch}, the data of {self.name(txn)} '
                        f'{newest}')

    def _idle_marker(self, finding, key, marker):
        """One that ended nothing: of a transaction that wrote nothing there, or written again."""
        finding.checked += 1
        for txn in self._by_producer().get(marker.producer_id, ()):
            if txn.producer[1] in (marker.epoch, marker.epoch - 1) and (key in txn.keys or key[0].startswith('__')):
                outcome = self.outcome(txn)
                if outcome == 'info' or (outcome == 'commit') == (marker.kind == COMMIT):
                    return
        finding.bad(f'{key}: the marker {marker.kind} of producer {marker.producer_id} epoch {marker.epoch} at '
                    f'{marker.offset} belongs to no transaction')

    def _by_producer(self):
        if not hasattr(self, '_producers'):
            self._producers = collections.defaultdict(list)
            for txn in self.txns.values():
                self._producers[txn.producer[0]].append(txn)
        return self._producers

    def _ends(self):
        finding, slowest = self.finding('X5'), 0.0
        for stable in self.history.of(h.Stable):
            finding.checked += 1
            if stable.seconds is None or stable.seconds > self.settings.stable_limit_s:
                finding.bad(f'{stable.key}: a transaction was still open {self.settings.stable_limit_s} s after the '
                            f'last client had gone')
            else:
                slowest = max(slowest, stable.seconds)
        self.checker.stats['slowest_stable_s'] = round(slowest, 3)

    # A1, A7, A8, X7: what readers were shown

    def _aborted_list(self, poll):
        finding, log = self.finding('X7'), self.logs.get(poll.key)
        if poll.status != 'ok' or log is None:
            return
        finding.checked += 1
        where = f'{poll.key}: a fetch at {poll.position} in life {poll.life}'
        if not poll.isolation:
            if poll.aborted is not None:
                finding.bad(f'{where} at read_uncommitted has a list of aborted transactions')
            return
        listed = [tuple(pair) for pair in poll.aborted or ()]
        due = log.aborted_in(poll.position, poll.following) if poll.following > poll.position else []
        possible = set(log.aborted_in(poll.position, log.end))    # some of what comes later does no harm
        missing = [pair for pair in due if pair not in listed]
        invented = [pair for pair in listed if pair not in possible]
        if missing or invented:
            finding.bad(f'{where} up to {poll.following} lists {listed}; missing {missing}, not to be there {invented}')

    def _committed_reading(self, poll):
        hidden, complete, early = self.finding('A1'), self.finding('A7'), self.finding('A8')
        where = f'{poll.key}: process {poll.process} at {poll.position} in life {poll.life}'
        for offset, value in poll.records:
            hidden.checked += 1
            fate = self.shown.get(value)
            if fate not in (COMMIT, None):    # what is not there at all is another rule's
                hidden.bad(f'{where} was shown {value} at {offset}, which is {fate}')
            txn = self.txns.get(self.owner.get(value))
            if txn:
                early.checked += 1
                if txn.number == poll.txn:
                    early.bad(f'{where} was shown {value}, which its own {self.name(txn)} had written')
                elif txn.wanted == 'commit' and poll.t1 < txn.t_end:
                    early.bad(f'{where} was shown {value} before its {self.name(txn)} was to be committed')
        for offset, value in poll.dropped:
            complete.checked += 1
            if self.shown.get(value) == COMMIT:
                complete.bad(f'{where} was not shown {value} at {offset}, which is committed')

    # A12: the last stable offset

    def _last_stable_offsets(self):
        """It is the end of the log, or where a transaction begins that is open: and that is none whose end was
        acknowledged before, where the broker promises that. It never falls."""
        rows = collections.defaultdict(list)  # key -> (t0, t1, offset, who)
        for poll in self.checker.polls:
            if poll.isolation and poll.status == 'ok':
                rows[poll.key].append((poll.t0, poll.t1, poll.stable, 'poll'))
                self._fits_the_end(poll)
        for listing in self.history.of(h.Listing):
            if listing.isolation and listing.timestamp == LATEST:
                rows[listing.key].append((listing.t0, listing.t1, listing.offset, 'listing'))
        acks = collections.defaultdict(list)
        for send in self.checker.acked:
            if send.acks == -1 and send.offset is not None:
                acks[send.key].append((send.t1, send.offset + len(send.values) - 1))
        for key, found in rows.items():
            if key in self.logs:
                self._registers(key, found, sorted(acks[key]))
                self.checker.never_falls(key, found, 'last stable offset')

    def _fits_the_end(self, poll):
        """It is that of the log up to the high watermark. It may be ahead by markers that are durable and that the
        high watermark has not passed yet: those were asked for before. Where the two are not read at once it may lag
        behind."""
        finding, log = self.finding('A12'), self.logs.get(poll.key)
        finding.checked += 1
        end, stable = poll.high_watermark, poll.stable
        if log is None or end > log.end:
            return
        due = log.last_stable_offset(end)
        if stable == due or (stable < due and not self.settings.exact):
            return
        if stable < due or stable > end or not self._ends_asked(log, due, stable, poll.t1):
            finding.bad(f'{poll.key}: a fetch in life {poll.life} shows the last stable offset {stable} and the end '
                        f'{end}, up to which it is {due}')

    def _ends_asked(self, log, due, stable, t1):
        """Whether somebody had asked by then to end what the last stable offset has passed: nobody asks for the abort
        of a client that died."""
        passed = [span for span in log.spans if due <= span.first < stable <= span.end]
        for span in passed:
            if span.fate == 'open':
                return False
            for number in self._numbers(span):
                txn = self.txns[number]
                if span.fate == COMMIT and txn.t_end > t1:
                    return False
        return True

    def _registers(self, key, rows, acks):
        finding, log = self.finding('A12'), self.logs[key]
        begins = {span.first: span for span in log.spans}
        times, highest, top = [t for t, _ in acks], [], -1
        for _, offset in acks:
            top = max(top, offset)
            highest.append(top)
        for t0, t1, stable, who in rows:
            finding.checked += 1
            beyond = log.last_stable_offset(stable)
            if stable <= log.end and stable not in log.stable_offsets and not self._ends_asked(log, beyond, stable, t1):
                finding.bad(f'{key}: a {who} at {t0:.6f} shows the last stable offset {stable}, which it never was: a '
                            f'transaction was open from {beyond} on')
                continue
            at = bisect.bisect_left(times, t0) - 1
            if at < 0 or stable > highest[at]:
                continue
            span = begins.get(stable)
            if span is None:
                finding.bad(f'{key}: a {who} at {t0:.6f} shows the last stable offset {stable}, but {highest[at]} was '
                            f'acknowledged before and no transaction begins there')
            elif self.settings.exact:
                for number in self._numbers(span):
                    txn = self.txns[number]
                    if self.is_sure(txn) and txn.t1 < t0:
                        finding.bad(f'{key}: a {who} at {t0:.6f} stops at {stable}, where {self.name(txn)} begins, '
                                    f'whose {txn.wanted} was acknowledged {t0 - txn.t1:.3f} s before')

    # A9, A10

    def _information_flow(self):
        """Who read what of whom, and who came after whom: no circle, as nobody reads what is yet to be."""
        finding, edges = self.finding('A9'), collections.defaultdict(set)
        latest = {}
        for poll in sorted((poll for poll in self.checker.polls if poll.isolation), key=lambda poll: poll.t0):
            reader = ('txn', poll.txn) if poll.txn else ('poll', id(poll))
            for _, value in poll.records:
                writer = self.owner.get(value)
                if writer is not None and writer != poll.txn:
                    finding.checked += 1
                    edges['txn', writer].add(reader)
            before = latest.get(poll.process)
            if before and before != reader:
                edges[before].add(reader)
            latest[poll.process] = reader
        order = collections.defaultdict(list)
        for number, txn in sorted(self.txns.items()):
            order[txn.process].append(('txn', number))
        for chain in order.values():
            for one, other in zip(chain, chain[1:]):
                edges[one].add(other)
        for circle in circles(edges):
            finding.bad('each knew what the next one wrote: ' + ', '.join(
                self.name(self.txns[number]) if kind == 'txn' and number in self.txns else 'a reader'
                for kind, number in circle[:4]))
        self.checker.stats['write_circles'] = len(circles(self._write_order()))

    def _write_order(self):
        """A10: circles in the order of writing are as in Kafka, and only counted."""
        edges = collections.defaultdict(set)
        for log in self.logs.values():
            before = None
            for span in log.spans:
                for number in self._numbers(span) if span.fate == COMMIT else ():
                    if before not in (None, number):
                        edges[before].add(number)
                    before = number
        return edges

    # X6

    def _transformations(self):
        """Each input that a group has passed by has one committed output, each other one none."""
        finding = self.finding('X6')
        outputs = collections.Counter()
        for send in self.sends:
            for source, value in zip(send.sources, send.values):
                if self.shown.get(value) == COMMIT:
                    outputs[source] += 1
        for (group, key), committed in self._committed().items():
            for entry in self.checker.logs.entries.get(key, ()):
                for offset, value in zip(range(entry.offset, entry.last_offset + 1), entry.values):
                    due = int(offset < committed and self.shown[value] == COMMIT)
                    finding.checked += due
                    if outputs[group, key, offset] != due:
                        finding.bad(f'{group} stands at {committed} in {key}; {value} at {offset} has '
                                    f'{outputs[group, key, offset]} committed outputs, and there should be {due}')

    def _committed(self):
        """{(group, key): offset} as the groups were told at the end."""
        groups = {source[0] for send in self.sends for source in send.sources}
        out = {}
        for reading in self.history.of(h.Committed):
            if reading.group in groups:
                out[reading.group, reading.key] = max(reading.offset, 0)
        return out

    # X8

    def _fencing(self):
        """Once a process has the transactional id, nothing that another one sends later is done."""
        finding = self.finding('X8')
        given = collections.defaultdict(list)
        for event in self.history.of(h.ProducerId):
            given[event.transactional_id, event.producer_id].append(event)
        for txn in self.txns.values():
            fence = min((event.t1 for event in given.get((txn.transactional_id, txn.producer[0]), ())
                         if event.epoch > txn.producer[1] and event.process != txn.process), default=None)
            if fence is None:
                continue
            finding.checked += 1
            if txn.t_end > fence and txn.status == 'ok':
                finding.bad(f'{self.name(txn)}: its {txn.wanted} was acknowledged {txn.t_end - fence:.3f} s after another '
                            f'process had got the id')
            for send in self._sends_of().get(txn.number, ()):
                committed = any(self.shown.get(value) == COMMIT for value in send.values)
                if send.t0 > fence and (send.status == 'ok' or committed):
                    finding.bad(f'{self.name(txn)}: {send.values[0]} was stored, sent {send.t0 - fence:.3f} s after another '
                                f'process had got the id')

    def _sends_of(self):
        if not hasattr(self, '_sends'):
            self._sends = collections.defaultdict(list)
            for send in self.sends:
                self._sends[send.txn].append(send)
        return self._sends

    def _count(self):
        by_protocol = collections.Counter(f'v{txn.protocol}' for txn in self.txns.values())
        idle = sum(len(log.idle) for log in self.logs.values())
        self.checker.stats.update(
            transactions=len(self.txns), **{f'transactions_{name}': count for name, count in self.tally.items()},
            **{f'transactions_{name}': count for name, count in by_protocol.items()},
            torn=self.finding('X3').count, markers_without_data=idle)


def circles(edges):
    """The strongly connected sets of more than one node, without recursion."""
    index, low, stack, on_stack, out = {}, {}, [], set(), []
    for root in list(edges):
        if root in index:
            continue
        work = [(root, iter(edges.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            advanced = False
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(edges.get(other, ()))))
                    advanced = True
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            if advanced:
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == index[node]:
                found = []
                while True:
                    other = stack.pop()
                    on_stack.discard(other)
                    found.append(other)
                    if other == node:
                        break
                if len(found) > 1:
                    out.append(found)
    return out
