#include "moldau/record/record_iterator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "moldau/base/limits.hpp"
#include "moldau/base/varint.hpp"
#include "moldau/record/compression.hpp"

namespace moldau::record {

using base::Errc;
using base::fail;

namespace {

/// Reads one record's fields in order.  After a failed read everything else fails too, so that the
/// caller asks once, at the end.
class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : rest_(bytes) {}

  std::int64_t varlong() {
    std::uint64_t value = 0;
    return take_varint(base::varint64_bytes_max, value) ? base::zigzag_decode(value) : 0;
  }
  std::int32_t varint() {
    std::uint64_t value = 0;
    if (!take_varint(base::varint32_bytes_max, value)) return 0;
    if (value > std::numeric_limits<std::uint32_t>::max()) {
      ok_ = false;
      return 0;
    }
    return static_cast<std::int32_t>(base::zigzag_decode(value));
  }
  std::uint8_t byte() {
    const ByteView one = take(1);
    return one.empty() ? std::uint8_t{0} : one[0];
  }
  ByteView take(std::size_t count) {
    if (!ok_ || count > rest_.size()) {
      ok_ = false;
      return {};
    }
    const ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  /// A length and as many bytes; below 0 is null (-1 is written, Kafka takes all of them so).
  std::optional<ByteView> nullable_bytes() {
    const std::int32_t length = varint();
    if (length < 0) return std::nullopt;
    return take(static_cast<std::size_t>(length));
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] ByteView rest() const { return rest_; }

 private:
  bool take_varint(std::size_t bytes_max, std::uint64_t& value) {
    const std::size_t read = ok_ ? base::read_varint(rest_, bytes_max, value) : 0;
    if (read == 0) {
      ok_ = false;
      return false;
    }
    rest_ = rest_.subspan(read);
    return true;
  }

  ByteView rest_;
  bool ok_ = true;
};

constexpr std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

/// False when the headers do not fit in the record.
bool read_headers(FieldReader& reader, std::vector<RecordHeader>& headers) {
  const std::int32_t count = reader.varint();
  if (!reader.ok() || count < 0) return false;
  constexpr std::size_t header_bytes_min = 2;  // an empty key's and a null value's lengths
  if (static_cast<std::size_t>(count) > reader.rest().size() / header_bytes_min ||
      static_cast<std::size_t>(count) > limits::record_headers_max) {
    return false;
  }
  headers.reserve(static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; ++i) {
    const std::optional<ByteView> key = reader.nullable_bytes();
    const std::optional<ByteView> value = reader.nullable_bytes();
    if (!reader.ok() || !key) return false;
    headers.push_back({base::as_text(*key), value});
  }
  return true;
}

}  // namespace

base::Result<RecordIterator> RecordIterator::open(const BatchView& batch) {
  const std::size_t decompressed_max =
      std::max(limits::decompression_floor_bytes, batch.size() * limits::decompression_factor_max);
  return open(batch, decompressed_max);
}

base::Result<RecordIterator> RecordIterator::open(const BatchView& batch,
                                                  std::size_t decompressed_max) {
  RecordIterator it;
  it.base_offset_ = batch.base_offset();
  it.last_offset_delta_ = batch.last_offset_delta();
  it.base_timestamp_ms_ = batch.base_timestamp_ms();
  it.record_count_ = batch.record_count();
  if (batch.timestamp_type() == TimestampType::log_append_time) {
    it.log_append_time_ms_ = batch.max_timestamp_ms();
  }
  const bool emptied = batch.record_count() == 0 && batch.records().empty();  // by compaction
  if (batch.compression() == Compression::none || emptied) {
    it.records_ = batch.records();
    it.rewind();
    return it;
  }
  MOLDAU_ASSIGN(it.decompressed_,
                decompress(batch.compression(), batch.records(), decompressed_max));
  it.records_ = it.decompressed_;
  it.rewind();
  return it;
}

void RecordIterator::rewind() {
  rest_ = records_;
  records_left_ = record_count_;
}

base::Result<std::optional<Record>> RecordIterator::next() {
  const auto index = record_count_ - records_left_;
  if (records_left_ == 0) {
    if (rest_.empty()) return std::optional<Record>{};
    return fail(Errc::invalid_record,
                fmt::format("{} bytes follow the last of {} records", rest_.size(), record_count_));
  }
  FieldReader outer(rest_);
  const std::int32_t length = outer.varint();
  if (length < 0) {
    return fail(Errc::invalid_record, fmt::format("record {}: length is {}", index, length));
  }
  FieldReader reader(outer.take(static_cast<std::size_t>(length)));
  if (!outer.ok()) {
    return fail(Errc::invalid_record, fmt::format("record {}: cut off", index));
  }
  Record record;
  reader.byte();  // attributes, unused
  const std::int64_t timestamp_delta_ms = reader.varlong();
  const std::int32_t offset_delta = reader.varint();
  record.key = reader.nullable_bytes();
  record.value = reader.nullable_bytes();
  if (!reader.ok() || !read_headers(reader, record.headers) || !reader.rest().empty()) {
    return fail(Errc::invalid_record,
                fmt::format("record {}: fields do not fit its {} bytes", index, length));
  }
  if (offset_delta < 0 || offset_delta > last_offset_delta_) {
    return fail(Errc::invalid_record, fmt::format("record {}: offset delta {} is outside 0..{}",
                                                  index, offset_delta, last_offset_delta_));
  }
  record.offset = Offset{wrapping_add(base_offset_.value(), offset_delta)};
  record.timestamp_ms =
      log_append_time_ms_.value_or(wrapping_add(base_timestamp_ms_, timestamp_delta_ms));
  rest_ = outer.rest();
  --records_left_;
  return std::optional<Record>{std::move(record)};
}

}  // namespace moldau::record
