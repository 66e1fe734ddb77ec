#pragma once
// One record inside a batch, as bytes (KIP-98).  RecordIterator reads them.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/varint.hpp"

namespace moldau::record {

struct RecordDeltas {
  std::int64_t timestamp_ms = 0;
  std::int64_t offset = 0;
};

namespace record_writer {

inline void put_varint(std::vector<std::uint8_t>& out, std::int64_t value) {
  std::array<std::uint8_t, base::varint64_bytes_max> bytes;
  const std::size_t size = base::write_varint(bytes.data(), base::zigzag_encode(value));
  out.insert(out.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
}

inline std::size_t signed_varint_size(std::int64_t value) {
  return base::varint_size(base::zigzag_encode(value));
}

inline std::int64_t length_of(const std::optional<base::ByteView>& bytes) {
  return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
}

inline std::size_t nullable_size(const std::optional<base::ByteView>& bytes) {
  return signed_varint_size(length_of(bytes)) + (bytes ? bytes->size() : 0);
}

inline void put_nullable(std::vector<std::uint8_t>& out,
                         const std::optional<base::ByteView>& bytes) {
  put_varint(out, length_of(bytes));
  if (bytes) out.insert(out.end(), bytes->begin(), bytes->end());
}

}  // namespace record_writer

/// Appends a record to `out`.  A header is a pair of its key (text) and its value (bytes or null).
template <typename Headers>
void put_record(std::vector<std::uint8_t>& out, const RecordDeltas& deltas,
                const std::optional<base::ByteView>& key,
                const std::optional<base::ByteView>& value, const Headers& headers) {
  using namespace record_writer;
  const auto header_count = static_cast<std::int64_t>(headers.size());
  std::size_t size = 1 + signed_varint_size(deltas.timestamp_ms) +
                     signed_varint_size(deltas.offset) + nullable_size(key) + nullable_size(value) +
                     signed_varint_size(header_count);
  for (const auto& [name, content] : headers) {
    size += nullable_size(base::as_bytes(name)) + nullable_size(content);
  }
  put_varint(out, static_cast<std::int64_t>(size));
  out.push_back(0);  // attributes
  put_varint(out, deltas.timestamp_ms);
  put_varint(out, deltas.offset);
  put_nullable(out, key);
  put_nullable(out, value);
  put_varint(out, header_count);
  for (const auto& [name, content] : headers) {
    put_nullable(out, base::as_bytes(name));
    put_nullable(out, content);
  }
}

}  // namespace moldau::record
