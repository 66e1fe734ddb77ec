#pragma once
// Kafka's .timeindex: the largest timestamp so far, and the batch that holds it (protocol.md 5.5).

#include "index_table.hpp"

namespace moldau::storage {

struct TimeIndexFormat {
  struct Entry {
    std::int64_t timestamp_ms = -1;
    std::uint32_t relative_offset = 0;  // last offset of that batch, less the segment's base
  };
  static constexpr std::size_t bytes = 12;
  static void encode(std::uint8_t* to, const Entry& entry) {
    base::store_be(to, entry.timestamp_ms);
    base::store_be(to + 8, entry.relative_offset);
  }
  static bool rises(const Entry& a, const Entry& b) {
    return a.timestamp_ms < b.timestamp_ms && a.relative_offset <= b.relative_offset;
  }
  static Entry decode(const std::uint8_t* from) {
    return {base::load_be<std::int64_t>(from), base::load_be<std::uint32_t>(from + 8)};
  }
};
using TimeIndex = IndexTable<TimeIndexFormat>;

}  // namespace moldau::storage
