#pragma once
// What a start does with a log directory before anybody may use it: finds its logs, and after a crash
// replays the lane over them.  Killed at any point it can be done again with the same result, because it
// changes neither the checkpoint nor the lane.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint.hpp"
#include "moldau/storage/log_directory.hpp"
#include "offset_checkpoint.hpp"
#include "partition_log.hpp"

namespace moldau::storage {

struct Recovered {
  std::map<TopicIdPartition, std::shared_ptr<PartitionLog>> logs;
  std::vector<std::string> deleted;  // directories that wait for their removal
  OffsetCheckpoint cleaned;          // what was compacted, by whom ever
  LogDirectory::Opened opened;
};

struct RecoveryInput {
  base::Random& random;
  std::string path;
  /// What the marker and the checkpoint say: clean, or not, or nothing.
  bool clean = false;
  std::optional<Checkpoint> checkpoint;
  /// Memory that batches of the lane may take before they are written to segments.
  std::uint64_t bytes_in_memory_max = 64ULL * 1024 * 1024;
  bool sync = true;
};

/// Errors: damaged (the lane's durable part), io.  A log that cannot be trusted is offline in the result.
base::Result<Recovered> recover(LogServices& services, const RecoveryInput& input);

/// Renames a partition's directory to <topic>-<partition>.<random hex><suffix>, as Kafka does; returns the
/// new name.
base::Result<std::string> rename_aside(FileSystem& fs, const std::string& path,
                                       const TopicPartition& name, const base::Uuid& unique,
                                       std::string_view suffix);

}  // namespace moldau::storage
