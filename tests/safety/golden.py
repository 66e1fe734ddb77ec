#!/usr/bin/env python3
"""Directories that earlier versions left are read by this one.

    golden.py [--keep]            every directory of tests/safety/golden: what is served must be what was then
    golden.py --record FORMAT     makes FORMAT-closed and FORMAT-killed with MOLDAU's binary

One directory a format version (src/storage/FORMAT.md: the checkpoint's) and way of ending: an orderly stop, and
kill -9 with batches that only the lane has. Each is there with what was served from it. It is never made anew: a
version that cannot read one that an older version wrote is what this is to find. After the start, and after one more
orderly stop and start, the answers are compared.
"""
import argparse
import hashlib
import json
import os
import sys
import tarfile

import broker as brokers
from cleanup import soon, until
from group_client import GroupClient
from hand_back import served
from raw_client import RawClient
from record_batch import Fields, build_batch, parse_batches
from report import Report
from scratch import scratch_folder
from txn_client import READ_COMMITTED, TxnClient, transactional_batch

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'golden')
TOPIC, GROUP, TRANSACTIONAL_ID = 'golden', 'golden-group', 'golden-transaction'
SETTINGS = {'offsets.topic.num.partitions': 1, 'offsets.topic.replication.factor': 1, 'log.retention.ms': -1,
            'transaction.state.log.num.partitions': 1, 'transaction.state.log.replication.factor': 1,
            'transaction.state.log.min.isr': 1, 'log.retention.check.interval.ms': 200, 'log.cleaner.enable': 'false'}
COMPACTING = {**SETTINGS, 'log.cleaner.enable': 'true', 'log.cleaner.backoff.ms': 100}
ARGUMENTS = ['--set', 'storage.lane_file_bytes=1MiB']
FIRST_MS = 1_700_000_000_000


def batch(number, **fields):
    records = [(b'key %d' % (number % 7), b'value %d ' % number * 40)]
    return build_batch(records, Fields(base_timestamp=FIRST_MS + number * 10 - number % 3 * 25, **fields))


def fill(port):
    with RawClient(port) as client:
        for name, configs in ((TOPIC, {'internal.segment.bytes': '6000'}),
                              ('golden-compacted', {'internal.segment.bytes': '3000', 'cleanup.policy': 'compact',
                                                    'min.cleanable.dirty.ratio': '0.01'})):
            client.create_topic(name, 2, {**configs, 'index.interval.bytes': '1000'})
        for number in range(60):
            for name in (TOPIC, 'golden-compacted'):
                error = soon(lambda: client.produce(name, number % 2, batch(number)), lambda a: a[0])[0]
                if error:
                    raise RuntimeError(f'produce: error {error}')
        client.delete_records(TOPIC, 0, 5)
        producer, epoch = client.init_producer_id()[1:3]
        client.produce(TOPIC, 1, batch(100, producer_id=producer, producer_epoch=epoch, base_sequence=0))
    with TxnClient(port) as client:
        soon(lambda: client.find_transaction_coordinator(TRANSACTIONAL_ID), lambda a: a if isinstance(a, int) else a[0])
        answer = soon(lambda: client.init_transactional_id(TRANSACTIONAL_ID), lambda a: a[0])
        owner = answer[1]
        for sequence, commit in enumerate((True, False, True)):
            soon(lambda: _error(client.add_partitions(TRANSACTIONAL_ID, owner, [(TOPIC, 0)])))
            client.produce(TOPIC, 0, transactional_batch([(b'txn', b'%d' % sequence * 100)], owner, sequence),
                           transactional_id=TRANSACTIONAL_ID)
            client.end_txn(TRANSACTIONAL_ID, owner, commit)
    with GroupClient(port) as client:
        client.find_coordinator(GROUP)
        soon(lambda: _error(client.offset_commit(GROUP, {(TOPIC, 0): (7, 'seven'), (TOPIC, 1): (11, '')})))


def _error(answer):
    values = answer.values() if isinstance(answer, dict) else [answer]
    return next((v for v in values if isinstance(v, int) and v), 0)


def answers(port):
    """What is served, as JSON has it."""
    def plain(value):
        if isinstance(value, bytes):
            return [len(value), hashlib.sha256(value).hexdigest()]
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))}
        if isinstance(value, (list, tuple, set)):
            return [plain(item) for item in value]
        return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)
    out = {}
    for aspect, places in served(port).items():
        mine = {where: what for where, what in places.items()
                if str(where[0] if isinstance(where, tuple) else where).startswith('golden')}
        out[aspect] = plain(mine)
    del out['configuration']
    with RawClient(port) as client:
        aborted, offset = set(), 5
        while True:
            got = client.fetch({(TOPIC, 0): offset}, isolation=READ_COMMITTED, max_wait_ms=0)[1][TOPIC, 0]
            if not got['data']:
                break
            aborted |= set(got['aborted'])
            offset = parse_batches(got['data'])[-1].last_offset + 1
        out['aborted'] = plain(sorted(aborted))
    with TxnClient(port) as client:
        soon(lambda: client.find_transaction_coordinator(TRANSACTIONAL_ID), lambda a: a if isinstance(a, int) else a[0])
        out['producers'] = plain(client.describe_producers([(TOPIC, 0), (TOPIC, 1)]))
    with GroupClient(port) as client:
        out['offsets'] = plain(client.offset_fetch(GROUP))
    return json.loads(json.dumps(out))


def record(form):
    os.makedirs(HERE, exist_ok=True)
    for end in ('closed', 'killed'):
        with scratch_folder('moldau-golden-') as folder:
            broker = brokers.Broker('moldau', os.path.join(folder, 'broker'), properties=COMPACTING, arguments=ARGUMENTS)
            broker.start()
            fill(broker.port)
            if not until(lambda: 'storage.compacted' in broker.log_text()):
                raise RuntimeError('nothing was compacted')
            broker.stop()
            broker.properties = SETTINGS
            broker.start()
            if end == 'killed':  # most is in segments, and the newest is not
                with RawClient(broker.port) as client:
                    for number in range(200, 210):
                        client.produce(TOPIC, number % 2, batch(number))
            right = answers(broker.port)
            if end == 'killed':
                broker.kill9()
            elif broker.stop() != 0:
                raise RuntimeError('no orderly stop')
            name = os.path.join(HERE, f'{form}-{end}')
            with tarfile.open(name + '.tar.gz', 'w:gz') as tar:
                tar.add(broker.data, 'data')
            with open(name + '.json', 'w') as file:
                json.dump(right, file, indent=1, sort_keys=True)
                file.write('\n')
            print('recorded', os.path.basename(name), os.path.getsize(name + '.tar.gz'), 'bytes')


def check(report, name, keep):
    with open(os.path.join(HERE, name + '.json')) as file:
        right = json.load(file)
    with scratch_folder('moldau-golden-', keep) as folder:
        broker = brokers.Broker('moldau', os.path.join(folder, 'broker'), properties=SETTINGS, arguments=ARGUMENTS)
        with tarfile.open(os.path.join(HERE, name + '.tar.gz')) as tar:
            tar.extractall(broker.directory, filter='data')
        for when in ('', ' after another stop'):
            broker.start()
            got = answers(broker.port)
            for aspect in sorted(right.keys() | got.keys()):
                report.line(got.get(aspect) == right.get(aspect), f'{name}{when}: {aspect}',
                            '' if got.get(aspect) == right.get(aspect) else f'{right.get(aspect)} now {got.get(aspect)}')
            with RawClient(broker.port) as client:
                report.line('offline' not in broker.log_text(broker.log_start), f'{name}{when}: nothing is offline')
            report.line(broker.stop() == 0, f'{name}{when}: an orderly stop')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--record', metavar='FORMAT')
    parser.add_argument('--keep', action='store_true')
    options = parser.parse_args()
    brokers.exit_on_signals()
    if options.record:
        return record(options.record)
    report = Report()
    names = sorted(name[:-5] for name in os.listdir(HERE) if name.endswith('.json'))
    report.line(len(names) >= 2, 'there are directories to read', f'{len(names)}')
    for name in names:
        check(report, name, options.keep)
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
