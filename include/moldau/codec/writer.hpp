#pragma once
// Writes the protocol's primitives; record bytes are spliced in, not copied.

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/payload.hpp"
#include "moldau/base/uuid.hpp"

namespace moldau::codec {

/// Small fields go to one block of memory that grows by doubling and becomes part of the payload as it
/// is: a small response costs one allocation.  Thread rule: one thread.
class Writer {
 public:
  Writer() = default;
  Writer(Writer&&) = default;
  Writer& operator=(Writer&&) = default;

  template <std::integral T>
  void fixed(T value) {
    base::store_be(extend(sizeof(T)), value);
  }
  void float64(double value);
  void uuid(const base::Uuid& id) { raw(id.bytes); }
  void unsigned_varint(std::uint64_t value) {
    if (value < 0x80) {
      *extend(1) = static_cast<std::uint8_t>(value);
    } else {
      long_varint(value);
    }
  }
  void raw(base::ByteView bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }
  /// Lengths as Reader reads them; the null forms separately.
  void string_length(std::size_t length, bool compact);
  void bytes_length(std::size_t length, bool compact);
  void array_length(std::size_t length, bool compact);
  void null_string(bool compact);
  void null_bytes(bool compact);
  /// References `payload` at this place.
  void splice(const base::Payload& payload);

  [[nodiscard]] std::size_t size() const { return size_ + spliced_; }
  /// Everything written, in order.  The writer is empty afterwards.
  [[nodiscard]] base::Payload finish() &&;
  /// The bytes, where nothing was spliced.
  [[nodiscard]] base::ByteView view() const { return memory_.view().first(size_); }

 private:
  std::uint8_t* extend(std::size_t size) {
    if (size > memory_.size() - size_) [[unlikely]] grow(size);
    std::uint8_t* at = memory_.mutable_view().data() + size_;
    size_ += size;
    return at;
  }
  void grow(std::size_t size);
  void long_varint(std::uint64_t value);

  base::SharedBytes memory_;  // the first size_ bytes of it are written
  std::size_t size_ = 0;
  std::vector<std::pair<std::size_t, base::Piece>> splices_;  // position in memory_, what
  std::size_t spliced_ = 0;
};

}  // namespace moldau::codec
