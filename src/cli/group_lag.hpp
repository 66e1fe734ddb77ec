#pragma once
// How far a group is behind, in records and in time.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client.hpp"
#include "group_data.hpp"
#include "lag.hpp"
#include "output.hpp"

namespace moldau::cli {

struct PartitionLag {
  TopicPartition partition;
  std::optional<Offset> committed;  // nullopt: a member reads it and has not committed yet
  std::string metadata;
  std::optional<Offset> end;            // nullopt: the partition is gone
  std::optional<std::int64_t> records;  // between the two
  /// How long ago the first unread record was written, by its own timestamp; 0 when there is none,
  /// nullopt when that record has no timestamp or is gone.
  std::optional<std::int64_t> seconds;
};

struct GroupLag {
  std::string group_id;
  std::vector<PartitionLag> partitions;
  [[nodiscard]] std::int64_t records() const;                 // of all partitions
  [[nodiscard]] std::optional<std::int64_t> seconds() const;  // the most of any partition
};

/// Its partitions, as an array.
void add_lag(Json& json, const GroupLag& group);

/// Of the partitions that the group has offsets of, and of those that its members read.  Reads one
/// record of each that has unread ones.
base::Result<GroupLag> measure_lag(Client& client, const GroupDescription& group);

}  // namespace moldau::cli
