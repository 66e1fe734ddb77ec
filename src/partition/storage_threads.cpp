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
constexpr std::chrono::milliseconds first_cleanup_delay_max{30'000};
constexpr std::chrono::milliseconds longest_interval = std::chrono::hours(24);

/// Sleeps, unless it is stopped.
void pause(const std::stop_token& stop, std::chrono::nanoseconds time) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

/// A round takes no longer than this rate makes it.
constexpr double scrub_bytes_per_second_min = 1024.0 * 1024;
constexpr std::uint64_t scrub_step_bytes = 1024 * 1024;

/// When to look for damage, how much at a time, so that a round through everything ends in the interval asked for.
class ScrubPlan {
 public:
  explicit ScrubPlan(base::SteadyTime now) : next_(now), round_began_(now) {}
  [[nodiscard]] base::SteadyTime next() const { return next_; }
  [[nodiscard]] bool begins_round() const { return bytes_per_second_ == 0; }
  void begin_round(std::uint64_t bytes_stored, base::Milliseconds interval) {
    const double seconds = std::max(1e-3, Seconds(interval).count());
    bytes_per_second_ = std::max(scrub_bytes_per_second_min, static_cast<double>(bytes_stored) / seconds);
  }
  void after(const storage::LogDirectory::Scrubbed& scrubbed, base::Milliseconds interval, base::SteadyTime now) {
    next_ = now + std::chrono::duration_cast<std::chrono::nanoseconds>(
                      Seconds(static_cast<double>(scrubbed.bytes) / bytes_per_second_));
    if (!scrubbed.round_ended) return;
    next_ = std::max(next_, round_began_ + interval);
    round_began_ = next_;
    bytes_per_second_ = 0;
  }

 private:
  using Seconds = std::chrono::duration<double>;
  base::SteadyTime next_;
  base::SteadyTime round_began_;
  double bytes_per_second_ = 0;  // 0 between two rounds
};

/// Lets through so many bytes a second.
class Pace {
 public:
  using Seconds = std::chrono::duration<double>;
  void spend(std::uint64_t bytes, double bytes_per_second, const std::stop_token& stop) {
    owed_ += Seconds(static_cast<double>(bytes) / std::max(bytes_per_second, 1.0));
    if (owed_ < std::chrono::milliseconds(10)) return;
    const auto begin = std::chrono::steady_clock::now();
    pause(stop, std::chrono::duration_cast<std::chrono::nanoseconds>(std::min(owed_, Seconds(1))));
    owed_ -= std::chrono::steady_clock::now() - begin;
  }

 private:
  Seconds owed_{0};
};
}  // namespace

StorageThreads::StorageThreads(PartitionManager& manager, const base::Clock& clock,
                               std::function<CleanupOptions()> cleanup,
                               std::function<void(const base::Error&)> on_failure)
    : manager_(manager), clock_(clock), on_failure_(std::move(on_failure)), cleanup_options_(std::move(cleanup)) {}

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
      manager_.look_for_hanging_transactions(clock_);
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
  Pace pace;
  auto options = cleanup_options_();
  storage::CompactionControl control;
  control.is_stopped = [&stop] { return stop.stop_requested(); };
  control.pace = [&](std::uint64_t bytes) { pace.spend(bytes, options.compaction_bytes_per_second, stop); };
  const auto soon = [&](base::Milliseconds interval, base::Milliseconds most) {
    return clock_.now() + std::clamp(interval, base::Milliseconds{1}, most);
  };
  auto retain_at = soon(options.retention_interval, first_cleanup_delay_max);
  auto compact_at = soon(options.compaction_backoff, first_cleanup_delay_max);
  const auto scrubs = [&] { return options.scrub_interval > base::Milliseconds{0}; };
  ScrubPlan scrub(soon(options.scrub_interval, first_cleanup_delay_max));
  while (!stop.stop_requested()) {
    options = cleanup_options_();
    control.key_bytes_max = options.compaction_key_bytes_max;
    if (clock_.now() >= retain_at) {
      const auto status = directory.apply_retention();
      if (!status) return failed(status.error());
      retain_at = soon(options.retention_interval, longest_interval);
    }
    if (options.compacts && clock_.now() >= compact_at) {
      const auto done = directory.compact(control);
      if (!done) return failed(done.error());
      if (*done) {
        log::info("storage.compacted", "{}-{} up to offset {}: {} bytes became {}, {} keys", (*done)->log.topic,
                  (*done)->log.partition.value(), (*done)->end.value(), (*done)->bytes_before, (*done)->bytes_after,
                  (*done)->keys);
        continue;  // there may be another
      }
      compact_at = soon(options.compaction_backoff, longest_interval);
    }
    if (scrubs() && clock_.now() >= scrub.next()) {
      if (scrub.begins_round()) {
        std::uint64_t stored = 0;
        for (const auto& log : directory.logs()) stored += log->size_bytes();
        scrub.begin_round(stored, options.scrub_interval);
      }
      scrub.after(directory.scrub(scrub_step_bytes), options.scrub_interval, clock_.now());
    }
    auto next = retain_at;
    if (options.compacts) next = std::min(next, compact_at);
    if (scrubs()) next = std::min(next, scrub.next());
    pause(stop, next - clock_.now());
  }
}

}  // namespace moldau::partition
