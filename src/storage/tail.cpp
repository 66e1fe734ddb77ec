#include "tail.hpp"

#include <algorithm>

namespace moldau::storage {

void Tail::mark_flushed(Offset end) {
  while (flushed_count_ < batches_.size() && batches_[flushed_count_].last_offset < end)
    ++flushed_count_;
}

std::size_t Tail::drop_flushed(std::size_t bytes_max) {
  std::size_t dropped = 0;
  while (flushed_count_ > 0 && dropped < bytes_max) {
    dropped += batches_.front().bytes.size();
    batches_.pop_front();
    --flushed_count_;
  }
  bytes_ -= dropped;
  return dropped;
}

std::size_t Tail::drop_below(Offset end) {
  std::size_t dropped = 0;
  while (flushed_count_ > 0 && batches_.front().last_offset < end) {
    dropped += batches_.front().bytes.size();
    batches_.pop_front();
    --flushed_count_;
  }
  bytes_ -= dropped;
  return dropped;
}

std::size_t Tail::truncate(Offset end) {
  std::size_t dropped = 0;
  while (!batches_.empty() && batches_.back().last_offset >= end) {
    dropped += batches_.back().bytes.size();
    batches_.pop_back();
  }
  flushed_count_ = std::min(flushed_count_, batches_.size());
  bytes_ -= dropped;
  return dropped;
}

void Tail::collect_unflushed(Offset end, std::size_t bytes_max, std::vector<TailBatch>& out) const {
  std::size_t bytes = 0;
  for (std::size_t i = flushed_count_; i < batches_.size(); ++i) {
    const TailBatch& batch = batches_[i];
    if (batch.last_offset >= end) break;
    if (!out.empty() && bytes + batch.bytes.size() > bytes_max) break;
    bytes += batch.bytes.size();
    out.push_back(batch);
  }
}

std::size_t Tail::find(Offset offset) const {
  const auto place = std::partition_point(
      batches_.begin(), batches_.end(),
      [&](const TailBatch& batch) { return batch.last_offset < offset; });
  return static_cast<std::size_t>(place - batches_.begin());
}

}  // namespace moldau::storage
