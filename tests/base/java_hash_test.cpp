#include "moldau/base/java_hash.hpp"

#include <gtest/gtest.h>

namespace moldau::base {
namespace {

// Expected values: jshell, "...".hashCode().
TEST(JavaHash, IsThatOfJava) {
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("a"), 97);
  EXPECT_EQ(java_hash("console-consumer-1"), 35782224);
  EXPECT_EQ(java_hash("gr\xC3\xBC\xC3\x9F"), 3186062);
  EXPECT_EQ(java_hash("\xF0\x9F\x98\x80!"), 54959902);
}

TEST(JavaHash, BytesThatAreNoTextCountAsReplacement) {
  EXPECT_EQ(java_hash("\xFF"), 0xFFFD);
  EXPECT_EQ(java_hash("\xC3"), 0xFFFD);
}

TEST(JavaPartition, OfTheLeastIntegerIsZero) {
  EXPECT_EQ(java_hash("polygenelubricants"), INT32_MIN);
  EXPECT_EQ(java_partition("polygenelubricants", 50), 0);
}

TEST(JavaPartition, OfANegativeHashIsThatOfItsAbsolute) {
  EXPECT_LT(java_hash("orders"), 0);
  EXPECT_EQ(java_partition("orders", 50), 31);
}

}  // namespace
}  // namespace moldau::base
