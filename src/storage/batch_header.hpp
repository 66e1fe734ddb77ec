#pragma once
// The first 61 bytes of a batch as numbers, for scans that do not read the records.

#include <cstdint>
#include <optional>

#include "moldau/base/bytes.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/record/batch_format.hpp"

namespace moldau::storage {

struct BatchHeader {
  Offset base_offset{};
  Offset last_offset{};
  std::uint64_t size = 0;  // of the whole batch
  LeaderEpoch leader_epoch{};
  std::int16_t attributes = 0;
  std::int64_t max_timestamp_ms = -1;
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  std::int32_t base_sequence = -1;

  [[nodiscard]] Offset next_offset() const { return last_offset + 1; }
  [[nodiscard]] bool has_producer() const { return producer_id.value() >= 0; }
  [[nodiscard]] bool is_transactional() const {
    return (attributes & record::attribute::transactional) != 0;
  }
  [[nodiscard]] bool is_control() const { return (attributes & record::attribute::control) != 0; }
  [[nodiscard]] std::int32_t last_sequence() const {
    if (base_sequence < 0) return -1;
    const auto last = static_cast<std::int64_t>(base_sequence) + (last_offset - base_offset);
    return static_cast<std::int32_t>(last & 0x7FFFFFFF);
  }

  /// nullopt when these bytes are no header of a batch of magic 2 (or fewer than 61).
  static std::optional<BatchHeader> parse(base::ByteView bytes) {
    namespace at = record::batch_format;
    if (bytes.size() < at::header_bytes) return std::nullopt;
    const std::uint8_t* from = bytes.data();
    const auto length = base::load_be<std::int32_t>(from + at::length_at);
    const auto delta = base::load_be<std::int32_t>(from + at::last_offset_delta_at);
    BatchHeader header;
    header.base_offset = Offset{base::load_be<std::int64_t>(from)};
    if (static_cast<std::int8_t>(from[at::magic_at]) != at::magic || delta < 0 ||
        header.base_offset.value() < 0 ||
        length < static_cast<std::int32_t>(at::header_bytes - at::length_overhead))
      return std::nullopt;
    header.last_offset = header.base_offset + delta;
    header.size = static_cast<std::uint64_t>(length) + at::length_overhead;
    header.leader_epoch = LeaderEpoch{base::load_be<std::int32_t>(from + at::leader_epoch_at)};
    header.attributes = base::load_be<std::int16_t>(from + at::attributes_at);
    header.max_timestamp_ms = base::load_be<std::int64_t>(from + at::max_timestamp_at);
    header.producer_id = ProducerId{base::load_be<std::int64_t>(from + at::producer_id_at)};
    header.producer_epoch = ProducerEpoch{base::load_be<std::int16_t>(from + at::producer_epoch_at)};
    header.base_sequence = base::load_be<std::int32_t>(from + at::base_sequence_at);
    return header;
  }
};

}  // namespace moldau::storage
