// Every file of tests/scenario/txn is a test; MOLDAU_REWRITE=1 makes them expect what is.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "tests/scenario/txn_scenario.hpp"

namespace moldau::scenario {
namespace {

std::vector<std::filesystem::path> txn_files() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(MOLDAU_SOURCE_DIR "/tests/scenario/txn"))
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

Handler handler_of(TxnScenario& scenario) {
  return [&](const Command& command) { return scenario.run(command); };
}

class TxnScenarios : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(TxnScenarios, TellTheStory) {
  TxnTransitions seen;
  if (wants_rewrite()) {
    TxnScenario scenario(seen);
    rewrite_file(GetParam(), handler_of(scenario));
  }
  TxnScenario scenario(seen);
  for (const auto& [line, command, expected, actual] : run_file(GetParam(), handler_of(scenario)))
    ADD_FAILURE_AT(GetParam().c_str(), static_cast<int>(line)) << "> " << command << "\nexpected:\n"
                                                               << expected << "but:\n"
                                                               << actual;
}

INSTANTIATE_TEST_SUITE_P(Files, TxnScenarios, testing::ValuesIn(txn_files()),
                         [](const auto& param) {
                           auto name = param.param.stem().string();
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(TxnScenarioFiles, CoverEveryTransition) {
  TxnTransitions seen;
  for (const auto& path : txn_files()) {
    TxnScenario scenario(seen);
    run_file(path, handler_of(scenario));
  }
  const std::string none = "none";
  const std::string empty = "Empty";
  const std::string ongoing = "Ongoing";
  const std::string prepare_commit = "PrepareCommit";
  const std::string prepare_abort = "PrepareAbort";
  const std::string complete_commit = "CompleteCommit";
  const std::string complete_abort = "CompleteAbort";
  const TxnTransitions expected{
      {none, empty},
      // InitProducerId.
      {empty, empty},
      {complete_commit, empty},
      {complete_abort, empty},
      // The first partition, and more of them.
      {empty, ongoing},
      {complete_commit, ongoing},
      {complete_abort, ongoing},
      {ongoing, ongoing},
      // The end, and of transactions without a partition.
      {ongoing, prepare_commit},
      {ongoing, prepare_abort},
      {empty, prepare_abort},
      {complete_commit, prepare_abort},
      {complete_abort, prepare_abort},
      {prepare_commit, complete_commit},
      {prepare_abort, complete_abort},
      // Forgotten.
      {empty, none},
      {complete_commit, none},
      {complete_abort, none}};
  for (const auto& transition : expected)
    EXPECT_TRUE(seen.contains(transition))
        << "no scenario goes from " << transition.first << " to " << transition.second;
  for (const auto& transition : seen)
    EXPECT_TRUE(expected.contains(transition))
        << "a scenario goes from " << transition.first << " to " << transition.second;
}

}  // namespace
}  // namespace moldau::scenario
