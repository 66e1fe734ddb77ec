// FindCoordinator: on a single node it is this broker, once the topic that coordinators keep their state in is
// there.  The first who asks has it made.

#include <algorithm>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"
#include "moldau/group/coordinator.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;
using Coordinator = FindCoordinatorResponse::Coordinator;

constexpr std::int8_t group_key = 0;
constexpr std::int8_t transaction_key = 1;
constexpr std::int8_t share_key = 2;

metadata::CreateTopicsRequest offsets_topic_of(const Services& services) {
  const auto config = services.config();
  std::size_t brokers = 0;
  for (const auto& [id, broker] : services.metadata.image()->brokers())
    if (!broker->fenced) ++brokers;
  metadata::CreateTopicsRequest create;
  auto& topic = create.topics.emplace_back();
  topic.name = group::offsets_topic;
  topic.num_partitions = static_cast<std::int32_t>(config.integer("offsets.topic.num.partitions"));
  // Kafka wants offsets.topic.replication.factor brokers and leaves a single node without groups until
  // somebody sets it to 1.
  topic.replication_factor = static_cast<std::int16_t>(
      std::min<std::int64_t>(config.integer("offsets.topic.replication.factor"),
                             static_cast<std::int64_t>(std::max<std::size_t>(1, brokers))));
  topic.configs = {{"cleanup.policy", "compact"},
                   {"compression.type", "producer"},
                   {"segment.bytes", std::to_string(config.integer("offsets.topic.segment.bytes"))}};
  return create;
}

Coordinator refused(std::string key, ErrorCode code, std::string message) {
  Coordinator answer;
  answer.key = std::move(key);
  answer.node_id = BrokerId{-1};
  answer.port = -1;
  answer.error_code = code;
  answer.error_message = std::move(message);
  return answer;
}

/// `failure`: why the topic could not be made, if it could not.
Coordinator find(const Services& services, const RequestContext& context, std::string key,
                 std::int8_t key_type, const std::optional<base::Error>& failure) {
  if (key_type == transaction_key)
    return refused(std::move(key), ErrorCode::coordinator_not_available,
                   "transactions are not served by this broker yet");
  if (key_type != group_key)
    return refused(std::move(key), ErrorCode::invalid_request,
                   key_type == share_key ? "share groups are not served by this broker"
                                         : "there is no such type of coordinator");
  if (failure)
    return refused(std::move(key), ErrorCode::coordinator_not_available, failure->message);
  const auto image = services.metadata.image();
  const auto* self = image->find_broker(services.node_id);
  if (self == nullptr || image->find_topic(group::offsets_topic) == nullptr)
    return refused(std::move(key), ErrorCode::coordinator_not_available,
                   "the topic of committed offsets is not there yet");
  Coordinator answer;
  answer.key = std::move(key);
  answer.node_id = services.node_id;
  const auto [host, port] = advertised(*self, context);
  answer.host = host;
  answer.port = port;
  answer.error_message = context.version >= 4 ? "" : "NONE";
  return answer;
}

FindCoordinatorResponse find_all(const Services& services, const RequestContext& context,
                                 FindCoordinatorRequest& request,
                                 const std::optional<base::Error>& failure) {
  FindCoordinatorResponse response;
  if (context.version >= 4) {
    for (auto& key : request.coordinator_keys)
      response.coordinators.push_back(
          find(services, context, std::move(key), request.key_type, failure));
    return response;
  }
  auto answer = find(services, context, std::move(request.key), request.key_type, failure);
  response.error_code = answer.error_code;
  response.error_message = std::move(answer.error_message);
  response.node_id = answer.node_id;
  response.host = std::move(answer.host);
  response.port = answer.port;
  return response;
}

std::optional<base::Error> failure_of(
    const base::Result<metadata::CreateTopicsResult>& created) {
  if (!created) return created.error();
  for (const auto& topic : created.value().topics)
    if (topic.error && topic.error->code != base::Errc::topic_already_exists) return topic.error;
  return std::nullopt;
}

}  // namespace

void find_coordinator(const Services& services, const RequestContext& context,
                      FindCoordinatorRequest request, Reply<FindCoordinatorResponse> reply) {
  const bool is_there = services.metadata.image()->find_topic(group::offsets_topic) != nullptr;
  if (request.key_type != group_key || is_there) {
    reply(find_all(services, context, request, std::nullopt));
    return;
  }
  services.controller.create_topics(
      offsets_topic_of(services), [&services, context, request = std::move(request),
                                   reply = std::move(reply)](auto created) mutable {
        reply(find_all(services, context, request, failure_of(created)));
      });
}

}  // namespace moldau::api
