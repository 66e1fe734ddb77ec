#pragma once
// The write-ahead lane's blocks and entries, byte for byte.  Grammar: FORMAT.md.

#include <cstddef>
#include <cstdint>

#include "moldau/base/bytes.hpp"
#include "moldau/base/ids.hpp"

namespace moldau::storage::lane_format {

constexpr std::uint32_t magic = 0x4D4C4E31;  // "MLN1"
constexpr std::size_t alignment = 4096;      // blocks begin at multiples of it
constexpr std::size_t block_header_bytes = 64;
constexpr std::size_t entry_header_bytes = 36;

constexpr std::size_t magic_at = 0;             // uint32
constexpr std::size_t crc_at = 4;               // uint32: CRC-32C from incarnation_at to the last entry
constexpr std::size_t incarnation_at = 8;       // uint64: a recycled file's old blocks have another
constexpr std::size_t sequence_at = 16;         // uint64: 0, 1, 2, ... over all files
constexpr std::size_t durable_sequence_at = 24; // uint64: blocks below it were synced before this one
constexpr std::size_t first_lsn_at = 32;        // uint64: of the first entry; they rise by one
constexpr std::size_t length_at = 40;           // uint32: bytes of entries
constexpr std::size_t entry_count_at = 44;      // uint32

constexpr std::size_t kind_at = 0;       // uint8
constexpr std::size_t partition_at = 4;  // int32
constexpr std::size_t topic_id_at = 8;   // 16 bytes
constexpr std::size_t value_at = 24;     // int64
constexpr std::size_t size_at = 32;      // uint32: bytes that follow

/// Numbers are never used again for something else.
enum class Kind : std::uint8_t {
  batch = 1,         // value: base offset; bytes: the batch
  log_start = 2,     // value: the new start (DeleteRecords)
  truncation = 3,    // value: the new end
  log_created = 4,   // bytes: the topic's name
  log_deleted = 5,
};

constexpr std::uint64_t aligned(std::uint64_t size) {
  return (size + alignment - 1) / alignment * alignment;
}

}  // namespace moldau::storage::lane_format
