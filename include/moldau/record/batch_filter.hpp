#pragma once
// A batch without some of its records: what compaction keeps of it.
//
// The bytes are those that Apache Kafka 4.3 writes (MemoryRecords.filterTo; tests/record/golden/
// filtered.txt); compressed records may be packed differently.

#include <cstdint>
#include <functional>

#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::record {

struct FilterOptions {
  /// A batch of which no record is kept stays as a header alone (it is its producer's last).
  bool keep_empty = false;
  /// Given to a batch that has no delete horizon yet, when a record that is kept is a tombstone
  /// (null value), or `needs_horizon` says so and any record is kept.  -1: none is ever given.
  std::int64_t delete_horizon_ms = -1;
  /// The batch is the marker of a transaction without data.
  bool needs_horizon = false;
};

struct FilteredBatch {
  enum class What { unchanged, rewritten, removed };
  What what = What::unchanged;
  base::SharedBytes bytes;  // of `rewritten`, with its CRC
  std::int32_t kept = 0;    // records
};

/// Asks keep(record) for each record in order, and makes the batch of those that are kept.  It has
/// the offsets, leader epoch, producer, sequence, attributes and codec of the old one; records keep
/// their offsets and timestamps.  The maximum timestamp becomes that of the records kept, and the
/// base timestamp that of the first, or the delete horizon.
///
/// A header alone has, as Kafka's, no codec, no base timestamp and no delete horizon; the old
/// maximum timestamp stays.
///
/// Errors: as RecordIterator; invalid_record also for offsets that do not rise among the records
/// kept; corrupt_message for a wrong CRC, unless the batch is unchanged; message_too_large.
base::Result<FilteredBatch> filter_batch(const BatchView& batch, const FilterOptions& options,
                                         const std::function<bool(const Record&)>& keep);

}  // namespace moldau::record
