#include "net/deadline_wheel.hpp"

#include <algorithm>

namespace moldau::net {

// The first tick at or after `when`, so that nothing is early.
std::int64_t DeadlineWheel::tick_of(base::SteadyTime when) {
  const auto since = when.time_since_epoch();
  return (since + tick_length - base::SteadyTime::duration(1)) / tick_length;
}

void DeadlineWheel::look_by(DeadlineNode& node, base::SteadyTime when, base::SteadyTime now) {
  if (when == no_deadline) return;
  const std::int64_t now_tick = tick_of(now);
  if (nodes_ == 0) done_tick_ = now_tick - 1;
  std::int64_t tick = std::max(tick_of(when), done_tick_ + 1);
  // Far ones share ticks, so that thousands of idle connections cost one wake-up in 1.6 seconds.
  constexpr std::int64_t far = 64;
  constexpr std::int64_t coarse = 16;
  if (tick - done_tick_ > far) {
    tick = std::min(tick, done_tick_ + bucket_count - coarse) / coarse * coarse;
  }
  if (node.next_ != nullptr) {
    if (node.tick_ <= tick) return;
    unlink(node);
  }
  link(node, tick);
  arm(tick);
}

void DeadlineWheel::remove(DeadlineNode& node) {
  if (node.next_ != nullptr) unlink(node);
  if (nodes_ == 0 && timer_ != 0) {
    loop_.cancel(timer_);
    timer_ = 0;
  }
}

void DeadlineWheel::link(DeadlineNode& node, std::int64_t tick) {
  DeadlineNode*& head = buckets_[static_cast<std::size_t>(tick % bucket_count)];
  node.tick_ = tick;
  if (head == nullptr) {
    node.next_ = node.previous_ = &node;
    head = &node;
  } else {
    node.next_ = head;
    node.previous_ = head->previous_;
    head->previous_->next_ = &node;
    head->previous_ = &node;
  }
  ++nodes_;
}

void DeadlineWheel::unlink(DeadlineNode& node) {
  DeadlineNode*& head = buckets_[static_cast<std::size_t>(node.tick_ % bucket_count)];
  if (node.next_ == &node) {
    head = nullptr;
  } else {
    node.next_->previous_ = node.previous_;
    node.previous_->next_ = node.next_;
    if (head == &node) head = node.next_;
  }
  node.next_ = node.previous_ = nullptr;
  --nodes_;
}

void DeadlineWheel::arm(std::int64_t tick) {
  if (timer_ != 0) {
    if (armed_tick_ <= tick) return;
    loop_.cancel(timer_);
  }
  armed_tick_ = tick;
  timer_ = loop_.call_at(base::SteadyTime(tick * tick_length), [this] { run(); });
}

void DeadlineWheel::run() {
  timer_ = 0;
  const base::SteadyTime now = clock_.now();
  // Ticks are rounded up, so the tick that `now` is in has not come yet.
  const std::int64_t last = now.time_since_epoch() / tick_length;
  if (last - done_tick_ > bucket_count) done_tick_ = last - bucket_count;
  while (done_tick_ < last && nodes_ > 0) {
    ++done_tick_;
    DeadlineNode*& head = buckets_[static_cast<std::size_t>(done_tick_ % bucket_count)];
    while (head != nullptr) {
      DeadlineNode& node = *head;
      unlink(node);
      look_by(node, node.check_deadlines(now), now);
    }
  }
  if (nodes_ == 0) return;
  for (std::int64_t tick = done_tick_ + 1; tick <= done_tick_ + bucket_count; ++tick) {
    if (buckets_[static_cast<std::size_t>(tick % bucket_count)] != nullptr) return arm(tick);
  }
}

}  // namespace moldau::net
