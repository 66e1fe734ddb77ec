#!/usr/bin/env python3
"""`moldau txn ...` against a running broker: what it shows, what it ends, what it refuses.

    txn_commands.py [moldau|kafka]     the broker
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
import txn_client  # noqa: E402
from report import Report  # noqa: E402

READ_COMMITTED = txn_client.READ_COMMITTED
LATEST = -1
CONCURRENT_TRANSACTIONS = 51
FENCED = (47, 90)
TIMEOUT_MS = 60000


class Shell:
    """Runs the command line; `run` is exit status, standard output and standard error."""

    def __init__(self, port):
        self.server = f'127.0.0.1:{port}'

    def run(self, *words):
        done = subprocess.run([brokers.moldau_binary(), 'txn', *words, '--server', self.server],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def json(self, *words):
        status, out, error = self.run(*words, '-o', 'json')
        if status != 0:
            raise RuntimeError(f'{words}: {error}')
        return json.loads(out)

    def states(self, *words):
        return {row['transactional_id']: row['state'] for row in self.json('list', *words)}


def when_ready(call, passing=(14, 15, 16, CONCURRENT_TRANSACTIONS)):
    """Clients too come again while a coordinator is made or a transaction ends: the first answer that is another."""
    for _ in range(100):
        answer = call()
        error = answer if isinstance(answer, int) else answer[0] if isinstance(answer, tuple) else max(answer.values())
        if error not in passing:
            return answer
        time.sleep(0.1)
    return answer


def start(client, name):
    client.find_transaction_coordinator(name)
    error, producer = when_ready(lambda: client.init_transactional_id(name, TIMEOUT_MS))
    assert error == 0, (name, error)
    return producer


def write(client, name, producer, keys, sequence=0):
    """Opens a transaction of the old protocol, or goes on with it."""
    errors = when_ready(lambda: client.add_partitions(name, producer, keys))
    assert not any(errors.values()), errors
    for topic, partition in keys:
        batch = txn_client.transactional_batch([(None, b'v', (), int(time.time() * 1000))], producer, sequence)
        answer = when_ready(lambda: client.produce(topic, partition, batch, version=11, transactional_id=name))
        assert answer[0] == 0, answer


def stable_end(client, topic, partition):
    _error, _timestamp, offset, _epoch = client.list_offsets({(topic, partition): LATEST}, READ_COMMITTED)[topic, partition]
    return offset


def check_looking(report, shell, client):
    report.line(shell.run('list')[:2] == (0, ''), 'list: nothing without transactions')
    report.line(shell.run('describe', 'none')[0] == 1, 'describe: an id that is not there')
    pay, idle = start(client, 'pay'), start(client, 'idle')
    write(client, 'pay', pay, [('orders', 0), ('orders', 1)])
    error = when_ready(lambda: client.add_offsets('pay', pay, 'g'))
    assert error == 0, error
    client.find_coordinator('g')
    errors = when_ready(lambda: client.txn_offset_commit('pay', pay, 'g', {('orders', 0): (3, '')}))
    assert not any(errors.values()), errors

    rows = {row['transactional_id']: row for row in shell.json('list')}
    row = rows['pay']
    report.line((row['state'], row['producer_id'], row['producer_epoch']) == ('Ongoing', *pay), 'list: state and producer', row)
    report.line(row['coordinator'] == 1 and 0 <= row['age_ms'] < TIMEOUT_MS, 'list: coordinator and age')
    report.line(rows['idle']['state'] == 'Empty' and rows['idle']['age_ms'] is None, 'list: an id without a transaction', rows['idle'])
    table = shell.run('list')[1].splitlines()
    report.line(table[0].split() == ['TRANSACTIONAL', 'ID', 'COORDINATOR', 'PRODUCER', 'EPOCH', 'STATE', 'AGE']
                and len(table) == 3, 'list: a table')
    report.line(set(shell.states('--state', 'Ongoing')) == {'pay'}, 'list: by state')
    report.line(set(shell.states('--state', 'Ongoing', '--state', 'Empty')) == {'pay', 'idle'}, 'list: by several states')
    report.line(set(shell.states('--producer-id', str(idle[0]))) == {'idle'}, 'list: by producer')
    report.line(shell.states('--longer-than', '1h') == {}, 'list: by age, none')
    time.sleep(0.05)
    report.line(set(shell.states('--longer-than', '1ms')) == {'pay'}, 'list: by age')
    report.line(set(shell.states('--pattern', 'p.*')) == {'pay'}, 'list: by pattern')
    report.line(shell.run('list', '--state', 'Sleeping')[0] == 1, 'list: a state that is none')
    report.line(shell.run('list', '--longer-than', 'soon')[0] == 2, 'list: wrong usage')

    told = shell.json('describe', 'pay')
    report.line((told['state'], told['producer_id'], told['producer_epoch'], told['timeout_ms'])
                == ('Ongoing', *pay, TIMEOUT_MS), 'describe: state and producer', told)
    parts = {(part['topic'], part['partition']): part['first_offset'] for part in told['partitions']}
    report.line(parts[('orders', 0)] == parts[('orders', 1)] == 0, 'describe: partitions and their first offsets', parts)
    report.line(len(parts) == 3 and any(topic == '__consumer_offsets' for topic, _ in parts), 'describe: the partition of the group')
    text = shell.run('describe', 'pay')[1]
    report.line('state        Ongoing' in text and 'FIRST OFFSET' in text and ' ago' in text, 'describe: for people')
    report.line('begun' not in shell.run('describe', 'idle')[1], 'describe: an id without a transaction')
    return pay


def check_abort(report, shell, client, pay):
    for words in ([], ['pay', '--topic', 'orders', '--partition', '0', '--producer-id', '1'], ['--topic', 'orders'],
                  ['--topic', 'orders', '--partition', '0'], ['--partition', '0', '--producer-id', '1']):
        report.line(shell.run('abort', *words)[0] == 2, f'abort: wrong usage: {" ".join(words)}')
    report.line(shell.run('abort', 'none', '--yes')[0] == 1, 'abort: an id that is not there')
    status, _out, error = shell.run('abort', 'idle', '--yes')
    report.line(status == 1 and 'Empty' in error, 'abort: an id without a transaction', error)

    status, out, error = shell.run('abort', 'pay')
    report.line(status == 0 and 'orders' in out and '--yes' in error, 'abort: a preview', error)
    report.line(shell.json('abort', 'pay')['done'] is False, 'abort: a preview for programs')
    report.line(shell.states()['pay'] == 'Ongoing' and stable_end(client, 'orders', 0) == 0, 'abort: a preview ends nothing')
    status, out, error = shell.run('abort', 'pay', '--yes')
    report.line((status, out) == (0, 'aborted the transaction of pay\n'), 'abort: done', out + error)
    report.line(shell.states()['pay'] in ('CompleteAbort', 'Empty'), 'abort: the transaction has ended', shell.states())
    report.line(stable_end(client, 'orders', 0) == stable_end(client, 'orders', 1) == 2, 'abort: nobody waits for it any more')
    report.line(client.end_txn('pay', pay, True)[0] in FENCED, 'abort: its producer is fenced')
    report.line(shell.run('abort', 'pay', '--yes')[0] == 1, 'abort: there is nothing more to abort')


def check_hanging(report, shell, client, broker):
    lost = start(client, 'lost')
    write(client, 'lost', lost, [('orders', 0), ('orders', 1)])
    end = stable_end(client, 'orders', 0)
    words = ('abort', '--topic', 'orders', '--partition', '0', '--producer-id', str(lost[0]))
    status, _out, error = shell.run(*words, '--yes')
    report.line(status == 1 and "'lost'" in error, 'hanging: refused where the coordinator knows it', error)

    # A coordinator without its memory: what is open in the partitions is nobody's.
    client.delete_topic('__transaction_state')
    broker.kill9()
    broker.start()
    with txn_client.TxnClient(broker.port) as again:
        report.line(stable_end(again, 'orders', 0) == end, 'hanging: it does')
        again.find_transaction_coordinator('lost')    # which makes the topic
        when_ready(lambda: again.init_transactional_id('other', TIMEOUT_MS))
        report.line(shell.run('abort', '--topic', 'none', '--partition', '0', '--producer-id', '1')[0] == 1, 'hanging: no such topic')
        report.line(shell.run('abort', '--topic', 'orders', '--partition', '0', '--producer-id', '4711')[0] == 1, 'hanging: no such producer')
        status, out, error = shell.run(*words)
        report.line(status == 0 and 'would abort' in out and '--yes' in error, 'hanging: a preview', out + error)
        report.line(stable_end(again, 'orders', 0) == end, 'hanging: a preview ends nothing')
        done = shell.json(*words, '--yes')
        report.line(done['done'] and done['first_offset'] == end and done['producer_epoch'] == lost[1], 'hanging: done', done)
        report.line(stable_end(again, 'orders', 0) == end + 2, 'hanging: nobody waits for it any more')
        report.line(stable_end(again, 'orders', 1) == end, 'hanging: in its other partition it hangs still')
        report.line(shell.run(*words, '--yes')[0] == 1, 'hanging: there is nothing more to abort')


def main():
    brokers.exit_on_signals()
    kind = sys.argv[1] if len(sys.argv) > 1 else 'moldau'
    report, folder = Report(), tempfile.mkdtemp(prefix='moldau-txn-commands-')
    broker = brokers.Broker(kind, folder)
    try:
        broker.start()
        shell = Shell(broker.port)
        with txn_client.TxnClient(broker.port) as client:
            client.create_topic('orders', 2)
            pay = check_looking(report, shell, client)
            check_abort(report, shell, client, pay)
            check_hanging(report, shell, client, broker)
        stopped = broker.stop()
        if kind == 'moldau':    # Kafka's JVM ends by the signal
            report.line(stopped == 0, 'orderly stop')
    finally:
        broker.kill9()
        shutil.rmtree(folder, ignore_errors=True)
    return report.close()


if __name__ == '__main__':
    sys.exit(main())
