#include "moldau/coordinator/deadlines.hpp"

#include <gtest/gtest.h>

#include <string>

namespace moldau::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr base::SteadyTime start{1h};

TEST(Deadlines, GivesWhatIsDueInOrder) {
  Deadlines<std::string> deadlines;
  deadlines.set("b", start + 2s);
  deadlines.set("a", start + 1s);
  EXPECT_EQ(deadlines.next(), start + 1s);
  EXPECT_EQ(deadlines.take_due(start), std::nullopt);
  EXPECT_EQ(deadlines.take_due(start + 2s), std::string("a"));
  EXPECT_EQ(deadlines.take_due(start + 2s), std::string("b"));
  EXPECT_EQ(deadlines.take_due(start + 9s), std::nullopt);
}

TEST(Deadlines, OneMovedToLaterIsDueOnlyThen) {
  Deadlines<std::string> deadlines;
  deadlines.set("a", start + 1s);
  deadlines.set("a", start + 5s);
  EXPECT_EQ(deadlines.take_due(start + 4s), std::nullopt);
  EXPECT_EQ(deadlines.take_due(start + 5s), std::string("a"));
  EXPECT_EQ(deadlines.size(), 0U);
}

TEST(Deadlines, OneMovedToEarlierIsDueThenAndOnce) {
  Deadlines<std::string> deadlines;
  deadlines.set("a", start + 5s);
  deadlines.set("a", start + 1s);
  EXPECT_EQ(deadlines.take_due(start + 1s), std::string("a"));
  EXPECT_EQ(deadlines.take_due(start + 9s), std::nullopt);
}

TEST(Deadlines, OneClearedIsNotDue) {
  Deadlines<std::string> deadlines;
  deadlines.set("a", start + 1s);
  deadlines.clear("a");
  EXPECT_FALSE(deadlines.has("a"));
  EXPECT_EQ(deadlines.take_due(start + 9s), std::nullopt);
}

TEST(Deadlines, OneClearedAndSetAgainIsDueAtTheNewTime) {
  Deadlines<std::string> deadlines;
  deadlines.set("a", start + 1s);
  deadlines.clear("a");
  deadlines.set("a", start + 3s);
  EXPECT_EQ(deadlines.take_due(start + 2s), std::nullopt);
  EXPECT_EQ(deadlines.take_due(start + 3s), std::string("a"));
}

TEST(Deadlines, OneClearedIsNotTheNext) {
  Deadlines<std::string> deadlines;
  deadlines.set("a", start + 1s);
  deadlines.clear("a");
  deadlines.set("b", start + 9s);
  EXPECT_EQ(deadlines.next(), start + 9s);
}

TEST(Deadlines, PostponedOnesAreDueThatMuchLater) {
  Deadlines<std::string> deadlines;
  deadlines.set("a", start + 1s);
  deadlines.set("b", start + 2s);
  deadlines.postpone(60s);
  EXPECT_EQ(deadlines.next(), start + 61s);
  EXPECT_EQ(deadlines.take_due(start + 60s), std::nullopt);
  EXPECT_EQ(deadlines.take_due(start + 62s), std::string("a"));
  EXPECT_EQ(deadlines.take_due(start + 62s), std::string("b"));
}

TEST(Deadlines, ManySetAndClearedLeaveNothingThatIsDue) {
  Deadlines<std::string> deadlines;
  for (int i = 0; i < 10'000; ++i) {
    deadlines.set("m" + std::to_string(i), start + 1s);
    deadlines.clear("m" + std::to_string(i));
  }
  deadlines.set("last", start + 2s);
  EXPECT_EQ(deadlines.take_due(start + 2s), std::string("last"));
  EXPECT_EQ(deadlines.take_due(start + 2s), std::nullopt);
}

}  // namespace
}  // namespace moldau::coordinator
