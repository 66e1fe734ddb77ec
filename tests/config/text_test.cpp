#include <gtest/gtest.h>

#include "moldau/config/config.hpp"

namespace moldau::config {
namespace {

TEST(ParseBytes, TakesUnits) {
  EXPECT_EQ(parse_bytes("10"), 10U);
  EXPECT_EQ(parse_bytes("64KiB"), 65'536U);
  EXPECT_EQ(parse_bytes("10 MiB"), 10U << 20);
  EXPECT_EQ(parse_bytes("1GiB"), 1ULL << 30);
  EXPECT_EQ(parse_bytes("2TiB"), 2ULL << 40);
}

TEST(ParseBytes, RefusesWhatIsNoSize) {
  for (const char* text : {"", "MiB", "-1", "1.5MiB", "1MB", "1 2", "0x10", "18446744073709551616",
                           "99999999999999TiB"})
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
}

TEST(ParseAddress, TakesNamesAndBothFamilies) {
  EXPECT_EQ(parse_address("host:1"), (Address{"host", 1}));
  EXPECT_EQ(parse_address(":9092"), (Address{"", 9092}));
  EXPECT_EQ(parse_address("[::1]:65535"), (Address{"::1", 65535}));
}

TEST(ParseAddress, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "host", "host:", "host:x", "host:65536", "::1:9092", "host:-1"})
    EXPECT_EQ(parse_address(text), std::nullopt) << text;
}

TEST(Closest, AllowsTwoEdits) {
  const std::vector<std::string_view> words = {"listeners", "node", "log"};
  EXPECT_EQ(closest("lsiteners", words), "listeners");  // a swap is one
  EXPECT_EQ(closest("listner", words), "listeners");
  EXPECT_EQ(closest("lstnrs", words), "");
  EXPECT_EQ(closest("nodes", words), "node");
  EXPECT_EQ(closest("x", words), "");
}

}  // namespace
}  // namespace moldau::config
