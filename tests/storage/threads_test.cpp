// Appenders, readers, the committing and the background thread at once: for ThreadSanitizer, and for
// what only happens between threads.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::storage {

using support::MemoryFileSystem;
using support::plain_batch;

TEST(Threads, AppendReadCommitAndWriteBehindAtOnce) {
  constexpr int partitions = 3;
  constexpr int batches = 400;
  MemoryFileSystem fs;
  LogDirectoryOptions options = small_options();
  options.tail_bytes_max = 200 * 1024;
  base::SystemClock clock;
  base::SeededRandom random(1);
  auto directory =
      LogDirectory::open(fs, "data", {"c", BrokerId{1}, {}}, options, clock, random).value();
  std::vector<std::shared_ptr<Log>> logs;
  LogOptions small;
  small.segment_bytes = 100'000;
  for (int p = 0; p < partitions; ++p)
    logs.push_back(directory->create_log({"topic", PartitionIndex{p}}, test_topic, small).value());

  std::atomic<bool> stop{false};
  std::jthread committer([&] {
    while (directory->wait_for_work(std::chrono::seconds(10)) || !stop)
      ASSERT_TRUE(directory->commit().has_value());
  });
  std::jthread background([&] {
    while (!stop) {
      const auto next = directory->write_behind();
      ASSERT_TRUE(next.has_value());
      ASSERT_TRUE(directory->remove_deleted().has_value());
      directory->wait_for_background(next.value().value_or(std::chrono::milliseconds(1000)));
    }
  });
  std::vector<std::jthread> workers;
  for (int writer = 0; writer < 2; ++writer) {
    workers.emplace_back([&, writer] {
      for (int i = 0; i < batches; ++i) {
        auto& log = *logs[static_cast<std::size_t>((i + writer) % partitions)];
        ASSERT_TRUE(log.append_as_leader(plain_batch(2, 1000),
                                         {LeaderEpoch{0}, 0, AppendOrigin::client}).has_value());
        if (i % 8 == 0) std::this_thread::yield();
      }
    });
  }
  std::atomic<int> done{0};
  for (int p = 0; p < partitions; ++p) {
    workers.emplace_back([&, p] {
      auto& log = *logs[static_cast<std::size_t>(p)];
      Offset at{0};
      while (at.value() < 2 * 2 * batches / partitions - 4) {
        const auto part = log.read(at, {log.durable_offset(), 20'000, true, true});
        ASSERT_TRUE(part.has_value()) << base::to_string(part.error());
        const auto bytes = part.value().records.flatten();
        for (auto rest = bytes.view(); !rest.empty();) {
          const auto view = record::BatchView::parse(rest, record::BatchView::Check::crc).value();
          ASSERT_EQ(view.base_offset(), at);
          at = view.next_offset();
          rest = rest.subspan(view.size());
        }
        ASSERT_EQ(part.value().next_offset, at);
        std::this_thread::yield();
      }
      ++done;
    });
  }
  workers.clear();
  EXPECT_EQ(done, partitions);
  stop = true;
  directory->stop_waiting();
  committer.join();
  background.join();
  std::size_t total = 0;
  for (const auto& log : logs) total += read_all(*log).value().size();
  EXPECT_EQ(total, 2U * batches);
  ASSERT_TRUE(directory->close(1).has_value());
}

TEST(Threads, CompactAndRetainWhileOthersAppendAndRead) {
  constexpr int batches = 600;
  MemoryFileSystem fs;
  LogDirectoryOptions options = small_options();
  options.tail_bytes_max = 100 * 1024;
  base::SystemClock clock;
  base::SeededRandom random(1);
  auto directory = LogDirectory::open(fs, "data", {"c", BrokerId{1}, {}}, options, clock, random).value();
  LogOptions compacted;
  compacted.segment_bytes = 20'000;
  compacted.delete_policy = false;
  compacted.compact_policy = true;
  compacted.min_cleanable_dirty_ratio = 0.01;
  compacted.file_delete_delay_ms = 0;
  LogOptions retained = compacted;
  retained.compact_policy = false;
  retained.delete_policy = true;
  retained.retention_ms = -1;
  retained.retention_bytes = 50'000;
  const std::vector<std::shared_ptr<Log>> logs{
      directory->create_log({"topic", PartitionIndex{0}}, test_topic, compacted).value(),
      directory->create_log({"topic", PartitionIndex{1}}, test_topic, retained).value()};

  std::atomic<bool> stop{false};
  std::atomic<int> rounds{0};
  std::jthread committer([&] {
    while (directory->wait_for_work(std::chrono::seconds(10)) || !stop) ASSERT_TRUE(directory->commit().has_value());
  });
  std::jthread background([&] {
    while (!stop) {
      ASSERT_TRUE(directory->write_behind().has_value());
      ASSERT_TRUE(directory->checkpoint().has_value());
      ASSERT_TRUE(directory->remove_deleted().has_value());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  std::jthread cleanup([&] {
    while (!stop) {
      ASSERT_TRUE(directory->apply_retention().has_value());
      const auto done = directory->compact({});
      ASSERT_TRUE(done.has_value()) << base::to_string(done.error());
      if (*done) ++rounds;
      std::this_thread::yield();
    }
  });
  std::vector<std::jthread> readers;
  for (const auto& log : logs) {
    readers.emplace_back([&stop, &log = *log] {
      while (!stop) {
        Offset at = log.start_offset();
        const Offset upper = log.durable_offset();
        while (at < upper) {
          const auto part = log.read(at, {upper, 20'000, true, true});
          if (!part && part.error().code == base::Errc::offset_out_of_range) break;  // retention was faster
          ASSERT_TRUE(part.has_value()) << base::to_string(part.error());
          const auto bytes = part.value().records.flatten();
          for (auto rest = bytes.view(); !rest.empty();) {
            const auto view = record::BatchView::parse(rest, record::BatchView::Check::crc).value();
            ASSERT_GE(view.next_offset(), at);
            at = view.next_offset();
            rest = rest.subspan(view.size());
          }
          if (bytes.empty()) break;
        }
      }
    });
  }
  for (int i = 0; i < batches; ++i) {
    for (const auto& log : logs)
      ASSERT_TRUE(log->append_as_leader(plain_batch(2, 500), {LeaderEpoch{0}, 0, AppendOrigin::client}).has_value());
    if (i % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  // Once nothing is appended any more, the last rounds follow.
  const auto is_done = [&] {
    const auto left = read_all(*logs[0]);
    return left.has_value() && left->size() < batches / 2 && logs[1]->start_offset() > Offset{0};
  };
  for (int tried = 0; tried < 3000 && !is_done(); ++tried) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  stop = true;
  readers.clear();
  cleanup.join();
  directory->stop_waiting();
  committer.join();
  background.join();
  EXPECT_GT(rounds, 0);
  EXPECT_GT(logs[1]->start_offset(), Offset{0});
  EXPECT_GE(logs[1]->size_bytes(), 50'000U);
  // Both keys' newest are in the last batch.
  const auto left = read_all(*logs[0]).value();
  ASSERT_FALSE(left.empty());
  EXPECT_EQ(left.back().last, Offset{2 * batches - 1});
  EXPECT_LT(left.size(), batches / 2U);
  ASSERT_TRUE(directory->close(1).has_value());
}

}  // namespace moldau::storage
