#pragma once
// Reads the protocol's primitives from bytes that nobody vouches for.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moldau/base/bytes.hpp"
#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/base/uuid.hpp"

namespace moldau::codec {

/// Kafka refuses longer strings, in either form.
constexpr std::size_t string_bytes_max = 32767;

/// Errors stick: after the first one every read gives nothing and ok() is false, so that callers check
/// once.  Memory that decoding takes is charged before it is allocated: at most 8 times the bytes given
/// and 16 KiB, whatever counts they declare (reliability.md F2).
/// Thread rule: one thread.  Record bytes are slices of the given memory, not copies.
class Reader {
 public:
  explicit Reader(base::SharedBytes bytes);

  template <std::integral T>
  T fixed() {
    if (!need(sizeof(T))) return T{};
    const T value = base::load_be<T>(data() + position_);
    position_ += sizeof(T);
    return value;
  }
  double float64();
  base::Uuid uuid();
  std::uint64_t unsigned_varint(std::size_t bytes_max = 5) {
    if (!error_ && position_ < end_ && data()[position_] < 0x80) return data()[position_++];
    return long_varint(bytes_max);
  }

  /// Lengths: nullopt is null.  `compact`: unsigned varint of length + 1 (KIP-482).  A length that is
  /// returned fits what remains: strings and bytes exactly, arrays at `element_bytes_min` an element.
  std::optional<std::size_t> string_length(bool compact);
  std::optional<std::size_t> bytes_length(bool compact);
  std::optional<std::size_t> array_length(bool compact, std::size_t element_bytes_min = 1);

  /// `size` bytes as a view of the given memory; empty after an error.
  base::ByteView view(std::size_t size);
  /// The same, sharing the memory.
  base::SharedBytes slice(std::size_t size);
  void skip(std::size_t size) { (void)view(size); }

  /// Charges `count` objects of `size` against the budget, before they are allocated; false and an
  /// error when it is used up.
  bool charge(std::size_t count, std::size_t size);

  /// Reads only the next `size` bytes until leave(); used for tagged fields.
  std::size_t enter(std::size_t size);
  void leave(std::size_t outer_end);

  void fail(base::Errc code, std::string message);
  /// Puts the field's name in front of the error's path.
  void in_field(std::string_view name);
  void in_element(std::size_t index);

  [[nodiscard]] bool ok() const { return !error_; }
  [[nodiscard]] base::Error error() const;
  [[nodiscard]] std::size_t remaining() const { return end_ - position_; }
  [[nodiscard]] std::size_t position() const { return position_; }

 private:
  [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }
  bool need(std::size_t size) {
    if (!error_ && size <= end_ - position_) [[likely]] return true;
    return cut_off(size);
  }
  bool cut_off(std::size_t wanted);
  std::uint64_t long_varint(std::size_t bytes_max);
  std::int64_t raw_length(bool compact);
  std::optional<std::size_t> checked_length(std::int64_t length, std::string_view what,
                                            std::size_t unit);

  base::SharedBytes bytes_;
  std::size_t position_ = 0;
  std::size_t end_ = 0;
  std::size_t budget_ = 0;
  std::optional<base::Error> error_;
  std::string path_;
};

}  // namespace moldau::codec
