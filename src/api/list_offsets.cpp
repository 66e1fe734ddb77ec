// ListOffsets.  Rules: protocol.md edge cases 43 to 47.

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using partition::OffsetSpec;
using protocol::ErrorCode;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using Answer = ListOffsetsResponse::Topic::Partition;

/// What a timestamp asks for; nullopt where this version does not have it.
std::optional<OffsetSpec> spec_of(std::int64_t timestamp, std::int16_t version) {
  if (timestamp >= 0) return OffsetSpec::timestamp;
  switch (timestamp) {
    case -1: return OffsetSpec::latest;
    case -2: return OffsetSpec::earliest;
    case -3: return version >= 7 ? std::optional(OffsetSpec::max_timestamp) : std::nullopt;
    case -4: return version >= 8 ? std::optional(OffsetSpec::earliest_local) : std::nullopt;
    case -5: return version >= 9 ? std::optional(OffsetSpec::latest_tiered) : std::nullopt;
    case -6: return version >= 11 ? std::optional(OffsetSpec::earliest_pending_upload) : std::nullopt;
    default: return std::nullopt;
  }
}

Answer find(const Services& services, const RequestContext& context, const std::string& topic,
            const ListOffsetsRequest::Topic::Partition& wanted, bool committed) {
  Answer answer;
  answer.partition_index = wanted.partition_index;
  const auto partition = services.partitions.find(topic, wanted.partition_index);
  if (partition == nullptr) {
    answer.error_code = ErrorCode::unknown_topic_or_partition;
    return answer;
  }
  const auto spec = spec_of(wanted.timestamp, context.version);
  if (!spec) {
    answer.error_code = ErrorCode::unsupported_version;
    return answer;
  }
  const auto isolation =
      committed ? partition::Isolation::committed : partition::Isolation::high_watermark;
  const auto found =
      partition->find_offset(*spec, wanted.timestamp, isolation, wanted.current_leader_epoch);
  if (!found) {
    answer.error_code = error_code(found.error().code);
    return answer;
  }
  answer.timestamp = found.value().timestamp_ms;
  answer.offset = found.value().offset;
  answer.leader_epoch = found.value().leader_epoch;
  // Version 0 answers with a list of offsets; one is what clients of it use.
  if (context.version == 0 && answer.offset.value() >= 0)
    answer.old_style_offsets.push_back(answer.offset.value());
  return answer;
}

ListOffsetsResponse find_all(const Services& services, const RequestContext& context,
                             const ListOffsetsRequest& request) {
  std::set<TopicPartition> seen;
  std::set<TopicPartition> twice;
  for (const auto& topic : request.topics)
    for (const auto& partition : topic.partitions)
      if (TopicPartition key{topic.name, partition.partition_index}; !seen.insert(key).second)
        twice.insert(std::move(key));
  ListOffsetsResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      if (twice.contains({topic.name, partition.partition_index})) {
        Answer answer;
        answer.partition_index = partition.partition_index;
        answer.error_code = ErrorCode::invalid_request;
        answered.partitions.push_back(std::move(answer));
      } else {
        answered.partitions.push_back(
            find(services, context, topic.name, partition, request.isolation_level == 1));
      }
    }
  }
  return response;
}

bool reads_records(const ListOffsetsRequest& request) {
  for (const auto& topic : request.topics)
    for (const auto& partition : topic.partitions)
      if (partition.timestamp >= 0 || partition.timestamp == -3) return true;
  return false;
}

}  // namespace

void list_offsets(const Services& services, const RequestContext& context,
                  ListOffsetsRequest request, Reply<ListOffsetsResponse> reply) {
  if (!reads_records(request)) {
    reply(find_all(services, context, request));
    return;
  }
  services.helpers.post([&services, context, request = std::move(request),
                         reply = std::move(reply)]() mutable {
    reply(find_all(services, context, request));
  });
}

}  // namespace moldau::api
