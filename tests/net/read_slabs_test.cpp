#include "net/read_slabs.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "moldau/base/limits.hpp"

namespace moldau::net {
namespace {

TEST(ReadSlab, IsUsedFromTheFrontAgainWhenNothingIsKept) {
  ReadSlab slab;
  const std::uint8_t* first = slab.room().data();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(slab.rewind());
    EXPECT_EQ(slab.room().data(), first);
    EXPECT_EQ(slab.take(10'000).data(), first);
  }
}

TEST(ReadSlab, NeverWritesOverWhatIsKept) {
  ReadSlab slab;
  std::vector<base::SharedBytes> kept;
  std::set<const base::Slab*> slabs;
  for (std::size_t i = 0; i < 1'000; ++i) {
    slab.rewind();
    auto room = slab.room();
    EXPECT_GE(room.size(), ReadSlab::room_bytes_min);
    std::fill_n(room.data(), 1'000, static_cast<std::uint8_t>(i));
    kept.push_back(slab.take(1'000));
    slabs.insert(kept.back().slab());
  }
  for (std::size_t i = 0; i < kept.size(); ++i) {
    for (const std::uint8_t byte : kept[i].view()) {
      ASSERT_EQ(byte, static_cast<std::uint8_t>(i));
    }
  }
  // A million bytes fill three quarters of each slab at least.
  EXPECT_LE(slabs.size(), 1'000'000 / (limits::shared_slab_bytes * 3 / 4 - 1'000) + 1);
}

TEST(KeepHint, LearnsAndTriesAgain) {
  KeepHint hint;
  EXPECT_FALSE(hint.use_keeping());
  hint.learn(true, false);
  int passing = 0;
  for (int i = 0; i < 640; ++i) passing += hint.use_keeping() ? 0 : 1;
  EXPECT_EQ(passing, 10);
  hint.learn(false, false);  // says nothing
  EXPECT_TRUE(hint.use_keeping());
  hint.learn(true, true);
  EXPECT_FALSE(hint.use_keeping());
}

}  // namespace
}  // namespace moldau::net
