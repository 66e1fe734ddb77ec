#pragma once
// Times and durations as people write them on a command line.

#include <cstdint>
#include <string>

#include "moldau/base/result.hpp"

namespace moldau::cli {

/// Milliseconds since 1970 of "2026-01-31T12:00", with ":30" or ":30.250" after it where wanted,
/// and "Z", "+02:00" or "-0530"; without a zone it is UTC.  A date alone is its midnight, a number
/// is milliseconds already.  Errors: invalid_argument.
base::Result<std::int64_t> parse_time_ms(const std::string& text);

/// Milliseconds of "90s", "15m", "2h", "7d", "500ms", several of them in a row ("1h30m"), or of ISO
/// 8601's "P1DT2H30M5S".  Errors: invalid_argument.
base::Result<std::int64_t> parse_duration_ms(const std::string& text);

/// "2026-01-31T12:00:30.250Z"
std::string time_text(std::int64_t time_ms);

/// "850ms", "12s", "5m3s", "2h4m", "3d1h": its two largest units; "0ms" where it is negative.
std::string duration_text(std::int64_t duration_ms);

}  // namespace moldau::cli
