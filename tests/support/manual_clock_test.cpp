#include "tests/support/manual_clock.hpp"

#include <gtest/gtest.h>

namespace moldau::support {
namespace {

TEST(ManualClock, StandsStillUntilMoved) {
  ManualClock clock(1000);
  const auto start = clock.now();
  EXPECT_EQ(clock.now(), start);
  EXPECT_EQ(clock.wall_ms(), 1000);
  clock.advance(base::Milliseconds(250));
  EXPECT_EQ(clock.now() - start, base::Milliseconds(250));
  EXPECT_EQ(clock.wall_ms(), 1250);
}

TEST(ManualClock, TheWallClockJumpsAlone) {
  ManualClock clock(1000);
  const auto start = clock.now();
  clock.set_wall_ms(5);
  EXPECT_EQ(clock.wall_ms(), 5);
  EXPECT_EQ(clock.now(), start);
}

}  // namespace
}  // namespace moldau::support
