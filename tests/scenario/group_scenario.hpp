#pragma once
// The commands of tests/scenario/group/*.txt (README.md there) on a group machine whose steps are
// durable at once.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "tests/scenario/group_text.hpp"
#include "tests/scenario/scenario_runner.hpp"
#include "tests/support/group_host.hpp"

namespace moldau::scenario {

/// From one state to another: of groups ("classic Empty"), of members ("STABLE").  "none": not
/// there.
using Transitions = std::set<std::pair<std::string, std::string>>;

class GroupScenario {
 public:
  /// Transitions that happen are added to `seen`.
  explicit GroupScenario(Transitions& seen);

  /// Answers, then records, then changes of groups' states: a line for each.
  std::string run(const Command& command);

 private:
  using Verb = void (GroupScenario::*)(const Command&);
  static const std::map<std::string, Verb, std::less<>>& verbs();

  // The world.
  void set_options(const Command& command);
  void change_topic(const Command& command);
  void delete_topic(const Command& command);
  void pass(const Command& command);
  void restart(const Command& command);
  void show_deadlines(const Command& command);
  void expire_offsets(const Command& command);
  // Members.
  void join(const Command& command);
  void sync(const Command& command);
  void heartbeat(const Command& command);
  void leave(const Command& command);
  void beat(const Command& command);
  void commit(const Command& command);
  void fetch(const Command& command);
  void commit_in_transaction(const Command& command);
  void write_marker(const Command& command);
  // Administrators.
  void describe(const Command& command);
  void describe_consumer(const Command& command);
  void list(const Command& command);
  void delete_group(const Command& command);
  void delete_offsets(const Command& command);

  void say(const std::string& line) { said_ += line + "\n"; }
  void answer(const std::string& member, const std::string& text) { say(member + " <- " + text); }
  void note_written(const group::GroupHost::Written& written);
  void note_member_state(const group::Record& record);
  void say_changed_states();
  void expect_same_when_folded();
  [[nodiscard]] static std::string group_of(const Command& command);
  [[nodiscard]] group::Caller caller(const Command& command, std::int16_t version) const;
  [[nodiscard]] std::string member_of(const Command& command, std::size_t place = 0) const;
  [[nodiscard]] TopicId topic_id_of(const std::string& name) const;
  template <class Topic>
  std::vector<Topic> partitions_of(const Command& command, std::size_t first_argument) const;

  Transitions& seen_;
  group::GroupHost host_{1};
  Names names_;
  std::map<std::string, std::int32_t> epochs_;  // generations and epochs that members were told
  std::map<std::string, std::string> states_;   // of groups
  std::map<std::string, std::string> member_states_;
  std::map<std::string, int> topics_made_;
  std::string said_;
  std::vector<group::GroupHost::Written> written_;
};

}  // namespace moldau::scenario
