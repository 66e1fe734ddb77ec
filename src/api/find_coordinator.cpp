// FindCoordinator: there are no coordinators yet, and clients are told so in a way that they retry.

#include "moldau/api/handlers.hpp"

namespace moldau::api {

void find_coordinator(const Services&, const RequestContext& context,
                      protocol::FindCoordinatorRequest request,
                      Reply<protocol::FindCoordinatorResponse> reply) {
  using protocol::ErrorCode;
  constexpr const char* reason = "groups and transactions are not served by this broker yet";
  protocol::FindCoordinatorResponse response;
  if (context.version >= 4) {
    for (auto& key : request.coordinator_keys) {
      auto& answer = response.coordinators.emplace_back();
      answer.key = std::move(key);
      answer.node_id = BrokerId{-1};
      answer.port = -1;
      answer.error_code = ErrorCode::coordinator_not_available;
      answer.error_message = reason;
    }
  } else {
    response.error_code = ErrorCode::coordinator_not_available;
    response.error_message = reason;
    response.node_id = BrokerId{-1};
    response.port = -1;
  }
  reply(response);
}

}  // namespace moldau::api
