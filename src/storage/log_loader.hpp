#pragma once
// Opens one partition's directory: as a checkpoint describes it, as an orderly stop left it, or as a crash
// of Kafka left it (protocol.md edge case 75).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "partition_log.hpp"

namespace moldau::storage {

struct LoadedParts {
  LogParts parts;
  std::uint64_t truncated_bytes = 0;
};

struct LoadOptions {
  Offset recovery_point{0};  // what is below it was synced
  Offset log_start{0};
  bool clean = false;
  std::int64_t now_ms = 0;
};

/// From the files alone.  `known` is what our own last orderly stop said; it is used where it agrees with
/// the files.  Errors: damaged.
base::Result<LoadedParts> load_from_files(FileSystem& fs, const std::string& directory,
                                          const LoadOptions& options, const LogState* known);

/// As `state` says: what is beyond it in the files is cut, since the lane has it.  Errors: damaged
/// when the files hold less; `synced` false (nothing was ever synced) takes what is there.
base::Result<LoadedParts> load_from_checkpoint(FileSystem& fs, const std::string& directory,
                                               const LogState& state, bool synced,
                                               std::int64_t now_ms);

/// Makes an empty log in a directory that is made when absent; what an earlier attempt left is emptied.
/// Nothing is synced.
base::Result<LogParts> create_files(FileSystem& fs, const std::string& directory,
                                        const TopicId& topic_id, std::int64_t now_ms);

}  // namespace moldau::storage
