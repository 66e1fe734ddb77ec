#include "moldau/api/transaction_markers.hpp"

#include <gtest/gtest.h>

#include "moldau/record/batch_builder.hpp"
#include "tests/api/test_node.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;

const TopicPartition t0{"t", PartitionIndex{0}};

coordinator::Marker marker_of(std::int16_t epoch, std::int32_t coordinator_epoch = 0) {
  return {.producer = {ProducerId{7}, ProducerEpoch{epoch}},
          .commit = true,
          .coordinator_epoch = coordinator_epoch};
}

class Markers : public ::testing::Test {
 protected:
  Markers() {
    node.create_topic("t");
    node.create_topic(std::string(group::offsets_topic), 2);
    node.settle();
  }
  ErrorCode write(const TopicPartition& to, const coordinator::Marker& marker) {
    const auto code = node.markers->write(to, marker, [this] { ++durable; });
    node.settle();
    return code;
  }
  Offset end_of(const TopicPartition& which) {
    return node.partitions->find(which.topic, which.partition)->log().end_offset();
  }
  TestNode node;
  int durable = 0;
};

TEST_F(Markers, AreToldOfWhenTheyAreDurable) {
  EXPECT_EQ(write(t0, marker_of(1)), ErrorCode::none);
  EXPECT_EQ(end_of(t0), Offset{1});
  EXPECT_EQ(durable, 0);
  node.commit();
  EXPECT_EQ(durable, 1);
}

TEST_F(Markers, OfTheGroupsGoThroughTheirCoordinator) {
  const TopicPartition offsets{std::string(group::offsets_topic), PartitionIndex{1}};
  EXPECT_EQ(write(offsets, marker_of(1)), ErrorCode::none);
  EXPECT_EQ(end_of(offsets), Offset{1});
  EXPECT_EQ(durable, 0);
  node.commit();
  node.settle();
  EXPECT_EQ(durable, 1);
}

TEST_F(Markers, OfAnOlderEpochAreRefused) {
  const TopicPartition offsets{std::string(group::offsets_topic), PartitionIndex{1}};
  for (const auto& to : {t0, offsets}) {
    EXPECT_EQ(write(to, marker_of(2, 5)), ErrorCode::none);
    EXPECT_EQ(write(to, marker_of(1, 5)), ErrorCode::invalid_producer_epoch);
    EXPECT_EQ(write(to, marker_of(2, 4)), ErrorCode::transaction_coordinator_fenced);
    EXPECT_EQ(end_of(to), Offset{1});
  }
  EXPECT_EQ(node.groups->totals().loading, 0U);  // nobody else is troubled
}

TEST_F(Markers, HaveNowhereToGoWithoutThePartition) {
  EXPECT_EQ(write({"t", PartitionIndex{1}}, marker_of(1)), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(write({"u", PartitionIndex{0}}, marker_of(1)), ErrorCode::unknown_topic_or_partition);
}

TEST_F(Markers, OfAnOrderAreWrittenOrGoneOrFailed) {
  node.create_topic("offline");
  node.partitions->find("offline", PartitionIndex{0})
      ->take_offline(base::fail(base::Errc::storage_error, "the disk is away"));
  node.create_topic("newer");
  const TopicPartition newer{"newer", PartitionIndex{0}};
  EXPECT_EQ(write(newer, marker_of(9)), ErrorCode::none);
  const TopicPartition gone{"gone", PartitionIndex{0}};
  const TopicPartition offline{"offline", PartitionIndex{0}};
  const auto outcome = node.markers->write(txn::MarkerOrder{
      .transactional_id = "x", .marker = marker_of(1), .partitions = {gone, newer, offline, t0}});
  EXPECT_EQ(outcome.transactional_id, "x");
  EXPECT_EQ(outcome.written, (std::vector<TopicPartition>{gone, newer, t0}));
  EXPECT_EQ(outcome.failed, (std::vector<TopicPartition>{offline}));
}

}  // namespace
}  // namespace moldau::api
