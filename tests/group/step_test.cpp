#include "moldau/group/step.hpp"

#include <gtest/gtest.h>

namespace moldau::group {
namespace {

using namespace std::chrono_literals;

constexpr base::SteadyTime start{1h};

DeadlineKey session_of(const std::string& member) { return {DeadlineKind::session, "g", member}; }

TEST(Deadlines, GivesWhatIsDueInOrder) {
  Deadlines deadlines;
  deadlines.set(session_of("b"), start + 2s);
  deadlines.set(session_of("a"), start + 1s);
  EXPECT_EQ(deadlines.next(), start + 1s);
  EXPECT_EQ(deadlines.take_due(start), std::nullopt);
  EXPECT_EQ(deadlines.take_due(start + 2s), session_of("a"));
  EXPECT_EQ(deadlines.take_due(start + 2s), session_of("b"));
  EXPECT_EQ(deadlines.take_due(start + 9s), std::nullopt);
}

TEST(Deadlines, OneMovedToLaterIsDueOnlyThen) {
  Deadlines deadlines;
  deadlines.set(session_of("a"), start + 1s);
  deadlines.set(session_of("a"), start + 5s);
  EXPECT_EQ(deadlines.take_due(start + 4s), std::nullopt);
  EXPECT_EQ(deadlines.take_due(start + 5s), session_of("a"));
  EXPECT_EQ(deadlines.size(), 0U);
}

TEST(Deadlines, OneMovedToEarlierIsDueThenAndOnce) {
  Deadlines deadlines;
  deadlines.set(session_of("a"), start + 5s);
  deadlines.set(session_of("a"), start + 1s);
  EXPECT_EQ(deadlines.take_due(start + 1s), session_of("a"));
  EXPECT_EQ(deadlines.take_due(start + 9s), std::nullopt);
}

TEST(Deadlines, OneClearedIsNotDue) {
  Deadlines deadlines;
  deadlines.set(session_of("a"), start + 1s);
  deadlines.clear(session_of("a"));
  EXPECT_FALSE(deadlines.has(session_of("a")));
  EXPECT_EQ(deadlines.take_due(start + 9s), std::nullopt);
}

TEST(Deadlines, OneClearedAndSetAgainIsDueAtTheNewTime) {
  Deadlines deadlines;
  deadlines.set(session_of("a"), start + 1s);
  deadlines.clear(session_of("a"));
  deadlines.set(session_of("a"), start + 3s);
  EXPECT_EQ(deadlines.take_due(start + 2s), std::nullopt);
  EXPECT_EQ(deadlines.take_due(start + 3s), session_of("a"));
}

TEST(Deadlines, OneClearedIsNotTheNext) {
  Deadlines deadlines;
  deadlines.set(session_of("a"), start + 1s);
  deadlines.clear(session_of("a"));
  deadlines.set(session_of("b"), start + 9s);
  EXPECT_EQ(deadlines.next(), start + 9s);
}

TEST(Deadlines, PostponedOnesAreDueThatMuchLater) {
  Deadlines deadlines;
  deadlines.set(session_of("a"), start + 1s);
  deadlines.set(session_of("b"), start + 2s);
  deadlines.postpone(60s);
  EXPECT_EQ(deadlines.next(), start + 61s);
  EXPECT_EQ(deadlines.take_due(start + 60s), std::nullopt);
  EXPECT_EQ(deadlines.take_due(start + 62s), session_of("a"));
  EXPECT_EQ(deadlines.take_due(start + 62s), session_of("b"));
}

TEST(Deadlines, ManySetAndClearedLeaveNothingThatIsDue) {
  Deadlines deadlines;
  for (int i = 0; i < 10'000; ++i) {
    deadlines.set(session_of("m" + std::to_string(i)), start + 1s);
    deadlines.clear(session_of("m" + std::to_string(i)));
  }
  deadlines.set(session_of("last"), start + 2s);
  EXPECT_EQ(deadlines.take_due(start + 2s), session_of("last"));
  EXPECT_EQ(deadlines.take_due(start + 2s), std::nullopt);
}

}  // namespace
}  // namespace moldau::group
