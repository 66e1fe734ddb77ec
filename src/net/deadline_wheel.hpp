#pragma once
// Deadlines of connections: cheap to extend (nothing is done), looked at when the earliest possible
// one has come.

#include <array>
#include <cstddef>
#include <cstdint>

#include "moldau/base/loop.hpp"

namespace moldau::net {

/// What has deadlines.  A node of one bucket's ring, or of none.
class DeadlineNode {
 public:
  /// Acts on deadlines that have passed; the next one, or `no_deadline`.
  virtual base::SteadyTime check_deadlines(base::SteadyTime now) = 0;

 protected:
  ~DeadlineNode() = default;

 private:
  friend class DeadlineWheel;
  DeadlineNode* next_ = nullptr;
  DeadlineNode* previous_ = nullptr;
  std::int64_t tick_ = 0;
};

constexpr base::SteadyTime no_deadline = base::SteadyTime::max();

/// Deadlines are met to a tenth of a second, never early.  An idle node is looked at once in some
/// 12 seconds, and the loop's timer is armed only while there are nodes.
/// Thread rule: its loop.
class DeadlineWheel {
 public:
  DeadlineWheel(base::Loop& loop, const base::Clock& clock) : loop_(loop), clock_(clock) {}
  /// Looks at `node` no later than at `when`; does nothing if that is so already.
  void look_by(DeadlineNode& node, base::SteadyTime when, base::SteadyTime now);
  void remove(DeadlineNode& node);

 private:
  static constexpr std::int64_t bucket_count = 128;
  static constexpr std::chrono::milliseconds tick_length{100};
  static std::int64_t tick_of(base::SteadyTime when);
  void link(DeadlineNode& node, std::int64_t tick);
  void unlink(DeadlineNode& node);
  void arm(std::int64_t tick);
  void run();

  base::Loop& loop_;
  const base::Clock& clock_;
  std::array<DeadlineNode*, bucket_count> buckets_{};
  std::size_t nodes_ = 0;
  std::int64_t done_tick_ = 0;  // buckets up to here are empty
  std::int64_t armed_tick_ = 0;
  base::Loop::TimerId timer_ = 0;
};

}  // namespace moldau::net
