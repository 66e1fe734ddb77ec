#pragma once
// Which parts of a file were looked through.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>

namespace moldau::storage {

/// Disjoint ranges of bytes.  Bounded: one that has to go is looked through again another time.
/// Thread rule: its owner guards it.
class VerifiedRanges {
 public:
  [[nodiscard]] bool covers(std::uint64_t begin, std::uint64_t end) const {
    if (begin >= end) return true;
    const auto after = ends_.upper_bound(begin);
    return after != ends_.begin() && std::prev(after)->second >= end;
  }
  void add(std::uint64_t begin, std::uint64_t end) {
    if (covers(begin, end)) return;
    auto at = ends_.upper_bound(begin);
    if (at != ends_.begin() && std::prev(at)->second >= begin) {
      --at;
      begin = at->first;
    }
    while (at != ends_.end() && at->first <= end) {
      end = std::max(end, at->second);
      at = ends_.erase(at);
    }
    ends_.emplace_hint(at, begin, end);
    // What is near the end is read most.
    if (ends_.size() > ranges_max) ends_.erase(ends_.begin());
  }
  /// Nothing from there on.
  void cut(std::uint64_t size) {
    ends_.erase(ends_.lower_bound(size), ends_.end());
    if (!ends_.empty()) ends_.rbegin()->second = std::min(ends_.rbegin()->second, size);
  }

 private:
  static constexpr std::size_t ranges_max = 256;
  std::map<std::uint64_t, std::uint64_t> ends_;  // by begin
};

}  // namespace moldau::storage
