// DeleteTopics, by name or (from version 6 on) by id.

#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void delete_topics(const Services& services, const RequestContext& context,
                   protocol::DeleteTopicsRequest request,
                   Reply<protocol::DeleteTopicsResponse> reply) {
  metadata::DeleteTopicsRequest remove;
  for (const auto& name : request.topic_names) remove.topics.push_back({name, TopicId{}});
  for (const auto& topic : request.topics)
    remove.topics.push_back({topic.name.value_or(""), topic.topic_id});
  const auto asked = remove.topics;
  services.controller.delete_topics(
      std::move(remove), [asked, version = context.version, reply = std::move(reply)](
                             auto result) mutable {
        protocol::DeleteTopicsResponse response;
        const auto add = [&](const std::string& name, const TopicId& id,
                             const metadata::ItemError& error) {
          auto& answer = response.responses.emplace_back();
          answer.name = name;
          if (name.empty() && version >= 6) answer.name.reset();
          answer.topic_id = id;
          if (!error) return;
          answer.error_code = error_code(error->code);
          answer.error_message = error->message;
        };
        if (result) {
          for (const auto& topic : result.value().topics) add(topic.name, topic.id, topic.error);
        } else {
          for (const auto& topic : asked) add(topic.name, topic.id, result.error());
        }
        reply(response);
      });
}

}  // namespace moldau::api
