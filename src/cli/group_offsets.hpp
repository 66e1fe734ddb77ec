#pragma once
// Committed offsets of groups, and the offsets of partitions beside them.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client.hpp"
#include "moldau/base/ids.hpp"
#include "offset_change.hpp"

namespace moldau::cli {

struct CommittedOffset {
  TopicPartition partition;
  Offset offset{};
  std::string metadata;
};

/// By topic and partition.
base::Result<std::vector<CommittedOffset>> committed_offsets(Client& client,
                                                             const std::string& group_id);

using Offsets = std::map<TopicPartition, Offset>;

/// The offsets at `timestamp` (topic_metadata.hpp has the special ones); partitions that the broker
/// does not have are left out, and those without an offset at that time.
base::Result<Offsets> offsets_at(Client& client, const std::vector<TopicPartition>& partitions,
                                 std::int64_t timestamp);

/// Commits as an administrator, who is no member.  Errors: none was committed, or not all were.
base::Status commit_offsets(Client& client, const std::string& group_id,
                            const std::vector<OffsetChange>& changes);

}  // namespace moldau::cli
