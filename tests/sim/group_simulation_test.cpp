// Seeds 1, 2, 3, ...: MOLDAU_SIM_SEEDS of them (--deep: 10,000).  A seed that fails is printed with
// the last 400 things that happened; it runs alone, and tells all that happened, with
// MOLDAU_SIM_SEED=N.

#include "tests/sim/group_simulation.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "tests/support/rounds.hpp"

namespace moldau::group::sim {
namespace {

constexpr std::uint64_t seeds_by_default = support::rounds(std::uint64_t{300});
constexpr std::uint64_t seeds_when_deep = 10'000;
std::uint64_t seed_count = seeds_by_default;

std::uint64_t number_in(const char* variable, std::uint64_t fallback) {
  const auto* text = std::getenv(variable);
  return text == nullptr ? fallback : std::stoull(text);
}

void report(std::uint64_t seed, std::size_t trace_lines_max) {
  const auto outcome = simulate(seed, trace_lines_max);
  for (const auto& line : outcome.trace) std::cerr << line << "\n";
  ADD_FAILURE() << "seed " << seed << ": " << outcome.violation.value_or("did not fail again")
                << "\nreplay: MOLDAU_SIM_SEED=" << seed << " sim_test";
}

TEST(GroupSimulation, HoldsForEverySeed) {
  const auto only = number_in("MOLDAU_SIM_SEED", 0);
  const auto first = only != 0 ? only : 1;
  const auto last = only != 0 ? only : number_in("MOLDAU_SIM_SEEDS", seed_count);
  Tally all;
  for (auto seed = first; seed <= last; ++seed) {
    const auto outcome = simulate(seed, 0);
    if (outcome.violation) return report(seed, only != 0 ? SIZE_MAX : 400);
    const auto& tally = outcome.tally;
    all.steps += tally.steps;
    all.generations += tally.generations;
    all.upgrades += tally.upgrades;
    all.downgrades += tally.downgrades;
    all.crashes += tally.crashes;
    all.commits += tally.commits;
    all.fenced_commits += tally.fenced_commits;
    all.txn_commits += tally.txn_commits;
    all.txn_aborts += tally.txn_aborts;
    all.unstable_fetches += tally.unstable_fetches;
  }
  std::cerr << last - first + 1 << " seeds: " << all.steps << " steps, " << all.generations
            << " generations, " << all.upgrades << " upgrades, " << all.downgrades
            << " downgrades, " << all.crashes << " crashes, " << all.commits << " commits, "
            << all.fenced_commits << " commits refused; in transactions " << all.txn_commits
            << " offsets committed, " << all.txn_aborts << " aborted, " << all.unstable_fetches
            << " waited for\n";
  if (last - first < 50) return;
  // Nothing is shown where nothing happens.
  EXPECT_GT(all.generations, last);
  EXPECT_GT(all.upgrades, last / 10);
  EXPECT_GT(all.downgrades, last / 10);
  EXPECT_GT(all.crashes, last);
  EXPECT_GT(all.fenced_commits, last / 10);
  EXPECT_GT(all.txn_commits, last);
  EXPECT_GT(all.txn_aborts, last);
  EXPECT_GT(all.unstable_fetches, last / 2);
}

}  // namespace
}  // namespace moldau::group::sim

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "--deep")
      moldau::group::sim::seed_count = moldau::group::sim::seeds_when_deep;
  return RUN_ALL_TESTS();
}
