#pragma once
// The transaction coordinator as the groups' partition sees it: it says whose transaction is open,
// decides, has markers written, again where a crash took one away, and aborts what is left alone.
// Every transaction has an epoch of its own (transaction.version 2).
// Thread rule: one thread.

#include <cstddef>
#include <deque>
#include <map>

#include "tests/sim/group_simulation_checker.hpp"
#include "tests/sim/group_simulation_world.hpp"

namespace moldau::group::sim {

class Transactions {
 public:
  Transactions(World& world, Checker& checker);

  /// InitProducerId: what the producer has open is aborted.
  coordinator::Producer start(ProducerId producer);
  /// What TxnOffsetCommit asks first: the transaction begins, unless it is open.  false: the epoch
  /// is not the producer's any more.
  bool enlist(const coordinator::Producer& producer);
  /// EndTxn.  false: there is no such transaction.
  bool end(const coordinator::Producer& producer, bool commit);

  /// The broker came back.  A decision is durable before its markers are (one log, in order), so
  /// that those that were lost are written again.
  void on_crash();
  void abort_all();

 private:
  struct Transaction {
    ProducerEpoch epoch{};
    bool is_open = false;
  };
  void decide(ProducerId producer, Transaction& transaction, bool commit);
  void write(const coordinator::Marker& marker);

  World& world_;
  Checker& checker_;
  std::map<ProducerId, Transaction> transactions_;
  std::deque<coordinator::Marker> undurable_;  // in the order of the log
};

}  // namespace moldau::group::sim
