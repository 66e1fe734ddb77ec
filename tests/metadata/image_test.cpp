#include "moldau/metadata/image.hpp"

#include <gtest/gtest.h>

#include "moldau/metadata/features.hpp"
#include "moldau/metadata/image_builder.hpp"

namespace moldau::metadata {
namespace {

base::Uuid id(std::uint8_t n) {
  base::Uuid uuid;
  uuid.bytes[0] = 7;
  uuid.bytes[15] = n;
  return uuid;
}

PartitionRecord partition(const base::Uuid& topic, std::int32_t index) {
  PartitionRecord r;
  r.partition_id = index;
  r.topic_id = topic;
  r.replicas = {1};
  r.isr = {1};
  r.leader = 1;
  r.leader_epoch = 0;
  r.partition_epoch = 0;
  return r;
}

ImageBuilder::Built applied(const std::shared_ptr<const MetadataImage>& base,
                            const std::vector<MetadataRecord>& records) {
  ImageBuilder builder(base);
  for (const MetadataRecord& record : records) {
    const auto status = builder.apply(record);
    EXPECT_TRUE(status) << to_string(status.error());
  }
  return builder.build(base->offset() + static_cast<std::int64_t>(records.size()), 1);
}

std::shared_ptr<const MetadataImage> with_topic() {
  return applied(MetadataImage::empty(), {TopicRecord{"a", id(1)}, partition(id(1), 0),
                                          partition(id(1), 1), ConfigRecord{2, "a", "k", "v"}})
      .image;
}

TEST(ImageBuilder, LeavesTheOldImageAsItWas) {
  const auto before = with_topic();
  const auto after = applied(before, {RemoveTopicRecord{id(1)}}).image;
  EXPECT_NE(before->find_topic("a"), nullptr);
  EXPECT_EQ(before->partition_count(), 2u);
  EXPECT_EQ(after->find_topic("a"), nullptr);
  EXPECT_EQ(after->find_topic(id(1)), nullptr);
  EXPECT_EQ(after->partition_count(), 0u);
  EXPECT_EQ(after->topic_count(), 0u);
}

TEST(ImageBuilder, RemovesATopicsConfigurationWithIt) {
  const auto before = with_topic();
  EXPECT_NE(before->find_configs(ConfigResourceType::topic, "a"), nullptr);
  const auto built = applied(before, {RemoveTopicRecord{id(1)}});
  EXPECT_EQ(built.image->find_configs(ConfigResourceType::topic, "a"), nullptr);
}

TEST(ImageBuilder, TellsADeletedAndRecreatedNameAsTwoTopics) {
  const auto built = applied(
      with_topic(), {RemoveTopicRecord{id(1)}, TopicRecord{"a", id(2)}, partition(id(2), 0)});
  ASSERT_EQ(built.delta.topics.size(), 2u);
  EXPECT_TRUE(built.delta.topics[0].is_deleted());
  EXPECT_EQ(built.delta.topics[0].before->id, id(1));
  EXPECT_TRUE(built.delta.topics[1].is_created());
  EXPECT_EQ(built.delta.topics[1].changed, std::vector{PartitionIndex{0}});
  EXPECT_EQ(built.image->find_topic("a")->id, id(2));
}

TEST(ImageBuilder, RaisesTheLeaderEpochWithEveryElectionAndThePartitionEpochWithEveryChange) {
  PartitionChangeRecord isr;
  isr.partition_id = 1;
  isr.topic_id = id(1);
  isr.isr = Ids{1};
  PartitionChangeRecord leader = isr;
  leader.leader = 1;
  const auto built = applied(with_topic(), {isr, leader});
  const PartitionImage* changed = built.image->find_partition({id(1), PartitionIndex{1}});
  EXPECT_EQ(changed->partition_epoch, PartitionEpoch{2});
  EXPECT_EQ(changed->leader_epoch, LeaderEpoch{1});
  ASSERT_EQ(built.delta.topics.size(), 1u);
  EXPECT_EQ(built.delta.topics[0].changed, std::vector{PartitionIndex{1}});
  EXPECT_EQ(built.delta.topics[0].before->partitions[1].leader_epoch, LeaderEpoch{0});
}

TEST(ImageBuilder, RefusesRecordsThatDoNotFit) {
  const auto base = with_topic();
  const auto code = [&](const MetadataRecord& record) {
    return ImageBuilder(base).apply(record).error().code;
  };
  EXPECT_EQ(code(TopicRecord{"a", id(9)}), base::Errc::malformed);
  EXPECT_EQ(code(TopicRecord{"b", id(1)}), base::Errc::malformed);
  EXPECT_EQ(code(partition(id(9), 0)), base::Errc::malformed);
  EXPECT_EQ(code(partition(id(1), 3)), base::Errc::malformed);
  EXPECT_EQ(code(RemoveTopicRecord{id(9)}), base::Errc::malformed);
  PartitionChangeRecord change;
  change.topic_id = id(1);
  change.partition_id = 2;
  EXPECT_EQ(code(change), base::Errc::malformed);
  EXPECT_EQ(code(BrokerRegistrationChangeRecord{}), base::Errc::malformed);
}

TEST(ImageBuilder, SharesTopicsThatDidNotChange) {
  const auto before = with_topic();
  const auto after = applied(before, {TopicRecord{"b", id(2)}, partition(id(2), 0)}).image;
  EXPECT_EQ(before->find_topic("a"), after->find_topic("a"));
  EXPECT_EQ(after->topic_names(), (std::vector<std::string_view>{"a", "b"}));
}

TEST(ImageBuilder, KeepsManyTopicsFindable) {
  std::vector<MetadataRecord> records;
  const auto topic_id = [](int i) {
    base::Uuid uuid;
    uuid.bytes[0] = static_cast<std::uint8_t>(i >> 8);
    uuid.bytes[1] = static_cast<std::uint8_t>(i);
    uuid.bytes[9] = 1;
    return uuid;
  };
  for (int i = 0; i < 10'000; ++i) {
    records.emplace_back(TopicRecord{"topic-" + std::to_string(i), topic_id(i)});
    records.emplace_back(partition(topic_id(i), 0));
  }
  auto image = applied(MetadataImage::empty(), records).image;
  ASSERT_EQ(image->topic_count(), 10'000u);
  for (int i = 0; i < 10'000; i += 7) {
    image = applied(image, {RemoveTopicRecord{topic_id(i)}}).image;
  }
  for (int i = 0; i < 10'000; ++i) {
    const bool expected = i % 7 != 0;
    EXPECT_EQ(image->find_topic("topic-" + std::to_string(i)) != nullptr, expected);
    EXPECT_EQ(image->find_topic(topic_id(i)) != nullptr, expected);
  }
}

TEST(ImageBuilder, ForgetsAFeatureOfLevelZero) {
  auto image = applied(MetadataImage::empty(), {FeatureLevelRecord{"group.version", 1}}).image;
  EXPECT_EQ(image->feature_level("group.version"), 1);
  const auto built = applied(image, {FeatureLevelRecord{"group.version", 0}});
  EXPECT_TRUE(built.delta.features_changed);
  EXPECT_EQ(built.image->features().count("group.version"), 0u);
}

TEST(Features, AreNotOfferedWhereTheyAreNotServed) {
  ImageBuilder builder(MetadataImage::empty());
  for (const auto& [name, level] : {std::pair{"metadata.version", 30}, {"group.version", 1},
                                    {"transaction.version", 2},
                                    {"share.version", 1},
                                    {"eligible.leader.replicas.version", 1}})
    ASSERT_TRUE(builder.apply(FeatureLevelRecord{name, static_cast<std::int16_t>(level)}));
  const auto image = builder.build(Offset{1}, 1).image;
  EXPECT_EQ(offered_features(*image),
            (std::map<std::string, std::int16_t>{{"eligible.leader.replicas.version", 1},
                                                 {"group.version", 1},
                                                 {"metadata.version", 30},
                                                 {"transaction.version", 2}}));
}

}  // namespace
}  // namespace moldau::metadata
