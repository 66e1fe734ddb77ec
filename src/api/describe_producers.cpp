// DescribeProducers (KIP-664).

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void describe_producers(const Services& services, const RequestContext&,
                        protocol::DescribeProducersRequest request,
                        Reply<protocol::DescribeProducersResponse> reply) {
  protocol::DescribeProducersResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const PartitionIndex index : topic.partition_indexes) {
      auto& answer = answered.partitions.emplace_back();
      answer.partition_index = index;
      const auto partition = services.partitions.find(topic.name, index);
      if (partition == nullptr) {
        answer.error_code = protocol::ErrorCode::unknown_topic_or_partition;
        continue;
      }
      for (const auto& producer : partition->log().producers())
        answer.active_producers.push_back({producer.producer_id, producer.producer_epoch.value(),
                                           producer.last_sequence, producer.last_timestamp_ms,
                                           producer.coordinator_epoch,
                                           producer.current_txn_first_offset});
    }
  }
  reply(response);
}

}  // namespace moldau::api
