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

}  // namespace moldau::storage
