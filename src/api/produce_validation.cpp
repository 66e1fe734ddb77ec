#include "produce_validation.hpp"

#include <utility>

#include "moldau/record/validation.hpp"

namespace moldau::api {
namespace {

using metadata::CompressionType;
using metadata::TopicConfig;

std::optional<record::Compression> wanted_codec(CompressionType type) {
  switch (type) {
    case CompressionType::producer: return std::nullopt;
    case CompressionType::uncompressed: return record::Compression::none;
    case CompressionType::gzip: return record::Compression::gzip;
    case CompressionType::snappy: return record::Compression::snappy;
    case CompressionType::lz4: return record::Compression::lz4;
    case CompressionType::zstd: return record::Compression::zstd;
  }
  return std::nullopt;
}

std::optional<int> codec_level(const TopicConfig& config) {
  switch (config.compression_type) {
    case CompressionType::gzip: return config.compression_gzip_level;
    case CompressionType::lz4: return config.compression_lz4_level;
    case CompressionType::zstd: return config.compression_zstd_level;
    default: return std::nullopt;
  }
}

record::ProduceRules rules_of(const TopicConfig& config, std::int16_t version,
                              std::int64_t now_ms) {
  record::ProduceRules rules;
  rules.produce_version = version;
  rules.batch_bytes_max = static_cast<std::size_t>(config.max_message_bytes);
  if (config.log_append_time) rules.timestamp_type = record::TimestampType::log_append_time;
  rules.timestamp_before_max_ms = config.timestamp_before_max_ms;
  rules.timestamp_after_max_ms = config.timestamp_after_max_ms;
  rules.compression = wanted_codec(config.compression_type);
  rules.compression_level = codec_level(config);
  rules.compacted = config.cleanup_compact;
  rules.now_ms = now_ms;
  return rules;
}

}  // namespace

base::Result<base::SharedBytes> prepare_batch(
    std::optional<base::Payload> records, const TopicConfig& config, std::int16_t produce_version,
    std::int64_t now_ms, protocol::ProduceResponse::Response::PartitionResponse& answer) {
  base::SharedBytes bytes;
  if (records && !records->empty()) bytes = std::get<base::SharedBytes>(records->pieces().front());
  records.reset();
  auto prepared =
      record::prepare_produced(std::move(bytes), rules_of(config, produce_version, now_ms));
  if (!prepared.batch) {
    for (auto& error : prepared.record_errors)
      answer.record_errors.push_back({error.batch_index, std::move(error.message)});
    return prepared.batch.error();
  }
  if (config.log_append_time) answer.log_append_time_ms = now_ms;
  return std::move(prepared.batch).value();
}

}  // namespace moldau::api
