#include "moldau/partition/storage_threads.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "moldau/base/log.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/base/thread_name.hpp"

namespace moldau::partition {

namespace {
// The threads sleep until there is work; the bound only limits what a lost wake-up could cost.
constexpr std::chrono::milliseconds longest_sleep{60'000};
constexpr std::chrono::milliseconds hanging_interval{60'000};
/// After a start there is more urgent work than what is old.
constexpr std::chrono::milliseconds first_retention_delay_max{30'000};

/// Sleeps, unless it is stopped.
void pause(const std::stop_token& stop, std::chrono::nanoseconds time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

/// Lets through so many bytes a second.
class Pace {
 public:
  explicit Pace(double bytes_per_second) : seconds_per_byte_(1 / std::max(bytes_per_second, 1.0)) {}
  void spend(std::uint64_t bytes, const std::stop_token& stop) {
    owed_ += std::chrono::duration<double>(static_cast<double>(bytes) * seconds_per_byte_);
    if (owed_ < std::chrono::milliseconds(10)) return;
    const auto begin = std::chrono::steady_clock::now();
    pause(stop, std::chrono::duration_cast<std::chrono::nanoseconds>(std::min<std::chrono::duration<double>>(owed_, std::chrono::seconds(1))));
    owed_ -= std::chrono::steady_clock::now() - begin;
  }

 private:
  const double seconds_per_byte_;
  std::chrono::duration<double> owed_{0};
};
}  // namespace

StorageThreads::StorageThreads(PartitionManager& manager, const base::Clock& clock, const CleanupOptions& cleanup,
                               std::function<void(const base::Error&)> on_failure)
    : manager_(manager), clock_(clock), on_failure_(std::move(on_failure)), cleanup_options_(cleanup) {}

StorageThreads::~StorageThreads() { stop(); }

void StorageThreads::start() {
  committer_ = std::jthread([this](const std::stop_token& stop) {
    base::name_thread("committer");
    run_commits(stop);
  });
  background_ = std::jthread([this](const std::stop_token& stop) {
    base::name_thread("background");
    run_background(stop);
  });
  cleanup_ = std::jthread([this](const std::stop_token& stop) {
    base::name_thread("cleanup");
    run_cleanup(stop);
  });
}

void StorageThreads::stop() {
  committer_.request_stop();
  background_.request_stop();
  cleanup_.request_stop();
  manager_.directory().stop_waiting();
  if (committer_.joinable()) committer_.join();
  if (background_.joinable()) background_.join();
  if (cleanup_.joinable()) cleanup_.join();
}

void StorageThreads::failed(const base::Error& error) {
  if (!failure_reported_.exchange(true)) on_failure_(error);
}

void StorageThreads::run_commits(const std::stop_token& stop) {
  auto& directory = manager_.directory();
  for (;;) {
    const bool work = directory.wait_for_work(longest_sleep);
    if (!work && stop.stop_requested()) return;
    if (!work) continue;
    const auto status = directory.commit();
    manager_.committed(status);
    if (!status) {
      failed(status.error());
      return;
    }
  }
}

void StorageThreads::run_background(const std::stop_token& stop) {
  auto& directory = manager_.directory();
  auto look_again = clock_.now() + hanging_interval;
  while (!stop.stop_requested()) {
    const auto next = directory.write_behind();
    if (!next) {
      failed(next.error());
      return;
    }
    const auto removal = directory.remove_deleted();
    if (!removal) log::warn("storage.remove_failed", "{}", base::to_string(removal.error()));
    if (clock_.now() >= look_again) {
      manager_.look_for_hanging_transactions(clock_.now());
      look_again = clock_.now() + hanging_interval;
    }
    if (!next.value()) base::Slab::release_kept();
    auto sleep = next.value().value_or(longest_sleep);
    if (removal && removal.value()) sleep = std::min(sleep, *removal.value());
    directory.wait_for_background(sleep);
  }
}

void StorageThreads::run_cleanup(const std::stop_token& stop) {
  auto& directory = manager_.directory();
  Pace pace(cleanup_options_.compaction_bytes_per_second);
  storage::CompactionControl control;
  control.is_stopped = [&stop] { return stop.stop_requested(); };
  control.pace = [&](std::uint64_t bytes) { pace.spend(bytes, stop); };
  control.key_bytes_max = cleanup_options_.compaction_key_bytes_max;
  const auto interval = std::max(cleanup_options_.retention_interval, base::Milliseconds{1});
  const auto backoff = std::max(cleanup_options_.compaction_backoff, base::Milliseconds{1});
  auto retain_at = clock_.now() + std::min(interval, first_retention_delay_max);
  auto compact_at = clock_.now() + std::min(backoff, first_retention_delay_max);
  while (!stop.stop_requested()) {
    if (clock_.now() >= retain_at) {
      const auto status = directory.apply_retention();
      if (!status) return failed(status.error());
      retain_at = clock_.now() + interval;
    }
    if (cleanup_options_.compacts && clock_.now() >= compact_at) {
      const auto done = directory.compact(control);
      if (!done) return failed(done.error());
      if (*done) {
        log::info("storage.compacted", "{}-{} up to offset {}: {} bytes became {}, {} keys", (*done)->log.topic,
                  (*done)->log.partition.value(), (*done)->end.value(), (*done)->bytes_before, (*done)->bytes_after,
                  (*done)->keys);
        continue;  // there may be another
      }
      compact_at = clock_.now() + backoff;
    }
    pause(stop, (cleanup_options_.compacts ? std::min(retain_at, compact_at) : retain_at) - clock_.now());
  }
}

}  // namespace moldau::partition
