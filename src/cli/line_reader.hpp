#pragma once
// Lines of a file, a pipe or a terminal, as they come.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moldau/base/result.hpp"

namespace moldau::cli {

/// A line is what stands before a '\n', or before the end; nothing in it is changed.
class LineReader {
 public:
  /// `descriptor` stays the caller's and open.
  explicit LineReader(int descriptor) : descriptor_(descriptor) {}

  /// The next line, valid until the next call; nullopt at the end.  Blocks.
  /// Errors: io, limit_exceeded (a line over 64 MiB).
  base::Result<std::optional<std::string_view>> next();

  /// Whether next() has a line, or the end, without waiting for longer than `wait_ms`.
  [[nodiscard]] bool is_ready(int wait_ms);

  /// Lines returned so far.
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  base::Status fill();

  int descriptor_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of what was not returned yet
  std::size_t scanned_ = 0;  // before it there is no '\n'
  bool ended_ = false;
  std::uint64_t count_ = 0;
};

}  // namespace moldau::cli
