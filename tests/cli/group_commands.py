#!/usr/bin/env python3
"""`moldau group ...` against a running broker: what it shows, what it changes, what it refuses.

    group_commands.py [moldau|kafka]     the broker; Apache Kafka remembers no resets to undo
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'safety'))

import broker as brokers  # noqa: E402
import group_client  # noqa: E402
from record_batch import Fields, build_batch  # noqa: E402
from report import Report  # noqa: E402

AGE_SECONDS = 100    # of the oldest record; each is a second younger than the one before
PER_PARTITION = 10
MEMBER_ID_REQUIRED = 79


class Shell:
    """Runs the command line; `run` is exit status, standard output and standard error."""

    def __init__(self, port):
        self.server = f'127.0.0.1:{port}'

    def run(self, *words):
        done = subprocess.run([brokers.moldau_binary(), 'group', *words, '--server', self.server],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def json(self, *words):
        status, out, error = self.run(*words, '-o', 'json')
        if status != 0:
            raise RuntimeError(f'{words}: {error}')
        return json.loads(out)

    def offsets(self, group):
        return {(row['topic'], row['partition']): row['committed'] for row in self.json('describe', group)['offsets']}


def fill(client):
    """The time of the oldest record, in milliseconds."""
    client.create_topic('orders', 2)
    client.create_topic('pay', 1)
    start = int(time.time() * 1000) - AGE_SECONDS * 1000
    for topic, partition in (('orders', 0), ('orders', 1), ('pay', 0)):
        records = [(None, b'v', (), start + i * 1000) for i in range(PER_PARTITION)]
        client.produce(topic, partition, build_batch(records, Fields(base_timestamp=start)))
    return start


def join_classic(client, group, topics):
    """A member of the old protocol that reads all of `topics`: (generation, member id)."""
    for _ in range(100):    # the coordinator's topic is made now
        client.find_coordinator(group)
        joined = client.join_group(group, '', ['orders'])
        if joined.error == MEMBER_ID_REQUIRED:
            break
        time.sleep(0.1)
    joined = client.join_group(group, joined.member_id, ['orders'], session_timeout_ms=30000)
    told = {joined.member_id: group_client.assignment(topics)}
    error, _bytes = client.sync_group(group, joined.generation, joined.member_id, told)
    assert joined.error == 0 and error == 0, (joined, error)
    return joined.generation, joined.member_id


def check_looking(report, shell, client):
    report.line(shell.run('list')[:2] == (0, ''), 'list: nothing without groups')
    generation, member = join_classic(client, 'live', {'orders': [0, 1]})
    client.offset_commit('live', {('orders', 0): (4, 'note'), ('orders', 1): (10, '')}, generation, member)
    client.offset_commit('alone', {('pay', 0): (10, '')})
    listed = {row['group']: row for row in shell.json('list')}
    report.line(listed['live']['state'] == 'Stable' and listed['live']['members'] == 1
                and listed['live']['type'].lower() == 'classic', 'list: state, type and members', listed['live'])
    report.line(listed['alone']['state'] == 'Empty' and listed['alone']['members'] == 0, 'list: a group without members')
    table = shell.run('list')[1].splitlines()
    report.line(table[0].split() == ['GROUP', 'TYPE', 'PROTOCOL', 'STATE', 'MEMBERS'] and len(table) == 3, 'list: a table')

    described = shell.json('describe', 'live')
    owned = described['members'][0]['assignment']
    report.line(owned == [{'topic': 'orders', 'partitions': [0, 1]}], 'describe: assignment', owned)
    row = described['offsets'][0]
    report.line((row['committed'], row['end'], row['lag'], row['metadata']) == (4, 10, 6, 'note'), 'describe: offsets', row)
    text = shell.run('describe', 'live')[1]
    report.line('orders:0,1' in text and 'state     Stable' in text, 'describe: a table')
    report.line(shell.run('describe', 'none')[0] == 1, 'describe: a group that is not there')

    lag = shell.json('lag', 'live')[0]
    report.line(lag['lag'] == 6 and lag['partitions'][1]['seconds'] == 0, 'lag: in records', lag)
    oldest = AGE_SECONDS - 4    # the first unread record is the fifth
    report.line(oldest <= lag['seconds'] <= oldest + 60, 'lag: in seconds', lag['seconds'])
    report.line([row['group'] for row in shell.json('lag')] == ['alone', 'live'], 'lag: of all groups')
    return generation, member


def check_members_protect(report, shell, client, generation, member):
    status, out, error = shell.run('reset', 'live', '--all-topics', '--to-earliest')
    report.line(status == 0 and 'NEW LAG' in out and '--yes' in error, 'reset: a preview with members')
    report.line(shell.run('reset', 'live', '--all-topics', '--to-earliest', '--yes')[0] == 1, 'reset: refused with members')
    report.line(shell.run('delete', 'live')[0] == 1, 'delete: refused with members')
    report.line(shell.offsets('live')[('orders', 0)] == 4, 'nothing was changed')
    client.leave_group('live', member)


def check_reset(report, shell, started):
    def goes_to(*words):
        done = shell.json('reset', 'live', '--topic', 'orders:0', *words)
        return done['done'], done['offsets'][0]['after']
    for words, after in ((['--to-earliest'], 0), (['--to-latest'], 10), (['--to-offset', '7'], 7),
                         (['--to-offset', '70'], 10), (['--shift-by', '-3'], 1), (['--shift-by', '2'], 6),
                         (['--to-time', '2020-01-01'], 0), (['--to-time', '2099-01-01T00:00:00Z'], 10),
                         (['--by-duration', '1h'], 0), (['--by-duration', '1s'], 10)):
        report.line(goes_to(*words) == (False, after), f'reset: preview of {" ".join(words)}')
    timed = shell.json('reset', 'live', '--topic', 'orders:0', '--to-time', str(started + 4500))
    report.line(timed['offsets'][0]['after'] == 5, 'reset: preview of a time between two records', timed)
    report.line(shell.offsets('live') == {('orders', 0): 4, ('orders', 1): 10}, 'reset: previews change nothing')
    report.line(shell.json('reset', 'live', '--all-topics', '--to-offset', '2', '--yes')['done'], 'reset: done')
    report.line(shell.offsets('live') == {('orders', 0): 2, ('orders', 1): 2}, 'reset: is what it said')
    shell.run('reset', 'fresh', '--topic', 'orders', '--topic', 'pay', '--to-latest', '--yes')
    report.line(len(shell.offsets('fresh')) == 3, 'reset: makes a group')
    for words in (['--all-topics'], ['--to-latest'], ['--all-topics', '--to-latest', '--to-earliest'],
                  ['--all-topics', '--topic', 'pay', '--to-latest'], ['--topic', 'pay:x', '--to-latest'],
                  ['--all-topics', '--to-time', 'soon'], ['--all-topics', '--by-duration', '5']):
        report.line(shell.run('reset', 'live', *words)[0] == 2, f'reset: wrong usage: {" ".join(words)}')
    for words in (['--topic', 'none', '--to-latest'], ['--topic', 'pay:9', '--to-latest'],
                  ['--topic', 'pay', '--shift-by', '1']):
        report.line(shell.run('reset', 'live', *words)[0] == 1, f'reset: refused: {" ".join(words)}')
    report.line(shell.run('reset', 'none', '--all-topics', '--to-latest')[0] == 1, 'reset: a group without offsets')


def check_undo(report, shell, broker):
    before, after = {('orders', 0): 4, ('orders', 1): 10}, {('orders', 0): 2, ('orders', 1): 2}
    broker.kill9()
    broker.start()
    status, out, error = shell.run('undo', 'live')
    report.line(status == 0 and '--yes' in error and len(out.splitlines()) == 3, 'undo: a preview, after kill -9', error)
    report.line(shell.offsets('live') == after, 'undo: a preview changes nothing')
    report.line(shell.json('undo', 'live', '--yes')['done'], 'undo: done')
    rows = shell.json('describe', 'live')['offsets']
    report.line(shell.offsets('live') == before and rows[0]['metadata'] == 'note', 'undo: restores offsets and metadata', rows)
    shell.run('undo', 'live', '--yes')
    report.line(shell.offsets('live') == after, 'undo: can be undone')
    report.line(shell.run('undo', 'live', '--resets', '9')[0] == 1, 'undo: of more than is remembered')
    shell.run('undo', 'live', '--resets', '3', '--yes')
    report.line(shell.offsets('live') == before, 'undo: of several resets')
    report.line(shell.run('undo', 'fresh')[0] == 1, 'undo: nothing to undo')
    report.line(shell.run('undo', 'none')[0] == 1, 'undo: a group that is not there')


def check_consumer_group(report, shell, client):
    member, ident = group_client.new_member_id(), None
    beat = client.consumer_heartbeat('new', member, group_client.JOINING, ['orders'], {})
    for _ in range(100):
        if beat.assignment:
            break
        time.sleep(0.1)
        beat = client.consumer_heartbeat('new', member, beat.epoch)
    ident, numbers = next(iter(beat.assignment.items()))
    client.consumer_heartbeat('new', member, beat.epoch, owned={ident: numbers})
    client.offset_commit('new', {('orders', 1): (3, '')}, beat.epoch, member)
    described = shell.json('describe', 'new')
    report.line(described['type'] == 'consumer' and described['epoch'] >= 1, 'KIP-848: describe', described['state'])
    report.line(described['members'][0]['assignment'] == [{'topic': 'orders', 'partitions': [0, 1]}], 'KIP-848: assignment')
    rows = [(row['committed'], row['lag']) for row in described['offsets']]
    report.line(rows == [(None, None), (3, 7)], 'KIP-848: a partition without an offset is shown', rows)
    report.line({row['group']: row['members'] for row in shell.json('list')}['new'] == 1, 'KIP-848: list')
    report.line(shell.run('reset', 'new', '--all-topics', '--to-earliest', '--yes')[0] == 1, 'KIP-848: no reset with members')
    client.consumer_heartbeat('new', member, group_client.LEAVING)
    report.line(shell.json('reset', 'new', '--all-topics', '--to-earliest', '--yes')['done'], 'KIP-848: reset')
    report.line(shell.offsets('new') == {('orders', 1): 0}, 'KIP-848: is what it said')


def check_delete(report, shell):
    report.line(shell.run('delete', 'live')[:2] == (0, 'deleted group live\n'), 'delete: done')
    report.line(shell.run('describe', 'live')[0] == 1, 'delete: the group is gone')
    report.line(shell.run('delete', 'live')[0] == 1, 'delete: a group that is not there')


def main():
    brokers.exit_on_signals()
    kind = sys.argv[1] if len(sys.argv) > 1 else 'moldau'
    report, folder = Report(), tempfile.mkdtemp(prefix='moldau-group-commands-')
    broker = brokers.Broker(kind, folder, properties={'group.initial.rebalance.delay.ms': '0'})
    try:
        broker.start()
        shell = Shell(broker.port)
        with group_client.GroupClient(broker.port) as client:
            started = fill(client)
            generation, member = check_looking(report, shell, client)
            check_members_protect(report, shell, client, generation, member)
        check_reset(report, shell, started)
        if kind == 'moldau':
            check_undo(report, shell, broker)
        with group_client.GroupClient(broker.port) as client:
            check_consumer_group(report, shell, client)
        check_delete(report, shell)
        stopped = broker.stop()
        if kind == 'moldau':    # Kafka's JVM ends by the signal
            report.line(stopped == 0, 'orderly stop')
    finally:
        broker.kill9()
        shutil.rmtree(folder, ignore_errors=True)
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
