#pragma once
// The commands of tests/scenario/txn/*.txt (README.md there) on a transaction machine, whose lane is
// durable at once.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/scenario/scenario_runner.hpp"
#include "tests/support/txn_host.hpp"

namespace moldau::scenario {

/// From one state to another, by Kafka's names; "none": not there.
using TxnTransitions = std::set<std::pair<std::string, std::string>>;

class TxnScenario {
 public:
  /// Transitions that happen are added to `seen`.
  explicit TxnScenario(TxnTransitions& seen);

  /// Answers, then what goes into the lane: a line for each.
  std::string run(const Command& command);

 private:
  using Verb = void (TxnScenario::*)(const Command&);
  static const std::map<std::string, Verb, std::less<>>& verbs();

  // Clients.
  void init(const Command& command);
  void add(const Command& command);
  void write(const Command& command);
  void verify(const Command& command);
  void end(const Command& command);
  // Administrators.
  void abort(const Command& command);
  void describe(const Command& command);
  void list(const Command& command);
  // The world.
  void pass(const Command& command);
  void restart(const Command& command);
  void take_offline(const Command& command);
  void bring_online(const Command& command);
  void set_level(const Command& command);
  void set_options(const Command& command);
  void set_producer_ids(const Command& command);
  void expire_ids(const Command& command);
  void put_in_log(const Command& command);
  void show_deadline(const Command& command);

  void say(const std::string& line) { said_ += line + "\n"; }
  void enlist(const Command& command, txn::Enlistment::Mode mode, std::int16_t version);
  void note(const txn::LaneEntry& entry);
  void note(const txn::TransactionRecord& record);
  void note(const txn::WrittenMarker& written);
  void expect_same_when_folded();

  struct Client {
    std::string id = "t";
    coordinator::Producer producer{no_producer_id, no_producer_epoch};
  };
  Client& client_of(const Command& command);
  [[nodiscard]] txn::Caller caller(const Command& command, std::int16_t version) const;
  [[nodiscard]] coordinator::Producer producer_of(const Command& command, const Client& client);
  /// "P1" for the first producer id that the machine gave out; "X1" for one that it did not.
  std::string name_of(ProducerId id);
  ProducerId id_of(const std::string& name);
  std::string text_of(coordinator::Producer producer);
  coordinator::Producer producer_in(const std::string& text);

  TxnTransitions& seen_;
  txn::TxnHost host_;
  std::map<std::string, Client> clients_;
  std::vector<ProducerId> producer_ids_;        // P1 is the first
  std::map<std::string, std::string> states_;   // of ids, by the records
  std::size_t lane_before_ = 0;                 // its length before the newest command that is no restart
  std::string said_;
};

}  // namespace moldau::scenario
