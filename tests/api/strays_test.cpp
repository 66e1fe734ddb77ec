// What a start makes of logs whose topic is gone: a node whose deletion of a topic a crash cut short.

#include "tests/api/test_node.hpp"

namespace moldau::api {
namespace {

TEST(Strays, AreMovedAsideAtTheFirstImageAndNeverLater) {
  TestNode node;
  node.create_topic("kept", 2);
  const auto kept = node.controller->image()->find_topic("kept")->id;
  const TopicId gone = *base::Uuid::parse("AAAAAAAAAAAAAAAAAAAACQ");
  ASSERT_TRUE(node.directory->create_log({"gone", PartitionIndex{0}}, gone, {}).has_value());
  // More partitions than the topic has, as after a creation that was not decided.
  ASSERT_TRUE(node.directory->create_log({"kept", PartitionIndex{7}}, kept, {}).has_value());
  node.commit();

  partition::PartitionManager again(*node.directory, node.config, BrokerId{1});
  const auto image = node.controller->image();
  again.apply(*image, {});
  EXPECT_EQ(node.directory->find({gone, PartitionIndex{0}}), nullptr);
  EXPECT_EQ(node.directory->find({kept, PartitionIndex{7}}), nullptr);
  EXPECT_NE(node.directory->find({kept, PartitionIndex{0}}), nullptr);
  EXPECT_NE(node.directory->find({kept, PartitionIndex{1}}), nullptr);

  ASSERT_TRUE(node.directory->create_log({"gone", PartitionIndex{0}}, gone, {}).has_value());
  again.apply(*image, {});
  EXPECT_NE(node.directory->find({gone, PartitionIndex{0}}), nullptr);
}

}  // namespace
}  // namespace moldau::api
