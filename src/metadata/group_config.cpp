#include "moldau/metadata/group_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "moldau/base/check.hpp"
#include "moldau/metadata/option_table.hpp"

namespace moldau::metadata {
namespace {

using base::Errc;
using base::fail;

struct Bounds {
  std::string_view option;
  std::string_view min;  // empty: none
  std::string_view max;
};

/// In the order in which Kafka looks at them.
constexpr Bounds bounds[] = {
    {"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms",
     "group.consumer.max.heartbeat.interval.ms"},
    {"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms",
     "group.consumer.max.session.timeout.ms"},
    {"consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms",
     "group.consumer.max.assignment.interval.ms"},
    {"share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms",
     "group.share.max.heartbeat.interval.ms"},
    {"share.session.timeout.ms", "group.share.min.session.timeout.ms",
     "group.share.max.session.timeout.ms"},
    {"share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms",
     "group.share.max.record.lock.duration.ms"},
    {"share.delivery.count.limit", "group.share.min.delivery.count.limit",
     "group.share.max.delivery.count.limit"},
    {"share.partition.max.record.locks", "group.share.min.partition.max.record.locks",
     "group.share.max.partition.max.record.locks"},
    {"share.assignment.interval.ms", "group.share.min.assignment.interval.ms",
     "group.share.max.assignment.interval.ms"},
    {"streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms",
     "group.streams.max.heartbeat.interval.ms"},
    {"streams.session.timeout.ms", "group.streams.min.session.timeout.ms",
     "group.streams.max.session.timeout.ms"},
    {"streams.num.standby.replicas", "", "group.streams.max.standby.replicas"},
    {"streams.assignment.interval.ms", "group.streams.min.assignment.interval.ms",
     "group.streams.max.assignment.interval.ms"},
};

constexpr std::string_view group_kinds[] = {"consumer", "share", "streams"};

std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// What is set in `values`, else the broker's.
std::int64_t value_of(const BrokerConfig& broker, const ConfigMap& values,
                      std::string_view option) {
  const auto own = values.find(option);
  if (own != values.end()) return number_of(own->second);
  const OptionDefinition* definition = find_group_option(option);
  MOLDAU_CHECK(definition != nullptr, "an option that groups do not have");
  return broker.integer(definition->synonyms);
}

base::Status check_bounds(const BrokerConfig& broker, const ConfigMap& values) {
  for (const auto& [option, min, max] : bounds) {
    const auto own = values.find(option);
    if (own == values.end()) continue;
    const std::int64_t value = number_of(own->second);
    if (!min.empty() && value < broker.integer(min)) {
      return fail(Errc::invalid_config,
                  fmt::format("{} must be greater than or equal to {}", option, min));
    }
    if (value > broker.integer(max)) {
      return fail(Errc::invalid_config,
                  fmt::format("{} must be less than or equal to {}", option, max));
    }
  }
  return {};
}

base::Status check_sessions(const BrokerConfig& broker, const ConfigMap& values) {
  for (const std::string_view kind : group_kinds) {
    const std::string session = fmt::format("{}.session.timeout.ms", kind);
    const std::string heartbeat = fmt::format("{}.heartbeat.interval.ms", kind);
    if (value_of(broker, values, session) <= value_of(broker, values, heartbeat)) {
      return fail(Errc::invalid_config,
                  fmt::format("{} must be greater than {}", session, heartbeat));
    }
  }
  return {};
}

}  // namespace

std::int64_t group_integer(const BrokerConfig& broker, const MetadataImage& image,
                           std::string_view group, std::string_view option) {
  static const ConfigMap nothing;
  const ConfigMap* own = image.find_configs(ConfigResourceType::group, group);
  const std::int64_t value = value_of(broker, own == nullptr ? nothing : *own, option);
  const auto* bound = std::ranges::find(bounds, option, &Bounds::option);
  if (bound == std::end(bounds)) return value;
  const std::int64_t max = broker.integer(bound->max);
  if (value > max || bound->min.empty()) return std::min(value, max);
  return std::max(value, broker.integer(bound->min));
}

base::Result<ConfigMap> checked_group_configs(const BrokerConfig& broker, const ConfigMap& values) {
  for (const auto& [name, value] : values) {
    if (find_group_option(name) == nullptr) {
      return fail(Errc::invalid_config, fmt::format("Unknown group config name: {}", name));
    }
  }
  ConfigMap result;
  for (const auto& [name, value] : values) {
    MOLDAU_ASSIGN(result[name], parse_option(*find_group_option(name), value));
  }
  MOLDAU_TRY(check_bounds(broker, result));
  MOLDAU_TRY(check_sessions(broker, result));
  return result;
}

std::vector<BrokenBound> broken_group_bounds(const BrokerConfig& broker) {
  std::vector<BrokenBound> broken;
  for (const auto& [option, min, max] : bounds) {
    const std::string name = fmt::format("group.{}", option);
    const std::int64_t value = broker.integer(name);
    const bool has_min = !min.empty();
    if (has_min && broker.integer(max) < broker.integer(min)) {
      broken.push_back({std::string(max), fmt::format("greater than or equal to {}", min)});
    } else if (has_min && value < broker.integer(min)) {
      broken.push_back({name, fmt::format("greater than or equal to {}", min)});
    } else if (value > broker.integer(max)) {
      broken.push_back({name, fmt::format("less than or equal to {}", max)});
    }
  }
  for (const std::string_view kind : group_kinds) {
    const std::string heartbeat = fmt::format("group.{}.heartbeat.interval.ms", kind);
    const std::string session = fmt::format("group.{}.session.timeout.ms", kind);
    if (broker.integer(heartbeat) >= broker.integer(session)) {
      broken.push_back({heartbeat, fmt::format("less than {}", session)});
    }
  }
  return broken;
}

}  // namespace moldau::metadata
