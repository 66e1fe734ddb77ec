// A log's transactions against a plain scan of all that was appended, in MOLDAU_HISTORIES random histories.
// One that fails runs alone with MOLDAU_HISTORY=N.

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "moldau/base/log.hpp"
#include "tests/partition/transaction_history.hpp"
#include "tests/support/rounds.hpp"

namespace moldau::partition {
namespace {

constexpr std::uint64_t histories_by_default = support::rounds(10'000);

std::uint64_t number_in(const char* variable, std::uint64_t fallback) {
  const auto* text = std::getenv(variable);
  return text == nullptr ? fallback : std::stoull(text);
}

TEST(TransactionOracle, AgreesInEveryHistory) {
  log::set_level("error");  // damage and crashes are what it is about
  const auto only = number_in("MOLDAU_HISTORY", 0);
  const auto first = only != 0 ? only : 1;
  const auto last = only != 0 ? only : number_in("MOLDAU_HISTORIES", histories_by_default);
  HistoryTally tally;
  for (auto seed = first; seed <= last; ++seed) {
    const auto wrong = History(seed, tally).run();
    ASSERT_FALSE(wrong.has_value()) << *wrong << "\nreplay: MOLDAU_HISTORY=" << seed;
  }
  std::cerr << last - first + 1 << " histories: " << tally.steps << " steps, " << tally.commits
            << " commits, " << tally.aborts << " aborts, " << tally.refusals << " refusals, "
            << tally.crashes << " crashes, " << tally.stops << " stops, " << tally.truncations
            << " truncations, " << tally.deletions << " deletions, " << tally.damages
            << " damaged files; compared " << tally.aborted_seen << " aborted transactions, "
            << tally.filtered << " records left out\n";
  if (last - first < 400) return;
  EXPECT_GT(tally.aborts, last - first);
  EXPECT_GT(tally.commits, last - first);
  EXPECT_GT(tally.refusals, 100U);
  EXPECT_GT(tally.segments, last - first);
  EXPECT_GT(tally.crashes, 100U);
  EXPECT_GT(tally.stops, 100U);
  EXPECT_GT(tally.truncations, 100U);
  EXPECT_GT(tally.deletions, 100U);
  EXPECT_GT(tally.damages, 100U);
  EXPECT_GT(tally.aborted_seen, last - first);
  EXPECT_GT(tally.filtered, last - first);
}

}  // namespace
}  // namespace moldau::partition
