// Metadata, with automatic creation of topics.  Rules: protocol.md edge cases 9, 77; KIP-516, KIP-1102.

#include <algorithm>
#include <memory>
#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"
#include "moldau/metadata/controller.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::MetadataRequest;
using protocol::MetadataResponse;

MetadataResponse::Topic describe(const metadata::TopicImage& topic) {
  MetadataResponse::Topic answer;
  answer.name = topic.name;
  answer.topic_id = topic.id;
  answer.is_internal = metadata::is_internal_topic(topic.name);
  answer.partitions.reserve(topic.partitions.size());
  for (const auto& partition : topic.partitions) {
    auto& described = answer.partitions.emplace_back();
    described.partition_index = partition.index;
    described.leader_id = partition.leader;
    described.leader_epoch = partition.leader_epoch;
    described.replica_nodes = partition.replicas;
    described.isr_nodes = partition.isr;
    if (partition.leader == metadata::no_leader)
      described.error_code = ErrorCode::leader_not_available;
  }
  return answer;
}

MetadataResponse::Topic failed(std::optional<std::string> name, const TopicId& id,
                               ErrorCode error) {
  MetadataResponse::Topic answer;
  answer.name = std::move(name);
  answer.topic_id = id;
  answer.error_code = error;
  if (answer.name) answer.is_internal = metadata::is_internal_topic(*answer.name);
  return answer;
}

bool wants_all(const MetadataRequest& request, std::int16_t version) {
  return !request.topics || (version == 0 && request.topics->empty());
}

/// `refusals`: why the controller did not create what was missing.
MetadataResponse build(const Services& services, const RequestContext& context,
                       const MetadataRequest& request,
                       const metadata::CreateTopicsResult* created) {
  const auto image = services.metadata.image();
  MetadataResponse response;
  response.cluster_id = services.cluster_id;
  response.controller_id = services.node_id;
  for (const auto& [id, broker] : image->brokers()) {
    if (broker->fenced) continue;
    const auto [host, port] = advertised(*broker, context);
    response.brokers.push_back({id, host, port, broker->rack});
  }
  if (wants_all(request, context.version)) {
    response.topics.reserve(image->topic_count());
    for (const auto name : image->topic_names())
      response.topics.push_back(describe(*image->find_topic(name)));
    return response;
  }
  for (const auto& wanted : *request.topics) {
    const auto* topic = wanted.name ? image->find_topic(*wanted.name)
                                    : image->find_topic(wanted.topic_id);
    if (topic != nullptr) {
      response.topics.push_back(describe(*topic));
    } else if (!wanted.name) {
      response.topics.push_back(
          failed(std::nullopt, wanted.topic_id, ErrorCode::unknown_topic_id));
    } else {
      auto code = metadata::invalid_topic_name(*wanted.name).empty()
                      ? ErrorCode::unknown_topic_or_partition
                      : ErrorCode::invalid_topic_exception;
      if (created != nullptr)
        for (const auto& item : created->topics)
          if (item.name == *wanted.name && item.error) code = error_code(item.error->code);
      response.topics.push_back(failed(wanted.name, TopicId{}, code));
    }
  }
  return response;
}

metadata::CreateTopicsRequest missing_topics(const Services& services,
                                             const RequestContext& context,
                                             const MetadataRequest& request) {
  metadata::CreateTopicsRequest create;
  if (wants_all(request, context.version)) return create;
  // Versions 0 to 3 have no flag: they always ask for it.
  if (context.version >= 4 && !request.allow_auto_topic_creation) return create;
  const auto image = services.metadata.image();
  for (const auto& wanted : *request.topics) {
    if (!wanted.name || image->find_topic(*wanted.name) != nullptr) continue;
    const bool named = std::any_of(create.topics.begin(), create.topics.end(),
                                   [&](const auto& topic) { return topic.name == *wanted.name; });
    if (named) continue;
    metadata::CreateTopicsRequest::Topic topic;
    topic.name = *wanted.name;
    create.topics.push_back(std::move(topic));
  }
  if (!create.topics.empty() && !services.config().flag("auto.create.topics.enable"))
    create.topics.clear();
  return create;
}

}  // namespace

void metadata(const Services& services, const RequestContext& context, MetadataRequest request,
              Reply<MetadataResponse> reply) {
  auto create = missing_topics(services, context, request);
  if (create.topics.empty()) {
    reply(build(services, context, request, nullptr));
    return;
  }
  // Kafka answers at once and lets the client ask again; creation takes a few milliseconds here, so the
  // answer waits and the first produce does not have to retry.
  services.controller.create_topics(
      std::move(create), [&services, context, request = std::move(request),
                          reply = std::move(reply)](auto result) mutable {
        reply(build(services, context, request, result ? &result.value() : nullptr));
      });
}

}  // namespace moldau::api
