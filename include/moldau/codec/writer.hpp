#pragma once
// Writes the protocol's primitives; record bytes are spliced in, not copied.

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/payload.hpp"
#include "moldau/base/uuid.hpp"

namespace moldau::codec {

/// Thread rule: one thread.
class Writer {
 public:
  template <std::integral T>
  void fixed(T value) {
    const std::size_t at = buffer_.size();
    buffer_.resize(at + sizeof(T));
    base::store_be(buffer_.data() + at, value);
  }
  void float64(double value);
  void uuid(const base::Uuid& id) { raw(id.bytes); }
  void unsigned_varint(std::uint64_t value);
  void raw(base::ByteView bytes);
  /// Lengths as Reader reads them; the null forms separately.
  void string_length(std::size_t length, bool compact);
  void bytes_length(std::size_t length, bool compact);
  void array_length(std::size_t length, bool compact);
  void null_string(bool compact);
  void null_bytes(bool compact);
  /// References `payload` at this place.
  void splice(const base::Payload& payload);

  [[nodiscard]] std::size_t size() const { return buffer_.size() + spliced_; }
  /// Everything written, in order.  The writer is empty afterwards.
  [[nodiscard]] base::Payload finish() &&;
  /// The bytes, where nothing was spliced.
  [[nodiscard]] base::ByteView view() const { return buffer_; }

 private:
  std::vector<std::uint8_t> buffer_;
  std::vector<std::pair<std::size_t, base::Payload>> splices_;  // position in buffer_, what
  std::size_t spliced_ = 0;
};

}  // namespace moldau::codec
