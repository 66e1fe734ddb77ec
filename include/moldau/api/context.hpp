#pragma once
// What a handler may know of the request it answers.

#include <cstdint>
#include <string>

#include "moldau/base/clock.hpp"
#include "moldau/base/loop.hpp"
#include "moldau/protocol/api_key.hpp"

namespace moldau::api {

/// A host as a client can reach it, and a port.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// One request's facts: a small value, not a bag of services.
struct RequestContext {
  protocol::ApiKey api_key{};
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::string client_id;
  std::uint64_t connection_id = 0;
  std::string listener;
  HostPort local;              // the address that the client's connection came in on
  std::string remote;          // for logs
  base::SteadyTime received{};
  base::Loop* loop = nullptr;  // where the connection lives; outlives the request
};

}  // namespace moldau::api
