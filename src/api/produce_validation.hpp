#pragma once
// A produced batch on its way to a partition: record/validation.hpp with a topic's configuration.

#include <optional>

#include "moldau/base/payload.hpp"
#include "moldau/base/result.hpp"
#include "moldau/metadata/topic_config.hpp"
#include "moldau/protocol/produce.hpp"

namespace moldau::api {

/// The one batch of `records`, checked against `config` and ready to append.
/// Writes what belongs in the answer besides the error: log_append_time_ms, record_errors.
base::Result<base::SharedBytes> prepare_batch(
    std::optional<base::Payload> records, const metadata::TopicConfig& config,
    std::int16_t produce_version, std::int64_t now_ms,
    protocol::ProduceResponse::Response::PartitionResponse& answer);

}  // namespace moldau::api
