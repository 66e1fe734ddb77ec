// ElectLeaders (KIP-183, KIP-460), through the controller.

#include <map>
#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void elect_leaders(const Services& services, const RequestContext&,
                   protocol::ElectLeadersRequest request,
                   Reply<protocol::ElectLeadersResponse> reply) {
  metadata::ElectLeadersRequest elect;
  elect.type = static_cast<metadata::ElectLeadersRequest::Type>(request.election_type);
  if (request.topic_partitions) {
    elect.partitions.emplace();
    for (const auto& topic : *request.topic_partitions)
      for (const PartitionIndex index : topic.partitions)
        elect.partitions->push_back({topic.topic, index});
  }
  services.controller.elect_leaders(
      std::move(elect), [reply = std::move(reply)](auto result) mutable {
        protocol::ElectLeadersResponse response;
        if (!result) {
          response.error_code = error_code(result.error().code);
          reply(response);
          return;
        }
        std::map<std::string, protocol::ElectLeadersResponse::ReplicaElectionResult> topics;
        for (const auto& item : result.value().partitions) {
          auto& topic = topics[item.partition.topic];
          topic.topic = item.partition.topic;
          auto& answer = topic.partition_result.emplace_back();
          answer.partition_id = item.partition.partition;
          answer.error_message.reset();
          if (!item.error) continue;
          answer.error_code = error_code(item.error->code);
          answer.error_message = item.error->message;
        }
        for (auto& [name, topic] : topics)
          response.replica_election_results.push_back(std::move(topic));
        reply(response);
      });
}

}  // namespace moldau::api
