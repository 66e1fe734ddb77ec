#pragma once
// A distinct type for each kind of number, so that an offset cannot be passed for an epoch.

#include <compare>
#include <concepts>
#include <cstddef>
#include <functional>

namespace moldau::base {

/// A number that converts to and from its representation only when asked, and compares only with
/// its own kind.  Arithmetic is defined per type, where it makes sense.
template <std::integral T, class Tag>
class StrongType {
 public:
  using Rep = T;
  constexpr StrongType() = default;
  constexpr explicit StrongType(T value) : value_(value) {}
  [[nodiscard]] constexpr T value() const { return value_; }
  friend constexpr auto operator<=>(StrongType, StrongType) = default;

 private:
  T value_{};
};

template <class T>
concept IsStrongType = requires(T t) {
  typename T::Rep;
  { t.value() } -> std::same_as<typename T::Rep>;
};

}  // namespace moldau::base

template <std::integral T, class Tag>
struct std::hash<moldau::base::StrongType<T, Tag>> {
  std::size_t operator()(moldau::base::StrongType<T, Tag> v) const noexcept {
    return std::hash<T>{}(v.value());
  }
};
