#include "moldau/storage/log.hpp"

#include <gtest/gtest.h>

#include <array>

#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::storage {

using base::Errc;
using support::MemoryFileSystem;
using support::plain_batch;

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(test.open().has_value());
    log = test.log().value();
  }
  /// Everything appended so far goes to segment files.
  void flush() {
    ASSERT_TRUE(test.directory->commit().has_value());
    test.clock.advance(std::chrono::seconds(2));
    ASSERT_TRUE(test.directory->write_behind().has_value());
  }
  void reopen() {
    log.reset();
    ASSERT_TRUE(test.directory->close(1).has_value());
    test.directory.reset();
    ASSERT_TRUE(test.open().has_value());
    EXPECT_TRUE(test.directory->opened().clean);
    log = test.log().value();
  }
  base::SharedBytes producer_batch(std::int32_t sequence, int count = 1, std::int16_t epoch = 0,
                                   std::int64_t id = 7) {
    record::BatchOptions options;
    options.producer_id = ProducerId{id};
    options.producer_epoch = ProducerEpoch{epoch};
    options.base_sequence = sequence;
    return plain_batch(count, 10, options);
  }
  static std::vector<std::string> files(MemoryFileSystem& fs, std::string_view suffix) {
    std::vector<std::string> result;
    for (const auto& name : fs.list("data/topic-0").value())
      if (name.ends_with(suffix)) result.push_back(name);
    return result;
  }

  MemoryFileSystem fs;
  TestDirectory test{fs};
  std::shared_ptr<Log> log;
};

TEST_F(LogTest, StampsOffsetAndEpochAndReturnsTheBatchFromMemoryAndFromFiles) {
  const auto batch = plain_batch(3, 20);
  const auto sent = body_of(batch.view());
  EXPECT_EQ(test.append(*log, base::SharedBytes::copy_of(batch.view()), 4).value().last_offset,
            Offset{2});
  const auto second = test.append(*log, base::SharedBytes::copy_of(batch.view()), 4).value();
  EXPECT_EQ(second.first_offset, Offset{3});
  EXPECT_EQ(log->durable_offset(), Offset{0});
  ASSERT_TRUE(test.directory->commit().has_value());
  EXPECT_EQ(log->durable_offset(), Offset{6});
  EXPECT_EQ(test.directory->durable_lsn(), second.lsn);
  const std::vector<StoredBatch> expected{{Offset{0}, Offset{2}, LeaderEpoch{4}, sent},
                                          {Offset{3}, Offset{5}, LeaderEpoch{4}, sent}};
  EXPECT_EQ(read_all(*log).value(), expected);
  flush();
  EXPECT_EQ(read_all(*log).value(), expected);
  reopen();
  EXPECT_EQ(read_all(*log).value(), expected);
}

TEST_F(LogTest, ReadsFromTheBatchThatContainsTheOffset) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(test.append(*log, plain_batch(5, 10)).has_value());
  for (int source = 0; source < 2; ++source) {
    const auto result = log->read(Offset{7}, {Offset{15}, 1 << 20, true, true}).value();
    const auto bytes = result.records.flatten();
    const auto view =
        record::BatchView::parse(bytes.view(), record::BatchView::Check::crc).value();
    EXPECT_EQ(view.base_offset(), Offset{5});
    EXPECT_EQ(result.next_offset, Offset{15});
    EXPECT_EQ(bytes.size(), 2 * view.size());
    reopen();
  }
}

TEST_F(LogTest, GivesTheFirstBatchWholeButOnlyWhenAsked) {
  ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
  ASSERT_TRUE(test.append(*log, plain_batch(1, 1000)).has_value());
  for (int source = 0; source < 2; ++source) {
    EXPECT_EQ(log->read(Offset{0}, {Offset{2}, 10, true, true}).value().next_offset, Offset{1});
    EXPECT_TRUE(log->read(Offset{0}, {Offset{2}, 10, false, true}).value().records.empty());
    EXPECT_EQ(log->read(Offset{2}, {Offset{2}, 10, true, true}).value().records.size(), 0U);
    EXPECT_EQ(log->read(Offset{3}, {Offset{9}, 10, true, true}).error().code,
              Errc::offset_out_of_range);
    reopen();
  }
}

TEST_F(LogTest, RollsAtTheSegmentSizeAndReadsAcrossSegments) {
  LogOptions options;
  options.segment_bytes = 4000;
  options.index_interval_bytes = 500;
  log->set_options(options);
  std::vector<std::string> bodies;
  for (int i = 0; i < 40; ++i) {
    const auto batch = plain_batch(2, 200, {}, 1'700'000'000'000 + i);
    bodies.push_back(body_of(batch.view()));
    ASSERT_TRUE(test.append(*log, batch).has_value());
    if (i % 7 == 0) flush();
  }
  flush();
  EXPECT_GT(files(fs, ".log").size(), 4U);
  for (int source = 0; source < 2; ++source) {
    for (const std::size_t bytes_max : {1UL, 1500UL, 100'000UL}) {
      const auto stored = read_all(*log, bytes_max).value();
      ASSERT_EQ(stored.size(), bodies.size()) << bytes_max;
      for (std::size_t i = 0; i < stored.size(); ++i) {
        EXPECT_EQ(stored[i].body, bodies[i]);
        EXPECT_EQ(stored[i].base, Offset{static_cast<std::int64_t>(2 * i)});
      }
    }
    for (int i = 0; i < 40; ++i) {
      const auto found = log->find_timestamp(1'700'000'000'000 + i, log->end_offset()).value();
      ASSERT_TRUE(found.has_value()) << i;
      // plain_batch dates its records one after the other.
      EXPECT_EQ(found->offset, Offset{i == 0 ? 0 : 2 * i - 1}) << i;
    }
    EXPECT_FALSE(log->find_timestamp(1'700'000'001'000, log->end_offset()).value().has_value());
    EXPECT_EQ(log->max_timestamp(log->end_offset()).value()->offset, Offset{79});
    reopen();
  }
  EXPECT_EQ(files(fs, ".index").size(), files(fs, ".log").size());
  EXPECT_EQ(files(fs, ".timeindex").size(), files(fs, ".log").size());
}

TEST_F(LogTest, KnowsDuplicatesAmongTheLastFiveBatches) {
  for (int i = 0; i < 6; ++i)
    ASSERT_EQ(test.append(*log, producer_batch(2 * i, 2)).value().first_offset, Offset{2 * i});
  const auto check = [&] {
    for (int i = 1; i < 6; ++i) {
      const auto again = test.append(*log, producer_batch(2 * i, 2)).value();
      EXPECT_TRUE(again.duplicate);
      EXPECT_EQ(again.first_offset, Offset{2 * i});
      EXPECT_EQ(again.last_offset, Offset{2 * i + 1});
    }
    EXPECT_EQ(test.append(*log, producer_batch(0, 2)).error().code, Errc::out_of_order_sequence);
    EXPECT_EQ(test.append(*log, producer_batch(2, 1)).error().code, Errc::out_of_order_sequence);
    EXPECT_EQ(test.append(*log, producer_batch(13, 1)).error().code, Errc::out_of_order_sequence);
    EXPECT_EQ(log->end_offset(), Offset{12});
  };
  check();
  reopen();
  check();
  EXPECT_EQ(test.append(*log, producer_batch(12, 1)).value().first_offset, Offset{12});
  EXPECT_EQ(log->producers().size(), 1U);
  EXPECT_EQ(log->producers()[0].last_sequence, 12);
}

TEST_F(LogTest, FencesOldProducerEpochsAndStartsNewOnesAtZero) {
  ASSERT_TRUE(test.append(*log, producer_batch(0, 1, 3)).has_value());
  EXPECT_EQ(test.append(*log, producer_batch(1, 1, 2)).error().code, Errc::invalid_producer_epoch);
  EXPECT_EQ(test.append(*log, producer_batch(1, 1, 4)).error().code, Errc::out_of_order_sequence);
  EXPECT_TRUE(test.append(*log, producer_batch(0, 1, 4)).has_value());
  // A producer that nobody remembers may begin anywhere.
  EXPECT_TRUE(test.append(*log, producer_batch(50, 1, 0, 8)).has_value());
}

TEST_F(LogTest, SequencesWrapAtTheLargestInteger) {
  ASSERT_TRUE(test.append(*log, producer_batch(2147483646, 2)).has_value());
  EXPECT_TRUE(test.append(*log, producer_batch(0, 1)).has_value());
  EXPECT_EQ(log->end_offset(), Offset{3});
}

TEST_F(LogTest, RefusesABatchLargerThanASegment) {
  LogOptions options;
  options.segment_bytes = 500;
  log->set_options(options);
  EXPECT_EQ(test.append(*log, plain_batch(1, 1000)).error().code, Errc::record_list_too_large);
}

TEST_F(LogTest, KnowsWhereEpochsEnd) {
  ASSERT_TRUE(log->begin_leader_epoch(LeaderEpoch{0}).has_value());
  ASSERT_TRUE(test.append(*log, plain_batch(5, 10), 0).has_value());
  ASSERT_TRUE(log->begin_leader_epoch(LeaderEpoch{2}).has_value());
  ASSERT_TRUE(test.append(*log, plain_batch(5, 10), 2).has_value());
  flush();
  for (int source = 0; source < 2; ++source) {
    EXPECT_EQ(log->end_of_epoch(LeaderEpoch{0}).end_offset, Offset{5});
    EXPECT_EQ(log->end_of_epoch(LeaderEpoch{1}).epoch, LeaderEpoch{0});
    EXPECT_EQ(log->end_of_epoch(LeaderEpoch{1}).end_offset, Offset{5});
    EXPECT_EQ(log->end_of_epoch(LeaderEpoch{2}).end_offset, Offset{10});
    EXPECT_EQ(log->end_of_epoch(LeaderEpoch{3}).epoch, no_leader_epoch);
    EXPECT_EQ(log->epoch_at(Offset{4}), LeaderEpoch{0});
    EXPECT_EQ(log->epoch_at(Offset{5}), LeaderEpoch{2});
    reopen();
  }
  EXPECT_EQ(log->begin_leader_epoch(LeaderEpoch{1}).error().code, Errc::fenced_leader_epoch);
}

TEST_F(LogTest, MovesItsStart) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(test.append(*log, plain_batch(5, 10)).has_value());
  ASSERT_TRUE(log->advance_start(Offset{7}).has_value());
  EXPECT_EQ(log->advance_start(Offset{21}).error().code, Errc::offset_out_of_range);
  for (int source = 0; source < 2; ++source) {
    EXPECT_EQ(log->start_offset(), Offset{7});
    EXPECT_EQ(log->read(Offset{6}, {Offset{20}, 1000, true, true}).error().code,
              Errc::offset_out_of_range);
    EXPECT_EQ(read_all(*log).value().front().base, Offset{5});
    reopen();
  }
}

TEST_F(LogTest, IsCutAtABatch) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(test.append(*log, producer_batch(i), i).has_value());
  flush();
  for (int i = 4; i < 8; ++i) ASSERT_TRUE(test.append(*log, producer_batch(i), i).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  ASSERT_TRUE(log->truncate_to(Offset{6}).has_value());
  EXPECT_EQ(log->end_offset(), Offset{6});
  EXPECT_EQ(read_all(*log).value().size(), 6U);
  EXPECT_EQ(log->latest_epoch(), LeaderEpoch{5});
  ASSERT_TRUE(log->truncate_to(Offset{2}).has_value());
  EXPECT_EQ(log->end_offset(), Offset{2});
  EXPECT_EQ(log->durable_offset(), Offset{2});
  EXPECT_EQ(log->latest_epoch(), LeaderEpoch{1});
  EXPECT_EQ(log->producers()[0].last_sequence, 1);
  EXPECT_EQ(test.append(*log, producer_batch(2), 9).value().first_offset, Offset{2});
  flush();
  EXPECT_EQ(read_all(*log).value().size(), 3U);
  reopen();
  EXPECT_EQ(read_all(*log).value().size(), 3U);
}

TEST_F(LogTest, TellsItsObserverWhatIsWrittenAndDurable) {
  struct Observer final : LogObserver {
    void on_written(Offset end) override { written = end; }
    void on_durable(Offset end) override {
      EXPECT_GE(written, end);
      durable = end;
    }
    void on_commit_told() override { told = durable; }
    Offset told{0};
    Offset written{0};
    Offset durable{0};
  } observer;
  log->set_observer(&observer);
  ASSERT_TRUE(test.append(*log, plain_batch(5, 10)).has_value());
  EXPECT_EQ(observer.written, Offset{0});
  ASSERT_TRUE(test.directory->commit().has_value());
  EXPECT_EQ(observer.durable, Offset{5});
  EXPECT_EQ(observer.told, Offset{5});
  log->set_observer(nullptr);
  ASSERT_TRUE(test.append(*log, plain_batch(5, 10)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  EXPECT_EQ(observer.durable, Offset{5});
}

// Of a transaction the coordinator's log comes first in the commit, then those with its markers: who is answered
// for the first finds the others readable.
TEST_F(LogTest, AllLogsOfACommitAreToldBeforeAnyoneIsAnswered) {
  struct Observer final : LogObserver {
    void on_written(Offset) override {}
    void on_durable(Offset) override { ++*durable; }
    void on_commit_told() override {
      EXPECT_EQ(*durable, 3);
      ++told;
    }
    int* durable = nullptr;
    int told = 0;
  };
  int durable = 0;
  std::array<Observer, 3> observers;
  std::array<std::shared_ptr<Log>, 3> logs{log, test.log(7).value(), test.log(8).value()};
  for (std::size_t i = 0; i < logs.size(); ++i) {
    observers.at(i).durable = &durable;
    logs.at(i)->set_observer(&observers.at(i));
  }
  for (const auto& each : logs) ASSERT_TRUE(test.append(*each, plain_batch(5, 10)).has_value());
  ASSERT_TRUE(test.append(*log, plain_batch(1, 10)).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  EXPECT_EQ(durable, 3);
  for (auto& observer : observers) EXPECT_EQ(observer.told, 1);
  for (const auto& each : logs) each->set_observer(nullptr);
}

TEST_F(LogTest, KeepsNoMoreInMemoryThanTheBudgetOnceFlushed) {
  LogDirectoryOptions options = small_options();
  options.tail_bytes_max = 64 * 1024;
  MemoryFileSystem other_fs;
  TestDirectory other(other_fs, options);
  ASSERT_TRUE(other.open().has_value());
  const auto other_log = other.log().value();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(other.append(*other_log, plain_batch(1, 4000)).has_value());
    ASSERT_TRUE(other.directory->commit().has_value());
    other.clock.advance(std::chrono::seconds(2));
    ASSERT_TRUE(other.directory->write_behind().has_value());
  }
  EXPECT_EQ(read_all(*other_log).value().size(), 100U);
  // The oldest comes from a file, the newest from memory.
  const auto oldest = other_log->read(Offset{0}, {Offset{100}, 100, true, true}).value();
  EXPECT_EQ(oldest.records.size(), read_all(*other_log).value()[0].body.size() + 16);
}

TEST(LogDirectory, SaysWhenDeletedFilesAreDue) {
  support::MemoryFileSystem fs;
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  LogOptions options;
  options.file_delete_delay_ms = 1000;
  ASSERT_TRUE(test.log(0, options).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  EXPECT_FALSE(test.directory->remove_deleted().value().has_value());
  ASSERT_TRUE(test.directory->delete_log({test_topic, PartitionIndex{0}}).has_value());
  EXPECT_EQ(test.directory->remove_deleted().value(), std::chrono::milliseconds(1000));
  const auto directories = [&] {
    const auto names = fs.list("data").value();
    return std::count_if(names.begin(), names.end(), [](const auto& name) { return name.ends_with("-delete"); });
  };
  test.clock.advance(base::Milliseconds{1000});
  EXPECT_TRUE(test.directory->remove_deleted().value().has_value());  // not committed yet
  EXPECT_EQ(directories(), 1);
  ASSERT_TRUE(test.directory->commit().has_value());
  EXPECT_FALSE(test.directory->remove_deleted().value().has_value());
  EXPECT_EQ(directories(), 0);
}

TEST(LogDirectory, FillsTheNextLaneFileAsFastAsTheLaneGoes) {
  support::MemoryFileSystem fs;
  auto options = small_options();
  options.lane_file_bytes = 8 * 1024 * 1024;
  TestDirectory test(fs, options);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log().value();
  const auto append_megabyte = [&] {
    ASSERT_TRUE(test.append(*log, plain_batch(1, 1024 * 1024)).has_value());
    ASSERT_TRUE(test.directory->commit().has_value());
    test.clock.advance(std::chrono::seconds(2));
    ASSERT_TRUE(test.directory->write_behind().has_value());
  };
  std::uint64_t before = 0;
  for (int i = 1; i <= 5; ++i) {
    append_megabyte();
    const auto growing = fs.info("data/.moldau/lane.1.new");
    const std::uint64_t size = growing ? growing->size : 0;
    EXPECT_LE(size - before, 3U * 1024 * 1024) << i;  // twice what came in
    before = size;
    EXPECT_FALSE(fs.info("data/.moldau/lane.1").has_value());
  }
  EXPECT_GT(before, 0U);
  append_megabyte();
  EXPECT_FALSE(fs.info("data/.moldau/lane.1.new").has_value());
  EXPECT_EQ(fs.info("data/.moldau/lane.1").value().size, options.lane_file_bytes);
}

}  // namespace moldau::storage
