#pragma once
// The vocabulary by which a message declares its fields once:
//
//   static constexpr void fields(auto& field, auto& m) {
//     field("group_id", m.group_id, since(0));
//     field("group_instance_id", m.group_instance_id, since(3).nullable(3));
//     field("cluster_id", m.cluster_id, since(12).nullable(12).tagged(0));
//   }
//
// Encoding, decoding, the schema dump and random filling all come from that list.

#include <cstddef>
#include <cstdint>
#include <limits>

namespace moldau::codec {

using Version = std::int16_t;

/// Both ends included.
struct VersionRange {
  Version first = 0;
  Version last = 0;
  [[nodiscard]] constexpr bool contains(Version v) const { return v >= first && v <= last; }
  friend constexpr bool operator==(VersionRange, VersionRange) = default;
};

constexpr Version never = std::numeric_limits<Version>::max();

/// In which versions a field is there, may be null, and is tagged (KIP-482).
struct FieldSpec {
  Version first = 0;
  Version last = never;
  Version nullable_from = never;
  Version tagged_from = never;
  std::uint32_t tag = 0;
  bool is_always_written = false;

  [[nodiscard]] constexpr FieldSpec until(Version v) const {
    FieldSpec spec = *this;
    spec.last = v;
    return spec;
  }
  [[nodiscard]] constexpr FieldSpec nullable(Version from) const {
    FieldSpec spec = *this;
    spec.nullable_from = from;
    return spec;
  }
  /// Tagged in every version in which it is there.
  [[nodiscard]] constexpr FieldSpec tagged(std::uint32_t number) const {
    FieldSpec spec = *this;
    spec.tagged_from = first;
    spec.tag = number;
    return spec;
  }
  /// Though tagged, written at its default, too: for one that is null here and is not in Kafka.
  [[nodiscard]] constexpr FieldSpec always_written() const {
    FieldSpec spec = *this;
    spec.is_always_written = true;
    return spec;
  }
  [[nodiscard]] constexpr bool present(Version v) const { return v >= first && v <= last; }
  [[nodiscard]] constexpr bool is_tagged(Version v) const { return present(v) && v >= tagged_from; }
  [[nodiscard]] constexpr bool is_plain(Version v) const { return present(v) && v < tagged_from; }
  [[nodiscard]] constexpr bool is_nullable(Version v) const { return v >= nullable_from; }
};

constexpr FieldSpec since(Version first) { return FieldSpec{.first = first}; }

namespace detail {
struct AnyValue {
  template <class T>
  operator T() const;  // never defined: only its type is used
};

/// Members of an aggregate, counted by how many initialisers it takes.
template <class M, class... Values>
constexpr std::size_t member_count() {
  if constexpr (requires { M{Values{}..., AnyValue{}}; }) {
    return member_count<M, Values..., AnyValue>();
  } else {
    return sizeof...(Values);
  }
}

struct FieldCounter {
  std::size_t count = 0;
  constexpr void operator()(const char*, const auto&, FieldSpec) { ++count; }
};

template <class M>
inline const M prototype{};

template <class M>
constexpr std::size_t field_count() {
  FieldCounter counter;
  M::fields(counter, prototype<M>);
  return counter.count;
}
}  // namespace detail

/// A struct that declares all of its members in fields().
template <class M>
concept FieldList = requires(detail::FieldCounter& counter, M& m) { M::fields(counter, m); };

template <class M>
concept CompleteFieldList = FieldList<M> && detail::field_count<M>() == detail::member_count<M>();

}  // namespace moldau::codec
