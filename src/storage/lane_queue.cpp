#include "lane_queue.hpp"

#include <fmt/format.h>

namespace moldau::storage {

using base::Errc;
using base::MutexLock;

base::Result<Lsn> LaneQueue::push(LaneEntry entry) {
  bool wake = false;
  Lsn lsn{};
  {
    MutexLock lock(mutex_);
    if (failed_) return base::fail(Errc::storage_error, failed_->message);
    if (nearly_full() && entry.kind == lane_format::Kind::batch)
      return base::fail(Errc::no_space, "the disk is nearly full");
    if (pending_bytes_ > bytes_max_)
      return base::fail(Errc::throttled, "more waits to be written than the disk can take");
    lsn = entry.lsn = Lsn{++last_lsn_};
    pending_bytes_ += entry.bytes.size() + lane_format::entry_header_bytes;
    pending_.push_back(std::move(entry));
    wake = std::exchange(waiting_, false);
  }
  if (wake) changed_.notify_one();
  return lsn;
}

void LaneQueue::take(std::vector<LaneEntry>& out) {
  out.clear();
  MutexLock lock(mutex_);
  out.swap(pending_);
  pending_bytes_ = 0;
}

bool LaneQueue::wait(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  mutex_.lock();
  while (pending_.empty() && !stopped_) {
    waiting_ = true;
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
  }
  waiting_ = false;
  const bool work = !pending_.empty();
  mutex_.unlock();
  return work;
}

void LaneQueue::stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void LaneQueue::fail(const base::Error& error) {
  MutexLock lock(mutex_);
  if (!failed_) failed_ = error;
  has_failed_.store(true, std::memory_order_release);
  changed_.notify_all();
}

std::optional<base::Error> LaneQueue::failed() const {
  MutexLock lock(mutex_);
  return failed_;
}

Lsn LaneQueue::last_pushed() const {
  MutexLock lock(mutex_);
  return Lsn{last_lsn_};
}

}  // namespace moldau::storage
