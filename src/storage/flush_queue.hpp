#pragma once
// Which logs have durable batches that no segment file has yet, and the thread that waits for them.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/mutex.hpp"

namespace moldau::storage {

class PartitionLog;

/// Thread rule: add() and wake() from any thread, the rest from the background thread.
class FlushQueue {
 public:
  struct Waiting {
    std::shared_ptr<PartitionLog> log;
    base::SteadyTime since;  // when its oldest batch became durable
  };
  void add(std::shared_ptr<PartitionLog> log, base::SteadyTime since);
  void wake();
  void stop();
  /// Until add() finds the queue empty, wake(), stop() or the timeout.
  void wait(std::chrono::milliseconds timeout);
  /// Takes all that wait.
  [[nodiscard]] std::vector<Waiting> take();
  /// Puts back what is not due yet.
  void put_back(std::vector<Waiting> waiting);

  /// Waits until less than so many bytes are in memory only, stop(), or the timeout.  For the thread
  /// that commits: more would come in than the disk takes.
  void wait_for_room(std::int64_t unflushed_bytes_max, std::chrono::milliseconds timeout);
  /// Some were written to a segment.
  void made_room();

  /// Bytes in memory that no segment file has.
  std::atomic<std::int64_t> unflushed_bytes{0};
  /// Bytes in memory altogether.
  std::atomic<std::int64_t> tail_bytes{0};

 private:
  base::Mutex mutex_;
  std::condition_variable_any changed_;
  std::condition_variable_any room_;
  std::vector<Waiting> waiting_ MOLDAU_GUARDED_BY(mutex_);
  bool signalled_ MOLDAU_GUARDED_BY(mutex_) = false;
  bool stopped_ MOLDAU_GUARDED_BY(mutex_) = false;
};

}  // namespace moldau::storage
