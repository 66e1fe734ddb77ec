// Bit rot (reliability.md R3, R4, R5): whatever one damaged file makes of a directory, readers get the right bytes or
// an error, other logs are served as ever, and what is derived from the batches is made anew.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "moldau/record/transaction_marker.hpp"
#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/rounds.hpp"

namespace moldau::storage {

using base::Errc;
using support::MemoryFileSystem;
using support::plain_batch;
using Disk = std::unique_ptr<MemoryFileSystem>;

namespace {

constexpr std::int64_t first_ms = 1'700'000'000'000;
constexpr int damaged_partition = 0;
constexpr int other_partition = 1;
const std::string damaged_directory = "data/topic-0";

LogOptions log_options() {
  LogOptions options;
  options.segment_bytes = 12'000;
  options.index_interval_bytes = 700;
  return options;
}

/// Everything that can be asked of a log.  Not of it: the leader epochs that batches are stamped with, which nothing
/// in Kafka's format protects.
struct Answers {
  struct Batch {
    Offset base{};
    Offset last{};
    std::string body;
    friend bool operator==(const Batch&, const Batch&) = default;
  };
  std::vector<Batch> batches;
  std::map<std::int64_t, std::pair<std::int64_t, Offset>> by_time;
  std::pair<std::int64_t, Offset> newest{-1, no_offset};
  std::vector<AbortedTransaction> aborted;
  std::vector<ProducerSummary> producers;
  std::vector<Offset> epoch_ends;
  Offset start{};
};

void expect_equal(const Answers& got, const Answers& right) {
  EXPECT_TRUE(got.batches == right.batches);
  EXPECT_EQ(got.by_time, right.by_time);
  EXPECT_EQ(got.newest, right.newest);
  EXPECT_TRUE(got.aborted == right.aborted);
  EXPECT_TRUE(got.producers == right.producers);
  EXPECT_EQ(got.epoch_ends, right.epoch_ends);
  EXPECT_EQ(got.start, right.start);
}

base::Result<std::vector<Answers::Batch>> batches_of(Log& log) {
  MOLDAU_ASSIGN(const auto all, read_all(log, 3000));
  std::vector<Answers::Batch> batches;
  for (const auto& batch : all) batches.push_back({batch.base, batch.last, batch.body});
  return batches;
}

base::Result<Answers> answers_of(Log& log) {
  Answers answers;
  const Offset end = log.end_offset();
  answers.start = log.start_offset();
  MOLDAU_ASSIGN(answers.batches, batches_of(log));
  for (std::int64_t ms = first_ms - 2; ms < first_ms + 130; ms += 3) {
    MOLDAU_ASSIGN(const auto found, log.find_timestamp(ms, end));
    answers.by_time[ms] = found ? std::pair(found->timestamp_ms, found->offset) : std::pair(std::int64_t{-1}, no_offset);
  }
  MOLDAU_ASSIGN(const auto newest, log.max_timestamp(end));
  if (newest) answers.newest = {newest->timestamp_ms, newest->offset};
  MOLDAU_ASSIGN(const auto aborted, log.aborted_transactions(answers.start, end, true));
  answers.aborted = *aborted;
  answers.producers = log.producers();
  std::sort(answers.producers.begin(), answers.producers.end(),
            [](const auto& a, const auto& b) { return a.producer_id < b.producer_id; });
  for (int epoch = 0; epoch < 5; ++epoch) answers.epoch_ends.push_back(log.end_of_epoch(LeaderEpoch{epoch}).end_offset);
  return answers;
}

/// Two logs of several segments, with producers, transactions and timestamps that do not rise.
class Writer {
 public:
  explicit Writer(MemoryFileSystem& fs) : test_(fs) { EXPECT_TRUE(test_.open().has_value()); }

  void write(int batches) {
    for (int i = 0; i < batches; ++i, ++count_) {
      for (const int partition : {damaged_partition, other_partition}) {
        const auto log = test_.log(partition, log_options()).value();
        const int epoch = count_ / 50;
        record::BatchOptions options;
        const std::int64_t producer = 7 + count_ % 3;
        const bool transactional = count_ % 3 == 1;
        auto& sequence = sequences_[{partition, producer}];
        if (count_ % 3 != 0) {
          options.producer_id = ProducerId{producer};
          options.producer_epoch = ProducerEpoch{0};
          options.base_sequence = sequence;
          options.transactional = transactional;
          sequence += 2;
        }
        append(*log, plain_batch(2, 100 + static_cast<std::size_t>(random_() % 500), options,
                                 first_ms + count_ - static_cast<std::int64_t>(random_() % 20)),
               epoch, transactional);
        if (transactional && count_ % 5 != 0) end_transaction(*log, producer, epoch);
      }
      EXPECT_TRUE(test_.directory->commit().has_value());
      if (count_ % 10 != 0) continue;
      test_.clock.advance(std::chrono::seconds(2));
      EXPECT_TRUE(test_.directory->write_behind().has_value());
    }
  }
  void checkpoint() { EXPECT_TRUE(test_.directory->checkpoint().has_value()); }
  void close() { EXPECT_TRUE(test_.directory->close(1).has_value()); }
  Answers answers(int partition) { return answers_of(*test_.log(partition, log_options()).value()).value(); }

 private:
  void append(Log& log, base::SharedBytes batch, int epoch, bool transactional) {
    AppendContext context{LeaderEpoch{epoch}, test_.clock.wall_ms(), AppendOrigin::client};
    if (transactional) {
      const auto view = record::BatchView::parse(batch.view(), record::BatchView::Check::crc).value();
      context.verified =
          log.begin_verification(view.producer_id(), view.producer_epoch(), view.base_sequence()).value();
    }
    EXPECT_TRUE(log.append_as_leader(std::move(batch), context).has_value());
  }
  void end_transaction(Log& log, std::int64_t producer, int epoch) {
    auto marker = record::build_marker_batch({.producer_id = ProducerId{producer},
                                              .producer_epoch = ProducerEpoch{0},
                                              .commit = count_ % 2 == 0,
                                              .coordinator_epoch = 0},
                                             test_.clock.wall_ms());
    EXPECT_TRUE(log.append_as_leader(std::move(marker).value(),
                                     {LeaderEpoch{epoch}, test_.clock.wall_ms(), AppendOrigin::coordinator})
                    .has_value());
  }

  TestDirectory test_;
  std::mt19937_64 random_{5};
  std::map<std::pair<int, std::int64_t>, std::int32_t> sequences_;
  int count_ = 0;
};

std::vector<std::string> files_in(MemoryFileSystem& fs, const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& name : fs.list(directory).value()) {
    const auto path = directory + "/" + name;
    if (const auto info = fs.info(path); info && !info->is_directory) files.push_back(path);
  }
  return files;
}

/// One of: a flipped bit, a file that ends early, a piece that is zeros or another piece, no file.  Tells what.
std::string damage(MemoryFileSystem& fs, const std::string& path, std::mt19937_64& random) {
  const std::uint64_t size = fs.info(path).value().size;
  const std::uint64_t at = size == 0 ? 0 : random() % size;
  const auto file = fs.open(path, FileSystem::Open::read_write).value();
  const auto overwrite = [&](std::vector<std::uint8_t> bytes) {
    EXPECT_TRUE(file->write(at, base::ByteView(bytes)).has_value());
  };
  const std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(1 + random() % 512, size - at));
  switch (size == 0 ? 9 : random() % 10) {
    default: {
      const int bit = static_cast<int>(random() % 8);
      fs.flip_bit(path, at, bit);
      return path + " bit " + std::to_string(bit) + " of byte " + std::to_string(at);
    }
    case 6:
      EXPECT_TRUE(file->truncate(at).has_value());
      return path + " cut to " + std::to_string(at);
    case 7:
      overwrite(std::vector<std::uint8_t>(piece, 0));
      return path + " zeros from " + std::to_string(at) + " for " + std::to_string(piece);
    case 8: {
      std::vector<std::uint8_t> bytes(piece);
      EXPECT_TRUE(file->read(random() % (size - piece + 1), bytes).has_value());
      overwrite(bytes);
      return path + " copied over at " + std::to_string(at) + " for " + std::to_string(piece);
    }
    case 9:
      EXPECT_TRUE(fs.remove(path).has_value());
      return path + " removed";
  }
}

bool is_derived(const std::string& path) {
  return path.ends_with("index") || path.ends_with(".snapshot") || path.ends_with("-checkpoint") ||
         path.ends_with(".kafka_cleanshutdown") || path.ends_with(".moldau.closed");
}

bool is_of_lane(const std::string& path) { return path.find("/lane.") != std::string::npos; }

int samples(int standard) {
  const char* asked = std::getenv("MOLDAU_FLIPS");
  return asked != nullptr ? std::atoi(asked) : support::rounds(standard);
}

/// The lane's last blocks may be torn, and damage to them looks the same.
void expect_a_prefix(Log& log, const Answers& right) {
  const auto batches = batches_of(log);
  if (!batches) {
    EXPECT_EQ(batches.error().code, Errc::damaged);
    return;
  }
  ASSERT_LE(batches->size(), right.batches.size());
  EXPECT_TRUE(std::equal(batches->begin(), batches->end(), right.batches.begin()));
}

/// What the batches of a log are, or as many of them as it says it has.
void expect_no_wrong_bytes(Log& log, const Answers& right, std::mt19937_64& random) {
  const auto& batches = right.batches;
  for (int i = 0; i < 3; ++i) {
    const auto& asked = batches[random() % batches.size()];
    if (asked.base < log.start_offset()) continue;
    const ReadLimits limits{log.end_offset(), 1 + static_cast<std::size_t>(random() % 4000), true, true};
    const auto read = log.read(asked.base, limits);
    if (!read || read->records.empty()) continue;
    const auto bytes = read->records.flatten();
    const auto view = record::BatchView::parse(bytes.view(), record::BatchView::Check::crc);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->base_offset(), asked.base);
    EXPECT_EQ(body_of(view->bytes()), asked.body);
  }
  const auto answers = answers_of(log);
  if (answers) {
    expect_equal(*answers, right);
  } else {
    EXPECT_EQ(answers.error().code, Errc::damaged);
    EXPECT_TRUE(log.offline().has_value());
  }
}

struct Outcome {
  int refused = 0;
  int offline = 0;
  int unharmed = 0;
};

/// A start on the damaged disk, everything asked, an orderly stop, and another start.
void expect_sound(MemoryFileSystem& fs, const std::string& path, const Answers& right, const Answers& others,
                  std::mt19937_64& random, Outcome& outcome) {
  for (int start = 0; start < 2; ++start) {
    TestDirectory test(fs, small_options(), 100 + static_cast<std::uint64_t>(start));
    const auto opened = test.open();
    if (!opened) {
      EXPECT_FALSE(is_derived(path)) << base::to_string(opened.error());
      EXPECT_NE(opened.error().code, Errc::unknown);
      ++outcome.refused;
      return;
    }
    const auto other = test.directory->find({test_topic, PartitionIndex{other_partition}});
    ASSERT_NE(other, nullptr);
    const auto log = test.directory->find({test_topic, PartitionIndex{damaged_partition}});
    ASSERT_NE(log, nullptr);
    if (is_of_lane(path)) {
      expect_a_prefix(*log, right);
      expect_a_prefix(*other, others);
      ++outcome.unharmed;
      return;
    }
    expect_equal(answers_of(*other).value(), others);
    if (is_derived(path)) {
      ASSERT_EQ(log->offline(), std::nullopt);
      const auto answers = answers_of(*log);
      ASSERT_TRUE(answers.has_value()) << base::to_string(answers.error());
      expect_equal(*answers, right);
      LogOptions keep = log_options();
      keep.retention_ms = -1;
      log->set_options(keep);
      other->set_options(keep);
      ASSERT_TRUE(test.directory->apply_retention().has_value());
      expect_equal(answers_of(*log).value(), right);
    } else {
      expect_no_wrong_bytes(*log, right, random);
    }
    ++(log->offline() ? outcome.offline : outcome.unharmed);
    EXPECT_TRUE(test.directory->close(1).has_value());
  }
}

class Damage : public ::testing::Test {
 protected:
  /// Damages one file after the other.
  void run(const MemoryFileSystem& fs, const std::vector<std::string>& files, int count) {
    std::mt19937_64 random(11);
    for (int i = 0; i < count && !HasFailure(); ++i) {
      const auto disk = fs.after_kill();
      const auto& path = files[random() % files.size()];
      SCOPED_TRACE(damage(*disk, path, random));
      expect_sound(*disk, path, right, others, random, outcome);
    }
    RecordProperty("refused", outcome.refused);
    RecordProperty("offline", outcome.offline);
    RecordProperty("unharmed", outcome.unharmed);
  }
  void ask(Writer& writer) {
    right = writer.answers(damaged_partition);
    others = writer.answers(other_partition);
    EXPECT_GT(right.aborted.size(), 3U);
  }

  Answers right;
  Answers others;
  Outcome outcome;
};

TEST_F(Damage, OfAClosedDirectoryIsFoundOrMadeGood) {
  MemoryFileSystem fs;
  {
    Writer writer(fs);
    writer.write(160);
    ask(writer);
    writer.close();
  }
  auto files = files_in(fs, damaged_directory);
  for (const auto& path : files_in(fs, "data")) files.push_back(path);
  EXPECT_GT(files.size(), 20U);
  run(fs, files, samples(1200));
  EXPECT_GE(outcome.offline, support::rounds(100));
  EXPECT_GE(outcome.unharmed, support::rounds(100));
}

TEST_F(Damage, OfAKilledBrokersDirectoryIsFoundOrMadeGood) {
  MemoryFileSystem fs;
  Writer writer(fs);
  writer.write(120);
  writer.checkpoint();
  writer.write(40);
  ask(writer);
  const auto left = fs.after_kill();
  auto files = files_in(*left, damaged_directory);
  for (const auto& path : files_in(*left, "data/.moldau"))
    if (left->info(path)->size > 0) files.push_back(path);
  run(*left, files, samples(800));
  EXPECT_GE(outcome.refused, support::rounds(10));  // the checkpoint and, where it had been synced, the lane
  EXPECT_GE(outcome.offline, support::rounds(50));
  EXPECT_GE(outcome.unharmed, support::rounds(50));
}

/// Goes once through everything; returns how many bytes were seen.
std::uint64_t scrub_round(LogDirectory& directory, std::uint64_t step) {
  std::uint64_t bytes = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto scrubbed = directory.scrub(step);
    bytes += scrubbed.bytes;
    if (scrubbed.round_ended) return bytes;
  }
  ADD_FAILURE() << "no end";
  return bytes;
}

class Scrub : public Damage {
 protected:
  void SetUp() override {
    Writer writer(fs);
    writer.write(160);
    ask(writer);
    writer.close();
  }
  MemoryFileSystem fs;
};

TEST_F(Scrub, SeesEveryByteOnceInARound) {
  for (const std::uint64_t step : {1UL, 5'000UL, 1'000'000UL}) {
    const auto disk = fs.after_kill();
    TestDirectory test(*disk);
    ASSERT_TRUE(test.open().has_value());
    std::uint64_t stored = 0;
    for (const auto& log : test.directory->logs()) stored += log->size_bytes();
    for (int round = 0; round < 2; ++round) EXPECT_EQ(scrub_round(*test.directory, step), stored) << step;
    for (const auto& log : test.directory->logs()) EXPECT_EQ(log->offline(), std::nullopt);
  }
}

TEST_F(Scrub, FindsRotThatNobodyReads) {
  std::mt19937_64 random(3);
  std::vector<std::string> segments;
  for (const auto& path : files_in(fs, damaged_directory))
    if (path.ends_with(".log")) segments.push_back(path);
  for (int i = 0; i < samples(100); ++i) {
    const auto disk = fs.after_kill();
    TestDirectory test(*disk);
    ASSERT_TRUE(test.open().has_value());
    const auto log = test.log(damaged_partition, log_options()).value();
    scrub_round(*test.directory, 4000);  // what was seen once is seen again
    const auto& path = segments[random() % segments.size()];
    std::uint64_t at = random() % disk->info(path).value().size;
    // The leader epoch is protected by nothing.
    const auto before = answers_of(*log).value();
    disk->flip_bit(path, at, static_cast<int>(random() % 8));
    scrub_round(*test.directory, 4000);
    if (!log->offline()) expect_equal(answers_of(*log).value(), before);
    outcome.offline += log->offline() ? 1 : 0;
    EXPECT_EQ(test.directory->find({test_topic, PartitionIndex{other_partition}})->offline(), std::nullopt);
    if (HasFailure()) FAIL() << path << " byte " << at;
  }
  EXPECT_GE(outcome.offline, samples(100) * 9 / 10);
}

TEST_F(Scrub, HasDamagedIndexesMadeAnew) {
  TestDirectory test(fs);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log(damaged_partition, log_options()).value();
  const std::string path = damaged_directory + "/00000000000000000000.timeindex";
  const auto contents = read_whole(fs, path).value();
  fs.flip_bit(path, 5, 2);
  scrub_round(*test.directory, 100'000);
  LogOptions keep = log_options();
  keep.retention_ms = -1;
  for (const auto& each : test.directory->logs()) each->set_options(keep);
  ASSERT_TRUE(test.directory->apply_retention().has_value());
  EXPECT_NE(read_whole(fs, path).value()[5] ^ contents[5], 4);
  expect_equal(answers_of(*log).value(), right);
  EXPECT_EQ(log->offline(), std::nullopt);
}

TEST(ScrubAndCompaction, GoOnSideBySide) {
  for (int seen = 0; seen < 30; ++seen) {
    MemoryFileSystem fs;
    TestDirectory test(fs);
    ASSERT_TRUE(test.open().has_value());
    LogOptions options = log_options();
    options.compact_policy = true;
    options.delete_policy = false;
    options.min_cleanable_dirty_ratio = 0.01;
    const auto log = test.log(0, options).value();
    // The first batches go, and of a large one most stays: it gets another place.
    for (int i = 0; i < 60; ++i) {
      ASSERT_TRUE(test.append(*log, plain_batch(i == 3 ? 40 : 1 + i % 2, 150)).has_value());
      ASSERT_TRUE(test.directory->commit().has_value());
      test.clock.advance(std::chrono::seconds(2));
      ASSERT_TRUE(test.directory->write_behind().has_value());
    }
    ASSERT_TRUE(test.directory->checkpoint().has_value());
    for (int batch = 0; batch < seen; ++batch) test.directory->scrub(1);
    const auto done = test.directory->compact({});
    ASSERT_TRUE(done.has_value() && done->has_value());
    scrub_round(*test.directory, 1);
    ASSERT_EQ(log->offline(), std::nullopt) << seen;
  }
}

// A checkpoint knows of a segment's indexes once somebody has asked for them.
TEST(RetentionOfAPartlyKnownLog, IsNoDamage) {
  MemoryFileSystem fs;
  {
    Writer writer(fs);
    writer.write(160);
    writer.close();
  }
  ASSERT_TRUE(fs.remove("data/.moldau.closed").has_value());  // as another broker leaves it
  TestDirectory test(fs, small_options(), 2);
  ASSERT_TRUE(test.open().has_value());
  const auto log = test.log(damaged_partition, log_options()).value();
  ASSERT_TRUE(log->find_timestamp(first_ms, log->end_offset()).has_value());  // looks into the first segment
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(test.append(*log, plain_batch(1, 5'000), 5).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  ASSERT_TRUE(test.directory->checkpoint().has_value());
  ASSERT_TRUE(log->advance_start(Offset{200}).has_value());
  ASSERT_TRUE(test.directory->commit().has_value());
  LogOptions keep = log_options();
  keep.retention_ms = -1;
  for (const auto& each : test.directory->logs()) each->set_options(keep);
  ASSERT_TRUE(test.directory->apply_retention().has_value());
  EXPECT_FALSE(fs.info(damaged_directory + "/00000000000000000000.log").has_value());
  const auto left = fs.after_kill();
  TestDirectory again(*left, small_options(), 3);
  ASSERT_TRUE(again.open().has_value());
  const auto found = again.log(damaged_partition, log_options()).value();
  EXPECT_EQ(found->offline(), std::nullopt);
  EXPECT_EQ(found->start_offset(), Offset{200});
}

}  // namespace
}  // namespace moldau::storage
