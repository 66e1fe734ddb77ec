#include "cli/lag.hpp"

#include <gtest/gtest.h>

namespace moldau::cli {
namespace {

TEST(Lag, CountsRecordsUpToTheEnd) {
  EXPECT_EQ(lag_records(Offset{3}, Offset{10}), 7);
  EXPECT_EQ(lag_records(Offset{10}, Offset{10}), 0);
}

TEST(Lag, OfAnOffsetBeyondTheEndIsNone) {
  EXPECT_EQ(lag_records(Offset{11}, Offset{10}), 0);
}

TEST(Lag, InSecondsIsTheAgeOfARecord) {
  EXPECT_EQ(lag_seconds(1'000, 4'999), 3);
  EXPECT_EQ(lag_seconds(0, 5'000), 5);
}

TEST(Lag, OfARecordFromTheFutureIsNone) {
  EXPECT_EQ(lag_seconds(9'000, 5'000), 0);
}

TEST(Lag, OfARecordWithoutATimestampIsNotKnown) {
  EXPECT_EQ(lag_seconds(-1, 5'000), std::nullopt);
}

}  // namespace
}  // namespace moldau::cli
