#pragma once
// What code below `net` may ask of an event loop and of the helper threads, without knowing Asio.

#include <cstdint>

#include "moldau/base/clock.hpp"
#include "moldau/base/function.hpp"

namespace moldau::base {

/// Runs tasks of one kind.  post() may be called from any thread.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void post(Task task) = 0;
};

/// One event loop: one thread.  Thread rule: post() from anywhere, the rest on the loop only.
class Loop : public Executor {
 public:
  using TimerId = std::uint64_t;  // 0 is no timer.
  /// Runs `task` on this loop at `when` or soon after, unless cancelled.
  virtual TimerId call_at(SteadyTime when, Task task) = 0;
  virtual void cancel(TimerId timer) = 0;
  [[nodiscard]] virtual bool is_current() const = 0;
  [[nodiscard]] virtual int index() const = 0;
};

}  // namespace moldau::base
