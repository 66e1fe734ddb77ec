#include "txn_commands.hpp"

#include <CLI/CLI.hpp>
#include <memory>

#include "time_text.hpp"
#include "txn_verbs.hpp"

namespace moldau::cli {
namespace {

/// Everything that the command line may fill; lives as long as the callbacks do.
struct TxnCommands {
  CommonOptions common;
  TxnFilter filter;
  std::string id;
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t producer_id = 0;
  bool is_confirmed = false;
  int* status = nullptr;

  void run(const base::Status& done) { *status = status_of(done); }
};

using Shared = std::shared_ptr<TxnCommands>;  // second owners: the callbacks of the verbs

void add_list(CLI::App& txn, const Shared& all) {
  auto* list = add_verb(txn, "list", "List transactional ids, and how old their transactions are");
  list->footer("A transaction is open while its id is Ongoing.  Filters add up: what is listed passes all of them.");
  list->add_option("--state", all->filter.states,
                   "Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit or CompleteAbort; "
                   "may be given several times")
      ->allow_extra_args(false);
  list->add_option("--producer-id", all->filter.producer_ids, "May be given several times")
      ->allow_extra_args(false);
  list->add_option_function<std::string>(
          "--longer-than",
          [all](const std::string& text) {
            all->filter.longer_than_ms = parse_duration_ms(text).value();
          },
          "Transactions that have been open for more than 90s, 15m or 2h")
      ->check(
          [](const std::string& text) {
            const auto duration = parse_duration_ms(text);
            return duration ? std::string{} : duration.error().message;
          },
          "DURATION");
  list->add_option("--pattern", all->filter.pattern,
                   "Ids that this regular expression matches as a whole");
  list->callback([all] { all->run(txn_list(all->common, all->filter)); });
}

void add_abort(CLI::App& txn, const Shared& all) {
  auto* abort = add_verb(txn, "abort", "Abort a transaction (a preview first)");
  abort->footer(
      "Without --yes it is only shown what would be aborted.  By its ID it ends as its timeout\n"
      "would end it, and its producer is fenced.  One that hangs, which means that its coordinator\n"
      "does not know it any more, is named by its partition and producer\n"
      "(`kafka-transactions find-hanging` finds them) and ends in that partition.");
  auto* by_id = abort->add_option("ID", all->id, "The transactional id");
  auto* topic = abort->add_option("--topic", all->topic, "Of a transaction that hangs");
  auto* partition = abort->add_option("--partition", all->partition, "Its partition")
                        ->check(CLI::NonNegativeNumber);
  auto* producer = abort->add_option("--producer-id", all->producer_id, "Its producer")
                       ->check(CLI::NonNegativeNumber);
  for (auto* option : {topic, partition, producer}) option->excludes(by_id);
  topic->needs(partition, producer);
  partition->needs(topic);
  producer->needs(topic);
  abort->add_flag("--yes", all->is_confirmed, "Do it");
  abort->callback([all, by_id, topic] {
    if (by_id->count() == 0 && topic->count() == 0)
      throw CLI::RequiredError("ID, or --topic with --partition and --producer-id,");
    if (by_id->count() > 0) return all->run(txn_abort(all->common, all->id, all->is_confirmed));
    all->run(txn_abort_hanging(all->common, {{all->topic, PartitionIndex{all->partition}},
                                             ProducerId{all->producer_id},
                                             all->is_confirmed}));
  });
}

}  // namespace

void add_txn_commands(CLI::App& app, int& status) {
  auto all = std::make_shared<TxnCommands>();
  all->status = &status;
  auto* txn = app.add_subcommand("txn", "Look at transactions, and abort what does not end");
  txn->require_subcommand(1);
  add_common_options(*txn, all->common);
  add_list(*txn, all);
  auto* describe = add_verb(*txn, "describe", "Show a transactional id's state and partitions");
  describe->add_option("ID", all->id, "The transactional id")->required();
  describe->callback([all] { all->run(txn_describe(all->common, all->id)); });
  add_abort(*txn, all);
}

}  // namespace moldau::cli
