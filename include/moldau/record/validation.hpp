#pragma once
// What a leader demands of a client's batch before it appends it, and what it changes in it.
//
// The codes and texts are those that Apache Kafka 4.3 gave to the same bytes (tests/record/golden/
// mutations.txt; ProduceRequest.validateRecords, UnifiedLog, LogValidator, KIP-467).  Where the two
// differ, src/record/README.md says why.
//
//   auto prepared = record::prepare_produced(std::move(bytes), rules);
//   if (!prepared.batch.has_value()) answer(prepared.batch.error(), prepared.record_errors);
//   else log.append_as_leader(std::move(prepared.batch).value(), ...);

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/record/batch_view.hpp"

namespace moldau::record {

/// A topic's configuration as far as it concerns what is produced to it; defaults are Kafka's.
struct ProduceRules {
  /// Version of the Produce request: zstd came with 7.
  std::int16_t produce_version = 9;
  std::size_t batch_bytes_max = 1'048'588;  // max.message.bytes
  TimestampType timestamp_type = TimestampType::create_time;
  std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t timestamp_after_max_ms = 3'600'000;
  /// compression.type; nullopt is "producer": batches stay as they come.
  std::optional<Compression> compression = std::nullopt;
  std::optional<int> compression_level = std::nullopt;
  /// cleanup.policy contains "compact": every record must have a key.
  bool compacted = false;
  /// Every record of every batch is checked, as Kafka does.
  bool strict = false;
  std::int64_t now_ms = 0;  // wall clock
  /// "topic-0", for messages.
  std::string_view partition = {};
};

/// Why one record made its batch fail (KIP-467).
struct RecordError {
  std::int32_t batch_index = 0;
  std::string message;
};

/// Checks what can be seen without looking at a record: exactly one whole batch of magic 2 with base
/// offset 0, within the size limit, with a good CRC, as many records as offsets, no control bit.
/// Returns the view of that batch.  Like Kafka it ignores what follows it if that is no whole batch:
/// append only the view's bytes.
/// Errors: invalid_record, corrupt_message, message_too_large, unsupported_compression,
/// invalid_producer_epoch.
base::Result<BatchView> validate_produced(ByteView bytes, const ProduceRules& rules);

/// Whether the records of a batch that passed validate_produced() must be looked at: the topic asks for
/// it (compacted, strict), its header cannot be right, or it was given a timestamp type.
bool needs_record_check(const BatchView& batch, const ProduceRules& rules);

struct RecordsVerdict {
  /// ok; or invalid_timestamp when any record failed by its timestamp, else invalid_record;
  /// message_too_large when it decompresses to more than limits::decompression_*; or
  /// unsupported_compression.
  base::Status status;
  /// The records that failed, when single ones did; at most limits::record_errors_max.
  std::vector<RecordError> record_errors;
  /// The true maximum of the records' timestamps.
  std::int64_t max_timestamp_ms = -1;
};

/// Decompresses the batch and checks every record: its form, dense offsets, keys, timestamps.
RecordsVerdict validate_records(const BatchView& batch, const ProduceRules& rules);

/// The same batch with its records compressed by `compression`.  Errors: as decompress(),
/// message_too_large (over what a batch can be), invalid_argument (a level the codec has not).
base::Result<base::SharedBytes> recompress(const BatchView& batch, Compression compression,
                                           std::optional<int> level = std::nullopt);

struct PreparedBatch {
  /// Exactly one batch, ready to append, its timestamps as the topic wants them.
  base::Result<base::SharedBytes> batch;
  std::vector<RecordError> record_errors;  // with an error
};

/// All of the above as one leader does it.  Writes in `bytes` itself where that is enough; makes new
/// bytes only to recompress.  The caller shares `bytes` with nobody who reads the batch.
PreparedBatch prepare_produced(base::SharedBytes bytes, const ProduceRules& rules);

}  // namespace moldau::record
