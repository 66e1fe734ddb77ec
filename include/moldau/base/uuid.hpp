#pragma once
// Kafka's 128-bit ids (topics, directories, incarnations), printed as 22 characters of URL-safe
// base64 without padding, as Kafka prints them.

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace moldau::base {

class Random;

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// A random (version 4) id whose text form does not start with '-', as Kafka demands; never one of
  /// the reserved ids (zero; one: the metadata topic).
  static Uuid random(Random& random);
  static std::optional<Uuid> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool is_zero() const { return *this == Uuid{}; }
  friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace moldau::base

template <>
struct std::hash<moldau::base::Uuid> {
  std::size_t operator()(const moldau::base::Uuid& id) const noexcept {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, id.bytes.data(), 8);
    std::memcpy(&low, id.bytes.data() + 8, 8);
    return high ^ (low * 0x9E3779B97F4A7C15ULL);
  }
};
