#include <algorithm>
#include <cstdio>

#include "change_preview.hpp"
#include "group_data.hpp"
#include "group_offsets.hpp"
#include "group_verbs.hpp"
#include "moldau/base/java_hash.hpp"
#include "moldau/group/records.hpp"
#include "partition_reader.hpp"
#include "time_text.hpp"
#include "topic_metadata.hpp"

namespace moldau::cli {
namespace {


/// What the broker remembers of the group, from the log in which it keeps its groups.
base::Result<Trails> read_trails(Client& client, const std::string& group_id) {
  const std::string name(group::offsets_topic);
  MOLDAU_ASSIGN(const auto topic, find_topic(client, name, false));
  const auto count = static_cast<std::int32_t>(topic.partitions.size());
  const TopicPartition partition{name, PartitionIndex{base::java_partition(group_id, count)}};
  MOLDAU_ASSIGN(const auto starts, offsets_at(client, {partition}, earliest_timestamp));
  MOLDAU_ASSIGN(const auto ends, offsets_at(client, {partition}, latest_timestamp));
  Trails trails;
  if (starts.empty() || ends.empty()) return trails;
  const ReadRange all{partition, starts.begin()->second, ends.begin()->second};
  MOLDAU_TRY(read_records(client, all, [&](const record::Record& record) -> base::Result<bool> {
    if (!record.key) return true;
    const auto decoded = group::decode(*record.key, record.value);
    if (decoded) collect_trail(trails, group_id, decoded.value());
    return true;  // kinds of records that are not known here are no trails
  }));
  return trails;
}

base::Result<std::vector<OffsetChange>> changes_of(Client& client, const std::string& group_id,
                                                   const UndoPlan& plan) {
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, entry] : plan.offsets) partitions.push_back(partition);
  MOLDAU_ASSIGN(const auto ends, offsets_at(client, partitions, latest_timestamp));
  MOLDAU_ASSIGN(const auto committed, committed_offsets(client, group_id));
  std::vector<OffsetChange> changes;
  for (const auto& [partition, entry] : plan.offsets) {
    auto& change = changes.emplace_back();
    change.partition = partition;
    change.after = entry.offset;
    change.leader_epoch = entry.leader_epoch;
    change.metadata = entry.metadata;
    if (const auto end = ends.find(partition); end != ends.end()) change.end = end->second;
    const auto now = std::find_if(committed.begin(), committed.end(),
                                  [&](const auto& one) { return one.partition == partition; });
    if (now != committed.end()) change.before = now->offset;
  }
  return changes;
}

}  // namespace

base::Status group_undo(const CommonOptions& common, const UndoOptions& options) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto group, describe_group(client, options.name));
  MOLDAU_ASSIGN(const auto trails, read_trails(client, options.name));
  const auto plan = plan_undo(trails, options.resets);
  if (!plan)
    return base::fail(plan.error().code, "group '" + options.name + "': " + plan.error().message);
  MOLDAU_ASSIGN(auto changes, changes_of(client, options.name, plan.value()));
  std::fprintf(stderr, "offsets as they were before the reset of %s\n",
               time_text(plan.value().reset_at_ms).c_str());
  return show_and_change(client, common, group,
                         {options.name, std::move(changes), options.is_confirmed});
}

}  // namespace moldau::cli
