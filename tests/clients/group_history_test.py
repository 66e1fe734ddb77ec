"""The checks of group_history.py find what they are for."""
import os
import tempfile
import unittest

from group_history import History


class HistoryTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, 'history')

    def history(self, *lines, strict=True):
        history = History(self.path, strict)
        with open(self.path, 'a') as f:
            f.writelines(line + '\n' for line in lines)
        return history

    def violation(self, *lines, **options):
        with self.assertRaises(AssertionError) as raised:
            self.history(*lines, **options).check()
        return str(raised.exception)

    def test_an_orderly_hand_over_is_no_violation(self):
        history = self.history('a owns 0,1', 'a record 0 0', 'a committed 0 1', 'a owns 1', 'b owns 0',
                               'b record 0 1', 'b committed 0 2')
        history.check()
        self.assertEqual(history.owners(), {0: 'b', 1: 'a'})
        self.assertEqual(history.seen, {(0, 0), (0, 1)})

    def test_a_partition_of_two_members(self):
        self.assertIn('both own [1]', self.violation('a owns 0,1', 'b owns 1,2'))

    def test_a_killed_member_owns_nothing(self):
        self.history('a owns 0', 'a killed', 'b owns 0').check()

    def test_a_record_of_a_partition_that_is_not_owned(self):
        self.assertIn('without owning it', self.violation('a owns 0', 'a record 1 0'))

    def test_a_committed_record_that_is_read_again(self):
        self.assertIn('again', self.violation('a owns 0', 'a record 0 4', 'a committed 0 5', 'a owns -', 'b owns 0',
                                              'b record 0 4'))

    def test_a_commit_that_goes_back(self):
        self.assertIn('commits 3 for 0 after 5', self.violation('a owns 0', 'a committed 0 5', 'a committed 0 3'))

    def test_a_record_that_is_read_twice_before_its_commit_is_a_duplicate(self):
        history = self.history('a owns 0', 'a record 0 0', 'a owns -', 'b owns 0', 'b record 0 0')
        history.check()
        self.assertEqual(history.duplicates(), [(0, 0)])

    def test_a_client_that_reads_on_after_a_rebalance_is_let_to_but_its_successor_is_not(self):
        history = self.history('a owns 0', 'a owns -', 'b owns 0', 'a record 0 0', 'a committed 0 1', 'b record 0 0',
                               strict=False)
        history.check()
        self.assertEqual(history.duplicates(), [])
        self.assertIn('again', self.violation('b owns 0', 'b record 0 0', 'b committed 0 1', 'b owns -', 'c owns 0',
                                              'c record 0 0', strict=False))

    def test_half_a_line_waits_for_its_rest(self):
        history = self.history('a owns 0')
        with open(self.path, 'a') as f:
            f.write('a record 0 1')
        self.assertEqual(history.update().seen, set())
        with open(self.path, 'a') as f:
            f.write('2\n')
        self.assertEqual(history.update().seen, {(0, 12)})


if __name__ == '__main__':
    unittest.main()
