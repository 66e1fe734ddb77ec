#!/usr/bin/env python3
"""Unmodified clients as members of consumer groups, in both group protocols.

    groups.py [--kind moldau|kafka] [--client NAME]... [--only CASE]... [--list] [--jobs N] [--table FILE]

Each client and protocol goes through these cases, on a topic of 6 partitions:

three-members  three members share the partitions; each record is read once, and all of them are committed
rebalance      one of them leaves and one joins while records are written: no partition is anybody's twice,
               nothing that was committed is read again, all is read and committed up to the end
killed         one is killed: the two others get its partitions once its session is over
restart        both leave; a new member begins where the committed offsets are
static         one of three static members restarts: the others' partitions do not change, it gets its own back
commits        commits that are not waited for; the client fetches what the broker has
admin          the client's administration: list, describe, offsets, change and delete them, remove a member,
               delete a group; what the client has not is named in CLIENTS
The first four are one group's life, so --only restart runs the ones before it too. The classic session is
6 s, the least that Kafka's defaults allow; that of the other protocol is the broker's and set to 10 s.
"""
import argparse
import concurrent.futures
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from broker import Broker, exit_on_sigterm
from group_clients import CLIENTS, command, is_static, lacks, versions
from group_history import History
from prepare import Missing, prepare
from wire import Connection, KafkaError, create_offsets_topic

PARTITIONS = 6
SESSION_SECONDS = {'classic': 6, 'consumer': 10}
# How long to wait for what happens at once unless something hangs. A machine may be busy.
PATIENCE_SECONDS = 40
# On top of the session: until a poll finds out, the others join again, and that is told.
TAKE_OVER_SECONDS = 10
SETTLE_SECONDS = 1.2
LIFE = ['three-members', 'rebalance', 'killed', 'restart']
CASES = LIFE + ['static', 'commits', 'admin']
BROKER = {
    'group.consumer.min.session.timeout.ms': 6000, 'group.consumer.session.timeout.ms': 10000,
    'group.consumer.min.heartbeat.interval.ms': 300, 'group.consumer.heartbeat.interval.ms': 300,
}
_libc = ctypes.CDLL(None)
_stopping = threading.Event()


class Process:
    """One run of a client's group program."""

    def __init__(self, group, name, operation, options):
        words, environment = command(group.client)
        options = {'name': name, 'topic': group.topic, 'partitions': PARTITIONS, 'protocol': group.protocol,
                   'session': SESSION_SECONDS['classic'] * 1000, 'commit': 'sync', 'instance': '', **options}
        self.name, self.errors = name, os.path.join(group.folder, f'{group.name}.{name}.stderr')
        with open(group.history.path, 'ab') as out, open(self.errors, 'wb') as err:
            self.process = subprocess.Popen(
                words + [group.bootstrap, operation] + [f'{k}={v}' for k, v in options.items()],
                stdin=subprocess.PIPE, stdout=out, stderr=err, env={**os.environ, **environment},
                preexec_fn=lambda: _libc.prctl(1, signal.SIGKILL))    # PR_SET_PDEATHSIG

    def tell(self, word):
        self.process.stdin.write(word.encode() + b'\n')
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    def why(self):
        with open(self.errors, errors='replace') as f:
            return f.read()[-400:]


class Group:
    """One group, its topic, its members and what they said."""

    def __init__(self, run, name, commit='sync'):
        self.client, self.protocol, self.bootstrap = run.client, run.protocol, run.bootstrap
        self.folder, self.commit = run.folder, commit
        self.name = self.topic = f'{run.client}-{run.protocol}-{name}'
        strict = CLIENTS[run.client].get('strict', True)
        self.history = History(os.path.join(run.folder, self.name + '.history'), strict)
        self.members, self.written, self.starts = {}, {}, 0
        with Connection(self.bootstrap) as connection:
            connection.create_topic(self.topic, PARTITIONS)

    def start(self, *names, **options):
        for name in names:
            self.starts += 1
            self.history.ended.pop(name, None)
            self.members[name] = Process(self, name, 'member',
                                         {'group': self.name, 'commit': self.commit, **options})

    def stop(self, *names):
        """Orderly, with the last commit."""
        for name in names:
            self.members[name].tell('leave')
        for name in names:
            self.wait(lambda h: h.ended.get(name) == 'left', f'{name} did not leave')
            self.members[name].process.wait(PATIENCE_SECONDS)
            del self.members[name]

    def kill(self, name):
        self.members.pop(name).kill()
        self.history.update()
        self.history.note(name, 'killed')

    def write(self, count):
        """`count` more records in each partition."""
        with Connection(self.bootstrap) as connection:
            for p in range(PARTITIONS):
                now = int(time.time() * 1000)
                base = connection.produce(self.topic, p, [(now, b'record')] * count)
                self.written[p] = base + count

    def wait(self, holds, otherwise, seconds=PATIENCE_SECONDS):
        """Until the history is so; AssertionError with the reason when it will not be."""
        give_up = time.monotonic() + seconds
        while True:
            self.history.check()
            if _stopping.is_set():
                raise RuntimeError('the test was ended')
            if holds(self.history):
                return
            for name, member in self.members.items():
                if member.process.poll() is not None and name not in self.history.ended:
                    raise AssertionError(f'{name} ended with {member.process.returncode}: {member.why()}')
            if time.monotonic() > give_up:
                said = {m: lines[-2:] for m, lines in self.history.lines.items()}
                raise AssertionError(f'{otherwise} after {seconds} s; '
                                     f'{dict(self.history.owned)} {said}')
            time.sleep(0.03)

    def balanced(self, *names, seconds=PATIENCE_SECONDS):
        share = PARTITIONS // len(names)
        self.wait(lambda h: all(len(h.owned[n]) == share for n in names) and len(h.owners()) == PARTITIONS,
                  f'{" ".join(names)} do not have {share} partitions each', seconds)

    def settle(self):
        """Until nothing changed for longer than a heartbeat takes to tell of a rebalance."""
        give_up, count, since = time.monotonic() + PATIENCE_SECONDS, -1, 0
        while time.monotonic() - since < SETTLE_SECONDS:
            assert time.monotonic() < give_up, 'the group does not come to rest'
            self.history.check()
            now = sum(map(len, self.history.changes.values()))
            if now != count:
                count, since = now, time.monotonic()
            time.sleep(0.03)

    def all_read(self):
        """Every record was read, and the members' commits have reached the end."""
        wanted = {(p, o) for p, end in self.written.items() for o in range(end)}
        self.wait(lambda h: wanted <= h.seen, 'not everything was read')
        assert wanted == self.history.seen, 'something else was read'
        ends = {(self.topic, p): end for p, end in self.written.items()}
        with Connection(self.bootstrap) as connection:
            self.wait(lambda _: committed(connection, self.name) == ends,
                      'the committed offsets are not the ends')

    def close(self):
        for member in self.members.values():
            member.kill()
        self.members.clear()


def committed(connection, group):
    try:
        return connection.committed(group)
    except KafkaError:
        return None


class Load:
    """Records for all partitions, again and again until it ends."""

    def __init__(self, group):
        self.group, self.over, self.failure = group, threading.Event(), None

    def __enter__(self):
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self):
        try:
            while not self.over.wait(0.05):
                self.group.write(3)
        except Exception as e:
            self.failure = e

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        if self.failure:
            raise self.failure


class Run:
    """All cases of one client and protocol."""

    def __init__(self, client, protocol, bootstrap, folder, only):
        self.client, self.protocol, self.bootstrap, self.folder = client, protocol, bootstrap, folder
        self.only = only
        self.outcomes = {}    # case: None, or what failed
        self.session = SESSION_SECONDS['consumer' if protocol == 'consumer' else 'classic']

    def run(self):
        parts = [('life', LIFE, self._life), ('static', ['static', 'admin'], self._static_and_admin),
                 ('commits', ['commits'], self._commits)]
        for name, cases, part in parts:
            if not set(cases) & set(self.only):
                continue
            group = None
            commit = CLIENTS[self.client].get('commit', 'async') if name == 'commits' else 'sync'
            try:
                group = Group(self, name, commit)
                for case, step in part(group):
                    if case not in self.only and case not in LIFE:
                        continue
                    self._attempt(case, step, group)
                    if self.outcomes[case] and case in LIFE:
                        break    # The group is not what the next case begins with.
            except Missing:
                raise
            except Exception as e:
                self.outcomes.setdefault(cases[0], f'{type(e).__name__}: {e}')
            finally:
                if group:
                    group.close()
            for case in cases:
                if case in self.only and case in cases_of(self.client, self.protocol):
                    self.outcomes.setdefault(case, 'not reached')
        return self

    def _attempt(self, case, step, group):
        started = time.monotonic()
        try:
            step()
            group.history.check()
            self.outcomes[case] = None
        except AssertionError as e:
            self.outcomes[case] = str(e)
        except Exception as e:    # Whatever it is, it is this case's failure and not the others'.
            self.outcomes[case] = f'{type(e).__name__}: {e}'
        print(f'# {self.client}/{self.protocol}/{case}: {time.monotonic() - started:.1f} s', file=sys.stderr,
              flush=True)

    def _life(self, group):
        history = group.history

        def three_members():
            group.start('a', 'b', 'c')
            group.balanced('a', 'b', 'c')
            group.settle()
            group.write(50)
            group.all_read()
            again = history.duplicates()
            assert not again, f'{len(again)} records were read again: {again[:3]}'

        def one_more():
            # A group that rebalances refuses commits, and a member commits only what a poll has brought.
            group.settle()
            group.write(1)
            group.all_read()

        def rebalance():
            with Load(group):
                group.stop('c')
                group.balanced('a', 'b')
                group.start('d')
                group.balanced('a', 'b', 'd')
            one_more()

        def killed():
            group.kill('d')
            group.write(10)
            group.balanced('a', 'b', seconds=self.session + TAKE_OVER_SECONDS)
            one_more()

        def restart():
            group.stop('a', 'b')
            before = dict(group.written)
            group.write(10)
            group.start('e')
            group.all_read()
            old = [(p, o) for p, o in history.read['e'] if o < before[p]]
            assert not old, f'{len(old)} committed records were read again: {old[:3]}'
            group.stop('e')
        return zip(LIFE, [three_members, rebalance, killed, restart])

    def _static_and_admin(self, group):
        history, names = group.history, ['s', 't', 'u']
        static = is_static(self.client, self.protocol)

        if self.protocol == 'consumer':
            # A restart may take long on a busy machine, and must not outlast the session.
            with Connection(self.bootstrap) as connection:
                connection.set_group_config(group.name, 'consumer.session.timeout.ms', '60000')

        def start(*starting):
            for name in starting:
                group.start(name, session=60000, instance=f'{group.name}-{name}' if static else '')

        def start_all():
            # The first one leads a classic group; a leader that restarts may have it balanced anew.
            start(names[0])
            group.balanced(names[0])
            start(*names[1:])
            group.balanced(*names)

        def static_members():
            start_all()
            group.write(10)
            group.all_read()
            group.settle()
            had, changes = set(history.owned['u']), {n: len(history.changes[n]) for n in 'st'}
            group.stop('u')
            group.write(10)
            start('u')
            group.wait(lambda h: h.owned['u'], 'it got no partition back')
            group.all_read()
            assert history.owned['u'] == had, f'it got {history.owned["u"]} back and not {had}'
            for name, count in changes.items():
                assert len(history.changes[name]) == count, \
                    f'{name} had a rebalance: {history.changes[name][count - 1:]}'

        def admin():
            if group.members:
                group.balanced(*names)
            else:
                start_all()
            self._admin(group)
        return ([('static', static_members)] if static else []) + [('admin', admin)]

    def _admin(self, live):
        """`live` has three members, the last of which is removed; another group is changed and deleted."""
        lacking = lacks(self.client, self.protocol)
        if 'remove-member' not in lacking:
            # Others get its partitions before it learns that it was taken out.
            live.history.note('u', 'owns -')
        before = len(live.history.update().changes['u'])
        spent = Group(self, 'spent')
        try:
            spent.start('x')
            spent.write(5)
            spent.all_read()
            spent.stop('x')
            spent.members['admin'] = Process(spent, 'admin', 'admin', {
                'group': spent.name, 'live': live.name, 'removed': f'{live.name}-u'})
            spent.wait(lambda h: 'admin' in h.ended, 'the administration did not end')
            check_admin(spent, live, lacking)
        finally:
            spent.close()
        if 'remove-member' not in lacking:
            # It finds out by its next heartbeat, and then joins again.
            live.wait(lambda h: set() in h.changes['u'][before:], 'the removed member has lost nothing')

    def _commits(self, group):
        def commits():
            group.start('a')
            group.balanced('a')
            group.write(30)
            group.all_read()
            group.members['a'].tell('fetch')
            group.wait(lambda h: 'all' in h.fetched['a'], 'it fetched no offsets')
            found = {p: o for p, o in group.history.fetched['a'].items() if p != 'all'}
            assert found == group.written, f'it fetched {found}'
            group.stop('a')
        return [('commits', commits)]


# What a client can do, and the word with which its program tells what came of it.
ADMIN_WORDS = {'list': 'listed', 'describe': 'described', 'offsets': 'offset', 'alter': 'altered',
               'delete-offsets': 'kept', 'remove-member': 'removed', 'delete': 'still'}


def check_admin(spent, live, lacking):
    said = {word: [] for word in [*ADMIN_WORDS.values(), 'cannot']}
    for line in spent.history.lines['admin']:
        word, *words = line.split(' ')
        said.setdefault(word, []).append(tuple(words))
    assert {words[0] for words in said['cannot']} == set(lacking), f'it cannot {said["cannot"]}'
    partitions = [str(p) for p in range(PARTITIONS)]
    expected = {
        'list': [(live.name, 'stable'), (spent.name, 'empty')],
        'describe': [(live.name, 'stable', '3', str(PARTITIONS))],
        'offsets': [(str(p), str(end)) for p, end in sorted(spent.written.items())],
        'alter': [(p, '1') for p in partitions], 'delete-offsets': [(p, '1') for p in partitions[1:]],
        'remove-member': [(f'{live.name}-u',)], 'delete': [(live.name,)]}
    ours = (spent.name, live.name)
    for what, word in ADMIN_WORDS.items():
        # Other groups of the broker are listed too; and a client may not say which state they have.
        found = sorted(tuple(w.lower() for w in words) for words in said[word]
                       if word not in ('listed', 'still') or words[0] in ours)
        wanted = [] if what in lacking else sorted(
            tuple(w.lower() for w in words) for words in expected[what])
        same = len(found) == len(wanted) and all(
            len(f) == len(w) and all(x in (y, '-') for x, y in zip(f, w)) for f, w in zip(found, wanted))
        assert same, f'{word}: {found} and not {wanted}'


def cases_of(client, protocol):
    return [c for c in CASES if c != 'static' or is_static(client, protocol)]


def table(outcomes):
    """Markdown: a row for each client and protocol."""
    marks = {True: 'yes', False: '**no**', None: '-'}
    rows = ['| client | version | protocol | ' + ' | '.join(CASES) + ' | administration it has not |',
            '|---' * (len(CASES) + 4) + '|']
    for (client, protocol), results in outcomes.items():
        cells = [marks[results[c] is None if c in results else None] for c in CASES]
        rows.append(f'| {CLIENTS[client]["name"]} | {versions()[client]} | {protocol} | ' + ' | '.join(cells)
                    + f' | {", ".join(sorted(lacks(client, protocol))) or "-"} |')
    return '\n'.join(rows) + '\n'


def attempt(client, protocol, bootstrap, folder, only):
    """The outcome lines, and the outcomes by case, of one client and protocol."""
    started = time.monotonic()
    run = Run(client, protocol, bootstrap, folder, only)
    try:
        prepare(client)
        run.run()
        lines = [f'not ok {client}/{protocol}/{case} {why}'.replace('\n', ' ') if why
                 else f'ok {client}/{protocol}/{case}' for case, why in run.outcomes.items()]
    except Missing as e:
        lines = [f'skip {client}/{protocol} needs {e}']
    print(f'# {client}/{protocol}: {time.monotonic() - started:.1f} s', file=sys.stderr, flush=True)
    return lines, run.outcomes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kind', choices=['moldau', 'kafka'], default='moldau')
    parser.add_argument('--client', action='append', choices=list(CLIENTS))
    parser.add_argument('--protocol', action='append')
    parser.add_argument('--only', action='append', choices=CASES)
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--jobs', type=int, default=3)
    parser.add_argument('--table', metavar='FILE')
    parser.add_argument('--keep', metavar='FOLDER', help='for what the members said')
    a = parser.parse_args()
    pairs = [(client, protocol) for client in a.client or CLIENTS for protocol in CLIENTS[client]['protocols']
             if not a.protocol or protocol in a.protocol]
    if a.list:
        print('\n'.join(f'{c}/{p}/{case}' for c, p in pairs for case in cases_of(c, p)))
        return 0
    exit_on_sigterm()
    only = a.only or CASES
    folder = a.keep or tempfile.mkdtemp(prefix='groups-')
    os.makedirs(folder, exist_ok=True)
    lines, outcomes = [], {}
    try:
        with Broker(a.kind, BROKER) as broker, concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
            if not create_offsets_topic(broker.bootstrap):
                print('not ok coordinator is not there\n0 passed, 1 failed, 0 skipped')
                return 1
            # Those that need most of the processor first, so that they do not end up alone.
            order = sorted(pairs, key=lambda pair: not pair[0].startswith('java'))
            waiting = {pool.submit(attempt, *pair, broker.bootstrap, folder, only): pair for pair in order}
            try:
                for done in concurrent.futures.as_completed(waiting):
                    said, outcomes[waiting[done]] = done.result()
                    print('\n'.join(said), flush=True)
                    lines += said
            except BaseException:
                _stopping.set()    # So that the threads that wait for members end too.
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
            print(f'# CPU: clients {cpu.ru_utime + cpu.ru_stime:.0f} s, broker {broker.cpu_seconds():.0f} s',
                  file=sys.stderr)
            lines.append('ok orderly stop' if broker.stop(120) else 'not ok orderly stop ' + broker.log_tail(300))
            print(lines[-1])
    finally:
        if not a.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if a.table:
        with open(a.table, 'w') as f:
            f.write(table({pair: outcomes[pair] for pair in pairs}))
    counts = [sum(line.startswith(word) for line in lines) for word in ('ok ', 'not ok ', 'skip ')]
    print('{} passed, {} failed, {} skipped'.format(*counts))
    return 1 if counts[1] or (counts[2] and os.environ.get('CI') == 'true') else 0


if __name__ == '__main__':
    sys.exit(main())
