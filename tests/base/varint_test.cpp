#include "moldau/base/varint.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace moldau::base {

TEST(Varint, RoundTripsTheEdges) {
  for (const std::int64_t v : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{63}, std::int64_t{-65},
                               std::numeric_limits<std::int64_t>::max(),
                               std::numeric_limits<std::int64_t>::min()}) {
    std::uint8_t buffer[varint64_bytes_max];
    const std::size_t written = write_varint(buffer, zigzag_encode(v));
    EXPECT_EQ(written, varint_size(zigzag_encode(v)));
    std::uint64_t out = 0;
    EXPECT_EQ(read_varint(ByteView(buffer, written), varint64_bytes_max, out), written);
    EXPECT_EQ(zigzag_decode(out), v);
    EXPECT_EQ(read_varint(ByteView(buffer, written - 1), varint64_bytes_max, out), 0U);
  }
}

TEST(Varint, RefusesOneThatIsTooLong) {
  const std::uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
  std::uint64_t out = 0;
  EXPECT_EQ(read_varint(endless, varint32_bytes_max, out), 0U);
}

}  // namespace moldau::base
