#pragma once
// The event loops: one thread, one epoll set and one heap of timers each.  Asio stays in src/net.

#include <cstddef>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/loop.hpp"

namespace moldau::net {

struct EventLoopOptions {
  int index = 0;
  /// What the requests of all connections of this loop may hold while they arrive and until they
  /// are answered (reliability.md O1).  When it is used up, reading pauses (TCP's back pressure);
  /// one frame at a time may always be finished, so that nothing waits for ever.
  std::size_t request_memory_bytes = 64 * 1024 * 1024;
  /// The same for connections that have not shown who they are (O2: 16 MiB for two loops).
  std::size_t stranger_memory_bytes = 8 * 1024 * 1024;
};

/// One event loop.  post() from any thread costs one wake-up per batch of posts.  Tasks that are
/// still waiting when the loop is destroyed are destroyed without being run. Lifetime: outlives
/// every Connection and Responder of its listeners, also on other threads.
class EventLoop : public base::Loop {
 public:
  static std::unique_ptr<EventLoop> create(const base::Clock& clock,
                                           const EventLoopOptions& options = {});
  /// Runs until stop(), on the calling thread.  Takes metrics shard index() + 1.
  virtual void run() = 0;
  /// Makes run() return after the task it is in.  Any thread.
  virtual void stop() = 0;
  [[nodiscard]] virtual const base::Clock& clock() const = 0;
  /// Open connections on this loop.  Any thread.
  [[nodiscard]] virtual std::size_t connection_count() const = 0;
  /// Bytes held of request_memory_bytes and stranger_memory_bytes.  Any thread.
  [[nodiscard]] virtual std::size_t memory_used() const = 0;
};

/// N loops, each on its own thread.  Orderly end: stop the listeners, stop(), destroy whatever may
/// still hold Responders, destroy the group. Thread rule: made, stopped and destroyed by one
/// thread.
class EventLoopGroup {
 public:
  /// Splits the memory of `options` (given for all loops together) and starts `count` threads.
  EventLoopGroup(const base::Clock& clock, int count, EventLoopOptions options = {});
  ~EventLoopGroup();
  EventLoopGroup(const EventLoopGroup&) = delete;
  EventLoopGroup& operator=(const EventLoopGroup&) = delete;

  /// Stops and joins the threads.  The loops stay and take posts, which no longer run.
  void stop();
  [[nodiscard]] std::span<EventLoop* const> loops() const { return loops_; }
  [[nodiscard]] EventLoop& loop(std::size_t index) const { return *loops_.at(index); }

 private:
  std::vector<std::unique_ptr<EventLoop>> owned_;
  std::vector<EventLoop*> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace moldau::net
