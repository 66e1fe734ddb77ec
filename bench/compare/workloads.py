"""The workloads, with their exact parameters. docs/performance.md says what each one means.

A Case measures one broker once and returns {metric: value}. Two families:
- Standing: both brokers stay up over all pairs, warmed, one paused while the other works.
- Fresh: each measurement starts its own broker on an empty directory.
"""

import json
import os
import subprocess
import time
from dataclasses import dataclass, field

import machine

SYNC_EACH = (("flush.messages", "1"),)
# By Kafka's rule the default of 3 s alone makes a new group of many members wait 6 s.
NO_INITIAL_DELAY = {"group.initial.rebalance.delay.ms": "0"}


@dataclass
class Knobs:
    """What the command line may change."""

    seconds: float = 15  # of one measurement in a time-bound workload
    gb: float = 4  # of values written in a volume-bound one
    settle_s: float = 2  # of the same load on the same topic first, not counted
    crash_gb: float = 5
    idle_s: float = 60


def _produce_metrics(out):
    gb = out["value_bytes"] / 1e9
    return {
        "cpu_s_per_gb": out["broker_cpu_s"] / gb if gb else 0.0,
        "value_mb_per_s": out["value_mb_per_s"],
        **_load_metrics(out),
    }


def _load_metrics(out):
    return {
        "cpu_us_per_request": out["broker_us_per_request"],
        "requests_per_s": out["requests_per_s"],
        "ack_p50_ms": out["ack_ms"]["p50"],
        "ack_p99_ms": out["ack_ms"]["p99"],
        "client_us_per_request": out["client_us_per_request"],
        "client_busy_percent": 100 * out["client_cpu_s"] / out["elapsed_s"],
        "broker_busy_percent": 100 * out["broker_cpu_s"] / out["elapsed_s"],
    }


@dataclass
class Case:
    name: str
    about: str
    pairs: int = 7
    standing: bool = True
    # Of both brokers. Those that stand have them all from the start.
    broker_config: dict = field(default_factory=dict)


@dataclass
class Produce(Case):
    partitions: int = 16
    connections: int = 16
    in_flight: int = 5
    record_bytes: int = 1000
    records: int = 1
    acks: int = -1
    codec: str = "none"
    kafka_config: tuple = ()
    by_volume: bool = False  # knobs.gb instead of knobs.seconds

    def load(self):
        return [
            "--connections", str(self.connections), "--in-flight", str(self.in_flight),
            "--partitions", str(self.partitions), "--record-bytes", str(self.record_bytes),
            "--records", str(self.records), "--acks", str(self.acks), "--codec", self.codec,
            "--no-create",
        ]

    def config(self, broker):
        return self.kafka_config if broker.kind == "kafka" else ()

    def run(self, broker, topic, length, config=None):
        """One load on a topic of its own; `length` is mbench's --seconds or --count."""
        broker.create(topic, self.partitions, self.config(broker) if config is None else config)
        try:
            return self.produce(broker, topic, length)
        finally:
            broker.delete(topic)

    def produce(self, broker, topic, length):
        return broker.mbench("produce", [*self.load(), "--topic", topic, *length])

    def warm(self, broker, topic, seconds):
        # Without syncing each request: the disk would keep the code from ever getting warm.
        out = self.run(broker, topic, ["--seconds", str(seconds)], config=())
        return out["broker_us_per_request"]

    def measure(self, broker, topic, knobs):
        length = ["--seconds", str(knobs.seconds)]
        if self.by_volume:
            count = int(knobs.gb * 1e9 / (self.records * self.record_bytes))
            length = ["--count", str(count)]
        length += ["--warmup", str(knobs.settle_s)]
        return _produce_metrics(self.run(broker, topic, length))


@dataclass
class Fetch(Case):
    partition_max_bytes: int = 1024 * 1024
    filled: dict = field(default_factory=dict)

    TOPIC = "compare-catch-up"
    FILL = Produce("fill", "", records=120)
    READ = ()  # more options of mbench's fetch

    def fill(self, broker, knobs):
        """Once per broker: what is read stays in the page cache over all pairs."""
        if self.filled.get(broker.side) == broker.pid:
            return
        count = int(knobs.gb * 1e9 / (self.FILL.records * self.FILL.record_bytes))
        broker.create(self.TOPIC, self.FILL.partitions)
        out = self.FILL.produce(broker, self.TOPIC, ["--count", str(count)])
        os.sync()
        self.filled[broker.side] = broker.pid
        self.check_filled(broker, out)

    def check_filled(self, broker, out):
        """After the writing, whose result is `out`."""

    def clear(self, broker):
        if self.filled.pop(broker.side, None) == broker.pid:
            broker.delete(self.TOPIC)

    def read(self, broker):
        return broker.mbench("fetch", [
            "--topic", self.TOPIC, "--timeout", "300",
            "--partition-max-bytes", str(self.partition_max_bytes), *self.READ,
        ])

    def warm(self, broker, topic, seconds):
        del topic
        began, volume, cpu = time.monotonic(), 0, 0.0
        while time.monotonic() - began < seconds:
            out = self.read(broker)
            volume += out["fetch"]["wire_bytes"]
            cpu += out["broker_cpu_s"]
        return cpu / volume

    def measure(self, broker, topic, knobs):
        del topic
        self.read(broker)
        runs = [self.read(broker) for _ in range(3)]
        wire_gb = sum(run["fetch"]["wire_bytes"] for run in runs) / 1e9
        useful_mb = sum(run["fetch"]["batch_bytes"] for run in runs) / 1e6
        elapsed_s = sum(run["elapsed_s"] for run in runs)
        broker_cpu_s = sum(run["broker_cpu_s"] for run in runs)
        client_cpu_s = sum(run["client_cpu_s"] for run in runs)
        return {
            "cpu_s_per_gb": broker_cpu_s / (useful_mb / 1e3),
            "cpu_s_per_wire_gb": broker_cpu_s / wire_gb,
            "mb_per_s": useful_mb / elapsed_s,
            "client_busy_percent": 100 * client_cpu_s / elapsed_s,
            "broker_busy_percent": 100 * broker_cpu_s / elapsed_s,
        }


@dataclass
class Start(Case):
    """W15: from exec to the first acknowledged produce, on an empty directory."""

    standing: bool = False

    def measure(self, broker, topic, knobs):
        del knobs
        broker.prepare()
        os.sync()
        broker.start()
        out = broker.mbench("first-ack", [
            "--topic", topic, "--since-ns", str(broker.started_ns), "--timeout", "120",
        ])
        broker.remove()
        return {"first_ack_ms": out["first_ack_ms"]}


@dataclass
class Crash(Case):
    """W16: kill -9 under load with so much stored, restart, first ack; then everything that was
    acknowledged must be there and readable."""

    standing: bool = False
    LOAD = Produce("crash", "", records=120)
    MB_PER_S = 60

    def measure(self, broker, topic, knobs):
        load = [*self.LOAD.load(), "--topic", topic]
        batch_bytes = self.LOAD.records * self.LOAD.record_bytes
        broker.prepare()
        broker.start()
        broker.wait_ready()
        broker.create(topic, self.LOAD.partitions)
        count = int(knobs.crash_gb * 1e9 / batch_bytes)
        filled = broker.mbench("produce", [*load, "--count", str(count)])
        under_load = self._kill_under_load(broker, load, batch_bytes)

        broker.start()
        out = broker.mbench("first-ack", [
            "--topic", topic, "--no-create", "--partitions", str(self.LOAD.partitions),
            "--since-ns", str(broker.started_ns), "--timeout", "300",
        ])
        result = {
            "first_ack_s": out["first_ack_ms"] / 1e3,
            "all_partitions_s": out["all_acks_ms"] / 1e3,
        }
        self._verify(broker, topic, filled, under_load)
        broker.remove()
        return result

    def _kill_under_load(self, broker, load, batch_bytes):
        rate = str(self.MB_PER_S * 1e6 / batch_bytes)
        command = broker.mbench_command("produce", [*load, "--rate", rate, "--seconds", "60"])
        generator = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(3)
        broker.kill9()
        text, _ = generator.communicate(timeout=60)
        out = json.loads(text)
        if out["acked_ever"] == 0 or out["errors"]:
            raise RuntimeError(f"W16: the load before the kill did not run: {out['errors']}")
        return out

    def _verify(self, broker, topic, filled, under_load):
        ends = broker.mbench("offsets", ["--topic", topic])["end_offsets"]
        acked = [max(pair) for pair in zip(filled["acked_offsets"], under_load["acked_offsets"])]
        lost = [(i, end, last) for i, (end, last) in enumerate(zip(ends, acked)) if end <= last]
        if lost:
            raise RuntimeError(f"W16: acknowledged records are gone (partition, end, acked): {lost}")
        read = broker.mbench("fetch", ["--topic", topic, "--check", "--timeout", "300"])
        wanted = (filled["acked_ever"] + under_load["acked_ever"]) * self.LOAD.records
        if read["fetch"]["records"] < wanted:
            raise RuntimeError(f"W16: {read['fetch']['records']} records read, {wanted} acked")


@dataclass
class Footprint(Case):
    """W17: memory and CPU of an idle broker, memory after W2."""

    standing: bool = False
    LOAD = Produce("footprint", "", records=120)

    def measure(self, broker, topic, knobs):
        broker.prepare()
        broker.start()
        broker.wait_ready()
        time.sleep(min(5.0, knobs.idle_s))
        cpu_before = broker.cpu_s()
        time.sleep(knobs.idle_s)
        idle_cpu_s = broker.cpu_s() - cpu_before
        idle_mb, idle_own_mb = machine.resident_mb(broker.pid)
        batch_bytes = self.LOAD.records * self.LOAD.record_bytes
        broker.create(topic, self.LOAD.partitions)
        broker.mbench("produce", [
            *self.LOAD.load(), "--topic", topic, "--count", str(int(knobs.gb * 1e9 / batch_bytes)),
        ])
        loaded_mb, loaded_own_mb = machine.resident_mb(broker.pid)
        result = {
            "idle_mb": idle_mb, "idle_own_mb": idle_own_mb,
            "idle_cpu_percent": 100 * idle_cpu_s / knobs.idle_s,
            "loaded_mb": loaded_mb, "loaded_own_mb": loaded_own_mb,
            "threads": machine.thread_count(broker.pid),
        }
        broker.remove()
        return result


@dataclass
class Commits(Case):
    """W13: offsets of many groups, committed by nobody's member, each request a single partition."""

    groups: int = 100
    rate: int = 10_000
    # Kafka takes one request of a connection at a time, and lets each wait for others for 5 ms: 16
    # connections would never reach this rate.
    partitions: int = 16
    connections: int = 100
    in_flight: int = 5

    def run(self, broker, topic, length):
        broker.create(topic, self.partitions)
        try:
            return broker.mbench("commits", [
                "--topic", topic, "--no-create", "--partitions", str(self.partitions),
                "--group", topic, "--groups", str(self.groups), "--rate", str(self.rate),
                "--connections", str(self.connections), "--in-flight", str(self.in_flight), *length,
            ])
        finally:
            broker.delete(topic)

    def warm(self, broker, topic, seconds):
        return self.run(broker, topic, ["--seconds", str(seconds)])["broker_us_per_request"]

    def measure(self, broker, topic, knobs):
        out = self.run(broker, topic, [
            "--seconds", str(knobs.seconds), "--warmup", str(knobs.settle_s)])
        return _load_metrics(out)


@dataclass
class GroupCase(Case):
    """W13: members, each with a connection of its own."""

    groups: int = 1
    members: int = 500
    protocol: str = "classic"
    interval_s: float = 3
    partitions: int = 500
    filled: dict = field(default_factory=dict)

    @property
    def topic(self):
        return self.name.lower()

    def fill(self, broker, knobs):
        """Once per broker: Kafka takes long to make and delete so many partitions."""
        del knobs
        if self.filled.get(broker.side) != broker.pid:
            broker.create(self.topic, self.partitions)
            self.filled[broker.side] = broker.pid

    def clear(self, broker):
        if self.filled.pop(broker.side, None) == broker.pid:
            broker.delete(self.topic)

    def load(self, group):
        return [
            "--topic", self.topic, "--no-create", "--partitions", str(self.partitions),
            "--group", group, "--groups", str(self.groups), "--members", str(self.members),
            "--protocol", self.protocol, "--interval", str(self.interval_s), "--timeout", "120",
        ]

    def run(self, broker, verb, group, more=()):
        return broker.mbench(verb, [*self.load(group), *more])


@dataclass
class JoinStorm(GroupCase):
    """All members join at once: until each has its share. Twice, the second time all that had left
    come back to the group."""

    def warm(self, broker, topic, seconds):
        del seconds
        return self.run(broker, "join-storm", topic)["rounds"]["1"]["broker_cpu_s"]

    def measure(self, broker, topic, knobs):
        del knobs
        rounds = self.run(broker, "join-storm", topic, ["--rounds", "2"])["rounds"]
        return {
            "stable_s": rounds["1"]["s"], "again_stable_s": rounds["2"]["s"],
            "cpu_s": rounds["1"]["broker_cpu_s"], "again_cpu_s": rounds["2"]["broker_cpu_s"],
            "requests": rounds["1"]["requests"],
        }


@dataclass
class Heartbeats(GroupCase):
    """Many groups at rest, their members' heartbeats spread over the interval."""

    def beat(self, broker, topic, seconds, settle_s):
        return self.run(broker, "group-heartbeats", topic, [
            "--seconds", str(seconds), "--warmup", str(settle_s)])

    def warm(self, broker, topic, seconds):
        return self.beat(broker, topic, seconds, 0)["broker_us_per_request"]

    def measure(self, broker, topic, knobs):
        out = self.beat(broker, topic, knobs.seconds, knobs.settle_s)
        return {
            "cpu_percent": 100 * out["broker_cpu_s"] / out["elapsed_s"],
            "cpu_us_per_request": out["broker_us_per_request"],
            "heartbeats_per_s": out["heartbeats"] / out["elapsed_s"],
            "heartbeat_p50_ms": out["heartbeat_ms"]["p50"],
            "heartbeat_p99_ms": out["heartbeat_ms"]["p99"],
            "joining_s": out["stable_s"],
            "client_busy_percent": 100 * out["client_cpu_s"] / out["elapsed_s"],
        }


@dataclass
class IdleGroups(Case):
    """W13: resident memory of a broker by groups that nobody uses: with an offset that a stranger
    committed, and left behind by their last member."""

    standing: bool = False
    groups: int = 10_000
    FIRST = 1_000  # so that what every broker's first groups cost is not counted
    PARTITIONS = 8

    def make(self, broker, topic, name, groups, more=()):
        broker.mbench("idle-groups", [
            "--topic", topic, "--no-create", "--partitions", str(self.PARTITIONS),
            "--group", name, "--groups", str(groups), "--connections", "64", "--timeout", "120",
            *more,
        ])

    def bytes_each(self, broker, topic, name, more=()):
        """(resident, its own) bytes for each of `groups` groups."""
        self.make(broker, topic, name + "-first", self.FIRST, more)
        time.sleep(1)
        before = machine.resident_mb(broker.pid)
        self.make(broker, topic, name, self.groups, more)
        time.sleep(1)
        after = machine.resident_mb(broker.pid)
        return [(now - then) * 1e6 / self.groups for now, then in zip(after, before)]

    def measure(self, broker, topic, knobs):
        del knobs
        broker.prepare()
        broker.start()
        broker.wait_ready()
        broker.create(topic, self.PARTITIONS)
        stranger, stranger_own = self.bytes_each(broker, topic, "stranger")
        emptied, emptied_own = self.bytes_each(broker, topic, "emptied", ["--emptied"])
        broker.remove()
        return {
            "bytes_each": stranger, "own_bytes_each": stranger_own,
            "emptied_bytes_each": emptied, "emptied_own_bytes_each": emptied_own,
        }


@dataclass
class Idempotence(Produce):
    """W14: what it costs that producers number their batches; the same load without in turn. At one rate: the
    generator has to checksum numbered batches anew, and as fast as it can it would send fewer at a time."""

    TURNS = 4
    RATE = 2000

    def measure(self, broker, topic, knobs):
        count = int(knobs.gb * 1e9 / (self.records * self.record_bytes) / self.TURNS)
        length = ["--count", str(count), "--rate", str(self.RATE), "--warmup", str(knobs.settle_s)]
        plain, numbered = 0.0, 0.0
        for turn in range(self.TURNS):
            plain += self.run(broker, f"{topic}-{turn}", length)["broker_cpu_s"]
            numbered += self.run(broker, f"{topic}-{turn}i", [*length, "--idempotent"])["broker_cpu_s"]
        return {
            "overhead_percent": 100 * (numbered / plain - 1),
            "plain_cpu_s": plain, "idempotent_cpu_s": numbered,
        }


@dataclass
class Transactions(Produce):
    """W14: each connection produces in transactions, one after the other, all committed."""

    transaction_ms: int = 100
    version: int = 2
    rate: int = 0    # batches a second; 0: as many as the broker takes
    seconds_min: float = 0  # a tail needs more of them: with 160 commits a second, one stall of the disk is a p99 of 6 s

    def produce(self, broker, topic, length):
        return broker.mbench("transactions", [
            "--connections", str(self.connections), "--in-flight", str(self.in_flight),
            "--partitions", str(self.partitions), "--record-bytes", str(self.record_bytes),
            "--records", str(self.records), "--transaction-ms", str(self.transaction_ms),
            "--transaction-version", str(self.version), "--group", topic, "--topic", topic,
            "--rate", str(self.rate), "--no-create", *length,
        ])

    def measure(self, broker, topic, knobs):
        out = self.run(broker, topic, [
            "--seconds", str(max(knobs.seconds, self.seconds_min)), "--warmup", str(knobs.settle_s)])
        return {
            **_produce_metrics(out),
            "commits_per_s": out["commits"] / out["elapsed_s"],
            "commit_p50_ms": out["commit_ms"]["p50"], "commit_p99_ms": out["commit_ms"]["p99"],
            "turnaround_p50_ms": out["turnaround_ms"]["p50"],
            "turnaround_p99_ms": out["turnaround_ms"]["p99"],
            "tried_again": out["tried_again"],
        }


@dataclass
class CommittedRead(Fetch):
    """W14: what W14's transactions wrote is read with read_committed. All of it has to be there."""

    TOPIC = "compare-committed"
    FILL = Transactions("fill", "", records=16)
    READ = ("--read-committed",)

    def check_filled(self, broker, out):
        got = self.read(broker)["fetch"]["records"]
        wanted = out["acked_ever"] * self.FILL.records
        if got != wanted:
            raise RuntimeError(f"W14: {got} records read with read_committed, {wanted} committed")


def _w6(partitions, kilobytes, synced):
    name = f"W6-{partitions}p-{kilobytes}k" + ("" if synced else "-nosync")
    form = "Kafka with flush.messages=1" if synced else "Kafka not syncing"
    return Produce(
        name, f"16 x 5 in flight over {partitions} partitions, {kilobytes} KB batches; {form}",
        partitions=partitions, records=kilobytes, kafka_config=SYNC_EACH if synced else (),
    )


CASES = [
    Produce("W2-120k", "1 KB records in 120 KB batches, 16 partitions, acks=all",
            records=120, by_volume=True),
    Produce("W2-16k", "1 KB records in 16 KB batches, 16 partitions, acks=all",
            records=16, by_volume=True),
    Produce("W3", "1 KB, one record a request, 16 x 5 in flight, 16 partitions, acks=1", acks=1),
    Produce("W5", "one connection, one in flight, 1 KB; Kafka with flush.messages=1",
            partitions=1, connections=1, in_flight=1, kafka_config=SYNC_EACH),
    _w6(1, 1, True), _w6(16, 1, True), _w6(100, 1, True), _w6(1000, 1, True),
    _w6(16, 16, True), _w6(100, 16, True),
    _w6(16, 1, False), _w6(100, 1, False), _w6(16, 16, False), _w6(100, 16, False),
    Fetch("W7-1m", "4 GB in the page cache, one consumer, 1 MiB a partition"),
    Fetch("W7-10m", "the same, 10 MiB a partition", partition_max_bytes=10 * 1024 * 1024),
    *(Produce(f"W10-{codec}", f"W2 with {codec}, values 2:1", records=120, codec=codec,
              by_volume=True) for codec in ("lz4", "zstd", "snappy", "gzip")),
    Commits("W13-commits", "10,000 commits/s of 100 groups over 100 connections"),
    JoinStorm("W13-join-classic", "500 members join one group at once, classic; 500 partitions",
              pairs=3, broker_config=NO_INITIAL_DELAY),
    JoinStorm("W13-join-848", "the same with KIP-848, heartbeats each second", pairs=3,
              protocol="consumer", interval_s=1),
    Heartbeats("W13-heartbeats", "100 classic groups of 50 members, a heartbeat each 3 s", pairs=3,
               groups=100, members=50, partitions=50, broker_config=NO_INITIAL_DELAY),
    IdleGroups("W13-idle-groups", "10,000 groups of one offset, nobody's and left", pairs=3,
               broker_config=NO_INITIAL_DELAY),
    Idempotence("W14-idempotence", "W2 in 16 KB batches that their producers number, against the same "
                "without", records=16, pairs=3),
    Transactions("W14-transactions", "16 producers with transactions of 100 ms, 1 KB records in 16 KB "
                 "batches, 16 partitions", records=16),
    Transactions("W14-transactions-v1", "the same as clients before KIP-890 do it", records=16,
                 version=1),
    Transactions("W14-paced", "the same at 6.5 MB/s, which both brokers keep up with", records=16, rate=400,
                 seconds_min=30),
    Transactions("W14-paced-v1", "the same as clients before KIP-890 do it", records=16, rate=400, version=1),
    CommittedRead("W14-read", "4 GB of such transactions in the page cache, one consumer, read_committed"),
    Start("W15", "exec to first ack, empty directory"),
    Crash("W16", "kill -9 with 5 GB stored, to first ack", pairs=3),
    Footprint("W17", "memory and CPU when idle, memory after 4 GB", pairs=3),
]


def standing_config():
    """What brokers that stay up over all cases are started with."""
    merged = {}
    for case in CASES:
        if case.standing:
            merged.update(case.broker_config)
    return merged


def select(names):
    """Cases by full name or by workload (W6 is all that begin with W6-); all for 'all'."""
    if "all" in names:
        return CASES
    chosen = []
    for name in names:
        found = [c for c in CASES if c.name == name]
        found = found or [c for c in CASES if c.name.startswith(name + "-")]
        if not found:
            raise KeyError(name)
        chosen += [case for case in found if case not in chosen]
    return chosen
