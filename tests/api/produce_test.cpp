#include "moldau/protocol/produce.hpp"

#include "tests/api/test_node.hpp"
#include "tests/support/record_maker.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::ProduceRequest;

ProduceRequest request_to(const std::string& topic, std::int32_t partitions, std::int16_t acks,
                          std::int32_t timeout_ms) {
  ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = timeout_ms;
  auto& data = request.topic_data.emplace_back();
  data.name = topic;
  for (std::int32_t i = 0; i < partitions; ++i) {
    base::Payload records;
    records.append(support::plain_batch(2, 20));
    data.partition_data.push_back({PartitionIndex{i}, std::move(records)});
  }
  return request;
}

TEST(Produce, AnswersWhenTheCommitIsDone) {
  TestNode node;
  node.create_topic("t");
  const auto answered = node.call(produce, request_to("t", 1, -1, 1000), 9);
  EXPECT_FALSE(answered->response.has_value());
  node.commit();
  ASSERT_TRUE(answered->response.has_value());
  const auto& partition = answered->response->responses.at(0).partition_responses.at(0);
  EXPECT_EQ(partition.error_code, ErrorCode::none);
  EXPECT_EQ(partition.base_offset, Offset{0});
  node.advance(base::Milliseconds{2000});  // and not a second time
}

TEST(Produce, SaysTimedOutWhenTheDiskTakesLongerThanTheClientWaits) {
  TestNode node;
  node.create_topic("t", 2);
  auto request = request_to("t", 2, -1, 1000);
  request.topic_data[0].partition_data.push_back({PartitionIndex{9}, std::nullopt});
  const auto slow = node.call(produce, std::move(request), 9);
  const auto patient = node.call(produce, request_to("t", 1, -1, 5000), 9);
  const auto leader_only = node.call(produce, request_to("t", 1, 1, 500), 9);
  EXPECT_EQ(node.loop.timers(), 1U);  // one for the connection
  node.advance(base::Milliseconds{499});
  EXPECT_FALSE(leader_only->response.has_value());
  node.advance(base::Milliseconds{1});
  ASSERT_TRUE(leader_only->response.has_value());
  node.advance(base::Milliseconds{499});
  EXPECT_FALSE(slow->response.has_value());
  node.advance(base::Milliseconds{1});
  ASSERT_TRUE(slow->response.has_value());
  const auto& answers = slow->response->responses.at(0).partition_responses;
  EXPECT_EQ(answers.at(0).error_code, ErrorCode::request_timed_out);
  EXPECT_EQ(answers.at(1).error_code, ErrorCode::request_timed_out);
  EXPECT_EQ(answers.at(2).error_code, ErrorCode::unknown_topic_or_partition);  // known before
  EXPECT_EQ(slow->errors, (std::vector{ErrorCode::request_timed_out, ErrorCode::request_timed_out,
                                       ErrorCode::unknown_topic_or_partition}));
  EXPECT_FALSE(patient->response.has_value());
  node.commit();  // what timed out was appended all the same, and is told to nobody
  ASSERT_TRUE(patient->response.has_value());
  EXPECT_EQ(patient->response->responses.at(0).partition_responses.at(0).base_offset, Offset{2});
}

TEST(Produce, ATimeoutOfAConnectionThatIsGoneIsForgotten) {
  TestNode node;
  node.create_topic("t");
  const auto answered = node.call(produce, request_to("t", 1, -1, 1000), 9);
  node.connection.reset();
  EXPECT_EQ(node.loop.timers(), 0U);
  node.commit();
  EXPECT_TRUE(answered->response.has_value());
}

TEST(Produce, AcksZeroIsAnsweredByNothing) {
  TestNode node;
  node.create_topic("t");
  const auto answered = node.call(produce, request_to("t", 1, 0, 1000), 9);
  EXPECT_TRUE(answered->silent);
  EXPECT_EQ(node.loop.timers(), 0U);
  const auto refused = node.call(produce, request_to("nowhere", 1, 0, 1000), 9);
  EXPECT_FALSE(refused->closed.empty());
}

}  // namespace
}  // namespace moldau::api
