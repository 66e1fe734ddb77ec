#pragma once
// Threads that run posted tasks: several for what may wait for the disk, one for the controller.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "moldau/base/loop.hpp"

namespace moldau::server {

/// Runs tasks in the order in which they were posted, on `threads` threads (one: one after the other).
/// Thread rule: post() from any thread; stop() by the owner.
class ThreadPool final : public base::Executor {
 public:
  ThreadPool(const std::string& name, int threads);
  ~ThreadPool() override;
  void post(base::Task task) override;
  /// Runs what was posted, then ends the threads.  Later posts are dropped.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<base::Task> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace moldau::server
