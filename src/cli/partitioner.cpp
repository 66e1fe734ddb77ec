#include "partitioner.hpp"

namespace moldau::cli {
namespace {

std::uint32_t load_little(const std::uint8_t* from) {
  return static_cast<std::uint32_t>(from[0]) | static_cast<std::uint32_t>(from[1]) << 8 |
         static_cast<std::uint32_t>(from[2]) << 16 | static_cast<std::uint32_t>(from[3]) << 24;
}

}  // namespace

std::uint32_t murmur2(base::ByteView key) {
  constexpr std::uint32_t seed = 0x9747b28c;
  constexpr std::uint32_t mix = 0x5bd1e995;
  std::uint32_t hash = seed ^ static_cast<std::uint32_t>(key.size());
  for (; key.size() >= 4; key = key.subspan(4)) {
    std::uint32_t word = load_little(key.data()) * mix;
    word ^= word >> 24;
    hash = (hash * mix) ^ (word * mix);
  }
  if (!key.empty()) {
    for (std::size_t i = 0; i < key.size(); ++i)
      hash ^= static_cast<std::uint32_t>(key[i]) << (8 * i);
    hash *= mix;
  }
  hash ^= hash >> 13;
  hash *= mix;
  return hash ^ (hash >> 15);
}

std::int32_t partition_of_key(base::ByteView key, std::int32_t count) {
  return static_cast<std::int32_t>(murmur2(key) & 0x7fffffff) % count;
}

}  // namespace moldau::cli
