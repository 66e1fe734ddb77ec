#include "moldau/metadata/group_config.hpp"

#include <gtest/gtest.h>

#include "moldau/metadata/image_builder.hpp"

namespace moldau::metadata {
namespace {

constexpr std::string_view session = "consumer.session.timeout.ms";

std::shared_ptr<const MetadataImage> image_with(const char* group, const char* value) {
  ImageBuilder builder(MetadataImage::empty());
  EXPECT_TRUE(builder.apply(ConfigRecord{32, group, std::string(session), value}));
  return builder.build(Offset{1}, 1).image;
}

TEST(GroupInteger, IsTheGroupsOrTheBrokers) {
  const auto image = image_with("g", "50000");
  EXPECT_EQ(group_integer(BrokerConfig{}, *image, "g", session), 50'000);
  EXPECT_EQ(group_integer(BrokerConfig{}, *image, "other", session), 45'000);
  const BrokerConfig broker(ConfigMap{{"group.consumer.session.timeout.ms", "46000"}});
  EXPECT_EQ(group_integer(broker, *image, "other", session), 46'000);
  EXPECT_EQ(group_integer(broker, *image, "g", "streams.initial.rebalance.delay.ms"), 3'000);
}

// "The effective value will be capped", as Kafka 4.3.1 logs it.
TEST(GroupInteger, StaysWithinWhatTheBrokerAllowsByNow) {
  const auto image = image_with("g", "50000");
  EXPECT_EQ(
      group_integer(BrokerConfig(ConfigMap{{"group.consumer.max.session.timeout.ms", "48000"}}),
                    *image, "g", session),
      48'000);
  EXPECT_EQ(
      group_integer(BrokerConfig(ConfigMap{{"group.consumer.min.session.timeout.ms", "55000"}}),
                    *image, "g", session),
      55'000);
}

TEST(BrokenGroupBounds, AreNoneOfTheDefaults) {
  EXPECT_TRUE(broken_group_bounds(BrokerConfig{}).empty());
}

TEST(BrokenGroupBounds, NameTheOptionAndWhatItMustBe) {
  const auto first = [](ConfigMap values) {
    const auto broken = broken_group_bounds(BrokerConfig(std::move(values)));
    return broken.empty() ? std::string("none") : broken[0].option + " " + broken[0].text;
  };
  EXPECT_EQ(first({{"group.consumer.max.session.timeout.ms", "44000"}}),
            "group.consumer.max.session.timeout.ms greater than or equal to "
            "group.consumer.min.session.timeout.ms");
  EXPECT_EQ(first({{"group.consumer.session.timeout.ms", "44000"}}),
            "group.consumer.session.timeout.ms greater than or equal to "
            "group.consumer.min.session.timeout.ms");
  EXPECT_EQ(first({{"group.streams.num.standby.replicas", "3"}}),
            "group.streams.num.standby.replicas less than or equal to "
            "group.streams.max.standby.replicas");
  EXPECT_EQ(first({{"group.share.heartbeat.interval.ms", "45000"},
                   {"group.share.max.heartbeat.interval.ms", "45000"}}),
            "group.share.heartbeat.interval.ms less than group.share.session.timeout.ms");
}

}  // namespace
}  // namespace moldau::metadata
