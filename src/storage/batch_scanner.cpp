#include "batch_scanner.hpp"

#include <algorithm>

namespace moldau::storage {

base::Result<bool> BatchScanner::fill(std::uint64_t position, std::size_t size) {
  if (position >= buffer_position_ && position + size <= buffer_position_ + buffer_size_) return true;
  const auto wanted = static_cast<std::size_t>(
      std::min<std::uint64_t>(std::max(size, window_), end_ - position));
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  const base::MutableByteView out(buffer_.data(), wanted);
  MOLDAU_ASSIGN(const std::size_t got, may_block_ ? file_.read(position, out)
                                                  : file_.read_cached(position, out));
  buffer_position_ = position;
  buffer_size_ = got;
  if (got >= size) return true;
  if (!may_block_) return false;
  return base::fail(base::Errc::damaged, "a segment file is shorter than it was");
}

base::Result<BatchScanner::Step> BatchScanner::next() {
  batch_position_ = position_;
  if (position_ >= end_) return Step::end;
  if (end_ - position_ < record::batch_format::header_bytes) return Step::corrupt;
  MOLDAU_ASSIGN(const bool there, fill(position_, record::batch_format::header_bytes));
  if (!there) return Step::would_block;
  const auto header = BatchHeader::parse(
      base::ByteView(buffer_).subspan(static_cast<std::size_t>(position_ - buffer_position_),
                                      record::batch_format::header_bytes));
  if (!header || header->size > end_ - position_ ||
      (previous_last_ && header->base_offset <= *previous_last_))
    return Step::corrupt;
  header_ = *header;
  previous_last_ = header_.last_offset;
  position_ += header_.size;
  return Step::batch;
}

base::Result<std::optional<base::ByteView>> BatchScanner::batch_bytes() {
  const auto size = static_cast<std::size_t>(header_.size);
  MOLDAU_ASSIGN(const bool there, fill(batch_position_, size));
  if (!there) return std::optional<base::ByteView>{};
  return std::optional<base::ByteView>{base::ByteView(buffer_).subspan(
      static_cast<std::size_t>(batch_position_ - buffer_position_), size)};
}

}  // namespace moldau::storage
