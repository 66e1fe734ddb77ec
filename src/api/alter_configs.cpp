// AlterConfigs of old: what is not named goes back to its default (KIP-133).

#include "config_changes.hpp"

namespace moldau::api {

void alter_configs(const Services& services, const RequestContext&,
                   protocol::AlterConfigsRequest request,
                   Reply<protocol::AlterConfigsResponse> reply) {
  metadata::AlterConfigsRequest alter;
  alter.replace_all = true;
  alter.validate_only = request.validate_only;
  for (const auto& resource : request.resources) {
    auto& wanted = alter.resources.emplace_back();
    wanted.resource = {static_cast<metadata::ConfigResourceType>(resource.resource_type),
                       resource.resource_name};
    for (const auto& config : resource.configs)
      wanted.changes.push_back({config.name, metadata::AlterOperation::set, config.value});
  }
  change_configs(services, std::move(alter), std::move(reply));
}

}  // namespace moldau::api
