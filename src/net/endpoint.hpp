#pragma once
// Socket addresses as text, and text as socket addresses.

#include <sys/socket.h>

#include <string>
#include <vector>

#include "moldau/base/result.hpp"
#include "moldau/net/frame_handler.hpp"

namespace moldau::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Endpoint endpoint_of(const SocketAddress& address);

/// Addresses to listen on at `host`, best first: an empty host is every address, IPv6 and IPv4
/// together where the system has IPv6.  Looks names up, so it may block.
base::Result<std::vector<SocketAddress>> listening_addresses(const std::string& host,
                                                             std::uint16_t port);

}  // namespace moldau::net
