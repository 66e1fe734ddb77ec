// A partition's readers while transactions are open, decided, and durable.

#include <gtest/gtest.h>

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
    ASSERT_TRUE(partition->append(support::plain_batch(1, 10, options), request).has_value());
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

TEST_F(PartitionTransactions, OneThatIsOpenForTooLongIsFound) {
  const auto other = partition_of(1);
  HangingTransactions hanging(base::Milliseconds{10'000});
  auto now = directory.clock.now();
  const auto look_after = [&](base::Milliseconds time) {
    now += time;
    hanging.look({partition, other}, now);
    return hanging.count();
  };
  append(7, 0);
  EXPECT_EQ(look_after(base::Milliseconds{0}), 0U);
  EXPECT_EQ(look_after(base::Milliseconds{10'000}), 0U);
  EXPECT_EQ(look_after(base::Milliseconds{1}), 1U);
  EXPECT_EQ(look_after(base::Milliseconds{1}), 1U);
  append(8, 0);
  end(7, false);  // the next one has not been there for long
  EXPECT_EQ(look_after(base::Milliseconds{1}), 0U);
  EXPECT_EQ(look_after(base::Milliseconds{10'000}), 0U);
  EXPECT_EQ(look_after(base::Milliseconds{1}), 1U);
  end(8, true);
  EXPECT_EQ(look_after(base::Milliseconds{60'000}), 0U);
  // One that ends and begins again between two looks is another one.
  append(7, 1);
  EXPECT_EQ(look_after(base::Milliseconds{0}), 0U);
  end(7, true);
  append(7, 2);
  EXPECT_EQ(look_after(base::Milliseconds{10'001}), 0U);
}

}  // namespace
}  // namespace moldau::partition
