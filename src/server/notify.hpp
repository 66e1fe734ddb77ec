#pragma once
#include <string_view>

namespace moldau::server {

/// Tells systemd (sd_notify's protocol: a datagram to $NOTIFY_SOCKET); nothing without one.
void notify_systemd(std::string_view state);

}  // namespace moldau::server
