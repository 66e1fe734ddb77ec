#pragma once
// Domain errors to wire codes: the one place (style: lower layers never see a code).

#include <cstdint>

#include "moldau/base/error.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::api {

/// Never unknown_server_error for what a produce can meet: clients that see it may send twice
/// (KAFKA-14034).
protocol::ErrorCode error_code(base::Errc error);

/// What a client is told whose request is of `version`: of an API that has producer_fenced only from
/// `first_that_knows` on, and had invalid_producer_epoch for it before.
protocol::ErrorCode known_to_client(protocol::ErrorCode code, std::int16_t version,
                                    std::int16_t first_that_knows);

}  // namespace moldau::api
