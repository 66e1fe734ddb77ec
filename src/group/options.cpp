#include "moldau/group/options.hpp"

#include "moldau/metadata/group_config.hpp"

namespace moldau::group {
namespace {

/// What holds for `group_id`: its own value within the broker's bounds, where it has one.
base::Milliseconds of_group(const GroupOptions& options, const metadata::MetadataImage& image,
                            std::string_view group_id, std::string_view name,
                            base::Milliseconds otherwise) {
  if (options.broker == nullptr ||
      image.find_configs(metadata::ConfigResourceType::group, group_id) == nullptr)
    return otherwise;
  return base::Milliseconds{metadata::group_integer(*options.broker, image, group_id, name)};
}

MigrationPolicy policy_of(std::string_view text) {
  // Kafka takes any case.
  if (text.empty()) return MigrationPolicy::disabled;
  switch (text.front() | 0x20) {
    case 'b': return MigrationPolicy::bidirectional;
    case 'u': return MigrationPolicy::upgrade;
    default: return (text.size() > 1 && (text[1] | 0x20) == 'o') ? MigrationPolicy::downgrade
                                                                 : MigrationPolicy::disabled;
  }
}

}  // namespace

GroupOptions GroupOptions::from(const metadata::BrokerConfig& config, OffsetRetention policy) {
  const auto ms = [&](std::string_view name) { return base::Milliseconds{config.integer(name)}; };
  GroupOptions options;
  options.broker = std::make_shared<const metadata::BrokerConfig>(config);
  options.session_timeout_min = ms("group.min.session.timeout.ms");
  options.session_timeout_max = ms("group.max.session.timeout.ms");
  options.initial_rebalance_delay = ms("group.initial.rebalance.delay.ms");
  options.group_size_max = static_cast<std::int32_t>(config.integer("group.max.size"));
  options.consumer_session_timeout = ms("group.consumer.session.timeout.ms");
  options.consumer_heartbeat_interval = ms("group.consumer.heartbeat.interval.ms");
  options.consumer_assignment_interval = ms("group.consumer.assignment.interval.ms");
  options.consumer_regex_refresh_interval = ms("group.consumer.regex.refresh.interval.ms");
  options.consumer_group_size_max =
      static_cast<std::int32_t>(config.integer("group.consumer.max.size"));
  options.consumer_assignors = config.list("group.consumer.assignors");
  options.migration_policy = policy_of(config.text("group.consumer.migration.policy").value_or(""));
  options.offset_metadata_bytes_max =
      static_cast<std::size_t>(config.integer("offset.metadata.max.bytes"));
  options.offsets_retention = std::chrono::minutes{config.integer("offsets.retention.minutes")};
  options.retention_policy = policy;
  return options;
}

base::Milliseconds GroupOptions::session_timeout_of(const metadata::MetadataImage& image,
                                                    std::string_view group_id) const {
  return of_group(*this, image, group_id, "consumer.session.timeout.ms", consumer_session_timeout);
}

base::Milliseconds GroupOptions::heartbeat_interval_of(const metadata::MetadataImage& image,
                                                       std::string_view group_id) const {
  return of_group(*this, image, group_id, "consumer.heartbeat.interval.ms", consumer_heartbeat_interval);
}

base::Milliseconds GroupOptions::assignment_interval_of(const metadata::MetadataImage& image,
                                                        std::string_view group_id) const {
  return of_group(*this, image, group_id, "consumer.assignment.interval.ms", consumer_assignment_interval);
}

}  // namespace moldau::group
