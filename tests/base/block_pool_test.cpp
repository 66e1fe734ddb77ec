#include "base/block_pool.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "moldau/base/limits.hpp"

namespace moldau::base::block_pool {

TEST(BlockPool, TakesAQuarterMoreAtTheMost) {
  for (std::size_t size = pooled_size_min; size < 9'000'000; size += size / 97 + 1) {
    EXPECT_GE(block_bytes(size), size);
    EXPECT_LE(block_bytes(size), size + size / 4);
    EXPECT_EQ(block_bytes(block_bytes(size)), block_bytes(size));
  }
}

#ifndef MOLDAU_SANITIZED  // there nothing is kept

TEST(BlockPool, GivesABlockAgainToWhoeverAsksForItsSize) {
  void* first = allocate(120'000);
  std::memset(first, 1, 120'000);
  const std::size_t kept = kept_bytes();
  free(first, 120'000);
  EXPECT_EQ(kept_bytes(), kept + block_bytes(120'000));
  void* second = allocate(block_bytes(120'000));
  EXPECT_EQ(second, first);
  EXPECT_EQ(kept_bytes(), kept);
  void* third = allocate(120'000);
  EXPECT_NE(third, second);
  free(second, 120'000);
  free(third, 120'000);
}

TEST(BlockPool, KeepsNoMoreThanItsLimitAndNothingSmallOrHuge) {
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < 2 * limits::kept_block_bytes_max / 1'000'000; ++i)
    blocks.push_back(allocate(1'000'000));
  for (void* block : blocks) free(block, 1'000'000);
  EXPECT_LE(kept_bytes(), limits::kept_block_bytes_max);
  EXPECT_GT(kept_bytes(), limits::kept_block_bytes_max / 2);
  const std::size_t kept = kept_bytes();
  free(allocate(100), 100);
  free(allocate(50'000'000), 50'000'000);
  EXPECT_EQ(kept_bytes(), kept);
  trim(3'000'000);
  EXPECT_LE(kept_bytes(), 3'000'000U);
  EXPECT_GT(kept_bytes(), 1'000'000U);
  trim(0);
  EXPECT_EQ(kept_bytes(), 0U);
}

#endif

TEST(BlockPool, BelongsToAllThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (std::size_t i = 0; i < 2000; ++i) {
        const std::size_t size = 30'000 + i * 977 % 200'000;
        auto* block = static_cast<unsigned char*>(allocate(size));
        block[0] = block[size - 1] = static_cast<unsigned char>(t);
        std::this_thread::yield();
        EXPECT_EQ(block[0], t);
        EXPECT_EQ(block[size - 1], t);
        free(block, size);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace moldau::base::block_pool
