#pragma once
// The threads that drive a log directory, which has none of its own: one commits the lane, one writes
// segments behind it and deletes what has been deleted, one applies retention and compacts.

#include <cstdint>
#include <functional>
#include <limits>
#include <thread>

#include "moldau/base/mutex.hpp"
#include "moldau/partition/partition_manager.hpp"

namespace moldau::partition {

/// When logs are looked through, and at what cost; Kafka's options of these names.
struct CleanupOptions {
  base::Milliseconds retention_interval{300'000};  // log.retention.check.interval.ms
  base::Milliseconds compaction_backoff{15'000};   // log.cleaner.backoff.ms: how long after nothing was to be done
  bool compacts = true;                            // log.cleaner.enable
  /// Reads and writes of compaction; log.cleaner.io.max.bytes.per.second.
  double compaction_bytes_per_second = std::numeric_limits<double>::max();
  std::uint64_t compaction_key_bytes_max = 128ULL * 1024 * 1024;  // log.cleaner.dedupe.buffer.size
  /// In such a time everything that is stored is looked through for damage once; 0: never.  storage.scrub_interval_ms
  base::Milliseconds scrub_interval{86'400'000};
};

class StorageThreads {
 public:
  /// `manager` and `clock` outlive the threads.  `on_failure` is called once, by one of the threads, when the log directory has failed: nothing is
  /// acknowledged any more and the process should end (reliability.md R7).
  /// `cleanup` is asked before each look; by the thread that cleans up.
  StorageThreads(PartitionManager& manager, const base::Clock& clock, std::function<CleanupOptions()> cleanup,
                 std::function<void(const base::Error&)> on_failure);
  ~StorageThreads();
  void start();
  /// Returns when the threads have ended; what was appended before is committed.
  void stop();

 private:
  void run_commits(const std::stop_token& stop);
  void run_background(const std::stop_token& stop);
  void run_cleanup(const std::stop_token& stop);
  void failed(const base::Error& error);

  PartitionManager& manager_;
  const base::Clock& clock_;
  std::function<void(const base::Error&)> on_failure_;
  std::atomic<bool> failure_reported_{false};
  std::jthread committer_;
  std::jthread background_;
  const std::function<CleanupOptions()> cleanup_options_;
  std::jthread cleanup_;
};

}  // namespace moldau::partition
