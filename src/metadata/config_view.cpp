#include "moldau/metadata/config_view.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "moldau/base/check.hpp"

namespace moldau::metadata {
namespace {

std::optional<std::string> shown(const OptionDefinition& option, std::string_view value) {
  if (option.is_sensitive()) return std::nullopt;
  return std::string(value);
}

const std::string* find(const ConfigMap& map, std::string_view name) {
  const auto it = map.find(name);
  return it == map.end() ? nullptr : &it->second;
}

/// Milliseconds in the unit that an option's name ends with.
std::int64_t unit_ms(std::string_view name) {
  if (name.ends_with(".hours")) return 3'600'000;
  if (name.ends_with(".minutes")) return 60'000;
  return 1;
}

template <class F>
void for_each_word(std::string_view words, F&& f) {
  while (!words.empty()) {
    const auto space = words.find(' ');
    f(words.substr(0, space));
    if (space == std::string_view::npos) return;
    words.remove_prefix(space + 1);
  }
}

/// Kafka's rule for what it shows: the values from the first one on that stands under `name`
/// itself.
std::vector<ConfigSynonym> shown_from(std::vector<ConfigSynonym> values, std::string_view name) {
  const auto own = std::ranges::find(values, name, &ConfigSynonym::name);
  values.erase(values.begin(), own);
  return values;
}

ConfigEntry unknown_entry(std::string name, ConfigSource source) {
  ConfigEntry entry;
  entry.name = name;
  entry.source = source;
  entry.type = OptionType::unknown;
  entry.read_only = true;
  entry.sensitive = true;  // Nobody knows what it is, so nobody is shown it.
  entry.synonyms.push_back({std::move(name), std::nullopt, source});
  return entry;
}

ConfigEntry entry_of(const OptionDefinition& option) {
  ConfigEntry entry;
  entry.name = option.name;
  entry.source = ConfigSource::default_value;
  entry.type = option.type;
  entry.sensitive = option.is_sensitive();
  entry.documentation = option.documentation;
  return entry;
}

}  // namespace

BrokerConfig::BrokerConfig(ConfigMap static_values) : static_(std::move(static_values)) {}

namespace {
/// The values in their options' own form; what cannot be read is left out (the log may have been
/// written by another broker).
ConfigMap readable(const ConfigMap* values) {
  ConfigMap result;
  if (values == nullptr) return result;
  for (const auto& [name, value] : *values) {
    const OptionDefinition* option = find_broker_option(name);
    if (option == nullptr) {
      result.emplace(name, value);
      continue;
    }
    if (auto parsed = parse_option(*option, value)) result.emplace(name, std::move(*parsed));
  }
  return result;
}
}  // namespace

BrokerConfig BrokerConfig::with_dynamic(const MetadataImage& image, BrokerId self) const {
  BrokerConfig result = *this;
  result.cluster_ = readable(image.find_configs(ConfigResourceType::broker, ""));
  result.broker_ =
      readable(image.find_configs(ConfigResourceType::broker, std::to_string(self.value())));
  return result;
}

std::optional<std::string_view> BrokerConfig::text(std::string_view name) const {
  for (const ConfigMap* map : {&broker_, &cluster_, &static_}) {
    if (const std::string* value = find(*map, name)) return *value;
  }
  const OptionDefinition* option = find_broker_option(name);
  return option == nullptr ? std::nullopt : option->default_value;
}

std::int64_t BrokerConfig::integer(std::string_view name) const {
  const auto value = text(name);
  MOLDAU_CHECK(value.has_value(), "an integer option without a value");
  std::int64_t result = 0;
  const auto parsed = std::from_chars(value->data(), value->data() + value->size(), result);
  MOLDAU_CHECK(parsed.ec == std::errc{}, "an integer option was not validated");
  return result;
}

double BrokerConfig::real(std::string_view name) const {
  const auto value = text(name);
  MOLDAU_CHECK(value.has_value(), "a real option without a value");
  double result = 0;
  const auto parsed = std::from_chars(value->data(), value->data() + value->size(), result);
  MOLDAU_CHECK(parsed.ec == std::errc{}, "a real option was not validated");
  return result;
}

bool BrokerConfig::flag(std::string_view name) const {
  return text(name) == "true";
}

std::vector<std::string> BrokerConfig::list(std::string_view name) const {
  return split_list(text(name).value_or(""));
}

std::vector<ConfigSynonym> BrokerConfig::values_of(const OptionDefinition& option) const {
  const std::string_view names = option.synonyms.empty() ? option.name : option.synonyms;
  const std::string_view first =
      option.scope != OptionScope::broker ? names.substr(0, names.find(' ')) : option.name;
  if (option.scope != OptionScope::broker && option.synonyms.empty()) return {};
  std::vector<ConfigSynonym> result;
  const auto add = [&](const ConfigMap& map, ConfigSource source) {
    for_each_word(names, [&](std::string_view name) {
      if (const std::string* value = find(map, name)) {
        result.push_back({std::string(name), shown(option, *value), source});
      }
    });
  };
  add(broker_, ConfigSource::broker);
  add(cluster_, ConfigSource::cluster_default);
  add(static_, ConfigSource::static_broker);
  // A default of another name counts only below a value that somebody set: as Kafka shows it.
  const bool any_set = !result.empty();
  for_each_word(names, [&](std::string_view name) {
    const OptionDefinition* synonym = find_broker_option(name);
    if (synonym == nullptr || !synonym->default_value) return;
    if (!any_set && name != first) return;
    result.push_back(
        {std::string(name), shown(option, *synonym->default_value), ConfigSource::default_value});
  });
  return result;
}

std::string convert_unit(std::string_view from, std::string_view to, std::string value) {
  const std::int64_t factor = unit_ms(from) / unit_ms(to);
  if (factor <= 1) return value;
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  if (number < 0) return value;  // -1: no bound, in any unit
  std::int64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product)) product = INT64_MAX;
  return std::to_string(product);
}

namespace {
/// All options of `table` for a resource that has `own` set, above the broker's.
std::vector<ConfigEntry> describe(std::span<const OptionDefinition> table,
                                  const BrokerConfig& broker, const ConfigMap* own_values,
                                  ConfigSource own_source) {
  std::vector<ConfigEntry> result;
  for (const OptionDefinition& option : table) {
    if (option.hidden) continue;
    ConfigEntry entry = entry_of(option);
    std::vector<ConfigSynonym> values = broker.values_of(option);
    if (!values.empty()) {
      const ConfigSynonym& effective = values.front();
      if (effective.value) {
        entry.value = convert_unit(effective.name, option.name, *effective.value);
      }
    } else if (option.default_value) {
      entry.value = std::string(*option.default_value);
    }
    const std::string_view first = option.synonyms.substr(0, option.synonyms.find(' '));
    entry.synonyms = shown_from(std::move(values), first);
    // A default that no option of the broker has is a group's own; of topics Kafka does not show
    // it.
    if (option.scope == OptionScope::group && option.synonyms.empty()) {
      entry.synonyms.push_back({entry.name, entry.value, ConfigSource::default_value});
    }
    if (const std::string* own = own_values == nullptr ? nullptr : find(*own_values, option.name)) {
      entry.value = shown(option, *own);
      entry.synonyms.insert(entry.synonyms.begin(),
                            {std::string(option.name), entry.value, own_source});
    }
    if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
    result.push_back(std::move(entry));
  }
  return result;
}
}  // namespace

std::vector<ConfigEntry> describe_topic(const BrokerConfig& broker, const ConfigMap* topic) {
  return describe(topic_options(), broker, topic, ConfigSource::topic);
}

std::vector<ConfigEntry> describe_group(const BrokerConfig& broker, const ConfigMap* group) {
  return describe(group_options(), broker, group, ConfigSource::group);
}

std::vector<ConfigEntry> describe_client_metrics(const BrokerConfig& broker,
                                                 const ConfigMap* subscription) {
  return describe(client_metrics_options(), broker, subscription, ConfigSource::client_metrics);
}

std::vector<ConfigEntry> describe_broker(const BrokerConfig& broker) {
  std::vector<ConfigEntry> result;
  for (const OptionDefinition& option : broker_options()) {
    if (option.hidden) continue;
    ConfigEntry entry = entry_of(option);
    entry.read_only = option.update_mode == UpdateMode::read_only;
    entry.synonyms = shown_from(broker.values_of(option), option.name);
    if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
    if (const auto value = broker.text(option.name)) entry.value = shown(option, *value);
    result.push_back(std::move(entry));
  }
  for (auto& [name, source] : broker.unknown_names()) {
    result.push_back(unknown_entry(name, source));
  }
  return result;
}

std::vector<std::pair<std::string, ConfigSource>> BrokerConfig::unknown_names() const {
  std::map<std::string, ConfigSource> names;
  const auto add = [&](const ConfigMap& map, ConfigSource source) {
    for (const auto& [name, value] : map) {
      if (find_broker_option(name) == nullptr) names.emplace(name, source);
    }
  };
  add(broker_, ConfigSource::broker);
  add(cluster_, ConfigSource::cluster_default);
  add(static_, ConfigSource::static_broker);
  return {names.begin(), names.end()};
}

std::vector<ConfigEntry> describe_cluster_default(const MetadataImage& image) {
  std::vector<ConfigEntry> result;
  const ConfigMap* map = image.find_configs(ConfigResourceType::broker, "");
  if (map == nullptr) return result;
  for (const auto& [name, value] : *map) {
    const OptionDefinition* option = find_broker_option(name);
    if (option == nullptr) {
      result.push_back(unknown_entry(name, ConfigSource::cluster_default));
      continue;
    }
    ConfigEntry entry = entry_of(*option);
    entry.source = ConfigSource::cluster_default;
    entry.read_only = option->update_mode == UpdateMode::read_only;
    entry.value = shown(*option, value);
    entry.synonyms.push_back({name, entry.value, ConfigSource::cluster_default});
    result.push_back(std::move(entry));
  }
  return result;
}

}  // namespace moldau::metadata
