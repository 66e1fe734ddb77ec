#pragma once
#include <string>
#include <string_view>

#include "moldau/http/server.hpp"

namespace moldau::http {

/// Splits and decodes a request's target ("/path?a=b"); false when it is not one.
bool parse_target(std::string_view target, Request& request);

/// The host of a `Host` header, without port and brackets, in lower case.
std::string host_of(std::string_view header);

/// localhost, 127.0.0.0/8 and ::1.
bool is_loopback_host(std::string_view host);

}  // namespace moldau::http
