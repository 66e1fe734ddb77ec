#include "moldau/protocol/fetch.hpp"

#include "tests/api/test_node.hpp"
#include "tests/support/record_maker.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;
using protocol::FetchResponse;
using protocol::ProduceRequest;

class Fetch : public testing::Test {
 protected:
  Fetch() { node_.create_topic("t", 3); }

  void append(std::int32_t partition, int records = 1, std::size_t value_bytes = 50) {
    ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 1000;
    auto& data = request.topic_data.emplace_back();
    data.name = "t";
    base::Payload payload;
    payload.append(support::plain_batch(records, value_bytes));
    data.partition_data.push_back({PartitionIndex{partition}, std::move(payload)});
    node_.call(produce, std::move(request), 9);
  }
  void store(std::int32_t partition, int records = 1, std::size_t value_bytes = 50) {
    append(partition, records, value_bytes);
    node_.commit();
  }

  static FetchRequest wanted(std::vector<std::pair<std::int32_t, std::int64_t>> offsets,
                             std::int32_t max_wait_ms = 0, std::int32_t min_bytes = 1) {
    FetchRequest request;
    request.max_wait_ms = max_wait_ms;
    request.min_bytes = min_bytes;
    auto& topic = request.topics.emplace_back();
    topic.topic = "t";
    for (const auto& [index, offset] : offsets) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition = PartitionIndex{index};
      partition.fetch_offset = Offset{offset};
      partition.partition_max_bytes = 1 << 20;
    }
    return request;
  }
  auto ask(FetchRequest request) { return node_.call(fetch, std::move(request), 11); }
  static const FetchResponse::Response::Partition& partition(const Answered<FetchResponse>& answered,
                                                             std::size_t at) {
    return answered.response->responses.at(0).partitions.at(at);
  }

  TestNode node_;
};

TEST_F(Fetch, ShowsNothingThatIsNotDurable) {
  append(0);
  const auto before = ask(wanted({{0, 0}}));
  ASSERT_TRUE(before->response.has_value());
  EXPECT_EQ(partition(*before, 0).high_watermark, Offset{0});
  EXPECT_TRUE(partition(*before, 0).records->empty());
  node_.commit();
  const auto after = ask(wanted({{0, 0}}));
  EXPECT_EQ(partition(*after, 0).high_watermark, Offset{1});
  EXPECT_FALSE(partition(*after, 0).records->empty());
}

TEST_F(Fetch, WaitsForDataAndIsWokenByTheCommit) {
  const auto answered = ask(wanted({{0, 0}, {1, 0}}, 1000));
  EXPECT_FALSE(answered->response.has_value());
  append(1);
  EXPECT_FALSE(answered->response.has_value());
  node_.commit();
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_TRUE(partition(*answered, 0).records->empty());
  EXPECT_FALSE(partition(*answered, 1).records->empty());
}

TEST_F(Fetch, WaitsForAsManyBytesAsWereAskedForOrUntilItsTime) {
  const auto answered = ask(wanted({{0, 0}}, 1000, 5000));
  store(0);
  node_.advance(base::Milliseconds{999});
  EXPECT_FALSE(answered->response.has_value());
  node_.advance(base::Milliseconds{1});
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_FALSE(partition(*answered, 0).records->empty());

  const auto filled = ask(wanted({{0, 0}}, 1000, 5000));
  EXPECT_FALSE(filled->response.has_value());
  store(0, 1, 6000);
  EXPECT_TRUE(filled->response.has_value());
}

TEST_F(Fetch, AnErrorIsAnsweredAtOnceBesideTheRest) {
  store(0);
  const auto answered = ask(wanted({{0, 0}, {0, 7}, {9, 0}}, 1000, 100'000));
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_EQ(partition(*answered, 0).error_code, ErrorCode::none);
  EXPECT_EQ(partition(*answered, 1).error_code, ErrorCode::offset_out_of_range);
  EXPECT_EQ(partition(*answered, 2).error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(Fetch, GivesTheFirstBatchWholeHoweverSmallTheLimit) {
  store(0, 1, 3000);
  store(1, 1, 3000);
  auto request = wanted({{0, 0}, {1, 0}});
  request.max_bytes = 10;
  for (auto& p : request.topics[0].partitions) p.partition_max_bytes = 10;
  const auto answered = ask(std::move(request));
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_GT(partition(*answered, 0).records->size(), 3000U);
  EXPECT_TRUE(partition(*answered, 1).records->empty());
}

TEST_F(Fetch, ASessionTellsOnlyNews) {
  store(0);
  auto request = wanted({{0, 0}, {1, 0}, {2, 0}});
  request.session_epoch = 0;
  const auto first = ask(std::move(request));
  const std::int32_t session = first->response->session_id;
  ASSERT_NE(session, 0);
  EXPECT_EQ(first->response->responses.at(0).partitions.size(), 3U);

  auto next = wanted({{0, 1}});
  next.session_id = session;
  next.session_epoch = 1;
  const auto nothing = ask(std::move(next));
  ASSERT_TRUE(nothing->response.has_value());
  EXPECT_TRUE(nothing->response->responses.empty());

  store(2);
  FetchRequest again;
  again.session_id = session;
  again.session_epoch = 2;
  again.min_bytes = 1;
  const auto news = ask(again);
  ASSERT_EQ(news->response->responses.size(), 1U);
  ASSERT_EQ(news->response->responses[0].partitions.size(), 1U);
  EXPECT_EQ(partition(*news, 0).partition_index, PartitionIndex{2});

  again.session_epoch = 2;  // that was the last one's
  EXPECT_EQ(ask(again)->response->error_code, ErrorCode::invalid_fetch_session_epoch);
  again.session_id = session + 1;
  EXPECT_EQ(ask(again)->response->error_code, ErrorCode::fetch_session_id_not_found);
}

TEST_F(Fetch, KnowsOlderAndNewerLeaderEpochs) {
  store(0);
  auto request = wanted({{0, 0}, {0, 0}});
  request.topics[0].partitions[0].current_leader_epoch = LeaderEpoch{99};
  const auto answered = ask(std::move(request));
  EXPECT_EQ(partition(*answered, 0).error_code, ErrorCode::unknown_leader_epoch);
  EXPECT_EQ(partition(*answered, 1).error_code, ErrorCode::none);
}

TEST_F(Fetch, AConnectionThatDrainsIsAnsweredWithWhatThereIs) {
  const auto answered = ask(wanted({{0, 0}}, 60'000));
  EXPECT_FALSE(answered->response.has_value());
  node_.connection->give_up();
  EXPECT_TRUE(answered->response.has_value());
}

}  // namespace
}  // namespace moldau::api
