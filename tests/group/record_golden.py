#!/usr/bin/env python3
"""Records what a real Apache Kafka writes to __consumer_offsets.

    record_golden.py       writes golden/records.tsv; about a minute

Groups of every kind live and end in a broker whose offsets topic has one partition (Referee.java), one
old client commits with a retention of its own, and then the partition is read. A line is a record: key
and value in hexadecimal, - for no value, and both as Kafka's own JSON converters put them.
"""
import os
import pathlib
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'clients'))
from broker import Broker, exit_on_sigterm, kafka_jars  # noqa: E402
from wire import Connection, string  # noqa: E402

OFFSET_COMMIT = 8


def referee(what, bootstrap):
    command = ['java', '-cp', kafka_jars() + '/*', str(HERE / 'Referee.java'), what, bootstrap]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def commit_with_retention(bootstrap):
    body = (string('retained') + struct.pack('>i', -1) + string('') + struct.pack('>qi', 3600000, 1)
            + string('orders') + struct.pack('>iiq', 1, 2, 3) + string('a note'))
    with Connection(bootstrap) as connection:
        reader = connection.call(OFFSET_COMMIT, 2, body)
        reader.int32()
        reader.string()
        reader.unpack('ii')
        reader.check()


def main():
    exit_on_sigterm()
    with Broker('kafka', {'offsets.topic.num.partitions': '1'}) as broker:
        referee('walk', broker.bootstrap)
        commit_with_retention(broker.bootstrap)
        records = referee('dump', broker.bootstrap)
    (HERE / 'golden').mkdir(exist_ok=True)
    (HERE / 'golden' / 'records.tsv').write_text('key\tvalue\tkey_json\tvalue_json\n' + records)
    print(f'{records.count(chr(10))} records')


if __name__ == '__main__':
    main()
