#include "moldau/base/shared_bytes.hpp"

#include <gtest/gtest.h>

#include "moldau/base/payload.hpp"

namespace moldau::base {

TEST(SharedBytes, SlicesShareTheSlab) {
  SharedBytes whole = SharedBytes::copy_of(as_bytes("hello world"));
  SharedBytes part = whole.slice(6, 5);
  EXPECT_EQ(as_text(part.view()), "world");
  EXPECT_EQ(part.slab(), whole.slab());
  EXPECT_FALSE(whole.slab()->is_unique());
  whole = {};
  EXPECT_EQ(as_text(part.view()), "world");
  EXPECT_TRUE(part.slab()->is_unique());
}

TEST(SharedBytes, MovedFromIsEmpty) {
  SharedBytes a = SharedBytes::copy_of(as_bytes("x"));
  const SharedBytes b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(b.size(), 1U);
}

TEST(Payload, FlattensItsPiecesInOrder) {
  Payload payload;
  payload.append(SharedBytes::copy_of(as_bytes("ab")));
  payload.append(SharedBytes{});
  payload.append(SharedBytes::copy_of(as_bytes("cd")));
  EXPECT_EQ(payload.pieces().size(), 2U);
  EXPECT_EQ(payload.size(), 4U);
  EXPECT_EQ(as_text(payload.flatten().view()), "abcd");
}

}  // namespace moldau::base
