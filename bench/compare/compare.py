#!/usr/bin/env python3
"""Paired, interleaved runs of two brokers: A B A B ..., medians of pairwise ratios.

  compare.py all                       every workload, Moldau against Apache Kafka
  compare.py --workload W3 --pairs 7   one of them; may be repeated
  compare.py list                      what there is
  compare.py show RESULT.json          the report of an earlier run
"""

import argparse
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import brokers
import machine
import report
import workloads

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
PORTS = {"a": 23092, "b": 24092}
WARM_STEP_S = 5
WARM_MOST_S = 150
SETTLED = 0.04
# A pair spoiled by the machine is run again, up to so many times the pairs asked for.
TRIES = 2
# Memory used once before each measurement, in volumes of the workload: files and their copies.
MEMORY_TOUCHED = 3
# A paused Kafka would come back to a controller that has given it up for dead.
STANDING_KAFKA = {"broker.session.timeout.ms": "3600000"}


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Comparison:
    def __init__(self, options, setup):
        self.options = options
        self.setup = setup
        self.knobs = workloads.Knobs(
            seconds=options.seconds, gb=options.gb, settle_s=options.settle,
            crash_gb=options.crash_gb, idle_s=options.idle_seconds)
        self.standing = {}
        self.fresh = {}
        self.turn = 0

    def run(self, case):
        say(f"{case.name}: {case.about}")
        notes = []
        both = self._standing(case, notes) if case.standing else self._fresh(case)
        pairs = self._pairs(case, both)
        for broker in both.values():
            if case.standing and hasattr(case, "clear"):
                broker.resume()
                case.clear(broker)
                broker.pause()
        return {"about": case.about, "pairs": pairs, "notes": notes}

    def close(self):
        for broker in [*self.standing.values(), *self.fresh.values()]:
            broker.remove()
        self.standing, self.fresh = {}, {}

    def _make(self, side, properties):
        return brokers.Broker(self.setup, side, getattr(self.options, side), PORTS[side],
                              properties)

    def _standing_properties(self, side):
        properties = workloads.standing_config()
        if getattr(self.options, side) == "kafka":
            properties.update(STANDING_KAFKA)
        return properties

    def _fresh(self, case):
        self.close()
        self.fresh = {side: self._make(side, case.broker_config) for side in PORTS}
        return self.fresh

    def _standing(self, case, notes):
        for side in PORTS:
            first = side not in self.standing
            if first:
                broker = self._make(side, self._standing_properties(side))
                self.standing[side] = broker  # before it starts: close() must find it
                broker.prepare()
                broker.start()
                broker.wait_ready()
            broker = self.standing[side]
            broker.resume()
            if hasattr(case, "fill"):
                case.fill(broker, self.knobs)
            notes.append(self._warm(case, broker, first))
            broker.pause()
        return self.standing

    def _warm(self, case, broker, first):
        """Loads it until its cost per request has stopped falling. A JVM needs 40 s and more."""
        jvm = broker.kind == "kafka"
        least = (self.options.warm if first else self.options.warm / 2) if jvm else 4
        step = min(WARM_STEP_S, max(1, least / 2))
        spent, last = 0.0, None
        while spent < WARM_MOST_S:
            cost = case.warm(broker, self._topic(case), step)
            spent += step
            settled = last is not None and cost > last * (1 - SETTLED)
            if spent >= least and settled:
                break
            last = cost
        else:
            return f"{broker.side} never settled"
        return f"{broker.side} warmed {spent:.0f} s"

    def _topic(self, case):
        self.turn += 1
        return f"{case.name.lower()}-{self.turn}"

    def _pairs(self, case, both):
        wanted = self.options.pairs or case.pairs
        pairs = []
        while True:
            pair = {side: self._once(case, broker) for side, broker in both.items()}
            pairs.append(pair)
            noisy = any(report.is_noisy(run) for run in pair.values())
            say(f"  pair {len(pairs)}{' (noisy)' if noisy else ''}: {self._short(case, pair)}")
            enough = len(report.clean_pairs(pairs)) >= wanted
            if enough or len(pairs) >= wanted * (1 if self.options.keep_noisy else TRIES):
                return pairs

    def _once(self, case, broker):
        if case.standing:
            broker.resume()
            time.sleep(0.5)
        os.sync()
        machine.touch_memory(int(MEMORY_TOUCHED * self.knobs.gb * 1e9))
        quiet = machine.Quiet()
        ours_before = own_cpu_s()
        before = broker.cpu_s() if case.standing else 0.0
        metrics = case.measure(broker, self._topic(case), self.knobs)
        ours = own_cpu_s() - ours_before
        if case.standing:
            ours += broker.cpu_s() - before
        metrics.update(quiet.read(ours))
        os.sync()
        if case.standing:
            broker.pause()
        return metrics

    @staticmethod
    def _short(case, pair):
        shown = []
        for row in report.evaluate(case.name, [pair]):
            shown.append(f"{row['metric']} {report.number(row['a'][0])} / "
                         f"{report.number(row['b'][0])}")
        return "; ".join(shown)


def own_cpu_s():
    """Of this process and of all that it has waited for: the generator, and brokers that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", nargs="*", help="all, list, show FILE, or workload names")
    parser.add_argument("--workload", action="append", default=[], help="W2, W6, W6-16p-1k, ...")
    parser.add_argument("--pairs", type=int, help="default: 7 for most workloads")
    parser.add_argument("--a", choices=("moldau", "kafka"), default="moldau")
    parser.add_argument("--b", choices=("moldau", "kafka"), default="kafka")
    parser.add_argument("--seconds", type=float, default=15, help="of one timed measurement")
    parser.add_argument("--gb", type=float, default=4, help="of values in W2, W7, W10, W17")
    parser.add_argument("--crash-gb", type=float, default=5, help="stored in W16")
    parser.add_argument("--idle-seconds", type=float, default=60, help="of W17")
    parser.add_argument("--settle", type=float, default=2, help="uncounted load before each, s")
    parser.add_argument("--warm", type=float, default=40, help="least warming of a JVM, s")
    parser.add_argument("--broker-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    parser.add_argument("--unpinned", action="store_true")
    parser.add_argument("--keep-noisy", action="store_true", help="run no pair twice")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown too")
    parser.add_argument("--data", help="directory for both brokers; default build/compare-data")
    parser.add_argument("--mbench", default=str(brokers.TOP / "build/release/bin/mbench"))
    parser.add_argument("--moldau", default=str(brokers.TOP / "build/release/bin/moldau"))
    return parser.parse_args(arguments)


def prepare(options):
    needed = [("mbench", options.mbench)]
    if "moldau" in (options.a, options.b):
        needed.append(("moldau", options.moldau))
    for name, path in needed:
        if not os.access(path, os.X_OK):
            sys.exit(f"compare: {name} is not at {path}; build it: ./dev build release")
    data = pathlib.Path(options.data or brokers.TOP / "build" / "compare-data")
    data.mkdir(parents=True, exist_ok=True)
    lock = (data / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"compare: another run is using {data}")
    options.lock = lock  # held until this process ends
    cpus = (None, None) if options.unpinned else (options.broker_cpu, options.generator_cpu)
    return brokers.Setup(options.mbench, options.moldau, data, *cpus)


def end_in_order():
    """A signal ends a run as an error does, so that no broker stays behind, stopped or not."""
    def leave(number, frame):
        del frame
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def calibrate(setup):
    command = setup.pinned(setup.generator_cpu,
                           [setup.mbench, "calibrate", "--directory", str(setup.data)])
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def commit():
    done = subprocess.run(["git", "-C", str(brokers.TOP), "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def measure(options, cases):
    arguments = dict(vars(options))
    setup = prepare(options)
    end_in_order()
    result = {"commit": commit(), "arguments": arguments, "machine": machine.describe(setup.data),
              "calibration": {"before": calibrate(setup)}, "cases": {}, "failed": {},
              "rows": []}
    for side, kind in (("a", options.a), ("b", options.b)):
        broker = brokers.Broker(setup, side, kind, PORTS[side])
        result[side] = {"kind": kind, "version": broker.version()}
    comparison = Comparison(options, setup)
    path = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json"
    RESULTS.mkdir(exist_ok=True)
    try:
        for case in cases:
            try:
                done = comparison.run(case)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                # The other workloads can still be measured, with brokers started anew.
                say(f"{case.name} failed: {error}")
                result["failed"][case.name] = str(error)
                comparison.close()
                continue
            result["cases"][case.name] = done
            rows = report.evaluate(case.name, done["pairs"])
            if (options.a, options.b) != ("moldau", "kafka"):
                rows = [{**row, "verdict": "-"} for row in rows]  # the targets are not about these
            result["rows"] += rows
            path.write_text(json.dumps(result, indent=1))
    finally:
        comparison.close()
    result["calibration"]["after"] = calibrate(setup)
    path.write_text(json.dumps(result, indent=1))
    path.with_suffix(".txt").write_text(report.text_report(result) + "\n")
    say(f"written: {path}")
    return result


def show(result, markdown):
    print(report.text_report(result))
    if markdown:
        print("\n" + report.markdown_table(
            result["rows"], result["a"]["version"], result["b"]["version"]))


def main(arguments):
    options = parse(arguments)
    if options.verb[:1] == ["list"]:
        for case in workloads.CASES:
            print(f"{case.name:20} {case.about}")
        return 0
    if options.verb[:1] == ["show"] and len(options.verb) == 2:
        show(json.loads(pathlib.Path(options.verb[1]).read_text()), options.markdown)
        return 0
    names = [*options.verb, *options.workload]
    if not names:
        parse(["--help"])
    try:
        cases = workloads.select(names)
    except KeyError as error:
        sys.exit(f"compare: no workload {error}; see compare.py list")
    result = measure(options, cases)
    show(result, options.markdown)
    missed = any(row["verdict"] in ("missed", "unclear") for row in result["rows"])
    return 1 if missed or result["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
