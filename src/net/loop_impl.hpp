#pragma once
// The event loop behind net/event_loop.hpp, with what connections need of it.

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "moldau/base/check.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/net/event_loop.hpp"
#include "moldau/net/frame_handler.hpp"
#include "net/deadline_wheel.hpp"
#include "net/log_limiter.hpp"
#include "net/memory_pool.hpp"
#include "net/read_slabs.hpp"

namespace moldau::net {

class ConnectionImpl;

/// Everything that runs on the loop runs within a turn; at the end of it each connection that got
/// something to send writes it once, and what was closed is taken down.
/// Thread rule: the loop's, except where said.
class LoopImpl final : public EventLoop {
 public:
  LoopImpl(const base::Clock& clock, const EventLoopOptions& options);
  ~LoopImpl() override;

  void run() override;
  void stop() override;                 // any thread
  void post(base::Task task) override;  // any thread
  TimerId call_at(base::SteadyTime when, base::Task task) override;
  void cancel(TimerId timer) override;
  [[nodiscard]] bool is_current() const override;  // any thread
  [[nodiscard]] int index() const override { return options_.index; }
  [[nodiscard]] const base::Clock& clock() const override { return clock_; }
  [[nodiscard]] std::size_t connection_count() const override {
    return connection_count_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t memory_used() const override {
    return request_memory.used() + stranger_memory.used();
  }

  /// Runs `task` on the loop and returns when it is done; on this thread when the loop has stopped.
  /// Not from a loop.
  void run_and_wait(base::Task task);
  [[nodiscard]] bool has_stopped() const { return has_stopped_.load(std::memory_order_acquire); }
  /// Queues the outcome of a request from another thread.
  void complete(ConnectionImpl& connection, std::uint64_t sequence, ResponseSink::Outcome outcome,
                base::Payload payload, std::string_view reason);

  template <class F>
  void turn(F&& work) {
    turn_time_ = {};
    work();
    end_turn();
  }
  /// The time, asked for once per turn.
  base::SteadyTime turn_time() {
    if (turn_time_ == base::SteadyTime{}) turn_time_ = clock_.now();
    return turn_time_;
  }
  /// `connection` has something to send or to take up at the end of this turn.
  void mark_dirty(ConnectionImpl& connection) { dirty_.push_back(&connection); }
  /// `connection` has been closed: its handler is told at the end of this turn.
  void mark_closed(ConnectionImpl& connection) { closed_.push_back(&connection); }
  /// `connection` is closed and nothing refers to it: destroyed at the end of this turn.
  void mark_dead(ConnectionImpl& connection) { dead_.push_back(&connection); }
  /// Runs `task` in a later turn, after what is ready now: for fairness.
  void defer(base::Task task) { post(std::move(task)); }

  /// Calls work(connection) for each open connection of a listener; it may close them.
  template <class F>
  void for_connections_of(const void* listener, F&& work) {
    const std::vector<ConnectionImpl*> all(connections_.begin(), connections_.end());
    for (ConnectionImpl* connection : all) {
      if (owner_of(*connection) == listener) work(*connection);
    }
  }
  void adopt(ConnectionImpl& connection) { connections_.insert(&connection); }
  /// Counts a connection to this loop (when it is given to it, and when it closes).  Any thread.
  void count_connections(int n) {
    connection_count_.fetch_add(static_cast<std::size_t>(n), std::memory_order_relaxed);
  }

  [[nodiscard]] boost::asio::io_context& context() { return context_; }

  MemoryPool request_memory;
  MemoryPool stranger_memory;
  ReadSlabs slabs;
  DeadlineWheel deadlines;
  LogLimiter log_limiter;

 private:
  struct Completion {
    ConnectionImpl* connection;
    std::uint64_t sequence;
    ResponseSink::Outcome outcome;
    base::Payload payload;
    std::string reason;
  };
  struct Timer {
    base::Task task;
    std::uint32_t generation = 1;
  };
  struct TimerEntry {
    base::SteadyTime when;
    TimerId id;
    friend bool operator>(const TimerEntry& a, const TimerEntry& b) { return a.when > b.when; }
  };
  using AsioTimer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                        boost::asio::wait_traits<std::chrono::steady_clock>,
                                        boost::asio::io_context::executor_type>;

  static const void* owner_of(const ConnectionImpl& connection);
  void wake();
  void drain();
  void end_turn();
  void run_timers();
  void arm_timer();
  bool take_timer(TimerId id, base::Task& task);
  void drop_stale_timers();
  void destroy_queued();

  const base::Clock& clock_;
  const EventLoopOptions options_;
  boost::asio::io_context context_;

  // Any thread.
  base::Mutex mutex_;
  std::vector<base::Task> tasks_ MOLDAU_GUARDED_BY(mutex_);
  std::vector<Completion> completions_ MOLDAU_GUARDED_BY(mutex_);
  bool is_woken_ MOLDAU_GUARDED_BY(mutex_) = false;
  std::atomic<std::size_t> connection_count_{0};
  std::atomic<bool> has_stopped_{false};

  // The loop.
  std::vector<base::Task> running_tasks_;
  std::vector<Completion> running_completions_;
  std::vector<ConnectionImpl*> dirty_;
  std::vector<ConnectionImpl*> closed_;
  std::vector<ConnectionImpl*> dead_;
  std::unordered_set<ConnectionImpl*> connections_;
  base::SteadyTime turn_time_{};
  AsioTimer asio_timer_;
  base::SteadyTime armed_for_ = base::SteadyTime::max();
  std::vector<TimerEntry> timer_heap_;
  std::vector<Timer> timers_;
  std::vector<std::uint32_t> free_timers_;
};

}  // namespace moldau::net
