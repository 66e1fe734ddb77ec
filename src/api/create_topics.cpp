// CreateTopics, through the controller.

#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;

metadata::CreateTopicsRequest to_domain(const CreateTopicsRequest& request) {
  metadata::CreateTopicsRequest create;
  create.validate_only = request.validate_only;
  for (const auto& topic : request.topics) {
    auto& wanted = create.topics.emplace_back();
    wanted.name = topic.name;
    wanted.num_partitions = topic.num_partitions;
    wanted.replication_factor = topic.replication_factor;
    for (const auto& assignment : topic.assignments)
      wanted.assignments.push_back({assignment.partition_index, assignment.broker_ids});
    for (const auto& config : topic.configs) wanted.configs.emplace_back(config.name, config.value);
  }
  return create;
}

CreateTopicsResponse::Topic to_wire(const metadata::CreateTopicsResult::Topic& topic) {
  CreateTopicsResponse::Topic answer;
  answer.name = topic.name;
  answer.error_message.reset();
  if (topic.error) {
    answer.error_code = error_code(topic.error->code);
    answer.error_message = topic.error->message;
    return answer;
  }
  answer.topic_id = topic.id;
  answer.num_partitions = topic.num_partitions;
  answer.replication_factor = topic.replication_factor;
  for (const auto& config : topic.configs)
    answer.configs->push_back({config.name, config.value, config.read_only,
                               static_cast<std::int8_t>(config.source), config.sensitive});
  return answer;
}

}  // namespace

void create_topics(const Services& services, const RequestContext&, CreateTopicsRequest request,
                   Reply<CreateTopicsResponse> reply) {
  auto create = to_domain(request);
  services.controller.create_topics(
      std::move(create),
      [request = std::move(request), reply = std::move(reply)](auto result) mutable {
        CreateTopicsResponse response;
        if (result) {
          for (const auto& topic : result.value().topics) response.topics.push_back(to_wire(topic));
        } else {
          for (const auto& topic : request.topics) {
            metadata::CreateTopicsResult::Topic failed;
            failed.name = topic.name;
            failed.error = result.error();
            response.topics.push_back(to_wire(failed));
          }
        }
        reply(response);
      });
}

}  // namespace moldau::api
