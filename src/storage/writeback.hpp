#pragma once
// Has a file that only grows written to the disk bit by bit.

#include <algorithm>
#include <cstdint>

#include "moldau/storage/file_system.hpp"

namespace moldau::storage {

/// Without it the kernel keeps what was written for half a minute, or until the next checkpoint syncs it, and
/// then writes it all at once: commits of the lane wait behind that for 100 ms and more (docs/performance.md).
/// Small pieces stay: thousands of logs with little to write must not cost a disk operation each.
class Writeback {
 public:
  /// Nothing to do up to `size`.
  explicit Writeback(std::uint64_t size = 0) { cut(size); }
  /// The file is `size` bytes long now.  Errors are as those of a write.
  base::Status grown(File& file, std::uint64_t size) {
    const std::uint64_t whole = size / page_bytes * page_bytes;  // the last page would be written twice
    if (whole < begun_ + piece_bytes_min) return {};
    MOLDAU_TRY(file.start_writeback(begun_, whole - begun_));
    begun_ = whole;
    return {};
  }
  void cut(std::uint64_t size) { begun_ = size / page_bytes * page_bytes; }

 private:
  static constexpr std::uint64_t page_bytes = 4096;
  static constexpr std::uint64_t piece_bytes_min = 64 * 1024;
  std::uint64_t begun_ = 0;
};

}  // namespace moldau::storage
