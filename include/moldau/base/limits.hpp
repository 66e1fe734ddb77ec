#pragma once
// Every limit on what a client can make the broker hold or loop over, by name.

#include <cstddef>
#include <cstdint>

namespace moldau::limits {

// Decoding (Kafka 4.4's own limits: protocol.md 4.2).
constexpr std::size_t array_elements_max = 1'000'000;
constexpr std::size_t tagged_fields_max = 10'000;
/// Memory that decoding a frame may take: factor x frame + slack (reliability.md F2).
constexpr std::size_t decode_memory_factor = 8;
constexpr std::size_t decode_memory_slack_bytes = 16 * 1024;

// Network (defaults; configurable ones are in the option table).
constexpr std::size_t frame_bytes_max_default = 100 * 1024 * 1024;
/// A frame up to this size is read into the loop's shared slabs; above it, memory grows as bytes come.
constexpr std::size_t shared_slab_bytes = 256 * 1024;
/// Requests of one connection that may be handled before the first of them is answered.
constexpr std::size_t requests_in_flight_max = 64;
constexpr std::size_t iovecs_per_write_max = 256;
constexpr std::size_t log_string_bytes_max = 256;

// Record batches.
constexpr std::size_t record_headers_max = 100'000;
/// Records of one batch that an answer names as refused (KIP-467).
constexpr std::size_t record_errors_max = 1000;
/// Decompressed size of one batch: at most this factor times its wire size, and at least the floor.
constexpr std::size_t decompression_factor_max = 100;
constexpr std::size_t decompression_floor_bytes = 64 * 1024 * 1024;

constexpr std::size_t topic_name_length_max = 249;
/// Kafka remembers this many batches of each producer for duplicates.
constexpr std::size_t producer_batches_remembered = 5;
/// Producers of one log whose transaction is being looked up, or could not be.
constexpr std::size_t verifications_per_log_max = 10'000;

/// Large blocks of memory that nobody uses and that are kept for the next (base/block_pool).
constexpr std::size_t kept_block_bytes_max = 128 * 1024 * 1024;
/// Of these, when there is nothing to do.
constexpr std::size_t kept_block_bytes_idle = 16 * 1024 * 1024;

}  // namespace moldau::limits
