// OffsetForLeaderEpoch (KIP-101, KIP-320).  Rules: protocol.md edge cases 39 and 40.

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void offset_for_leader_epoch(const Services& services, const RequestContext&,
                             protocol::OffsetForLeaderEpochRequest request,
                             Reply<protocol::OffsetForLeaderEpochResponse> reply) {
  protocol::OffsetForLeaderEpochResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.topic = topic.topic;
    for (const auto& wanted : topic.partitions) {
      auto& answer = answered.partitions.emplace_back();
      answer.partition = wanted.partition;
      const auto partition = services.partitions.find(topic.topic, wanted.partition);
      if (partition == nullptr) {
        answer.error_code = protocol::ErrorCode::unknown_topic_or_partition;
        continue;
      }
      const auto end = partition->end_of_epoch(wanted.current_leader_epoch, wanted.leader_epoch);
      if (end) {
        answer.leader_epoch = end.value().epoch;
        answer.end_offset = end.value().end_offset;
      } else {
        answer.error_code = error_code(end.error().code);
      }
    }
  }
  reply(response);
}

}  // namespace moldau::api
