// TxnOffsetCommit with both coordinators and the log behind it.

#include <string>
#include <utility>
#include <vector>

#include "api/offset_transaction.hpp"
#include "tests/api/test_node.hpp"

namespace moldau::api {
namespace {

using coordinator::Producer;
using protocol::ErrorCode;
using protocol::TxnOffsetCommitRequest;
using protocol::TxnOffsetCommitResponse;

constexpr std::int16_t old_protocol = 4;  // AddOffsetsToTxn comes first
constexpr std::int16_t new_protocol = 5;
constexpr std::int16_t topics_by_id = 6;

/// A node on which topic "t" is there, group "g" has a coordinator, and transactional id "id" a producer.
class TxnOffsetCommit : public ::testing::Test {
 protected:
  TxnOffsetCommit() {
    node.create_topic("t", 2);
    for (const bool is_transaction : {false, true}) {
      protocol::FindCoordinatorRequest find;
      find.coordinator_keys = {is_transaction ? "id" : "g"};
      find.key_type = is_transaction ? 1 : 0;
      settled(node.call(find_coordinator, find, 6));
      node.executor.run();
    }
    producer = init();
  }

  void settle() {
    node.executor.run();
    node.loop.run();
  }
  template <class Response>
  Response settled(const std::shared_ptr<Answered<Response>>& answered) {
    settle();
    node.commit();
    EXPECT_TRUE(answered->response.has_value());
    return answered->response.value_or(Response{});
  }
  Producer init() {
    protocol::InitProducerIdRequest request;
    request.transactional_id = "id";
    request.transaction_timeout_ms = 60'000;
    const auto answer = settled(node.call(init_producer_id, request, 5));
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    return {answer.producer_id, answer.producer_epoch};
  }
  void add_offsets() {
    protocol::AddOffsetsToTxnRequest request;
    request.transactional_id = "id";
    request.producer_id = producer.id;
    request.producer_epoch = producer.epoch;
    request.group_id = "g";
    EXPECT_EQ(settled(node.call(add_offsets_to_txn, request, 3)).error_code, ErrorCode::none);
  }
  void end(bool commit, std::int16_t version) {
    protocol::EndTxnRequest request;
    request.transactional_id = "id";
    request.producer_id = producer.id;
    request.producer_epoch = producer.epoch;
    request.committed = commit;
    const auto answer = settled(node.call(end_txn, request, version));
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    if (version >= 5) producer = {answer.producer_id, answer.producer_epoch};
  }
  TxnOffsetCommitRequest request_for(std::int64_t offset) const {
    TxnOffsetCommitRequest request;
    request.transactional_id = "id";
    request.group_id = "g";
    request.producer_id = producer.id;
    request.producer_epoch = producer.epoch;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    topic.partitions.emplace_back().committed_offset = Offset{offset};
    return request;
  }
  static ErrorCode code_of(const TxnOffsetCommitResponse& response) {
    return response.topics.at(0).partitions.at(0).error_code;
  }
  ErrorCode commit(TxnOffsetCommitRequest request, std::int16_t version) {
    return code_of(settled(node.call(txn_offset_commit, std::move(request), version)));
  }
  ErrorCode commit(std::int64_t offset, std::int16_t version) {
    return commit(request_for(offset), version);
  }
  /// What a reader is told who minds, or does not, whether it may still change.
  std::pair<ErrorCode, std::int64_t> fetch(bool require_stable) {
    protocol::OffsetFetchRequest request;
    request.require_stable = require_stable;
    auto& group = request.groups.emplace_back();
    group.group_id = "g";
    auto& topic = group.topics.emplace().emplace_back();
    topic.name = "t";
    topic.partition_indexes = {PartitionIndex{0}};
    const auto answer = settled(node.call(offset_fetch, request, 9));
    const auto& partition = answer.groups.at(0).topics.at(0).partitions.at(0);
    return {partition.error_code, partition.committed_offset.value()};
  }
  std::string state() {
    return settled(node.call(describe_transactions, protocol::DescribeTransactionsRequest{{"id"}}, 0))
        .transaction_states.at(0)
        .transaction_state;
  }
  bool is_open_in_the_log() {
    const auto partition =
        node.partitions->find(group::offsets_topic, *node.groups->partition_of("g"));
    for (const auto& one : partition->log().producers())
      if (one.producer_id == producer.id) return one.current_txn_first_offset != no_offset;
    return false;
  }

  TestNode node;
  Producer producer;
};

const std::pair unstable{ErrorCode::unstable_offset_commit, std::int64_t{-1}};
std::pair<ErrorCode, std::int64_t> offset(std::int64_t value) { return {ErrorCode::none, value}; }

TEST_F(TxnOffsetCommit, OfTheOldProtocolIsSeenWithItsTransaction) {
  add_offsets();
  EXPECT_EQ(commit(5, old_protocol), ErrorCode::none);
  EXPECT_EQ(fetch(true), unstable);
  EXPECT_EQ(fetch(false), offset(-1));
  end(true, 4);
  EXPECT_EQ(fetch(true), offset(5));
}

TEST_F(TxnOffsetCommit, OfTheNewProtocolBeginsTheTransaction) {
  EXPECT_EQ(state(), "Empty");
  EXPECT_EQ(commit(5, new_protocol), ErrorCode::none);
  EXPECT_EQ(state(), "Ongoing");
  end(true, 5);
  EXPECT_EQ(fetch(true), offset(5));
}

TEST_F(TxnOffsetCommit, OfAnAbortedTransactionIsNeverSeen) {
  EXPECT_EQ(commit(5, new_protocol), ErrorCode::none);
  end(false, 5);
  EXPECT_EQ(fetch(true), offset(-1));
  EXPECT_FALSE(is_open_in_the_log());
}

TEST_F(TxnOffsetCommit, IsAnsweredWhenItIsDurable) {
  add_offsets();
  const auto answered = node.call(txn_offset_commit, request_for(5), old_protocol);
  settle();
  EXPECT_FALSE(answered->response.has_value());
  node.commit();
  EXPECT_TRUE(answered->response.has_value());
}

TEST_F(TxnOffsetCommit, OfTheOldProtocolIsRefusedOutsideOfATransaction) {
  EXPECT_EQ(commit(5, 3), ErrorCode::invalid_txn_state);
  EXPECT_EQ(commit(5, 4), ErrorCode::transaction_abortable);
  EXPECT_EQ(state(), "Empty");
  EXPECT_FALSE(is_open_in_the_log());
}

TEST_F(TxnOffsetCommit, GoesUnverifiedWhereThatIsSwitchedOff) {
  TestNode lax(metadata::ConfigMap{{"transaction.partition.verification.enable", "false"}});
  lax.create_topic("t", 2);
  protocol::FindCoordinatorRequest find;
  find.coordinator_keys = {"g"};
  (void)lax.call(find_coordinator, find, 6);
  lax.executor.run();
  auto request = request_for(5);
  request.producer_id = ProducerId{7};
  const auto answered = lax.call(txn_offset_commit, request, old_protocol);
  lax.loop.run();
  lax.commit();
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_EQ(code_of(*answered->response), ErrorCode::none);
}

TEST_F(TxnOffsetCommit, OfAProducerThatWasFencedIsRefused) {
  for (const auto version : {old_protocol, new_protocol}) {
    const auto before = request_for(5);
    producer = init();
    EXPECT_EQ(commit(before, version), ErrorCode::invalid_producer_epoch);
  }
}

TEST_F(TxnOffsetCommit, OfAnIdThatNobodyHasIsRefused) {
  auto request = request_for(5);
  request.transactional_id = "nobody";
  EXPECT_EQ(commit(request, old_protocol), ErrorCode::invalid_producer_id_mapping);
  EXPECT_EQ(commit(request, new_protocol), ErrorCode::invalid_producer_id_mapping);
}

TEST_F(TxnOffsetCommit, AfterItsTransactionBelongsToNone) {
  EXPECT_EQ(commit(5, new_protocol), ErrorCode::none);
  const auto late = request_for(6);
  end(true, 5);
  EXPECT_EQ(commit(late, new_protocol), ErrorCode::invalid_producer_epoch);
  EXPECT_EQ(fetch(true), offset(5));
}

/// On another loop, between the look at the transaction and the offsets.
TEST_F(TxnOffsetCommit, IsVerifiedAnewWhenItsTransactionEndsMeanwhile) {
  add_offsets();
  RequestContext context;
  context.version = old_protocol;
  context.loop = &node.loop;
  context.connection = node.connection.get();
  class Sink final : public ResponseSink {
   public:
    void send(base::Payload) override {}
    void note_error(ErrorCode) override {}
    void no_response() override {}
    void close(std::string_view) override {}
  };
  OffsetTransaction late(*node.services, context, request_for(5),
                         Reply<TxnOffsetCommitResponse>(std::make_unique<Sink>(), 4, 7));
  ASSERT_FALSE(late.store());
  ASSERT_EQ(late.enlist(), ErrorCode::none);
  end(true, 4);
  EXPECT_FALSE(late.store());
  EXPECT_EQ(late.enlist(), ErrorCode::transaction_abortable);
  EXPECT_FALSE(is_open_in_the_log());
  EXPECT_EQ(fetch(true), offset(-1));
}

TEST_F(TxnOffsetCommit, IntoAnOpenTransactionAsksNobody) {
  add_offsets();
  EXPECT_EQ(commit(5, old_protocol), ErrorCode::none);
  auto request = request_for(6);
  request.transactional_id = "nobody";  // whom the coordinator would not know
  EXPECT_EQ(commit(request, old_protocol), ErrorCode::none);
  end(true, 4);
  EXPECT_EQ(fetch(true), offset(6));
}

TEST_F(TxnOffsetCommit, OfWhatIsNotThereAsksNobody) {
  auto request = request_for(5);
  request.topics[0].name = "nowhere";
  EXPECT_EQ(commit(request, new_protocol), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(state(), "Empty");
  request.topics.push_back(request_for(5).topics[0]);
  const auto response = settled(node.call(txn_offset_commit, request, new_protocol));
  EXPECT_EQ(code_of(response), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics.at(1).partitions.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(state(), "Ongoing");
}

// The connection fence (reliability.md T3).

TEST_F(TxnOffsetCommit, OfTheOldProtocolThatComesLateLeavesTheNextTransactionAlone) {
  add_offsets();
  node.connection_id = 2;  // where the client tried again
  EXPECT_EQ(commit(3, old_protocol), ErrorCode::none);
  end(true, 4);
  add_offsets();
  node.connection_id = 1;
  EXPECT_EQ(commit(3, old_protocol), ErrorCode::not_coordinator);  // before the log has that transaction
  node.connection_id = 2;
  EXPECT_EQ(commit(5, old_protocol), ErrorCode::none);
  node.connection_id = 1;
  EXPECT_EQ(commit(3, old_protocol), ErrorCode::not_coordinator);  // and when it has it
  node.connection_id = 2;
  end(true, 4);
  EXPECT_EQ(fetch(true), offset(5));
}

TEST_F(TxnOffsetCommit, IsNotMeasuredByConnectionsForOtherRequests) {
  // Some clients have an older connection for the coordinator of the group than for that of transactions.
  node.connection_id = 7;
  add_offsets();
  node.connection_id = 3;
  EXPECT_EQ(commit(3, old_protocol), ErrorCode::none);
  node.connection_id = 7;
  end(true, 4);
  // Or a newer one.
  add_offsets();
  node.connection_id = 9;
  EXPECT_EQ(commit(4, old_protocol), ErrorCode::none);
  node.connection_id = 7;
  end(true, 4);
  EXPECT_EQ(fetch(true), offset(4));
}

TEST_F(TxnOffsetCommit, OnAnyConnectionOfANewProducerIsTaken) {
  add_offsets();
  node.connection_id = 5;
  EXPECT_EQ(commit(3, old_protocol), ErrorCode::none);
  const auto fenced = request_for(4);
  producer = init();
  node.connection_id = 1;
  EXPECT_EQ(commit(fenced, old_protocol), ErrorCode::invalid_producer_epoch);
  add_offsets();
  EXPECT_EQ(commit(6, old_protocol), ErrorCode::none);
  end(true, 4);
  // Clients of the new protocol need no fence.
  node.connection_id = 9;
  EXPECT_EQ(commit(7, new_protocol), ErrorCode::none);
  node.connection_id = 8;
  EXPECT_EQ(commit(8, new_protocol), ErrorCode::none);
  end(true, 5);
  EXPECT_EQ(fetch(true), offset(8));
}

TEST_F(TxnOffsetCommit, OfTopicsByTheirIds) {
  auto request = request_for(5);
  auto& topic = request.topics[0];
  topic.name.clear();
  topic.topic_id = node.controller->image()->find_topic("t")->id;
  const auto known = topic.topic_id;
  auto response = settled(node.call(txn_offset_commit, request, topics_by_id));
  EXPECT_EQ(code_of(response), ErrorCode::none);
  EXPECT_EQ(response.topics.at(0).topic_id, known);
  // What has an id that nobody has is refused alone, and the rest is stored.
  topic.topic_id = *base::Uuid::parse("AAAAAAAAAAAAAAAAAAAABQ");
  request.topics.push_back(request_for(6).topics[0]);
  request.topics[1].topic_id = known;
  response = settled(node.call(txn_offset_commit, request, topics_by_id));
  EXPECT_EQ(code_of(response), ErrorCode::unknown_topic_id);
  EXPECT_EQ(response.topics.at(0).topic_id, request.topics[0].topic_id);
  EXPECT_EQ(response.topics.at(1).partitions.at(0).error_code, ErrorCode::none);
  end(true, 5);
  EXPECT_EQ(fetch(true), offset(6));
}

TEST_F(TxnOffsetCommit, OfAnIdThatNoTopicHasBeginsNothing) {
  auto request = request_for(5);  // whose name is one that is there, and is not sent
  request.topics[0].topic_id = *base::Uuid::parse("AAAAAAAAAAAAAAAAAAAABQ");
  EXPECT_EQ(commit(request, topics_by_id), ErrorCode::unknown_topic_id);
  EXPECT_EQ(state(), "Empty");
  request.topics[0].topic_id = {};
  EXPECT_EQ(commit(request, topics_by_id), ErrorCode::unknown_topic_id);
  EXPECT_EQ(state(), "Empty");
}

TEST_F(TxnOffsetCommit, NeedsAGroup) {
  auto request = request_for(5);
  request.group_id.clear();
  EXPECT_EQ(commit(request, new_protocol), ErrorCode::invalid_group_id);
  EXPECT_EQ(state(), "Empty");
}

TEST_F(TxnOffsetCommit, BeforeTheTopicIsThereNobodyIsCoordinator) {
  TestNode fresh;
  fresh.create_topic("t", 1);
  const auto refused = fresh.call(txn_offset_commit, request_for(5), new_protocol);
  ASSERT_TRUE(refused->response.has_value());
  EXPECT_EQ(code_of(*refused->response), ErrorCode::not_coordinator);
}

TEST_F(TxnOffsetCommit, WhileACoordinatorLoadsComesAgain) {
  EXPECT_EQ(commit(5, new_protocol), ErrorCode::none);
  node.restart_coordinators();
  // The listeners' first calls start the reading on the same executor, after what is posted already.
  std::vector<ErrorCode> codes;
  node.executor.post([&] {
    for (const std::int16_t version : {std::int16_t{2}, std::int16_t{1}})
      codes.push_back(
          code_of(node.call(txn_offset_commit, request_for(6), version)->response.value()));
  });
  settle();
  EXPECT_EQ(codes, (std::vector{ErrorCode::coordinator_load_in_progress,
                                ErrorCode::coordinator_not_available}));
}

TEST_F(TxnOffsetCommit, IsPendingStillAfterARestart) {
  EXPECT_EQ(commit(5, new_protocol), ErrorCode::none);
  node.restart_coordinators();
  settle();
  EXPECT_EQ(fetch(true), unstable);
  EXPECT_EQ(node.groups->totals().pending_offsets, 1U);
  EXPECT_EQ(commit(6, new_protocol), ErrorCode::none);
  end(true, 5);
  EXPECT_EQ(fetch(true), offset(6));
  node.restart_coordinators();
  settle();
  EXPECT_EQ(fetch(true), offset(6));
  EXPECT_EQ(node.groups->totals().pending_offsets, 0U);
}

}  // namespace
}  // namespace moldau::api
