#pragma once
// Calls of the coordinator of a group or of transactions, which may be about to be made or loaded.

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "client.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::cli {

constexpr int coordinator_tries_max = 100;
constexpr std::chrono::milliseconds coordinator_wait{100};

/// A coordinator that is being made or loaded.
inline bool is_passing(protocol::ErrorCode code) {
  return code == protocol::ErrorCode::coordinator_load_in_progress ||
         code == protocol::ErrorCode::coordinator_not_available;
}

/// A call that is repeated while the coordinator is not ready: `code_of` finds that in the answer.
template <class Response, class Request, class CodeOf>
base::Result<Response> call_coordinator(Client& client, const Request& request, CodeOf code_of,
                                        codec::Version version_max = any_version) {
  for (int tries = 1;; ++tries) {
    MOLDAU_ASSIGN(auto response, client.call<Response>(request, version_max));
    if (tries == coordinator_tries_max || !is_passing(code_of(response))) return response;
    std::this_thread::sleep_for(coordinator_wait);
  }
}

/// Of what FindCoordinator is asked.
enum class CoordinatorKind : std::int8_t { group = 0, transaction = 1 };

/// Who serves the group, or the transactional id; waits up to 10 s for it.
base::Result<BrokerId> find_coordinator(Client& client, CoordinatorKind kind,
                                        const std::string& key);

}  // namespace moldau::cli
