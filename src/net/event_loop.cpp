#include "moldau/net/event_loop.hpp"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "moldau/base/log.hpp"
#include "moldau/base/metrics.hpp"
#include "moldau/base/thread_name.hpp"
#include "net/connection_impl.hpp"
#include "net/loop_impl.hpp"

namespace moldau::net {
namespace {
thread_local const LoopImpl* current_loop = nullptr;

constexpr std::size_t stale_timers_max = 4096;

// Says that the calling thread is the loop's, while it lives.
class OnLoop {
 public:
  explicit OnLoop(const LoopImpl& loop) : previous_(current_loop) { current_loop = &loop; }
  ~OnLoop() { current_loop = previous_; }
  OnLoop(const OnLoop&) = delete;
  OnLoop& operator=(const OnLoop&) = delete;

 private:
  const LoopImpl* previous_;
};
}  // namespace

LoopImpl::LoopImpl(const base::Clock& clock, const EventLoopOptions& options)
    : request_memory(options.request_memory_bytes),
      stranger_memory(options.stranger_memory_bytes),
      deadlines(*this, clock),
      clock_(clock),
      options_(options),
      context_(1),
      asio_timer_(context_) {}

LoopImpl::~LoopImpl() {
  const OnLoop on_loop(*this);
  destroy_queued();
  for (ConnectionImpl* connection : connections_) {
    if (connection->pending() > 0) {
      // Somebody still owes it an answer, against the rule: it is left alive, deaf.
      log::error("net.responder_outlives_loop", "connection {} is still owed an answer",
                 connection->id());
      connection->orphan();
      continue;
    }
    delete connection;
  }
}

void LoopImpl::run() {
  base::own_metrics_shard(options_.index + 1);
  base::name_thread("loop-" + std::to_string(options_.index));
  const OnLoop on_loop(*this);
  {
    const auto work = boost::asio::make_work_guard(context_);
    context_.run();
  }
  has_stopped_.store(true, std::memory_order_release);
  base::own_metrics_shard(0);
}

void LoopImpl::stop() {
  context_.stop();
}

bool LoopImpl::is_current() const {
  return current_loop == this;
}

void LoopImpl::post(base::Task task) {
  bool must_wake = false;
  {
    base::MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    must_wake = !std::exchange(is_woken_, true);
  }
  if (must_wake) wake();
}

void LoopImpl::complete(ConnectionImpl& connection, std::uint64_t sequence,
                        ResponseSink::Outcome outcome, base::Payload payload,
                        std::string_view reason) {
  bool must_wake = false;
  {
    base::MutexLock lock(mutex_);
    completions_.push_back(
        {&connection, sequence, outcome, std::move(payload), std::string(reason)});
    must_wake = !std::exchange(is_woken_, true);
  }
  if (must_wake) wake();
}

void LoopImpl::wake() {
  boost::asio::post(context_, [this] { turn([this] { drain(); }); });
}

void LoopImpl::drain() {
  {
    base::MutexLock lock(mutex_);
    running_tasks_.swap(tasks_);
    running_completions_.swap(completions_);
    is_woken_ = false;
  }
  for (Completion& c : running_completions_) {
    c.connection->settle(c.sequence, c.outcome, std::move(c.payload), c.reason);
  }
  running_completions_.clear();
  for (base::Task& task : running_tasks_) {
    task();
    task = {};  // what it held goes before the next one runs
  }
  running_tasks_.clear();
}

const void* LoopImpl::owner_of(const ConnectionImpl& connection) {
  return connection.shared();
}

// Sending may take up reading again, which may give more to send; closing may complete others'
// requests: until nothing is left.  Each step uses up input that is in memory, so this ends.
void LoopImpl::end_turn() {
  while (!dirty_.empty() || !closed_.empty() || !dead_.empty()) {
    if (!dirty_.empty()) {
      ConnectionImpl* connection = dirty_.back();
      dirty_.pop_back();
      connection->end_turn();
    } else if (!closed_.empty()) {
      ConnectionImpl* connection = closed_.back();
      closed_.pop_back();
      connection->finish_close();
    } else {
      ConnectionImpl* connection = dead_.back();
      dead_.pop_back();
      connections_.erase(connection);
      delete connection;
    }
  }
}

void LoopImpl::run_and_wait(base::Task task) {
  if (has_stopped_.load(std::memory_order_acquire)) {
    const OnLoop on_loop(*this);
    turn([&] { task(); });
    return;
  }
  std::mutex mutex;
  std::condition_variable changed;
  bool is_done = false;
  post([&] {
    task();
    const std::lock_guard lock(mutex);
    is_done = true;
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return is_done; });
}

base::Loop::TimerId LoopImpl::call_at(base::SteadyTime when, base::Task task) {
  std::uint32_t slot = 0;
  if (free_timers_.empty()) {
    slot = static_cast<std::uint32_t>(timers_.size());
    timers_.emplace_back();
  } else {
    slot = free_timers_.back();
    free_timers_.pop_back();
  }
  timers_[slot].task = std::move(task);
  const TimerId id = (static_cast<TimerId>(timers_[slot].generation) << 32) | slot;
  timer_heap_.push_back({when, id});
  std::ranges::push_heap(timer_heap_, std::greater<>());
  if (when < armed_for_) arm_timer();
  return id;
}

bool LoopImpl::take_timer(TimerId id, base::Task& task) {
  const auto slot = static_cast<std::uint32_t>(id);
  const auto generation = static_cast<std::uint32_t>(id >> 32);
  if (slot >= timers_.size() || timers_[slot].generation != generation || !timers_[slot].task) {
    return false;
  }
  task = std::exchange(timers_[slot].task, {});
  if (++timers_[slot].generation == 0) timers_[slot].generation = 1;
  free_timers_.push_back(slot);
  return true;
}

void LoopImpl::cancel(TimerId timer) {
  base::Task dropped;
  if (timer != 0 && take_timer(timer, dropped)) drop_stale_timers();
}

// Cancelled timers stay in the heap until their time; not too many of them.
void LoopImpl::drop_stale_timers() {
  const std::size_t live = timers_.size() - free_timers_.size();
  if (timer_heap_.size() < stale_timers_max || timer_heap_.size() / 2 < live) return;
  std::erase_if(timer_heap_, [this](const TimerEntry& entry) {
    const auto slot = static_cast<std::uint32_t>(entry.id);
    return timers_[slot].generation != static_cast<std::uint32_t>(entry.id >> 32);
  });
  std::ranges::make_heap(timer_heap_, std::greater<>());
}

void LoopImpl::arm_timer() {
  armed_for_ = timer_heap_.front().when;
  asio_timer_.expires_at(armed_for_);
  asio_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) turn([this] { run_timers(); });
  });
}

void LoopImpl::run_timers() {
  armed_for_ = base::SteadyTime::max();
  const base::SteadyTime now = turn_time();
  while (!timer_heap_.empty() && timer_heap_.front().when <= now) {
    const TimerId id = timer_heap_.front().id;
    std::ranges::pop_heap(timer_heap_, std::greater<>());
    timer_heap_.pop_back();
    base::Task task;
    if (take_timer(id, task)) task();
  }
  if (!timer_heap_.empty() && timer_heap_.front().when < armed_for_) arm_timer();
}

// Tasks and timers may hold Responders, whose end puts completions into the queue again.
void LoopImpl::destroy_queued() {
  for (;;) {
    std::vector<base::Task> tasks;
    std::vector<Completion> completions;
    {
      base::MutexLock lock(mutex_);
      tasks.swap(tasks_);
      completions.swap(completions_);
      is_woken_ = true;  // nothing runs any more
    }
    std::vector<Timer> timers = std::exchange(timers_, {});
    timer_heap_.clear();
    free_timers_.clear();
    const bool is_empty =
        tasks.empty() && completions.empty() && timers.empty() && dirty_.empty() && closed_.empty();
    tasks.clear();
    timers.clear();
    turn([&] {
      for (Completion& c : completions) {
        c.connection->settle(c.sequence, c.outcome, std::move(c.payload), c.reason);
      }
    });
    if (is_empty) return;
  }
}

std::unique_ptr<EventLoop> EventLoop::create(const base::Clock& clock,
                                             const EventLoopOptions& options) {
  return std::make_unique<LoopImpl>(clock, options);
}

EventLoopGroup::EventLoopGroup(const base::Clock& clock, int count, EventLoopOptions options) {
  MOLDAU_CHECK(count > 0, "at least one loop");
  options.request_memory_bytes /= static_cast<std::size_t>(count);
  options.stranger_memory_bytes /= static_cast<std::size_t>(count);
  for (int i = 0; i < count; ++i) {
    options.index = i;
    owned_.push_back(EventLoop::create(clock, options));
    loops_.push_back(owned_.back().get());
  }
  for (EventLoop* loop : loops_) threads_.emplace_back([loop] { loop->run(); });
}

EventLoopGroup::~EventLoopGroup() {
  stop();
}

void EventLoopGroup::stop() {
  for (EventLoop* loop : loops_) loop->stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace moldau::net
