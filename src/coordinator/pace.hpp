#pragma once
// Whether so much is asked that waiting a moment before an append makes one of many.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

#include "moldau/base/clock.hpp"

namespace moldau::coordinator {

/// Shared by the shards.  Appends that come thick and fast are put off to the next of common moments, at
/// which all shards of a loop append, so that one commit of the lane, one wake-up and one sending serve
/// them all.  Below that rate nothing is put off: one client that commits and waits, or a few, never are.
/// Thread rule: any thread.  Counts are taken without a lock; a lost one changes nothing that matters.
class Pace {
 public:
  /// Something is to be appended: at once (nullopt), or at the moment given.
  std::optional<base::SteadyTime> next_append(base::SteadyTime now) {
    const std::int64_t tick = now.time_since_epoch() / window;
    if (tick_.exchange(tick, std::memory_order_relaxed) != tick) {
      is_busy_.store(count_.exchange(0, std::memory_order_relaxed) >= busy_from,
                     std::memory_order_relaxed);
    }
    count_.fetch_add(1, std::memory_order_relaxed);
    if (!is_busy_.load(std::memory_order_relaxed)) return std::nullopt;
    return base::SteadyTime((now.time_since_epoch() / moment + 1) * moment);
  }

 private:
  static constexpr std::chrono::milliseconds window{10};
  static constexpr std::chrono::milliseconds moment{5};
  /// Five thousand a second, which clients that wait for one another's answers do not reach.
  static constexpr std::uint32_t busy_from = 50;

  std::atomic<std::int64_t> tick_{0};
  std::atomic<std::uint32_t> count_{0};
  std::atomic<bool> is_busy_{false};
};

}  // namespace moldau::coordinator
