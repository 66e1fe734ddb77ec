#pragma once
// What AlterConfigs and IncrementalAlterConfigs share: asking the controller and answering.

#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

template <class Response>
void change_configs(const Services& services, metadata::AlterConfigsRequest alter,
                    Reply<Response> reply) {
  std::vector<metadata::ConfigResource> asked;
  for (const auto& resource : alter.resources) asked.push_back(resource.resource);
  services.controller.alter_configs(
      std::move(alter), [asked, reply = std::move(reply)](auto result) mutable {
        Response response;
        const auto add = [&](const metadata::ConfigResource& resource,
                             const metadata::ItemError& error) {
          auto& answer = response.responses.emplace_back();
          answer.resource_type = static_cast<std::int8_t>(resource.type);
          answer.resource_name = resource.name;
          answer.error_message.reset();
          if (!error) return;
          answer.error_code = error_code(error->code);
          answer.error_message = error->message;
        };
        if (result) {
          for (const auto& item : result.value().resources) add(item.resource, item.error);
        } else {
          for (const auto& resource : asked) add(resource, result.error());
        }
        reply(response);
      });
}

}  // namespace moldau::api
