#!/usr/bin/env python3
"""Runs the fuzz targets: `./dev fuzz [TARGET] [SECONDS]` (all of them, 60 seconds each).

A target starts from corpus/TARGET and keeps what it learns in build/asan/corpus/TARGET.  An input that fails is left in build/asan/found/; once it is mended, put
it into corpus/TARGET as found_NAME: the unit tests run the whole corpus.
"""
import concurrent.futures, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, 'build', 'asan')
TARGETS = ['record_batch', 'request', 'response', 'stored_file']


def run(target, seconds):
    """True when nothing was found."""
    learnt, found = os.path.join(BUILD, 'corpus', target), os.path.join(BUILD, 'found', '')
    for folder in (learnt, found): os.makedirs(folder, exist_ok=True)
    seeds = [folder for folder in [os.path.join(HERE, 'corpus', target)] if os.path.isdir(folder)]
    command = [os.path.join(BUILD, 'bin', target + '_fuzz'), f'-max_total_time={seconds}', '-timeout=10', '-rss_limit_mb=1024', '-max_len=65536',
               f'-artifact_prefix={found}{target}_', '-print_final_stats=1', learnt, *seeds]
    log = os.path.join(BUILD, target + '.log')
    with open(log, 'w') as out: status = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT).returncode
    with open(log, errors='replace') as f: lines = f.read().splitlines()
    runs = next((l.split()[-1] for l in lines if l.startswith('stat::number_of_executed_units')), '?')
    print(f'{target}: {"clean" if status == 0 else "FAILED, see " + os.path.relpath(log, ROOT)} after {runs} inputs', flush=True)
    return status == 0


def main(target=None, seconds=None):
    if target and target.isdigit(): target, seconds = None, target
    targets = [target] if target else TARGETS
    subprocess.run(['./dev', 'build-only', 'asan', *(t + '_fuzz' for t in targets)], cwd=ROOT, check=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        clean = list(pool.map(lambda t: run(t, int(seconds or 60)), targets))
    print(f'{sum(clean)} passed, {len(clean) - sum(clean)} failed, 0 skipped')
    return 0 if all(clean) else 1


if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))
