#include "coordinator_call.hpp"

#include "moldau/protocol/find_coordinator.hpp"

namespace moldau::cli {

base::Result<BrokerId> find_coordinator(Client& client, CoordinatorKind kind,
                                        const std::string& key) {
  using Response = protocol::FindCoordinatorResponse;
  protocol::FindCoordinatorRequest request;
  request.key = key;
  request.key_type = static_cast<std::int8_t>(kind);
  request.coordinator_keys = {key};
  const auto code_of = [](const Response& response) {
    return response.coordinators.empty() ? response.error_code
                                         : response.coordinators.front().error_code;
  };
  MOLDAU_ASSIGN(const auto response, call_coordinator<Response>(client, request, code_of));
  if (const auto code = code_of(response); code != protocol::ErrorCode::none)
    return refusal("coordinator of '" + key + "'", code);
  return response.coordinators.empty() ? response.node_id : response.coordinators.front().node_id;
}

}  // namespace moldau::cli
