#pragma once
// A record batch whose bounds were checked: handlers and the log cannot forget to.

#include <cstdint>
#include <optional>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/record/batch_format.hpp"

namespace moldau::record {

using base::ByteView;
using base::MutableByteView;

/// Size of the batch that starts at `bytes` (12 + its length field), or 0 when fewer than 12 bytes are
/// there or the length is below a header's or above `bytes_max`.
std::size_t batch_size(ByteView bytes, std::size_t bytes_max);

/// A view of one batch, within bounds and of magic 2.  Its CRC holds where parse() was asked to check.
/// Lifetime: the bytes outlive it.  Thread rule: a value.
class BatchView {
 public:
  enum class Check { bounds, crc };
  /// Reads the batch at the start of `bytes` (which may hold more after it).  Errors: corrupt_message
  /// (cut off, negative or absurd length, a magic of no format, CRC mismatch), unsupported (magic 0 or 1;
  /// the message names it), invalid_record (negative count or delta).
  static base::Result<BatchView> parse(ByteView bytes, Check check);

  [[nodiscard]] ByteView bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] Offset base_offset() const;
  /// base + last_offset_delta; wraps on absurd bases, which validation refuses.
  [[nodiscard]] Offset last_offset() const;
  [[nodiscard]] Offset next_offset() const;  // last + 1
  [[nodiscard]] std::int32_t last_offset_delta() const;
  [[nodiscard]] LeaderEpoch leader_epoch() const;
  [[nodiscard]] std::uint32_t crc() const;
  [[nodiscard]] std::uint32_t computed_crc() const;
  [[nodiscard]] std::int16_t attributes() const;
  /// May be a value above compression_last: validation and decompression refuse it.
  [[nodiscard]] Compression compression() const;
  [[nodiscard]] TimestampType timestamp_type() const;
  [[nodiscard]] bool is_transactional() const;
  [[nodiscard]] bool is_control() const;
  [[nodiscard]] bool has_delete_horizon() const;
  [[nodiscard]] std::int64_t base_timestamp_ms() const;
  /// Until when compaction keeps the batch's tombstones; it stands where the base timestamp does.
  [[nodiscard]] std::optional<std::int64_t> delete_horizon_ms() const;
  [[nodiscard]] std::int64_t max_timestamp_ms() const;
  [[nodiscard]] ProducerId producer_id() const;
  [[nodiscard]] bool has_producer_id() const { return producer_id().value() >= 0; }
  [[nodiscard]] ProducerEpoch producer_epoch() const;
  [[nodiscard]] std::int32_t base_sequence() const;
  /// The last record's sequence; it wraps from 2^31-1 to 0.  -1 when there is none.
  [[nodiscard]] std::int32_t last_sequence() const;
  [[nodiscard]] std::int32_t record_count() const;
  /// The records, compressed as compression() says.
  [[nodiscard]] ByteView records() const { return bytes_.subspan(batch_format::header_bytes); }

 private:
  explicit BatchView(ByteView bytes) : bytes_(bytes) {}
  ByteView bytes_;
};

/// Stamps what the leader decides, outside the CRC.  `batch` is one whole batch.
void set_base_offset(MutableByteView batch, Offset offset);
void set_leader_epoch(MutableByteView batch, LeaderEpoch epoch);
/// LogAppendTime: sets the attribute and the maximum timestamp, and computes the CRC anew.
void set_log_append_time(MutableByteView batch, std::int64_t now_ms);
/// CreateTime: clears the attribute, sets the maximum timestamp, and computes the CRC anew.
void set_max_timestamp(MutableByteView batch, std::int64_t max_timestamp_ms);

}  // namespace moldau::record
