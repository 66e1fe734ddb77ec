#pragma once
// Keeps what clients can provoke from filling the log.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "moldau/base/clock.hpp"

namespace moldau::net {

/// Lines of each kind: a few at once, then one a second.  Thread rule: one thread.
class LogLimiter {
 public:
  enum Kind : std::size_t { bad_frame, wrong_protocol, refused, cut, descriptors, io, kinds };

  /// Whether a line of `kind` may be written now; `suppressed` is how many were not since the last.
  bool allow(Kind kind, base::SteadyTime now, std::uint64_t& suppressed) {
    State& state = states_[kind];
    if (now - state.refilled >= std::chrono::seconds(1)) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - state.refilled);
      state.tokens = std::min<std::int64_t>(burst, state.tokens + seconds.count());
      state.refilled = now;
    }
    if (state.tokens == 0) {
      ++state.suppressed;
      return false;
    }
    --state.tokens;
    suppressed = state.suppressed;
    state.suppressed = 0;
    return true;
  }

 private:
  static constexpr std::int64_t burst = 5;
  struct State {
    std::int64_t tokens = burst;
    base::SteadyTime refilled{};
    std::uint64_t suppressed = 0;
  };
  std::array<State, kinds> states_{};
};

}  // namespace moldau::net
