#pragma once
// Which partition a record goes to: as Kafka's default partitioner chooses, so that records of a
// key go where other clients put them.

#include <cstdint>

#include "moldau/base/bytes.hpp"

namespace moldau::cli {

/// Austin Appleby's MurmurHash2 with the seed of Kafka's clients.
std::uint32_t murmur2(base::ByteView key);

/// The partition of a key among `count` (at least 1).
std::int32_t partition_of_key(base::ByteView key, std::int32_t count);

}  // namespace moldau::cli
