#pragma once
// Effective configuration values with where each comes from: the answer of DescribeConfigs, and
// typed access to the broker's own options.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moldau/metadata/image.hpp"
#include "moldau/metadata/option_table.hpp"

namespace moldau::metadata {

/// Codes of DescribeConfigs.
enum class ConfigSource : std::int8_t {
  unknown = 0,
  topic = 1,
  broker = 2,           // dynamic, of one broker
  cluster_default = 3,  // dynamic, of all brokers
  static_broker = 4,    // file, environment, command line
  default_value = 5,
  broker_logger = 6,
  client_metrics = 7,
  group = 8,
};

struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;  // nullopt: sensitive
  ConfigSource source = ConfigSource::unknown;
};

struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  // nullopt: sensitive or without a value
  ConfigSource source = ConfigSource::unknown;
  OptionType type = OptionType::string;
  bool read_only = false;
  bool sensitive = false;
  /// What applies first stands first, the entry's own value included.  As in Kafka, what stands under
  /// another name above the first value under the entry's own is left out.
  std::vector<ConfigSynonym> synonyms;
  std::string_view documentation;
};

/// The broker's options: static values, with the dynamic ones of the image on top.
/// Thread rule: a value, immutable after construction.
class BrokerConfig {
 public:
  /// `static_values` by Kafka's names, already validated (option_table.hpp).
  explicit BrokerConfig(ConfigMap static_values = {});
  /// The same with the dynamic values that `image` has for broker `self` and for all brokers.
  [[nodiscard]] BrokerConfig with_dynamic(const MetadataImage& image, BrokerId self) const;

  /// Effective values of options of the broker's table.  The text is there for every option with a
  /// default or a value; the typed forms require an option of that type.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] double real(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

  /// All values of an option that are set, what applies first first, the default last; through the
  /// option's synonyms (log.retention.ms before log.retention.minutes before log.retention.hours).
  [[nodiscard]] std::vector<ConfigSynonym> values_of(const OptionDefinition& option) const;

  /// Values that are set under names which the table does not have, with the source that applies
  /// first.
  [[nodiscard]] std::vector<std::pair<std::string, ConfigSource>> unknown_names() const;

  [[nodiscard]] const ConfigMap& static_values() const { return static_; }

 private:
  ConfigMap static_;
  ConfigMap cluster_;  // dynamic, of all brokers
  ConfigMap broker_;   // dynamic, of this one
};

/// A value of option `from` in the unit of option `to`, as their names tell: log.retention.hours to
/// retention.ms.
[[nodiscard]] std::string convert_unit(std::string_view from, std::string_view to,
                                       std::string value);

/// DescribeConfigs of a topic: all options in the table's order.  `topic` may be nullptr.
[[nodiscard]] std::vector<ConfigEntry> describe_topic(const BrokerConfig& broker,
                                                      const ConfigMap* topic);
/// The same of a group, and of a client metrics subscription (KIP-714); whether they exist does not
/// matter.
[[nodiscard]] std::vector<ConfigEntry> describe_group(const BrokerConfig& broker,
                                                      const ConfigMap* group);
[[nodiscard]] std::vector<ConfigEntry> describe_client_metrics(const BrokerConfig& broker,
                                                               const ConfigMap* subscription);
/// DescribeConfigs of this broker: all options of the table, and unknown static ones.
[[nodiscard]] std::vector<ConfigEntry> describe_broker(const BrokerConfig& broker);
/// DescribeConfigs of a resource whose values are its own only: the cluster's default broker (empty
/// name).
[[nodiscard]] std::vector<ConfigEntry> describe_cluster_default(const MetadataImage& image);

}  // namespace moldau::metadata
