#include "moldau/metadata/config_view.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "moldau/metadata/image_builder.hpp"
#include "moldau/metadata/topic_config.hpp"

namespace moldau::metadata {
namespace {

std::shared_ptr<const MetadataImage> image_of(const std::vector<ConfigRecord>& records) {
  ImageBuilder builder(MetadataImage::empty());
  for (const ConfigRecord& record : records) EXPECT_TRUE(builder.apply(record));
  return builder.build(Offset{1}, 1).image;
}

const ConfigEntry& find(const std::vector<ConfigEntry>& entries, std::string_view name) {
  const auto it = std::ranges::find(entries, name, &ConfigEntry::name);
  EXPECT_NE(it, entries.end()) << name;
  return *it;
}

std::string print(const ConfigEntry& entry) {
  std::string text = entry.value.value_or("null");
  for (const ConfigSynonym& synonym : entry.synonyms) {
    text += " " + std::to_string(static_cast<int>(synonym.source)) + ":" + synonym.name + "=" +
            synonym.value.value_or("null");
  }
  return text;
}

// Apache Kafka 4.3.1, started with log.retention.minutes=120, after the same alterations.
TEST(ConfigView, ListsSynonymsAsKafkaDoes) {
  const auto image = image_of({{4, "", "log.retention.ms", "100000"},
                               {4, "1", "log.retention.ms", "-7"},
                               {4, "", "message.max.bytes", "2000000"}});
  const BrokerConfig broker =
      BrokerConfig(ConfigMap{{"log.retention.minutes", "120"}}).with_dynamic(*image, BrokerId{1});
  const ConfigMap own{{"retention.ms", "1000"}};
  const std::string rest =
      " 2:log.retention.ms=-7 3:log.retention.ms=100000"
      " 4:log.retention.minutes=120 5:log.retention.hours=168";
  EXPECT_EQ(print(find(describe_topic(broker, &own), "retention.ms")),
            "1000 1:retention.ms=1000" + rest);
  EXPECT_EQ(print(find(describe_topic(broker, nullptr), "max.message.bytes")),
            "2000000 3:message.max.bytes=2000000 5:message.max.bytes=1048588");
  EXPECT_EQ(print(find(describe_topic(broker, nullptr), "flush.ms")), "9223372036854775807");
  EXPECT_EQ(print(find(describe_topic(broker, nullptr), "cleanup.policy")),
            "delete 5:log.cleanup.policy=delete");
  EXPECT_EQ(print(find(describe_broker(broker), "log.retention.ms")), "-7" + rest);
  EXPECT_EQ(print(find(describe_broker(broker), "log.retention.hours")),
            "168 5:log.retention.hours=168");
  EXPECT_EQ(print(find(describe_broker(broker), "log.retention.minutes")),
            "120 4:log.retention.minutes=120 5:log.retention.hours=168");
}

// Apache Kafka 4.3.1, started with these three.
TEST(ConfigView, ShowsNoValueThatOnlyAnotherNameHas) {
  const BrokerConfig broker(ConfigMap{{"log.retention.minutes", "120"},
                                      {"log.roll.hours", "24"},
                                      {"log.flush.scheduler.interval.ms", "5000"}});
  const auto topic = describe_topic(broker, nullptr);
  EXPECT_EQ(print(find(topic, "retention.ms")), "7200000");
  EXPECT_EQ(find(topic, "retention.ms").source, ConfigSource::default_value);
  EXPECT_EQ(print(find(topic, "segment.ms")), "86400000");
  EXPECT_EQ(print(find(topic, "flush.ms")), "5000");
  const auto own = describe_broker(broker);
  EXPECT_EQ(print(find(own, "log.retention.ms")), "null");
  EXPECT_EQ(print(find(own, "log.flush.interval.ms")), "null");
  EXPECT_EQ(print(find(own, "log.roll.hours")), "24 4:log.roll.hours=24 5:log.roll.hours=168");
}

TEST(ConfigView, ShowsADefaultThatOnlyASynonymHasWithoutSynonyms) {
  const auto topic = describe_topic(BrokerConfig{}, nullptr);
  EXPECT_EQ(print(find(topic, "retention.ms")), "604800000");
  EXPECT_EQ(find(topic, "retention.ms").source, ConfigSource::default_value);
  EXPECT_EQ(print(find(describe_broker(BrokerConfig{}), "log.retention.ms")), "null");
}

TEST(ConfigView, ConvertsHoursAndMinutes) {
  const BrokerConfig hours(ConfigMap{{"log.retention.hours", "2"}, {"log.roll.hours", "1"}});
  EXPECT_EQ(find(describe_topic(hours, nullptr), "retention.ms").value, "7200000");
  EXPECT_EQ(find(describe_topic(hours, nullptr), "segment.ms").value, "3600000");
  EXPECT_EQ(TopicConfig::resolve(hours, nullptr).retention_ms, 7'200'000);
  const BrokerConfig minutes(
      ConfigMap{{"log.retention.minutes", "3"}, {"log.retention.hours", "2"}});
  EXPECT_EQ(TopicConfig::resolve(minutes, nullptr).retention_ms, 180'000);
  const BrokerConfig forever(ConfigMap{{"log.retention.hours", "-1"}});
  EXPECT_EQ(TopicConfig::resolve(forever, nullptr).retention_ms, -1);
}

TEST(ConfigView, NeverShowsSecretsNorWhatNobodyKnows) {
  const auto entries = describe_broker(BrokerConfig(
      ConfigMap{{"ssl.key.password", "geheim"}, {"foo.bar", "1"}, {"num.partitions", "4"}}));
  const ConfigEntry& password = find(entries, "ssl.key.password");
  EXPECT_TRUE(password.sensitive);
  EXPECT_EQ(print(password), "null 4:ssl.key.password=null");
  const ConfigEntry& unknown = find(entries, "foo.bar");
  EXPECT_TRUE(unknown.sensitive);
  EXPECT_TRUE(unknown.read_only);
  EXPECT_EQ(unknown.type, OptionType::unknown);
  EXPECT_EQ(print(unknown), "null 4:foo.bar=null");
  EXPECT_EQ(print(find(entries, "num.partitions")), "4 4:num.partitions=4 5:num.partitions=1");
}

// Apache Kafka 4.3.1, started with group.consumer.session.timeout.ms=40000.
TEST(ConfigView, DescribesGroupsAsKafkaDoes) {
  const BrokerConfig broker(ConfigMap{{"group.consumer.session.timeout.ms", "40000"}});
  const ConfigMap own{{"consumer.session.timeout.ms", "60000"},
                      {"share.isolation.level", "read_committed"}};
  const auto set = describe_group(broker, &own);
  EXPECT_EQ(set.size(), 17U);
  const ConfigEntry& session = find(set, "consumer.session.timeout.ms");
  EXPECT_EQ(print(session),
            "60000 8:consumer.session.timeout.ms=60000 4:group.consumer.session.timeout.ms=40000 "
            "5:group.consumer.session.timeout.ms=45000");
  EXPECT_EQ(session.source, ConfigSource::group);
  EXPECT_FALSE(session.read_only);
  EXPECT_EQ(print(find(set, "share.isolation.level")),
            "read_committed 8:share.isolation.level=read_committed "
            "5:share.isolation.level=read_uncommitted");
  const auto unset = describe_group(broker, nullptr);
  EXPECT_EQ(print(find(unset, "consumer.session.timeout.ms")),
            "40000 4:group.consumer.session.timeout.ms=40000 "
            "5:group.consumer.session.timeout.ms=45000");
  EXPECT_EQ(find(unset, "consumer.session.timeout.ms").source, ConfigSource::static_broker);
  EXPECT_EQ(print(find(unset, "consumer.heartbeat.interval.ms")),
            "5000 5:group.consumer.heartbeat.interval.ms=5000");
  EXPECT_EQ(print(find(unset, "share.auto.offset.reset")),
            "latest 5:share.auto.offset.reset=latest");
}

// Apache Kafka 4.3.1.
TEST(ConfigView, DescribesClientMetricsAsKafkaDoes) {
  const ConfigMap own{{"metrics", "d"}};
  const auto entries = describe_client_metrics(BrokerConfig{}, &own);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(print(find(entries, "interval.ms")), "300000");
  EXPECT_EQ(print(find(entries, "match")), "");
  EXPECT_EQ(find(entries, "match").type, OptionType::list);
  EXPECT_EQ(print(find(entries, "metrics")), "d 7:metrics=d");
}

TEST(TopicConfig, PutsTheTopicsValuesOverTheBrokers) {
  const BrokerConfig broker(
      ConfigMap{{"log.segment.bytes", "2000000"}, {"log.cleanup.policy", "compact"}});
  const ConfigMap own{{"cleanup.policy", "compact,delete"},
                      {"retention.ms", "-5"},
                      {"message.timestamp.type", "LogAppendTime"},
                      {"compression.type", "zstd"}};
  const TopicConfig config = TopicConfig::resolve(broker, &own);
  EXPECT_EQ(config.segment_bytes, 2'000'000);
  EXPECT_TRUE(config.cleanup_delete);
  EXPECT_TRUE(config.cleanup_compact);
  EXPECT_TRUE(config.log_append_time);
  EXPECT_EQ(config.compression_type, CompressionType::zstd);
  EXPECT_EQ(config.retention_ms, 604'800'000);  // -5 is not a value: left out
  EXPECT_FALSE(TopicConfig::resolve(broker, nullptr).cleanup_delete);
}

TEST(TopicConfig, HasTheTablesDefaults) {
  // Every option of the struct, set to its default by the table, gives the struct's own defaults.
  ConfigMap defaults;
  for (const OptionDefinition& option : topic_options()) {
    if (option.default_value) defaults[std::string(option.name)] = *option.default_value;
  }
  EXPECT_EQ(TopicConfig::resolve(BrokerConfig{}, &defaults), TopicConfig{});
  EXPECT_EQ(TopicConfig::resolve(BrokerConfig{}, nullptr), TopicConfig{});
}

TEST(BrokerConfig, LeavesOutWhatCannotBeRead) {
  const auto image =
      image_of({{4, "", "message.max.bytes", "viel"}, {4, "1", "num.io.threads", "3"}});
  const BrokerConfig broker = BrokerConfig{}.with_dynamic(*image, BrokerId{1});
  EXPECT_EQ(broker.integer("message.max.bytes"), 1'048'588);
  EXPECT_EQ(broker.integer("num.io.threads"), 3);
  EXPECT_TRUE(broker.flag("auto.create.topics.enable"));
  EXPECT_EQ(broker.text("broker.rack"), std::nullopt);
}

}  // namespace
}  // namespace moldau::metadata
