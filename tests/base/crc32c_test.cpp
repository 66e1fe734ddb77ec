#include "moldau/base/crc32c.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace moldau::base {

TEST(Crc32c, MatchesTheCheckValueOfRfc3720) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(32, 0)), 0x8A9136AAU);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, ContinuesOverParts) {
  const auto whole = as_bytes("the quick brown fox jumps over the lazy dog");
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    EXPECT_EQ(crc32c(whole.subspan(cut), crc32c(whole.first(cut))), crc32c(whole));
  }
}

}  // namespace moldau::base
