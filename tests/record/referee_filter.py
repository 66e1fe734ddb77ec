#!/usr/bin/env python3
"""Records what Apache Kafka's compaction makes of batches.

    referee_filter.py       writes golden/filtered.txt; some seconds

Columns: name, the places of the records that are kept (- for none), whether a batch without records
stays (keep_empty), whether it is the marker of a transaction without data (empty_transaction), the
batch in hexadecimal, and what comes out: unchanged, removed, or the new batch.
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'clients'))
from broker import kafka_jars  # noqa: E402


def main():
    command = ['java', '-cp', kafka_jars() + '/*', str(HERE / 'Referee.java')]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    (HERE / 'golden' / 'filtered.txt').write_text(lines)
    print(lines.count('\n') - 1, 'batches')


if __name__ == '__main__':
    main()
