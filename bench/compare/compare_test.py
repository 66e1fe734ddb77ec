"""The arithmetic of the paired runs. Run by ctest; by hand: python3 compare_test.py"""

import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import machine  # noqa: E402
import report  # noqa: E402
import stats  # noqa: E402
import targets  # noqa: E402
import workloads  # noqa: E402


def pair(a, b, steal=0.0, foreign=0.0):
    quiet = {"steal_percent": steal, "foreign_percent": foreign}
    return {"a": {"cpu_us_per_request": a, "requests_per_s": 1e6 / a, **quiet},
            "b": {"cpu_us_per_request": b, "requests_per_s": 1e6 / b, **quiet}}


class Stats(unittest.TestCase):
    def test_interval_holds_the_median_and_narrows_with_agreement(self):
        wide = stats.median_interval([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
        self.assertEqual(wide[0], 0.4)
        self.assertTrue(wide[1] <= 0.2 and wide[2] >= 0.6)
        self.assertEqual(stats.median_interval([0.3] * 7), (0.3, 0.3, 0.3))

    def test_ratios_are_taken_pair_by_pair(self):
        # A machine that slows both halves of a pair changes no ratio.
        self.assertEqual(stats.pairwise_ratios([1, 10, 100], [2, 20, 200]), [0.5] * 3)
        with self.assertRaises(ValueError):
            stats.pairwise_ratios([1], [1, 2])

    def test_verdict_goes_by_the_bad_end(self):
        lower = targets.Target("W", "m", "", "lower", must=0.4, goal=0.2)
        self.assertEqual(stats.verdict((0.1, 0.05, 0.19), lower), "goal")
        self.assertEqual(stats.verdict((0.1, 0.05, 0.21), lower), "must")
        self.assertEqual(stats.verdict((0.3, 0.1, 0.41), lower), "unclear")
        self.assertEqual(stats.verdict((0.41, 0.1, 0.5), lower), "missed")
        higher = targets.Target("W", "m", "", "higher", must=3, goal=5)
        self.assertEqual(stats.verdict((6, 5, 9), higher), "goal")
        self.assertEqual(stats.verdict((6, 4, 9), higher), "must")
        self.assertEqual(stats.verdict((4, 2.9, 9), higher), "unclear")
        self.assertEqual(stats.verdict((2.9, 2, 9), higher), "missed")


class Report(unittest.TestCase):
    def test_noisy_pairs_are_left_out(self):
        pairs = [pair(1, 10), pair(2, 10), pair(3, 10), pair(50, 10, steal=3)]
        row = report.evaluate("W3", pairs)[0]
        self.assertEqual(row["pairs"], 3)
        self.assertTrue(row["quiet"])
        self.assertAlmostEqual(row["ratio"][0], 0.2)

    def test_a_noisy_machine_is_said_so(self):
        row = report.evaluate("W3", [pair(1, 10), pair(1, 10, foreign=50),
                                     pair(1, 10, foreign=50)])[0]
        self.assertEqual(row["pairs"], 3)
        self.assertFalse(row["quiet"])
        self.assertIn("(noisy)", report.cells(row)[-1])

    def test_tables_have_a_line_for_each_target(self):
        rows = report.evaluate("W3", [pair(1, 10), pair(2, 10)])
        self.assertEqual(len(report.text_table(rows).splitlines()), 1 + len(rows))
        self.assertEqual(len(report.markdown_table(rows, "A", "B").splitlines()), 2 + len(rows))


class Workloads(unittest.TestCase):
    def test_every_target_has_its_case_and_every_case_a_target(self):
        cases = {case.name for case in workloads.CASES}
        self.assertEqual({target.case for target in targets.TARGETS}, cases)

    def test_names_select_one_or_a_family(self):
        self.assertEqual([c.name for c in workloads.select(["W2"])], ["W2-120k", "W2-16k"])
        self.assertEqual([c.name for c in workloads.select(["W6-16p-1k"])], ["W6-16p-1k"])
        self.assertEqual(len(workloads.select(["all"])), len(workloads.CASES))
        with self.assertRaises(KeyError):
            workloads.select(["W99"])


class AnsweringBroker:
    """Answers mbench as it would, and keeps what it was asked."""

    pid = os.getpid()

    def __init__(self):
        self.asked = []
        self.topics = set()

    def mbench(self, verb, arguments):
        self.asked.append((verb, arguments))
        load = {"broker_us_per_request": 20.0, "broker_cpu_s": 0.3, "client_cpu_s": 0.1,
                "client_us_per_request": 5.0, "elapsed_s": 15.0, "requests_per_s": 10_000.0,
                "ack_ms": {"p50": 1.0, "p99": 2.0}, "stable_s": 1.5, "heartbeats": 25_000,
                "heartbeat_ms": {"p50": 0.1, "p99": 0.2}}
        rounds = {"1": {"s": 1.5, "broker_cpu_s": 0.5, "requests": 1500},
                  "2": {"s": 2.5, "broker_cpu_s": 0.4, "requests": 1500}}
        return {**load, "rounds": rounds}

    def create(self, topic, partitions, config=()):
        self.topics.add(topic)

    def delete(self, topic):
        self.topics.remove(topic)

    def nothing(self):
        pass

    prepare = start = wait_ready = remove = nothing


class Groups(unittest.TestCase):
    def measured(self, name):
        broker = AnsweringBroker()
        case = workloads.select([name])[0]
        metrics = case.measure(broker, "topic-1", workloads.Knobs())
        for target in targets.targets_of(name):
            self.assertIn(target.metric, metrics)
        return broker, metrics

    def test_commits_are_paced_and_leave_no_topic(self):
        broker, metrics = self.measured("W13-commits")
        self.assertEqual(metrics["cpu_us_per_request"], 20.0)
        verb, arguments = broker.asked[0]
        self.assertEqual(verb, "commits")
        self.assertEqual(arguments[arguments.index("--rate") + 1], "10000")
        self.assertEqual(broker.topics, set())

    def test_a_storm_gives_both_rounds(self):
        for name, protocol in (("W13-join-classic", "classic"), ("W13-join-848", "consumer")):
            broker, metrics = self.measured(name)
            self.assertEqual((metrics["stable_s"], metrics["again_stable_s"]), (1.5, 2.5))
            arguments = broker.asked[0][1]
            self.assertEqual(arguments[arguments.index("--protocol") + 1], protocol)
            self.assertEqual(arguments[arguments.index("--members") + 1], "500")

    def test_heartbeats_are_percent_of_a_core_of_five_thousand_members(self):
        broker, metrics = self.measured("W13-heartbeats")
        self.assertAlmostEqual(metrics["cpu_percent"], 2.0)
        arguments = broker.asked[0][1]
        members = int(arguments[arguments.index("--members") + 1])
        self.assertEqual(members * int(arguments[arguments.index("--groups") + 1]), 5000)

    def test_idle_groups_count_only_what_came_after_the_first(self):
        megabytes = iter([(10, 5), (30, 20), (40, 30), (70, 50)])
        real_resident, real_sleep = machine.resident_mb, time.sleep
        machine.resident_mb = lambda pid: next(megabytes)
        time.sleep = lambda seconds: None
        try:
            _, metrics = self.measured("W13-idle-groups")
        finally:
            machine.resident_mb, time.sleep = real_resident, real_sleep
        self.assertEqual(metrics["bytes_each"], 2000)
        self.assertEqual(metrics["own_bytes_each"], 1500)
        self.assertEqual(metrics["emptied_bytes_each"], 3000)

    def test_standing_brokers_get_what_their_cases_need(self):
        self.assertEqual(workloads.standing_config(), workloads.NO_INITIAL_DELAY)


class Machine(unittest.TestCase):
    def test_process_clock_is_this_process_cpu(self):
        before = machine.process_cpu_s(os.getpid())
        while time.process_time() < 0.05:
            pass
        self.assertGreaterEqual(machine.process_cpu_s(os.getpid()), before)
        self.assertAlmostEqual(
            machine.process_cpu_s(os.getpid()), time.process_time(), delta=0.05)


if __name__ == "__main__":
    unittest.main()
