#include "moldau/metadata/option_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace moldau::metadata {
namespace {

TEST(OptionTable, IsSortedWithoutDoubles) {
  for (const auto table :
       {topic_options(), broker_options(), group_options(), client_metrics_options()}) {
    EXPECT_FALSE(table.empty());
    const auto unsorted = std::ranges::adjacent_find(
        table, [](const auto& a, const auto& b) { return a.name >= b.name; });
    EXPECT_EQ(unsorted, table.end()) << unsorted->name;
  }
}

TEST(OptionTable, HasAReadableDefaultAndASentenceForEveryOption) {
  for (const auto table :
       {topic_options(), broker_options(), group_options(), client_metrics_options()}) {
    for (const OptionDefinition& option : table) {
      EXPECT_TRUE(option.documentation.ends_with('.')) << option.name;
      if (!option.default_value) continue;
      const auto parsed = parse_option(option, *option.default_value);
      if (option.type == OptionType::real && !parsed) continue;
      ASSERT_TRUE(parsed) << to_string(parsed.error());
      EXPECT_EQ(*parsed, *option.default_value) << option.name;
    }
  }
}

TEST(OptionTable, KnowsTheSynonymsOfEveryOption) {
  for (const auto table : {topic_options(), group_options()}) {
    for (const OptionDefinition& option : table) {
      std::string_view names = option.synonyms;
      while (!names.empty()) {
        const auto space = names.find(' ');
        const auto name = names.substr(0, space);
        EXPECT_NE(find_broker_option(name), nullptr) << option.name << ": " << name;
        names = space == std::string_view::npos ? std::string_view{} : names.substr(space + 1);
      }
    }
  }
}

TEST(OptionTable, TakesDurationsAsJavaDoes) {
  const auto* option = find_group_option("share.auto.offset.reset");
  const auto takes = [&](const std::string& text) {
    return parse_option(*option, "by_duration:" + text).has_value();
  };
  for (const char* good : {"P1D", "PT1H", "PT5M", "PT0.5S", "P2DT3H4M5S", "pt1h", "PT36H"}) {
    EXPECT_TRUE(takes(good)) << good;
  }
  for (const char* bad : {"", "P", "PT", "P1DT", "1H", "P1H", "PT1D", "-PT1H", "PT-1H", "PT1M1H",
                          "PT1.5H", "PT1.2.3S", "PT1HX", "PTH"}) {
    EXPECT_FALSE(takes(bad)) << bad;
  }
  EXPECT_TRUE(parse_option(*option, "earliest"));
  EXPECT_EQ(parse_option(*option, "LATEST").error().message,
            "Invalid value LATEST for configuration share.auto.offset.reset: Invalid value "
            "`LATEST` for configuration share.auto.offset.reset. The value must be either "
            "'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.");
}

// What Apache Kafka 4.3.1 answers to CreateTopics with the same values.
TEST(OptionTable, RefusesValuesInKafkasWords) {
  const auto message = [](std::string_view name, std::string_view value) {
    const auto result = parse_topic_option(name, value);
    return result ? std::string("accepted") : result.error().message;
  };
  EXPECT_EQ(message("nope", "1"), "Unknown topic config name: nope");
  EXPECT_EQ(message("retention.ms", "x"),
            "Invalid value x for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(message("retention.ms", ""),
            "Invalid value  for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(message("retention.ms", "-2"),
            "Invalid value -2 for configuration retention.ms: Value must be at least -1");
  EXPECT_EQ(message("segment.bytes", "10"),
            "Invalid value 10 for configuration segment.bytes: Value must be at least 1048576");
  EXPECT_EQ(message("segment.bytes", "99999999999"),
            "Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT");
  EXPECT_EQ(message("cleanup.policy", "shrink"),
            "Invalid value shrink for configuration cleanup.policy: String must be one of: "
            "compact, delete");
  EXPECT_EQ(message("preallocate", "maybe"),
            "Invalid value maybe for configuration preallocate: Expected value to be either true "
            "or false");
  EXPECT_EQ(message("compression.type", "rar"),
            "Invalid value rar for configuration compression.type: String must be one of: "
            "uncompressed, zstd, lz4, snappy, gzip, producer");
  EXPECT_EQ(message("min.cleanable.dirty.ratio", "2"),
            "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more "
            "than 1");
  EXPECT_EQ(message("compression.gzip.level", "0"),
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and "
            "9 or equal to -1");
  EXPECT_EQ(message("leader.replication.throttled.replicas", "x"),
            "Invalid value [x] for configuration leader.replication.throttled.replicas: "
            "leader.replication.throttled.replicas must be the literal '*' or a list of replicas "
            "in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...");
}

TEST(OptionTable, TakesValuesAsKafkaDoes) {
  EXPECT_EQ(parse_topic_option("retention.ms", " 1000 ").value(), "1000");
  EXPECT_EQ(parse_topic_option("retention.ms", "+5").value(), "5");
  EXPECT_EQ(parse_topic_option("preallocate", "TRUE").value(), "true");
  EXPECT_EQ(parse_topic_option("cleanup.policy", " compact , delete").value(), "compact,delete");
  EXPECT_EQ(parse_topic_option("cleanup.policy", "").value(), "");
  EXPECT_EQ(parse_topic_option("compression.gzip.level", "-1").value(), "-1");
  EXPECT_EQ(parse_topic_option("leader.replication.throttled.replicas", "0:1,1:2").value(),
            "0:1,1:2");
  EXPECT_FALSE(parse_topic_option("retention.ms", "+-5"));
  EXPECT_FALSE(parse_topic_option("retention.ms", "1 0"));
}

TEST(OptionTable, HidesPasswordsInErrors) {
  OptionDefinition option;
  option.name = "secret";
  option.type = OptionType::password;
  EXPECT_TRUE(parse_option(option, "geheim"));
  EXPECT_TRUE(find_broker_option("ssl.key.password")->is_sensitive());
}

TEST(OptionTable, KnowsListenerPrefixes) {
  EXPECT_TRUE(is_known_broker_option("listener.name.external.ssl.keystore.location"));
  EXPECT_TRUE(is_known_broker_option("listener.name.external.scram-sha-256.sasl.jaas.config"));
  EXPECT_TRUE(is_known_broker_option("super.users"));
  EXPECT_FALSE(is_known_broker_option("listener.name.external.nope"));
  EXPECT_FALSE(is_known_broker_option("nope"));
}

}  // namespace
}  // namespace moldau::metadata
