// FindCoordinator: on a single node it is this broker, once the topic that coordinators keep their state in is
// there.  The first who asks has it made.

#include <optional>
#include <string>
#include <utility>

#include "coordinator_topics.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;
using Coordinator = FindCoordinatorResponse::Coordinator;

constexpr std::int8_t group_key = 0;
constexpr std::int8_t transaction_key = 1;
constexpr std::int8_t share_key = 2;

std::optional<CoordinatorKind> kind_of(std::int8_t key_type) {
  switch (key_type) {
    case group_key: return CoordinatorKind::group;
    case transaction_key: return CoordinatorKind::transaction;
    default: return std::nullopt;
  }
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
                 CoordinatorKind kind, const std::optional<base::Error>& failure) {
  if (failure)
    return refused(std::move(key), ErrorCode::coordinator_not_available, failure->message);
  const auto image = services.metadata.image();
  const auto* self = image->find_broker(services.node_id);
  if (self == nullptr || image->find_topic(coordinator_topic(kind)) == nullptr)
    return refused(std::move(key), ErrorCode::coordinator_not_available,
                   std::string(coordinator_topic(kind)) + " is not there yet");
  Coordinator answer;
  answer.key = std::move(key);
  answer.node_id = services.node_id;
  const auto [host, port] = advertised(*self, context);
  answer.host = host;
  answer.port = port;
  answer.error_message = context.version >= 4 ? "" : "NONE";
  return answer;
}

template <class F>
FindCoordinatorResponse for_each_key(const RequestContext& context, FindCoordinatorRequest& request,
                                     F&& coordinator_of) {
  FindCoordinatorResponse response;
  if (context.version >= 4) {
    for (auto& key : request.coordinator_keys)
      response.coordinators.push_back(coordinator_of(std::move(key)));
    return response;
  }
  auto answer = coordinator_of(std::move(request.key));
  response.error_code = answer.error_code;
  response.error_message = std::move(answer.error_message);
  response.node_id = answer.node_id;
  response.host = std::move(answer.host);
  response.port = answer.port;
  return response;
}

}  // namespace

void find_coordinator(const Services& services, const RequestContext& context,
                      FindCoordinatorRequest request, Reply<FindCoordinatorResponse> reply) {
  const auto kind = kind_of(request.key_type);
  if (!kind) {
    reply(for_each_key(context, request, [&](std::string key) {
      return refused(std::move(key), ErrorCode::invalid_request,
                     request.key_type == share_key ? "share groups are not served by this broker"
                                                   : "there is no such type of coordinator");
    }));
    return;
  }
  // InitProducerId is what comes next.
  if (*kind == CoordinatorKind::transaction) services.producer_ids.prepare();
  with_coordinator_topic(services, *kind,
                         [&services, context, kind = *kind, request = std::move(request),
                          reply = std::move(reply)](std::optional<base::Error> failure) mutable {
                           reply(for_each_key(context, request, [&](std::string key) {
                             return find(services, context, std::move(key), kind, failure);
                           }));
                         });
}

}  // namespace moldau::api
