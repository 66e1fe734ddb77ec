#include "moldau/codec/writer.hpp"

#include <bit>

#include "moldau/base/varint.hpp"

namespace moldau::codec {

void Writer::float64(double value) { fixed(std::bit_cast<std::uint64_t>(value)); }

void Writer::unsigned_varint(std::uint64_t value) {
  std::uint8_t bytes[base::varint64_bytes_max];
  raw({bytes, base::write_varint(bytes, value)});
}

void Writer::raw(base::ByteView bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }

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
  if (payload.empty()) return;
  spliced_ += payload.size();
  splices_.emplace_back(buffer_.size(), payload);
}

base::Payload Writer::finish() && {
  const base::SharedBytes bytes = base::SharedBytes::copy_of(buffer_);
  base::Payload payload;
  std::size_t from = 0;
  for (auto& [position, spliced] : splices_) {
    if (position > from) payload.append(bytes.slice(from, position - from));
    from = position;
    payload.append(std::move(spliced));
  }
  if (from < bytes.size()) payload.append(bytes.slice(from, bytes.size() - from));
  buffer_.clear();
  splices_.clear();
  spliced_ = 0;
  return payload;
}

}  // namespace moldau::codec
