#include "topic_metadata.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "moldau/protocol/list_offsets.hpp"

namespace moldau::cli {
namespace {

using protocol::ErrorCode;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using protocol::MetadataRequest;
using protocol::MetadataResponse;

constexpr int leader_tries = 100;
constexpr std::chrono::milliseconds leader_wait{100};

bool has_leaders(const TopicMetadata& topic) {
  return !topic.partitions.empty() &&
         std::all_of(topic.partitions.begin(), topic.partitions.end(),
                     [](const auto& p) { return p.error_code == ErrorCode::none; });
}

void sort_partitions(TopicMetadata& topic) {
  std::sort(topic.partitions.begin(), topic.partitions.end(),
            [](const auto& a, const auto& b) { return a.partition_index < b.partition_index; });
}

}  // namespace

base::Result<std::vector<TopicMetadata>> all_topics(Client& client) {
  MetadataRequest request;
  request.topics.reset();
  request.allow_auto_topic_creation = false;
  MOLDAU_ASSIGN(auto response, client.call<MetadataResponse>(request));
  if (response.error_code != ErrorCode::none) return refusal("listing topics", response.error_code);
  std::sort(response.topics.begin(), response.topics.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (auto& topic : response.topics) sort_partitions(topic);
  return std::move(response.topics);
}

base::Result<TopicMetadata> find_topic(Client& client, const std::string& name, bool create) {
  MetadataRequest request;
  auto& asked = request.topics.emplace().emplace_back();
  asked.name = name;
  request.allow_auto_topic_creation = create;
  for (int tries = 1;; ++tries) {
    MOLDAU_ASSIGN(auto response, client.call<MetadataResponse>(request));
    if (response.topics.size() != 1)
      return base::fail(base::Errc::malformed, "the broker answered about another topic");
    auto& topic = response.topics.front();
    if (topic.error_code == ErrorCode::none && has_leaders(topic)) {
      sort_partitions(topic);
      return std::move(topic);
    }
    // A topic that is being made has no leader for a moment; Kafka calls it unknown first.
    const bool fleeting =
        topic.error_code == ErrorCode::none ||
        topic.error_code == ErrorCode::leader_not_available ||
        (create && topic.error_code == ErrorCode::unknown_topic_or_partition && tries < 10);
    if (!fleeting && topic.error_code == ErrorCode::unknown_topic_or_partition)
      return base::fail(
          base::Errc::unknown_topic,
          "topic '" + name + "' does not exist; make it by: moldau topic create " + name);
    if (!fleeting) return refusal("topic '" + name + "'", topic.error_code);
    if (tries == leader_tries)
      return base::fail(base::Errc::leader_not_available,
                        "topic '" + name + "' has a partition without a leader");
    std::this_thread::sleep_for(leader_wait);
  }
}

base::Result<std::vector<Offset>> list_offsets(Client& client, const std::string& topic,
                                               const std::vector<PartitionIndex>& partitions,
                                               std::int64_t timestamp) {
  ListOffsetsRequest request;
  request.replica_id = BrokerId{-1};
  request.timeout_ms = 30'000;
  auto& asked = request.topics.emplace_back();
  asked.name = topic;
  for (const auto index : partitions) {
    auto& partition = asked.partitions.emplace_back();
    partition.partition_index = index;
    partition.timestamp = timestamp;
  }
  MOLDAU_ASSIGN(const auto response, client.call<ListOffsetsResponse>(request));
  std::map<PartitionIndex, Offset> found;
  for (const auto& answered : response.topics) {
    for (const auto& partition : answered.partitions) {
      if (partition.error_code != ErrorCode::none)
        return refusal("offsets of partition " + std::to_string(partition.partition_index.value()) +
                           " of '" + topic + "'",
                       partition.error_code);
      found[partition.partition_index] = partition.offset;
    }
  }
  std::vector<Offset> offsets;
  for (const auto index : partitions) {
    const auto at = found.find(index);
    if (at == found.end())
      return base::fail(base::Errc::malformed,
                        "the broker left out a partition of '" + topic + "'");
    offsets.push_back(at->second);
  }
  return offsets;
}

}  // namespace moldau::cli
