#include "moldau/codec/writer.hpp"

#include <algorithm>
#include <bit>

#include "moldau/base/varint.hpp"

namespace moldau::codec {
namespace {
constexpr std::size_t capacity_min = 512;
}  // namespace

void Writer::float64(double value) { fixed(std::bit_cast<std::uint64_t>(value)); }

void Writer::long_varint(std::uint64_t value) {
  std::uint8_t bytes[base::varint64_bytes_max];
  raw({bytes, base::write_varint(bytes, value)});
}

void Writer::grow(std::size_t size) {
  const std::size_t capacity = std::max({capacity_min, memory_.size() * 2, size_ + size});
  base::SharedBytes larger = base::SharedBytes::allocate(capacity);
  if (size_ != 0) std::memcpy(larger.mutable_view().data(), memory_.data(), size_);
  memory_ = std::move(larger);
}

void Writer::string_length(std::size_t length, bool compact) {
  if (compact) {
    unsigned_varint(length + 1);
  } else {
    fixed(static_cast<std::int16_t>(length));
  }
}

void Writer::bytes_length(std::size_t length, bool compact) {
  if (compact) {
    unsigned_varint(length + 1);
  } else {
    fixed(static_cast<std::int32_t>(length));
  }
}

void Writer::array_length(std::size_t length, bool compact) { bytes_length(length, compact); }

void Writer::null_string(bool compact) {
  if (compact) {
    unsigned_varint(0);
  } else {
    fixed(std::int16_t{-1});
  }
}

void Writer::null_bytes(bool compact) {
  if (compact) {
    unsigned_varint(0);
  } else {
    fixed(std::int32_t{-1});
  }
}

void Writer::splice(const base::Payload& payload) {
  for (const auto& piece : payload.pieces()) splices_.emplace_back(size_, piece);
  spliced_ += payload.size();
}

base::Payload Writer::finish() && {
  base::Payload payload;
  std::size_t from = 0;
  const auto append_until = [&](std::size_t to) {
    if (to > from) payload.append(memory_.slice(from, to - from));
    from = to;
  };
  for (auto& [position, piece] : splices_) {
    append_until(position);
    std::visit([&](auto& what) { payload.append(std::move(what)); }, piece);
  }
  append_until(size_);
  *this = Writer();
  return payload;
}

}  // namespace moldau::codec
