#include "produce_validation.hpp"

#include <limits>
#include <string>
#include <utility>

#include "moldau/record/batch_builder.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::api {
namespace {

using base::Errc;
using base::fail;
using metadata::CompressionType;
using metadata::TopicConfig;
using record::BatchView;
using PartitionResponse = protocol::ProduceResponse::Response::PartitionResponse;

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

std::optional<int> codec_level(const TopicConfig& config, record::Compression codec) {
  switch (codec) {
    case record::Compression::gzip: return config.compression_gzip_level;
    case record::Compression::lz4: return config.compression_lz4_level;
    case record::Compression::zstd: return config.compression_zstd_level;
    case record::Compression::none:
    case record::Compression::snappy: return std::nullopt;
  }
  return std::nullopt;
}

/// The one batch: its bytes, and nothing before or after it.
base::Result<base::SharedBytes> single_batch(const std::optional<base::Payload>& records,
                                             std::int16_t version) {
  const std::string where = "Produce requests with version " + std::to_string(version);
  if (!records || records->pieces().size() != 1)
    return fail(Errc::invalid_record, where + " must have at least one record batch per partition");
  const auto& bytes = std::get<base::SharedBytes>(records->pieces().front());
  const auto size = record::batch_size(bytes.view(), std::numeric_limits<std::int32_t>::max());
  if (bytes.size() > record::batch_format::magic_at &&
      bytes.data()[record::batch_format::magic_at] != record::batch_format::magic)
    return fail(Errc::invalid_record,
                where + " are only allowed to contain record batches with magic version 2");
  if (size == 0) return fail(Errc::corrupt_message, "the batch's length is not one");
  if (size > bytes.size())
    return fail(Errc::invalid_record, where + " must have at least one record batch per partition");
  if (size < bytes.size())
    return fail(Errc::invalid_record,
                where + " are only allowed to contain exactly one record batch per partition");
  return bytes;
}

base::Status check_header(const BatchView& batch, const TopicConfig& config, std::int16_t version) {
  if (batch.size() > static_cast<std::size_t>(config.max_message_bytes))
    return fail(Errc::message_too_large,
                "The record batch size is " + std::to_string(batch.size()) +
                    " bytes which exceeds the maximum configured value of " +
                    std::to_string(config.max_message_bytes) + ".");
  if (static_cast<std::uint8_t>(batch.compression()) > record::compression_last)
    return fail(Errc::invalid_record, "no such compression");
  if (batch.compression() == record::Compression::zstd && version < 7)
    return fail(Errc::unsupported_compression,
                "Produce requests with version below 7 are not allowed to use ZStandard");
  if (batch.base_offset().value() != 0)
    return fail(Errc::invalid_record, "The baseOffset of the record batch should be 0, but it is " +
                                          std::to_string(batch.base_offset().value()));
  if (batch.record_count() <= 0 || batch.record_count() != batch.last_offset_delta() + 1)
    return fail(Errc::invalid_record, "the record count does not fit the last offset");
  if (batch.is_control()) return fail(Errc::invalid_record, "clients may not write control records");
  if (batch.has_delete_horizon())
    return fail(Errc::invalid_record, "clients may not set a delete horizon");
  if (batch.has_producer_id() && batch.base_sequence() < 0)
    return fail(Errc::invalid_record, "a producer id comes with a sequence of 0 or more");
  if (batch.is_transactional() && !batch.has_producer_id())
    return fail(Errc::invalid_record, "a transactional batch has a producer id");
  // Transactions are not served yet: a transaction that nobody could end would hold the log's readers.
  if (batch.is_transactional())
    return fail(Errc::invalid_txn_state, "transactions are not served by this broker yet");
  if (batch.timestamp_type() == record::TimestampType::log_append_time)
    return fail(Errc::invalid_timestamp, "producers may not set the log append time");
  return {};
}

bool within_bounds(std::int64_t timestamp_ms, const TopicConfig& config, std::int64_t now_ms) {
  if (timestamp_ms == -1) return true;  // no timestamp
  const auto ahead = static_cast<__int128>(timestamp_ms) - now_ms;
  return ahead <= config.timestamp_after_max_ms && -ahead <= config.timestamp_before_max_ms;
}

/// Goes through the records where the topic's configuration looks at them one by one.
base::Status check_records(const BatchView& batch, const TopicConfig& config, std::int64_t now_ms,
                           PartitionResponse& answer) {
  MOLDAU_ASSIGN(auto records, record::RecordIterator::open(batch));
  bool bad_timestamp = false;
  for (std::int32_t i = 0;; ++i) {
    MOLDAU_ASSIGN(const auto record, records.next());
    if (!record) break;
    std::string error;
    if (config.cleanup_compact && !record->key)
      error = "Compacted topic cannot accept message without key in topic partition";
    if (!config.log_append_time && !within_bounds(record->timestamp_ms, config, now_ms)) {
      error = "Timestamp " + std::to_string(record->timestamp_ms) +
              " of message is out of range for this topic";
      bad_timestamp = true;
    }
    if (!error.empty()) answer.record_errors.push_back({i, std::move(error)});
  }
  if (answer.record_errors.empty()) return {};
  return fail(bad_timestamp ? Errc::invalid_timestamp : Errc::invalid_record,
              "One or more records have been rejected");
}

base::Result<base::SharedBytes> recompress(const BatchView& batch, record::Compression codec,
                                           const TopicConfig& config) {
  record::BatchOptions options;
  options.compression = codec;
  options.compression_level = codec_level(config, codec);
  options.producer_id = batch.producer_id();
  options.producer_epoch = batch.producer_epoch();
  options.base_sequence = batch.base_sequence();
  options.transactional = batch.is_transactional();
  record::BatchBuilder builder(options);
  MOLDAU_ASSIGN(auto records, record::RecordIterator::open(batch));
  for (;;) {
    MOLDAU_ASSIGN(const auto record, records.next());
    if (!record) break;
    std::vector<record::BatchBuilder::Header> headers;
    headers.reserve(record->headers.size());
    for (const auto& header : record->headers) headers.emplace_back(header.key, header.value);
    builder.append(record->timestamp_ms, record->key, record->value, headers);
  }
  return builder.build();
}

}  // namespace

base::Result<base::SharedBytes> prepare_batch(std::optional<base::Payload> records,
                                              const TopicConfig& config,
                                              std::int16_t produce_version, std::int64_t now_ms,
                                              PartitionResponse& answer) {
  MOLDAU_ASSIGN(auto bytes, single_batch(records, produce_version));
  records.reset();
  MOLDAU_ASSIGN(const auto batch, BatchView::parse(bytes.view(), BatchView::Check::crc));
  MOLDAU_TRY(check_header(batch, config, produce_version));
  const bool bounds_hold =
      config.log_append_time || (within_bounds(batch.max_timestamp_ms(), config, now_ms) &&
                                 within_bounds(batch.base_timestamp_ms(), config, now_ms));
  if (config.cleanup_compact || !bounds_hold)
    MOLDAU_TRY(check_records(batch, config, now_ms, answer));
  const auto codec = wanted_codec(config.compression_type);
  if (codec && *codec != batch.compression()) {
    MOLDAU_ASSIGN(bytes, recompress(batch, *codec, config));
    if (bytes.size() > static_cast<std::size_t>(config.max_message_bytes))
      return fail(Errc::message_too_large, "the batch is too large once recompressed");
  }
  if (config.log_append_time) {
    record::set_log_append_time(bytes.mutable_view(), now_ms);
    answer.log_append_time_ms = now_ms;
  }
  return bytes;
}

}  // namespace moldau::api
