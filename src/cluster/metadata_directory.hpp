#pragma once
// The files of a metadata log's directory, as Kafka names and writes them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::cluster {

/// <20 digits of the offset after its last record>-<10 digits of that record's epoch>.checkpoint
struct SnapshotId {
  Offset end{};
  std::int32_t epoch = 0;
  friend auto operator<=>(const SnapshotId&, const SnapshotId&) = default;
};

/// What the directory holds, each list ascending.
struct MetadataFiles {
  std::vector<Offset> segments;
  std::vector<SnapshotId> snapshots;
  std::vector<std::string> leftovers;  // unfinished snapshots, deleted segments
  std::vector<std::string> derived;    // indexes and producer snapshots, which Kafka makes anew
};

[[nodiscard]] std::string segment_name(Offset base);
[[nodiscard]] std::string snapshot_name(SnapshotId id);
base::Result<MetadataFiles> list_metadata_files(storage::FileSystem& fs, const std::string& path);

/// Kafka's quorum-state: the epoch that this node has promised not to go back from.
struct QuorumState {
  std::int32_t leader_epoch = 0;
};
/// nullopt when there is no file.  Errors: damaged.
base::Result<std::optional<QuorumState>> read_quorum_state(storage::FileSystem& fs,
                                                           const std::string& directory);
base::Status write_quorum_state(storage::FileSystem& fs, const std::string& directory,
                                BrokerId leader, std::int32_t epoch, std::int16_t kraft_version);

/// Adds a term's start to leader-epoch-checkpoint; a file that cannot be read begins anew.
base::Status add_leader_epoch(storage::FileSystem& fs, const std::string& directory,
                              std::int32_t epoch, Offset start);
base::Status write_partition_metadata(storage::FileSystem& fs, const std::string& directory);

}  // namespace moldau::cluster
