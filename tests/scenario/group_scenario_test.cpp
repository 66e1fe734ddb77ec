// Every file of tests/scenario/group is a test; MOLDAU_REWRITE=1 makes them expect what is.

#include "tests/scenario/group_scenario.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace moldau::scenario {
namespace {

std::vector<std::filesystem::path> files() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(MOLDAU_SOURCE_DIR "/tests/scenario/group"))
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

Handler handler_of(GroupScenario& scenario) {
  return [&](const Command& command) { return scenario.run(command); };
}

class GroupScenarios : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(GroupScenarios, TellTheStory) {
  Transitions seen;
  if (wants_rewrite()) {
    GroupScenario scenario(seen);
    rewrite_file(GetParam(), handler_of(scenario));
  }
  GroupScenario scenario(seen);
  for (const auto& [line, command, expected, actual] : run_file(GetParam(), handler_of(scenario)))
    ADD_FAILURE_AT(GetParam().c_str(), static_cast<int>(line)) << "> " << command << "\nexpected:\n"
                                                               << expected << "but:\n"
                                                               << actual;
}

INSTANTIATE_TEST_SUITE_P(Files, GroupScenarios, testing::ValuesIn(files()), [](const auto& param) {
  auto name = param.param.stem().string();
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(GroupScenarioFiles, CoverEveryTransition) {
  Transitions seen;
  for (const auto& path : files()) {
    GroupScenario scenario(seen);
    run_file(path, handler_of(scenario));
  }
  const std::string empty = "classic Empty";
  const std::string preparing = "classic PreparingRebalance";
  const std::string completing = "classic CompletingRebalance";
  const std::string stable = "classic Stable";
  const std::string none = "none";  // Kafka's Dead, and what never was
  const std::string c_empty = "consumer Empty";
  const std::string assigning = "consumer Assigning";
  const std::string reconciling = "consumer Reconciling";
  const std::string c_stable = "consumer Stable";
  const std::string unrevoked = "UNREVOKED_PARTITIONS";
  const std::string unreleased = "UNRELEASED_PARTITIONS";
  const Transitions expected{
      // The classic protocol; a rebalance that nobody has to be waited for is over at once.
      {none, empty},
      {empty, preparing},
      {preparing, completing},
      {preparing, empty},
      {completing, stable},
      {completing, preparing},
      {completing, empty},
      {stable, preparing},
      {stable, completing},
      {stable, empty},
      {empty, none},
      {none, preparing},
      // The consumer protocol.
      {none, c_stable},
      {c_empty, assigning},
      {c_empty, c_stable},
      {assigning, reconciling},
      {assigning, c_stable},
      {assigning, c_empty},
      {reconciling, c_stable},
      {reconciling, assigning},
      {reconciling, c_empty},
      {c_stable, assigning},
      {c_stable, reconciling},
      {c_stable, c_empty},
      {c_empty, none},
      // From one to the other.
      {empty, c_stable},
      {c_empty, preparing},
      {stable, reconciling},
      {stable, c_stable},
      {preparing, reconciling},
      {completing, reconciling},
      {c_stable, preparing},
      {reconciling, preparing},
      // Members of consumer groups.
      {none, "STABLE"},
      {none, unreleased},
      {"STABLE", unrevoked},
      {"STABLE", unreleased},
      {unrevoked, "STABLE"},
      {unrevoked, unreleased},
      {unreleased, "STABLE"},
      {unreleased, unrevoked},
      {"STABLE", "none"},
      {unrevoked, "none"},
      {unreleased, "none"}};
  for (const auto& transition : expected)
    EXPECT_TRUE(seen.contains(transition))
        << "no scenario goes from " << transition.first << " to " << transition.second;
}

}  // namespace
}  // namespace moldau::scenario
