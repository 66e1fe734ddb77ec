#pragma once
// A bound on memory that clients make a loop hold, with a queue of those who wait for room.

#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

#include "moldau/base/check.hpp"

namespace moldau::net {

/// Who may have to wait: a connection.
class MemoryUser {
 public:
  /// There may be room now.
  virtual void on_memory() = 0;

 protected:
  ~MemoryUser() = default;
};

/// When the pool is used up, users wait, except one: the first to come may go over the limit until
/// it is done (give_way), so that frames which together fill the pool are all finished in the end.
/// Invariant: used <= limit + one frame + what was charge()d.
/// Thread rule: its loop; used() from any thread.
class MemoryPool {
 public:
  explicit MemoryPool(std::size_t limit) : limit_(limit) {}

  /// Takes `bytes`, or queues `user`, which does not wait yet, and returns false.
  bool acquire(MemoryUser& user, std::size_t bytes) {
    if (used() + bytes > limit_ && privileged_ != &user) {
      if (privileged_ != nullptr) {
        waiting_.push_back(&user);
        return false;
      }
      privileged_ = &user;
    }
    charge(bytes);
    return true;
  }
  /// Takes what is held already, over the limit if need be.
  void charge(std::size_t bytes) { used_.store(used() + bytes, std::memory_order_relaxed); }
  void release(std::size_t bytes) {
    MOLDAU_CHECK(bytes <= used(), "no more is given back than was taken");
    used_.store(used() - bytes, std::memory_order_relaxed);
    if (!waiting_.empty() && used() < limit_ - limit_ / 4) wake_all();
  }
  /// `user` has what it needed, or is gone.
  void give_way(MemoryUser& user) {
    if (privileged_ == &user) {
      privileged_ = nullptr;
      if (!waiting_.empty()) wake_all();
    }
  }
  void forget(MemoryUser& user) {
    std::erase(waiting_, &user);
    give_way(user);
  }
  [[nodiscard]] std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] bool is_roomy() const { return used() < limit_ / 8; }
  [[nodiscard]] bool is_short() const { return used() > limit_ / 2; }

 private:
  // All, since one alone may have nothing to do with it; who finds no room waits again.
  void wake_all() {
    for (MemoryUser* user : std::exchange(waiting_, {})) user->on_memory();
  }

  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
  MemoryUser* privileged_ = nullptr;
  std::vector<MemoryUser*> waiting_;
};

}  // namespace moldau::net
