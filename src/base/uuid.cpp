#include "moldau/base/uuid.hpp"

#include "moldau/base/random.hpp"

namespace moldau::base {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t text_length = 22;

}  // namespace

Uuid Uuid::random(Random& random) {
  for (;;) {
    Uuid id;
    random.fill(id.bytes);
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0F) | 0x40);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3F) | 0x80);
    if (id.to_string()[0] != '-') return id;
  }
}

std::string Uuid::to_string() const {
  std::string text;
  text.reserve(text_length);
  unsigned accumulator = 0;
  int bits = 0;
  for (const std::uint8_t byte : bytes) {
    accumulator = (accumulator << 8) | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text.push_back(alphabet[(accumulator >> bits) & 63]);
    }
  }
  text.push_back(alphabet[(accumulator << (6 - bits)) & 63]);
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() != text_length) return std::nullopt;
  Uuid id;
  unsigned accumulator = 0;
  int bits = 0;
  std::size_t out = 0;
  for (const char c : text) {
    const auto digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    accumulator = (accumulator << 6) | static_cast<unsigned>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      id.bytes[out++] = static_cast<std::uint8_t>(accumulator >> bits);
    }
  }
  return id;
}

}  // namespace moldau::base
