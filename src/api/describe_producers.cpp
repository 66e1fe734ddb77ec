// DescribeProducers (KIP-664, edge case 72).

#include "moldau/api/handlers.hpp"
#include "moldau/metadata/controller.hpp"

namespace moldau::api {
namespace {

using protocol::DescribeProducersResponse;
using protocol::ErrorCode;

/// What is wrong with every partition of the topic.
void check_topic(const metadata::MetadataImage& image, const std::string& name,
                 DescribeProducersResponse::Topic::Partition& answer) {
  if (auto reason = metadata::invalid_topic_name(name); !reason.empty()) {
    answer.error_code = ErrorCode::invalid_topic_exception;
    answer.error_message = std::move(reason);
  } else if (image.find_topic(name) == nullptr) {
    answer.error_code = ErrorCode::unknown_topic_or_partition;
    answer.error_message = "This server does not host this topic-partition.";
  }
}

}  // namespace

void describe_producers(const Services& services, const RequestContext&,
                        protocol::DescribeProducersRequest request,
                        Reply<DescribeProducersResponse> reply) {
  const auto image = services.metadata.image();
  DescribeProducersResponse response;
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const PartitionIndex index : topic.partition_indexes) {
      auto& answer = answered.partitions.emplace_back();
      answer.partition_index = index;
      check_topic(*image, topic.name, answer);
      if (answer.error_code != ErrorCode::none) continue;
      const auto partition = services.partitions.find(topic.name, index);
      if (partition == nullptr) {
        answer.error_code = ErrorCode::unknown_topic_or_partition;
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
