#pragma once
// New committed offsets of a group: how they are chosen.  Nothing here talks to a broker.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/group/records.hpp"

namespace moldau::cli {

/// What a partition's committed offset is to become.
struct OffsetChange {
  TopicPartition partition;
  std::optional<Offset> before;  // nullopt: there is none
  Offset after{};
  LeaderEpoch leader_epoch = no_leader_epoch;  // of `after`
  std::string metadata;
  std::optional<Offset> end;  // of the partition, where it is known
};

/// A topic and which of its partitions; none: all.
struct TopicSelection {
  std::string topic;
  std::vector<PartitionIndex> partitions;
};

/// "orders" or "orders:0,3".  Errors: invalid_argument.
base::Result<TopicSelection> parse_topic_selection(const std::string& text);

/// Where a reset goes to.
struct ResetTarget {
  enum class Kind { earliest, latest, offset, time, shift };
  Kind kind = Kind::earliest;
  std::int64_t value = 0;  // an offset, milliseconds since 1970, or records to shift by
};

/// What a broker says of a partition.
struct PartitionFacts {
  std::optional<Offset> committed;
  Offset start{};
  Offset end{};
  /// Of the first record at or after ResetTarget::value, for Kind::time; nullopt: there is none.
  std::optional<Offset> at_time;
};

/// Offsets outside of the log become its nearest end.  Errors: invalid_argument, when there is
/// nothing to shift from.
base::Result<Offset> target_offset(const ResetTarget& target, const PartitionFacts& facts);

/// What administrators replaced, newest first.
using Trails = std::map<TopicPartition, std::vector<group::OffsetTrailRecord::Entry>>;

/// The next record of the log of the group's partition of __consumer_offsets.
void collect_trail(Trails& trails, const std::string& group_id, const group::Record& record);

struct UndoPlan {
  std::int64_t reset_at_ms = 0;  // when what is undone was done
  std::map<TopicPartition, group::OffsetTrailRecord::Entry> offsets;
};

/// The offsets as they were before the last `resets` resets (at least 1).  Partitions that none of
/// them touched are left alone.  Errors: not_found, when fewer are remembered.
base::Result<UndoPlan> plan_undo(const Trails& trails, std::int64_t resets);

}  // namespace moldau::cli
