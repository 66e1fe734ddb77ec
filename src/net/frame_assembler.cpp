#include "net/frame_assembler.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "moldau/base/check.hpp"

namespace moldau::net {

FrameAssembler::Status FrameAssembler::next(const base::SharedBytes& chunk, std::size_t& offset,
                                            const Limits& limits, base::SharedBytes& frame) {
  const std::uint8_t* bytes = chunk.data();
  if (head_filled_ < head_.size()) {
    const auto taken = std::min(head_.size() - head_filled_, chunk.size() - offset);
    if (taken > 0) std::memcpy(head_.data() + head_filled_, bytes + offset, taken);
    offset += taken;
    head_filled_ = static_cast<std::uint8_t>(head_filled_ + taken);
    if (head_filled_ < head_.size()) return Status::need_bytes;
    const std::int32_t declared = declared_size();
    if (declared < 0 || static_cast<std::size_t>(declared) > limits.frame_bytes_max) {
      return Status::bad_size;
    }
    frame_size_ = static_cast<std::size_t>(declared);
    body_filled_ = 0;
    if (frame_size_ <= chunk.size() - offset) {  // the usual case: it is all here
      frame = chunk.slice(offset, frame_size_);
      offset += frame_size_;
      head_filled_ = 0;
      return Status::frame;
    }
    start_body(chunk.size() - offset, limits.buffer_floor);
  }
  const auto taken = std::min(frame_size_ - body_filled_, chunk.size() - offset);
  if (taken > 0) {
    if (taken > body_.size() - body_filled_) grow(body_filled_ + taken - body_.size());
    std::memcpy(room().data(), bytes + offset, taken);
    offset += taken;
    body_filled_ += taken;
  }
  if (!is_whole()) return Status::need_bytes;
  frame = take_body();
  return Status::frame;
}

bool FrameAssembler::filled(std::size_t size) {
  MOLDAU_CHECK(size <= body_.size() - body_filled_, "bytes were read into the room there was");
  body_filled_ += size;
  return is_whole();
}

std::size_t FrameAssembler::growth_wanted(std::size_t buffer_floor) const {
  if (head_filled_ < head_.size() || body_filled_ < body_.size()) return 0;
  const auto wanted = std::max(buffer_floor, body_filled_ * growth_factor);
  return std::min(frame_size_, wanted) - std::min(frame_size_, body_.size());
}

void FrameAssembler::grow(std::size_t by) {
  if (by == 0) return;
  base::SharedBytes larger = base::SharedBytes::allocate(body_.size() + by);
  if (body_filled_ > 0) {
    std::memcpy(larger.mutable_view().data(), body_.data(), body_filled_);
  }
  body_ = std::move(larger);
}

void FrameAssembler::clear() {
  head_filled_ = 0;
  body_filled_ = 0;
  frame_size_ = 0;
  body_ = {};
}

void FrameAssembler::start_body(std::size_t available, std::size_t buffer_floor) {
  if (available == 0) return;
  const auto wanted = std::max(buffer_floor, available * growth_factor);
  body_ = base::SharedBytes::allocate(std::min(frame_size_, wanted));
}

base::SharedBytes FrameAssembler::take_body() {
  base::SharedBytes frame = std::exchange(body_, {});
  head_filled_ = 0;
  body_filled_ = 0;
  frame_size_ = 0;
  return frame;
}

}  // namespace moldau::net
