#pragma once
// Time that stands still until a test moves it.

#include <cstdint>

#include "moldau/base/clock.hpp"

namespace moldau::support {

/// Thread rule: one thread, or moved only while the others do not look.
class ManualClock final : public base::Clock {
 public:
  explicit ManualClock(std::int64_t wall_ms = 1'700'000'000'000) : wall_ms_(wall_ms) {}
  [[nodiscard]] base::SteadyTime now() const override { return now_; }
  [[nodiscard]] std::int64_t wall_ms() const override { return wall_ms_; }

  /// Time passes: both clocks move.
  void advance(base::Milliseconds by) {
    now_ += by;
    wall_ms_ += by.count();
  }
  /// Somebody sets the wall clock; durations do not notice.
  void set_wall_ms(std::int64_t wall_ms) { wall_ms_ = wall_ms; }

 private:
  base::SteadyTime now_{std::chrono::hours(1)};  // not the clock's zero, which could pass for "unset"
  std::int64_t wall_ms_;
};

}  // namespace moldau::support
