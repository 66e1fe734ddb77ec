#!/usr/bin/env python3
"""Measures what a broker costs: starting, idling, and coming back after kill -9.

    resources.py [--kind moldau|kafka] [--starts 20] [--gb 5] [--cold]
    resources.py --check         only what an idle broker holds, against its limits

It prints figures and, but for --check, judges nothing: no time is, on a machine that others use. Ready means that ApiVersions is answered; with data stored,
that a fetch from every partition is answered too. `--cold` drops the page cache before the start
that follows kill -9 (root). Kafka's start on an empty directory includes formatting it.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

import broker as brokers
from raw_client import LATEST, ConnectionLost, RawClient
from record_batch import Fields, build_batch
from report import Report

PARTITIONS, IN_FLIGHT = 4, 4
IDLE_MIB_MAX, IDLE_CPU_MS_PER_S_MAX = 40, 2


def show(name, **figures):
    print(json.dumps({'measure': name, **figures}), flush=True)


def starts_on_empty(kind, folder, count):
    """Wall time from the start of the process to the first answer."""
    seconds, said = [], []
    for number in range(count):
        broker = brokers.Broker(kind, os.path.join(folder, f'empty-{number}'))
        try:
            broker.start()
            seconds.append(broker.ready_s)
            time.sleep(0.05)
            match = brokers.READY.search(broker.log_text().encode())
            said += [int(match[1])] if match else []
        finally:
            broker.kill9()
            shutil.rmtree(broker.directory, ignore_errors=True)
    show('start to ready, empty directory', starts=count,
         median_ms=round(statistics.median(seconds) * 1000, 1),
         best_ms=round(min(seconds) * 1000, 1), worst_ms=round(max(seconds) * 1000, 1),
         median_ms_by_its_own_line=statistics.median(said) if said else None)


def idle(kind, folder, settle_s, watch_s):
    broker = brokers.Broker(kind, os.path.join(folder, 'idle')).start()
    try:
        time.sleep(settle_s)
        before = broker.cpu_s()
        time.sleep(watch_s)
        used = broker.cpu_s() - before
        resident = broker.memory_mib()
        show('idle', resident_mib=round(resident, 1),
             peak_mib=round(broker.memory_mib('VmHWM'), 1),
             cpu_ms_per_s=round(used / watch_s * 1000, 3), watched_s=watch_s,
             threads=len(os.listdir(f'/proc/{broker.pid}/task')))
        return resident, used / watch_s * 1000
    finally:
        broker.kill9()
        shutil.rmtree(broker.directory, ignore_errors=True)


def store(broker, total_bytes):
    """Fills the partitions with batches of 1 MB, four in flight; returns the seconds it took."""
    batch = build_batch([(b'key', os.urandom(1000000))],
                        Fields(base_timestamp=int(time.time() * 1000)))
    count, waiting, began = total_bytes // len(batch), [], time.monotonic()
    with RawClient(broker.port, timeout=60) as client:
        for number in range(count):
            waiting.append(client.send_produce('stored', number % PARTITIONS, batch))
            if len(waiting) >= IN_FLIGHT:
                _expect_ok(client, waiting.pop(0))
        for correlation in waiting:
            _expect_ok(client, correlation)
    return time.monotonic() - began


def _expect_ok(client, correlation):
    error, _, _ = client.receive_produce(correlation)
    if error:
        raise RuntimeError(f'produce: error {error}')


def create_topic(broker):
    for _ in range(100):
        with RawClient(broker.port) as client:
            if client.create_topic('stored', PARTITIONS)[0] == 0 and served(broker):
                return
        time.sleep(0.1)
    raise RuntimeError('cannot create the topic')


def served(broker):
    """Whether every partition answers a fetch at its end."""
    keys = [('stored', partition) for partition in range(PARTITIONS)]
    for _ in range(20000):
        try:
            with RawClient(broker.port) as client:
                ends = client.list_offsets({key: LATEST for key in keys})
                if not any(end[0] for end in ends.values()):
                    error, answers = client.fetch({key: max(0, ends[key][2] - 1) for key in keys},
                                                  max_wait_ms=0, partition_max_bytes=1)
                    if not error and not any(a['error'] for a in answers.values()):
                        return {key: ends[key][2] for key in keys}
        except ConnectionLost:
            pass
        time.sleep(0.002)
    return None


def after_kill9(kind, folder, gigabytes, cold):
    broker = brokers.Broker(kind, os.path.join(folder, 'stored')).start()
    try:
        create_topic(broker)
        seconds = store(broker, int(gigabytes * 1e9))
        before = served(broker)
        show('storing', gb=gigabytes, seconds=round(seconds, 1),
             mb_per_s=round(gigabytes * 1000 / seconds), resident_mib=round(
                 broker.memory_mib(), 1))
        broker.kill9()
        if cold:
            subprocess.run(['sync'], check=True)
            with open('/proc/sys/vm/drop_caches', 'w') as file:
                file.write('3')
        broker.start(timeout_s=300)
        after = served(broker)
        show('start to ready after kill -9', gb=gigabytes, cold=cold,
             answers_after_ms=round(broker.ready_s * 1000, 1),
             serves_after_ms=round((time.monotonic() - broker.started_at) * 1000, 1),
             all_there=before == after)
        began = time.monotonic()
        status = broker.stop()
        show('orderly stop', ms=round((time.monotonic() - began) * 1000, 1), exit_status=status)
        broker.start(timeout_s=300)
        after = served(broker)
        show('start to ready after an orderly stop', gb=gigabytes,
             answers_after_ms=round(broker.ready_s * 1000, 1), all_there=before == after)
    finally:
        broker.kill9()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--kind', choices=('kafka', 'moldau'), default='moldau')
    parser.add_argument('--starts', type=int, default=20)
    parser.add_argument('--gb', type=float, default=5.0)
    parser.add_argument('--settle-s', type=float, default=5.0)
    parser.add_argument('--watch-s', type=float, default=10.0)
    parser.add_argument('--cold', action='store_true')
    parser.add_argument('--check', action='store_true')
    options = parser.parse_args()
    brokers.exit_on_signals()
    folder = os.path.join(brokers.REPOSITORY, 'build/safety', f'resources-{os.getpid()}')
    os.makedirs(folder)
    try:
        if options.check:
            resident, cpu = idle(options.kind, folder, options.settle_s, options.watch_s)
            report = Report()
            report.line(resident <= IDLE_MIB_MAX, f'idle memory, at most {IDLE_MIB_MAX} MiB', f'{resident:.1f}')
            report.line(cpu <= IDLE_CPU_MS_PER_S_MAX,
                        f'idle CPU, at most {IDLE_CPU_MS_PER_S_MAX} ms/s', f'{cpu:.3f}')
            return report.close()
        if options.starts:
            starts_on_empty(options.kind, folder, options.starts)
        idle(options.kind, folder, options.settle_s, options.watch_s)
        if options.gb:
            after_kill9(options.kind, folder, options.gb, options.cold)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
