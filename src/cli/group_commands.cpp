#include "group_commands.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "group_verbs.hpp"
#include "moldau/base/clock.hpp"
#include "time_text.hpp"

namespace moldau::cli {
namespace {

using Kind = ResetTarget::Kind;

/// Everything that the command line may fill; lives as long as the callbacks do.
struct GroupCommands {
  CommonOptions common;
  std::string name;
  std::vector<std::string> names;
  ResetOptions reset;
  UndoOptions undo;
  bool all_topics = false;
  int* status = nullptr;

  void run(const base::Status& done) { *status = status_of(done); }
};

using Shared = std::shared_ptr<GroupCommands>;  // second owners: the callbacks of the verbs

std::string problem_of(const auto& result) {
  return result ? std::string{} : result.error().message;
}

void add_looking_verbs(CLI::App& group, const Shared& all) {
  add_verb(group, "list", "List groups, their kinds, states and numbers of members")
      ->callback([all] { all->run(group_list(all->common)); });
  auto* describe = add_verb(group, "describe",
                            "Show a group's members, what each of them reads, and its offsets");
  describe->add_option("NAME", all->name, "The group")->required();
  describe->callback([all] { all->run(group_describe(all->common, all->name)); });
  auto* lag = add_verb(group, "lag", "Show how far groups are behind, in records and in seconds");
  lag->footer(
      "LAG counts records.  SECONDS is how long ago the first unread record was written, by its\n"
      "own timestamp: 0 when all is read, - when that is not known.  Without a name it is one\n"
      "line a group, with the most SECONDS of any partition.");
  lag->add_option("NAME", all->names, "Groups, by partition (default: all)");
  lag->callback([all] { all->run(group_lag(all->common, all->names)); });
}

void add_target(CLI::App& reset, const Shared& all) {
  auto* to = reset.add_option_group("Where to", "exactly one");
  const auto set = [all](Kind kind, std::int64_t value) { all->reset.target = {kind, value}; };
  to->add_flag_callback("--to-earliest", [set] { set(Kind::earliest, 0); }, "The oldest record");
  to->add_flag_callback(
      "--to-latest", [set] { set(Kind::latest, 0); },
      "The end: only what comes from now on is read");
  to->add_option_function<std::int64_t>(
        "--to-offset", [set](std::int64_t offset) { set(Kind::offset, offset); },
        "This offset; one outside of the log becomes its nearest end")
      ->check(CLI::NonNegativeNumber);
  to->add_option_function<std::string>(
        "--to-time",
        [set](const std::string& text) { set(Kind::time, parse_time_ms(text).value()); },
        "The first record of this time or later: 2026-01-31T12:00:00Z, without a zone in UTC, or "
        "milliseconds since 1970")
      ->check([](const std::string& text) { return problem_of(parse_time_ms(text)); }, "TIME");
  to->add_option_function<std::string>(
        "--by-duration",
        [set](const std::string& text) {
          set(Kind::time, base::SystemClock{}.wall_ms() - parse_duration_ms(text).value());
        },
        "The first record that is not older: 90s, 15m, 2h, 7d or P1DT12H")
      ->check([](const std::string& text) { return problem_of(parse_duration_ms(text)); },
              "DURATION");
  to->add_option_function<std::int64_t>(
      "--shift-by", [set](std::int64_t by) { set(Kind::shift, by); },
      "So many records from the committed offset, back when negative");
  to->require_option(1);
}

void add_reset(CLI::App& group, const Shared& all) {
  auto* reset = add_verb(group, "reset", "Choose where a group goes on reading (a preview first)");
  reset->footer(
      "Without --yes the changes are only shown.  The group's members have to be stopped.\n"
      "`moldau group undo NAME` takes a reset back.");
  reset->add_option("NAME", all->reset.name, "The group")->required();
  auto* which = reset->add_option_group("Which partitions", "exactly one");
  which
      ->add_option("--topic", all->reset.topics,
                   "TOPIC, or TOPIC:0,1 for some of its partitions; may be given several times")
      ->check([](const std::string& text) { return problem_of(parse_topic_selection(text)); },
              "TOPIC[:P,...]")
      ->allow_extra_args(false);
  which->add_flag("--all-topics", all->all_topics, "Every partition that it has an offset of");
  which->require_option(1);
  add_target(*reset, all);
  reset->add_flag("--yes", all->reset.is_confirmed, "Do it");
  reset->callback([all] { all->run(group_reset(all->common, all->reset)); });
}

void add_undo(CLI::App& group, const Shared& all) {
  auto* undo = add_verb(group, "undo", "Take back the last reset of a group (a preview first)");
  undo->footer(
      "Without --yes the changes are only shown.  The last ten offsets of each partition that\n"
      "were replaced are remembered.  An undo is a reset, too, and can be undone.");
  undo->add_option("NAME", all->undo.name, "The group")->required();
  undo->add_option("--resets", all->undo.resets, "How many of the last resets to take back")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  undo->add_flag("--yes", all->undo.is_confirmed, "Do it");
  undo->callback([all] { all->run(group_undo(all->common, all->undo)); });
}

}  // namespace

void add_group_commands(CLI::App& app, int& status) {
  auto all = std::make_shared<GroupCommands>();
  all->status = &status;
  auto* group = app.add_subcommand("group", "Look at groups, and change where they go on reading");
  group->require_subcommand(1);
  add_common_options(*group, all->common);
  add_looking_verbs(*group, all);
  add_reset(*group, all);
  add_undo(*group, all);
  auto* remove = add_verb(*group, "delete", "Delete a group without members, and its offsets");
  remove->add_option("NAME", all->name, "The group")->required();
  remove->callback([all] { all->run(group_delete(all->common, all->name)); });
}

}  // namespace moldau::cli
