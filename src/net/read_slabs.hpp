#pragma once
// Where a loop's sockets are read to: memory is shared by all connections of the loop, so that an
// idle one has none.

#include <cstddef>

#include "moldau/base/shared_bytes.hpp"

namespace moldau::net {

/// A slab that is filled from the front.  When nobody refers to what is in it, it starts anew; when
/// it is nearly full, the next slab takes its place and the old one lives as long as its
/// references.
class ReadSlab {
 public:
  /// At least `room_bytes_min` of free memory, valid until the next call.
  base::MutableByteView room();
  /// The first `size` bytes of room(), which have been filled.
  base::SharedBytes take(std::size_t size);
  /// True when nothing refers to what was taken; then the slab starts anew.
  bool rewind();

  static constexpr std::size_t room_bytes_min = 64 * 1024;

 private:
  base::SharedBytes slab_;
  std::size_t used_ = 0;
};

/// A loop's two slabs: one for connections whose frames are kept (produced batches stay in memory
/// until they are in their segment), one for those whose frames are not.  Kept apart, a kept batch
/// does not pin a slab that is otherwise full of answered requests.
struct ReadSlabs {
  ReadSlab passing;
  ReadSlab keeping;
};

/// A connection's guess which of the two it should use.
class KeepHint {
 public:
  [[nodiscard]] bool use_keeping() {
    if (!keeps_) return false;
    return ++reads_ % retry_reads != 0;
  }
  /// After the frames of a read into the passing slab were handled.
  void learn(bool was_free_before, bool is_free_after) {
    if (was_free_before) keeps_ = !is_free_after;
  }

 private:
  static constexpr unsigned retry_reads = 64;
  bool keeps_ = false;
  unsigned reads_ = 0;
};

}  // namespace moldau::net
