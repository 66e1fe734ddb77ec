#include "moldau/base/payload.hpp"

#include <iterator>

#include "moldau/base/check.hpp"

namespace moldau::base {

void Payload::append(SharedBytes bytes) {
  if (bytes.empty()) return;
  size_ += bytes.size();
  pieces_.emplace_back(std::move(bytes));
}

void Payload::append(FileRange range) {
  if (range.size == 0) return;
  size_ += range.size;
  pieces_.emplace_back(std::move(range));
}

void Payload::append(Payload other) {
  size_ += other.size_;
  pieces_.insert(pieces_.end(), std::make_move_iterator(other.pieces_.begin()),
                 std::make_move_iterator(other.pieces_.end()));
}

std::vector<Piece> Payload::take_pieces() && {
  size_ = 0;
  return std::move(pieces_);
}

SharedBytes Payload::flatten() const {
  SharedBytes all = SharedBytes::allocate(size_);
  auto out = all.mutable_view();
  for (const Piece& piece : pieces_) {
    std::size_t size = 0;
    if (const auto* bytes = std::get_if<SharedBytes>(&piece)) {
      size = bytes->size();
      std::memcpy(out.data(), bytes->data(), size);
    } else {
      const auto& range = std::get<FileRange>(piece);
      size = range.size;
      const auto got = range.file->read_at(range.position, out.first(size));
      MOLDAU_CHECK(got == static_cast<std::int64_t>(size), "file range readable");
    }
    out = out.subspan(size);
  }
  return all;
}

}  // namespace moldau::base
