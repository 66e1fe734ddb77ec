// Transactions as clients meet them: handlers, both coordinators and the logs together.

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "moldau/base/log.hpp"
#include "moldau/record/batch_builder.hpp"
#include "tests/api/test_node.hpp"

namespace moldau::api {
namespace {

using coordinator::Producer;
using protocol::ErrorCode;

const TopicPartition first{"t", PartitionIndex{0}};
const TopicPartition second{"t", PartitionIndex{1}};
const TopicPartition nowhere{"t", PartitionIndex{9}};

/// A node on which topic "t" is there and transactional id "id" has a producer.
class TransactionApis : public ::testing::Test {
 protected:
  TransactionApis() {
    node.create_topic("t", 2);
    protocol::FindCoordinatorRequest find;
    find.coordinator_keys = {"id"};
    find.key_type = 1;
    settled(node.call(find_coordinator, find, 6));
    node.executor.run();
    producer = init("id");
  }

  /// Everything that was posted is run, and nothing is made durable.
  void settle() {
    node.executor.run();
    node.loop.run();
  }
  /// The answer, once what it waits for is durable.
  template <class Response>
  Response settled(const std::shared_ptr<Answered<Response>>& answered) {
    settle();
    node.commit();
    EXPECT_TRUE(answered->response.has_value());
    return answered->response.value_or(Response{});
  }

  static protocol::InitProducerIdRequest init_request(const std::string& id) {
    protocol::InitProducerIdRequest request;
    request.transactional_id = id;
    request.transaction_timeout_ms = 60'000;
    return request;
  }
  Producer init(const std::string& id) {
    const auto answer = settled(node.call(init_producer_id, init_request(id), 5));
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    return {answer.producer_id, answer.producer_epoch};
  }
  /// The codes of the partitions, in order.
  std::vector<ErrorCode> add(const std::vector<TopicPartition>& partitions, Producer by,
                             std::int16_t version = 3) {
    protocol::AddPartitionsToTxnRequest request;
    request.v3_and_below_transactional_id = "id";
    request.v3_and_below_producer_id = by.id;
    request.v3_and_below_producer_epoch = by.epoch;
    for (const auto& [topic, index] : partitions)
      request.v3_and_below_topics.push_back({topic, {index}});
    const auto answer = settled(node.call(add_partitions_to_txn, request, version));
    std::vector<ErrorCode> codes;
    for (const auto& topic : answer.results_by_topic_v3_and_below)
      for (const auto& partition : topic.results_by_partition)
        codes.push_back(partition.partition_error_code);
    return codes;
  }
  std::vector<ErrorCode> add(const std::vector<TopicPartition>& partitions) {
    return add(partitions, producer);
  }
  /// As brokers ask each other.
  auto verify(const std::vector<std::pair<std::string, TopicPartition>>& wanted, bool verify_only) {
    protocol::AddPartitionsToTxnRequest request;
    for (const auto& [id, partition] : wanted)
      request.transactions.push_back({id,
                                      producer.id,
                                      producer.epoch,
                                      verify_only,
                                      {{partition.topic, {partition.partition}}}});
    std::vector<std::pair<std::string, ErrorCode>> codes;
    for (const auto& transaction :
         settled(node.call(add_partitions_to_txn, request, 5)).results_by_transaction)
      for (const auto& topic : transaction.topic_results)
        for (const auto& partition : topic.results_by_partition)
          codes.emplace_back(transaction.transactional_id, partition.partition_error_code);
    return codes;
  }
  protocol::AddOffsetsToTxnResponse add_offsets(Producer by, std::int16_t version = 3) {
    protocol::AddOffsetsToTxnRequest request;
    request.transactional_id = "id";
    request.producer_id = by.id;
    request.producer_epoch = by.epoch;
    request.group_id = "g";
    return settled(node.call(add_offsets_to_txn, request, version));
  }
  auto send_end(bool commit, Producer by, std::int16_t version) {
    protocol::EndTxnRequest request;
    request.transactional_id = "id";
    request.producer_id = by.id;
    request.producer_epoch = by.epoch;
    request.committed = commit;
    auto answered = node.call(end_txn, request, version);
    settle();
    return answered;
  }
  protocol::EndTxnResponse end(bool commit, Producer by, std::int16_t version = 4) {
    return settled(send_end(commit, by, version));
  }
  /// One record of the producer's transaction.
  ErrorCode write(const TopicPartition& to, Producer by, std::int32_t sequence = 0,
                  std::int16_t version = 11) {
    record::BatchOptions options;
    options.producer_id = by.id;
    options.producer_epoch = by.epoch;
    options.base_sequence = sequence;
    options.transactional = true;
    record::BatchBuilder batch(options);
    batch.append(node.clock.wall_ms(), std::nullopt, base::as_bytes("v"));
    protocol::ProduceRequest request;
    request.transactional_id = "id";
    request.acks = -1;
    request.timeout_ms = 1000;
    auto& topic = request.topic_data.emplace_back();
    topic.name = to.topic;
    base::Payload records;
    records.append(batch.build().value());
    topic.partition_data.push_back({to.partition, std::move(records)});
    return settled(node.call(produce, std::move(request), version))
        .responses.at(0)
        .partition_responses.at(0)
        .error_code;
  }
  protocol::DescribeTransactionsResponse::TransactionState describe(const std::string& id) {
    return settled(node.call(describe_transactions, protocol::DescribeTransactionsRequest{{id}}, 0))
        .transaction_states.at(0);
  }
  std::vector<TopicPartition> partitions_of(const std::string& id) {
    std::vector<TopicPartition> found;
    for (const auto& topic : describe(id).topics)
      for (const auto index : topic.partitions) found.push_back({topic.topic, index});
    return found;
  }
  protocol::DescribeProducersResponse::Topic::Partition producers_of(const TopicPartition& of) {
    protocol::DescribeProducersRequest request;
    request.topics.push_back({of.topic, {of.partition}});
    return settled(node.call(describe_producers, request, 0)).topics.at(0).partitions.at(0);
  }
  auto send_markers(const std::vector<TopicPartition>& to, Producer of,
                    std::int32_t coordinator_epoch, std::int8_t transaction_version = 0) {
    protocol::WriteTxnMarkersRequest request;
    auto& marker = request.markers.emplace_back();
    marker.producer_id = of.id;
    marker.producer_epoch = of.epoch;
    marker.coordinator_epoch = coordinator_epoch;
    marker.transaction_version = transaction_version;
    for (const auto& [topic, index] : to) marker.topics.push_back({topic, {index}});
    auto answered = node.call(write_txn_markers, request, 2);
    settle();
    return answered;
  }
  static std::vector<ErrorCode> codes_of(const protocol::WriteTxnMarkersResponse& response) {
    std::vector<ErrorCode> codes;
    for (const auto& marker : response.markers)
      for (const auto& topic : marker.topics)
        for (const auto& partition : topic.partitions) codes.push_back(partition.error_code);
    return codes;
  }
  Offset end_of(const TopicPartition& of) {
    return node.partitions->find(of.topic, of.partition)->high_watermark();
  }
  static Producer next(Producer of) {
    return {of.id, ProducerEpoch{static_cast<std::int16_t>(of.epoch.value() + 1)}};
  }

  TestNode node;
  Producer producer;
};

TEST_F(TransactionApis, AProducerIsToldWhenItIsDurable) {
  const auto answered = node.call(init_producer_id, init_request("another"), 5);
  settle();
  EXPECT_FALSE(answered->response.has_value());
  node.commit();
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_EQ(answered->response->error_code, ErrorCode::none);
  EXPECT_NE(answered->response->producer_id, producer.id);
}

TEST_F(TransactionApis, AnEmptyIdIsNoId) {
  const auto answer = settled(node.call(init_producer_id, init_request(""), 5));
  EXPECT_EQ(answer.error_code, ErrorCode::invalid_request);
  EXPECT_EQ(answer.producer_id, no_producer_id);
  EXPECT_EQ(answer.producer_epoch, no_producer_epoch);
}

TEST_F(TransactionApis, HalfAProducerIsRefusedWithAnIdAndWithout) {
  for (const bool transactional : {true, false}) {
    auto request = init_request("id");
    if (!transactional) request.transactional_id.reset();
    request.producer_id = ProducerId{7};
    const auto answer = settled(node.call(init_producer_id, request, 5));
    EXPECT_EQ(answer.error_code, ErrorCode::invalid_request);
  }
}

TEST_F(TransactionApis, ANewProducerNeedNotComeAgainWhileTheOldOnesTransactionIsAborted) {
  EXPECT_EQ(add({first}), std::vector{ErrorCode::none});
  EXPECT_EQ(write(first, producer), ErrorCode::none);
  const auto newer = init("id");
  EXPECT_EQ(newer.id, producer.id);
  EXPECT_EQ(producers_of(first).active_producers.at(0).current_txn_start_offset, no_offset);
  EXPECT_EQ(end_of(first), Offset{2});  // the record and the marker
  EXPECT_EQ(add({first}), std::vector{ErrorCode::producer_fenced});
}

TEST_F(TransactionApis, BeforeTheTopicIsThereNobodyIsCoordinator) {
  TestNode fresh;
  const auto refused = fresh.call(init_producer_id, init_request("id"), 5);
  ASSERT_TRUE(refused->response.has_value());
  EXPECT_EQ(refused->response->error_code, ErrorCode::not_coordinator);
  EXPECT_EQ(refused->response->producer_epoch, no_producer_epoch);
  const auto described =
      fresh.call(describe_transactions, protocol::DescribeTransactionsRequest{{"id"}}, 0);
  EXPECT_EQ(described->response->transaction_states.at(0).error_code, ErrorCode::not_coordinator);
  EXPECT_EQ(described->response->transaction_states.at(0).transactional_id, "id");
  const auto listed = fresh.call(list_transactions, protocol::ListTransactionsRequest{}, 2);
  EXPECT_EQ(listed->response->error_code, ErrorCode::none);
  EXPECT_TRUE(listed->response->transaction_states.empty());
}

TEST_F(TransactionApis, OnePartitionThatIsNotThereKeepsTheOthersOut) {
  EXPECT_EQ(add({first, nowhere}), (std::vector{ErrorCode::operation_not_attempted,
                                                ErrorCode::unknown_topic_or_partition}));
  EXPECT_EQ(describe("id").transaction_state, "Empty");
  EXPECT_EQ(add({first, second}), (std::vector{ErrorCode::none, ErrorCode::none}));
  EXPECT_EQ(describe("id").transaction_state, "Ongoing");
  EXPECT_EQ(partitions_of("id"), (std::vector{first, second}));
}

TEST_F(TransactionApis, ClientsAddNoInternalTopic) {
  (void)add_offsets(producer);
  const TopicPartition offsets{"__consumer_offsets", PartitionIndex{0}};
  EXPECT_EQ(add({offsets}), std::vector{ErrorCode::topic_authorization_failed});
  EXPECT_EQ(verify({{"id", offsets}}, false),
            (std::vector{std::pair{std::string("id"), ErrorCode::none}}));
}

TEST_F(TransactionApis, AClientIsToldOfItsFencingAsItKnowsIt) {
  const auto old = std::exchange(producer, init("id"));
  EXPECT_EQ(add({first}, old, 1), std::vector{ErrorCode::invalid_producer_epoch});
  EXPECT_EQ(add({first}, old, 2), std::vector{ErrorCode::producer_fenced});
  EXPECT_EQ(add_offsets(old, 1).error_code, ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(add_offsets(old, 2).error_code, ErrorCode::producer_fenced);
  EXPECT_EQ(end(true, old, 1).error_code, ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(end(true, old, 2).error_code, ErrorCode::producer_fenced);
}

TEST_F(TransactionApis, BrokersAskForSeveralAtOnce) {
  EXPECT_EQ(add({first}), std::vector{ErrorCode::none});
  EXPECT_EQ(verify({{"id", first}, {"id", second}, {"nobody", first}, {"id", nowhere}}, true),
            (std::vector<std::pair<std::string, ErrorCode>>{
                {"id", ErrorCode::none},
                {"id", ErrorCode::transaction_abortable},
                {"nobody", ErrorCode::invalid_producer_id_mapping},
                {"id", ErrorCode::unknown_topic_or_partition}}));
  EXPECT_EQ(partitions_of("id"), std::vector{first});
  EXPECT_EQ(verify({{"id", second}}, false),
            (std::vector{std::pair{std::string("id"), ErrorCode::none}}));
  EXPECT_EQ(partitions_of("id"), (std::vector{first, second}));
}

TEST_F(TransactionApis, AGroupIsAddedBeforeItsTopicIsThere) {
  ASSERT_EQ(node.controller->image()->find_topic(group::offsets_topic), nullptr);
  EXPECT_EQ(add_offsets(producer).error_code, ErrorCode::none);
  ASSERT_NE(node.controller->image()->find_topic(group::offsets_topic), nullptr);
  const TopicPartition place{std::string(group::offsets_topic),
                             node.groups->partition_of("g").value()};
  EXPECT_EQ(partitions_of("id"), std::vector{place});
}

TEST_F(TransactionApis, TheEndIsToldWhenItIsDurable) {
  EXPECT_EQ(add({first}), std::vector{ErrorCode::none});
  EXPECT_EQ(write(first, producer), ErrorCode::none);
  const auto answered = send_end(true, producer, 4);
  EXPECT_FALSE(answered->response.has_value());
  node.commit();
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_EQ(answered->response->error_code, ErrorCode::none);
  EXPECT_EQ(describe("id").transaction_state, "CompleteCommit");
  EXPECT_EQ(end_of(first), Offset{2});  // the record and the marker
}

TEST_F(TransactionApis, AnEndOfVersionTwoGivesTheNextEpoch) {
  EXPECT_EQ(write(first, producer, 0, 12), ErrorCode::none);
  const auto answer = end(true, producer, 5);
  EXPECT_EQ(answer.error_code, ErrorCode::none);
  EXPECT_EQ(answer.producer_id, producer.id);
  EXPECT_EQ(answer.producer_epoch, next(producer).epoch);
}

TEST_F(TransactionApis, ARefusedEndGivesNoProducer) {
  const auto answer = end(true, next(producer), 5);
  EXPECT_EQ(answer.error_code, ErrorCode::producer_fenced);
  EXPECT_EQ(answer.producer_id, no_producer_id);
  EXPECT_EQ(answer.producer_epoch, no_producer_epoch);
}

TEST_F(TransactionApis, ProducersAreDescribedWithWhatTheyHaveOpen) {
  EXPECT_TRUE(producers_of(first).active_producers.empty());
  EXPECT_EQ(add({first}), std::vector{ErrorCode::none});
  EXPECT_EQ(write(first, producer), ErrorCode::none);
  const auto open = producers_of(first).active_producers.at(0);
  EXPECT_EQ(open.producer_id, producer.id);
  EXPECT_EQ(open.current_txn_start_offset, Offset{0});
  EXPECT_EQ(open.coordinator_epoch, -1);
  (void)end(true, producer);
  const auto over = producers_of(first).active_producers.at(0);
  EXPECT_EQ(over.current_txn_start_offset, no_offset);
  EXPECT_GE(over.coordinator_epoch, 0);
}

TEST_F(TransactionApis, AMarkerIsToldWhenItIsDurable) {
  EXPECT_EQ(add({first}), std::vector{ErrorCode::none});
  EXPECT_EQ(write(first, producer), ErrorCode::none);
  const auto answered = send_markers({first, nowhere}, producer, 3);
  EXPECT_FALSE(answered->response.has_value());
  node.commit();
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_EQ(codes_of(*answered->response),
            (std::vector{ErrorCode::none, ErrorCode::unknown_topic_or_partition}));
  EXPECT_EQ(producers_of(first).active_producers.at(0).coordinator_epoch, 3);
  EXPECT_EQ(producers_of(first).active_producers.at(0).current_txn_start_offset, no_offset);
}

TEST_F(TransactionApis, MarkersOfThePastAreRefused) {
  EXPECT_EQ(add({first}), std::vector{ErrorCode::none});
  EXPECT_EQ(write(first, producer), ErrorCode::none);
  const auto code = [&](Producer of, std::int32_t coordinator_epoch, std::int8_t version) {
    return codes_of(settled(send_markers({first}, of, coordinator_epoch, version))).at(0);
  };
  EXPECT_EQ(code(producer, 5, 2), ErrorCode::invalid_producer_epoch);  // KIP-1228: not above
  EXPECT_EQ(code(next(producer), 5, 2), ErrorCode::none);
  EXPECT_EQ(code(next(producer), 4, 0), ErrorCode::transaction_coordinator_fenced);
  EXPECT_EQ(code(producer, 5, 0), ErrorCode::invalid_producer_epoch);
}

TEST_F(TransactionApis, ProducersOfWhatIsNoPartitionAreRefusedInKafkasWords) {
  const auto unknown_topic = producers_of({"nobody", PartitionIndex{0}});
  EXPECT_EQ(unknown_topic.error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(unknown_topic.error_message, "This server does not host this topic-partition.");
  const auto unknown_partition = producers_of(nowhere);
  EXPECT_EQ(unknown_partition.error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(unknown_partition.error_message, std::nullopt);
  EXPECT_EQ(producers_of({"a/b", PartitionIndex{0}}).error_code,
            ErrorCode::invalid_topic_exception);
  EXPECT_EQ(producers_of({"", PartitionIndex{0}}).error_message,
            "Topic name is invalid: the empty string is not allowed");
}

TEST_F(TransactionApis, MarkersOfAGroupsPartitionGoThroughItsCoordinator) {
  (void)add_offsets(producer);
  const TopicPartition place{std::string(group::offsets_topic),
                             node.groups->partition_of("g").value()};
  EXPECT_EQ(codes_of(settled(send_markers({place}, producer, 0))), std::vector{ErrorCode::none});
  EXPECT_EQ(end_of(place), Offset{1});
  const auto waits = send_markers({place}, producer, 0);
  node.restart_coordinators();  // and nobody serves the partition until it is loaded
  EXPECT_EQ(codes_of(settled(send_markers({place}, producer, 0))),
            std::vector{ErrorCode::not_leader_or_follower});
}

TEST_F(TransactionApis, ADescriptionNamesWhatIsNotThere) {
  const auto nobody = describe("nobody");
  EXPECT_EQ(nobody.error_code, ErrorCode::transactional_id_not_found);
  EXPECT_EQ(nobody.transactional_id, "nobody");
  EXPECT_EQ(describe("").error_code, ErrorCode::invalid_request);
  const auto known = describe("id");
  EXPECT_EQ(known.error_code, ErrorCode::none);
  EXPECT_EQ(known.producer_id, producer.id);
  EXPECT_EQ(known.transaction_timeout_ms, 60'000);
}

TEST_F(TransactionApis, AListHasWhatTheFiltersLeave) {
  (void)init("another");
  EXPECT_EQ(add({first}), std::vector{ErrorCode::none});
  const auto list = [&](protocol::ListTransactionsRequest request) {
    return settled(node.call(list_transactions, std::move(request), 2));
  };
  EXPECT_EQ(list({}).transaction_states.size(), 2U);
  protocol::ListTransactionsRequest states;
  states.state_filters = {"Ongoing", "Perhaps"};
  const auto ongoing = list(states);
  ASSERT_EQ(ongoing.transaction_states.size(), 1U);
  EXPECT_EQ(ongoing.transaction_states[0].transactional_id, "id");
  EXPECT_EQ(ongoing.transaction_states[0].transaction_state, "Ongoing");
  EXPECT_EQ(ongoing.unknown_state_filters, std::vector<std::string>{"Perhaps"});
  protocol::ListTransactionsRequest pattern;
  pattern.transactional_id_pattern = "an.*";
  EXPECT_EQ(list(pattern).transaction_states.at(0).transactional_id, "another");
  pattern.transactional_id_pattern = "(";
  const auto refused = list(pattern);
  EXPECT_EQ(refused.error_code, ErrorCode::invalid_regular_expression);
  EXPECT_TRUE(refused.transaction_states.empty());
}

TEST_F(TransactionApis, WhatWasToldIsThereAfterARestart) {
  EXPECT_EQ(add({first, second}), (std::vector{ErrorCode::none, ErrorCode::none}));
  node.restart_coordinators();
  settle();
  EXPECT_EQ(partitions_of("id"), (std::vector{first, second}));
  EXPECT_EQ(end(false, producer).error_code, ErrorCode::none);
  EXPECT_EQ(describe("id").transaction_state, "CompleteAbort");
}

// A transaction that hangs (reliability.md T4): its partition knows the producer, the coordinator its client.

TEST_F(TransactionApis, OneThatHangsIsNamedWithItsClient) {
  const auto log_of_looks = [this] {
    EXPECT_TRUE(log::configure({}));
    ::testing::internal::CaptureStderr();
    node.partitions->look_for_hanging_transactions(node.clock);
    node.clock.advance(base::Milliseconds{60'000});
    node.partitions->look_for_hanging_transactions(node.clock);
    return ::testing::internal::GetCapturedStderr();
  };
  const auto write_unnoticed = [this](std::int32_t sequence) {
    // As a broker did that verified nothing: the coordinator has no such transaction.
    record::BatchBuilder batch({.producer_id = producer.id, .producer_epoch = producer.epoch,
                                .base_sequence = sequence, .transactional = true});
    batch.append(node.clock.wall_ms(), std::nullopt, base::as_bytes("v"));
    partition::AppendRequest request;
    request.acks = partition::Acks::none;
    request.origin = storage::AppendOrigin::coordinator;
    EXPECT_TRUE(node.partition("t")->append(batch.build().value(), request).has_value());
  };
  node.client_id = "till-3";
  EXPECT_EQ(add({second}), std::vector{ErrorCode::none});
  EXPECT_EQ(end(true, producer).error_code, ErrorCode::none);
  write_unnoticed(0);
  EXPECT_EQ(log_of_looks(), "");
  EXPECT_EQ(node.partitions->hanging_transactions(), 0U);
  node.clock.advance(std::chrono::minutes{25});
  const auto log = log_of_looks();
  EXPECT_EQ(node.partitions->hanging_transactions(), 1U);
  EXPECT_NE(log.find("t-0: the transaction of producer " + std::to_string(producer.id.value()) +
                     " (transactional id id, client till-3 at /"),
            std::string::npos)
      << log;
}

TEST_F(TransactionApis, NobodyIsSaidToBeUnknownWhileACoordinatorLoads) {
  EXPECT_TRUE(node.transactions->find_owners({producer.id}).is_complete);
  EXPECT_EQ(node.transactions->find_owners({producer.id}).by_producer.size(), 1U);
  node.restart_coordinators();
  EXPECT_FALSE(node.transactions->find_owners({producer.id}).is_complete);
  settle();
  EXPECT_TRUE(node.transactions->find_owners({producer.id}).is_complete);
  EXPECT_EQ(node.transactions->find_owners({producer.id}).by_producer.size(), 1U);
}

}  // namespace
}  // namespace moldau::api
