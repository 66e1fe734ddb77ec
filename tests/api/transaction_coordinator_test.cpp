// The coordinator of transactions on real logs: what stands in the lane, in which order, and what a cut of it
// anywhere comes to.

#include "moldau/txn/coordinator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "moldau/base/java_hash.hpp"
#include "moldau/metadata/features.hpp"
#include "moldau/record/batch_builder.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"
#include "storage/lane_reader.hpp"
#include "tests/api/test_node.hpp"

namespace moldau::api {
namespace {

using namespace std::chrono_literals;
using coordinator::Producer;
using protocol::ErrorCode;
using txn::TransactionState;

const TopicPartition t0{"t", PartitionIndex{0}};
const TopicPartition t1{"t", PartitionIndex{1}};
constexpr auto timeout = 60s;

txn::Caller caller(std::int16_t version) {
  txn::Caller made;
  made.version = version;
  return made;
}

/// A batch of the lane.
struct Appended {
  TopicPartition partition;
  base::SharedBytes bytes;
};

/// Everything that stands in the lane of `node`, in order.
std::vector<Appended> batches_of_the_lane(TestNode& node) {
  const std::string directory = "data/.moldau";
  auto file = node.disk.open(directory + "/lane.0", storage::FileSystem::Open::read).value();
  std::vector<std::uint8_t> header(storage::lane_format::block_header_bytes);
  EXPECT_EQ(file->read(0, header).value(), header.size());
  const auto incarnation =
      base::load_be<std::uint64_t>(header.data() + storage::lane_format::incarnation_at);
  std::vector<Appended> found;
  const auto image = node.controller->image();
  const auto read = storage::read_lane(
      node.disk, directory, 1, incarnation, {},
      [&](const storage::LaneRecord& record) -> base::Status {
        if (record.kind != storage::lane_format::Kind::batch) return {};
        const auto* topic = image->find_topic(record.partition.topic_id);
        if (topic != nullptr)
          found.push_back({{topic->name, record.partition.partition},
                           base::SharedBytes::copy_of(record.bytes)});
        return {};
      });
  EXPECT_TRUE(read.has_value());
  return found;
}

/// "t-0 records", "__transaction_state PrepareCommit": what people call it.
std::string name_of(const Appended& appended) {
  const auto batch =
      record::BatchView::parse(appended.bytes.view(), record::BatchView::Check::crc).value();
  const auto& [topic, partition] = appended.partition;
  const bool is_state = topic == txn::transaction_topic;
  std::string name = is_state || topic == group::offsets_topic
                         ? topic
                         : topic + "-" + std::to_string(partition.value());
  if (batch.is_control()) return name + " marker";
  if (!is_state) return name + " records";
  auto records = record::RecordIterator::open(batch).value();
  while (const auto record = records.next().value()) {
    const auto decoded = txn::decode(*record->key, record->value).value();
    name += decoded.value ? " " + std::string(txn::state_name(decoded.value->state)) : " tombstone";
  }
  return name;
}

std::vector<std::string> names_of(const std::vector<Appended>& lane) {
  std::vector<std::string> names;
  for (const auto& appended : lane) names.push_back(name_of(appended));
  return names;
}

/// A node with topic "t" of two partitions and both coordinators' topics.
class Node {
 public:
  Node() : node({{"transaction.state.log.num.partitions", "2"}, {"offsets.topic.num.partitions", "2"}}) {
    node.create_topic("t", 2);
    node.create_topic(std::string(group::offsets_topic), 2);
    node.create_topic(std::string(txn::transaction_topic), 2);
    node.producer_ids->prepare();
    settle();
    node.commit();
  }

  void settle() {
    for (int i = 0; i < 3; ++i) node.settle();
  }
  void commit() {
    settle();
    node.commit();
    settle();
  }

  // Each is one step; nothing is made durable by it.
  Producer init(const std::string& id) {
    Producer producer;
    const auto code = node.transactions->run(id, node.loop, [&](txn::Machine& machine, txn::Step& step) {
      protocol::InitProducerIdRequest request;
      request.transactional_id = id;
      request.transaction_timeout_ms = base::Milliseconds(timeout).count();
      const auto response = machine.init_producer_id(step, caller(5), request);
      EXPECT_EQ(response.error_code, ErrorCode::none);
      producer = {response.producer_id, response.producer_epoch};
    });
    EXPECT_EQ(code, ErrorCode::none);
    return producer;
  }
  void enlist(const std::string& id, Producer producer, std::vector<TopicPartition> partitions) {
    const auto code =
        node.transactions->run_ordered(id, [&](txn::Machine& machine, txn::Step& step) {
          const auto codes = machine.enlist(
              step, caller(12),
              {id, producer, partitions, txn::Enlistment::Mode::add_by_write});
          EXPECT_EQ(codes, std::vector<ErrorCode>(partitions.size(), ErrorCode::none));
        });
    EXPECT_EQ(code, ErrorCode::none);
  }
  void produce(const TopicPartition& to, Producer producer) {
    record::BatchBuilder builder({.producer_id = producer.id,
                                  .producer_epoch = producer.epoch,
                                  .base_sequence = 0,
                                  .transactional = true});
    builder.append(node.clock.wall_ms(), base::as_bytes("key"), base::as_bytes("value"));
    append(to, builder.build().value());
  }
  void append(const TopicPartition& to, base::SharedBytes batch) {
    partition::AppendRequest request;
    request.acks = partition::Acks::none;
    request.now_ms = node.clock.wall_ms();
    request.origin = storage::AppendOrigin::coordinator;  // its checks are of no interest here
    const auto appended = partition(to).append(std::move(batch), request);
    EXPECT_TRUE(appended.has_value());
  }
  /// What EndTxn is answered; `answered` rises when it is.
  ErrorCode end(const std::string& id, Producer producer, bool commit) {
    auto outcome = ErrorCode::none;
    const auto code = node.transactions->run(id, node.loop, [&](txn::Machine& machine, txn::Step& step) {
      protocol::EndTxnRequest request;
      request.transactional_id = id;
      request.producer_id = producer.id;
      request.producer_epoch = producer.epoch;
      request.committed = commit;
      outcome = machine.end_txn(step, caller(5), request).error_code;
      step.effects.answers.emplace_back([this] { ++answered; });
    });
    return code == ErrorCode::none ? outcome : code;
  }
  std::string state(const std::string& id) {
    std::string found;
    const auto code = node.transactions->run_ordered(id, [&](txn::Machine& machine, txn::Step&) {
      found = machine.describe(id).transaction_state;
    });
    return code == ErrorCode::none ? found : std::string(protocol::name(code));
  }

  partition::Partition& partition(const TopicPartition& which) {
    return *node.partitions->find(which.topic, which.partition);
  }
  /// The partition that has the transactional id.
  partition::Partition& home_of(const std::string& id) {
    return partition({std::string(txn::transaction_topic), PartitionIndex{base::java_partition(id, 2)}});
  }
  bool is_open(const TopicPartition& which) {
    return partition(which).log().first_unstable_offset().has_value();
  }
  std::size_t aborted(const TopicPartition& which) {
    auto& log = partition(which).log();
    return log.aborted_transactions(Offset{0}, log.end_offset(), true).value().value().size();
  }

  TestNode node;
  int answered = 0;
};

class TransactionCoordinator : public ::testing::Test, protected Node {};

TEST_F(TransactionCoordinator, OneSyncCommitsAWholeTransaction) {
  const auto producer = init("x");
  commit();
  enlist("x", producer, {t0, t1});
  produce(t0, producer);
  produce(t1, producer);
  EXPECT_EQ(end("x", producer, true), ErrorCode::none);
  settle();
  EXPECT_EQ(answered, 0);
  node.commit();
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(state("x"), "CompleteCommit");
  EXPECT_EQ(names_of(batches_of_the_lane(node)),
            (std::vector<std::string>{"__transaction_state Empty", "__transaction_state Ongoing",
                                      "t-0 records", "t-1 records",
                                      "__transaction_state PrepareCommit", "t-0 marker",
                                      "t-1 marker", "__transaction_state CompleteCommit"}));
}

TEST_F(TransactionCoordinator, AreWholeAfterACutAnywhere) {
  const auto producer = init("x");
  settle();
  enlist("x", producer, {t0, t1});
  produce(t0, producer);
  produce(t1, producer);
  EXPECT_EQ(end("x", producer, true), ErrorCode::none);
  commit();
  const auto lane = batches_of_the_lane(node);
  const auto names = names_of(lane);
  const auto decided = std::find(names.begin(), names.end(), "__transaction_state PrepareCommit");
  ASSERT_NE(decided, names.end());
  const auto decided_at = static_cast<std::size_t>(decided - names.begin());
  for (std::size_t kept = 0; kept <= lane.size(); ++kept) {
    SCOPED_TRACE("cut after " + std::to_string(kept) + ", the last is " +
                 (kept == 0 ? "nothing" : names[kept - 1]));
    Node left;
    for (std::size_t i = 0; i < kept; ++i)
      left.append(lane[i].partition, base::SharedBytes::copy_of(lane[i].bytes.view()));
    left.node.restart_coordinators();
    left.commit();
    if (kept == 0) {
      EXPECT_EQ(left.state("x"), "");  // nobody knows it
      continue;
    }
    if (kept == 1) {
      EXPECT_EQ(left.state("x"), "Empty");
      continue;
    }
    if (kept <= decided_at) {
      EXPECT_EQ(left.state("x"), "Ongoing");
      left.node.advance(timeout);
      left.commit();
      EXPECT_EQ(left.state("x"), "CompleteAbort");
      EXPECT_EQ(left.aborted(t0), kept >= 3 ? 1U : 0U);
      EXPECT_EQ(left.aborted(t1), kept >= 4 ? 1U : 0U);
    } else {
      EXPECT_EQ(left.state("x"), "CompleteCommit");
      EXPECT_EQ(left.aborted(t0) + left.aborted(t1), 0U);
    }
    EXPECT_FALSE(left.is_open(t0));
    EXPECT_FALSE(left.is_open(t1));
    // And a load of what there is now changes nothing.
    const auto state = left.state("x");
    const auto end = left.partition(t0).log().end_offset();
    left.node.restart_coordinators();
    left.commit();
    EXPECT_EQ(left.state("x"), state);
    EXPECT_EQ(left.partition(t0).log().end_offset(), end);
  }
}

TEST_F(TransactionCoordinator, AMarkerThatCannotBeWrittenIsTriedAgain) {
  const auto producer = init("x");
  enlist("x", producer, {t0, t1});
  produce(t0, producer);
  produce(t1, producer);
  const auto term = partition(t1).leader_state();
  partition(t1).take_offline(base::fail(base::Errc::storage_error, "the disk is away"));
  EXPECT_EQ(end("x", producer, true), ErrorCode::none);
  commit();
  EXPECT_EQ(answered, 1);  // it is decided
  EXPECT_EQ(state("x"), "PrepareCommit");
  EXPECT_FALSE(is_open(t0));
  const auto end_of_t0 = partition(t0).log().end_offset();
  node.advance(1s);
  EXPECT_EQ(state("x"), "PrepareCommit");
  ASSERT_TRUE(partition(t1).become_leader(term));
  for (int i = 0; i < 10; ++i) node.advance(1s);
  EXPECT_EQ(state("x"), "CompleteCommit");
  commit();
  EXPECT_FALSE(is_open(t1));
  EXPECT_EQ(partition(t0).log().end_offset(), end_of_t0);  // which had its marker
}

TEST_F(TransactionCoordinator, APartitionThatIsDeletedHoldsNobodyUp) {
  node.create_topic("u");
  const TopicPartition u{"u", PartitionIndex{0}};
  const auto producer = init("x");
  enlist("x", producer, {t0, u});
  produce(t0, producer);
  produce(u, producer);
  settle();
  node.delete_topic("u");
  EXPECT_EQ(end("x", producer, true), ErrorCode::none);
  commit();
  EXPECT_EQ(state("x"), "CompleteCommit");
}

TEST_F(TransactionCoordinator, ADecisionThatCannotBeWrittenIsNoneAndAnswersNobody) {
  const auto producer = init("x");
  enlist("x", producer, {t0});
  produce(t0, producer);
  commit();
  home_of("x").take_offline(base::fail(base::Errc::storage_error, "the disk is away"));
  auto dropped = std::make_shared<bool>(false);
  const auto code = node.transactions->run("x", node.loop, [&](txn::Machine& machine, txn::Step& step) {
    protocol::EndTxnRequest request;
    request.transactional_id = "x";
    request.producer_id = producer.id;
    request.producer_epoch = producer.epoch;
    request.committed = true;
    EXPECT_EQ(machine.end_txn(step, caller(5), request).error_code, ErrorCode::none);
    const std::shared_ptr<void> dropping(nullptr, [dropped](void*) { *dropped = true; });
    step.effects.answers.emplace_back([this, dropping] { ++answered; });
  });
  EXPECT_EQ(code, ErrorCode::none);
  commit();
  EXPECT_EQ(answered, 0);
  EXPECT_TRUE(*dropped);
  EXPECT_TRUE(is_open(t0));  // no marker
  EXPECT_EQ(state("x"), "COORDINATOR_NOT_AVAILABLE");
}

TEST_F(TransactionCoordinator, WhoVerifiesIsToldNothingThatIsNotInTheLane) {
  const auto producer = init("x");  // waits for its tick
  const auto end_before = home_of("x").log().end_offset();
  EXPECT_EQ(state("x"), "Empty");
  EXPECT_GT(home_of("x").log().end_offset(), end_before);
  enlist("x", producer, {t0});
  EXPECT_EQ(home_of("x").log().end_offset(), end_before + 2);
}

TEST_F(TransactionCoordinator, ThatAreOpenTooLongAreAborted) {
  const auto producer = init("x");
  enlist("x", producer, {t0});
  produce(t0, producer);
  commit();
  node.advance(timeout - 1ms);
  EXPECT_EQ(state("x"), "Ongoing");
  node.advance(1ms);
  EXPECT_EQ(state("x"), "CompleteAbort");
  commit();
  EXPECT_FALSE(is_open(t0));
  EXPECT_EQ(aborted(t0), 1U);
}

TEST_F(TransactionCoordinator, TimeoutsGoOnAfterALoad) {
  const auto producer = init("x");
  enlist("x", producer, {t0});
  produce(t0, producer);
  commit();
  node.advance(timeout - 10s);
  node.restart_coordinators();
  commit();
  EXPECT_EQ(state("x"), "Ongoing");
  node.advance(10s);
  EXPECT_EQ(state("x"), "CompleteAbort");
}

TEST_F(TransactionCoordinator, AreCounted) {
  const auto producer = init("x");
  init("y");
  EXPECT_EQ(node.transactions->totals().ids, 2U);
  EXPECT_EQ(node.transactions->totals().ongoing, 0U);
  enlist("x", producer, {t0});
  EXPECT_EQ(node.transactions->totals().ongoing, 1U);
  settle();
  node.restart_coordinators();
  node.executor.post([&] { EXPECT_GT(node.transactions->totals().loading, 0U); });
  settle();
  EXPECT_EQ(node.transactions->totals().loading, 0U);
  EXPECT_EQ(node.transactions->totals().ongoing, 1U);
}

TEST_F(TransactionCoordinator, IdsThatNobodyUsesAreForgotten) {
  init("x");
  commit();
  node.advance(std::chrono::hours{24 * 7 - 1});
  node.executor.run();
  EXPECT_EQ(node.transactions->totals().ids, 1U);
  node.advance(std::chrono::hours{2});
  EXPECT_EQ(node.transactions->totals().ids, 0U);
  EXPECT_EQ(names_of(batches_of_the_lane(node)).size(), 1U);
  commit();
  EXPECT_EQ(names_of(batches_of_the_lane(node)).back(), "__transaction_state tombstone");
}

TEST_F(TransactionCoordinator, AStepIsGivenWhatHolds) {
  const auto look = [&](std::int16_t transaction_version) {
    bool looked = false;
    const auto code = node.transactions->run("x", node.loop, [&](txn::Machine&, txn::Step& step) {
      looked = true;
      EXPECT_EQ(step.options.max_timeout, 900s);
      EXPECT_EQ(step.transaction_version, transaction_version);
      EXPECT_EQ(step.coordinator_epoch, home_of("x").leader_state().leader_epoch.value());
      EXPECT_EQ(step.now.wall_ms, node.clock.wall_ms());
    });
    EXPECT_EQ(code, ErrorCode::none);
    EXPECT_TRUE(looked);
  };
  look(2);
  metadata::UpdateFeaturesRequest request;
  request.updates.push_back({metadata::transaction_version, 1,
                             metadata::UpdateFeaturesRequest::Mode::safe_downgrade});
  node.controller->update_features(request, [](auto updated) { EXPECT_TRUE(updated.has_value()); });
  settle();
  look(1);
}

}  // namespace
}  // namespace moldau::api
