#pragma once
// Look-ups that have to open a batch and go through its records.

#include <optional>

#include "moldau/base/bytes.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/log.hpp"

namespace moldau::storage {

/// The first record at or above `from` whose timestamp is at least `target_ms`.
base::Result<std::optional<TimestampOffset>> find_timestamp_in_batch(base::ByteView batch,
                                                                     std::int64_t target_ms,
                                                                     Offset from);

}  // namespace moldau::storage
