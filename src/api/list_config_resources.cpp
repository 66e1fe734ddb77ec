// ListConfigResources (KIP-1142; version 0 lists client metrics only).

#include <algorithm>
#include <string>

#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

bool is_listed(std::int8_t type) {
  using enum metadata::ConfigResourceType;
  switch (static_cast<metadata::ConfigResourceType>(type)) {
    case topic:
    case broker:
    case broker_logger:
    case client_metrics:
    case group:
      return true;
    case unknown:
      break;
  }
  return false;
}

}  // namespace

void list_config_resources(const Services& services, const RequestContext& context,
                           protocol::ListConfigResourcesRequest request,
                           Reply<protocol::ListConfigResourcesResponse> reply) {
  using metadata::ConfigResourceType;
  protocol::ListConfigResourcesResponse response;
  const auto image = services.metadata.image();
  const auto& types = request.resource_types;
  const auto wants = [&](ConfigResourceType type) {
    if (context.version == 0) return type == ConfigResourceType::client_metrics;
    return types.empty() ||
           std::find(types.begin(), types.end(), static_cast<std::int8_t>(type)) != types.end();
  };
  const auto add = [&](std::string name, ConfigResourceType type) {
    if (wants(type)) response.config_resources.push_back({std::move(name),
                                                          static_cast<std::int8_t>(type)});
  };
  if (std::any_of(types.begin(), types.end(), [](std::int8_t type) { return !is_listed(type); })) {
    response.error_code = protocol::ErrorCode::unsupported_version;
    return reply(response);
  }
  for (const auto name : image->topic_names()) add(std::string(name), ConfigResourceType::topic);
  for (const auto& [id, broker] : image->brokers()) {
    add(std::to_string(id.value()), ConfigResourceType::broker);
    add(std::to_string(id.value()), ConfigResourceType::broker_logger);
  }
  image->for_each_config([&](const metadata::ConfigsOf& configs) {
    const auto type = configs.resource.type;
    if (type == ConfigResourceType::group || type == ConfigResourceType::client_metrics)
      add(configs.resource.name, type);
  });
  reply(response);
}

}  // namespace moldau::api
