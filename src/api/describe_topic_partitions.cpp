// DescribeTopicPartitions (KIP-966): topics in order of their names, in pages.

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;
using protocol::ErrorCode;

DescribeTopicPartitionsResponse::Topic::Partition describe(
    const metadata::PartitionImage& partition) {
  DescribeTopicPartitionsResponse::Topic::Partition answer;
  answer.partition_index = partition.index;
  answer.leader_id = partition.leader;
  answer.leader_epoch = partition.leader_epoch;
  answer.replica_nodes = partition.replicas;
  answer.isr_nodes = partition.isr;
  answer.eligible_leader_replicas = partition.eligible_leader_replicas;
  answer.last_known_elr = partition.last_known_elr;
  if (partition.leader == metadata::no_leader) answer.error_code = ErrorCode::leader_not_available;
  return answer;
}

std::set<std::string> names_of(const DescribeTopicPartitionsRequest& request,
                               const metadata::MetadataImage& image) {
  std::set<std::string> names;
  for (const auto& topic : request.topics) names.insert(topic.name);
  if (request.topics.empty())
    for (const auto name : image.topic_names()) names.insert(std::string(name));
  if (request.cursor)
    names.erase(names.begin(), names.lower_bound(request.cursor->topic_name));
  return names;
}

}  // namespace

void describe_topic_partitions(const Services& services, const RequestContext&,
                               DescribeTopicPartitionsRequest request,
                               Reply<DescribeTopicPartitionsResponse> reply) {
  const auto image = services.metadata.image();
  DescribeTopicPartitionsResponse response;
  const auto limit = services.static_config.integer("max.request.partition.size.limit");
  auto left = std::clamp<std::int64_t>(request.response_partition_limit, 1, limit);
  for (const auto& name : names_of(request, *image)) {
    auto first = std::size_t{0};
    if (request.cursor && request.cursor->topic_name == name)
      first = static_cast<std::size_t>(std::max(0, request.cursor->partition_index.value()));
    if (left == 0) {
      response.next_cursor = {{name, PartitionIndex{static_cast<std::int32_t>(first)}}};
      break;
    }
    auto& answer = response.topics.emplace_back();
    answer.name = name;
    answer.is_internal = metadata::is_internal_topic(name);
    const auto* topic = image->find_topic(name);
    if (topic == nullptr) {
      answer.error_code = ErrorCode::unknown_topic_or_partition;
      continue;
    }
    answer.topic_id = topic->id;
    std::size_t at = first;
    for (; at < topic->partitions.size() && left > 0; ++at, --left)
      answer.partitions.push_back(describe(topic->partitions[at]));
    if (at < topic->partitions.size()) {
      response.next_cursor = {{name, PartitionIndex{static_cast<std::int32_t>(at)}}};
      break;
    }
  }
  reply(response);
}

}  // namespace moldau::api
