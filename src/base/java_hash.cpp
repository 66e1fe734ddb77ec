#include "moldau/base/java_hash.hpp"

#include <cstddef>
#include <limits>

namespace moldau::base {
namespace {

constexpr std::uint32_t replacement = 0xFFFD;

bool is_continuation(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

/// The code point at the start of `rest`, which is not empty; takes its bytes off.
std::uint32_t take_code_point(std::string_view& rest) {
  const auto first = static_cast<unsigned char>(rest.front());
  rest.remove_prefix(1);
  if (first < 0x80) return first;
  const std::size_t more = first >= 0xC2 && first < 0xE0 ? 1 : first >= 0xE0 && first < 0xF0 ? 2
                           : first >= 0xF0 && first < 0xF5 ? 3 : 0;
  if (more == 0 || rest.size() < more) return replacement;
  std::uint32_t value = first & (0x3FU >> more);
  for (std::size_t i = 0; i < more; ++i) {
    const auto next = static_cast<unsigned char>(rest[i]);
    if (!is_continuation(next)) return replacement;
    value = value << 6 | (next & 0x3FU);
  }
  const bool is_overlong = (more == 2 && value < 0x800) || (more == 3 && value < 0x10000);
  const bool is_surrogate = value >= 0xD800 && value < 0xE000;
  if (is_overlong || is_surrogate || value > 0x10FFFF) return replacement;
  rest.remove_prefix(more);
  return value;
}

template <class F>
void for_each_char(std::string_view utf8, F f) {
  while (!utf8.empty()) {
    const std::uint32_t point = take_code_point(utf8);
    if (point < 0x10000) {
      f(point);
    } else {
      f(0xD800 + ((point - 0x10000) >> 10));
      f(0xDC00 + ((point - 0x10000) & 0x3FFU));
    }
  }
}

}  // namespace

std::u16string java_chars(std::string_view utf8) {
  std::u16string chars;
  chars.reserve(utf8.size());
  for_each_char(utf8, [&](std::uint32_t c) { chars.push_back(static_cast<char16_t>(c)); });
  return chars;
}

std::int32_t java_hash(std::string_view utf8) {
  std::uint32_t hash = 0;
  for_each_char(utf8, [&](std::uint32_t c) { hash = hash * 31 + c; });
  return static_cast<std::int32_t>(hash);
}

std::int32_t java_partition(std::string_view key, std::int32_t partitions) {
  const std::int32_t hash = java_hash(key);
  const std::int32_t positive = hash == std::numeric_limits<std::int32_t>::min() ? 0
                                : hash < 0 ? -hash : hash;
  return positive % partitions;
}

}  // namespace moldau::base
