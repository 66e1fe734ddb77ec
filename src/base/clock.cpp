#include "moldau/base/clock.hpp"

namespace moldau::base {

SteadyTime SystemClock::now() const { return std::chrono::steady_clock::now(); }

std::int64_t SystemClock::wall_ms() const {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<Milliseconds>(since).count();
}

}  // namespace moldau::base
