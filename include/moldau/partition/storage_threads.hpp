#pragma once
// The threads that drive a log directory, which has none of its own: one commits the lane, one writes
// segments behind it and deletes what has been deleted.

#include <functional>
#include <thread>

#include "moldau/base/mutex.hpp"
#include "moldau/partition/partition_manager.hpp"

namespace moldau::partition {

class StorageThreads {
 public:
  /// `manager` and `clock` outlive the threads.  `on_failure` is called once, by one of the threads, when the log directory has failed: nothing is
  /// acknowledged any more and the process should end (reliability.md R7).
  StorageThreads(PartitionManager& manager, const base::Clock& clock,
                 std::function<void(const base::Error&)> on_failure);
  ~StorageThreads();
  void start();
  /// Returns when both threads have ended; what was appended before is committed.
  void stop();

 private:
  void run_commits(const std::stop_token& stop);
  void run_background(const std::stop_token& stop);
  void failed(const base::Error& error);

  PartitionManager& manager_;
  const base::Clock& clock_;
  std::function<void(const base::Error&)> on_failure_;
  std::atomic<bool> failure_reported_{false};
  std::jthread committer_;
  std::jthread background_;
};

}  // namespace moldau::partition
