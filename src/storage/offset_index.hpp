#pragma once
// Kafka's .index: from an offset to the file position of its batch (protocol.md 5.4).

#include "index_table.hpp"

namespace moldau::storage {

struct OffsetIndexFormat {
  struct Entry {
    std::uint32_t relative_offset = 0;  // last offset of the batch, less the segment's base
    std::uint32_t position = 0;         // of the start of that batch
  };
  static constexpr std::size_t bytes = 8;
  static void encode(std::uint8_t* to, const Entry& entry) {
    base::store_be(to, entry.relative_offset);
    base::store_be(to + 4, entry.position);
  }
  static bool rises(const Entry& a, const Entry& b) {
    return a.relative_offset < b.relative_offset && a.position < b.position;
  }
  static Entry decode(const std::uint8_t* from) {
    return {base::load_be<std::uint32_t>(from), base::load_be<std::uint32_t>(from + 4)};
  }
};
using OffsetIndex = IndexTable<OffsetIndexFormat>;

}  // namespace moldau::storage
