#include "cli/partitioner.hpp"

#include <gtest/gtest.h>

namespace moldau::cli {
namespace {

std::int32_t hash_of(std::string_view key) {
  return static_cast<std::int32_t>(murmur2(base::as_bytes(key)));
}

// The values that Apache Kafka's clients compute (Utils.murmur2).
TEST(Partitioner, HashesLikeKafka) {
  EXPECT_EQ(hash_of("21"), -973932308);
  EXPECT_EQ(hash_of("abc"), 479470107);
  EXPECT_EQ(hash_of("foobar"), -790332482);
  EXPECT_EQ(hash_of("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(hash_of("a-little-bit-longer-string"), -1486304829);
}

TEST(Partitioner, TakesTheSignOffBeforeItDivides) {
  // -973932308 without its sign bit is 1173551340.
  EXPECT_EQ(partition_of_key(base::as_bytes("21"), 7), 1173551340 % 7);
  EXPECT_EQ(partition_of_key(base::as_bytes("abc"), 1), 0);
}

}  // namespace
}  // namespace moldau::cli
