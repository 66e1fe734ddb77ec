#pragma once

// Record batches (magic 2) made before the clock starts, so that a request in the measured part
// costs the generator no more than a copy of its head.

#include <cstdint>
#include <string_view>
#include <vector>

#include "wire.hpp"

namespace moldau::mbench {

// The numbers are those of the batch's attributes.
enum class Codec : std::int16_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

// False when the name is none of none, gzip, snappy, lz4, zstd.
bool codec_of(std::string_view name, Codec& codec);

struct BatchShape {
  std::size_t record_bytes = 1000;  // of each value; keys are null
  std::size_t records = 1;
  Codec codec = Codec::none;
};

struct Batch {
  Bytes bytes;
  // Where the first record's value begins; 0 when it is compressed away.
  std::size_t first_value_at = 0;
};

namespace batch_at {
constexpr std::size_t length = 8;
constexpr std::size_t crc = 17;
constexpr std::size_t checked_from = 21;
constexpr std::size_t attributes = 21;
constexpr std::size_t last_offset_delta = 23;
constexpr std::size_t producer_id = 43;
constexpr std::size_t producer_epoch = 51;
constexpr std::size_t base_sequence = 53;
constexpr std::size_t records_count = 57;
constexpr std::size_t records = 61;
}  // namespace batch_at

// A batch whose values compress about 2:1 with every codec: half of each value is random bytes
// of `seed`, the other half is one repeated byte. Values of 8 bytes or more.
Batch make_batch(const BatchShape& shape, std::uint64_t seed, std::int64_t timestamp_ms);

// A few different ones of now, together no larger than a part of the second-level cache.
std::vector<Batch> make_batches(const BatchShape& shape);

// Puts a mark (a time in ns) in the first 8 bytes of the first value and renews the CRC.
void stamp(Bytes& batch, std::size_t first_value_at, std::int64_t mark_ns);

constexpr std::int16_t transactional_bit = 0x10, control_bit = 0x20;

// Who sends a batch, as it says itself.
struct ProducerIdentity {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
};

// Makes the batch that producer's, its first record of this number, and renews the CRC.
void number(Bytes& batch, const ProducerIdentity& producer, std::int32_t sequence,
            bool transactional);
// The number after `sequence` and so many records: after the last one comes 0.
std::int32_t next_sequence(std::int32_t sequence, std::size_t records);

// CRC-32C, continued: begin with `crc_begin`, end with `crc_end`.
constexpr std::uint32_t crc_begin = 0xffffffffU;
std::uint32_t crc_add(std::uint32_t state, const std::uint8_t* data, std::size_t size);
constexpr std::uint32_t crc_end(std::uint32_t state) {
  return state ^ 0xffffffffU;
}

}  // namespace moldau::mbench
