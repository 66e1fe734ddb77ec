// Produce inside of transactions: answers and codes as Apache Kafka 4.3 gave them to the same requests.

#include "moldau/protocol/produce.hpp"
#include "tests/api/test_node.hpp"
#include "tests/support/record_maker.hpp"

namespace moldau::api {
namespace {

using coordinator::Producer;
using protocol::ErrorCode;
using protocol::ProduceRequest;
using protocol::ProduceResponse;
using Codes = std::vector<ErrorCode>;

/// One partition's batch; no producer: it is of nobody.
struct Batch {
  std::int32_t partition = 0;
  std::optional<Producer> producer{};
  std::int32_t sequence = 0;
  bool transactional = true;
};

class ProduceTransactions : public ::testing::Test {
 protected:
  ProduceTransactions() {
    node.create_topic("t", 4);
    protocol::FindCoordinatorRequest find;
    find.key_type = 1;
    find.coordinator_keys = {"id"};
    node.call(find_coordinator, find, 6);
    settle();
  }
  void settle() {
    for (int i = 0; i < 4; ++i) {
      node.settle();
      node.commit();
    }
  }

  Producer begin(const std::string& id = "id") {
    protocol::InitProducerIdRequest request;
    request.transactional_id = id;
    request.transaction_timeout_ms = 60'000;
    for (int i = 0; i < 5; ++i) {
      const auto answered = node.call(init_producer_id, request, 5);
      settle();
      if (answered->response && answered->response->error_code == ErrorCode::none)
        return {answered->response->producer_id, ProducerEpoch{answered->response->producer_epoch}};
    }
    ADD_FAILURE() << "no producer id";
    return {};
  }
  void add(const Producer& producer, std::vector<std::int32_t> partitions, const std::string& id = "id") {
    protocol::AddPartitionsToTxnRequest request;
    request.v3_and_below_transactional_id = id;
    request.v3_and_below_producer_id = producer.id;
    request.v3_and_below_producer_epoch = producer.epoch;
    auto& topic = request.v3_and_below_topics.emplace_back();
    topic.name = "t";
    for (const auto index : partitions) topic.partitions.push_back(PartitionIndex{index});
    const auto answered = node.call(add_partitions_to_txn, request, 3);
    settle();
    ASSERT_TRUE(answered->response.has_value());
  }
  /// The producer to go on with.
  Producer end(const Producer& producer, bool commit, std::int16_t version, const std::string& id = "id") {
    protocol::EndTxnRequest request;
    request.transactional_id = id;
    request.producer_id = producer.id;
    request.producer_epoch = producer.epoch;
    request.committed = commit;
    const auto answered = node.call(end_txn, request, version);
    settle();
    EXPECT_TRUE(answered->response && answered->response->error_code == ErrorCode::none);
    if (version < 5) return producer;
    return {answered->response->producer_id, ProducerEpoch{answered->response->producer_epoch}};
  }

  static ProduceRequest request_of(const std::vector<Batch>& batches, const std::optional<std::string>& id,
                                   std::int16_t acks) {
    ProduceRequest request;
    request.transactional_id = id;
    request.acks = acks;
    request.timeout_ms = 1000;
    auto& data = request.topic_data.emplace_back();
    data.name = "t";
    for (const Batch& batch : batches) {
      record::BatchOptions options;
      if (batch.producer) {
        options.producer_id = batch.producer->id;
        options.producer_epoch = batch.producer->epoch;
        options.base_sequence = batch.sequence;
      }
      options.transactional = batch.transactional && batch.producer;
      base::Payload records;
      records.append(support::plain_batch(1, 20, options));
      data.partition_data.push_back({PartitionIndex{batch.partition}, std::move(records)});
    }
    return request;
  }
  Codes produce_to(const std::vector<Batch>& batches, std::int16_t version,
                   const std::optional<std::string>& id = "id") {
    const auto answered = node.call(produce, request_of(batches, id, -1), version);
    node.commit();
    if (!answered->response) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    Codes codes;
    for (const auto& answer : answered->response->responses.at(0).partition_responses) {
      codes.push_back(answer.error_code);
      EXPECT_EQ(answer.base_offset == no_offset, answer.error_code != ErrorCode::none);
    }
    return codes;
  }
  storage::Log& log(std::int32_t partition) {
    return node.partitions->find("t", PartitionIndex{partition})->log();
  }

  TestNode node;
};

TEST_F(ProduceTransactions, PartitionsHaveToBeAddedByOldProducers) {
  const auto producer = begin();
  add(producer, {1});
  EXPECT_EQ(produce_to({{0, producer}, {1, producer}, {2}}, 9),
            (Codes{ErrorCode::invalid_txn_state, ErrorCode::none, ErrorCode::none}));
  EXPECT_EQ(produce_to({{0, producer}}, 10), Codes{ErrorCode::invalid_txn_state});
  EXPECT_EQ(produce_to({{0, producer}}, 11), Codes{ErrorCode::transaction_abortable});
  EXPECT_EQ(produce_to({{1, producer, 1}}, 11), Codes{ErrorCode::none});
  EXPECT_EQ(log(0).end_offset(), Offset{0});
  EXPECT_EQ(log(1).end_offset(), Offset{2});
  end(producer, true, 4);
  EXPECT_EQ(log(1).end_offset(), Offset{3});
  EXPECT_EQ(log(1).first_unstable_offset(), std::nullopt);
  // Over: neither the same batch again nor the next one is taken.
  EXPECT_EQ(produce_to({{1, producer, 1}}, 11), Codes{ErrorCode::transaction_abortable});
  EXPECT_EQ(produce_to({{1, producer, 2}}, 9), Codes{ErrorCode::invalid_txn_state});
  EXPECT_EQ(log(1).first_unstable_offset(), std::nullopt);
}

TEST_F(ProduceTransactions, PartitionsAreAddedForProducersOfVersion2) {
  const auto producer = begin();
  EXPECT_EQ(produce_to({{0, producer}, {3, producer}}, 12), (Codes{ErrorCode::none, ErrorCode::none}));
  EXPECT_EQ(log(3).oldest_open_transaction()->producer_id, producer.id);
  const auto next = end(producer, true, 5);
  EXPECT_GT(next.epoch, producer.epoch);
  EXPECT_EQ(log(0).first_unstable_offset(), std::nullopt);
  EXPECT_EQ(log(3).first_unstable_offset(), std::nullopt);
  // Late ones of the transaction before, for a partition of it and for another.
  EXPECT_EQ(produce_to({{0, producer, 1}, {1, producer, 0}}, 12),
            (Codes{ErrorCode::invalid_producer_epoch, ErrorCode::invalid_producer_epoch}));
  EXPECT_EQ(log(1).end_offset(), Offset{0});
  EXPECT_EQ(produce_to({{1, next, 3}}, 12), Codes{ErrorCode::out_of_order_sequence_number});
  EXPECT_EQ(produce_to({{1, next, 0}}, 12), Codes{ErrorCode::none});
  end(next, false, 5);
  EXPECT_EQ(log(1).first_unstable_offset(), std::nullopt);
  EXPECT_EQ(log(1).aborted_transactions(Offset{0}, log(1).end_offset(), true).value()->size(), 1U);
}

TEST_F(ProduceTransactions, ARequestIsOfOneProducerAndNamesItsTransactionalId) {
  const auto producer = begin();
  const auto other = begin("other");
  add(producer, {0, 1});
  const auto refused = [](std::size_t count, ErrorCode code) { return Codes(count, code); };
  EXPECT_EQ(produce_to({{0, producer}, {1}}, 11, std::nullopt),
            refused(2, ErrorCode::transactional_id_authorization_failed));
  EXPECT_EQ(produce_to({{0, producer}, {1, other}, {2}}, 11),
            refused(3, ErrorCode::invalid_producer_id_mapping));
  auto newer = producer;
  newer.epoch = ProducerEpoch{static_cast<std::int16_t>(producer.epoch.value() + 1)};
  EXPECT_EQ(produce_to({{0, producer}, {1, newer}}, 11), refused(2, ErrorCode::invalid_producer_id_mapping));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(log(i).end_offset(), Offset{0});
}

TEST_F(ProduceTransactions, WhoseTransactionItIsTheCoordinatorKnows) {
  const auto producer = begin();
  add(producer, {0});
  const Producer nobody{ProducerId{999'999}, ProducerEpoch{0}};
  const Producer fenced{producer.id, ProducerEpoch{static_cast<std::int16_t>(producer.epoch.value() + 9)}};
  EXPECT_EQ(produce_to({{0, nobody}}, 11, "nobody"), Codes{ErrorCode::invalid_producer_id_mapping});
  EXPECT_EQ(produce_to({{0, nobody}}, 12, "nobody"), Codes{ErrorCode::invalid_producer_id_mapping});
  EXPECT_EQ(produce_to({{0, nobody}}, 11), Codes{ErrorCode::invalid_producer_id_mapping});
  EXPECT_EQ(produce_to({{0, fenced}}, 11), Codes{ErrorCode::invalid_producer_epoch});
  EXPECT_EQ(log(0).end_offset(), Offset{0});
}

TEST_F(ProduceTransactions, OutsideOfItNothingIsTakenFromTheProducer) {
  const auto producer = begin();
  add(producer, {0});
  EXPECT_EQ(produce_to({{0, producer}}, 11), Codes{ErrorCode::none});
  EXPECT_EQ(produce_to({{0, producer, 1, false}}, 11), Codes{ErrorCode::invalid_txn_state});
  // In other partitions it is just an idempotent producer.
  EXPECT_EQ(produce_to({{1, producer, 0, false}}, 11), Codes{ErrorCode::none});
}

TEST_F(ProduceTransactions, ABatchThatCannotBeTakenBeginsNoTransaction) {
  const auto producer = begin();
  auto request = request_of({{0, producer}}, "id", -1);
  auto broken = support::plain_batch(1, 20, {.producer_id = producer.id, .producer_epoch = producer.epoch,
                                             .base_sequence = 0, .transactional = true});
  broken.mutable_view()[70] ^= 1;
  base::Payload records;
  records.append(std::move(broken));
  request.topic_data[0].partition_data[0].records = std::move(records);
  const auto answered = node.call(produce, std::move(request), 12);
  settle();
  EXPECT_EQ(answered->response->responses.at(0).partition_responses.at(0).error_code,
            ErrorCode::corrupt_message);
  EXPECT_EQ(node.transactions->totals().ongoing, 0U);
}

TEST_F(ProduceTransactions, ACoordinatorThatIsNotThereIsATemporaryTrouble) {
  TestNode fresh;  // has no __transaction_state
  fresh.create_topic("t");
  const Producer producer{ProducerId{7}, ProducerEpoch{0}};
  for (const auto version : std::vector<std::int16_t>{9, 11, 12}) {
    const auto answered = fresh.call(produce, request_of({{0, producer}}, "id", -1), version);
    fresh.commit();
    const auto& answer = answered->response->responses.at(0).partition_responses.at(0);
    EXPECT_EQ(answer.error_code, ErrorCode::not_enough_replicas) << version;
  }
}

TEST_F(ProduceTransactions, TheCoordinatorIsNotAskedWhereNobodyWantsIt) {
  TestNode trusting(metadata::ConfigMap{{"transaction.partition.verification.enable", "false"}});
  trusting.create_topic("t");
  const Producer producer{ProducerId{7}, ProducerEpoch{0}};
  const auto produce_with = [&](std::int16_t version, std::int32_t sequence) {
    const auto answered =
        trusting.call(produce, request_of({{0, producer, sequence}}, "id", -1), version);
    trusting.commit();
    return answered->response->responses.at(0).partition_responses.at(0).error_code;
  };
  EXPECT_EQ(produce_with(12, 0), ErrorCode::not_enough_replicas);  // has to be added all the same
  EXPECT_EQ(produce_with(11, 0), ErrorCode::none);
}

TEST_F(ProduceTransactions, WithoutAnAnswerTheConnectionTellsOfAnError) {
  const auto producer = begin();
  add(producer, {0});
  EXPECT_TRUE(node.call(produce, request_of({{0, producer}}, "id", 0), 11)->silent);
  EXPECT_FALSE(node.call(produce, request_of({{1, producer}}, "id", 0), 11)->closed.empty());
  EXPECT_FALSE(node.call(produce, request_of({{0, producer}}, std::nullopt, 0), 11)->closed.empty());
}

}  // namespace
}  // namespace moldau::api
