"""What Moldau must reach and where it wants to be, against Apache Kafka 4.3.1 in the same paired run.

Ratios are Moldau / Kafka, from the broker's own CPU, throughput or latency; 'absolute' targets are
Moldau's own figures. The must column gates a release (bad end of the interval); the goal column is
what is left to do.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    case: str  # a Case's name in workloads.py
    metric: str  # a key of what the case measures
    label: str
    direction: str  # 'lower' or 'higher' is better
    must: float
    goal: float
    kind: str = "ratio"  # or 'absolute'


def _ratio(case, metric, label, direction, must, goal):
    return Target(case, metric, label, direction, must, goal)


def _absolute(case, metric, label, must, goal):
    return Target(case, metric, label, "lower", must, goal, "absolute")


CPU_GB = "cpu_s_per_gb"
ACKS = "requests_per_s"
MB = "value_mb_per_s"

TARGETS = [
    _ratio("W2-120k", CPU_GB, "CPU per GB", "lower", 0.40, 0.20),
    _ratio("W2-16k", CPU_GB, "CPU per GB", "lower", 0.25, 0.12),
    _ratio("W3", "cpu_us_per_request", "CPU per request", "lower", 0.33, 0.18),
    _ratio("W3", ACKS, "requests/s, broker on one core", "higher", 3, 5),
    _ratio("W5", "ack_p50_ms", "ack p50", "lower", 0.7, 0.4),
    _ratio("W6-1p-1k", ACKS, "synced acks/s", "higher", 30, 60),
    _ratio("W6-16p-1k", ACKS, "synced acks/s", "higher", 8, 15),
    _ratio("W6-16p-1k", "ack_p99_ms", "ack p99", "lower", 0.15, 0.06),
    _ratio("W6-100p-1k", ACKS, "synced acks/s", "higher", 8, 15),
    _ratio("W6-100p-1k", "ack_p99_ms", "ack p99", "lower", 0.15, 0.06),
    _ratio("W6-16p-16k", MB, "synced MB/s", "higher", 8, 14),
    _ratio("W6-100p-16k", MB, "synced MB/s", "higher", 8, 14),
    _ratio("W6-1000p-1k", ACKS, "synced acks/s", "higher", 8, 15),
    _ratio("W6-16p-1k-nosync", ACKS, "acks/s, Kafka not syncing", "higher", 1, 2),
    _ratio("W6-100p-1k-nosync", ACKS, "acks/s, Kafka not syncing", "higher", 1, 2),
    _ratio("W6-16p-16k-nosync", MB, "MB/s, Kafka not syncing", "higher", 1, 2),
    _ratio("W6-100p-16k-nosync", MB, "MB/s, Kafka not syncing", "higher", 1, 2),
    _ratio("W7-1m", CPU_GB, "CPU per GB read", "lower", 0.9, 0.6),
    _ratio("W7-1m", "mb_per_s", "MB/s", "higher", 1, 1.2),
    _ratio("W7-10m", CPU_GB, "CPU per GB read", "lower", 0.9, 0.6),
    _ratio("W7-10m", "mb_per_s", "MB/s", "higher", 1, 1.2),
    _ratio("W10-lz4", CPU_GB, "CPU per GB of values", "lower", 0.35, 0.17),
    _ratio("W10-zstd", CPU_GB, "CPU per GB of values", "lower", 0.35, 0.15),
    _ratio("W10-snappy", CPU_GB, "CPU per GB of values", "lower", 0.5, 0.25),
    _ratio("W10-gzip", CPU_GB, "CPU per GB of values", "lower", 0.15, 0.06),
    _ratio("W13-commits", "cpu_us_per_request", "CPU per commit", "lower", 0.3, 0.1),
    _absolute("W13-join-classic", "stable_s", "500 members stable, s", 5, 2),
    _absolute("W13-join-classic", "again_stable_s", "and again after all left, s", 5, 2),
    _absolute("W13-join-848", "stable_s", "500 members stable, s", 5, 3),
    _absolute("W13-join-848", "again_stable_s", "and again after all left, s", 5, 3),
    _absolute("W13-heartbeats", "cpu_percent", "CPU of 5,000 members' heartbeats, % of a core", 5, 2),
    _absolute("W13-idle-groups", "bytes_each", "resident, bytes a group", 4096, 1024),
    _absolute("W13-idle-groups", "emptied_bytes_each", "the same, left by a member", 4096, 2048),
    _absolute("W14-idempotence", "overhead_percent", "CPU for numbered batches, % more", 3, 2),
    _ratio("W14-transactions", CPU_GB, "CPU per GB", "lower", 0.5, 0.2),
    _ratio("W14-transactions-v1", CPU_GB, "CPU per GB", "lower", 0.5, 0.2),
    _ratio("W14-paced", "commit_p99_ms", "commit p99", "lower", 0.5, 0.25),
    _ratio("W14-paced", CPU_GB, "CPU per GB", "lower", 0.5, 0.2),
    _ratio("W14-paced-v1", "commit_p99_ms", "commit p99", "lower", 0.5, 0.25),
    _ratio("W14-read", CPU_GB, "CPU per GB read", "lower", 0.9, 0.6),
    _absolute("W15", "first_ack_ms", "start to first ack, ms", 150, 40),
    _absolute("W16", "first_ack_s", "kill -9 to first ack, s", 2, 0.5),
    _absolute("W17", "idle_mb", "resident when idle, MB", 40, 15),
    _absolute("W17", "loaded_mb", "resident after 4 GB, MB", 300, 150),
    _absolute("W17", "idle_cpu_percent", "CPU when idle, % of a core", 0.5, 0.1),
]


def targets_of(case_name):
    return [target for target in TARGETS if target.case == case_name]
