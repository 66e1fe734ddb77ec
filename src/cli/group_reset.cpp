#include <algorithm>
#include <set>

#include "change_preview.hpp"
#include "group_data.hpp"
#include "group_offsets.hpp"
#include "group_verbs.hpp"
#include "topic_metadata.hpp"

namespace moldau::cli {
namespace {

base::Result<std::vector<TopicPartition>> selected(Client& client, const ResetOptions& options,
                                                   const Offsets& committed) {
  std::set<TopicPartition> partitions;
  if (options.topics.empty())
    for (const auto& [partition, offset] : committed) partitions.insert(partition);
  for (const auto& text : options.topics) {
    MOLDAU_ASSIGN(const auto selection, parse_topic_selection(text));
    for (const auto index : selection.partitions) partitions.insert({selection.topic, index});
    if (!selection.partitions.empty()) continue;
    MOLDAU_ASSIGN(const auto topic, find_topic(client, selection.topic, false));
    for (const auto& partition : topic.partitions)
      partitions.insert({selection.topic, partition.partition_index});
  }
  if (partitions.empty())
    return base::fail(base::Errc::not_found,
                      "group '" + options.name + "' has no offsets; name topics by --topic");
  return std::vector<TopicPartition>(partitions.begin(), partitions.end());
}

std::optional<Offset> find(const Offsets& offsets, const TopicPartition& partition) {
  const auto place = offsets.find(partition);
  return place == offsets.end() ? std::nullopt : std::optional(place->second);
}

std::string name_of(const TopicPartition& partition) {
  return "partition " + std::to_string(partition.partition.value()) + " of '" + partition.topic +
         "'";
}

/// A group that is not there yet is made by its first commit.
base::Result<GroupDescription> describe_or_make(Client& client, const std::string& name) {
  auto group = describe_group(client, name);
  if (group || group.error().code != base::Errc::not_found) return group;
  GroupDescription made;
  made.group_id = name;
  return made;
}

base::Result<std::vector<OffsetChange>> plan(Client& client, const ResetOptions& options) {
  Offsets committed;
  MOLDAU_ASSIGN(const auto stored, committed_offsets(client, options.name));
  for (const auto& one : stored) committed[one.partition] = one.offset;
  MOLDAU_ASSIGN(const auto partitions, selected(client, options, committed));
  MOLDAU_ASSIGN(const auto starts, offsets_at(client, partitions, earliest_timestamp));
  MOLDAU_ASSIGN(const auto ends, offsets_at(client, partitions, latest_timestamp));
  Offsets at_time;
  if (options.target.kind == ResetTarget::Kind::time) {
    MOLDAU_ASSIGN(at_time, offsets_at(client, partitions, options.target.value));
  }
  std::vector<OffsetChange> changes;
  for (const auto& partition : partitions) {
    const auto start = find(starts, partition);
    const auto end = find(ends, partition);
    if (!start || !end)
      return base::fail(base::Errc::unknown_topic, name_of(partition) + " does not exist");
    const PartitionFacts facts{find(committed, partition), *start, *end, find(at_time, partition)};
    const auto after = target_offset(options.target, facts);
    if (!after)
      return base::fail(after.error().code, name_of(partition) + ": " + after.error().message);
    auto& change = changes.emplace_back();
    change.partition = partition;
    change.before = facts.committed;
    change.after = after.value();
    change.end = end;
  }
  return changes;
}

}  // namespace

base::Status group_reset(const CommonOptions& common, const ResetOptions& options) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto group, describe_or_make(client, options.name));
  MOLDAU_ASSIGN(auto changes, plan(client, options));
  return show_and_change(client, common, group,
                         {options.name, std::move(changes), options.is_confirmed});
}

}  // namespace moldau::cli
