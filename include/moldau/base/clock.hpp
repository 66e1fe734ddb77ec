#pragma once
// Time is passed in: nothing below server/ asks the system for it.

#include <chrono>
#include <cstdint>

namespace moldau::base {

using Milliseconds = std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic: for deadlines and durations.
  [[nodiscard]] virtual SteadyTime now() const = 0;
  /// Milliseconds since 1970, which may jump: for record timestamps and retention only.
  [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
};

/// The system's clock; one for the process, made by server/.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime now() const override;
  [[nodiscard]] std::int64_t wall_ms() const override;
};

}  // namespace moldau::base
