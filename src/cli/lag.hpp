#pragma once
// What lag is, in records and in time.

#include <cstdint>
#include <optional>

#include "moldau/base/ids.hpp"

namespace moldau::cli {

/// Records between the two; 0 when `committed` is beyond the end, as of a topic that was made anew.
std::int64_t lag_records(Offset committed, Offset end);

/// Whole seconds since `timestamp_ms`, 0 for one of the future; nullopt for a negative one, which
/// says that there is none.
std::optional<std::int64_t> lag_seconds(std::int64_t timestamp_ms, std::int64_t now_ms);

}  // namespace moldau::cli
