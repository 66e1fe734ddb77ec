// Retention and compaction: what goes, what stays, what a reader sees meanwhile and a start finds after a crash
// (protocol.md edge cases 28, 73, 74; reliability.md R6, R8, R14, W9).

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "moldau/record/record_iterator.hpp"
#include "moldau/record/transaction_marker.hpp"
#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/rounds.hpp"

namespace moldau::storage::cleanup_test {

using base::Errc;
using std::chrono::milliseconds;
using support::CrashOptions;
using support::MemoryFileSystem;
using support::plain_batch;

constexpr std::int64_t hour_ms = 3'600'000;

std::vector<std::string> files_with(FileSystem& fs, std::string_view suffix) {
  std::vector<std::string> found;
  const auto names = fs.list("data/topic-0");
  if (!names) return found;
  for (const auto& name : *names)
    if (name.ends_with(suffix)) found.push_back(name);
  return found;
}

// ---- Retention.

class RetentionTest : public ::testing::Test {
 protected:
  void open(const LogOptions& wanted) {
    options = wanted;
    options.segment_bytes = 1000;
    test = std::make_unique<TestDirectory>(fs, small_options(), ++life);
    ASSERT_TRUE(test->open().has_value());
    log = test->log(0, options).value();
  }
  void set(const LogOptions& wanted) {
    options = wanted;
    options.segment_bytes = 1000;
    log->set_options(options);
  }
  /// One batch fills more than half of a segment.
  void append(int batches, std::int64_t timestamp_ms) {
    for (int i = 0; i < batches; ++i)
      ASSERT_TRUE(test->append(*log, plain_batch(1, 600, {}, timestamp_ms)).has_value());
    ASSERT_TRUE(test->directory->commit().has_value());
    test->clock.advance(milliseconds(2000));
    ASSERT_TRUE(test->directory->write_behind().has_value());
  }
  void retain() { ASSERT_TRUE(test->directory->apply_retention().has_value()); }

  MemoryFileSystem fs;
  std::uint64_t life = 0;
  LogOptions options;
  std::unique_ptr<TestDirectory> test;
  std::shared_ptr<Log> log;
};

TEST_F(RetentionTest, BySizeAtLeastSoMuchStays) {
  open({.retention_ms = -1, .retention_bytes = 1800});
  append(8, test->clock.wall_ms());
  const std::uint64_t batch = log->size_bytes() / 8;
  retain();
  const auto stays = (1800 + batch - 1) / batch;
  EXPECT_EQ(log->start_offset(), Offset{static_cast<std::int64_t>(8 - stays)});
  EXPECT_EQ(log->size_bytes(), stays * batch);
  EXPECT_EQ(files_with(fs, ".log").size(), stays);
  EXPECT_EQ(files_with(fs, ".log.deleted").size(), 8 - stays);
  EXPECT_EQ(read_all(*log).value().size(), stays);
  EXPECT_EQ(log->read(Offset{0}, {log->end_offset(), 1 << 20, true, true}).error().code, Errc::offset_out_of_range);
  retain();
  EXPECT_EQ(files_with(fs, ".log").size(), stays);
}

TEST_F(RetentionTest, FilesGoAfterTheirDelay) {
  open({.retention_ms = -1, .retention_bytes = 0, .file_delete_delay_ms = 5000});
  append(3, test->clock.wall_ms());
  retain();
  EXPECT_EQ(files_with(fs, ".log.deleted").size(), 3U);
  const auto again = test->directory->remove_deleted();
  ASSERT_TRUE(again.has_value() && again->has_value());
  EXPECT_EQ(**again, milliseconds(5000));
  EXPECT_EQ(files_with(fs, ".log.deleted").size(), 3U);
  test->clock.advance(milliseconds(5000));
  ASSERT_TRUE(test->directory->remove_deleted().has_value());
  EXPECT_EQ(files_with(fs, ".deleted"), std::vector<std::string>{});
}

TEST_F(RetentionTest, ByTimeUpToTheFirstSegmentThatStays) {
  open({.retention_ms = hour_ms});
  const auto now = test->clock.wall_ms();
  append(2, now - 2 * hour_ms);
  append(1, now);
  append(1, now - 2 * hour_ms);  // behind a younger one
  append(1, now);
  retain();
  EXPECT_EQ(log->start_offset(), Offset{2});
  test->clock.advance(milliseconds(hour_ms + 1));
  retain();
  EXPECT_EQ(log->start_offset(), Offset{5});
}

TEST_F(RetentionTest, TheActiveSegmentGoesToo) {
  open({.retention_ms = hour_ms});
  append(3, test->clock.wall_ms() - 2 * hour_ms);
  retain();
  EXPECT_EQ(log->start_offset(), Offset{3});
  EXPECT_EQ(log->end_offset(), Offset{3});
  EXPECT_EQ(files_with(fs, ".log"), std::vector<std::string>{"00000000000000000003.log"});
  append(1, test->clock.wall_ms());
  EXPECT_EQ(read_all(*log).value().size(), 1U);
}

TEST_F(RetentionTest, WhatIsInNoFileStays) {
  open({.retention_ms = hour_ms});
  append(1, test->clock.wall_ms() - 2 * hour_ms);
  ASSERT_TRUE(test->append(*log, plain_batch(1, 10, {}, test->clock.wall_ms() - 2 * hour_ms)).has_value());
  ASSERT_TRUE(test->directory->commit().has_value());
  retain();
  EXPECT_EQ(log->start_offset(), Offset{0});
}

TEST_F(RetentionTest, OnlyWithTheDeletePolicyAndFromTheNextPassOn) {
  open({.retention_ms = hour_ms, .retention_bytes = 0, .delete_policy = false});
  append(3, test->clock.wall_ms() - 2 * hour_ms);
  retain();
  EXPECT_EQ(log->start_offset(), Offset{0});
  set({.retention_ms = hour_ms});
  retain();
  EXPECT_EQ(log->start_offset(), Offset{3});
}

TEST_F(RetentionTest, SegmentsBelowDeletedRecordsGoWhateverThePolicy) {
  open({.delete_policy = false});
  append(4, test->clock.wall_ms());
  ASSERT_TRUE(log->advance_start(Offset{2}).has_value());
  retain();  // the new start is not durable yet
  EXPECT_EQ(files_with(fs, ".log").size(), 4U);
  ASSERT_TRUE(test->directory->commit().has_value());
  retain();
  EXPECT_EQ(files_with(fs, ".log").size(), 2U);
}

TEST_F(RetentionTest, AClockThatJumpedDeletesNothing) {
  open({.retention_ms = 24 * hour_ms});
  append(3, test->clock.wall_ms());
  retain();
  test->clock.set_wall_ms(test->clock.wall_ms() + 365 * 24 * hour_ms);
  retain();
  test->clock.advance(milliseconds(hour_ms));
  retain();
  EXPECT_EQ(log->start_offset(), Offset{0});
  test->clock.advance(milliseconds(24 * hour_ms));
  retain();  // nobody set it right
  EXPECT_EQ(log->start_offset(), Offset{3});
}

TEST_F(RetentionTest, TheStartOutlivesACrashAndAStop) {
  open({.retention_ms = hour_ms});
  append(3, test->clock.wall_ms() - 2 * hour_ms);
  append(1, test->clock.wall_ms());
  retain();
  ASSERT_EQ(log->start_offset(), Offset{3});
  for (const bool orderly : {false, true}) {
    std::unique_ptr<MemoryFileSystem> left;
    if (orderly) {
      ASSERT_TRUE(test->directory->close(1).has_value());
    }
    left = fs.after_power_cut(7);
    TestDirectory next(*left, small_options(), 99);
    ASSERT_TRUE(next.open().has_value());
    const auto found = next.log(0, options).value();
    EXPECT_EQ(found->start_offset(), Offset{3});
    EXPECT_EQ(found->end_offset(), Offset{4});
    EXPECT_EQ(read_all(*found).value().size(), 1U);
    EXPECT_EQ(files_with(*left, ".deleted"), std::vector<std::string>{});
  }
}

TEST(RetentionCrash, TheLogIsWholeAfterAnyPowerCut) {
  std::int64_t durable = 0;
  std::int64_t appended = 0;
  CrashOptions crash;
  crash.exhaustive_operations_max = 4;
  crash.samples = 4;
  LogOptions options;
  options.segment_bytes = 1000;
  options.retention_bytes = 1500;
  options.file_delete_delay_ms = 0;
  const auto points = support::for_each_crash(
      crash,
      [&](MemoryFileSystem& fs) {
        durable = appended = 0;
        TestDirectory test(fs);
        if (!test.open()) return;
        auto log = test.log(0, options);
        if (!log) return;
        for (int i = 0; i < 6; ++i) {
          if (!test.append(**log, plain_batch(1, 600, {}, test.clock.wall_ms()))) return;
          ++appended;
          if (!test.directory->commit()) return;
          durable = appended;
          test.clock.advance(milliseconds(2000));
          if (!test.directory->write_behind()) return;
          if (i % 2 == 1 && !test.directory->apply_retention()) return;
          if (i % 3 == 2 && !test.directory->remove_deleted()) return;
        }
      },
      [&](MemoryFileSystem& left, std::string_view what) {
        TestDirectory test(left, small_options(), 2);
        const auto opened = test.open();
        ASSERT_TRUE(opened.has_value()) << what << ": " << base::to_string(opened.error());
        const auto log = test.directory->find({test_topic, PartitionIndex{0}});
        if (log == nullptr) {
          ASSERT_EQ(durable, 0) << what;
          return;
        }
        ASSERT_FALSE(log->offline().has_value()) << what << ": " << log->offline()->message;
        ASSERT_GE(log->end_offset().value(), durable) << what;
        ASSERT_LE(log->end_offset().value(), appended) << what;
        const auto stored = read_all(*log);
        ASSERT_TRUE(stored.has_value()) << what << ": " << base::to_string(stored.error());
        const auto count = static_cast<std::int64_t>(stored->size());
        ASSERT_EQ(count, log->end_offset().value() - log->start_offset().value()) << what << ": a hole";
        ASSERT_GE(count, std::min<std::int64_t>(durable, 2)) << what << ": more went than may";
      });
  EXPECT_GT(points, 50U);
}

// ---- Compaction, beside a model of it.

struct Written {
  std::string key;
  std::optional<std::string> value;
  std::int64_t producer = -1;  // of a transaction
  std::int64_t at_ms = 0;      // when it was appended
  enum class Fate { visible, open, aborted } fate = Fate::visible;
};

/// What a consumer gets: by offset.
using Seen = std::map<std::int64_t, Written>;

/// Reads as a read_committed consumer does: batches up to `upper`, without what the list of aborted transactions
/// says.
base::Result<Seen> consume(Log& log, Offset upper) {
  Seen seen;
  MOLDAU_ASSIGN(const auto listed, log.aborted_transactions(log.start_offset(), upper, true));
  std::multimap<Offset, ProducerId> begin;
  for (const auto& txn : *listed) begin.emplace(txn.first_offset, txn.producer_id);
  std::set<ProducerId> aborting;
  Offset at = log.start_offset();
  while (at < upper) {
    MOLDAU_ASSIGN(const auto part, log.read(at, {upper, 700, true, true}));
    if (part.records.empty()) break;  // the next batch is above
    if (part.next_offset <= at) return base::fail(Errc::unknown, "a read made no progress");
    at = part.next_offset;
    const auto bytes = part.records.flatten();
    for (auto rest = bytes.view(); !rest.empty();) {
      MOLDAU_ASSIGN(const auto view, record::BatchView::parse(rest, record::BatchView::Check::crc));
      rest = rest.subspan(view.size());
      while (!begin.empty() && begin.begin()->first <= view.last_offset()) {
        aborting.insert(begin.begin()->second);
        begin.erase(begin.begin());
      }
      if (view.record_count() == 0) continue;
      if (view.is_control()) {
        MOLDAU_ASSIGN(auto records, record::RecordIterator::open(view));
        MOLDAU_ASSIGN(const auto marker, records.next());
        if (base::load_be<std::int16_t>(marker->key->data() + 2) == 0) aborting.erase(view.producer_id());
        continue;
      }
      if (view.is_transactional() && aborting.contains(view.producer_id())) continue;
      MOLDAU_ASSIGN(auto records, record::RecordIterator::open(view));
      for (;;) {
        MOLDAU_ASSIGN(const auto record, records.next());
        if (!record) break;
        Written one{std::string(base::as_text(*record->key)), {}};
        if (record->value) one.value = std::string(base::as_text(*record->value));
        seen[record->offset.value()] = one;
      }
    }
  }
  return seen;
}

/// Look-ups by time find what going through all records finds.
void check_times(Log& log, std::string_view what) {
  const auto end = log.end_offset();
  std::vector<std::pair<Offset, std::int64_t>> records;
  for (Offset at = log.start_offset(); at < end;) {
    const auto part = log.read(at, {end, 1 << 20, true, true});
    ASSERT_TRUE(part.has_value()) << what;
    if (part->records.empty()) break;
    at = part->next_offset;
    const auto bytes = part->records.flatten();
    for (auto rest = bytes.view(); !rest.empty();) {
      const auto view = record::BatchView::parse(rest, record::BatchView::Check::crc);
      ASSERT_TRUE(view.has_value()) << what;
      rest = rest.subspan(view->size());
      if (view->record_count() == 0) continue;
      auto opened = record::RecordIterator::open(*view);
      ASSERT_TRUE(opened.has_value()) << what;
      for (auto record = opened->next(); record && *record; record = opened->next())
        records.emplace_back((*record)->offset, (*record)->timestamp_ms);
    }
  }
  std::set<std::int64_t> times;
  for (const auto& [offset, timestamp_ms] : records) times.insert(timestamp_ms);
  for (const auto target_ms : times) {
    const auto first = std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.second >= target_ms; });
    const auto found = log.find_timestamp(target_ms, end);
    ASSERT_TRUE(found.has_value() && found->has_value()) << what << ": nothing from " << target_ms << " on";
    ASSERT_EQ((*found)->offset, first->first) << what << ": from " << target_ms << " on";
  }
}

/// A log with `cleanup.policy=compact`, and all that was ever written to it.
class Story {
 public:
  static constexpr std::int64_t retention_ms = 60'000;

  Story(std::unique_ptr<MemoryFileSystem> disk, std::uint64_t seed) : fs(std::move(disk)), random(seed) {}

  base::Status open() {
    test = std::make_unique<TestDirectory>(*fs, small_options(), ++life);
    test->clock.set_wall_ms(wall_ms);
    MOLDAU_TRY(test->open());
    MOLDAU_ASSIGN(log, test->log(0, options()));
    return {};
  }
  void close_objects() {
    wall_ms = test->clock.wall_ms();
    log.reset();
    test.reset();
  }
  LogOptions options() const {
    LogOptions result;
    result.segment_bytes = 1500;
    result.index_interval_bytes = 200;
    result.delete_policy = false;
    result.compact_policy = true;
    result.delete_retention_ms = retention_ms;
    result.min_cleanable_dirty_ratio = 0.01;
    result.file_delete_delay_ms = 0;
    return result;
  }
  std::uint64_t below(std::uint64_t end) { return random() % end; }

  /// A batch of some records, perhaps in a transaction, perhaps the end of one.
  base::Status append() {
    const auto dice = below(10);
    const std::int64_t producer = static_cast<std::int64_t>(below(3));
    if (dice < 2 && in_transaction.contains(producer)) return end(producer, dice == 0);
    const bool transactional = dice < 6;
    record::BatchOptions batch_options;
    batch_options.compression = below(3) == 0 ? record::Compression::lz4 : record::Compression::none;
    AppendContext context{LeaderEpoch{0}, test->clock.wall_ms(), AppendOrigin::client};
    if (transactional) {
      batch_options.producer_id = ProducerId{producer};
      batch_options.producer_epoch = ProducerEpoch{0};
      batch_options.base_sequence = sequences[producer];
      batch_options.transactional = true;
      MOLDAU_ASSIGN(context.verified, log->begin_verification(ProducerId{producer}, ProducerEpoch{0},
                                                              batch_options.base_sequence));
    }
    record::BatchBuilder builder(batch_options);
    std::vector<Written> records;
    for (std::uint64_t count = 1 + below(4); count > 0; --count) {
      Written one{"k" + std::to_string(below(keys)), {}, transactional ? producer : -1, test->clock.wall_ms(),
                  transactional ? Written::Fate::open : Written::Fate::visible};
      if (below(5) != 0) one.value = std::to_string(++values) + std::string(below(120), 'v');
      builder.append(test->clock.wall_ms(), base::as_bytes(one.key),
                     one.value ? std::optional(base::as_bytes(*one.value)) : std::nullopt);
      records.push_back(std::move(one));
    }
    MOLDAU_ASSIGN(auto bytes, builder.build());
    MOLDAU_ASSIGN(const auto appended, log->append_as_leader(std::move(bytes), context));
    auto offset = appended.first_offset.value();
    if (transactional) {
      in_transaction.insert(producer);
      sequences[producer] += static_cast<std::int32_t>(records.size());
    }
    for (auto& one : records) written[offset++] = std::move(one);
    return {};
  }
  base::Status end(std::int64_t producer, bool commit) {
    MOLDAU_ASSIGN(auto bytes, record::build_marker_batch({.producer_id = ProducerId{producer},
                                                          .producer_epoch = ProducerEpoch{0},
                                                          .commit = commit,
                                                          .coordinator_epoch = 0},
                                                         test->clock.wall_ms()));
    MOLDAU_TRY(log->append_as_leader(std::move(bytes),
                                     {LeaderEpoch{0}, test->clock.wall_ms(), AppendOrigin::coordinator}));
    in_transaction.erase(producer);
    for (auto& [offset, one] : written)
      if (one.producer == producer && one.fate == Written::Fate::open)
        one.fate = commit ? Written::Fate::visible : Written::Fate::aborted;
    return {};
  }
  base::Status write_down() {
    MOLDAU_TRY(test->directory->commit());
    durable_end = log->end_offset().value();
    test->clock.advance(milliseconds(1100));
    MOLDAU_TRY(test->directory->write_behind());
    return {};
  }
  base::Status compact(std::uint64_t key_bytes_max = 1 << 20) {
    CompactionControl control;
    control.key_bytes_max = key_bytes_max;
    tried_end = log->end_offset().value();
    for (;;) {
      MOLDAU_ASSIGN(const auto done, test->directory->compact(control));
      if (!done) return {};
      compacted_end = std::max(compacted_end, done->end.value());
      ++rounds;
    }
  }
  /// What must be seen of `records` up to `upper`, and what may.
  void check(const Seen& seen, std::int64_t upper, std::string_view what) const {
    std::map<std::string, std::int64_t> newest;
    std::map<std::string, int> below_compacted;
    for (const auto& [offset, one] : written)
      if (offset < upper && one.fate == Written::Fate::visible) newest[one.key] = offset;
    for (const auto& [offset, one] : seen) {
      const auto sent = written.find(offset);
      ASSERT_NE(sent, written.end()) << what << ": nobody wrote offset " << offset;
      ASSERT_EQ(sent->second.key, one.key) << what << " at " << offset;
      ASSERT_EQ(sent->second.value, one.value) << what << " at " << offset;
      ASSERT_EQ(sent->second.fate, Written::Fate::visible) << what << ": of an aborted transaction, offset " << offset;
      if (offset < compacted_end) ++below_compacted[one.key];
    }
    for (const auto& [key, count] : below_compacted)
      ASSERT_EQ(count, 1) << what << ": " << key << " was compacted and is there " << count << " times";
    for (const auto& [key, offset] : newest) {
      const Written& one = written.at(offset);
      if (seen.contains(offset)) continue;
      ASSERT_FALSE(one.value.has_value()) << what << ": the newest value of " << key << " is gone, offset " << offset;
      ASSERT_LE(one.at_ms + retention_ms, test->clock.wall_ms())
          << what << ": the tombstone of " << key << " went too early, offset " << offset;
      for (const auto& [older, other] : seen)
        ASSERT_FALSE(other.key == key) << what << ": " << key << " was deleted and is back, offset " << older;
    }
    for (const auto& [offset, one] : written)
      if (offset >= tried_end && offset < upper && one.fate == Written::Fate::visible) {
        ASSERT_TRUE(seen.contains(offset)) << what << ": not compacted yet and gone, offset " << offset;
      }
  }
  void check(std::string_view what) {
    const auto upper = log->first_unstable_offset().value_or(log->end_offset());
    const auto seen = consume(*log, upper);
    ASSERT_TRUE(seen.has_value()) << what << ": " << base::to_string(seen.error());
    check(*seen, upper.value(), what);
  }

  std::unique_ptr<MemoryFileSystem> fs;
  std::mt19937_64 random;
  std::uint64_t keys = 8;
  std::uint64_t life = 0;
  std::uint64_t values = 0;
  std::uint64_t rounds = 0;
  std::int64_t wall_ms = 1'700'000'000'000;
  std::unique_ptr<TestDirectory> test;
  std::shared_ptr<Log> log;
  Seen written;
  std::int64_t durable_end = 0;
  std::int64_t compacted_end = 0;
  std::int64_t tried_end = 0;  // a round that was interrupted may have judged what is below
  std::map<std::int64_t, std::int32_t> sequences;
  std::set<std::int64_t> in_transaction;
};

/// One random history with rolls, rounds of compaction, time that passes, starts and power cuts.
void run_history(std::uint64_t seed, std::uint64_t& compactions, std::uint64_t& crashes) {
  Story story(std::make_unique<MemoryFileSystem>(), seed);
  story.keys = 2 + seed % 20;
  ASSERT_TRUE(story.open().has_value());
  for (int step = 0; step < 12; ++step) {
    const std::string what = "seed " + std::to_string(seed) + ", step " + std::to_string(step);
    for (std::uint64_t batches = story.below(12); batches > 0; --batches) {
      const auto appended = story.append();
      ASSERT_TRUE(appended.has_value()) << what << ": " << base::to_string(appended.error());
    }
    ASSERT_TRUE(story.write_down().has_value()) << what;
    if (story.below(3) == 0) story.test->clock.advance(milliseconds(Story::retention_ms));
    const bool crash = story.below(4) == 0;
    if (crash) story.fs->crash_in(1 + story.below(40));
    const auto compacted = story.compact();
    if (crash) {
      // The transactions that are open go on, so that the model need not guess.
      auto left = story.below(3) == 0 ? story.fs->after_kill() : story.fs->after_power_cut(seed * 31 + static_cast<std::uint64_t>(step));
      story.close_objects();
      story.fs = std::move(left);
      const auto opened = story.open();
      ASSERT_TRUE(opened.has_value()) << what << ": " << base::to_string(opened.error());
      ASSERT_FALSE(story.log->offline().has_value()) << what << ": " << story.log->offline()->message;
      ASSERT_EQ(story.log->end_offset().value(), story.durable_end) << what;
      ++crashes;
      // What was on its way to be compacted may be so or not.
      const auto before = std::exchange(story.compacted_end, 0);
      ASSERT_NO_FATAL_FAILURE(story.check(what + " after a crash"));
      story.compacted_end = before;
      ASSERT_TRUE(story.compact().has_value()) << what;
    } else {
      ASSERT_TRUE(compacted.has_value()) << what << ": " << base::to_string(compacted.error());
    }
    ASSERT_NO_FATAL_FAILURE(story.check(what));
    if (story.below(6) == 0) {
      ASSERT_TRUE(story.test->directory->close(1).has_value()) << what;
      auto left = story.fs->after_power_cut(static_cast<std::uint64_t>(step));
      story.close_objects();
      story.fs = std::move(left);
      ASSERT_TRUE(story.open().has_value()) << what;
      ASSERT_NO_FATAL_FAILURE(story.check(what + " after a stop"));
    }
  }
  compactions += story.rounds;
}

TEST(Compaction, EqualsAModelInRandomHistories) {
  std::uint64_t compactions = 0;
  std::uint64_t crashes = 0;
  const std::uint64_t histories = support::rounds<std::uint64_t>(500);
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    ASSERT_NO_FATAL_FAILURE(run_history(seed, compactions, crashes));
  }
  EXPECT_GT(compactions, 2 * histories);
  EXPECT_GT(crashes, histories);
}

TEST(Compaction, ACrashAnywhereLeavesTheOldOrTheNew) {
  std::unique_ptr<Story> story;
  CrashOptions crash;
  crash.exhaustive_operations_max = 6;
  crash.samples = 4;
  std::uint64_t first = 0;
  const auto work = [&](MemoryFileSystem& fs) {
    // The same history each time, on a disk of which the test keeps the end.
    story = std::make_unique<Story>(nullptr, 5);
    story->test = std::make_unique<TestDirectory>(fs, small_options(), 1);
    if (!story->test->open()) return;
    auto log = story->test->log(0, story->options());
    if (!log) return;
    story->log = *log;
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 14; ++i)
        if (!story->append()) return;
      if (!story->write_down()) return;
      if (first == 0) first = fs.operations();
      if (!story->compact()) return;
      story->test->clock.advance(milliseconds(Story::retention_ms));
    }
  };
  const auto points = support::for_each_crash(crash, work, [&](MemoryFileSystem& left, std::string_view what) {
    TestDirectory next(left, small_options(), 2);
    const auto opened = next.open();
    ASSERT_TRUE(opened.has_value()) << what << ": " << base::to_string(opened.error());
    const auto log = next.directory->find({test_topic, PartitionIndex{0}});
    if (log == nullptr) {
      ASSERT_EQ(story->durable_end, 0) << what;
      return;
    }
    ASSERT_FALSE(log->offline().has_value()) << what << ": " << log->offline()->message;
    ASSERT_GE(log->end_offset().value(), story->durable_end) << what;
    // Of what came after the last commit anything may have survived: only what is below is judged.
    const auto upper = std::min(log->first_unstable_offset().value_or(log->end_offset()), Offset{story->durable_end});
    const auto seen = consume(*log, upper);
    ASSERT_TRUE(seen.has_value()) << what << ": " << base::to_string(seen.error());
    Story judge(nullptr, 1);
    judge.test = std::make_unique<TestDirectory>(left, small_options(), 3);
    judge.test->clock.set_wall_ms(story->test->clock.wall_ms());
    // A marker behind the last commit may be there: without it the log itself says that nothing of the transaction
    // is to be judged.
    judge.written = story->written;
    judge.written.erase(judge.written.lower_bound(story->durable_end), judge.written.end());
    judge.tried_end = story->tried_end;
    judge.check(*seen, upper.value(), what);
    ASSERT_NO_FATAL_FAILURE(check_times(*log, what));
    EXPECT_EQ(files_with(left, ".swap"), std::vector<std::string>{}) << what;
    EXPECT_EQ(files_with(left, ".cleaned"), std::vector<std::string>{}) << what;
  });
  EXPECT_GT(points, first + 30);
}

class CompactionTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(story.open().has_value()); }
  /// One record in a batch of its own.
  void put(const std::string& key, std::optional<std::string> value, std::int64_t timestamp_ms = 0) {
    record::BatchBuilder builder({});
    const auto at = timestamp_ms == 0 ? story.test->clock.wall_ms() : timestamp_ms;
    builder.append(at, base::as_bytes(key), value ? std::optional(base::as_bytes(*value)) : std::nullopt);
    const auto appended = story.test->append(*story.log, builder.build().value());
    ASSERT_TRUE(appended.has_value());
    story.written[appended->first_offset.value()] = {key, value, -1, story.test->clock.wall_ms()};
  }
  /// Large enough that a segment is full after three.
  static std::string large(const std::string& what) { return what + std::string(400, '.'); }
  std::vector<std::int64_t> offsets() {
    std::vector<std::int64_t> result;
    for (const auto& [offset, one] : consume(*story.log, story.log->end_offset()).value()) result.push_back(offset);
    return result;
  }
  void compact() {
    ASSERT_TRUE(story.write_down().has_value());
    ASSERT_TRUE(story.compact().has_value());
  }
  using Offsets = std::vector<std::int64_t>;
  Story story{std::make_unique<MemoryFileSystem>(), 1};
};

TEST_F(CompactionTest, OfEachKeyTheNewestStaysAtItsOffset) {
  for (int i = 0; i < 9; ++i) put("k" + std::to_string(i % 2), large(std::to_string(i)));
  compact();
  // The active segment, from 6 on, is left alone; of what is below one of each key and nothing else.
  EXPECT_EQ(offsets(), (Offsets{4, 5, 6, 7, 8}));
  EXPECT_EQ(story.log->start_offset(), Offset{0});
  // Segments that have become small become one, the next time.
  ASSERT_EQ(files_with(*story.fs, ".log").size(), 3U);
  for (int i = 0; i < 3; ++i) put("k" + std::to_string(i % 2), large(std::to_string(i)));
  compact();
  EXPECT_EQ(offsets(), (Offsets{7, 8, 9, 10, 11}));
  EXPECT_EQ(files_with(*story.fs, ".log").size(), 3U);
}

TEST_F(CompactionTest, ATombstoneStaysForItsTimeAndItsKeyDoesNotComeBack) {
  put("a", large("1"));
  put("a", std::nullopt);
  for (int i = 0; i < 4; ++i) put("b", large("b"));
  compact();
  EXPECT_EQ(offsets(), (Offsets{1, 3, 4, 5}));
  story.test->clock.advance(milliseconds(Story::retention_ms));
  for (int i = 0; i < 4; ++i) put("b", large("b"));
  compact();
  EXPECT_EQ(offsets(), (Offsets{6, 7, 8, 9}));
}

TEST_F(CompactionTest, LagsAndRatioDecideWhen) {
  auto options = story.options();
  options.min_compaction_lag_ms = hour_ms;
  story.log->set_options(options);
  for (int i = 0; i < 9; ++i) put("k", large("v"));
  compact();
  EXPECT_EQ(story.rounds, 0U);
  story.test->clock.advance(milliseconds(hour_ms + 5000));
  compact();
  EXPECT_EQ(story.rounds, 1U);
  options.min_compaction_lag_ms = 0;
  options.min_cleanable_dirty_ratio = 0.99;
  options.max_compaction_lag_ms = 2 * hour_ms;
  story.log->set_options(options);
  for (int i = 0; i < 6; ++i) put("k", large("v"));
  compact();
  EXPECT_EQ(story.rounds, 1U);  // something is clean, so the ratio is below
  story.test->clock.advance(milliseconds(2 * hour_ms + 1));
  compact();
  EXPECT_EQ(story.rounds, 2U);
  // Whichever of the segments has it: these begin with a record of now.
  const auto now = story.test->clock.wall_ms();
  for (int i = 0; i < 3; ++i) put("k", large("v"), now);
  for (int i = 0; i < 6; ++i) put("k", large("v"), now - 3 * hour_ms);
  compact();
  EXPECT_EQ(story.rounds, 3U);
}

TEST_F(CompactionTest, MoreKeysThanMemoryTakeSeveralRounds) {
  for (int i = 0; i < 3000; ++i) put("key" + std::to_string(i % 1500), std::to_string(i));
  put("last", large("1"));
  put("last", large("2"));
  put("last", large("3"));
  ASSERT_TRUE(story.write_down().has_value());
  ASSERT_TRUE(story.compact(0).has_value());  // the smallest: 768 keys
  EXPECT_GT(story.rounds, 2U);
  ASSERT_NO_FATAL_FAILURE(story.check("several rounds"));
}

TEST_F(CompactionTest, WhoReadsGoesOnWithWhatWasThere) {
  for (int i = 0; i < 9; ++i) put("k", large(std::to_string(i)));
  ASSERT_TRUE(story.write_down().has_value());
  ASSERT_TRUE(story.test->directory->checkpoint().has_value());
  const auto before = story.log->read(Offset{0}, {story.log->end_offset(), 1 << 20, true, true}).value();
  const auto bytes = before.records.flatten();
  ASSERT_TRUE(story.compact().has_value());
  ASSERT_TRUE(story.test->directory->remove_deleted().has_value());
  EXPECT_EQ(base::as_text(before.records.flatten().view()), base::as_text(bytes.view()));
}

TEST_F(CompactionTest, StoppedItLeavesNothingBehind) {
  for (int i = 0; i < 9; ++i) put("k", large(std::to_string(i)));
  ASSERT_TRUE(story.write_down().has_value());
  story.tried_end = story.log->end_offset().value();
  for (int after = 0; after < 40; ++after) {
    CompactionControl control;
    control.is_stopped = [left = after]() mutable { return left-- == 0; };
    const auto done = story.test->directory->compact(control);
    ASSERT_TRUE(done.has_value());
    EXPECT_EQ(files_with(*story.fs, ".cleaned"), std::vector<std::string>{});
    ASSERT_NO_FATAL_FAILURE(story.check("stopped"));
    if (*done) return;
  }
  ADD_FAILURE() << "it never came to its end";
}

TEST_F(CompactionTest, IndexesThatAStartDoesNotFindAreMadeByTheStop) {
  for (int i = 0; i < 9; ++i) put("k" + std::to_string(i), large("v"));
  compact();
  ASSERT_TRUE(story.test->directory->close(1).has_value());
  const auto whole = story.fs->list("data/topic-0").value();
  ASSERT_TRUE(story.fs->remove("data/topic-0/00000000000000000000.index").has_value());
  ASSERT_TRUE(story.fs->remove("data/topic-0/00000000000000000003.timeindex").has_value());
  story.close_objects();
  ASSERT_TRUE(story.open().has_value());
  ASSERT_NO_FATAL_FAILURE(check_times(*story.log, "without indexes"));
  ASSERT_TRUE(story.test->directory->close(2).has_value());
  EXPECT_EQ(story.fs->list("data/topic-0").value(), whole);
}

TEST_F(CompactionTest, DamageStopsItForThatLogAndChangesNothing) {
  for (int i = 0; i < 9; ++i) put("k", large(std::to_string(i)));
  ASSERT_TRUE(story.write_down().has_value());
  ASSERT_TRUE(story.test->directory->checkpoint().has_value());
  const auto names = files_with(*story.fs, ".log");
  story.fs->flip_bit("data/topic-0/" + names.front(), 150, 3);
  const auto done = story.test->directory->compact({});
  ASSERT_TRUE(done.has_value());
  EXPECT_FALSE(done->has_value());
  EXPECT_EQ(files_with(*story.fs, ".log"), names);
  EXPECT_EQ(story.test->directory->failed(), std::nullopt);
}

}  // namespace moldau::storage::cleanup_test
