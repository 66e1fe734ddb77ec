#pragma once
// Domain errors to wire codes: the one place (style: lower layers never see a code).

#include "moldau/base/error.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::api {

/// Never unknown_server_error for what a produce can meet: clients that see it may send twice
/// (KAFKA-14034).
protocol::ErrorCode error_code(base::Errc error);

}  // namespace moldau::api
