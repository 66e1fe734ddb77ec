// What a log takes from transactional producers and their coordinator, and what it says of transactions
// (protocol.md edge cases 19 to 26, 33, 34; KIP-98, KIP-890, KIP-1228).

#include <gtest/gtest.h>

#include "moldau/base/crc32c.hpp"
#include "moldau/record/transaction_marker.hpp"
#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::storage {

using base::Errc;
using support::MemoryFileSystem;
using support::plain_batch;

namespace {

const std::string txn_index = "data/topic-0/00000000000000000000.txnindex";

class TransactionsTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }

  void open(const LogOptions& options = {}) {
    test = std::make_unique<TestDirectory>(*fs, small_options(), ++life);
    ASSERT_TRUE(test->open().has_value());
    log = test->log(0, options).value();
  }
  void close_objects() {
    log.reset();
    test.reset();
  }
  /// The process dies and comes again.
  void restart_after_kill() {
    auto left = fs->after_kill();
    close_objects();
    fs = std::move(left);
    open();
  }
  void stop() {
    ASSERT_TRUE(test->directory->close(1).has_value());
    close_objects();
  }
  void write_down() {
    ASSERT_TRUE(test->directory->commit().has_value());
    ASSERT_TRUE(test->directory->checkpoint().has_value());
  }

  struct Data {
    std::int32_t sequence = 0;
    int count = 1;
    std::int16_t epoch = 0;
    bool transactional = true;
    std::size_t value_bytes = 10;
  };
  base::Result<Appended> append_as(AppendContext context, std::int64_t producer, const Data& data) {
    record::BatchOptions options;
    options.producer_id = ProducerId{producer};
    options.producer_epoch = ProducerEpoch{data.epoch};
    options.base_sequence = data.sequence;
    options.transactional = data.transactional;
    context.now_ms = test->clock.wall_ms();
    return log->append_as_leader(plain_batch(data.count, data.value_bytes, options), context);
  }
  /// As the handler of Produce does, of a producer whose transaction the coordinator knows.
  base::Result<Appended> append(std::int64_t producer, const Data& data, std::int16_t version = 0) {
    AppendContext context;
    context.transaction_version = version;
    MOLDAU_ASSIGN(context.verified,
                  log->begin_verification(ProducerId{producer}, ProducerEpoch{data.epoch}, data.sequence));
    return append_as(context, producer, data);
  }
  base::Result<Appended> end(std::int64_t producer, std::int16_t epoch, bool commit,
                             std::int16_t version = 0, std::int32_t coordinator_epoch = 0) {
    auto batch = record::build_marker_batch({.producer_id = ProducerId{producer},
                                             .producer_epoch = ProducerEpoch{epoch},
                                             .commit = commit,
                                             .coordinator_epoch = coordinator_epoch},
                                            test->clock.wall_ms());
    AppendContext context;
    context.origin = AppendOrigin::coordinator;
    context.transaction_version = version;
    return log->append_as_leader(std::move(batch).value(), context);
  }
  ProducerSummary producer(std::int64_t id) {
    for (const auto& summary : log->producers())
      if (summary.producer_id == ProducerId{id}) return summary;
    ADD_FAILURE() << "no producer " << id;
    return {};
  }
  std::vector<AbortedTransaction> aborted(std::int64_t from, std::int64_t upper) {
    return log->aborted_transactions(Offset{from}, Offset{upper}, true).value().value();
  }

  std::unique_ptr<MemoryFileSystem> fs = std::make_unique<MemoryFileSystem>();
  std::uint64_t life = 0;
  std::unique_ptr<TestDirectory> test;
  std::shared_ptr<Log> log;
};

/// 34 bytes each: version, producer, first offset, marker, last stable offset.
std::vector<std::array<std::int64_t, 5>> entries_of(const std::string& file) {
  std::vector<std::array<std::int64_t, 5>> entries;
  for (std::size_t at = 0; at + 34 <= file.size(); at += 34) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(file.data()) + at;
    entries.push_back({base::load_be<std::int16_t>(bytes), base::load_be<std::int64_t>(bytes + 2),
                       base::load_be<std::int64_t>(bytes + 10), base::load_be<std::int64_t>(bytes + 18),
                       base::load_be<std::int64_t>(bytes + 26)});
  }
  EXPECT_EQ(file.size() % 34, 0U);
  return entries;
}

using Entries = std::vector<std::array<std::int64_t, 5>>;
using Aborted = std::vector<AbortedTransaction>;

}  // namespace

// ---- Verification (KIP-890).

TEST_F(TransactionsTest, ATransactionIsNotBegunUnverified) {
  EXPECT_EQ(append_as({}, 7, {}).error().code, Errc::transaction_not_verified);
  EXPECT_TRUE(append(7, {}).has_value());
  // From here on the log itself knows that the transaction is open.
  EXPECT_EQ(log->begin_verification(ProducerId{7}, ProducerEpoch{0}, 1).value(), std::nullopt);
  EXPECT_TRUE(append_as({}, 7, {.sequence = 1}).has_value());
  ASSERT_TRUE(end(7, 0, true).has_value());
  EXPECT_EQ(append_as({}, 7, {.sequence = 2}).error().code, Errc::transaction_not_verified);
  // Another epoch's transaction is another one.
  ASSERT_TRUE(append(7, {.sequence = 2}).has_value());
  EXPECT_EQ(append_as({}, 7, {.epoch = 1}).error().code, Errc::transaction_not_verified);
}

TEST_F(TransactionsTest, AMarkerInBetweenMakesAVerificationWorthless) {
  for (int round = 0; round < 2; ++round) {  // of a producer that the log does not know, and of one it does
    AppendContext context;
    const auto sequence = static_cast<std::int32_t>(round);
    context.verified = log->begin_verification(ProducerId{7}, ProducerEpoch{0}, sequence).value();
    ASSERT_TRUE(context.verified.has_value());
    ASSERT_TRUE(end(7, 0, false).has_value());
    EXPECT_EQ(append_as(context, 7, {.sequence = sequence}).error().code,
              Errc::transaction_not_verified);
    EXPECT_EQ(log->oldest_open_transaction(), std::nullopt);
    ASSERT_TRUE(append(7, {.sequence = sequence}).has_value());
    ASSERT_TRUE(end(7, 0, true).has_value());
  }
}

TEST_F(TransactionsTest, ACoordinatorVerifiesForItself) {
  AppendContext context;
  context.origin = AppendOrigin::coordinator;
  EXPECT_TRUE(append_as(context, 7, {}).has_value());
  EXPECT_EQ(log->first_unstable_offset(), Offset{0});
}

TEST_F(TransactionsTest, ABatchDoesNotOvertakeOneThatCouldNotBeVerified) {
  // Both were sent; the coordinator had no answer for the first one.
  (void)log->begin_verification(ProducerId{7}, ProducerEpoch{0}, 0).value();
  EXPECT_EQ(append(7, {.sequence = 5}).error().code, Errc::out_of_order_sequence);
  EXPECT_TRUE(append(7, {.sequence = 0, .count = 5}).has_value());
  EXPECT_TRUE(append(7, {.sequence = 5}).has_value());
  // Nothing else is known of this one: its state may have been forgotten.
  EXPECT_TRUE(append(8, {.sequence = 5}).has_value());
}

TEST_F(TransactionsTest, AProducerOfVersion2BeginsAtSequenceZero) {
  EXPECT_EQ(append(7, {.sequence = 1}, 2).error().code, Errc::out_of_order_sequence);
  EXPECT_TRUE(append(7, {.sequence = 0}, 2).has_value());
  ASSERT_TRUE(end(7, 1, true, 2).has_value());
  EXPECT_EQ(append(7, {.sequence = 1, .epoch = 1}, 2).error().code, Errc::out_of_order_sequence);
  EXPECT_TRUE(append(7, {.sequence = 0, .epoch = 1}, 2).has_value());
}

// ---- Epochs and markers.

TEST_F(TransactionsTest, ALateBatchOfAFinishedTransactionIsFenced) {
  ASSERT_TRUE(append(7, {.sequence = 0}, 2).has_value());
  ASSERT_TRUE(end(7, 1, true, 2).has_value());
  const auto is_fenced = [&] {
    return append(7, {.sequence = 1}, 2).error().code == Errc::invalid_producer_epoch &&
           append_as({}, 7, {.sequence = 1}).error().code == Errc::invalid_producer_epoch &&
           append(7, {.sequence = 0}, 2).error().code == Errc::invalid_producer_epoch;  // sent twice
  };
  EXPECT_TRUE(is_fenced());
  ASSERT_TRUE(test->directory->commit().has_value());
  restart_after_kill();
  EXPECT_TRUE(is_fenced());
  stop();
  ASSERT_TRUE(fs->remove("data/.moldau.closed").has_value());  // the snapshot has it too
  open();
  EXPECT_TRUE(is_fenced());
  EXPECT_EQ(producer(7).producer_epoch, ProducerEpoch{1});
  EXPECT_EQ(producer(7).last_sequence, -1);
  EXPECT_TRUE(append(7, {.sequence = 0, .epoch = 1}, 2).has_value());
}

TEST_F(TransactionsTest, MarkersOfAnOlderCoordinatorAreFenced) {
  ASSERT_TRUE(append(7, {}).has_value());
  ASSERT_TRUE(end(7, 0, true, 0, 5).has_value());
  EXPECT_EQ(end(7, 0, true, 0, 4).error().code, Errc::transaction_coordinator_fenced);
  EXPECT_TRUE(end(7, 0, true, 0, 5).has_value());
  EXPECT_TRUE(end(7, 0, true, 0, 6).has_value());
  EXPECT_EQ(producer(7).coordinator_epoch, 6);
}

TEST_F(TransactionsTest, MarkersOfAnOlderEpochAreRefused) {
  ASSERT_TRUE(append(7, {.epoch = 3}).has_value());
  EXPECT_EQ(end(7, 2, true).error().code, Errc::invalid_producer_epoch);
  EXPECT_EQ(end(7, 2, true, 2).error().code, Errc::invalid_producer_epoch);
  EXPECT_TRUE(end(7, 3, true).has_value());
}

TEST_F(TransactionsTest, AMarkerOfVersion2RaisesTheEpoch) {
  ASSERT_TRUE(append(7, {.epoch = 3}, 2).has_value());
  // One of the transaction before this one, late.
  EXPECT_EQ(end(7, 3, true, 2).error().code, Errc::invalid_producer_epoch);
  EXPECT_EQ(log->first_unstable_offset(), Offset{0});
  EXPECT_TRUE(end(7, 4, true, 2).has_value());
  EXPECT_TRUE(end(7, 4, true, 2).has_value());  // the same one again
  ASSERT_TRUE(append(7, {.epoch = 4}, 2).has_value());
  EXPECT_EQ(end(7, 4, true, 2).error().code, Errc::invalid_producer_epoch);
  // Where it cannot rise any more.
  ASSERT_TRUE(append(8, {.epoch = 32767}, 2).has_value());
  EXPECT_TRUE(end(8, 32767, true, 2).has_value());
}

TEST_F(TransactionsTest, AMarkerIsAppendedWhereNothingIsKnownOfItsProducer) {
  EXPECT_EQ(end(7, 2, false, 0, 9).value().first_offset, Offset{0});
  const auto known = producer(7);
  EXPECT_EQ(known.producer_epoch, ProducerEpoch{2});
  EXPECT_EQ(known.coordinator_epoch, 9);
  EXPECT_EQ(known.last_sequence, -1);
  EXPECT_EQ(known.current_txn_first_offset, no_offset);
  EXPECT_EQ(aborted(0, 1), Aborted{});  // it ended nothing
}

TEST_F(TransactionsTest, NothingElseMayBeAppendedDuringATransaction) {
  ASSERT_TRUE(append(7, {}).has_value());
  EXPECT_EQ(append_as({}, 7, {.sequence = 1, .transactional = false}).error().code,
            Errc::invalid_txn_state);
  EXPECT_TRUE(append_as({}, 7, {.sequence = 1}).has_value());
  ASSERT_TRUE(end(7, 0, true).has_value());
  EXPECT_TRUE(append_as({}, 7, {.sequence = 2, .transactional = false}).has_value());
}

TEST_F(TransactionsTest, TheCleanersEmptyControlBatchIsPassedOver) {
  ASSERT_TRUE(append(7, {}).has_value());
  auto batch = record::build_marker_batch({.producer_id = ProducerId{7}, .commit = true}, 1).value();
  batch = batch.slice(0, record::batch_format::header_bytes);
  auto bytes = batch.mutable_view();
  namespace at = record::batch_format;
  base::store_be(bytes.data() + at::length_at,
                 static_cast<std::int32_t>(at::header_bytes - at::length_overhead));
  base::store_be(bytes.data() + at::record_count_at, std::int32_t{0});
  base::store_be(bytes.data() + at::crc_at, base::crc32c(batch.view().subspan(at::attributes_at)));
  record::set_base_offset(bytes, Offset{1});
  record::set_leader_epoch(bytes, LeaderEpoch{0});
  ASSERT_TRUE(log->append_as_follower(batch, 0).has_value());
  EXPECT_EQ(log->first_unstable_offset(), Offset{0});
  ASSERT_TRUE(test->directory->commit().has_value());
  restart_after_kill();
  EXPECT_EQ(log->first_unstable_offset(), Offset{0});
  EXPECT_EQ(log->end_offset(), Offset{2});
}

// ---- What readers are told.

TEST_F(TransactionsTest, TheFirstUnstableOffsetWaitsForTheMarkerToBeDurable) {
  ASSERT_TRUE(append(7, {}).has_value());
  ASSERT_TRUE(append(8, {}).has_value());
  ASSERT_TRUE(test->directory->commit().has_value());
  EXPECT_EQ(log->first_unstable_offset(), Offset{0});
  ASSERT_TRUE(end(7, 0, true).has_value());
  EXPECT_EQ(log->first_unstable_offset(), Offset{0});  // a power cut could still take the marker
  EXPECT_EQ(log->oldest_open_transaction(),
            (OpenTransaction{ProducerId{8}, Offset{1}, producer(8).last_timestamp_ms}));
  ASSERT_TRUE(test->directory->commit().has_value());
  EXPECT_EQ(log->first_unstable_offset(), Offset{1});
  ASSERT_TRUE(end(8, 0, true).has_value());
  ASSERT_TRUE(test->directory->commit().has_value());
  EXPECT_EQ(log->first_unstable_offset(), std::nullopt);
  EXPECT_EQ(log->oldest_open_transaction(), std::nullopt);
}

TEST_F(TransactionsTest, AnOpenTransactionBelowTheStartCountsFromTheStart) {
  ASSERT_TRUE(append(7, {.count = 10}).has_value());
  ASSERT_TRUE(test->directory->commit().has_value());
  ASSERT_TRUE(log->advance_start(Offset{4}).has_value());
  EXPECT_EQ(log->first_unstable_offset(), Offset{4});
  ASSERT_TRUE(end(7, 0, false).has_value());
  EXPECT_EQ(aborted(4, 11), (Aborted{{ProducerId{7}, Offset{0}}}));
}

TEST_F(TransactionsTest, AbortedOnesAreListedByTheirFirstOffset) {
  ASSERT_TRUE(append(7, {}).has_value());                            // 0
  ASSERT_TRUE(append(8, {}).has_value());                            // 1
  ASSERT_TRUE(append(9, {}).has_value());                            // 2
  ASSERT_TRUE(end(9, 0, false).has_value());                         // 3
  ASSERT_TRUE(end(8, 0, true).has_value());                          // 4
  ASSERT_TRUE(end(7, 0, false).has_value());                         // 5
  ASSERT_TRUE(append(8, {.sequence = 1}).has_value());               // 6
  ASSERT_TRUE(end(8, 0, false).has_value());                         // 7
  const auto check = [&] {
    EXPECT_EQ(aborted(0, 8), (Aborted{{ProducerId{7}, Offset{0}}, {ProducerId{9}, Offset{2}},
                                      {ProducerId{8}, Offset{6}}}));
    EXPECT_EQ(aborted(3, 5), (Aborted{{ProducerId{7}, Offset{0}}, {ProducerId{9}, Offset{2}}}));
    EXPECT_EQ(aborted(4, 6), (Aborted{{ProducerId{7}, Offset{0}}}));
    EXPECT_EQ(aborted(0, 2), (Aborted{{ProducerId{7}, Offset{0}}}));
    EXPECT_EQ(aborted(6, 7), (Aborted{{ProducerId{8}, Offset{6}}}));
    EXPECT_EQ(aborted(0, 0), Aborted{});
  };
  check();  // in memory
  write_down();
  check();  // in the index
  EXPECT_EQ(entries_of(read_whole(*fs, txn_index).value()),
            (Entries{{0, 9, 2, 3, 0}, {0, 7, 0, 5, 6}, {0, 8, 6, 7, 8}}));
  stop();
  open();
  check();
  // Offset 3 is the marker, the end of its transaction: the next one begins after it.
  EXPECT_EQ(log->aborted_transactions(Offset{3}, Offset{4}, true).value()->size(), 2U);
}

// ---- Files that are gone or wrong (reliability.md R5).

class DamagedTransactions : public TransactionsTest {
 protected:
  void SetUp() override {
    LogOptions options;
    options.segment_bytes = 700;
    open(options);
    for (int round = 0; round < 12; ++round) {
      ASSERT_TRUE(append(7, {.sequence = round, .value_bytes = 100}).has_value());
      ASSERT_TRUE(append(8, {.sequence = round, .value_bytes = 100}).has_value());
      ASSERT_TRUE(end(8, 0, round % 3 == 0).has_value());
      ASSERT_TRUE(end(7, 0, round % 2 == 0).has_value());
    }
    ASSERT_TRUE(append(9, {.value_bytes = 100}).has_value());  // and one that is open
    write_down();
    expected = aborted(0, log->end_offset().value());
    producers = log->producers();
    ASSERT_GT(expected.size(), 10U);
  }

  [[nodiscard]] std::vector<std::string> files(std::string_view suffix) const {
    std::vector<std::string> paths;
    const auto names = fs->list("data/topic-0").value();
    for (const auto& name : names)
      if (name.ends_with(suffix)) paths.push_back("data/topic-0/" + name);
    return paths;
  }
  std::map<std::string, std::string> contents(std::string_view suffix) {
    std::map<std::string, std::string> result;
    for (const auto& path : files(suffix)) result[path] = read_whole(*fs, path).value();
    return result;
  }
  void expect_unchanged(const char* what) {
    EXPECT_EQ(aborted(0, log->end_offset().value()), expected) << what;
    EXPECT_EQ(log->producers(), producers) << what;
    EXPECT_EQ(log->oldest_open_transaction()->producer_id, ProducerId{9}) << what;
  }

  Aborted expected;
  std::vector<ProducerSummary> producers;
};

TEST_F(DamagedTransactions, AreIndexedAnewWhateverBecameOfTheFiles) {
  stop();
  const auto whole = contents(".txnindex");
  ASSERT_GT(whole.size(), 3U);
  const std::vector<std::pair<const char*, std::function<void(const std::string&)>>> damages{
      {"gone", [&](const std::string& path) { ASSERT_TRUE(fs->remove(path).has_value()); }},
      {"empty", [&](const std::string& path) {
         ASSERT_TRUE(fs->open(path, FileSystem::Open::read_write).value()->truncate(0).has_value());
       }},
      {"cut", [&](const std::string& path) {
         ASSERT_TRUE(fs->open(path, FileSystem::Open::read_write).value()->truncate(20).has_value());
       }},
      {"one bit", [&](const std::string& path) { fs->flip_bit(path, 17, 0); }},
  };
  for (const auto& [what, damage] : damages) {
    for (const auto& [path, bytes] : whole) damage(path);
    for (const auto& path : files(".snapshot")) damage(path);
    open();
    EXPECT_EQ(log->aborted_transactions(Offset{0}, log->end_offset(), false).value(), std::nullopt)
        << what << ": that takes reading the segments";
    expect_unchanged(what);
    stop();
    EXPECT_EQ(contents(".txnindex"), whole) << what;
  }
}

TEST_F(DamagedTransactions, AreIndexedAnewAfterACrash) {
  for (const auto& path : files(".txnindex")) ASSERT_TRUE(fs->remove(path).has_value());
  restart_after_kill();
  expect_unchanged("removed before a crash");
  // Entries that the checkpoint does not speak of do not count.
  write_down();
  const auto newest = files(".txnindex").back();
  const auto file = fs->open(newest, FileSystem::Open::read_write).value();
  const std::string more(34, '\0');
  ASSERT_TRUE(file->write(file->size().value(), base::as_bytes(more)).has_value());
  restart_after_kill();
  expect_unchanged("longer than the checkpoint says");
}

TEST_F(DamagedTransactions, OfAnotherBrokersDirectoryAreBelievedWhereTheyLookRight) {
  stop();
  ASSERT_TRUE(fs->remove("data/.moldau.closed").has_value());
  const auto whole = contents(".txnindex");
  open();
  expect_unchanged("as Kafka leaves it");
  stop();
  EXPECT_EQ(contents(".txnindex"), whole);
  ASSERT_TRUE(fs->remove("data/.moldau.closed").has_value());
  for (const auto& [path, bytes] : whole) {
    const auto file = fs->open(path, FileSystem::Open::read_write).value();
    ASSERT_TRUE(file->truncate(bytes.size() - 1).has_value());
  }
  open();
  expect_unchanged("cut off");
  stop();
  EXPECT_EQ(contents(".txnindex"), whole);
}

TEST_F(DamagedTransactions, ACrashOfKafkaLeavesNoIndexToBelieve) {
  stop();
  for (const auto* name : {".moldau.closed", ".kafka_cleanshutdown", "recovery-point-offset-checkpoint"})
    ASSERT_TRUE(fs->remove(std::string("data/") + name).has_value());
  const auto whole = contents(".txnindex");
  // Looks right, and lacks the newest entries.
  for (const auto& [path, bytes] : whole)
    ASSERT_TRUE(fs->open(path, FileSystem::Open::read_write).value()->truncate(0).has_value());
  open();
  expect_unchanged("after a crash of Kafka");
  stop();
  EXPECT_EQ(contents(".txnindex"), whole);
}

TEST_F(DamagedTransactions, ATruncationTakesTheirEntriesWithIt) {
  ASSERT_TRUE(log->truncate_to(Offset{1}).has_value());
  EXPECT_EQ(aborted(0, 1), Aborted{});
  EXPECT_EQ(log->first_unstable_offset(), Offset{0});
  stop();
  EXPECT_TRUE(files(".txnindex").empty());
}

TEST_F(TransactionsTest, ACheckpointOfBeforeTheIndexesIsRead) {
  ASSERT_TRUE(append(7, {}).has_value());
  ASSERT_TRUE(end(7, 0, false).has_value());
  stop();
  const auto bytes = read_whole(*fs, txn_index).value();
  // Version 1 ended where this one counts the indexes; here is one log, with one index.
  auto checkpoint = read_whole(*fs, "data/.moldau.closed").value();
  checkpoint.resize(checkpoint.size() - 4 - 17);
  base::store_be(reinterpret_cast<std::uint8_t*>(checkpoint.data()) + 8, std::uint16_t{1});
  base::store_be(reinterpret_cast<std::uint8_t*>(checkpoint.data()) + 4,
                 base::crc32c(base::as_bytes(checkpoint).subspan(8)));
  ASSERT_TRUE(write_whole(*fs, "data/.moldau.closed", checkpoint).has_value());
  open();
  EXPECT_EQ(aborted(0, 2), (Aborted{{ProducerId{7}, Offset{0}}}));
  stop();
  EXPECT_EQ(read_whole(*fs, txn_index).value(), bytes);
}

}  // namespace moldau::storage
