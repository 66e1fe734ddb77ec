// IncrementalAlterConfigs (KIP-339).

#include "config_changes.hpp"

namespace moldau::api {

void incremental_alter_configs(const Services& services, const RequestContext&,
                               protocol::IncrementalAlterConfigsRequest request,
                               Reply<protocol::IncrementalAlterConfigsResponse> reply) {
  metadata::AlterConfigsRequest alter;
  alter.validate_only = request.validate_only;
  for (const auto& resource : request.resources) {
    auto& wanted = alter.resources.emplace_back();
    wanted.resource = {static_cast<metadata::ConfigResourceType>(resource.resource_type),
                       resource.resource_name};
    for (const auto& config : resource.configs)
      wanted.changes.push_back({config.name,
                                static_cast<metadata::AlterOperation>(config.config_operation),
                                config.value});
  }
  change_configs(services, std::move(alter), std::move(reply));
}

}  // namespace moldau::api
