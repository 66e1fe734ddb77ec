#include "group_lag.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

#include "group_offsets.hpp"
#include "group_verbs.hpp"
#include "moldau/base/clock.hpp"
#include "output.hpp"
#include "partition_reader.hpp"
#include "topic_metadata.hpp"

namespace moldau::cli {
namespace {

base::Result<std::optional<std::int64_t>> first_timestamp(Client& client, const ReadRange& range) {
  std::optional<std::int64_t> timestamp_ms;
  MOLDAU_TRY(read_records(client, range, [&](const record::Record& record) -> base::Result<bool> {
    timestamp_ms = record.timestamp_ms;
    return false;
  }));
  return timestamp_ms;
}

using Rows = std::map<TopicPartition, PartitionLag>;

base::Result<Rows> rows_of(Client& client, const GroupDescription& group) {
  Rows rows;
  for (const auto& member : group.members)
    for (const auto& [topic, partitions] : member.assignment)
      for (const auto index : partitions) rows[{topic, index}].partition = {topic, index};
  MOLDAU_ASSIGN(const auto committed, committed_offsets(client, group.group_id));
  for (const auto& one : committed) {
    auto& row = rows[one.partition];
    row.partition = one.partition;
    row.committed = one.offset;
    row.metadata = one.metadata;
  }
  return rows;
}

/// `lag` has its committed offset and the end, and gets the rest.
base::Status measure(Client& client, Offset start, PartitionLag& lag) {
  lag.records = lag_records(*lag.committed, *lag.end);
  // Retention may have gone past the group.
  const ReadRange unread{lag.partition, std::max(*lag.committed, start), *lag.end, 1};
  if (unread.from >= unread.end) {
    lag.seconds = 0;
    return {};
  }
  MOLDAU_ASSIGN(const auto timestamp_ms, first_timestamp(client, unread));
  if (timestamp_ms) lag.seconds = lag_seconds(*timestamp_ms, base::SystemClock{}.wall_ms());
  return {};
}

void print_groups(const std::vector<GroupLag>& groups) {
  Table table({"GROUP", "PARTITIONS", "LAG", "SECONDS"});
  for (const auto& group : groups)
    table.add({group.group_id, std::to_string(group.partitions.size()),
               std::to_string(group.records()), or_dash(group.seconds())});
  table.print();
}

void print_partitions(const std::vector<GroupLag>& groups) {
  Table table({"GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "SECONDS"});
  for (const auto& group : groups)
    for (const auto& lag : group.partitions)
      table.add({group.group_id, lag.partition.topic,
                 std::to_string(lag.partition.partition.value()), or_dash(lag.committed),
                 or_dash(lag.end), or_dash(lag.records), or_dash(lag.seconds)});
  table.print();
}

void print_json(const std::vector<GroupLag>& groups) {
  Json json;
  json.open('[');
  for (const auto& group : groups) {
    json.open('{').key("group").value(group.group_id).key("lag").value(group.records());
    add_optional(json.key("seconds"), group.seconds());
    json.key("partitions");
    add_lag(json, group);
    json.close('}');
  }
  json.close(']').print();
}

}  // namespace

void add_lag(Json& json, const GroupLag& group) {
  json.open('[');
  for (const auto& lag : group.partitions) {
    json.open('{').key("topic").value(lag.partition.topic);
    json.key("partition").value(std::int64_t{lag.partition.partition.value()});
    add_optional(json.key("committed"), lag.committed);
    json.key("metadata").value(lag.metadata);
    add_optional(json.key("end"), lag.end);
    add_optional(json.key("lag"), lag.records);
    add_optional(json.key("seconds"), lag.seconds);
    json.close('}');
  }
  json.close(']');
}

std::int64_t GroupLag::records() const {
  std::int64_t sum = 0;
  for (const auto& partition : partitions) sum += partition.records.value_or(0);
  return sum;
}

std::optional<std::int64_t> GroupLag::seconds() const {
  std::optional<std::int64_t> most;
  for (const auto& partition : partitions)
    if (partition.seconds && (!most || *partition.seconds > *most)) most = partition.seconds;
  return most;
}

base::Result<GroupLag> measure_lag(Client& client, const GroupDescription& described) {
  MOLDAU_ASSIGN(auto rows, rows_of(client, described));
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, lag] : rows) partitions.push_back(partition);
  MOLDAU_ASSIGN(const auto starts, offsets_at(client, partitions, earliest_timestamp));
  MOLDAU_ASSIGN(const auto ends, offsets_at(client, partitions, latest_timestamp));
  GroupLag group{described.group_id, {}};
  for (auto& [partition, lag] : rows) {
    const auto start = starts.find(partition);
    const auto end = ends.find(partition);
    if (end != ends.end()) lag.end = end->second;
    if (lag.committed && lag.end && start != starts.end())
      MOLDAU_TRY(measure(client, start->second, lag));
    group.partitions.push_back(std::move(lag));
  }
  return group;
}

base::Status group_lag(const CommonOptions& common, const std::vector<std::string>& names) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  GroupDescriptions described;
  if (names.empty()) {
    MOLDAU_ASSIGN(const auto listed, list_groups(client));
    MOLDAU_ASSIGN(described, describe_groups(client, listed));
  }
  for (const auto& name : names) {
    MOLDAU_ASSIGN(auto group, describe_group(client, name));
    described.insert_or_assign(name, std::move(group));
  }
  std::vector<GroupLag> groups;
  for (const auto& [id, group] : described) {
    MOLDAU_ASSIGN(auto lag, measure_lag(client, group));
    groups.push_back(std::move(lag));
  }
  if (common.format == Format::json) {
    print_json(groups);
  } else if (groups.empty()) {
    std::fputs("there are no groups\n", stderr);
  } else if (names.empty()) {
    print_groups(groups);
  } else {
    print_partitions(groups);
  }
  return {};
}

}  // namespace moldau::cli
