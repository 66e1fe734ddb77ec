#pragma once

// Kafka's primitive types, big-endian, as much of them as a load generator needs. The generator has
// its own encoder on purpose: a broker measured through its own codec would share its own mistakes.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace moldau::mbench {

using Bytes = std::vector<std::uint8_t>;

// Stores an integer big-endian at `at`, which must have sizeof(T) bytes.
template <typename T>
void store_be(std::uint8_t* at, T value) {
  auto bits = static_cast<std::uint64_t>(value);
  for (std::size_t i = sizeof(T); i-- > 0; bits >>= 8) at[i] = static_cast<std::uint8_t>(bits);
}

template <typename T>
T load_be(const std::uint8_t* at) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) bits = (bits << 8) | at[i];
  return static_cast<T>(bits);
}

inline void put_uvarint(Bytes& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

class Writer {
 public:
  template <typename T>
  Writer& be(T value) {
    out_.resize(out_.size() + sizeof(T));
    store_be(out_.data() + out_.size() - sizeof(T), value);
    return *this;
  }
  Writer& uvarint(std::uint64_t value) {
    put_uvarint(out_, value);
    return *this;
  }
  // Zigzag, as inside records.
  Writer& varint(std::int64_t value) {
    return uvarint((static_cast<std::uint64_t>(value) << 1) ^
                   static_cast<std::uint64_t>(value >> 63));
  }
  Writer& raw(const void* data, std::size_t size) {
    const auto* from = static_cast<const std::uint8_t*>(data);
    out_.insert(out_.end(), from, from + size);
    return *this;
  }
  // The old string of request headers: a 16-bit length.
  Writer& string(std::string_view text) {
    return be(static_cast<std::int16_t>(text.size())).raw(text.data(), text.size());
  }
  Writer& compact_string(std::string_view text) {
    return uvarint(text.size() + 1).raw(text.data(), text.size());
  }
  Writer& compact_bytes(const Bytes& bytes) {
    return uvarint(bytes.size() + 1).raw(bytes.data(), bytes.size());
  }
  // A null string or a null array.
  Writer& compact_null() { return uvarint(0); }
  Writer& compact_array(std::size_t count) { return uvarint(count + 1); }
  Writer& no_tags() { return uvarint(0); }

  std::size_t size() const { return out_.size(); }
  Bytes& bytes() { return out_; }

 private:
  Bytes out_;
};

// Reads what a broker answered. After the first read past the end `ok()` is false and every later
// read gives 0: callers check once, at the end.
class Reader {
 public:
  Reader(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

  template <typename T>
  T be() {
    if (!has(sizeof(T))) return T{};
    const T value = load_be<T>(at_);
    at_ += sizeof(T);
    return value;
  }
  std::uint64_t uvarint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (!has(1)) return 0;
      const std::uint8_t byte = *at_++;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t varint() {
    const std::uint64_t value = uvarint();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  // Compact lengths and counts; null and empty are both 0.
  std::size_t compact_size() {
    const std::uint64_t value = uvarint();
    return value == 0 ? 0 : static_cast<std::size_t>(value - 1);
  }
  std::string_view compact_string() {
    const std::size_t size = compact_size();
    const auto* text = reinterpret_cast<const char*>(at_);
    return skip(size) ? std::string_view(text, size) : std::string_view();
  }
  bool skip(std::size_t size) {
    if (!has(size)) return false;
    at_ += size;
    return true;
  }
  void tags() {
    for (std::uint64_t left = uvarint(); left > 0 && ok_; --left) {
      uvarint();
      skip(static_cast<std::size_t>(uvarint()));
    }
  }

  bool ok() const { return ok_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  const std::uint8_t* at() const { return at_; }

 private:
  bool has(std::size_t size) {
    if (ok_ && left() >= size) return true;
    ok_ = false;
    return false;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

}  // namespace moldau::mbench
