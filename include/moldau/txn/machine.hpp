#pragma once
// The transactions of one partition of __transaction_state: a pure state machine, a fold over that
// partition's records.  It is built by apply()ing them in order, and every later change is both applied
// and handed out as records (step.hpp), so that building it anew from the log gives the same.
//
// The end of a transaction: the decision (Prepare*) is a record, then comes an order for markers, then, when
// all are written, the record Complete*.  Its driver does all of that within one hold of its lock and in the
// order of the lane, so that usually nobody sees a transaction in between, and any cut of the log is a legal
// state, from which apply(), finish_loading() and the same order go on.
//
// Thread rule: one thread at a time; whoever drives it holds a lock (coordinator.hpp).
// Sources: protocol.md edge cases 65 to 72; KIP-98, 360, 447, 588, 664, 890, 994, 1152, 1228; reliability.md T1 to T8.

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/protocol/add_partitions_to_txn.hpp"
#include "moldau/protocol/describe_transactions.hpp"
#include "moldau/protocol/end_txn.hpp"
#include "moldau/protocol/error_code.hpp"
#include "moldau/protocol/init_producer_id.hpp"
#include "moldau/protocol/list_transactions.hpp"
#include "moldau/txn/step.hpp"

namespace moldau::txn {

/// Partitions that a producer wants to write to as part of its transaction.
struct Enlistment {
  enum class Mode {
    verify,  // they have to be in the transaction already (AddPartitionsToTxn's VerifyOnly; transactions v1)
    add,     // they are added if they are not, and the transaction begins with the first
  };
  std::string transactional_id;
  coordinator::Producer producer;
  std::vector<TopicPartition> partitions;
  Mode mode = Mode::verify;
};

/// What became of an order for markers, partition by partition.
struct MarkerOutcome {
  std::string transactional_id;
  coordinator::Marker marker;
  std::vector<TopicPartition> written;  // or gone: there is nothing to end in a partition that is deleted
  /// Not written, to be tried again: the partition is offline, or its coordinator is loading.
  std::vector<TopicPartition> failed;
};

class Transaction;  // src/txn: private to the layer

class Machine {
 public:
  Machine();
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// The next record of the log.
  void apply(const TransactionRecord& record);
  /// All records were applied: timeouts run from here, and what was decided is brought to its end.
  void finish_loading(Step& step);

  // Each is answered in this step: whoever drives the machine sends the result once `step.effects` are durable.
  protocol::InitProducerIdResponse init_producer_id(Step& step, const Caller& caller,
                                                    const protocol::InitProducerIdRequest& request);
  /// One code for each partition, in order.  AddPartitionsToTxn, AddOffsetsToTxn, and the data path.
  std::vector<protocol::ErrorCode> enlist(Step& step, const Caller& caller, const Enlistment& wanted);
  protocol::EndTxnResponse end_txn(Step& step, const Caller& caller,
                                   const protocol::EndTxnRequest& request);
  /// By `moldau txn abort`: as a timeout would end it.  none, or why not.
  protocol::ErrorCode abort(Step& step, const std::string& transactional_id);

  /// After every order in `step.effects.markers`.
  void markers_written(Step& step, const MarkerOutcome& outcome);

  // Only look.
  [[nodiscard]] protocol::DescribeTransactionsResponse::TransactionState describe(
      const Step& step, const std::string& transactional_id) const;
  /// Those that the request's filters leave.
  [[nodiscard]] std::vector<protocol::ListTransactionsResponse::TransactionState> list(
      const Step& step, const protocol::ListTransactionsRequest& request) const;

  /// Time has passed: transactions that are over their timeout are aborted, markers that failed are ordered anew.
  void expire(Step& step, base::SteadyTime now);
  /// When to call expire() next at the latest.  `deadlines` of every Step is the machine's own.
  [[nodiscard]] Deadlines& deadlines() { return deadlines_; }
  /// Every transaction.remove.expired.transaction.cleanup.interval.ms: ids not used for
  /// transactional.id.expiration.ms are forgotten.
  void expire_ids(Step& step);

  [[nodiscard]] std::size_t size() const { return transactions_.size(); }
  [[nodiscard]] std::size_t ongoing() const;

 private:
  std::map<std::string, std::unique_ptr<Transaction>, std::less<>> transactions_;
  Deadlines deadlines_;
};

}  // namespace moldau::txn
