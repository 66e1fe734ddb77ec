// DescribeConfigs, from the one option table (KIP-133, KIP-226, KIP-569).  Rules: protocol.md edge case 80.

#include <algorithm>
#include <charconv>
#include <string>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using metadata::ConfigEntry;
using metadata::ConfigResourceType;
using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using Wanted = DescribeConfigsRequest::Resource;

base::Result<std::vector<ConfigEntry>> entries_of(const Services& services, const Wanted& wanted) {
  const auto image = services.metadata.image();
  switch (static_cast<ConfigResourceType>(wanted.resource_type)) {
    case ConfigResourceType::topic:
      if (image->find_topic(wanted.resource_name) == nullptr)
        return base::fail(base::Errc::unknown_topic, "");
      return metadata::describe_topic(
          services.config(), image->find_configs(ConfigResourceType::topic, wanted.resource_name));
    case ConfigResourceType::broker: {
      if (wanted.resource_name.empty()) return metadata::describe_cluster_default(*image);
      if (wanted.resource_name == std::to_string(services.node_id.value()))
        return metadata::describe_broker(services.config());
      return base::fail(base::Errc::invalid_request,
                        "Unexpected broker id, expected " +
                            std::to_string(services.node_id.value()) + " or empty string, but received " +
                            wanted.resource_name);
    }
    case ConfigResourceType::broker_logger: return std::vector<ConfigEntry>{};
    case ConfigResourceType::group:
      if (wanted.resource_name.empty())
        return base::fail(base::Errc::invalid_request, "Group name must not be empty");
      return metadata::describe_group(
          services.config(), image->find_configs(ConfigResourceType::group, wanted.resource_name));
    case ConfigResourceType::client_metrics:
      if (wanted.resource_name.empty())
        return base::fail(base::Errc::invalid_request,
                          "Client metrics subscription name must not be empty");
      return metadata::describe_client_metrics(
          services.config(),
          image->find_configs(ConfigResourceType::client_metrics, wanted.resource_name));
    default:
      return base::fail(base::Errc::invalid_request,
                        "Unsupported resource type: " + std::to_string(wanted.resource_type));
  }
}

DescribeConfigsResponse::Result::Config to_wire(const ConfigEntry& entry,
                                                const DescribeConfigsRequest& request) {
  DescribeConfigsResponse::Result::Config config;
  config.name = entry.name;
  config.value = entry.value;
  config.read_only = entry.read_only;
  config.is_default = entry.source == metadata::ConfigSource::default_value;
  config.config_source = static_cast<std::int8_t>(entry.source);
  config.is_sensitive = entry.sensitive;
  config.config_type = static_cast<std::int8_t>(entry.type);
  config.documentation.reset();
  if (request.include_documentation) config.documentation = std::string(entry.documentation);
  if (request.include_synonyms)
    for (const auto& synonym : entry.synonyms)
      config.synonyms.push_back(
          {synonym.name, synonym.value, static_cast<std::int8_t>(synonym.source)});
  return config;
}

}  // namespace

void describe_configs(const Services& services, const RequestContext&,
                      DescribeConfigsRequest request, Reply<DescribeConfigsResponse> reply) {
  DescribeConfigsResponse response;
  for (const auto& wanted : request.resources) {
    auto& answer = response.results.emplace_back();
    answer.resource_type = wanted.resource_type;
    answer.resource_name = wanted.resource_name;
    const auto entries = entries_of(services, wanted);
    if (!entries) {
      answer.error_code = error_code(entries.error().code);
      answer.error_message = entries.error().message;
      continue;
    }
    for (const auto& entry : entries.value()) {
      const auto& keys = wanted.configuration_keys;
      // Version 0 to 4: null asks for all; so does an empty list in Kafka.
      if (keys && !keys->empty() && std::find(keys->begin(), keys->end(), entry.name) == keys->end())
        continue;
      answer.configs.push_back(to_wire(entry, request));
    }
  }
  reply(response);
}

}  // namespace moldau::api
