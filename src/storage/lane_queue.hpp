#pragma once
// What was appended since the last commit, in order, and the numbers by which its durability is known.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <optional>
#include <vector>

#include "lane_format.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"

namespace moldau::storage {

class PartitionLog;

struct LaneEntry {
  lane_format::Kind kind{};
  PartitionLog* log = nullptr;  // outlives the commit; nullptr: nobody is told
  TopicIdPartition partition;
  std::int64_t value = 0;
  Lsn lsn{0};
  base::SharedBytes bytes;
};

/// Thread rule: push from any thread, take from the committing one.
class LaneQueue {
 public:
  explicit LaneQueue(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Errors: throttled (more is waiting than the disk can take), storage_error (failed before), no_space
  /// (a batch, while little room is left; what makes room again is taken).
  base::Result<Lsn> push(LaneEntry entry);
  /// Everything that waits; `out` is emptied and its memory used again.
  void take(std::vector<LaneEntry>& out);
  bool wait(std::chrono::milliseconds timeout);
  void stop();

  void set_nearly_full(bool full) { nearly_full_.store(full, std::memory_order_relaxed); }
  [[nodiscard]] bool nearly_full() const { return nearly_full_.load(std::memory_order_relaxed); }

  /// The first error stays.
  void fail(const base::Error& error);
  [[nodiscard]] std::optional<base::Error> failed() const;
  [[nodiscard]] bool has_failed() const { return has_failed_.load(std::memory_order_acquire); }

  [[nodiscard]] Lsn durable() const { return Lsn{durable_.load(std::memory_order_acquire)}; }
  void set_durable(Lsn lsn) { durable_.store(lsn.value(), std::memory_order_release); }
  [[nodiscard]] Lsn last_pushed() const;

 private:
  const std::uint64_t bytes_max_;
  mutable base::Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<LaneEntry> pending_ MOLDAU_GUARDED_BY(mutex_);
  std::uint64_t pending_bytes_ MOLDAU_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_lsn_ MOLDAU_GUARDED_BY(mutex_) = 0;
  bool waiting_ MOLDAU_GUARDED_BY(mutex_) = false;
  bool stopped_ MOLDAU_GUARDED_BY(mutex_) = false;
  std::optional<base::Error> failed_ MOLDAU_GUARDED_BY(mutex_);
  std::atomic<bool> has_failed_{false};
  std::atomic<bool> nearly_full_{false};
  std::atomic<std::uint64_t> durable_{0};
};

}  // namespace moldau::storage
