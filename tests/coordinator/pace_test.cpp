#include "coordinator/pace.hpp"

#include <gtest/gtest.h>

namespace moldau::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr base::SteadyTime start{1h};

TEST(Pace, NothingIsPutOffWhereLittleIsAsked) {
  Pace pace;
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(pace.next_append(start + i * 1ms), std::nullopt);
}

TEST(Pace, ThickAndFastAppendsShareMoments) {
  Pace pace;
  for (int i = 0; i < 100; ++i) pace.next_append(start + i * 100us);  // 10,000 a second
  const auto now = start + 10ms + 100us;
  const auto when = pace.next_append(now);
  ASSERT_TRUE(when.has_value());
  EXPECT_GT(*when, now);
  EXPECT_LE(*when - now, 5ms);
  EXPECT_EQ(pace.next_append(now + 100us), when);  // whichever shard asks
}

TEST(Pace, IsAtOnceAgainAfterTheRush) {
  Pace pace;
  for (int i = 0; i < 200; ++i) pace.next_append(start + i * 100us);
  pace.next_append(start + 40ms);
  EXPECT_EQ(pace.next_append(start + 60ms), std::nullopt);
}

}  // namespace
}  // namespace moldau::coordinator
