#pragma once
// Records inside a batch.  Not on the produce path, except where the protocol demands it (compacted
// topics, strict topics, timestamp look-ups).

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "moldau/base/result.hpp"
#include "moldau/record/batch_view.hpp"

namespace moldau::record {

struct RecordHeader {
  std::string_view key;
  std::optional<ByteView> value;
};

/// One record.  Views into the iterator's decompressed buffer or the batch: valid until it goes.
struct Record {
  Offset offset{};
  std::int64_t timestamp_ms = 0;  // the batch's maximum under LogAppendTime
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::vector<RecordHeader> headers;
};

/// Goes through the records of one batch, decompressing it within limits::decompression_*.
/// Lifetime: the batch's bytes outlive it (uncompressed records are read in place).
/// Thread rule: one thread.
class RecordIterator {
 public:
  /// Errors: corrupt_message, unsupported_compression, limit_exceeded.
  static base::Result<RecordIterator> open(const BatchView& batch);
  /// As above with a bound of the caller's on the decompressed size.
  static base::Result<RecordIterator> open(const BatchView& batch, std::size_t decompressed_max);
  RecordIterator(RecordIterator&&) = default;
  RecordIterator& operator=(RecordIterator&&) = default;
  RecordIterator(const RecordIterator&) = delete;
  RecordIterator& operator=(const RecordIterator&) = delete;
  /// The next record; nullopt after the last.  Errors: invalid_record (lengths, deltas or counts that
  /// do not fit, trailing bytes after the last).
  base::Result<std::optional<Record>> next();
  /// Back to before the first record.
  void rewind();

 private:
  RecordIterator() = default;
  std::vector<std::uint8_t> decompressed_;
  ByteView records_;
  ByteView rest_;
  Offset base_offset_{};
  std::int64_t base_timestamp_ms_ = 0;
  std::optional<std::int64_t> log_append_time_ms_;
  std::int32_t last_offset_delta_ = 0;
  std::int32_t record_count_ = 0;
  std::int32_t records_left_ = 0;
};

}  // namespace moldau::record
