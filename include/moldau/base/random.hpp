#pragma once
#include <cstdint>
#include <random>

#include "moldau/base/bytes.hpp"

namespace moldau::base {

/// Randomness is passed in.  Thread rule: as the implementation says.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableByteView out) = 0;
  std::uint64_t next();
};

/// The operating system's (through OpenSSL).  Thread-safe.
class SystemRandom final : public Random {
 public:
  void fill(MutableByteView out) override;
};

/// Replays from a seed.  One thread.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableByteView out) override;

 private:
  std::mt19937_64 engine_;
};

}  // namespace moldau::base
