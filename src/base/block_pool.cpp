#include "base/block_pool.hpp"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include "moldau/base/limits.hpp"
#include "moldau/base/mutex.hpp"

namespace moldau::base::block_pool {
namespace {

#ifdef MOLDAU_SANITIZED
constexpr std::size_t pooled_from = SIZE_MAX;  // every use after the end is to be seen: nothing is used again
#else
constexpr std::size_t pooled_from = pooled_size_min;
#endif
constexpr std::size_t page_bytes = 4096;
constexpr std::size_t steps_per_doubling = 4;
constexpr int exponent_min = std::countr_zero(pooled_size_min);
constexpr int exponent_max = 22;  // larger blocks are rare, and go back at once
constexpr std::size_t classes = static_cast<std::size_t>(exponent_max - exponent_min) * steps_per_doubling;

/// Blocks that nobody uses, by class.
struct Kept {
  Mutex mutex;
  std::array<std::vector<void*>, classes> blocks MOLDAU_GUARDED_BY(mutex);
  std::size_t bytes MOLDAU_GUARDED_BY(mutex) = 0;
};

// Never destroyed: slabs may be freed while the process ends.
Kept& kept() {
  static Kept& instance = *new Kept;
  return instance;
}

std::size_t class_of(std::size_t block) {
  const int exponent = static_cast<int>(std::bit_width(block)) - 1;
  const std::size_t step = (block - (std::size_t{1} << exponent)) /
                           ((std::size_t{1} << exponent) / steps_per_doubling);
  return static_cast<std::size_t>(exponent - exponent_min) * steps_per_doubling + step;
}

std::size_t bytes_of_class(std::size_t index) {
  const std::size_t doubling = pooled_size_min << (index / steps_per_doubling);
  return doubling + doubling / steps_per_doubling * (index % steps_per_doubling);
}

std::size_t mapped_bytes(std::size_t block) {
  return (block + page_bytes - 1) / page_bytes * page_bytes;
}

bool is_kept(std::size_t block) { return block < std::size_t{1} << exponent_max; }

}  // namespace

std::size_t block_bytes(std::size_t size) {
  const std::size_t step = std::bit_floor(size) / steps_per_doubling;
  return (size + step - 1) / step * step;
}

std::size_t kept_bytes() {
  MutexLock lock(kept().mutex);
  return kept().bytes;
}

void trim(std::size_t bytes) {
  MutexLock lock(kept().mutex);
  for (std::size_t i = classes; i-- > 0;) {  // the largest first
    auto& blocks = kept().blocks[i];
    while (!blocks.empty() && kept().bytes > bytes) {
      const std::size_t size = bytes_of_class(i);
      ::munmap(blocks.back(), mapped_bytes(size));
      kept().bytes -= size;
      blocks.pop_back();
    }
  }
}

void* allocate(std::size_t size) {
  if (size < pooled_from) {
    void* block = std::malloc(size);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  const std::size_t bytes = block_bytes(size);
  if (is_kept(bytes)) {
    MutexLock lock(kept().mutex);
    auto& blocks = kept().blocks[class_of(bytes)];
    if (!blocks.empty()) {
      void* block = blocks.back();
      blocks.pop_back();
      kept().bytes -= bytes;
      return block;
    }
  }
  void* block = ::mmap(nullptr, mapped_bytes(bytes),
                       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) throw std::bad_alloc();
  return block;
}

void free(void* block, std::size_t size) {
  if (size < pooled_from) return std::free(block);
  const std::size_t bytes = block_bytes(size);
  if (is_kept(bytes)) {
    MutexLock lock(kept().mutex);
    if (kept().bytes + bytes <= limits::kept_block_bytes_max) {
      kept().blocks[class_of(bytes)].push_back(block);
      kept().bytes += bytes;
      return;
    }
  }
  ::munmap(block, mapped_bytes(bytes));
}

}  // namespace moldau::base::block_pool
