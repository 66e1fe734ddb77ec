// What verify_directory() finds: nothing in whole directories, and each kind of damage where it is.

#include "moldau/storage/verify.hpp"

#include <gtest/gtest.h>

#include "moldau/record/transaction_marker.hpp"
#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::storage::verify_test {

using base::Errc;
using support::MemoryFileSystem;
using support::plain_batch;

class VerifyTest : public ::testing::Test {
 protected:
  using Kind = VerifyProblem::Kind;
  static constexpr const char* first_log = "data/topic-0/00000000000000000000.log";

  void SetUp() override {
    test = std::make_unique<TestDirectory>(*fs);
    ASSERT_TRUE(test->open().has_value());
    log = test->log(0, options()).value();
  }
  static LogOptions options() {
    LogOptions result;
    result.segment_bytes = 2000;
    result.index_interval_bytes = 300;
    return result;
  }
  void append(int batches, std::int64_t producer = -1) {
    for (int i = 0; i < batches; ++i) {
      record::BatchOptions batch;
      if (producer >= 0) {
        batch.producer_id = ProducerId{producer};
        batch.producer_epoch = ProducerEpoch{0};
        batch.base_sequence = sequence;
        sequence += 2;
      }
      ASSERT_TRUE(test->append(*log, plain_batch(2, 200, batch)).has_value());
    }
    ASSERT_TRUE(test->directory->commit().has_value());
  }
  /// A transaction of one batch that is aborted.
  void abort_one() {
    record::BatchOptions batch;
    batch.producer_id = ProducerId{9};
    batch.producer_epoch = ProducerEpoch{0};
    batch.base_sequence = 0;
    batch.transactional = true;
    AppendContext context{LeaderEpoch{0}, test->clock.wall_ms(), AppendOrigin::client};
    context.verified = log->begin_verification(ProducerId{9}, ProducerEpoch{0}, 0).value();
    ASSERT_TRUE(log->append_as_leader(plain_batch(1, 10, batch), context).has_value());
    auto marker = record::build_marker_batch({ProducerId{9}, ProducerEpoch{0}, false, 0}, test->clock.wall_ms());
    ASSERT_TRUE(log->append_as_leader(std::move(marker).value(),
                                      {LeaderEpoch{0}, test->clock.wall_ms(), AppendOrigin::coordinator})
                    .has_value());
  }
  void stop() {
    ASSERT_TRUE(test->directory->close(1).has_value());
    leave();
  }
  void kill() {
    auto left = fs->after_kill();
    leave();
    fs = std::move(left);
  }
  void leave() {
    log.reset();
    test.reset();
  }
  VerifyReport verify() { return verify_directory(*fs, "data").value(); }
  /// The one problem there is.
  VerifyProblem problem() {
    const auto report = verify();
    EXPECT_EQ(report.problems.size(), 1U);
    for (const auto& one : report.problems) SCOPED_TRACE(one.file + ": " + one.what);
    return report.problems.empty() ? VerifyProblem{} : report.problems.front();
  }
  void overwrite(const std::string& path, std::uint64_t position, std::vector<std::uint8_t> bytes) {
    ASSERT_TRUE(fs->open(path, FileSystem::Open::read_write).value()->write(position, base::ByteView(bytes)).has_value());
  }

  std::unique_ptr<MemoryFileSystem> fs = std::make_unique<MemoryFileSystem>();
  std::unique_ptr<TestDirectory> test;
  std::shared_ptr<Log> log;
  std::int32_t sequence = 0;
};

TEST_F(VerifyTest, AWholeDirectoryHasNoProblems) {
  append(6);
  append(6, 7);
  abort_one();
  stop();
  const auto report = verify();
  EXPECT_TRUE(report.orderly);
  EXPECT_TRUE(report.problems.empty()) << report.problems.front().file << ": " << report.problems.front().what;
  ASSERT_EQ(report.logs.size(), 1U);
  EXPECT_EQ(report.logs[0].name, (TopicPartition{"topic", PartitionIndex{0}}));
  EXPECT_EQ(report.logs[0].batches, 14U);
  EXPECT_EQ(report.logs[0].records, 26U);
  EXPECT_EQ(report.logs[0].end, Offset{26});
  EXPECT_GT(report.logs[0].segments, 2U);
}

TEST_F(VerifyTest, AfterAKillTheLaneHasTheRest) {
  append(6);
  ASSERT_TRUE(test->directory->checkpoint().has_value());
  append(4);
  kill();
  const auto report = verify();
  EXPECT_FALSE(report.orderly);
  EXPECT_EQ(report.lane_entries, 4U);
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(report.logs[0].end, Offset{12});
}

TEST_F(VerifyTest, NothingIsChanged) {
  append(12, 7);
  kill();
  const auto before = fs->operations();
  verify();
  EXPECT_EQ(fs->operations(), before);
}

TEST_F(VerifyTest, AFlippedBitIsFoundWhereItIs) {
  append(12);
  stop();
  const auto batch = fs->info(first_log)->size / 4;
  for (const std::uint64_t bit_at : {batch + 40, batch + 200}) {
    fs->flip_bit(first_log, bit_at, 2);
    const auto found = problem();
    EXPECT_EQ(found.kind, Kind::damage);
    EXPECT_EQ(found.file, "topic-0/00000000000000000000.log");
    EXPECT_EQ(found.position, batch);
    EXPECT_EQ(found.offset, Offset{2});
    EXPECT_TRUE(verify().is_damaged());
    fs->flip_bit(first_log, bit_at, 2);
  }
  EXPECT_TRUE(verify().problems.empty());
}

TEST_F(VerifyTest, AShortAMissingAndAnOverlappingFile) {
  append(12);
  stop();
  const auto size = fs->info(first_log)->size;
  auto file = fs->open(first_log, FileSystem::Open::read_write).value();
  std::vector<std::uint8_t> bytes(size);
  ASSERT_EQ(file->read(0, bytes).value(), size);
  ASSERT_TRUE(file->truncate(size - 10).has_value());
  EXPECT_TRUE(verify().is_damaged());
  ASSERT_TRUE(file->write(0, base::ByteView(bytes)).has_value());
  EXPECT_FALSE(verify().is_damaged());
  // The first batch's offset rises into the next segment.
  overwrite(first_log, 7, {100});
  EXPECT_TRUE(verify().is_damaged());
}

TEST_F(VerifyTest, ASyncedFileThatIsShorterAfterAKill) {
  append(2);
  ASSERT_TRUE(test->directory->checkpoint().has_value());
  kill();
  const auto size = fs->info(first_log)->size;
  ASSERT_TRUE(fs->open(first_log, FileSystem::Open::read_write).value()->truncate(size - 1).has_value());
  EXPECT_TRUE(verify().is_damaged());
  ASSERT_TRUE(fs->remove(first_log).has_value());
  const auto found = problem();
  EXPECT_EQ(found.kind, Kind::damage);
  EXPECT_EQ(found.what, "the file is missing");
}

TEST_F(VerifyTest, AProducersGapIsDamage) {
  append(2, 7);
  sequence += 2;
  // As a broker that lost a batch would have it.
  record::BatchOptions batch;
  batch.producer_id = ProducerId{7};
  batch.producer_epoch = ProducerEpoch{0};
  batch.base_sequence = sequence;
  auto lost = plain_batch(2, 200, batch);
  record::set_base_offset(lost.mutable_view(), log->end_offset());
  record::set_leader_epoch(lost.mutable_view(), LeaderEpoch{0});
  ASSERT_TRUE(log->append_as_follower(std::move(lost), 0).has_value());
  stop();
  const auto found = problem();
  EXPECT_EQ(found.kind, Kind::damage);
  EXPECT_EQ(found.what, "producer 7 epoch 0: sequence 6 follows 3");
}

TEST_F(VerifyTest, DerivedFilesAreToldAndAreNoDamage) {
  append(12, 7);
  abort_one();
  stop();
  const auto names = fs->list("data/topic-0").value();
  int tried = 0;
  for (const auto& name : names) {
    const auto path = "data/topic-0/" + name;
    const bool is_derived = name.ends_with("index") || name.ends_with(".snapshot") || name == "leader-epoch-checkpoint";
    if (!is_derived || fs->info(path)->size == 0) continue;
    ++tried;
    auto file = fs->open(path, FileSystem::Open::read_write).value();
    const auto size = file->size().value();
    std::vector<std::uint8_t> bytes(size);
    ASSERT_EQ(file->read(0, bytes).value(), size);
    auto wrong = bytes;
    wrong[wrong.size() / 2 + 1] ^= 0x40;
    ASSERT_TRUE(file->write(0, base::ByteView(wrong)).has_value());
    const auto report = verify();
    EXPECT_FALSE(report.is_damaged()) << name;
    ASSERT_EQ(report.problems.size(), 1U) << name;
    EXPECT_EQ(report.problems[0].file, "topic-0/" + name);
    ASSERT_TRUE(file->write(0, base::ByteView(bytes)).has_value());
  }
  EXPECT_GE(tried, 6);
  EXPECT_TRUE(verify().problems.empty());
}

TEST_F(VerifyTest, TheLaneIsLookedThrough) {
  append(2);
  append(2);
  append(2);
  kill();
  EXPECT_EQ(verify().lane_entries, 7U);  // the log's creation too
  // The second block is gone and the third says that it had been synced.
  const std::string lane = "data/.moldau/lane.0";
  overwrite(lane, 4096 + 20, {0xFF, 0xFF});
  const auto found = problem();
  EXPECT_EQ(found.kind, Kind::damage);
  EXPECT_EQ(found.file, ".moldau");
}

TEST_F(VerifyTest, OtherDirectoriesAreRefused) {
  EXPECT_EQ(verify_directory(*fs, "data").error().code, Errc::locked);
  EXPECT_EQ(verify_directory(*fs, "nowhere").error().code, Errc::not_found);
  ASSERT_TRUE(fs->make_directory("empty").has_value());
  EXPECT_EQ(verify_directory(*fs, "empty").error().code, Errc::foreign_directory);
}

}  // namespace moldau::storage::verify_test
