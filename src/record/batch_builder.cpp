#include "moldau/record/batch_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "moldau/base/check.hpp"
#include "moldau/base/crc32c.hpp"
#include "moldau/record/compression.hpp"
#include "record_writer.hpp"

namespace moldau::record {

using base::ByteView;
using base::Errc;
using base::fail;
using base::store_be;

namespace {

std::int16_t attributes_of(const BatchOptions& options) {
  int attributes = static_cast<int>(options.compression);
  if (options.timestamp_type == TimestampType::log_append_time) {
    attributes |= attribute::log_append_time;
  }
  if (options.transactional) attributes |= attribute::transactional;
  if (options.control) attributes |= attribute::control;
  return static_cast<std::int16_t>(attributes);
}

}  // namespace

BatchBuilder::BatchBuilder(BatchOptions options) : options_(options) {}

void BatchBuilder::append(std::int64_t timestamp_ms, std::optional<ByteView> key,
                          std::optional<ByteView> value, const std::vector<Header>& headers) {
  if (count_ == 0) first_timestamp_ms_ = timestamp_ms;
  max_timestamp_ms_ = std::max(max_timestamp_ms_, timestamp_ms);
  const std::int64_t timestamp_delta_ms = timestamp_ms - first_timestamp_ms_;
  put_record(records_, {.timestamp_ms = timestamp_delta_ms, .offset = count_}, key, value, headers);
  ++count_;
}

std::size_t BatchBuilder::size_bytes() const {
  return batch_format::header_bytes + records_.size();
}

base::Result<base::SharedBytes> BatchBuilder::build() {
  MOLDAU_CHECK(count_ > 0, "a batch has records");
  std::vector<std::uint8_t> compressed;
  ByteView records = records_;
  if (options_.compression != Compression::none) {
    MOLDAU_ASSIGN(compressed,
                  compress(options_.compression, records_, options_.compression_level));
    records = compressed;
  }
  const std::size_t size = batch_format::header_bytes + records.size();
  if (size > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return fail(Errc::message_too_large, fmt::format("a batch of {} bytes", size));
  }
  base::SharedBytes batch = base::SharedBytes::allocate(size);
  std::uint8_t* to = batch.mutable_view().data();
  store_be(to + batch_format::base_offset_at, options_.base_offset.value());
  store_be(to + batch_format::length_at,
           static_cast<std::int32_t>(size - batch_format::length_overhead));
  store_be(to + batch_format::leader_epoch_at, options_.leader_epoch.value());
  store_be(to + batch_format::magic_at, batch_format::magic);
  store_be(to + batch_format::attributes_at, attributes_of(options_));
  store_be(to + batch_format::last_offset_delta_at, count_ - 1);
  store_be(to + batch_format::base_timestamp_at, first_timestamp_ms_);
  store_be(to + batch_format::max_timestamp_at, max_timestamp_ms_);
  store_be(to + batch_format::producer_id_at, options_.producer_id.value());
  store_be(to + batch_format::producer_epoch_at, options_.producer_epoch.value());
  store_be(to + batch_format::base_sequence_at, options_.base_sequence);
  store_be(to + batch_format::record_count_at, count_);
  std::memcpy(to + batch_format::header_bytes, records.data(), records.size());
  store_be(to + batch_format::crc_at,
           base::crc32c(batch.view().subspan(batch_format::attributes_at)));
  return batch;
}

}  // namespace moldau::record
