// Disks that fail: a failed write or sync is final (reliability.md R7), a full disk is not (R9).

#include <gtest/gtest.h>

#include "tests/storage/test_directory.hpp"
#include "tests/support/faulty_file_system.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::storage {

using base::Errc;
using support::FaultyFileSystem;
using support::MemoryFileSystem;
using support::plain_batch;
using Operation = FaultyFileSystem::Operation;

namespace {

/// Works until something fails; returns how many records of partition 0 were acknowledged.
std::int64_t work_until_failure(TestDirectory& test, FaultyFileSystem& fs) {
  std::int64_t acknowledged = 0;
  const auto log = test.log();
  if (!log) return 0;
  LogOptions options;
  options.segment_bytes = 8000;
  log.value()->set_options(options);
  for (int i = 0; i < 60; ++i) {
    if (!test.append(*log.value(), plain_batch(1, 1000))) break;
    if (!test.directory->commit()) break;
    acknowledged = log.value()->durable_offset().value();
    EXPECT_EQ(acknowledged, i + 1);
    test.clock.advance(std::chrono::seconds(2));
    if (i % 3 == 0 && !test.directory->write_behind()) break;
    if (i % 10 == 9 && !test.directory->checkpoint()) break;
  }
  if (fs.failures() == 0 || !test.directory->failed()) return acknowledged;
  // From here on nothing is acknowledged and nothing is synced.
  const auto syncs = fs.count(Operation::sync);
  EXPECT_EQ(test.append(*log.value(), plain_batch(1, 10)).error().code, Errc::storage_error);
  EXPECT_FALSE(test.directory->commit().has_value());
  EXPECT_FALSE(test.directory->write_behind().has_value());
  EXPECT_FALSE(test.directory->checkpoint().has_value());
  EXPECT_FALSE(test.directory->close(1).has_value());
  EXPECT_EQ(log.value()->offline()->code, Errc::storage_error);
  EXPECT_EQ(log.value()->durable_offset().value(), acknowledged);
  EXPECT_EQ(fs.count(Operation::sync), syncs);
  return acknowledged;
}

}  // namespace

class Failure : public testing::TestWithParam<Operation> {};

TEST_P(Failure, IsFinalAndLosesNothingAcknowledged) {
  for (std::uint64_t n = 1; n < 400; n += n < 60 ? 1 : 7) {
    MemoryFileSystem disk;
    FaultyFileSystem fs(disk);
    std::int64_t acknowledged = 0;
    {
      TestDirectory test(fs);
      ASSERT_TRUE(test.open().has_value());
      fs.fail(GetParam(), n);
      acknowledged = work_until_failure(test, fs);
      // A sync that is tried again succeeds, and what the kernel dropped is gone.
      if (GetParam() == Operation::sync) {
        EXPECT_EQ(test.directory->failed().has_value(), fs.failures() > 0) << n;
      }
    }
    if (fs.failures() == 0) {
      EXPECT_GT(n, 3U);
      break;
    }
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      const auto left = disk.after_power_cut(seed);
      TestDirectory again(*left, small_options(), 2);
      ASSERT_TRUE(again.open().has_value()) << n;
      const auto log = again.directory->find({test_topic, PartitionIndex{0}});
      if (acknowledged == 0) continue;
      ASSERT_NE(log, nullptr) << n;
      ASSERT_GE(read_all(*log).value().size(), static_cast<std::size_t>(acknowledged)) << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, Failure,
                         testing::Values(Operation::write, Operation::sync, Operation::rename,
                                         Operation::sync_directory));


TEST(Writeback, FailsAsAWriteDoes) {
  MemoryFileSystem disk;
  FaultyFileSystem fs(disk);
  auto options = small_options();
  options.lane_file_bytes = 8 * 1024 * 1024;
  TestDirectory test(fs, options);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  const auto append = [&] {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(test.append(*log, plain_batch(1, 20'000)).has_value());
    ASSERT_TRUE(test.directory->commit().has_value());
    test.clock.advance(std::chrono::seconds(2));
  };
  append();
  ASSERT_TRUE(test.directory->write_behind().has_value());
  EXPECT_EQ(fs.count(Operation::writeback), 1U);  // however small the batches are
  fs.fail(Operation::writeback, 1);
  append();
  EXPECT_FALSE(test.directory->write_behind().has_value());
  EXPECT_EQ(test.directory->failed()->code, Errc::io);
  const auto left = disk.after_power_cut(1);
  TestDirectory again(*left, options, 2);
  ASSERT_TRUE(again.open().has_value());
  EXPECT_EQ(read_all(*again.directory->find({test_topic, PartitionIndex{0}})).value().size(), 40U);
}

TEST(FullDisk, KeepsBatchesInTheLaneUntilThereIsRoom) {
  MemoryFileSystem disk;
  FaultyFileSystem fs(disk);
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log(0).value();
  const auto other = test.log(1).value();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
    ASSERT_TRUE(test.append(*other, plain_batch(1, 10)).has_value());
  }
  ASSERT_TRUE(test.directory->commit().has_value());
  fs.only_paths_with("topic-0/");
  fs.cut_write(1, 1500, Errc::no_space);
  test.clock.advance(std::chrono::seconds(2));
  ASSERT_TRUE(test.directory->write_behind().value().has_value());  // come back soon
  EXPECT_FALSE(test.directory->failed().has_value());
  // No torn batch is left, reads and the other log go on.
  EXPECT_EQ(disk.info("data/topic-0/00000000000000000000.log").value().size, 0U);
  EXPECT_GT(disk.info("data/topic-1/00000000000000000000.log").value().size, 0U);
  EXPECT_EQ(read_all(*log).value().size(), 20U);
  ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  test.clock.advance(std::chrono::seconds(2));
  EXPECT_FALSE(test.directory->write_behind().value().has_value());
  EXPECT_GT(disk.info("data/topic-0/00000000000000000000.log").value().size, 21'000U);
  ASSERT_TRUE(test.directory->close(1).has_value());
}

TEST(FullDisk, RefusesBatchesWhileLittleRoomIsLeftAndTakesWhatMakesRoom) {
  MemoryFileSystem disk;
  FaultyFileSystem fs(disk);
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
  fs.set_bytes_left((1ULL << 30) - 1);
  test.clock.advance(std::chrono::seconds(1));
  ASSERT_TRUE(test.directory->commit().has_value());  // what was taken before is kept
  EXPECT_EQ(log->durable_offset(), Offset{1});
  EXPECT_EQ(test.append(*log, plain_batch(1, 10)).error().code, Errc::no_space);
  EXPECT_EQ(log->end_offset(), Offset{1});
  EXPECT_EQ(read_all(*log).value().size(), 1U);
  ASSERT_TRUE(log->advance_start(Offset{1}).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  EXPECT_FALSE(test.directory->failed().has_value());
  fs.heal();
  test.clock.advance(std::chrono::seconds(1));
  EXPECT_FALSE(test.directory->wait_for_work(std::chrono::milliseconds(0)));
  ASSERT_TRUE(test.append(*log, plain_batch(1, 10)).has_value());
  ASSERT_TRUE(test.directory->close(1).has_value());
}

TEST(FullDisk, LeavesFreeWhatTheOptionSays) {
  MemoryFileSystem disk;
  FaultyFileSystem fs(disk);
  LogDirectoryOptions options = small_options();
  options.free_bytes_min = 1 << 20;
  TestDirectory test(fs, options);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  const auto append_with_room = [&](std::uint64_t bytes_left) {
    fs.set_bytes_left(bytes_left);
    test.clock.advance(std::chrono::seconds(1));
    EXPECT_TRUE(test.directory->commit().has_value());
    return test.append(*log, plain_batch(1, 10)).has_value();
  };
  EXPECT_TRUE(append_with_room(2 << 20));
  EXPECT_FALSE(append_with_room((1 << 20) - 1));
  fs.heal();
  ASSERT_TRUE(test.directory->close(1).has_value());
}

}  // namespace moldau::storage
