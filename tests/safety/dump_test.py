#!/usr/bin/env python3
"""The offline reader's own test: a sound directory passes, and each damage to it is named.

    python3 -m unittest tests/safety/dump_test.py
"""
import mmap
import os
import random
import shutil
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import crc32c  # noqa: E402
import dump  # noqa: E402
import internal_topics as topics  # noqa: E402
import loop_disk  # noqa: E402
from raw_client import Writer  # noqa: E402
from record_batch import CONTROL, TRANSACTIONAL, Fields, build_batch  # noqa: E402

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


class Transactions(unittest.TestCase):
    """One partition with an aborted and a committed transaction, and the log of their coordinator."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.batches = {'t-0': [], '__transaction_state-0': [], '__consumer_offsets-0': []}
        for name in self.batches:
            os.mkdir(os.path.join(self.root, name))
        self.state('a', topics.EMPTY, 9, 0)
        for state in (topics.ONGOING, topics.PREPARE_ABORT, topics.COMPLETE_ABORT):
            self.state('a', state, 9, int(state != topics.ONGOING), version=0)
        self.state('b', topics.EMPTY, 10, 0)
        for state in (topics.ONGOING, topics.PREPARE_COMMIT, topics.COMPLETE_COMMIT):
            self.state('b', state, 10, 0)
        self.append('t-0', [(b'k', b'v')] * 2, 9, 0, TRANSACTIONAL)
        self.append('t-0', [(b'k', b'v')], 10, 0, TRANSACTIONAL)
        self.marker(9, 1, False)
        self.marker(10, 0, True)
        self.index = struct.pack('>hqqqq', 0, 9, 0, 3, 2)

    def append(self, name, records, producer=-1, epoch=-1, attributes=0, leader_epoch=0):
        last = self.batches[name][-1] if self.batches[name] else None
        base = struct.unpack_from('>q', last)[0] + struct.unpack_from('>i', last, 23)[0] + 1 if last else 0
        self.batches[name].append(build_batch(records, Fields(
            base_offset=base, leader_epoch=leader_epoch, base_timestamp=1000, producer_id=producer,
            producer_epoch=epoch, base_sequence=-1 if attributes & CONTROL or producer < 0 else 0, attributes=attributes)))

    def marker(self, producer, epoch, commit, value=b'\0\0\0\0\0\7', name='t-0'):
        key = struct.pack('>hh', 0, commit)
        self.append(name, [(key, value)], producer, epoch, TRANSACTIONAL | CONTROL)

    def state(self, name, state, producer, epoch, partitions=(0,), version=1):
        key = struct.pack('>hh', 0, len(name)) + name.encode()
        complete = state in (topics.EMPTY, topics.COMPLETE_ABORT, topics.COMPLETE_COMMIT)
        partitions = () if complete else partitions
        head = struct.pack('>hqhib', version, producer, epoch, 1000, state)
        if version:
            writer = Writer()
            writer.array([0] if partitions else [],
                         lambda _: writer.string('t').int32s(partitions).tags()).pack('qq', 1, 1).tags()
            body = bytes(writer.parts)
        else:
            body = struct.pack('>i', bool(partitions))
            if partitions:
                body += struct.pack(f'>h1si{len(partitions)}i', 1, b't', len(partitions), *partitions)
            body += struct.pack('>qq', 1, 1)
        self.append('__transaction_state-0', [(key, head + body)])

    def dump(self):
        for name, batches in self.batches.items():
            with open(os.path.join(self.root, name, PREFIX + '.log'), 'wb') as file:
                file.write(b''.join(batches))
        with open(os.path.join(self.root, 't-0', PREFIX + '.txnindex'), 'wb') as file:
            file.write(self.index)
        return dump.Dump(self.root, unclean=True)

    def problems(self):
        contents = self.dump()
        found = [problem for problem in contents.problems if 'metadata' not in problem and 'meta.' not in problem]
        return found + topics.problems_of(contents)

    def assert_problem(self, text):
        problems = self.problems()
        self.assertTrue(any(text in problem for problem in problems), problems)

    def test_they_are_sound(self):
        self.assertEqual(self.problems(), [])

    def test_an_index_that_lies(self):
        for entry in ((0, 9, 0, 3, 4), (0, 9, 1, 3, 2), (0, 10, 0, 3, 2)):
            self.index = struct.pack('>hqqqq', *entry)
            self.assert_problem('.txnindex: 1 entries, the batches say 1')
        self.index = self.index * 2
        self.assert_problem('.txnindex: 2 entries')

    def test_an_index_that_lacks_its_entry(self):
        self.index = b''
        with open(os.path.join(self.root, 't-0', PREFIX + '.txnindex'), 'wb') as file:
            file.write(self.index)
        for name in self.batches:
            with open(os.path.join(self.root, name, PREFIX + '.log'), 'wb') as file:
                file.write(b''.join(self.batches[name]))
        self.assertTrue(any('.txnindex: 0 entries' in problem for problem in dump.Dump(self.root).problems))

    def test_an_index_of_odd_size(self):
        self.index += b'x'
        self.assert_problem('no multiple of 34')

    def test_a_snapshot_with_a_transaction_that_is_over(self):
        row = dump.SNAPSHOT_ENTRY.pack(10, 0, 0, 2, 0, 1000, 0, 2)
        entries = struct.pack('>i', 1) + row
        with open(os.path.join(self.root, 't-0', '0' * 19 + '5.snapshot'), 'wb') as file:
            file.write(struct.pack('>hI', 1, crc32c.crc32c(entries)) + entries)
        self.assert_problem('producer 10 has a transaction from 2 on, the batches say -1')

    def test_a_marker_that_is_none(self):
        self.marker(10, 0, True, value=b'\0\0')
        self.assert_problem('marker')

    def test_a_decision_without_its_marker(self):
        self.batches['t-0'].pop()
        self.assert_problem('t-0: 0 markers commit of producer 10 epoch 0, the coordinator decided that 1 times')

    def test_a_marker_without_a_decision(self):
        self.marker(10, 0, False)
        self.assert_problem('t-0: a marker abort of producer 10 epoch 0 that the coordinator did not decide')

    def test_a_decision_that_is_not_brought_to_its_end(self):
        self.batches['__transaction_state-0'].pop()
        self.assert_problem('b stays PrepareCommit')

    def test_a_step_that_may_not_be(self):
        self.state('b', topics.PREPARE_COMMIT, 10, 0)
        self.assert_problem('b at offset 8 goes from CompleteCommit to PrepareCommit')

    def test_an_epoch_that_falls(self):
        self.state('a', topics.ONGOING, 9, 0)
        self.assert_problem('a at offset 8 goes back from epoch 1 to 0')

    def test_offsets_are_read(self):
        key = struct.pack('>hh1sh1si', 1, 1, b'g', 1, b't', 3)
        older = struct.pack('>hqih1sq', 3, 5, -1, 1, b'n', 7)
        newer = struct.pack('>hqi', 4, 6, -1) + bytes(Writer().string('m').pack('q', 7).tags().parts)
        self.append('__consumer_offsets-0', [(key, older), (key, None)], 9, 0, TRANSACTIONAL)
        self.append('__consumer_offsets-0', [(key, newer), (struct.pack('>hh1s', 2, 1, b'g'), b'')])
        found = topics.offsets_of(self.dump().partitions['__consumer_offsets', 0])
        self.assertEqual([(row.offset, row.producer_id, row.group, row.key, row.committed, row.note)
                          for _, rows in found for row in rows],
                         [(0, 9, 'g', ('t', 3), 5, 'n'), (1, 9, 'g', ('t', 3), None, ''), (2, -1, 'g', ('t', 3), 6, 'm')])


NEEDS_A_LOOP_DEVICE = unittest.skipUnless(
    os.geteuid() == 0 and shutil.which('losetup') and shutil.which('mkfs.ext4'), 'needs root, losetup and mkfs.ext4')


class PowerCut(unittest.TestCase):
    def test_is_refused_for_every_directory_that_was_not_made_for_it(self):
        for path in ('/', '/tmp', '/proc', os.getcwd()):
            descriptor = os.open(path, os.O_RDONLY)
            with self.assertRaises(loop_disk.UnsafeTarget):
                loop_disk.check_target(descriptor, path, '/dev/loop0', '/nothing.img')
            os.close(descriptor)

    @NEEDS_A_LOOP_DEVICE
    def test_takes_from_a_drives_cache_what_was_not_flushed(self):
        block = mmap.mmap(-1, 4096)    # aligned, as writing past the page cache asks for
        with tempfile.TemporaryDirectory() as folder:
            disk = loop_disk.VolatileDisk(folder, 64)
            try:
                path = os.path.join(disk.mount_point, 'file')
                with open(path, 'wb') as file:
                    file.write(bytes(3 * 4096))
                disk.sync()
                descriptor = os.open(path, os.O_WRONLY | os.O_DIRECT)
                block[:] = b'1' * 4096
                os.pwrite(descriptor, block, 0)
                os.fdatasync(descriptor)
                os.pwrite(descriptor, block, 4096)
                disk.power_cut()
                with self.assertRaises(OSError):
                    os.pwrite(descriptor, block, 8192)
                with self.assertRaises(OSError):
                    os.fdatasync(descriptor)
                os.close(descriptor)
                disk.remount()
                with open(path, 'rb') as file:
                    self.assertEqual(file.read(), b'1' * 4096 + bytes(2 * 4096))
            finally:
                disk.close()
            self.assertEqual(os.listdir(folder), [])

    @NEEDS_A_LOOP_DEVICE
    def test_leaves_some_of_a_drives_cache(self):
        blocks = mmap.mmap(-1, 100 * 4096)
        with tempfile.TemporaryDirectory() as folder:
            disk = loop_disk.VolatileDisk(folder, 64)
            try:
                path = os.path.join(disk.mount_point, 'file')
                with open(path, 'wb') as file:
                    file.write(bytes(len(blocks)))
                disk.sync()
                blocks[:] = b'1' * len(blocks)
                descriptor = os.open(path, os.O_WRONLY | os.O_DIRECT)
                os.pwrite(descriptor, blocks, 0)
                os.close(descriptor)
                disk.power_cut(random.Random(1))
                disk.remount()
                with open(path, 'rb') as file:
                    found = file.read()
                self.assertEqual({0, ord('1')}, set(found))
                self.assertIn(b'\x001', found)    # what came after something that is gone
            finally:
                disk.close()


if __name__ == '__main__':
    unittest.main()
