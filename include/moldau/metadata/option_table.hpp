#pragma once
// The one table of options.  Everything that names an option reads it here: the YAML file's kafka:
// block, environment, --set, Kafka's server.properties, DescribeConfigs (types, sources, synonyms,
// documentation), the validation of AlterConfigs and CreateTopics, and the annotated
// config/moldau.yaml.
//
// Names, types and defaults are Kafka's (4.3.1); a default that differs says so in its
// documentation.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/result.hpp"

namespace moldau::metadata {

/// Codes of DescribeConfigs (KIP-569).
enum class OptionType : std::int8_t {
  unknown = 0,
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  real = 6,
  list = 7,
  class_name = 8,
  password = 9,
};

enum class OptionScope : std::uint8_t { topic, broker, group, client_metrics };

/// How an option may change while the broker runs (Kafka's "update mode").
enum class UpdateMode : std::uint8_t { read_only, per_broker, cluster_wide };

struct OptionDefinition {
  std::string_view name;
  OptionType type = OptionType::string;
  OptionScope scope = OptionScope::broker;
  UpdateMode update_mode = UpdateMode::read_only;
  /// As Kafka prints it; nullopt: no default (null).
  std::optional<std::string_view> default_value;
  /// Numbers: both ends included.
  std::optional<double> min;
  std::optional<double> max;
  /// A number outside of [min, max] that is valid too (-1 as a level of gzip).
  std::optional<double> also_valid;
  /// Strings and lists: the only values allowed, separated by ", "; empty: any.
  std::string_view valid_values;
  bool ignore_case = false;  // of valid_values
  /// A topic's or a group's option: the broker's options that are its default, what applies first
  /// first.  A broker's option: all names of the same value where there are several (log.retention.ms,
  /// .minutes, .hours). Separated by spaces; a unit in the name is converted.
  std::string_view synonyms;
  /// What it does, in a sentence.
  std::string_view documentation;
  /// False: known to Kafka and accepted, but nothing in Moldau depends on it.
  bool has_effect = true;
  /// True: for tests; accepted and not listed by DescribeConfigs.
  bool hidden = false;
  [[nodiscard]] bool is_sensitive() const { return type == OptionType::password; }
};

[[nodiscard]] std::span<const OptionDefinition> topic_options();   // sorted by name
[[nodiscard]] std::span<const OptionDefinition> broker_options();  // sorted by name
[[nodiscard]] std::span<const OptionDefinition> group_options();   // sorted by name
[[nodiscard]] std::span<const OptionDefinition> client_metrics_options();  // sorted by name
[[nodiscard]] const OptionDefinition* find_topic_option(std::string_view name);
[[nodiscard]] const OptionDefinition* find_broker_option(std::string_view name);
[[nodiscard]] const OptionDefinition* find_group_option(std::string_view name);
[[nodiscard]] const OptionDefinition* find_client_metrics_option(std::string_view name);
/// Any broker option known to Kafka: also those of its authorizer (super.users), and the ones with
/// a part of the operator's choice (listener.name.<listener>.<option>).
[[nodiscard]] bool is_known_broker_option(std::string_view name);

/// The value in the option's own form (blanks around it gone), or invalid_config with Kafka's
/// message: "Invalid value x for configuration retention.ms: Not a number of type LONG".
[[nodiscard]] base::Result<std::string> parse_option(const OptionDefinition& option,
                                                     std::string_view value);
/// The same for a name: "Unknown topic config name: x".
[[nodiscard]] base::Result<std::string> parse_topic_option(std::string_view name,
                                                           std::string_view value);

/// The elements of a LIST value: split at commas, blanks around each gone; none of an empty value.
[[nodiscard]] std::vector<std::string> split_list(std::string_view value);
[[nodiscard]] std::string join_list(const std::vector<std::string>& elements);

[[nodiscard]] std::string_view type_name(OptionType type);  // BOOLEAN, STRING, INT, ...

}  // namespace moldau::metadata
