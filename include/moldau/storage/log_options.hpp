#pragma once
// What one log needs to know of its topic's configuration, and a log directory of the broker's.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "moldau/record/batch_format.hpp"

namespace moldau::storage {

/// Defaults are Kafka's (protocol.md 4.1).  May change while the log is open.
struct LogOptions {
  std::uint64_t segment_bytes = 1024ULL * 1024 * 1024;
  std::int64_t segment_ms = 604'800'000;
  std::int64_t segment_jitter_ms = 0;
  std::uint64_t segment_index_bytes = 10ULL * 1024 * 1024;
  std::uint64_t index_interval_bytes = 4096;
  std::int64_t retention_ms = 604'800'000;
  std::int64_t retention_bytes = -1;
  std::int64_t file_delete_delay_ms = 60'000;
  bool delete_policy = true;
  bool compact_policy = false;
  /// Tombstones, and markers of transactions without data, stay so long after they were first compacted.
  std::int64_t delete_retention_ms = 86'400'000;
  /// Compaction leaves segments with a younger record alone, and waits for no ratio once one that is
  /// not compacted yet is older.
  std::int64_t min_compaction_lag_ms = 0;
  std::int64_t max_compaction_lag_ms = std::numeric_limits<std::int64_t>::max();
  /// What part of a log has to be new before it is compacted.
  double min_cleanable_dirty_ratio = 0.5;
  bool preallocate = false;
  std::int64_t producer_id_expiration_ms = 86'400'000;
};

struct LogDirectoryOptions {
  /// False only with --unsafe-no-fsync: nothing is synced, and acknowledgements do not wait.
  bool sync = true;
  /// The write-ahead lane's files are this large each, and as many as `lane_files` alternate.
  std::uint64_t lane_file_bytes = 128ULL * 1024 * 1024;
  int lane_files = 3;
  /// Memory for recent batches of all logs together.
  std::uint64_t tail_bytes_max = 128ULL * 1024 * 1024;
  /// Batches are refused while less is free on the disk.  Unset: 1 GiB, or a twentieth of a disk
  /// smaller than 20 GiB.
  std::optional<std::uint64_t> free_bytes_min;
};

}  // namespace moldau::storage
