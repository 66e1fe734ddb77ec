#pragma once
// CRC-32C (Castagnoli) as in record batches, by ISA-L.

#include <cstdint>

#include "moldau/base/bytes.hpp"

namespace moldau::base {

/// The checksum of `bytes`.
std::uint32_t crc32c(ByteView bytes);
/// The checksum of (what had checksum `crc`) followed by `bytes`: crc32c(b, crc32c(a)) == crc32c(ab).
std::uint32_t crc32c(ByteView bytes, std::uint32_t crc);

}  // namespace moldau::base
