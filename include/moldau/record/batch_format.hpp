#pragma once
// Record batch v2, byte for byte (KIP-98).  One place for its positions, shared by readers and writers.

#include <cstddef>
#include <cstdint>

namespace moldau::record {

namespace batch_format {
constexpr std::size_t base_offset_at = 0;              // int64
constexpr std::size_t length_at = 8;                   // int32: bytes after this field
constexpr std::size_t leader_epoch_at = 12;            // int32, outside the CRC
constexpr std::size_t magic_at = 16;                   // int8
constexpr std::size_t crc_at = 17;                     // uint32, CRC-32C of attributes_at to the end
constexpr std::size_t attributes_at = 21;              // int16
constexpr std::size_t last_offset_delta_at = 23;       // int32
constexpr std::size_t base_timestamp_at = 27;          // int64; delete horizon when that bit is set
constexpr std::size_t max_timestamp_at = 35;           // int64
constexpr std::size_t producer_id_at = 43;             // int64, -1 none
constexpr std::size_t producer_epoch_at = 51;          // int16, -1 none
constexpr std::size_t base_sequence_at = 53;           // int32, -1 none
constexpr std::size_t record_count_at = 57;            // int32
constexpr std::size_t header_bytes = 61;
constexpr std::size_t length_overhead = 12;            // base offset and length themselves
constexpr std::int8_t magic = 2;
}  // namespace batch_format

enum class Compression : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
constexpr std::uint8_t compression_last = 4;

enum class TimestampType : std::uint8_t { create_time = 0, log_append_time = 1 };

namespace attribute {
constexpr std::int16_t compression_mask = 0x07;
constexpr std::int16_t log_append_time = 0x08;
constexpr std::int16_t transactional = 0x10;
constexpr std::int16_t control = 0x20;
constexpr std::int16_t delete_horizon = 0x40;
}  // namespace attribute

enum class ControlType : std::int16_t {
  abort = 0, commit = 1, leader_change = 2, snapshot_header = 3, snapshot_footer = 4,
  kraft_version = 5, kraft_voters = 6,
};

}  // namespace moldau::record
