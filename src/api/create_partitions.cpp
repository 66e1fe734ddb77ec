// CreatePartitions, through the controller.

#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void create_partitions(const Services& services, const RequestContext&,
                       protocol::CreatePartitionsRequest request,
                       Reply<protocol::CreatePartitionsResponse> reply) {
  metadata::CreatePartitionsRequest create;
  create.validate_only = request.validate_only;
  for (const auto& topic : request.topics) {
    auto& wanted = create.topics.emplace_back();
    wanted.name = topic.name;
    wanted.count = topic.count;
    if (!topic.assignments) continue;
    wanted.assignments.emplace();
    for (const auto& assignment : *topic.assignments)
      wanted.assignments->push_back(assignment.broker_ids);
  }
  const auto asked = create.topics;
  services.controller.create_partitions(
      std::move(create), [asked, reply = std::move(reply)](auto result) mutable {
        protocol::CreatePartitionsResponse response;
        const auto add = [&](const std::string& name, const metadata::ItemError& error) {
          auto& answer = response.results.emplace_back();
          answer.name = name;
          if (!error) return;
          answer.error_code = error_code(error->code);
          answer.error_message = error->message;
        };
        if (result) {
          for (const auto& topic : result.value().topics) add(topic.name, topic.error);
        } else {
          for (const auto& topic : asked) add(topic.name, result.error());
        }
        reply(response);
      });
}

}  // namespace moldau::api
