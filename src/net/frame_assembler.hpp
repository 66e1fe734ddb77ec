#pragma once
// Cuts the bytes of one connection into frames.  Pure: no socket, no clock.

#include <array>
#include <cstddef>
#include <cstdint>

#include "moldau/base/bytes.hpp"
#include "moldau/base/shared_bytes.hpp"

namespace moldau::net {

/// A frame that lies whole in a chunk is a slice of it.  One that does not is gathered in a buffer
/// of its own, which grows as its bytes come: it never holds more than growth_factor times what has
/// been received, or the floor that it is given, whatever length was declared.
class FrameAssembler {
 public:
  enum class Status {
    need_bytes,  // the chunk is used up
    frame,
    bad_size,  // negative or above the limit: declared_size()
  };

  struct Limits {
    std::size_t frame_bytes_max;
    std::size_t buffer_floor;  // the least buffer worth having for a frame that is not whole
  };

  /// Takes bytes of `chunk` from `offset` on, until a frame is whole or they are used up.
  Status next(const base::SharedBytes& chunk, std::size_t& offset, const Limits& limits,
              base::SharedBytes& frame);

  /// Where the next bytes of a started frame belong; empty when there is none or its buffer is
  /// full.
  [[nodiscard]] base::MutableByteView room() { return body_.mutable_view().subspan(body_filled_); }
  /// `size` bytes were put in room().  True when that made the frame whole: next() with an empty
  /// chunk returns it.
  bool filled(std::size_t size);
  /// By how much the buffer should grow before the next read; 0 while it has room or is complete.
  [[nodiscard]] std::size_t growth_wanted(std::size_t buffer_floor) const;
  void grow(std::size_t by);

  /// Some bytes of a frame are here, and not all of it.
  [[nodiscard]] bool is_started() const { return head_filled_ > 0; }
  [[nodiscard]] bool is_whole() const {
    return head_filled_ == head_.size() && body_filled_ == frame_size_;
  }
  /// Its buffer is as large as it will get, so what follows it may be read with it.
  [[nodiscard]] bool has_full_buffer() const {
    return head_filled_ == head_.size() && body_.size() == frame_size_;
  }
  /// Memory held for the started frame.
  [[nodiscard]] std::size_t held_bytes() const { return body_.size(); }
  [[nodiscard]] std::int32_t declared_size() const { return base::load_be<std::int32_t>(head()); }
  /// The four bytes that declared it, for guessing what the peer speaks.
  [[nodiscard]] const std::uint8_t* head() const { return head_.data(); }
  /// Drops what was gathered.
  void clear();

  static constexpr std::size_t growth_factor = 4;

 private:
  void start_body(std::size_t available, std::size_t buffer_floor);
  base::SharedBytes take_body();

  std::array<std::uint8_t, 4> head_{};
  std::uint8_t head_filled_ = 0;
  std::size_t frame_size_ = 0;  // once head_ is whole
  base::SharedBytes body_;      // the buffer, as large as its capacity
  std::size_t body_filled_ = 0;
};

}  // namespace moldau::net
