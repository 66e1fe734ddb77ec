#include "metadata/config_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <utility>

#include "moldau/metadata/group_config.hpp"
#include "moldau/metadata/option_table.hpp"

namespace moldau::metadata {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Status;
using Change = AlterConfigsRequest::Change;

constexpr std::string_view min_isr = "min.insync.replicas";

/// None of client metrics: Kafka does not take their lists for lists either when it appends.
const OptionDefinition* find_option(ConfigResourceType type, std::string_view name) {
  switch (type) {
    case ConfigResourceType::topic:
      return find_topic_option(name);
    case ConfigResourceType::broker:
      return find_broker_option(name);
    case ConfigResourceType::group:
      return find_group_option(name);
    default:
      return nullptr;
  }
}

/// What a client is matched by: client_id=PATTERN.  Patterns are Java's and not looked into.
Status check_match(const std::string& pattern) {
  static const std::set<std::string_view> keys = {"client_id",
                                                  "client_instance_id",
                                                  "client_software_name",
                                                  "client_software_version",
                                                  "client_source_address",
                                                  "client_source_port"};
  const auto equals = pattern.find('=');
  if (equals != std::string::npos && keys.contains(std::string_view(pattern).substr(0, equals))) {
    return {};
  }
  return fail(Errc::invalid_config, "Illegal client matching pattern: " + pattern);
}

/// KIP-714's client metrics subscriptions.
Result<std::string> parse_client_metrics(const std::string& name, const std::string& value) {
  const OptionDefinition* option = find_client_metrics_option(name);
  if (option == nullptr) {
    return fail(Errc::invalid_request, "Unknown client metrics configuration: " + name);
  }
  MOLDAU_ASSIGN(auto parsed, parse_option(*option, value));
  if (name == "interval.ms" && (std::stoi(parsed) < 100 || std::stoi(parsed) > 3'600'000)) {
    return fail(Errc::invalid_request,
                fmt::format("Invalid value {} for interval.ms, interval must be between 100 and "
                            "3600000 (1 hour)",
                            parsed));
  }
  if (name == "match") {
    for (const std::string& pattern : split_list(parsed)) MOLDAU_TRY(check_match(pattern));
  }
  return parsed;
}

Result<std::string> parse_value(ConfigResourceType type, const std::string& name,
                                const std::string& value) {
  if (type == ConfigResourceType::client_metrics) return parse_client_metrics(name, value);
  if (type == ConfigResourceType::group) return value;  // All together: checked_group_configs().
  if (const OptionDefinition* option = find_option(type, name)) {
    auto parsed = parse_option(*option, value);
    if (!parsed && type == ConfigResourceType::broker) {
      return fail(Errc::invalid_request, parsed.error().message);
    }
    return parsed;
  }
  if (type == ConfigResourceType::broker) return value;  // Kafka keeps what plug-ins may know.
  return fail(Errc::invalid_config, fmt::format("Unknown topic config name: {}", name));
}

Result<std::string> change_list(const OptionDefinition& option, const Change& change,
                                const ConfigMap& now) {
  const auto it = now.find(option.name);
  const std::string_view old =
      it != now.end() ? std::string_view(it->second) : option.default_value.value_or("");
  std::vector<std::string> elements = split_list(old);
  for (const std::string& element : split_list(*change.value)) {
    const auto at = std::ranges::find(elements, element);
    if (change.operation == AlterOperation::subtract) {
      if (at != elements.end()) elements.erase(at);
    } else if (at == elements.end()) {
      elements.push_back(element);
    }
  }
  return join_list(elements);
}

/// Applies one change to `now`.
Status apply(ConfigResourceType type, const Change& change, ConfigMap& now) {
  if (change.operation < AlterOperation::set || change.operation > AlterOperation::subtract) {
    return fail(Errc::invalid_request, fmt::format("Unknown operation {} for key {}",
                                                   static_cast<int>(change.operation), change.name));
  }
  if (change.operation == AlterOperation::remove) {
    now.erase(change.name);
    return {};
  }
  if (!change.value) {
    return fail(Errc::invalid_request, "Null value not supported for : " + change.name);
  }
  std::string value = *change.value;
  if (change.operation != AlterOperation::set) {
    const OptionDefinition* option = find_option(type, change.name);
    const bool is_list = option != nullptr && option->type == OptionType::list;
    if (!is_list) {
      return fail(Errc::invalid_config,
                  fmt::format("Can't {} to key {} because its type is not LIST.",
                              change.operation == AlterOperation::append ? "APPEND" : "SUBTRACT",
                              change.name));
    }
    MOLDAU_ASSIGN(value, change_list(*option, change, now));
  }
  MOLDAU_ASSIGN(now[change.name], parse_value(type, change.name, value));
  return {};
}

/// Options of a broker that may not be changed, or not for all brokers at once.
Status check_dynamic(const AlterConfigsRequest::Resource& resource) {
  std::vector<std::string> fixed;
  std::vector<std::string> per_broker;
  for (const Change& change : resource.changes) {
    const OptionDefinition* option = find_broker_option(change.name);
    if (option == nullptr) continue;
    if (option->update_mode == UpdateMode::read_only) fixed.push_back(change.name);
    if (option->update_mode == UpdateMode::per_broker) per_broker.push_back(change.name);
  }
  if (!fixed.empty()) {
    return fail(Errc::invalid_request, fmt::format("Cannot update these configs dynamically: [{}]",
                                                   fmt::join(fixed, ", ")));
  }
  if (resource.resource.name.empty() && !per_broker.empty()) {
    return fail(Errc::invalid_request,
                fmt::format("Cannot update these configs at default cluster level, broker id must "
                            "be specified: [{}]",
                            fmt::join(per_broker, ", ")));
  }
  return {};
}

Status check_min_isr(const AlterConfigsRequest::Resource& resource) {
  for (const Change& change : resource.changes) {
    if (change.name != min_isr) continue;
    if (!resource.resource.name.empty()) {
      return fail(Errc::invalid_config,
                  "Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
    }
    if (change.operation == AlterOperation::remove) {
      return fail(Errc::invalid_config,
                  "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.");
    }
  }
  return {};
}

std::int64_t number(const ConfigMap& values, std::string_view name, std::int64_t otherwise) {
  const auto it = values.find(name);
  if (it == values.end()) return otherwise;
  std::from_chars(it->second.data(), it->second.data() + it->second.size(), otherwise);
  return otherwise;
}

/// What no single value shows.
Status check_topic(const ConfigMap& values) {
  const std::int64_t least = number(values, "min.compaction.lag.ms", 0);
  const std::int64_t most = number(values, "max.compaction.lag.ms", INT64_MAX);
  if (least > most) {
    return fail(Errc::invalid_config,
                fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > "
                            "max.compaction.lag.ms ({})",
                            least, most));
  }
  const auto remote = values.find("remote.storage.enable");
  if (remote != values.end() && remote->second == "true") {
    return fail(Errc::invalid_config,
                "Tiered Storage functionality is disabled in the broker. Topic cannot be "
                "configured with remote log storage.");
  }
  return {};
}

Result<ConfigMap> changed(const AlterConfigsRequest::Resource& resource, const ConfigMap* current,
                          ConfigChangeRules rules) {
  const ConfigResourceType type = resource.resource.type;
  std::set<std::string_view> names;
  for (const Change& change : resource.changes) {
    if (!names.insert(change.name).second) {
      return fail(Errc::invalid_request, "Error due to duplicate config keys");
    }
  }
  if (type == ConfigResourceType::broker) {
    MOLDAU_TRY(check_dynamic(resource));
    if (rules.eligible_leader_replicas) MOLDAU_TRY(check_min_isr(resource));
  }
  ConfigMap now;
  if (current != nullptr && !rules.replace_all) now = *current;
  for (const Change& change : resource.changes) MOLDAU_TRY(apply(type, change, now));
  if (type == ConfigResourceType::topic) MOLDAU_TRY(check_topic(now));
  if (type == ConfigResourceType::group) return checked_group_configs(rules.broker, now);
  return now;
}

}  // namespace

ItemError decide_config_changes(const AlterConfigsRequest::Resource& resource,
                                const ConfigMap* current, ConfigChangeRules rules,
                                std::vector<MetadataRecord>& records) {
  const auto now = changed(resource, current, rules);
  if (!now) return now.error();
  const auto record = [&](const std::string& name, std::optional<std::string> value) {
    records.emplace_back(ConfigRecord{static_cast<std::int8_t>(resource.resource.type),
                                      resource.resource.name, name, std::move(value)});
  };
  static const ConfigMap nothing;
  const ConfigMap& before = current == nullptr ? nothing : *current;
  for (const auto& [name, value] : *now) {
    const auto it = before.find(name);
    if (it == before.end() || it->second != value) record(name, value);
  }
  for (const auto& [name, value] : before) {
    if (!now->contains(name)) record(name, std::nullopt);
  }
  return std::nullopt;
}

Result<ConfigMap> new_topic_configs(const CreateTopicsRequest::Topic& topic) {
  ConfigMap values;
  for (const auto& [name, value] : topic.configs) {
    if (!value) {
      return fail(Errc::invalid_config, "Null value not supported for topic configs: " + name);
    }
    MOLDAU_ASSIGN(values[name], parse_topic_option(name, *value));
  }
  MOLDAU_TRY(check_topic(values));
  return values;
}

}  // namespace moldau::metadata
