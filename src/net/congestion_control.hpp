#pragma once
// TCP's congestion control of one socket; see check_congestion_control in moldau/net/listener.hpp.

#include <string>

#include "moldau/base/result.hpp"

namespace moldau::net {

/// Gives `socket` the algorithm `name`; sockets accepted from it take it over.
base::Status set_congestion_control(int socket, const std::string& name);

/// What setsockopt's `error` says of `name`, with what the kernel has or allows.
base::Error congestion_control_refusal(const std::string& name, int error);

}  // namespace moldau::net
