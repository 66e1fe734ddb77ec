#pragma once
// Goes through the batches of a segment file: headers only, or whole batches.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "batch_header.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/file_system.hpp"

namespace moldau::storage {

/// Thread rule: one thread.  The file outlives it.
class BatchScanner {
 public:
  enum class Step { batch, end, would_block, corrupt };

  /// Scans [position, end) of `file`, reading at least `window_bytes` at a time.
  BatchScanner(const File& file, std::uint64_t position, std::uint64_t end, bool may_block,
               std::size_t window_bytes = 4096)
      : file_(file), position_(position), end_(end), may_block_(may_block), window_(window_bytes) {}

  /// Moves to the next batch.  `corrupt`: what is there is no batch, or reaches over the end, or its
  /// offsets do not rise; position() stays at it.
  base::Result<Step> next();
  [[nodiscard]] const BatchHeader& header() const { return header_; }
  /// Where the current batch begins.
  [[nodiscard]] std::uint64_t position() const { return batch_position_; }
  /// All bytes of the current batch; nullopt when that would block.  Valid until next().
  base::Result<std::optional<base::ByteView>> batch_bytes();

 private:
  /// Makes [position, position + size) available in the window; false when it would block.
  base::Result<bool> fill(std::uint64_t position, std::size_t size);

  const File& file_;
  std::uint64_t position_;
  const std::uint64_t end_;
  const bool may_block_;
  const std::size_t window_;
  std::vector<std::uint8_t> buffer_;
  std::uint64_t buffer_position_ = 0;
  std::size_t buffer_size_ = 0;
  BatchHeader header_;
  std::uint64_t batch_position_ = 0;
  std::optional<Offset> previous_last_;
};

}  // namespace moldau::storage
