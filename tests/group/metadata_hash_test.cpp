#include "group/metadata_hash.hpp"

#include <gtest/gtest.h>

#include "topics.hpp"

// The numbers are those that Kafka 4.3.1's own hash library gives for the same input.

namespace moldau::group {
namespace {

base::Uuid uuid(std::uint64_t high, std::uint64_t low) {
  base::Uuid id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    id.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return id;
}

metadata::TopicImage topic(std::string name, base::Uuid id, std::size_t partitions) {
  metadata::TopicImage image;
  image.name = std::move(name);
  image.id = id;
  image.partitions.resize(partitions);
  for (auto& partition : image.partitions) partition.replicas = {BrokerId{1}};
  return image;
}

TEST(MetadataHash, OfATopicWithoutRacksIsKafkas) {
  const auto image = metadata::MetadataImage::empty();
  EXPECT_EQ(topic_hash(topic("orders", uuid(0x0123456789abcdef, 0x8edcba9876543210), 3), *image),
            -4737687771124103619);
}

TEST(MetadataHash, OfMoreThanOneBlockIsKafkas) {
  const auto image = metadata::MetadataImage::empty();
  EXPECT_EQ(topic_hash(topic("wide", uuid(1, 2), 100), *image), 1842731189815277347);
}

TEST(MetadataHash, OfATopicWithRacksIsKafkas) {
  Topics topics;
  topics.register_broker(1, "r1");
  EXPECT_EQ(topic_hash(topic("p\xc3\xa4ge", uuid(1, 2), 1), topics.image()), 5755812183100885245);
}

TEST(MetadataHash, OfAGroupIsKafkas) {
  Topics topics;
  const auto orders = topic("orders", uuid(0x0123456789abcdef, 0x8edcba9876543210), 3);
  const auto wide = topic("wide", uuid(1, 2), 100);
  const std::vector<const metadata::TopicImage*> both{&orders, &wide};
  EXPECT_EQ(group_hash(both, topics.image()), -8578332422517966845);
  EXPECT_EQ(group_hash({}, topics.image()), 0);
}

TEST(MetadataHash, ChangesWithAllThatMatters) {
  Topics topics;
  const auto plain = topic("orders", uuid(1, 2), 3);
  const auto hash = topic_hash(plain, topics.image());
  EXPECT_NE(hash, topic_hash(topic("orders", uuid(1, 2), 4), topics.image()));
  EXPECT_NE(hash, topic_hash(topic("orders", uuid(1, 3), 3), topics.image()));
  EXPECT_NE(hash, topic_hash(topic("order", uuid(1, 2), 3), topics.image()));
  topics.register_broker(1, "r1");
  EXPECT_NE(hash, topic_hash(plain, topics.image()));
}

}  // namespace
}  // namespace moldau::group
