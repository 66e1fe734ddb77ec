#pragma once
// Protocol Buffers' variable-length integers, plain and zigzag, as Kafka uses them.

#include <cstddef>
#include <cstdint>

#include "moldau/base/bytes.hpp"

namespace moldau::base {

constexpr std::size_t varint32_bytes_max = 5;
constexpr std::size_t varint64_bytes_max = 10;

constexpr std::uint64_t zigzag_encode(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
constexpr std::int64_t zigzag_decode(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

constexpr std::size_t varint_size(std::uint64_t v) {
  std::size_t size = 1;
  while (v >= 0x80) {
    v >>= 7;
    ++size;
  }
  return size;
}

/// Writes at `to`, which has room for varint_size(v); returns the bytes written.
inline std::size_t write_varint(std::uint8_t* to, std::uint64_t v) {
  std::size_t n = 0;
  while (v >= 0x80) {
    to[n++] = static_cast<std::uint8_t>(v | 0x80);
    v >>= 7;
  }
  to[n++] = static_cast<std::uint8_t>(v);
  return n;
}

/// Reads one; returns the bytes read, or 0 when it is cut off or longer than `bytes_max`.
inline std::size_t read_varint(ByteView from, std::size_t bytes_max, std::uint64_t& out) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < from.size() && i < bytes_max; ++i) {
    value |= static_cast<std::uint64_t>(from[i] & 0x7F) << (7 * i);
    if (from[i] < 0x80) {
      out = value;
      return i + 1;
    }
  }
  return 0;
}

}  // namespace moldau::base
