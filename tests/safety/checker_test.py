#!/usr/bin/env python3
"""The checker's own test: a clean history passes, and each planted violation is found by its rule.

    python3 -m unittest tests/safety/checker_test.py
"""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checker  # noqa: E402
import history as h  # noqa: E402
import workloads  # noqa: E402
from log_entries import PLAIN, Entry  # noqa: E402

KEY = ('t', 0)
POWER, KILL = 'power', 'kill9'


class Story:
    """A small history with one partition. Every step takes one second on the story's clock."""

    def __init__(self, fault=KILL):
        self.history, self.fault_kind = h.History(), fault
        self.clock, self.life, self.log, self.count = 0.0, 0, [], 0
        self.disk_problems, self.disk, self.starts, self.entries = [], None, {}, {}
        self.settings = checker.Settings(fault)
        self.start_event(0)

    def tick(self):
        self.clock += 1.0
        return self.clock

    def start_event(self, epoch, **more):
        return self.history.add(h.Start(self.life, self.tick(), 0.1, {KEY: epoch}, **more))

    def send(self, acks=-1, status='ok', stored=True, process=1, size=100, producer=None):
        """One record; stored at the end of the log unless told otherwise."""
        self.count += 1
        value, offset = f'{process}.{self.count}', len(self.log)
        if stored:
            self.log.append((offset, value))
        send = h.Send(process, self.life, KEY, [value], acks, size, self.tick(), self.tick(),
                      status, '', offset if status == 'ok' else None, producer, {self.life})
        return self.history.add(send)

    def poll(self, position=0, upto=None, final=False, high_watermark=None):
        records = self.log[position:upto]
        poll = h.Poll(9, self.life, KEY, position, self.tick(), self.tick(), 'ok', '',
                      len(self.log) if high_watermark is None else high_watermark, 0,
                      list(records), [], final)
        return self.history.add(poll)

    def listing(self, offset, timestamp=-1, found=-1, isolation=0):
        self.history.add(h.Listing(8, self.life, KEY, timestamp, offset, 0, self.tick(),
                                   self.tick(), isolation, found))

    def commit(self, offset, status='ok', process=1, group='g', lost=False):
        """One commit; its note is unique. `lost`: the connection broke, so nobody knows."""
        self.count += 1
        return self.history.add(h.Commit(
            process, self.life, group, KEY, offset, f'{process}.{self.count}', self.tick(), self.tick(),
            'info' if lost else status, '' if status == 'ok' else 'SOME_ERROR'))

    def shows(self, commit, group='g'):
        """The coordinator shows that commit, or that there is none."""
        offset, note = (commit.offset, commit.note) if commit else (-1, '')
        return self.history.add(h.Committed(9, self.life, group, KEY, offset, note, self.tick(),
                                            self.tick()))

    def crash(self, keep=None, paused=True, age=0.01):
        """Ends the life; of the log the first `keep` records stay."""
        t = self.clock + age
        self.history.add(h.Fault(self.fault_kind, self.life, t, t + 0.001, paused))
        self.tick()
        if keep is not None:
            del self.log[keep:]
        self.life += 1
        self.start_event(self.life)

    def verdict(self):
        self.poll(final=True)
        network = {KEY: list(self.log)}
        disk = {KEY: list(self.log) if self.disk is None else self.disk}
        logs = checker.Logs(network, disk, self.starts, self.disk_problems, self.entries)
        return checker.check(self.history, logs, self.settings)


class Rules(unittest.TestCase):
    def assert_found(self, story, *rules):
        found = {r for r, finding in story.verdict().findings.items() if finding.count}
        for rule in rules:
            self.assertIn(rule, found)
        return found

    def assert_clean(self, story):
        cases = {r: f.cases for r, f in story.verdict().findings.items() if f.count}
        self.assertEqual(cases, {})

    def ordinary(self, fault=KILL):
        story = Story(fault)
        for acks in (-1, 1, 0, -1):
            story.send(acks, status='info' if acks == 0 else 'ok')
        story.poll()
        return story

    def test_an_ordinary_history_is_clean(self):
        for fault in (KILL, POWER):
            story = self.ordinary(fault)
            story.crash()
            story.send()
            self.assert_clean(story)

    def test_a0_finds_bytes_that_differ(self):
        story = self.ordinary()
        story.poll().corrupt.append((3, 'bytes differ'))
        self.assert_found(story, 'A0')

    def test_a1_finds_a_refused_record_in_the_log(self):
        story = self.ordinary()
        story.send(status='fail')
        self.assert_found(story, 'A1')

    def test_a2_finds_two_values_at_one_offset(self):
        story = self.ordinary(POWER)
        story.crash(keep=2)
        story.send(process=2)
        self.assert_found(story, 'A2')

    def test_a2_lets_an_unread_lost_acks_1_record_give_up_its_offset(self):
        story = Story(POWER)
        story.send()
        story.send(acks=1)
        story.crash(keep=1)
        story.send(process=2)
        self.assert_clean(story)

    def test_a3_finds_a_record_that_nobody_sent(self):
        story = self.ordinary()
        story.log.append((len(story.log), '77.1'))
        self.assert_found(story, 'A3')

    def test_a3_finds_a_record_in_a_wrong_partition(self):
        story = self.ordinary()
        story.send().key = ('t', 1)
        self.assert_found(story, 'A3')

    def test_a4_p1_and_a11_find_a_loss_by_kill9(self):
        for acks in (-1, 1):
            story = Story()
            story.send()
            story.send(acks)
            story.crash(keep=1)
            self.assert_found(story, 'A4', 'A11', 'P1')

    def test_a4_finds_a_loss_without_any_fault(self):
        story = Story()
        story.send(stored=False)
        self.assert_found(story, 'A4')

    def test_a5_finds_a_duplicate(self):
        story = self.ordinary()
        story.log.append((len(story.log), story.log[0][1]))
        self.assert_found(story, 'A5')

    def test_a6_finds_records_out_of_order(self):
        story = Story()
        first, second = story.send(status='info'), story.send(status='info')
        story.log = [(0, second.values[0]), (1, first.values[0])]
        self.assert_found(story, 'A6')

    def test_a6_finds_a_torn_batch(self):
        story = Story()
        send = story.send(status='info')
        send.values.append('1.99')
        self.assert_found(story, 'A6')

    def test_a7_finds_a_skipped_offset(self):
        story = self.ordinary()
        del story.poll().records[1]
        self.assert_found(story, 'A7')

    def test_a7_finds_a_gap_at_the_beginning_of_a_poll(self):
        story = self.ordinary()
        del story.poll(1).records[0]
        self.assert_found(story, 'A7')

    def test_a7_finds_a_consumer_that_is_told_its_offset_does_not_exist(self):
        story = self.ordinary()
        story.poll().error = 'OFFSET_OUT_OF_RANGE'
        self.assert_found(story, 'A7')

    def test_a11_finds_what_the_last_reading_missed(self):
        story = self.ordinary()
        verdict_poll = story.poll(final=True)
        verdict_poll.records.pop()
        logs = checker.Logs({KEY: list(story.log)}, {KEY: list(story.log)})
        verdict = checker.check(story.history, logs, story.settings)
        self.assertEqual(verdict.findings['A11'].count, 1)

    def test_a12_finds_a_stale_read(self):
        for read in (lambda s: s.poll(4, high_watermark=3), lambda s: s.listing(3)):
            story = Story()
            for _ in range(4):
                story.send()
            read(story)
            self.assert_found(story, 'A12')

    def test_a12_finds_an_end_that_falls(self):
        story = self.ordinary()
        story.send(acks=1)
        story.listing(5)
        story.listing(4)
        self.assert_found(story, 'A12')

    def test_a12_lets_the_end_fall_over_unread_records_when_the_power_fails(self):
        story = Story(POWER)
        story.send()
        story.send(acks=1)
        story.settings.flush_s = 10
        story.listing(2)
        story.crash(keep=1)
        story.listing(1)
        self.assert_clean(story)

    def test_a13_finds_a_disk_that_differs(self):
        story = self.ordinary()
        story.disk = story.log[:-1]
        self.assert_found(story, 'A13')

    def test_a13_passes_on_what_the_offline_reader_found(self):
        story = self.ordinary()
        story.disk_problems.append('00000000000000000000.index: no batch there')
        self.assert_found(story, 'A13')

    def test_p2_finds_a_loss_by_power(self):
        story = self.ordinary(POWER)
        story.crash(keep=3)
        self.assert_found(story, 'P2', 'A4')

    def test_p3_allows_a_short_unread_end_of_acks_1(self):
        story = Story(POWER)
        story.send()
        story.poll()
        story.send(acks=1)
        story.crash(keep=1)
        self.assert_clean(story)

    def test_p3_finds_a_hole(self):
        story = Story(POWER)
        story.settings.flush_s = 10
        lost = story.send(acks=1)
        story.send(acks=1)
        story.crash()
        story.log[0] = (0, story.send(status='info', stored=False, process=3).values[0])
        self.assertIn('P3', self.assert_found(story, 'P3'))
        self.assertNotIn(lost.values[0], [value for _, value in story.log])

    def test_p3_finds_acks_all_given_over_an_acks_1_record_that_went(self):
        story = Story(POWER)
        story.settings.flush_s = 10
        story.send(acks=1)
        story.send(acks=-1)
        story.crash(keep=0)
        self.assert_found(story, 'P3', 'P2')

    def test_p3_finds_a_loss_that_somebody_had_read(self):
        story = Story(POWER)
        story.send(acks=1)
        story.poll()
        story.crash(keep=0)
        self.assert_found(story, 'P3')

    def test_p3_finds_a_loss_that_is_too_old(self):
        story = Story(POWER)
        story.send(acks=1)
        story.crash(keep=0, age=0.2)
        self.assert_found(story, 'P3')

    def test_p3_finds_a_loss_that_is_too_big(self):
        story = Story(POWER)
        for _ in range(4):
            story.send(acks=1, size=100 * 1024)
            story.clock -= 2.0
        story.crash(keep=0, age=2.01)
        self.assert_found(story, 'P3')

    def test_p4_finds_an_unknown_record_that_was_read_and_went(self):
        story = self.ordinary()
        story.send(acks=0, status='info')
        story.poll()
        story.crash(keep=4)
        self.assert_found(story, 'P4')

    def test_d6_finds_a_producer_that_was_refused(self):
        story = self.ordinary()
        send = story.send(status='info', stored=False, producer=(5, 0, 0))
        send.error = 'OUT_OF_ORDER_SEQUENCE_NUMBER'
        self.assert_found(story, 'D6')

    def test_r7_finds_an_acknowledgement_from_beyond(self):
        story = self.ordinary(POWER)
        story.crash(paused=False)
        send = story.send(stored=False)
        send.life, send.lives = 0, {0}
        self.assert_found(story, 'R7')

    def test_an_acknowledgement_after_the_cut_is_no_promise(self):
        story = Story(POWER)
        send = story.send(stored=False)
        story.crash(paused=False)
        send.t1 = story.clock
        self.assert_clean(story)

    def test_a14_lets_commits_be_overwritten_and_survive(self):
        for fault in (KILL, POWER):
            story = Story(fault)
            story.shows(None)
            story.shows(story.commit(3))
            last = story.commit(3)
            story.crash()
            story.shows(last)
            story.shows(story.commit(7, process=2))
            self.assert_clean(story)

    def test_a14_finds_a_lost_commit(self):
        for fault in (KILL, POWER):
            story = Story(fault)
            story.commit(3)
            story.crash()
            story.shows(None)
            self.assert_found(story, 'A14')
            self.assertEqual(story.verdict().stats['commits_lost'], 1)

    def test_a14_finds_a_lost_commit_of_the_same_offset(self):
        story = Story()
        first = story.commit(3)
        story.commit(3)
        story.crash()
        story.shows(first)
        self.assert_found(story, 'A14')

    def test_a14_finds_a_commit_that_moved_back(self):
        for fault in (KILL, POWER):
            story = Story(fault)
            first = story.commit(3)
            story.commit(5)
            story.crash()
            story.shows(first)
            self.assert_found(story, 'A14')
            self.assertEqual(story.verdict().stats['commits_moved_back'], 1)

    def test_a14_finds_a_commit_that_moves_back_without_a_fault(self):
        story = Story()
        story.shows(story.commit(5))
        story.shows(story.commit(4, process=2))
        self.assert_found(story, 'A14')

    def test_a14_finds_an_invented_value(self):
        planted = {'offset': lambda r: setattr(r, 'offset', 0), 'note': lambda r: setattr(r, 'note', 'x')}
        for what, change in planted.items():
            story = Story()
            change(story.shows(story.commit(3)))
            self.assert_found(story, 'A14')
            self.assertEqual(story.verdict().stats['commits_invented'], 1, what)

    def test_a14_finds_a_zero_where_nothing_was_committed(self):
        story = Story()
        story.shows(None).offset = 0
        self.assert_found(story, 'A14')

    def test_a14_finds_a_value_of_another_group(self):
        story = Story()
        story.shows(story.commit(3, group='h'))
        self.assert_found(story, 'A14')

    def test_a14_finds_a_value_before_it_was_committed(self):
        story = Story()
        reading = story.shows(None)
        commit = story.commit(3)
        reading.offset, reading.note = commit.offset, commit.note
        self.assert_found(story, 'A14')

    def test_a14_finds_a_refused_commit(self):
        story = Story()
        story.shows(story.commit(3, status='fail'))
        self.assert_found(story, 'A14')

    def test_a14_lets_an_unknown_commit_be_there_or_not(self):
        for shown in (0, 1):
            story = Story()
            commits = [story.commit(3), story.commit(5, lost=True)]
            story.crash()
            story.shows(commits[shown])
            story.commit(7, process=2)
            self.assert_clean(story)

    def test_a14_finds_an_unknown_commit_that_was_seen_and_is_gone(self):
        story = Story()
        first = story.commit(3)
        story.shows(story.commit(5, lost=True))
        story.crash()
        story.shows(first)
        self.assert_found(story, 'A14')

    def test_a14_finds_an_unknown_commit_that_comes_back_from_an_earlier_life(self):
        story = Story()
        late = story.commit(5, lost=True)
        story.crash()
        story.commit(5, process=2)
        story.shows(late)
        self.assert_found(story, 'A14')

    def test_a14_lets_an_acknowledgement_after_the_power_cut_be_void(self):
        for kept in (True, False):
            story = Story(POWER)
            first = story.commit(3)
            last = story.commit(5)
            story.crash(paused=False, age=-0.5)
            story.shows(last if kept else first)
            story.commit(7, process=2)
            self.assert_clean(story)

    def test_a18_finds_a_group_that_does_not_go_on(self):
        story = Story()
        story.commit(3)
        story.crash()
        for _ in range(5):
            story.tick()
        story.commit(4, group='h')
        story.settings.resume_limit_s = 9.0
        story.crash()    # before the limit had passed for the first group
        self.assertEqual(story.verdict().findings['A18'].count, 2)    # in the life that goes on
        story.settings.resume_limit_s = 4.0
        verdict = story.verdict()
        self.assertEqual(verdict.findings['A18'].count, 4)
        self.assertEqual(verdict.stats['slowest_resume_s'], 7.0)
        self.assertEqual(verdict.stats['resumed_within_5_s'], '0 of 1')

    def timed(self):
        """Batches of one and of three records; the third is older than what was there before."""
        story, at = Story(), 0
        for size, time in ((1, 100), (3, 300), (1, 200), (1, 400)):
            story.entries.setdefault(KEY, []).append(Entry(at, at + size - 1, -1, -1, PLAIN, timestamp=time))
            at += size
        for _ in range(at):
            story.send()
        return story

    def test_a19_lets_a_time_lead_to_the_first_record_of_it_or_later(self):
        story = self.timed()
        for time, offset, found in ((1, 0, 100), (100, 0, 100), (101, 1, 300), (200, 1, 300), (300, 1, 300),
                                    (301, 5, 400), (401, -1, -1)):
            story.listing(offset, time, found)
        self.assert_clean(story)
        self.assertEqual(story.verdict().findings['A19'].checked, 7)

    def test_a19_finds_a_time_that_leads_elsewhere(self):
        for time, offset, found in ((101, 0, 100), (101, 2, 300), (101, 4, 200), (101, 5, 400), (101, 1, 200),
                                    (401, 5, 400)):
            story = self.timed()
            story.listing(offset, time, found)
            self.assertEqual(self.assert_found(story, 'A19'), {'A19'})

    def test_a19_lets_a_time_lead_to_any_record_of_the_batch_in_kafka(self):
        story = self.timed()
        story.settings.exact = False
        story.listing(3, 300, 300)
        self.assert_clean(story)
        story.listing(4, 300, 200)
        self.assert_found(story, 'A19')

    def test_a19_finds_a_time_that_leads_nowhere_when_it_was_acknowledged(self):
        story = self.timed()
        story.listing(-1, 101)
        self.assert_found(story, 'A19')
        # No promise at read_committed, where a transaction may have been open, nor of what nobody acknowledged.
        for isolation, status in ((1, 'ok'), (0, 'info')):
            story = self.timed()
            for send in story.history.of(h.Send):
                send.status = status
            story.listing(-1, 101, isolation=isolation)
            self.assert_clean(story)

    def test_a16_finds_a_producer_id_given_twice(self):
        story = self.ordinary()
        for life in (0, 1):
            story.history.add(h.ProducerId(1, life, 7, 0, story.tick()))
        self.assert_found(story, 'A16')

    def test_a16_finds_a_leader_epoch_that_stays(self):
        story = self.ordinary()
        story.start_event(0)
        self.assert_found(story, 'A16')

    def test_a16_finds_an_old_leader_epoch_that_is_served(self):
        story = self.ordinary()
        story.start_event(1, stale={KEY: 0})
        self.assert_found(story, 'A16')

    def test_a17_finds_a_slow_start(self):
        story = self.ordinary()
        story.start_event(1).ready_s = 99.0
        self.assert_found(story, 'A17')

    def test_a17_finds_a_client_that_never_came_back(self):
        story = self.ordinary()
        story.settings.clients = ('consumer-0',)
        self.assert_found(story, 'A17')
        story.history.add(h.Liveness('consumer-0', 0.5))
        self.assert_clean(story)


class Administration(unittest.TestCase):
    def verdict(self, *steps):
        """Steps are (register, value, status) of a change, or {register: value} of a reading."""
        story = Story()
        for step in steps:
            t = story.tick()
            if isinstance(step, dict):
                story.history.add(h.AdminRead(0, step, t))
            else:
                story.history.add(h.Admin(0, step[0], step[1], t, t + 0.1, step[2]))
        return story.verdict().findings['A15'].count

    TOPIC, SIZE, START = ('topic', 'a'), ('partitions', 'a'), ('start', 'a', 0)

    def test_what_was_done_is_there(self):
        self.assertEqual(0, self.verdict(
            (self.TOPIC, 'id1', 'ok'), (self.SIZE, 2, 'ok'), {self.TOPIC: 'id1', self.SIZE: 2},
            (self.START, 5, 'ok'), {self.TOPIC: 'id1', self.SIZE: 2, self.START: 5},
            (self.TOPIC, None, 'ok'), {}))

    def test_an_unknown_change_may_go_both_ways_but_then_stays(self):
        create = (self.TOPIC, None, 'info')
        self.assertEqual(0, self.verdict(create, {}))
        self.assertEqual(0, self.verdict(create, {self.TOPIC: 'id1'}))
        self.assertEqual(1, self.verdict(create, {}, {self.TOPIC: 'id1'}))
        self.assertEqual(1, self.verdict(create, {self.TOPIC: 'id1'}, {}))

    def test_a_created_topic_that_is_gone(self):
        self.assertEqual(1, self.verdict((self.TOPIC, 'id1', 'ok'), {}))

    def test_a_deleted_topic_that_comes_back(self):
        self.assertEqual(1, self.verdict((self.TOPIC, 'id1', 'ok'), (self.TOPIC, None, 'ok'),
                                         {self.TOPIC: 'id1'}))

    def test_a_change_undone(self):
        for register, value, old in ((self.SIZE, 3, 1), (self.START, 7, 0),
                                     (('config', 'a', 'retention.ms'), '5', '4')):
            self.assertEqual(1, self.verdict(
                (self.TOPIC, 'id1', 'ok'), (register, value, 'ok'),
                {self.TOPIC: 'id1', register: old}))

    def test_a_topic_id_used_again(self):
        self.assertEqual(1, self.verdict((self.TOPIC, 'id1', 'ok'),
                                         (('topic', 'b'), 'id1', 'ok')))


class Crowd(unittest.TestCase):
    """What the clients have to do for a rule to be tested."""

    def test_nobody_begins_an_operation_while_all_are_to_be_still(self):
        world = workloads.World(0, 'r', 1)
        client, steps = workloads.Client(world, 0), []
        client.client, client.drop = object(), lambda: None
        client.step = lambda: steps.append(1)
        world.still.set()
        client.start()
        time.sleep(0.03)
        self.assertEqual(steps, [])
        world.still.clear()
        time.sleep(0.03)
        world.stop.set()
        client.join(5)
        self.assertNotEqual(steps, [])

    def test_the_last_reading_waits_for_what_nobody_waited_for(self):
        class Growing:
            answers = [{KEY: 3}, {KEY: 5}, {KEY: 5}, {KEY: 7}]

            def list_offsets(self, *_):
                return self.answers.pop(0)
        self.assertEqual(workloads.resting_ends(workloads.World(0, 'r', 1), Growing(), 0), {KEY: 5})

    def test_an_idempotent_sender_has_all_its_batches_in_flight_in_one_partition_now_and_then(self):
        sender = workloads.IdempotentSender(workloads.World(0, 'r', 1), 0)
        sender.producer = 7, 0
        keys = [sender.new_send()[0].key for _ in range(300)]
        windows = [len(set(keys[at:at + sender.IN_FLIGHT])) for at in range(len(keys) - sender.IN_FLIGHT)]
        for partitions in (1, 2, 4):
            self.assertIn(partitions, windows)


if __name__ == '__main__':
    unittest.main()
