#include "net/deadline_wheel.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

namespace moldau::net {
namespace {

using std::chrono::milliseconds;

/// Time that passes when told, and the timers that come due by it.
class ManualLoop final : public base::Loop, public base::Clock {
 public:
  void post(base::Task) override {}
  TimerId call_at(base::SteadyTime when, base::Task task) override {
    timers_.emplace(std::pair(when, ++last_), std::move(task));
    return last_;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [&](const auto& entry) { return entry.first.second == timer; });
  }
  [[nodiscard]] bool is_current() const override { return true; }
  [[nodiscard]] int index() const override { return 0; }
  [[nodiscard]] base::SteadyTime now() const override { return now_; }
  [[nodiscard]] std::int64_t wall_ms() const override { return 0; }

  void pass(milliseconds time) {
    const auto end = now_ + time;
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      now_ = std::max(now_, timers_.begin()->first.first);
      auto task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      ++fired;
      task();
    }
    now_ = end;
  }
  [[nodiscard]] std::size_t armed() const { return timers_.size(); }
  int fired = 0;

 private:
  base::SteadyTime now_{std::chrono::hours(1)};
  std::map<std::pair<base::SteadyTime, TimerId>, base::Task> timers_;
  TimerId last_ = 0;
};

struct Node final : DeadlineNode {
  explicit Node(ManualLoop& l) : loop(l) {}
  base::SteadyTime check_deadlines(base::SteadyTime now) override {
    ++looks;
    if (deadline > now) return deadline;
    met_at = now;
    return no_deadline;
  }
  ManualLoop& loop;
  base::SteadyTime deadline{};
  base::SteadyTime met_at{};
  int looks = 0;
};

TEST(DeadlineWheel, MeetsDeadlinesNeverEarlyAndSoonAfter) {
  ManualLoop loop;
  DeadlineWheel wheel(loop, loop);
  std::vector<std::unique_ptr<Node>> nodes;
  for (int ms : {0, 1, 99, 100, 101, 550, 6'000, 12'000, 12'800, 13'000, 60'000, 600'000}) {
    nodes.push_back(std::make_unique<Node>(loop));
    nodes.back()->deadline = loop.now() + milliseconds(ms);
    wheel.look_by(*nodes.back(), nodes.back()->deadline, loop.now());
  }
  loop.pass(milliseconds(700'000));
  for (const auto& node : nodes) {
    EXPECT_GE(node->met_at, node->deadline);
    EXPECT_LE(node->met_at, node->deadline + milliseconds(200));
  }
  EXPECT_EQ(loop.armed(), 0U);
}

TEST(DeadlineWheel, LooksRarelyAtDeadlinesThatMoveAway) {
  ManualLoop loop;
  DeadlineWheel wheel(loop, loop);
  Node node(loop);
  node.deadline = loop.now() + milliseconds(600'000);
  wheel.look_by(node, node.deadline, loop.now());
  for (int i = 0; i < 1'000; ++i) {
    loop.pass(milliseconds(100));
    node.deadline = loop.now() + milliseconds(600'000);
    wheel.look_by(node, node.deadline, loop.now());
  }
  EXPECT_LE(node.looks, 12);
  EXPECT_EQ(node.met_at, base::SteadyTime{});
  wheel.remove(node);
  EXPECT_EQ(loop.armed(), 0U);
}

TEST(DeadlineWheel, BringsALookForward) {
  ManualLoop loop;
  DeadlineWheel wheel(loop, loop);
  Node node(loop);
  node.deadline = loop.now() + milliseconds(600'000);
  wheel.look_by(node, node.deadline, loop.now());
  loop.pass(milliseconds(3'000));
  node.deadline = loop.now() + milliseconds(300);
  wheel.look_by(node, node.deadline, loop.now());
  loop.pass(milliseconds(500));
  EXPECT_GE(node.met_at, node.deadline);
}

TEST(DeadlineWheel, ThousandsOfIdleNodesCostFewTimers) {
  ManualLoop loop;
  DeadlineWheel wheel(loop, loop);
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i < 5'000; ++i) {
    nodes.push_back(std::make_unique<Node>(loop));
    nodes.back()->deadline = loop.now() + milliseconds(600'000);
    wheel.look_by(*nodes.back(), nodes.back()->deadline, loop.now());
    loop.pass(milliseconds(3));
  }
  loop.fired = 0;
  loop.pass(milliseconds(100'000));
  EXPECT_LE(loop.fired, 100);
  for (const auto& node : nodes) wheel.remove(*node);
}

}  // namespace
}  // namespace moldau::net
