#pragma once
// Kafka's .txnindex: the aborted transactions whose marker is in a segment (protocol.md 5.6).

#include "index_table.hpp"
#include "moldau/base/ids.hpp"
#include "producer_state.hpp"

namespace moldau::storage {

struct TxnIndexFormat {
  struct Entry {
    ProducerId producer_id{};
    Offset first_offset{};
    Offset last_offset{};
    Offset last_stable_offset{};
  };
  static constexpr std::size_t bytes = 34;
  static void encode(std::uint8_t* to, const Entry& entry) {
    base::store_be(to, std::int16_t{0});
    base::store_be(to + 2, entry.producer_id.value());
    base::store_be(to + 10, entry.first_offset.value());
    base::store_be(to + 18, entry.last_offset.value());
    base::store_be(to + 26, entry.last_stable_offset.value());
  }
  static Entry decode(const std::uint8_t* from) {
    return {ProducerId{base::load_be<std::int64_t>(from + 2)},
            Offset{base::load_be<std::int64_t>(from + 10)},
            Offset{base::load_be<std::int64_t>(from + 18)},
            Offset{base::load_be<std::int64_t>(from + 26)}};
  }
};
using TxnIndex = IndexTable<TxnIndexFormat>;

}  // namespace moldau::storage
