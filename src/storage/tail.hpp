#pragma once
// The newest batches of a log, in memory: those that are not in a segment file yet, and behind them as
// many as the memory budget allows.

#include <cstdint>
#include <deque>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/shared_bytes.hpp"

namespace moldau::storage {

struct TailBatch {
  Offset base_offset{};
  Offset last_offset{};
  Lsn lsn{0};
  base::SharedBytes bytes;
};

/// Invariant: offsets rise; the first flushed_count() batches are in segment files as well.
/// Thread rule: none of its own; its log guards it.
class Tail {
 public:
  void push(TailBatch batch) {
    bytes_ += batch.bytes.size();
    batches_.push_back(std::move(batch));
  }
  /// Batches below `end` are in segment files now.
  void mark_flushed(Offset end);
  /// Drops flushed batches, oldest first, until about so many bytes are gone; returns how many went.
  std::size_t drop_flushed(std::size_t bytes_max);
  /// Drops the flushed batches below `end`; returns their bytes.
  std::size_t drop_below(Offset end);
  /// Drops every batch at or above `end`; returns their bytes.
  std::size_t truncate(Offset end);
  /// Copies references to the unflushed batches below `end`, at most `bytes_max` of them (at least one).
  void collect_unflushed(Offset end, std::size_t bytes_max, std::vector<TailBatch>& out) const;

  /// Index of the first batch whose last offset is at or above `offset`; size() when there is none.
  [[nodiscard]] std::size_t find(Offset offset) const;
  [[nodiscard]] const TailBatch& operator[](std::size_t index) const { return batches_[index]; }
  [[nodiscard]] std::size_t size() const { return batches_.size(); }
  [[nodiscard]] bool empty() const { return batches_.empty(); }
  [[nodiscard]] std::size_t flushed_count() const { return flushed_count_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::deque<TailBatch> batches_;
  std::size_t flushed_count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace moldau::storage
