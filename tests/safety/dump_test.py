#!/usr/bin/env python3
"""The offline reader's own test: a sound directory passes, and each damage to it is named.

    python3 -m unittest tests/safety/dump_test.py
"""
import os
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import crc32c  # noqa: E402
import dump  # noqa: E402
import loop_disk  # noqa: E402
from record_batch import Fields, build_batch  # noqa: E402

PREFIX = '0' * 20


class SoundDirectory(unittest.TestCase):
    """One partition of four batches of two records by one producer, written as Kafka would."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root, self.partition = folder.name, os.path.join(folder.name, 't-0')
        os.mkdir(self.partition)
        self.batches = [build_batch([(b'k', b'v')] * 2, Fields(
            base_offset=2 * n, leader_epoch=3, base_timestamp=1000 + n, producer_id=9,
            producer_epoch=0, base_sequence=2 * n)) for n in range(4)]
        self.write_log()
        size = len(self.batches[0])
        self.write(PREFIX + '.index', struct.pack('>ii', 5, 2 * size))
        self.write(PREFIX + '.timeindex', struct.pack('>qiqi', 1002, 5, 1003, 7))
        entries = struct.pack('>i', 1) + dump.SNAPSHOT_ENTRY.pack(9, 0, 7, 7, 1, 1003, -1, -1)
        self.write('0' * 19 + '8.snapshot',
                   struct.pack('>hI', 1, crc32c.crc32c(entries)) + entries)
        self.write('leader-epoch-checkpoint', b'0\n1\n3 0\n')
        self.write('partition.metadata', b'version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ')
        for name in (dump.RECOVERY_POINTS, dump.HIGH_WATERMARKS):
            self.write_root(name, b'0\n1\nt 0 8\n')
        self.write_root('meta.properties',
                        b'version=1\ncluster.id=c\nnode.id=1\ndirectory.id=d\n')
        self.write_root('.kafka_cleanshutdown', b'{"version":0,"brokerEpoch":5}')

    def write(self, name, data):
        with open(os.path.join(self.partition, name), 'wb') as file:
            file.write(data)

    def write_root(self, name, data):
        with open(os.path.join(self.root, name), 'wb') as file:
            file.write(data)

    def write_log(self, tail=b''):
        self.write(PREFIX + '.log', b''.join(self.batches) + tail)

    def assert_problem(self, text, unclean=False):
        problems = dump.Dump(self.root, unclean).problems
        self.assertTrue(any(text in problem for problem in problems), problems)

    def test_it_is_sound(self):
        self.assertEqual(dump.Dump(self.root).problems, [])
        partition = dump.Dump(self.root).partitions['t', 0]
        self.assertEqual([r.offset for r in partition.records()], list(range(8)))

    def test_a_flipped_bit(self):
        damaged = bytearray(self.batches[2])
        damaged[-2] ^= 1
        self.batches[2] = bytes(damaged)
        self.write_log()
        self.assert_problem('a wrong CRC in the batch of offset 4')

    def test_a_torn_end(self):
        self.write_log(self.batches[0][:70])
        self.assert_problem('a cut batch')
        self.assertEqual(dump.Dump(self.root, unclean=True).problems, [])

    def test_a_missing_batch(self):
        del self.batches[1]
        self.write_log()
        self.assert_problem('offset 4 where 2 was due')
        self.assert_problem('has sequence 4 where 2 was due')

    def test_a_batch_twice(self):
        self.batches.append(self.batches[3])
        self.write_log()
        self.assert_problem('offset 6 comes after 7')

    def test_an_index_entry_off_by_one(self):
        for entry in ((4, 2 * len(self.batches[0])), (5, 2 * len(self.batches[0]) + 1)):
            self.write(PREFIX + '.index', struct.pack('>ii', *entry))
            self.assert_problem('.index: ')

    def test_a_time_index_entry_that_lies(self):
        self.write(PREFIX + '.timeindex', struct.pack('>qiqi', 1001, 5, 1003, 7))
        self.assert_problem('max timestamp 1002')
        self.write(PREFIX + '.timeindex', struct.pack('>qi', 1002, 5))
        self.assert_problem('the newest timestamp is 1003')

    def test_preallocated_zeros(self):
        self.write(PREFIX + '.index', bytes(80))
        self.assert_problem('zero entries')
        self.assertEqual(dump.Dump(self.root, unclean=True).problems, [])

    def test_a_snapshot_that_lies(self):
        entries = struct.pack('>i', 1) + dump.SNAPSHOT_ENTRY.pack(9, 0, 6, 7, 1, 1003, -1, -1)
        self.write('0' * 19 + '8.snapshot',
                   struct.pack('>hI', 1, crc32c.crc32c(entries)) + entries)
        self.assert_problem('producer 9 is')
        self.write('0' * 19 + '8.snapshot', struct.pack('>hI', 1, 5) + entries)
        self.assert_problem('wrong CRC')

    def test_leader_epochs_that_lie(self):
        self.write('leader-epoch-checkpoint', b'0\n1\n4 0\n')
        self.assert_problem('has epoch 3, the file says 4')
        self.write('leader-epoch-checkpoint', b'0\n2\n3 0\n')
        self.assert_problem('1 rows, but it says 2')

    def test_checkpoints_that_lie(self):
        self.write_root(dump.RECOVERY_POINTS, b'0\n1\nt 0 7\n')
        self.assert_problem('recovery-point-offset-checkpoint: t-0 at 7')
        self.write_root(dump.HIGH_WATERMARKS, b'0\n1\nt 0 9\n')
        self.assert_problem('after the end of its log, 8')

    def test_files_that_are_missing(self):
        for name in ('t-0/partition.metadata', 'meta.properties', '.kafka_cleanshutdown',
                     f't-0/{PREFIX}.index', 't-0/leader-epoch-checkpoint'):
            path = os.path.join(self.root, name)
            os.rename(path, path + '.away')
            self.assert_problem(os.path.basename(name))
            os.rename(path + '.away', path)

    def test_checksums_agree(self):
        data = os.urandom(1000)
        self.assertEqual(crc32c.crc32c(data), crc32c.crc32c_by_table(data))


class PowerCut(unittest.TestCase):
    def test_is_refused_for_every_directory_that_was_not_made_for_it(self):
        for path in ('/', '/tmp', '/proc', os.getcwd()):
            descriptor = os.open(path, os.O_RDONLY)
            with self.assertRaises(loop_disk.UnsafeTarget):
                loop_disk.check_target(descriptor, path, '/dev/loop0', '/nothing.img')
            os.close(descriptor)


if __name__ == '__main__':
    unittest.main()
