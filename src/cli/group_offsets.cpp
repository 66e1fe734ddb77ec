#include "group_offsets.hpp"

#include <algorithm>

#include "coordinator_call.hpp"
#include "moldau/protocol/list_offsets.hpp"
#include "moldau/protocol/offset_commit.hpp"
#include "moldau/protocol/offset_fetch.hpp"

namespace moldau::cli {
namespace {

using protocol::ErrorCode;

/// Topics by name; from version 10 on they go by id.
constexpr codec::Version commit_version_max = 9;
constexpr codec::Version offset_fetch_version_max = 9;

}  // namespace

base::Result<std::vector<CommittedOffset>> committed_offsets(Client& client,
                                                             const std::string& group_id) {
  using Response = protocol::OffsetFetchResponse;
  protocol::OffsetFetchRequest request;
  request.group_id = group_id;  // up to version 7
  request.topics.reset();
  auto& group = request.groups.emplace_back();
  group.group_id = group_id;
  group.topics.reset();
  const auto code_of = [](const Response& response) {
    return response.groups.empty() ? response.error_code : response.groups.front().error_code;
  };
  MOLDAU_ASSIGN(const auto response,
                call_coordinator<Response>(client, request, code_of, offset_fetch_version_max));
  if (const auto code = code_of(response); code != ErrorCode::none)
    return refusal("offsets of group '" + group_id + "'", code);
  std::vector<CommittedOffset> offsets;
  const auto take = [&](const auto& topics) {
    for (const auto& topic : topics)
      for (const auto& partition : topic.partitions)
        if (partition.committed_offset != no_offset)
          offsets.push_back({{topic.name, partition.partition_index},
                             partition.committed_offset,
                             partition.metadata.value_or("")});
  };
  take(response.topics);
  for (const auto& answered : response.groups) take(answered.topics);
  std::sort(offsets.begin(), offsets.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  return offsets;
}

base::Result<Offsets> offsets_at(Client& client, const std::vector<TopicPartition>& partitions,
                                 std::int64_t timestamp) {
  if (partitions.empty()) return Offsets{};
  protocol::ListOffsetsRequest request;
  request.replica_id = BrokerId{-1};
  request.timeout_ms = 30'000;
  std::map<std::string, std::vector<PartitionIndex>> by_topic;
  for (const auto& [topic, index] : partitions) by_topic[topic].push_back(index);
  for (const auto& [name, indexes] : by_topic) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    for (const auto index : indexes) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = index;
      partition.timestamp = timestamp;
    }
  }
  MOLDAU_ASSIGN(const auto response, client.call<protocol::ListOffsetsResponse>(request));
  Offsets offsets;
  for (const auto& topic : response.topics)
    for (const auto& partition : topic.partitions)
      if (partition.error_code == ErrorCode::none && partition.offset != no_offset)
        offsets[{topic.name, partition.partition_index}] = partition.offset;
  return offsets;
}

base::Status commit_offsets(Client& client, const std::string& group_id,
                            const std::vector<OffsetChange>& changes) {
  using Response = protocol::OffsetCommitResponse;
  protocol::OffsetCommitRequest request;
  request.group_id = group_id;
  std::map<std::string, std::vector<const OffsetChange*>> by_topic;
  for (const auto& change : changes) by_topic[change.partition.topic].push_back(&change);
  for (const auto& [name, of_topic] : by_topic) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    for (const auto* change : of_topic) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = change->partition.partition;
      partition.committed_offset = change->after;
      partition.committed_leader_epoch = change->leader_epoch;
      partition.committed_metadata = change->metadata;
    }
  }
  const auto code_of = [](const Response& response) {
    return response.topics.empty() || response.topics.front().partitions.empty()
               ? ErrorCode::none
               : response.topics.front().partitions.front().error_code;
  };
  MOLDAU_ASSIGN(const auto response,
                call_coordinator<Response>(client, request, code_of, commit_version_max));
  std::size_t refused = 0;
  base::Status status;
  for (const auto& topic : response.topics)
    for (const auto& partition : topic.partitions)
      if (partition.error_code != ErrorCode::none && refused++ == 0)
        status =
            refusal("offset of partition " + std::to_string(partition.partition_index.value()) +
                        " of '" + topic.name + "'",
                    partition.error_code);
  if (refused > 1 || (refused == 1 && changes.size() > 1))
    return base::fail(base::Errc::unknown,
                      std::to_string(refused) + " of " + std::to_string(changes.size()) +
                          " offsets were not committed; the first: " + status.error().message);
  return status;
}

}  // namespace moldau::cli
