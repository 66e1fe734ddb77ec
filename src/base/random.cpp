#include "moldau/base/random.hpp"

#include <openssl/rand.h>

#include "moldau/base/check.hpp"

namespace moldau::base {

std::uint64_t Random::next() {
  std::uint8_t bytes[8];
  fill(bytes);
  return load_be<std::uint64_t>(bytes);
}

void SystemRandom::fill(MutableByteView out) {
  MOLDAU_CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1,
               "the operating system gives no randomness");
}

void SeededRandom::fill(MutableByteView out) {
  for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
}

}  // namespace moldau::base
