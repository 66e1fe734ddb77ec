#include "moldau/record/batch_view.hpp"

#include <fmt/format.h>

#include <limits>

#include "moldau/base/check.hpp"
#include "moldau/base/crc32c.hpp"

namespace moldau::record {

using base::Errc;
using base::fail;
using base::load_be;
using base::store_be;

namespace {

constexpr std::int8_t magic_v0 = 0;
constexpr std::int8_t magic_v1 = 1;

std::int32_t length_field(ByteView bytes) {
  return load_be<std::int32_t>(bytes.data() + batch_format::length_at);
}

/// Checks that one whole batch of magic 2 starts at `bytes`, and returns its size.
base::Result<std::size_t> checked_size(ByteView bytes) {
  // Old messages have their magic at the same place but may be shorter than a header of today.
  if (bytes.size() > batch_format::magic_at) {
    const auto magic = static_cast<std::int8_t>(bytes[batch_format::magic_at]);
    if (magic == magic_v0 || magic == magic_v1) {
      return fail(Errc::unsupported, fmt::format("record format of magic {}, only {} is served",
                                                 magic, batch_format::magic));
    }
    if (magic != batch_format::magic) {
      return fail(Errc::corrupt_message, fmt::format("magic is {}", magic));
    }
  }
  if (bytes.size() < batch_format::header_bytes) {
    return fail(Errc::corrupt_message,
                fmt::format("{} bytes are too few for a batch header", bytes.size()));
  }
  const std::size_t size = batch_size(bytes, std::numeric_limits<std::size_t>::max());
  if (size == 0) {
    return fail(Errc::corrupt_message, fmt::format("batch length is {}", length_field(bytes)));
  }
  if (size > bytes.size()) {
    return fail(Errc::corrupt_message,
                fmt::format("batch of {} bytes is cut off after {}", size, bytes.size()));
  }
  return size;
}

/// Addition that wraps: positions in a batch from outside may be anything.
constexpr std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

void stamp_crc(MutableByteView batch) {
  store_be(batch.data() + batch_format::crc_at,
           base::crc32c(batch.subspan(batch_format::attributes_at)));
}

void check_whole_batch(MutableByteView batch) {
  MOLDAU_CHECK(batch.size() >= batch_format::header_bytes &&
                   batch_size(batch, batch.size()) == batch.size(),
               "exactly one whole batch");
}

}  // namespace

std::size_t batch_size(ByteView bytes, std::size_t bytes_max) {
  if (bytes.size() < batch_format::length_overhead) return 0;
  const std::int32_t length = length_field(bytes);
  constexpr auto length_min =
      static_cast<std::int32_t>(batch_format::header_bytes - batch_format::length_overhead);
  if (length < length_min) return 0;
  const std::size_t size = static_cast<std::size_t>(length) + batch_format::length_overhead;
  return size > bytes_max ? 0 : size;
}

base::Result<BatchView> BatchView::parse(ByteView bytes, Check check) {
  MOLDAU_ASSIGN(const std::size_t size, checked_size(bytes));
  const BatchView view(bytes.first(size));
  if (check == Check::crc) {
    const std::uint32_t computed = view.computed_crc();
    if (view.crc() != computed) {
      return fail(Errc::corrupt_message,
                  fmt::format("crc is {:#010x}, computed {:#010x}", view.crc(), computed));
    }
  }
  if (view.record_count() < 0) {
    return fail(Errc::invalid_record, fmt::format("record count is {}", view.record_count()));
  }
  if (view.last_offset_delta() < 0) {
    return fail(Errc::invalid_record,
                fmt::format("last offset delta is {}", view.last_offset_delta()));
  }
  return view;
}

Offset BatchView::base_offset() const {
  return Offset{load_be<std::int64_t>(bytes_.data() + batch_format::base_offset_at)};
}
Offset BatchView::last_offset() const {
  return Offset{wrapping_add(base_offset().value(), last_offset_delta())};
}
Offset BatchView::next_offset() const { return Offset{wrapping_add(last_offset().value(), 1)}; }
std::int32_t BatchView::last_offset_delta() const {
  return load_be<std::int32_t>(bytes_.data() + batch_format::last_offset_delta_at);
}
LeaderEpoch BatchView::leader_epoch() const {
  return LeaderEpoch{load_be<std::int32_t>(bytes_.data() + batch_format::leader_epoch_at)};
}
std::uint32_t BatchView::crc() const {
  return load_be<std::uint32_t>(bytes_.data() + batch_format::crc_at);
}
std::uint32_t BatchView::computed_crc() const {
  return base::crc32c(bytes_.subspan(batch_format::attributes_at));
}
std::int16_t BatchView::attributes() const {
  return load_be<std::int16_t>(bytes_.data() + batch_format::attributes_at);
}
Compression BatchView::compression() const {
  return static_cast<Compression>(attributes() & attribute::compression_mask);
}
TimestampType BatchView::timestamp_type() const {
  return (attributes() & attribute::log_append_time) != 0 ? TimestampType::log_append_time
                                                          : TimestampType::create_time;
}
bool BatchView::is_transactional() const { return (attributes() & attribute::transactional) != 0; }
bool BatchView::is_control() const { return (attributes() & attribute::control) != 0; }
bool BatchView::has_delete_horizon() const {
  return (attributes() & attribute::delete_horizon) != 0;
}
std::int64_t BatchView::base_timestamp_ms() const {
  return load_be<std::int64_t>(bytes_.data() + batch_format::base_timestamp_at);
}
std::optional<std::int64_t> BatchView::delete_horizon_ms() const {
  if (!has_delete_horizon()) return std::nullopt;
  return base_timestamp_ms();
}
std::int64_t BatchView::max_timestamp_ms() const {
  return load_be<std::int64_t>(bytes_.data() + batch_format::max_timestamp_at);
}
ProducerId BatchView::producer_id() const {
  return ProducerId{load_be<std::int64_t>(bytes_.data() + batch_format::producer_id_at)};
}
ProducerEpoch BatchView::producer_epoch() const {
  return ProducerEpoch{load_be<std::int16_t>(bytes_.data() + batch_format::producer_epoch_at)};
}
std::int32_t BatchView::base_sequence() const {
  return load_be<std::int32_t>(bytes_.data() + batch_format::base_sequence_at);
}
std::int32_t BatchView::last_sequence() const {
  const std::int32_t first = base_sequence();
  if (first < 0) return first;
  const std::int64_t last = std::int64_t{first} + last_offset_delta();
  return static_cast<std::int32_t>(last & std::numeric_limits<std::int32_t>::max());
}
std::int32_t BatchView::record_count() const {
  return load_be<std::int32_t>(bytes_.data() + batch_format::record_count_at);
}

void set_base_offset(MutableByteView batch, Offset offset) {
  check_whole_batch(batch);
  store_be(batch.data() + batch_format::base_offset_at, offset.value());
}

void set_leader_epoch(MutableByteView batch, LeaderEpoch epoch) {
  check_whole_batch(batch);
  store_be(batch.data() + batch_format::leader_epoch_at, epoch.value());
}

void set_log_append_time(MutableByteView batch, std::int64_t now_ms) {
  check_whole_batch(batch);
  std::uint8_t* at = batch.data() + batch_format::attributes_at;
  store_be(at, static_cast<std::int16_t>(load_be<std::int16_t>(at) | attribute::log_append_time));
  store_be(batch.data() + batch_format::max_timestamp_at, now_ms);
  stamp_crc(batch);
}

void set_max_timestamp(MutableByteView batch, std::int64_t max_timestamp_ms) {
  check_whole_batch(batch);
  std::uint8_t* at = batch.data() + batch_format::attributes_at;
  store_be(at, static_cast<std::int16_t>(load_be<std::int16_t>(at) & ~attribute::log_append_time));
  store_be(batch.data() + batch_format::max_timestamp_at, max_timestamp_ms);
  stamp_crc(batch);
}

}  // namespace moldau::record
