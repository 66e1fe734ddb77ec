// ListPartitionReassignments (KIP-455): a single node never has one under way.

#include "moldau/api/handlers.hpp"

namespace moldau::api {

void list_partition_reassignments(const Services& services, const RequestContext&,
                                  protocol::ListPartitionReassignmentsRequest request,
                                  Reply<protocol::ListPartitionReassignmentsResponse> reply) {
  protocol::ListPartitionReassignmentsResponse response;
  response.error_message.reset();
  const auto image = services.metadata.image();
  const auto add = [&](const metadata::TopicImage& topic, PartitionIndex index) {
    const auto* partition = topic.find(index);
    if (partition == nullptr) return;
    if (partition->adding_replicas.empty() && partition->removing_replicas.empty()) return;
    if (response.topics.empty() || response.topics.back().name != topic.name)
      response.topics.push_back({topic.name, {}});
    response.topics.back().partitions.push_back({index, partition->replicas,
                                                 partition->adding_replicas,
                                                 partition->removing_replicas});
  };
  if (request.topics) {
    for (const auto& wanted : *request.topics)
      if (const auto* topic = image->find_topic(wanted.name))
        for (const PartitionIndex index : wanted.partition_indexes) add(*topic, index);
  } else {
    for (const auto name : image->topic_names()) {
      const auto* topic = image->find_topic(name);
      for (const auto& partition : topic->partitions) add(*topic, partition.index);
    }
  }
  reply(response);
}

}  // namespace moldau::api
