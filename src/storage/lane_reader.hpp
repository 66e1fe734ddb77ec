#pragma once
// Reads the lane after a crash: the entries of every block that follows a checkpoint.

#include <cstdint>
#include <functional>
#include <string>

#include "lane_format.hpp"
#include "lane_writer.hpp"

namespace moldau::storage {

struct LaneRecord {
  lane_format::Kind kind{};
  TopicIdPartition partition;
  std::int64_t value = 0;
  Lsn lsn{0};
  base::ByteView bytes;  // valid during the call
};

/// Reads blocks of `incarnation` from `from` on, in their order, and hands every entry to `visit`.
/// Ends at the first place where the expected block is not: a torn or missing tail.
/// Errors: damaged when a later block says that the missing one had been synced (nothing is to be
/// changed then); what `visit` returns; io.
base::Result<LanePosition> read_lane(FileSystem& fs, const std::string& directory, int lane_files,
                                     std::uint64_t incarnation, LanePosition from,
                                     const std::function<base::Status(const LaneRecord&)>& visit);

}  // namespace moldau::storage
