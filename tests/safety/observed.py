#!/usr/bin/env python3
"""What a running broker tells of itself over HTTP: health, and metrics that count what was done."""
import os
import re
import shutil
import sys
import tempfile
import urllib.error
import urllib.request

import broker as brokers
from raw_client import RawClient
from record_batch import build_batch
from report import Report

SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')


def get(broker, path):
    """(status, body)"""
    try:
        with urllib.request.urlopen(f'http://127.0.0.1:{broker.http_port}{path}', timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def metrics(broker):
    """{(name, labels as text): value} of every sample; a line that is neither that nor a comment fails."""
    status, text = get(broker, '/metrics')
    if status != 200:
        raise RuntimeError(f'/metrics answers {status}')
    found = {}
    for line in text.splitlines():
        if line.startswith('#'):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise RuntimeError(f'not a metric: {line!r}')
        found[match[1], match[2] or ''] = float(match[3])
    return found


def main():
    brokers.exit_on_signals()
    report, folder = Report(), tempfile.mkdtemp(prefix='moldau-observed-')
    broker = brokers.Broker('moldau', os.path.join(folder, 'broker'),
                            properties={'auto.create.topics.enable': 'false'})
    try:
        broker.start()
        report.line(get(broker, '/livez')[0] == 200, 'livez')
        report.line(get(broker, '/readyz')[0] == 200, 'readyz')
        report.line(get(broker, '/nothing')[0] == 404, 'a page that is not there')
        before = metrics(broker)
        with RawClient(broker.port) as client:
            client.create_topic('seen', 2)
            batch = build_batch([(b'k', b'v' * 1000)])
            for _ in range(5):
                client.produce('seen', 0, batch)
            for _ in range(3):
                client.produce('nowhere', 0, batch)
        after = metrics(broker)

        def rose(name, labels=''):
            return after.get((name, labels), 0) - before.get((name, labels), 0)

        produce = 'api="Produce"'
        unknown = produce + ',error="UNKNOWN_TOPIC_OR_PARTITION"'
        for name, good in (
                ('requests', rose('moldau_requests_total', produce) == 8),
                ('latency', rose('moldau_request_duration_seconds_count', produce) == 8),
                ('bytes in', 8 * 1000 < rose('moldau_request_bytes_total', produce) < 8 * 1300),
                ('bytes out', 8 * 20 < rose('moldau_response_bytes_total', produce) < 8 * 200),
                ('errors by code', rose('moldau_request_errors_total', unknown) == 3),
                ('no error of others', not any(name == 'moldau_request_errors_total' and labels != unknown
                                               for name, labels in after)),
                ('lane commits', 1 <= rose('moldau_lane_commits_total') <= 20),
                ('lane entries', rose('moldau_lane_committed_entries_total') >= 5),
                ('lane bytes', 5 * 1000 < rose('moldau_lane_committed_bytes_total') < 5 * 1300),
                ('partitions', after['moldau_partitions', ''] == 2),
                ('connections', rose('moldau_net_connections_accepted_total', 'listener="PLAINTEXT"') == 1)):
            report.line(good, name)
        report.line(broker.stop() == 0, 'orderly stop')
    finally:
        broker.kill9()
        shutil.rmtree(folder, ignore_errors=True)
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
