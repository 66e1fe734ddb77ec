#include "moldau/partition/storage_threads.hpp"

#include <algorithm>
#include <chrono>

#include "moldau/base/log.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/base/thread_name.hpp"

namespace moldau::partition {

namespace {
// The threads sleep until there is work; the bound only limits what a lost wake-up could cost.
constexpr std::chrono::milliseconds longest_sleep{60'000};
constexpr std::chrono::milliseconds hanging_interval{60'000};
}  // namespace

StorageThreads::StorageThreads(PartitionManager& manager, const base::Clock& clock,
                               std::function<void(const base::Error&)> on_failure)
    : manager_(manager), clock_(clock), on_failure_(std::move(on_failure)) {}

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
}

void StorageThreads::stop() {
  committer_.request_stop();
  background_.request_stop();
  manager_.directory().stop_waiting();
  if (committer_.joinable()) committer_.join();
  if (background_.joinable()) background_.join();
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

}  // namespace moldau::partition
