#include "moldau/base/crc32c.hpp"

#include <isa-l/crc.h>

#include <limits>

namespace moldau::base {

std::uint32_t crc32c(ByteView bytes) { return crc32c(bytes, 0); }

std::uint32_t crc32c(ByteView bytes, std::uint32_t crc) {
  // ISA-L's crc32_iscsi leaves both inversions to the caller, takes a non-const pointer that it only
  // reads, and counts in int.
  std::uint32_t state = ~crc;
  constexpr std::size_t step_max = std::numeric_limits<int>::max();
  auto* data = const_cast<std::uint8_t*>(bytes.data());
  std::size_t left = bytes.size();
  while (left > 0) {
    const std::size_t step = left < step_max ? left : step_max;
    state = crc32_iscsi(data, static_cast<int>(step), state);
    data += step;
    left -= step;
  }
  return ~state;
}

}  // namespace moldau::base
