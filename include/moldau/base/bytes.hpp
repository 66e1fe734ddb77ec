#pragma once
// Views of bytes, and big-endian integers in them (everything Kafka writes is big-endian).

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace moldau::base {

using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <std::integral T>
constexpr T big_endian(T value) {
  if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  } else if constexpr (sizeof(T) == 4) {
    return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  } else {
    static_assert(sizeof(T) == 8);
    return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  }
}

/// Reads a big-endian integer; the caller has checked that sizeof(T) bytes are there.
template <std::integral T>
T load_be(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return big_endian(value);
}
template <std::integral T>
void store_be(std::uint8_t* to, T value) {
  value = big_endian(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace moldau::base
