#include "moldau/base/uuid.hpp"

#include <gtest/gtest.h>

#include "moldau/base/random.hpp"

namespace moldau::base {

TEST(Uuid, PrintsAsUrlSafeBase64LikeKafka) {
  Uuid one;
  one.bytes[15] = 1;
  EXPECT_EQ(one.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");  // Kafka's metadata topic id
  EXPECT_EQ(Uuid{}.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
}

TEST(Uuid, ParsesWhatItPrints) {
  SeededRandom random(7);
  for (int i = 0; i < 1000; ++i) {
    const Uuid id = Uuid::random(random);
    ASSERT_EQ(Uuid::parse(id.to_string()), id);
    ASSERT_NE(id.to_string()[0], '-');
  }
}

TEST(Uuid, RefusesOtherText) {
  EXPECT_FALSE(Uuid::parse(""));
  EXPECT_FALSE(Uuid::parse("AAAAAAAAAAAAAAAAAAAAA"));
  EXPECT_FALSE(Uuid::parse("AAAAAAAAAAAAAAAAAAAA/Q"));
}

}  // namespace moldau::base
