#include "log_commands.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "common_options.hpp"
#include "log_check.hpp"

namespace moldau::cli {
namespace {

struct LogCommands {
  Format format = Format::table;
  std::string directory;
  int* status = nullptr;
};

}  // namespace

void add_log_commands(CLI::App& app, int& status) {
  auto all = std::make_shared<LogCommands>();  // second owners: the callbacks of the verbs
  all->status = &status;
  auto* noun = app.add_subcommand("log", "Look at a data directory while no broker runs on it");
  noun->require_subcommand(1);
  add_format_option(*noun, all->format);
  auto* check = add_verb(*noun, "check", "Look for damage in a data directory; nothing is changed");
  check->footer(
      "Every batch is read: its checksum, the order of offsets, leader epochs and producers' sequences, and what\n"
      "indexes, snapshots and checkpoints say of it.  Exit status: 0 the records are whole, 1 they are not, or it\n"
      "could not be looked at.  Files that a start makes anew out of the records are told and are no damage.");
  check->add_option("DIRECTORY", all->directory, "The data directory, also one of Apache Kafka's")->required();
  check->callback([all] {
    const auto whole = log_check(all->directory, all->format);
    *all->status = whole ? (*whole ? 0 : 1) : status_of(whole.error());
  });
}

}  // namespace moldau::cli
