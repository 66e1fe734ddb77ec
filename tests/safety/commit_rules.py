"""Rules A14 and A18 of the checker: what a group committed stays committed, and groups go on.

Each partition of a group is a register. What is known: a commit that was acknowledged took effect
before its acknowledgement, one that somebody read before that reading, and one that nobody heard
of again in the broker's life that it was sent to, or never. So a reading is wrong when it shows
what nobody committed, what was refused, or what another commit had overwritten before the reading
began - and since members go on where the group is, also when it shows a smaller offset than one
that was acknowledged before.
"""
import bisect
import collections
import math

import history as h

AIM_S = 5.0


class CommitRules:
    def __init__(self, checker):
        self.checker, self.history, self.settings = checker, checker.history, checker.settings
        self.commits, self.readings = checker.history.of(h.Commit), checker.history.of(h.Committed)
        self.counts = collections.Counter()

    def check(self):
        if not self.commits and not self.readings:
            return
        self._check_registers()
        self._check_resuming()

    def _check_registers(self):
        registers = collections.defaultdict(lambda: ([], []))
        for commit in self.commits:
            registers[commit.group, commit.key][0].append(commit)
        for reading in self.readings:
            registers[reading.group, reading.key][1].append(reading)
        for commits, readings in registers.values():
            _Register(self, commits, readings).check()
        sure = sum(self.is_sure(commit) for commit in self.commits)
        self.checker.stats.update(
            commits=len(self.commits), acked_commits=sure, commit_readings=len(self.readings),
            **{f'commits_{kind.replace(" ", "_")}': self.counts[kind]
               for kind in ('lost', 'moved back', 'invented', 'refused')})

    def is_sure(self, commit):
        return commit.status == 'ok' and not self.checker.after_the_end(commit.life, commit.t1)

    def end_of(self, life):
        """A time by which nothing that was sent to that life can take effect any more."""
        return min((start.t0 for start in self.history.of(h.Start) if start.life > life),
                   default=math.inf)

    def bad(self, kind, reading, text):
        self.counts[kind] += 1
        self.checker.finding('A14').bad(
            f'{kind}: {reading.group} {reading.key} showed {reading.offset} ({reading.note}) in life '
            f'{reading.life}; {text}')

    def _check_resuming(self):
        """Every group commits again, in every life that lasts long enough."""
        finding, limit = self.checker.finding('A18'), self.settings.resume_limit_s
        groups, first = sorted({commit.group for commit in self.commits}), {}
        for commit in self.commits:
            if commit.status == 'ok':
                where = commit.group, commit.life
                first[where] = min(first.get(where, math.inf), commit.t1)
        seconds = []
        for start in self.history.of(h.Start):
            if start.error or start.life == 0:
                continue
            fault = self.checker.faults.get(start.life)
            lasted = fault.t - start.t0 if fault else math.inf
            for group in groups:
                took = first.get((group, start.life), math.inf) - start.t0
                if took < math.inf:
                    seconds.append(took)
                elif lasted < limit:
                    continue
                finding.checked += 1
                if took > limit:
                    finding.bad(f'{group} committed nothing within {limit} s of the start of life '
                                f'{start.life}, ' + (f'first after {took:.2f} s' if took < math.inf
                                                     else 'nor later'))
        seconds.sort()
        self.checker.stats.update(
            slowest_resume_s=round(seconds[-1], 3) if seconds else None,
            median_resume_s=round(seconds[len(seconds) // 2], 3) if seconds else None,
            resumed_within_5_s=f'{sum(s <= AIM_S for s in seconds)} of {len(seconds)}')


class _Register:
    """One partition of one group."""

    def __init__(self, rules, commits, readings):
        self.rules, self.readings = rules, readings
        self.by_note = {commit.note: commit for commit in commits}
        self.latest = {}  # note -> a time by which the commit had taken effect, if it ever did
        known = []        # (a time by which it is sure that it had, the commit)
        for commit in commits:
            if rules.is_sure(commit):
                known.append((commit.t1, commit))
                self.latest[commit.note] = commit.t1
            else:
                self.latest[commit.note] = rules.end_of(commit.life)
        for reading in readings:
            commit = self.by_note.get(reading.note) if reading.offset >= 0 else None
            if commit:
                known.append((reading.t1, commit))
                self.latest[commit.note] = min(self.latest[commit.note], reading.t1)
        known.sort(key=lambda pair: pair[0])
        self.times = [t for t, _ in known]
        self.newest = self._running(known, lambda commit: commit.t0)
        self.furthest = self._running(known, lambda commit: commit.offset)

    @staticmethod
    def _running(known, measure):
        out = []
        for _, commit in known:
            out.append(max(out[-1], commit, key=measure) if out else commit)
        return out

    def check(self):
        finding = self.rules.checker.finding('A14')
        for reading in self.readings:
            finding.checked += 1
            at = bisect.bisect_left(self.times, reading.t0) - 1
            self._compare(reading, *((self.newest[at], self.furthest[at]) if at >= 0 else (None, None)))

    def _compare(self, reading, newest, furthest):
        """`newest` of what was known before the reading began, and the one with the highest offset."""
        bad = self.rules.bad
        if reading.offset < 0:
            if newest:
                bad('lost', reading, f'before that it was {self._tell(newest)}')
            return
        shown = self.by_note.get(reading.note)
        if shown is None or shown.offset != reading.offset or shown.t0 > reading.t1:
            bad('invented', reading, 'nobody had committed that')
        elif shown.status == 'fail':
            bad('refused', reading, f'that commit was refused with {shown.error}')
        elif newest and newest.t0 > self.latest[shown.note]:
            kind = 'moved back' if newest.offset > shown.offset else 'lost'
            bad(kind, reading, f'it had been overwritten by {self._tell(newest)}')
        elif furthest and furthest.offset > shown.offset:
            bad('moved back', reading, f'before that it was {self._tell(furthest)}')

    @staticmethod
    def _tell(commit):
        how = 'acknowledged' if commit.status == 'ok' else 'seen'
        return f'{commit.offset} ({commit.note}), {how}, sent to life {commit.life}'
