#include "flush_queue.hpp"

#include <iterator>
#include <utility>

namespace moldau::storage {

using base::MutexLock;

void FlushQueue::add(std::shared_ptr<PartitionLog> log, base::SteadyTime since) {
  MutexLock lock(mutex_);
  // The first one sets the thread's alarm; later ones are not due before it.
  if (waiting_.empty()) {
    signalled_ = true;
    changed_.notify_one();
  }
  waiting_.push_back({std::move(log), since});
}

void FlushQueue::wake() {
  MutexLock lock(mutex_);
  if (signalled_) return;
  signalled_ = true;
  changed_.notify_one();
}

void FlushQueue::stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
  room_.notify_all();
}

void FlushQueue::wait_for_room(std::int64_t unflushed_bytes_max, std::chrono::milliseconds timeout) {
  if (unflushed_bytes < unflushed_bytes_max) return;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(mutex_);
  while (unflushed_bytes >= unflushed_bytes_max && !stopped_)
    if (room_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
}

void FlushQueue::made_room() {
  MutexLock lock(mutex_);
  room_.notify_all();
}

void FlushQueue::wait(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(mutex_);
  while (!signalled_ && !stopped_)
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
  signalled_ = false;
}

std::vector<FlushQueue::Waiting> FlushQueue::take() {
  MutexLock lock(mutex_);
  return std::exchange(waiting_, {});
}

void FlushQueue::put_back(std::vector<Waiting> waiting) {
  MutexLock lock(mutex_);
  waiting_.insert(waiting_.begin(), std::make_move_iterator(waiting.begin()),
                  std::make_move_iterator(waiting.end()));
}

}  // namespace moldau::storage
