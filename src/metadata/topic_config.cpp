#include "moldau/metadata/topic_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "moldau/base/check.hpp"
#include "moldau/metadata/config_view.hpp"

namespace moldau::metadata {
namespace {

template <class T>
T number(std::string_view value) {
  T result{};
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), result);
  MOLDAU_CHECK(parsed.ec == std::errc{}, "a topic option was not validated");
  return result;
}

using Set = void (*)(TopicConfig&, std::string_view);

template <auto Member>
void set_number(TopicConfig& config, std::string_view value) {
  auto& field = config.*Member;
  field = number<std::remove_reference_t<decltype(field)>>(value);
}
template <auto Member>
void set_flag(TopicConfig& config, std::string_view value) {
  config.*Member = value == "true";
}

/// Kafka takes every negative retention as "no bound".
template <auto Member>
void set_bound(TopicConfig& config, std::string_view value) {
  config.*Member = std::max<std::int64_t>(number<std::int64_t>(value), -1);
}

void set_cleanup(TopicConfig& config, std::string_view value) {
  const std::vector<std::string> policies = split_list(value);
  config.cleanup_delete = std::ranges::count(policies, "delete") > 0;
  config.cleanup_compact = std::ranges::count(policies, "compact") > 0;
}

void set_compression(TopicConfig& config, std::string_view value) {
  constexpr std::array<std::pair<std::string_view, CompressionType>, 6> names{{
      {"producer", CompressionType::producer},
      {"uncompressed", CompressionType::uncompressed},
      {"gzip", CompressionType::gzip},
      {"snappy", CompressionType::snappy},
      {"lz4", CompressionType::lz4},
      {"zstd", CompressionType::zstd},
  }};
  for (const auto& [name, type] : names) {
    if (name == value) config.compression_type = type;
  }
}

void set_timestamp_type(TopicConfig& config, std::string_view value) {
  config.log_append_time = value == "LogAppendTime";
}

struct Setter {
  std::string_view name;
  Set set;
};

constexpr Setter setters[] = {
    {"cleanup.policy", set_cleanup},
    {"segment.bytes", set_number<&TopicConfig::segment_bytes>},
    {"internal.segment.bytes", set_number<&TopicConfig::segment_bytes>},
    {"segment.ms", set_number<&TopicConfig::segment_ms>},
    {"segment.jitter.ms", set_number<&TopicConfig::segment_jitter_ms>},
    {"segment.index.bytes", set_number<&TopicConfig::segment_index_bytes>},
    {"index.interval.bytes", set_number<&TopicConfig::index_interval_bytes>},
    {"retention.ms", set_bound<&TopicConfig::retention_ms>},
    {"retention.bytes", set_bound<&TopicConfig::retention_bytes>},
    {"file.delete.delay.ms", set_number<&TopicConfig::file_delete_delay_ms>},
    {"preallocate", set_flag<&TopicConfig::preallocate>},
    {"flush.messages", set_number<&TopicConfig::flush_messages>},
    {"flush.ms", set_number<&TopicConfig::flush_ms>},
    {"delete.retention.ms", set_number<&TopicConfig::delete_retention_ms>},
    {"min.compaction.lag.ms", set_number<&TopicConfig::min_compaction_lag_ms>},
    {"max.compaction.lag.ms", set_number<&TopicConfig::max_compaction_lag_ms>},
    {"min.cleanable.dirty.ratio", set_number<&TopicConfig::min_cleanable_dirty_ratio>},
    {"compression.type", set_compression},
    {"compression.gzip.level", set_number<&TopicConfig::compression_gzip_level>},
    {"compression.lz4.level", set_number<&TopicConfig::compression_lz4_level>},
    {"compression.zstd.level", set_number<&TopicConfig::compression_zstd_level>},
    {"max.message.bytes", set_number<&TopicConfig::max_message_bytes>},
    {"message.timestamp.type", set_timestamp_type},
    {"message.timestamp.before.max.ms", set_number<&TopicConfig::timestamp_before_max_ms>},
    {"message.timestamp.after.max.ms", set_number<&TopicConfig::timestamp_after_max_ms>},
    {"min.insync.replicas", set_number<&TopicConfig::min_insync_replicas>},
    {"unclean.leader.election.enable", set_flag<&TopicConfig::unclean_leader_election>},
};

}  // namespace

TopicConfig TopicConfig::resolve(const BrokerConfig& broker, const ConfigMap* topic) {
  TopicConfig config;
  for (const Setter& setter : setters) {
    const OptionDefinition* option = find_topic_option(setter.name);
    MOLDAU_CHECK(option != nullptr, "a setter without an option");
    const std::vector<ConfigSynonym> values = broker.values_of(*option);
    // Defaults are in the struct already.
    if (values.empty() || values.front().source == ConfigSource::default_value) continue;
    setter.set(config,
               convert_unit(values.front().name, option->name, values.front().value.value()));
  }
  return topic == nullptr ? config : config.with(*topic);
}

TopicConfig TopicConfig::with(const ConfigMap& topic) const {
  TopicConfig config = *this;
  for (const Setter& setter : setters) {
    const auto it = topic.find(setter.name);
    if (it == topic.end()) continue;
    // The log may have been written by another broker: a value that this one cannot read is left
    // out.
    const auto value = parse_topic_option(setter.name, it->second);
    if (value) setter.set(config, *value);
  }
  return config;
}

std::shared_ptr<const TopicConfig> TopicConfig::resolve(const MetadataImage& image,
                                                        const BrokerConfig& static_config,
                                                        BrokerId self, std::string_view topic) {
  return std::make_shared<const TopicConfig>(
      resolve(static_config.with_dynamic(image, self),
              image.find_configs(ConfigResourceType::topic, topic)));
}

}  // namespace moldau::metadata
