#pragma once

// Latencies in nanoseconds, log-linear like HdrHistogram: 128 steps in each power of two, so that
// a value read back is at most 0.8 % above what was recorded. Recording is a shift and an add.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace moldau::mbench {

class Histogram {
 public:
  void record(std::int64_t ns) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    ++counts_[index_of(value)];
    ++count_;
    sum_ += value;
    max_ = std::max(max_, value);
  }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t max_ns() const { return max_; }
  double mean_ns() const {
    return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }
  // The smallest recorded step that at least `share` (0..1) of the values do not exceed, never
  // above the largest value recorded; 0 when empty.
  std::uint64_t quantile_ns(double share) const {
    if (count_ == 0) return 0;
    const auto wanted = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(highest_in(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned step_bits = 7;
  static constexpr std::uint64_t steps = 1U << step_bits;

  // Below 128 each value has its own step; above, the exponent picks a row of 128.
  static std::size_t index_of(std::uint64_t value) {
    if (value < steps) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - step_bits;
    return static_cast<std::size_t>((shift + 1) * steps + ((value >> shift) - steps));
  }
  static std::uint64_t highest_in(std::size_t index) {
    if (index < steps) return index;
    const auto shift = static_cast<unsigned>(index / steps) - 1;
    return ((index % steps + steps + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>((64 - step_bits + 1) * steps);
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace moldau::mbench
