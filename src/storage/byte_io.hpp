#pragma once
// Big-endian fields written to and read from a block of memory: for the small binary files.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/bytes.hpp"

namespace moldau::storage {

class ByteSink {
 public:
  template <std::integral T>
  void put(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    base::store_be(bytes_.data() + at, value);
  }
  void put_bytes(base::ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void put_text(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    put_bytes(base::as_bytes(text));
  }
  [[nodiscard]] std::vector<std::uint8_t>& bytes() { return bytes_; }
  [[nodiscard]] std::string_view text() const { return base::as_text(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// Reads what a ByteSink wrote.  Past the end everything is zero and ok() is false.
class ByteSource {
 public:
  explicit ByteSource(base::ByteView bytes) : rest_(bytes) {}
  template <std::integral T>
  T get() {
    if (rest_.size() < sizeof(T)) return spoil<T>();
    const T value = base::load_be<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  base::ByteView get_bytes(std::size_t size) {
    if (rest_.size() < size) {
      spoil<int>();
      return {};
    }
    const auto bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }
  std::string get_text() {
    const auto size = get<std::uint32_t>();
    return std::string(base::as_text(get_bytes(size)));
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  template <class T>
  T spoil() {
    ok_ = false;
    rest_ = {};
    return T{};
  }
  base::ByteView rest_;
  bool ok_ = true;
};

}  // namespace moldau::storage
