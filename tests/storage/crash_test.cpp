// Crash-point enumeration in the strict disk model: whatever was durable is there after any power cut,
// with one value per offset, and nothing that was not appended appears (reliability.md R2, R6).

#include <gtest/gtest.h>

#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::storage {

using support::CrashOptions;
using support::MemoryFileSystem;
using support::plain_batch;

namespace {

/// What the run before the crash appended, and how much of it was acknowledged.
struct History {
  std::vector<std::string> bodies[2];  // by partition: the batch at each offset (one record each)
  std::size_t durable[2] = {0, 0};
  void clear() { *this = History{}; }
};

LogDirectoryOptions tiny_options() {
  LogDirectoryOptions options;
  options.lane_file_bytes = 24 * 1024;
  options.lane_files = 3;
  options.tail_bytes_max = 1024 * 1024;
  return options;
}

LogOptions tiny_log() {
  LogOptions options;
  options.segment_bytes = 2500;
  options.index_interval_bytes = 300;
  return options;
}

void append_some(TestDirectory& test, History& history, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    for (int p = 0; p < 2; ++p) {
      auto log = test.log(p, tiny_log());
      if (!log) return;
      for (int n = 0; n <= (i + p) % 3; ++n) {
        record::BatchOptions options;
        options.producer_id = ProducerId{p};
        options.producer_epoch = ProducerEpoch{0};
        options.base_sequence = static_cast<std::int32_t>(history.bodies[p].size());
        auto batch = plain_batch(1, 100 + 10 * history.bodies[p].size(), options);
        auto body = body_of(batch.view());
        if (!test.append(*log.value(), std::move(batch))) return;
        history.bodies[p].push_back(std::move(body));
      }
    }
    if (!test.directory->commit()) return;
    for (int p = 0; p < 2; ++p) history.durable[p] = history.bodies[p].size();
    test.clock.advance(std::chrono::milliseconds(700));
    if (i % 2 == 1 && !test.directory->write_behind()) return;
    if (i % 5 == 4 && !test.directory->checkpoint()) return;
  }
}

void check(FileSystem& left, const History& history, std::string_view what, std::uint64_t seed) {
  TestDirectory test(left, tiny_options(), seed);
  const auto opened = test.open();
  ASSERT_TRUE(opened.has_value()) << what << ": " << base::to_string(opened.error());
  for (int p = 0; p < 2; ++p) {
    const auto log = test.directory->find({test_topic, PartitionIndex{p}});
    if (log == nullptr) {
      ASSERT_EQ(history.durable[p], 0U) << what << ": a partition is gone";
      continue;
    }
    ASSERT_FALSE(log->offline().has_value()) << what << ": " << log->offline()->message;
    const auto stored = read_all(*log);
    ASSERT_TRUE(stored.has_value()) << what << ": " << base::to_string(stored.error());
    ASSERT_GE(stored.value().size(), history.durable[p]) << what << ": acknowledged and lost";
    ASSERT_LE(stored.value().size(), history.bodies[p].size()) << what << ": more than was sent";
    for (std::size_t i = 0; i < stored.value().size(); ++i) {
      ASSERT_EQ(stored.value()[i].base.value(), static_cast<std::int64_t>(i)) << what;
      ASSERT_EQ(stored.value()[i].body, history.bodies[p][i]) << what << " at offset " << i;
    }
    // The producer goes on where its log ends, and its last batches are known again.
    const auto producers = log->producers();
    const auto end = static_cast<std::int32_t>(stored.value().size());
    if (end > 0) {
      ASSERT_EQ(producers.size(), 1U) << what;
      ASSERT_EQ(producers[0].last_sequence, end - 1) << what;
    }
  }
}

}  // namespace

TEST(Crash, DurableBatchesSurviveAnyPowerCut) {
  History history;
  CrashOptions options;
  options.exhaustive_operations_max = 4;
  options.samples = 4;
  const auto points = support::for_each_crash(
      options,
      [&](MemoryFileSystem& fs) {
        history.clear();
        TestDirectory test(fs, tiny_options());
        if (!test.open()) return;
        append_some(test, history, 14);
      },
      [&](MemoryFileSystem& left, std::string_view what) { check(left, history, what, 2); });
  EXPECT_GT(points, 100U);
}

TEST(Crash, AnOrderlyStopMayBeInterruptedAnywhere) {
  History history;
  CrashOptions options;
  options.exhaustive_operations_max = 4;
  options.samples = 4;
  std::uint64_t first = 0;
  {
    MemoryFileSystem fs;
    TestDirectory test(fs, tiny_options());
    ASSERT_TRUE(test.open().has_value());
    append_some(test, history, 7);
    first = fs.operations();
  }
  std::uint64_t points = 0;
  for (std::uint64_t n = 1;; ++n, ++points) {
    history.clear();
    MemoryFileSystem fs;
    TestDirectory test(fs, tiny_options());
    ASSERT_TRUE(test.open().has_value());
    append_some(test, history, 7);
    fs.crash_in(n);
    const bool closed = test.directory->close(9).has_value();
    support::for_each_power_cut(fs, options, [&](MemoryFileSystem& left, std::string_view what) {
      check(left, history, what, 2);
    });
    if (closed && !fs.crashed()) break;
    ASSERT_LT(n, 10'000U);
  }
  EXPECT_GT(points, 20U);
  EXPECT_GT(first, 0U);
}

TEST(Crash, RecoveryMayBeInterruptedAnywhereAndStartsOver) {
  History history;
  MemoryFileSystem before;
  {
    TestDirectory test(before, tiny_options());
    ASSERT_TRUE(test.open().has_value());
    append_some(test, history, 13);
  }
  CrashOptions options;
  options.exhaustive_operations_max = 4;
  options.samples = 4;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const auto crashed_disk = before.after_power_cut(seed);
    std::uint64_t points = 0;
    for (std::uint64_t n = 1;; ++n, ++points) {
      const auto disk = crashed_disk->after_kill();
      TestDirectory test(*disk, tiny_options(), 3);
      disk->crash_in(n);
      const bool opened = test.open().has_value();
      support::for_each_power_cut(*disk, options, [&](MemoryFileSystem& left, std::string_view what) {
        check(left, history, what, 4);
      });
      if (opened) break;
      ASSERT_LT(n, 10'000U);
    }
    EXPECT_GT(points, 10U);
  }
}

TEST(Crash, WithADiskThatIgnoresSyncsThisTestFails) {
  // A crash test that passes without syncs proves nothing.
  History history;
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 8 && !lost; ++seed) {
    history.clear();
    MemoryFileSystem fs;
    fs.ignore_syncs(true);
    TestDirectory test(fs, tiny_options());
    ASSERT_TRUE(test.open().has_value());
    append_some(test, history, 6);
    const auto left = fs.after_power_cut(seed);
    TestDirectory again(*left, tiny_options(), 2);
    if (!again.open()) {
      lost = true;
      continue;
    }
    const auto log = again.directory->find({test_topic, PartitionIndex{0}});
    lost = log == nullptr || log->offline() ||
           static_cast<std::size_t>(log->end_offset().value()) < history.durable[0];
  }
  EXPECT_TRUE(lost);
}

}  // namespace moldau::storage
