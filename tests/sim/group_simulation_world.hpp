#pragma once
// The world of the group simulation: one broker's group machine, a network that loses and delays,
// time and dice.  All of it follows from the seed. Thread rule: one thread.

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/group_host.hpp"

namespace moldau::group::sim {

using namespace std::chrono_literals;
using base::Milliseconds;
using protocol::ErrorCode;

/// An invariant does not hold.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class World {
 public:
  World(std::uint64_t seed, std::size_t trace_lines_max)
      : host(seed), dice_(seed * 0x9E3779B97F4A7C15ULL + 1), trace_lines_max_(trace_lines_max) {}

  GroupHost host;
  /// Nothing breaks any more: what is to hold in the end has to come about now.
  bool is_quiet = false;
  void become_quiet() {
    is_quiet = true;
    quiet_since_ = host.now().steady;
    trace("quiet from now on");
  }
  [[nodiscard]] base::SteadyTime::duration quiet_for() const {
    return host.now().steady - quiet_since_;
  }
  /// Called after every step of the machine.
  std::function<void()> after_step;

  [[nodiscard]] int between(int low, int high) {
    return low + static_cast<int>(dice_() % static_cast<std::uint64_t>(high - low + 1));
  }
  [[nodiscard]] bool chance(int percent) { return between(1, 100) <= percent; }
  /// Of things that go wrong.
  [[nodiscard]] bool mishap(int percent) { return !is_quiet && chance(percent); }
  [[nodiscard]] Milliseconds latency() { return Milliseconds{between(0, 40)}; }

  void after(Milliseconds delay, std::function<void()> event) {
    events_.emplace(host.now().steady + delay, std::move(event));
  }

  /// One step of the machine; it is durable, and its answers run, at the end of a tick.
  void step(const GroupHost::StepFunction& function) {
    host.run(function);
    stepped();
  }
  void write_marker(const coordinator::Marker& marker, base::Task when_durable) {
    host.write_marker(marker, std::move(when_durable));
    stepped();
  }

  /// Time goes on to `end`; what is due meanwhile happens, in order.
  void run_until(base::SteadyTime end) {
    for (;;) {
      const auto due = host.machine().deadlines().next();
      const auto deadline = due ? *due : base::SteadyTime::max();
      const auto event = events_.empty() ? base::SteadyTime::max() : events_.begin()->first;
      const auto next = std::min(deadline, event);
      if (next > end) break;
      move_to(next);
      if (deadline <= event) {
        step([this](Machine& machine, Step& s) { machine.expire(s, host.now().steady); });
      } else {
        const auto happening = std::move(events_.extract(events_.begin()).mapped());
        happening();
      }
    }
    move_to(end);
  }

  /// The lines of the last things that happened, for whoever looks into a failure.
  template <class... Parts>
  void trace(const Parts&... parts) {
    if (trace_lines_max_ == 0) return;
    std::string line = std::to_string((host.now().steady - start_) / 1ms) + " ms: ";
    ((line += text(parts)), ...);
    lines_.push_back(std::move(line));
    if (lines_.size() > trace_lines_max_) lines_.pop_front();
  }
  [[nodiscard]] const std::deque<std::string>& lines() const { return lines_; }

 private:
  static std::string text(const std::string& s) { return s; }
  static std::string text(const char* s) { return s; }
  static std::string text(std::string_view s) { return std::string(s); }
  static std::string text(std::int64_t n) { return std::to_string(n); }
  static std::string text(std::int32_t n) { return std::to_string(n); }
  static std::string text(std::size_t n) { return std::to_string(n); }

  void stepped() {
    after_step();
    if (flush_is_due_) return;
    flush_is_due_ = true;
    after(Milliseconds{between(0, 12)}, [this] {
      flush_is_due_ = false;
      host.flush();
    });
  }
  void move_to(base::SteadyTime when) {
    if (when > host.now().steady)
      host.advance(std::chrono::duration_cast<Milliseconds>(when - host.now().steady));
  }

  std::multimap<base::SteadyTime, std::function<void()>> events_;
  std::mt19937_64 dice_;
  base::SteadyTime quiet_since_{};
  bool flush_is_due_ = false;
  const std::size_t trace_lines_max_;
  std::deque<std::string> lines_;
  const base::SteadyTime start_ = host.now().steady;
};

}  // namespace moldau::group::sim
