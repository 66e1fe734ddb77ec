#!/usr/bin/env python3
"""The rules on transactions tested: a clean history passes, and each planted violation is found by its rule.

    python3 -m unittest tests/safety/txn_rules_test.py
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checker  # noqa: E402
import history as h  # noqa: E402
import txn_rules  # noqa: E402
from log_entries import ABORT, COMMIT, DATA, PLAIN, Entry, Transactions  # noqa: E402

HERE, THERE, INPUT = ('t', 0), ('t', 1), ('t', 2)
OFFSETS = ('__consumer_offsets', 0)
GROUP = 'g'


class Story:
    """Transactions over three partitions and a group, by a broker that does everything right unless told otherwise.
    Every step takes one second on the story's clock."""

    def __init__(self):
        self.history, self.clock, self.count, self.life = h.History(), 0.0, 0, 0
        self.entries = {key: [] for key in (HERE, THERE, INPUT, OFFSETS)}
        self.settings = checker.Settings()
        self.producers = {}    # process -> (producer id, epoch)

    def tick(self):
        self.clock += 1.0
        return self.clock

    def log_end(self, key):
        return self.entries[key][-1].last_offset + 1 if self.entries[key] else 0

    def append(self, key, kind, producer, values=()):
        at = self.log_end(key)
        self.entries[key].append(Entry(at, at + max(len(values), 1) - 1, *producer, kind, list(values)))
        return at

    def value(self, process):
        self.count += 1
        return f'{process}.{self.count}'

    def plain(self, key=HERE):
        value, t0 = self.value(99), self.tick()
        offset = self.append(key, PLAIN, (-1, -1), [value])
        self.history.add(h.Send(99, self.life, key, [value], -1, 10, t0, self.tick(), 'ok', '', offset, None,
                                {self.life}))
        return offset

    def begin(self, process=1, protocol=2, name='id'):
        producer = self.producers.setdefault(process, (7, 0))
        return self.history.add(h.Txn(self.history.new_txn(), process, self.life, name, protocol, producer, self.tick()))

    def write(self, txn, key=HERE, status='ok', stored=True, sources=()):
        value, t0 = self.value(txn.process), self.tick()
        offset = self.append(key, DATA, txn.producer, [value]) if stored else None
        txn.keys.add(key)
        return self.history.add(h.Send(
            txn.process, self.life, key, [value], -1, 10, t0, self.tick(), status, '', offset if status == 'ok' else None,
            (*txn.producer, 0), {self.life}, txn.number, list(sources)))

    def offsets(self, txn, offset, key=INPUT):
        note = self.history.add(h.Commit(txn.process, self.life, GROUP, key, offset, self.value(txn.process),
                                         self.tick(), txn=txn.number))
        self.append(OFFSETS, DATA, txn.producer, [note.note])
        return note

    def mark(self, txn, kind, keys, epoch=None):
        epoch = txn.producer[1] + (txn.protocol == 2) if epoch is None else epoch
        for key in keys:
            self.append(key, kind, (txn.producer[0], epoch))

    def end(self, txn, commit=True, status='ok', done=True):
        """`done`: whether the broker does it, whatever it answers."""
        txn.wanted, txn.t_end = ('commit' if commit else 'abort'), self.tick()
        if done:
            keys = sorted(txn.keys | {OFFSETS for note in self.history.of(h.Commit) if note.txn == txn.number})
            self.mark(txn, COMMIT if commit else ABORT, keys)
        txn.t1, txn.status = self.tick(), status
        for note in self.history.of(h.Commit):
            if note.txn == txn.number:
                note.t1, note.status = txn.t1, status if commit else 'fail'
        if txn.protocol == 2 and status == 'ok':
            self.producers[txn.process] = (txn.producer[0], txn.producer[1] + 1)
        return txn

    def leave(self, txn):
        """The client dies, and the coordinator aborts what it left."""
        self.mark(txn, ABORT, sorted(txn.keys), txn.producer[1] + 1)

    def get_producer(self, process, epoch, name='id', producer_id=7):
        self.producers[process] = (producer_id, epoch)
        return self.history.add(h.ProducerId(process, self.life, producer_id, epoch, self.tick(), name))

    def read(self, key=HERE, position=0, isolation=1, txn=None, process=9, final=False):
        t0 = self.tick()
        log, end = Transactions(self.entries[key]), self.log_end(key)
        stable = log.last_stable_offset(end)
        upto = stable if isolation else end
        poll = h.Poll(process, self.life, key, position, t0, 0.0, 'ok', '', end, 0, isolation=isolation,
                      txn=txn and txn.number, stable=stable, final=final, following=max(position, upto))
        poll.aborted = log.aborted_in(position, upto) if isolation else None
        hidden = {entry.offset for span in log.aborted for entry in span.data} if isolation else ()
        for entry in self.entries[key]:
            if position <= entry.offset < upto:
                if entry.kind in (COMMIT, ABORT):
                    poll.markers.append(entry.offset)
                else:
                    to = poll.dropped if entry.offset in hidden else poll.records
                    to += list(zip(range(entry.offset, entry.last_offset + 1), entry.values))
        poll.t1 = self.tick()
        return self.history.add(poll)

    def listing(self, offset, key=HERE, isolation=1):
        self.history.add(h.Listing(8, self.life, key, -1, offset, 0, self.tick(), self.tick(), isolation))

    def shows(self, offset, note='', key=INPUT):
        self.history.add(h.Committed(9, self.life, GROUP, key, offset, note, self.tick(), self.tick()))

    def verdict(self):
        for key in (HERE, THERE, INPUT):
            self.read(key, isolation=0, final=True)
        network = {key: [(offset, value) for entry in self.entries[key] if entry.values
                         for offset, value in zip(range(entry.offset, entry.last_offset + 1), entry.values)]
                   for key in (HERE, THERE, INPUT)}
        logs = checker.Logs(network, network, {}, [], self.entries)
        return checker.check(self.history, logs, self.settings)


class Rules(unittest.TestCase):
    def found(self, story):
        return {rule: finding.cases for rule, finding in story.verdict().findings.items() if finding.count}

    def assert_found(self, story, *rules):
        found = self.found(story)
        for rule in rules:
            self.assertIn(rule, found)

    def assert_clean(self, story):
        self.assertEqual(self.found(story), {})

    @staticmethod
    def two_ends(protocol, commit=True, **more):
        story = Story()
        story.plain()
        txn = story.begin(protocol=protocol)
        story.write(txn)
        story.write(txn, THERE)
        story.end(txn, commit, **more)
        return story, txn

    def test_ordinary_transactions_are_clean(self):
        for protocol in (1, 2):
            for commit in (True, False):
                story, _ = self.two_ends(protocol, commit)
                story.read(), story.read(THERE), story.read(isolation=0)
                txn = story.begin(protocol=protocol)
                story.write(txn)
                story.read(txn=txn, process=1)
                story.plain(), story.plain(THERE)
                story.read(), story.listing(4 - 1)
                story.end(txn)
                story.read(position=2)
                self.assert_clean(story)

    def test_an_unknown_end_may_go_both_ways(self):
        for done in (COMMIT, ABORT):
            story, txn = self.two_ends(2, status='info', done=False)
            story.mark(txn, done, (HERE, THERE))
            story.read(), story.read(THERE)
            self.assert_clean(story)

    def test_one_that_is_left_alone_is_aborted(self):
        story = Story()
        txn = story.begin()
        story.write(txn), story.write(txn, THERE, status='info')
        story.leave(txn)
        story.read(), story.read(THERE)
        self.assert_clean(story)

    # X1, X2, X3

    def test_x1_finds_an_acknowledged_commit_that_is_aborted(self):
        story, txn = self.two_ends(2, done=False)
        story.mark(txn, ABORT, (HERE, THERE))
        self.assert_found(story, 'X1')

    def test_x1_finds_an_acknowledged_commit_without_its_markers(self):
        self.assert_found(self.two_ends(2, done=False)[0], 'X1', 'X5')

    def test_x1_finds_offsets_that_were_not_committed(self):
        story = Story()
        story.plain(INPUT)
        txn = story.begin()
        story.write(txn, sources=[(GROUP, INPUT, 0)])
        note = story.offsets(txn, 1)
        story.end(txn)
        story.shows(1, note.note)
        self.assert_clean(story)
        del story.entries[OFFSETS][:]
        self.assert_found(story, 'X1')

    def test_x1_forgives_an_acknowledgement_that_came_after_the_power_cut(self):
        story, txn = self.two_ends(2, done=False)
        story.mark(txn, ABORT, (HERE, THERE))
        story.history.add(h.Fault('power', 0, txn.t1 - 0.5, txn.t1 - 0.4))
        self.assert_clean(story)

    def test_x2_finds_an_abort_that_is_committed(self):
        for protocol in (1, 2):
            story, txn = self.two_ends(protocol, commit=False, done=False)
            story.mark(txn, COMMIT, (HERE, THERE))
            self.assert_found(story, 'X2')

    def test_x2_finds_a_commit_that_nobody_asked_for(self):
        story = Story()
        txn = story.begin()
        story.write(txn)
        story.mark(txn, COMMIT, (HERE,))
        self.assert_found(story, 'X2')

    def test_x2_finds_a_refused_commit(self):
        self.assert_found(self.two_ends(2, status='fail')[0], 'X2')

    def test_x3_finds_a_torn_transaction(self):
        for status in ('ok', 'info'):
            story, txn = self.two_ends(2, status=status, done=False)
            story.mark(txn, COMMIT, (HERE,))
            story.mark(txn, ABORT, (THERE,))
            self.assert_found(story, 'X3')

    def test_x3_finds_offsets_without_their_records(self):
        story = Story()
        story.plain(INPUT)
        txn = story.begin()
        story.write(txn, sources=[(GROUP, INPUT, 0)])
        story.offsets(txn, 1)
        story.end(txn, status='info', done=False)
        story.mark(txn, COMMIT, (OFFSETS,))
        story.mark(txn, ABORT, (HERE,))
        self.assert_found(story, 'X3')

    # X4, X5

    def test_x4_finds_data_after_the_marker(self):
        story, txn = self.two_ends(1)
        story.write(txn, status='info')
        story.mark(txn, ABORT, (HERE,))
        self.assert_found(story, 'X4', 'X3')

    def test_x4_finds_a_late_end_that_ends_the_next_one(self):
        story, first = self.two_ends(1)
        second = story.begin(protocol=1)
        story.write(second)
        story.mark(first, COMMIT, (HERE,))    # the first one's request, come again
        story.write(second)
        story.end(second, commit=False)
        self.assert_found(story, 'X4', 'X2', 'X3')

    def test_x4_finds_one_marker_for_two_transactions(self):
        story = Story()
        for process in (1, 2):
            story.producers[process] = (7, 0)
            story.write(story.begin(process))
        story.mark(story.history.of(h.Txn)[0], COMMIT, (HERE,))
        self.assert_found(story, 'X4')

    def test_x4_finds_a_marker_with_the_epoch_of_its_data(self):
        story, txn = self.two_ends(2, done=False)
        story.mark(txn, COMMIT, (HERE, THERE), epoch=0)
        self.assert_found(story, 'X4')

    def test_x4_lets_a_marker_be_written_twice_and_where_nothing_was_written(self):
        for protocol in (1, 2):
            story = Story()
            txn = story.begin(protocol=protocol)
            story.write(txn)
            txn.keys.add(THERE)
            story.end(txn)
            story.mark(txn, COMMIT, (HERE, THERE))
            story.read()
            self.assert_clean(story)

    def test_x4_finds_a_marker_that_belongs_to_nothing(self):
        story, txn = self.two_ends(2)
        story.mark(txn, COMMIT, (HERE,), epoch=9)
        self.assert_found(story, 'X4')

    def test_x4_finds_a_second_marker_that_contradicts(self):
        story, txn = self.two_ends(2)
        story.mark(txn, ABORT, (HERE,))
        self.assert_found(story, 'X4')

    def test_x5_finds_a_transaction_that_stays_open(self):
        story = Story()
        story.write(story.begin())
        self.assert_found(story, 'X5')

    def test_x5_finds_a_transaction_that_takes_too_long(self):
        for seconds in (None, 99.0):
            story, _ = self.two_ends(2)
            story.history.add(h.Stable(HERE, seconds))
            self.assert_found(story, 'X5')

    # A1, A7, A8, A9, X7

    def test_a1_finds_an_aborted_record_that_is_shown(self):
        story, _ = self.two_ends(2, commit=False)
        poll = story.read()
        poll.records, poll.dropped = sorted(poll.records + poll.dropped), []
        self.assert_found(story, 'A1')

    def test_a1_finds_an_open_record_that_is_shown(self):
        story = Story()
        txn = story.begin()
        send = story.write(txn)
        poll = story.read()
        poll.records, poll.following = [(0, send.values[0])], 1
        story.end(txn, commit=False)
        self.assert_found(story, 'A1')

    def test_a7_finds_a_committed_record_that_is_not_shown(self):
        story, _ = self.two_ends(2)
        poll = story.read()
        poll.dropped.append(poll.records.pop())
        self.assert_found(story, 'A7')

    def test_a7_finds_a_gap(self):
        story, _ = self.two_ends(2)
        story.read().markers.pop()
        story.plain()
        story.read().markers.pop()
        self.assert_found(story, 'A7')

    def test_a8_finds_a_record_that_is_shown_before_its_commit(self):
        story = Story()
        txn = story.begin()
        send = story.write(txn)
        poll = story.read()
        poll.records, poll.following = [(0, send.values[0])], 1
        story.end(txn)
        self.assert_found(story, 'A8')

    def test_a8_finds_a_transaction_that_reads_itself(self):
        story, txn = self.two_ends(2)
        story.read(txn=txn, process=1)
        self.assert_found(story, 'A8')

    def test_a9_finds_two_that_read_each_other(self):
        story, first = self.two_ends(2)
        story.producers[2] = (8, 0)
        second = story.begin(2, name='other')
        story.read(txn=second, process=2)
        story.write(second, THERE)
        story.end(second)
        self.assert_clean(story)
        story.read(THERE, txn=first, process=1)
        self.assert_found(story, 'A9')

    def test_a9_finds_a_reader_of_what_its_own_future_wrote(self):
        story, first = self.two_ends(2)
        later = story.begin()
        story.write(later, THERE)
        story.end(later)
        story.read(THERE, txn=first, process=1)
        self.assert_found(story, 'A9')

    def test_x7_finds_a_list_that_lacks_one(self):
        story, _ = self.two_ends(2, commit=False)
        story.read().aborted.pop()
        self.assert_found(story, 'X7')

    def test_x7_finds_a_list_that_names_a_committed_one(self):
        story, txn = self.two_ends(2)
        story.read().aborted.append((txn.producer[0], 1))
        self.assert_found(story, 'X7')

    def test_x7_finds_a_list_at_read_uncommitted(self):
        story, _ = self.two_ends(2)
        story.read(isolation=0).aborted = []
        self.assert_found(story, 'X7')

    # A12

    def test_a12_finds_a_last_stable_offset_that_passes_an_open_transaction(self):
        story = Story()
        txn = story.begin()
        story.write(txn)
        story.listing(1)
        story.end(txn)
        self.assert_found(story, 'A12')

    def test_a12_finds_a_last_stable_offset_that_is_not_that_of_the_end(self):
        for stable, end, exact, good in ((2, 2, True, True), (0, 2, True, False), (0, 2, False, True),
                                         (2, 1, False, False)):
            story = Story()
            txn = story.begin()
            story.write(txn, status='info')
            poll = story.read()
            story.end(txn)
            poll.stable, poll.high_watermark, story.settings.exact = stable, end, exact
            self.assert_clean(story) if good else self.assert_found(story, 'A12')

    def test_a12_lets_a_durable_marker_count_before_the_high_watermark_has_passed_it(self):
        story = Story()
        txn = story.begin()
        story.write(txn, status='info')
        early = story.read()
        early.stable = 1
        story.end(txn)
        self.assert_found(story, 'A12')
        early.t1 = txn.t_end + 0.5
        self.assert_clean(story)

    def test_a12_finds_a_last_stable_offset_above_the_end(self):
        story, _ = self.two_ends(2)
        story.read().stable += 1
        self.assert_found(story, 'A12')

    def test_a12_finds_a_last_stable_offset_that_lags_behind_what_was_acknowledged(self):
        story, _ = self.two_ends(2)
        for _ in range(2):
            story.plain()
        story.listing(4)    # between the two
        self.assert_found(story, 'A12')

    def test_a12_finds_an_acknowledged_end_that_cannot_be_seen_yet_if_that_is_promised(self):
        story, _ = self.two_ends(2)
        story.listing(1)    # where it began
        story.settings.exact = False
        self.assert_clean(story)
        story.settings.exact = True
        self.assert_found(story, 'A12')

    def test_a12_finds_a_last_stable_offset_that_falls(self):
        story = Story()
        story.plain()
        story.listing(1)
        txn = story.begin()
        story.write(txn)
        story.listing(0)
        story.end(txn)
        self.assert_found(story, 'A12')

    # A14, X6

    def transformed(self, offset=1, commit=True):
        story = Story()
        story.plain(INPUT), story.plain(INPUT)
        txn = story.begin()
        story.write(txn, sources=[(GROUP, INPUT, 0)])
        note = story.offsets(txn, offset)
        story.end(txn, commit)
        return story, note

    def test_x6_lets_each_input_have_one_output(self):
        story, note = self.transformed()
        story.shows(1, note.note)
        self.assert_clean(story)
        story, _ = self.transformed(commit=False)
        story.shows(-1)
        self.assert_clean(story)

    def test_x6_finds_an_input_without_output(self):
        story, note = self.transformed(offset=2)
        story.shows(2, note.note)
        self.assert_found(story, 'X6')

    def test_x6_finds_an_output_whose_input_is_not_passed(self):
        story, _ = self.transformed()
        story.shows(0)
        self.assert_found(story, 'X6')

    def test_x6_finds_two_outputs(self):
        story, note = self.transformed()
        txn = story.begin()
        story.write(txn, sources=[(GROUP, INPUT, 0)])
        story.end(txn)
        story.shows(1, note.note)
        self.assert_found(story, 'X6')

    def test_a14_finds_offsets_of_an_aborted_transaction(self):
        story, note = self.transformed(commit=False)
        story.shows(1, note.note)
        self.assert_found(story, 'A14')

    # A16, X8

    def test_x8_lets_another_one_take_over(self):
        story = Story()
        story.get_producer(1, 0)
        txn = story.begin(1)
        story.write(txn)
        story.leave(txn)
        story.get_producer(2, 2)
        other = story.begin(2)
        story.write(txn, status='fail', stored=False)
        story.write(other)
        story.end(txn, status='fail', done=False)
        story.end(other)
        self.assert_clean(story)

    def test_x8_finds_a_write_of_one_that_was_fenced(self):
        story = Story()
        story.get_producer(1, 0)
        txn = story.begin(1)
        story.write(txn)
        story.leave(txn)
        story.get_producer(2, 2)
        story.write(txn)
        self.assert_found(story, 'X8')

    def test_x8_finds_an_end_by_one_that_was_fenced(self):
        story = Story()
        story.get_producer(1, 0)
        txn = story.begin(1)
        story.write(txn)
        story.get_producer(2, 2)
        story.end(txn)
        self.assert_found(story, 'X8')

    def test_a16_finds_a_producer_of_two_transactional_ids(self):
        story, _ = self.two_ends(2)
        story.get_producer(1, 5)
        story.get_producer(2, 6, 'other')
        self.assert_found(story, 'A16')

    def test_a16_finds_an_epoch_that_is_given_twice(self):
        story, _ = self.two_ends(2)
        story.get_producer(1, 5)
        story.get_producer(2, 5)
        self.assert_found(story, 'A16')


class Circles(unittest.TestCase):
    def test_are_found_in_long_chains(self):
        chain = {n: {n + 1} for n in range(5000)}
        self.assertEqual(txn_rules.circles(chain), [])
        chain[5000] = {2500}
        self.assertEqual([sorted(circle) for circle in txn_rules.circles(chain)], [list(range(2500, 5001))])


class LastStableOffset(unittest.TestCase):
    def test_is_where_the_oldest_open_transaction_begins(self):
        entries = [Entry(0, 0, -1, -1, PLAIN), Entry(1, 2, 5, 0, DATA), Entry(3, 3, 6, 0, DATA), Entry(4, 4, 5, 0, COMMIT),
                   Entry(5, 5, 6, 0, ABORT), Entry(6, 6, 5, 0, DATA)]
        log = Transactions(entries)
        self.assertEqual([log.last_stable_offset(end) for end in range(8)], [0, 1, 1, 1, 1, 3, 6, 6])
        self.assertEqual(log.aborted_in(0, 7), [(6, 3)])
        self.assertEqual(log.aborted_in(6, 7), [])
        self.assertEqual(log.aborted_in(5, 6), [(6, 3)])
        self.assertEqual(log.aborted_in(0, 3), [])


if __name__ == '__main__':
    unittest.main()
