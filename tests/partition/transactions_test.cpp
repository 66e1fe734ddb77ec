// A partition's readers while transactions are open, decided, and durable.

#include <gtest/gtest.h>

#include "moldau/base/log.hpp"
#include "moldau/partition/partition.hpp"
#include "src/partition/hanging_transactions.hpp"
#include "tests/storage/test_directory.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::partition {
namespace {

using base::Errc;
using storage::AbortedTransaction;
using storage::test_topic;
using Aborted = std::vector<AbortedTransaction>;
using namespace std::chrono_literals;

class Woken final : public FetchWaiter {
 public:
  void wake() override { ++times; }
  int times = 0;
};

class PartitionTransactions : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(directory.open().has_value());
    partition = partition_of(0);
  }
  std::shared_ptr<Partition> partition_of(int index) {
    auto made = std::make_shared<Partition>(directory.log(index).value(), BrokerId{1}, config);
    LeaderState state;
    state.leader = BrokerId{1};
    state.replicas = state.isr = {BrokerId{1}};
    EXPECT_TRUE(made->become_leader(state).has_value());
    return made;
  }
  void append(std::int64_t producer, std::int32_t sequence) {
    record::BatchOptions options;
    options.producer_id = ProducerId{producer};
    options.producer_epoch = ProducerEpoch{0};
    options.base_sequence = sequence;
    options.transactional = true;
    AppendRequest request;
    request.acks = Acks::none;
    request.verified =
        partition->log().begin_verification(options.producer_id, options.producer_epoch, sequence).value();
    auto batch = support::plain_batch(1, 10, options, directory.clock.wall_ms());
    ASSERT_TRUE(partition->append(std::move(batch), request).has_value());
  }
  void end(std::int64_t producer, bool commit) {
    AppendRequest request;
    request.acks = Acks::none;
    request.now_ms = directory.clock.wall_ms();
    ASSERT_TRUE(partition->append_marker({.producer_id = ProducerId{producer},
                                          .producer_epoch = ProducerEpoch{0},
                                          .commit = commit},
                                         0, request)
                    .has_value());
  }
  void commit() { ASSERT_TRUE(directory.directory->commit().has_value()); }
  base::Result<ReadOutcome> read(Isolation isolation, bool may_block = true) {
    ReadRequest request;
    request.isolation = isolation;
    request.bytes_max = 1 << 20;
    request.may_block = may_block;
    return partition->read(request);
  }
  Offset latest(Isolation isolation) {
    return partition->find_offset(OffsetSpec::latest, -1, isolation, no_leader_epoch).value().offset;
  }

  support::MemoryFileSystem disk;
  storage::TestDirectory directory{disk};
  std::shared_ptr<metadata::TopicConfig> config = std::make_shared<metadata::TopicConfig>();
  std::shared_ptr<Partition> partition;
};

TEST_F(PartitionTransactions, ReadersOfCommittedRecordsStopAtTheFirstOpenOne) {
  append(7, 0);
  append(8, 0);
  commit();
  EXPECT_EQ(latest(Isolation::high_watermark), Offset{2});
  EXPECT_EQ(latest(Isolation::committed), Offset{0});
  auto outcome = read(Isolation::committed).value();
  EXPECT_TRUE(outcome.records.empty());
  EXPECT_EQ(outcome.last_stable_offset, Offset{0});
  EXPECT_EQ(outcome.high_watermark, Offset{2});
  EXPECT_FALSE(partition->has_data(Offset{0}, Isolation::committed));
  end(7, false);
  commit();
  EXPECT_EQ(latest(Isolation::committed), Offset{1});
  outcome = read(Isolation::committed).value();
  EXPECT_EQ(outcome.next_offset, Offset{1});
  EXPECT_EQ(outcome.aborted, (Aborted{{ProducerId{7}, Offset{0}}}));
  outcome = read(Isolation::high_watermark).value();
  EXPECT_EQ(outcome.next_offset, Offset{3});
  EXPECT_EQ(outcome.last_stable_offset, Offset{1});
  EXPECT_TRUE(outcome.aborted.empty());
}

TEST_F(PartitionTransactions, AMarkerThatIsDurableWakesWhoWaits) {
  append(7, 0);
  commit();
  const auto waiter = std::make_shared<Woken>();
  partition->add_waiter(waiter);
  end(7, true);
  EXPECT_EQ(waiter->times, 0);
  EXPECT_EQ(latest(Isolation::committed), Offset{0});  // not durable yet
  commit();
  EXPECT_EQ(waiter->times, 1);
  EXPECT_EQ(latest(Isolation::committed), Offset{2});
  partition->remove_waiter(waiter.get());
}

TEST_F(PartitionTransactions, TheNewestTimestampOfAnOpenTransactionIsNotTold) {
  append(7, 0);
  commit();
  const auto find = [&](Isolation isolation) {
    return partition->find_offset(OffsetSpec::max_timestamp, -1, isolation, no_leader_epoch).value();
  };
  EXPECT_EQ(find(Isolation::high_watermark).offset, Offset{0});
  EXPECT_EQ(find(Isolation::committed).offset, no_offset);
  ASSERT_TRUE(directory.directory->checkpoint().has_value());
  EXPECT_EQ(find(Isolation::committed).offset, no_offset);
}

TEST_F(PartitionTransactions, AnIndexThatIsNotInMemoryIsReadByThoseWhoMayWait) {
  append(7, 0);
  end(7, false);
  ASSERT_TRUE(directory.directory->close(1).has_value());
  partition.reset();
  directory.directory.reset();
  ASSERT_TRUE(directory.open().has_value());
  partition = partition_of(0);
  auto outcome = read(Isolation::high_watermark).value();
  EXPECT_FALSE(outcome.would_block);
  outcome = read(Isolation::committed, false).value();
  EXPECT_TRUE(outcome.would_block);
  EXPECT_TRUE(outcome.records.empty());
  outcome = read(Isolation::committed, true).value();
  EXPECT_EQ(outcome.aborted, (Aborted{{ProducerId{7}, Offset{0}}}));
  EXPECT_FALSE(read(Isolation::committed, false).value().would_block);
}

TEST_F(PartitionTransactions, MarkersGetTheTimeOfTheLogWhereTheTopicAsksForIt) {
  auto changed = std::make_shared<metadata::TopicConfig>();
  changed->log_append_time = true;
  partition->set_config(changed);
  end(7, true);
  commit();
  const auto bytes = read(Isolation::high_watermark).value().records.flatten();
  const auto batch = record::BatchView::parse(bytes.view(), record::BatchView::Check::crc).value();
  EXPECT_EQ(batch.timestamp_type(), record::TimestampType::log_append_time);
  EXPECT_EQ(batch.max_timestamp_ms(), directory.clock.wall_ms());
  EXPECT_TRUE(batch.is_control());
}

// ---- Transactions that hang (reliability.md T4).

class TransactionsThatHang : public PartitionTransactions {
 protected:
  static constexpr base::Milliseconds age_max{10'000};

  /// After that time; how many hang.
  std::size_t look_after(base::Milliseconds time) {
    directory.clock.advance(time);
    const auto find_owners = [this](const std::vector<ProducerId>& producers) {
      asked.push_back(producers);
      return owners;
    };
    hanging->look(partitions, directory.clock, find_owners);
    return hanging->count();
  }
  /// What the log is told meanwhile.
  std::string log_after(base::Milliseconds time) {
    EXPECT_TRUE(log::configure({}));
    ::testing::internal::CaptureStderr();
    (void)look_after(time);
    return ::testing::internal::GetCapturedStderr();
  }
  /// As a new process sees it: nothing was looked at yet.
  void restart() { hanging.emplace(age_max); }
  void be_owner_of(std::int64_t producer, std::vector<TopicPartition> open) {
    owners.by_producer[ProducerId{producer}] = {"payments", "till-3", "/192.0.2.7", std::move(open)};
  }

  std::optional<HangingTransactions> hanging{age_max};
  std::vector<std::shared_ptr<Partition>> partitions;
  TransactionOwners owners{.by_producer = {}, .is_complete = true};
  std::vector<std::vector<ProducerId>> asked;

  void SetUp() override {
    PartitionTransactions::SetUp();
    partitions = {partition, partition_of(1)};
  }
};

TEST_F(TransactionsThatHang, OneThatIsOpenForTooLongIsFound) {
  append(7, 0);
  EXPECT_EQ(look_after(0ms), 0U);
  EXPECT_EQ(look_after(10'000ms), 0U);
  EXPECT_EQ(look_after(1ms), 1U);
  EXPECT_EQ(look_after(1ms), 1U);
  append(8, 0);
  end(7, false);  // the next one has not been there for long
  EXPECT_EQ(look_after(1ms), 0U);
  EXPECT_EQ(look_after(9'999ms), 0U);
  EXPECT_EQ(look_after(1ms), 1U);
  end(8, true);
  EXPECT_EQ(look_after(60'000ms), 0U);
  // One that ends and begins again between two looks is another one.
  append(7, 1);
  EXPECT_EQ(look_after(0ms), 0U);
  end(7, true);
  append(7, 2);
  EXPECT_EQ(look_after(10'001ms), 0U);
}

TEST_F(TransactionsThatHang, AreNamedOnceWithTheirClient) {
  be_owner_of(7, {});
  append(7, 0);
  EXPECT_EQ(log_after(0ms), "");
  const auto log = log_after(300'000ms);
  EXPECT_NE(log.find("transaction.hanging: topic-0: the transaction of producer 7 (transactional id payments, "
                     "client till-3 at /192.0.2.7) that begins at offset 0 has been open for 5 minutes, longer"),
            std::string::npos)
      << log;
  EXPECT_EQ(log_after(60'000ms), "");
  EXPECT_EQ(asked, (std::vector<std::vector<ProducerId>>{{ProducerId{7}}}));
}

TEST_F(TransactionsThatHang, OfAClientThatIsNotKnownSayWhy) {
  const auto log_of = [this](const TransactionOwners& known) {
    owners = known;
    restart();
    (void)log_after(0ms);
    return log_after(300'000ms);
  };
  append(7, 0);
  const auto nobody = log_of({.by_producer = {}, .is_complete = true});
  EXPECT_NE(nobody.find("producer 7 (which no transactional id has any more)"), std::string::npos) << nobody;
  const auto loading = log_of({.by_producer = {}, .is_complete = false});
  EXPECT_NE(loading.find("producer 7 (whose transactional id is not known now"), std::string::npos) << loading;
  const auto restarted = log_of({.by_producer = {{ProducerId{7}, {"pay\nments", "", "", {}}}}, .is_complete = true});
  EXPECT_NE(restarted.find("producer 7 (transactional id pay\\nments, client not known: it has begun no "
                           "transaction since the broker's start)"),
            std::string::npos)
      << restarted;
}

TEST_F(TransactionsThatHang, AgeOverARestart) {
  append(7, 0);
  EXPECT_EQ(look_after(0ms), 0U);
  EXPECT_EQ(look_after(9'000ms), 0U);
  restart();
  EXPECT_EQ(look_after(300'000ms), 0U) << "at a first look it may be about to end";
  const auto log = log_after(1ms);
  EXPECT_EQ(hanging->count(), 1U);
  EXPECT_NE(log.find("has been open for 5 minutes by the timestamp of its newest record, longer"),
            std::string::npos)
      << log;
}

TEST_F(TransactionsThatHang, AreNotThoseWhoseRecordsOnlyLookOld) {
  // What is copied keeps its timestamps: the coordinator has the transaction open, and will end it.
  be_owner_of(7, {partition->topic_partition()});
  append(7, 0);
  directory.clock.set_wall_ms(directory.clock.wall_ms() + 86'400'000);
  EXPECT_EQ(look_after(0ms), 0U);
  EXPECT_EQ(look_after(10'000ms), 0U);
  // Open elsewhere is not open here.
  be_owner_of(7, {partitions[1]->topic_partition()});
  EXPECT_EQ(look_after(0ms), 1U);
}

TEST_F(TransactionsThatHang, AreNotTakenFromTheirTimestampsWhereNobodyKnowsTheirCoordinator) {
  owners.is_complete = false;
  append(7, 0);
  directory.clock.set_wall_ms(directory.clock.wall_ms() + 86'400'000);
  EXPECT_EQ(look_after(0ms), 0U);
  EXPECT_EQ(look_after(10'000ms), 0U);
  EXPECT_EQ(look_after(1ms), 1U);
}

TEST_F(TransactionsThatHang, AgeWhileTheWallClockIsSetBack) {
  append(7, 0);
  directory.clock.set_wall_ms(1'000);
  EXPECT_EQ(look_after(0ms), 0U);
  EXPECT_EQ(look_after(10'000ms), 0U);
  EXPECT_EQ(look_after(1ms), 1U);
}

TEST_F(TransactionsThatHang, AreNotThoseThatEndMeanwhile) {
  append(7, 0);
  EXPECT_EQ(look_after(0ms), 0U);
  directory.clock.advance(10'001ms);
  hanging->look(partitions, directory.clock, [this](const std::vector<ProducerId>&) {
    end(7, true);
    return owners;
  });
  EXPECT_EQ(hanging->count(), 0U);
}

}  // namespace
}  // namespace moldau::partition
