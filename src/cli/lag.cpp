#include "lag.hpp"

#include <algorithm>

namespace moldau::cli {

std::int64_t lag_records(Offset committed, Offset end) {
  return std::max<std::int64_t>(0, end - committed);
}

std::optional<std::int64_t> lag_seconds(std::int64_t timestamp_ms, std::int64_t now_ms) {
  if (timestamp_ms < 0) return std::nullopt;
  return std::max<std::int64_t>(0, now_ms - timestamp_ms) / 1000;
}

}  // namespace moldau::cli
