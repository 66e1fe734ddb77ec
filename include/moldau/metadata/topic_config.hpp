#pragma once
// A topic's configuration as it holds now: the topic's own values over the broker's dynamic ones
// over the broker's static ones over the defaults (protocol.md of the design, 4.1; Kafka's
// LogConfig).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "moldau/metadata/image.hpp"

namespace moldau::metadata {

class BrokerConfig;

/// compression.type; `producer` keeps what the producer sent.
enum class CompressionType : std::uint8_t { producer, uncompressed, gzip, snappy, lz4, zstd };

/// Plain effective values; names and units are the options'.  A value, made anew when something
/// changes.
struct TopicConfig {
  // Log.
  bool cleanup_delete = true;
  bool cleanup_compact = false;  // neither: records are kept for ever (KIP-1161)
  std::int32_t segment_bytes = 1'073'741'824;
  std::int64_t segment_ms = 604'800'000;
  std::int64_t segment_jitter_ms = 0;
  std::int32_t segment_index_bytes = 10'485'760;
  std::int32_t index_interval_bytes = 4096;
  std::int64_t retention_ms = 604'800'000;
  std::int64_t retention_bytes = -1;
  std::int64_t file_delete_delay_ms = 60'000;
  bool preallocate = false;
  std::int64_t flush_messages = INT64_MAX;
  std::int64_t flush_ms = INT64_MAX;
  // Compaction.
  std::int64_t delete_retention_ms = 86'400'000;
  std::int64_t min_compaction_lag_ms = 0;
  std::int64_t max_compaction_lag_ms = INT64_MAX;
  double min_cleanable_dirty_ratio = 0.5;
  // Appends.
  CompressionType compression_type = CompressionType::producer;
  std::int32_t compression_gzip_level = -1;
  std::int32_t compression_lz4_level = 9;
  std::int32_t compression_zstd_level = 3;
  std::int32_t max_message_bytes = 1'048'588;
  bool log_append_time = false;  // message.timestamp.type
  std::int64_t timestamp_before_max_ms = INT64_MAX;
  std::int64_t timestamp_after_max_ms = 3'600'000;
  std::int32_t min_insync_replicas = 1;
  bool unclean_leader_election = false;

  friend bool operator==(const TopicConfig&, const TopicConfig&) = default;

  /// `topic` may be nullptr: no values of its own (and for a topic about to be created).
  static TopicConfig resolve(const BrokerConfig& broker, const ConfigMap* topic);
  /// This, with values of the topic's own on top: cheap, for many topics over one resolved broker.
  [[nodiscard]] TopicConfig with(const ConfigMap& topic) const;
  /// Of the topic as `image` has it, on broker `self`.
  static std::shared_ptr<const TopicConfig> resolve(const MetadataImage& image,
                                                    const BrokerConfig& static_config,
                                                    BrokerId self, std::string_view topic);
};

}  // namespace moldau::metadata
