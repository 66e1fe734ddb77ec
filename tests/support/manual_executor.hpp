#pragma once
// Executors that run what was posted when a test says so.

#include <algorithm>
#include <deque>
#include <vector>

#include "moldau/base/loop.hpp"

namespace moldau::support {

/// Thread rule: one thread.
class ManualExecutor final : public base::Executor {
 public:
  void post(base::Task task) override { tasks_.push_back(std::move(task)); }
  /// Until nothing is left, what the tasks post included.
  void run() {
    while (!tasks_.empty()) {
      base::Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }

 private:
  std::deque<base::Task> tasks_;
};

/// Thread rule: one thread, which is the loop's.
class ManualLoop final : public base::Loop {
 public:
  explicit ManualLoop(const base::Clock& clock) : clock_(clock) {}
  void post(base::Task task) override { tasks_.post(std::move(task)); }
  TimerId call_at(base::SteadyTime when, base::Task task) override {
    timers_.push_back({++last_, when, std::move(task)});
    return last_;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [&](const Timer& t) { return t.id == timer; });
  }
  [[nodiscard]] bool is_current() const override { return true; }
  [[nodiscard]] int index() const override { return 0; }

  /// Tasks, and the timers that are due by the clock, until nothing is left.
  void run() {
    for (;;) {
      tasks_.run();
      const auto due = std::find_if(timers_.begin(), timers_.end(),
                                    [&](const Timer& t) { return t.when <= clock_.now(); });
      if (due == timers_.end()) return;
      base::Task task = std::move(due->task);
      timers_.erase(due);
      task();
    }
  }
  [[nodiscard]] std::size_t timers() const { return timers_.size(); }

 private:
  struct Timer {
    TimerId id = 0;
    base::SteadyTime when{};
    base::Task task;
  };
  const base::Clock& clock_;
  ManualExecutor tasks_;
  std::vector<Timer> timers_;
  TimerId last_ = 0;
};

}  // namespace moldau::support
