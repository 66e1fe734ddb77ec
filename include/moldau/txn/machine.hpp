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
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/partition/transaction_owner.hpp"
#include "moldau/protocol/describe_transactions.hpp"
#include "moldau/protocol/end_txn.hpp"
#include "moldau/protocol/error_code.hpp"
#include "moldau/protocol/init_producer_id.hpp"
#include "moldau/protocol/list_transactions.hpp"
#include "moldau/txn/step.hpp"
#include "moldau/txn/transaction_filter.hpp"

namespace moldau::txn {

/// Partitions that a producer wants to write to as part of its transaction.
struct Enlistment {
  enum class Mode {
    verify,        // they have to be in the transaction already: Produce up to v11, VerifyOnly
    add,           // AddPartitionsToTxn up to v3 and AddOffsetsToTxn: a transaction begins with its first
    add_by_write,  // the same, by a client of transactions version 2: Produce 12, TxnOffsetCommit 5, and up
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
  /// All records were applied: timeouts run on from when their transactions began, and what was decided is
  /// brought to its end.
  void finish_loading(Step& step);

  // Each is answered in this step: whoever drives the machine sends the result once `step.effects` are durable.

  /// concurrent_transactions: an open transaction is being aborted first, as in Kafka, whose clients come again
  /// after a pause.  Who drives the machine may ask once more itself, when the markers are written.
  protocol::InitProducerIdResponse init_producer_id(Step& step, const Caller& caller,
                                                    const protocol::InitProducerIdRequest& request);
  /// One code for each partition, in order.  All are alike but those of verify: transaction_abortable for those
  /// that are not in the transaction.  Codes are the coordinator's; older versions of some APIs know them by others
  /// (producer_fenced is invalid_producer_epoch to Produce, and to AddPartitionsToTxn and AddOffsetsToTxn below v2;
  /// transaction_abortable is invalid_txn_state to Produce below v11).
  std::vector<protocol::ErrorCode> enlist(Step& step, const Caller& caller, const Enlistment& wanted);
  /// TxnOffsetCommit up to v4, which may bring offsets of a transaction that is over: whether the producer has
  /// committed offsets on a newer connection.
  [[nodiscard]] bool is_left_by_offsets(const Caller& caller, const std::string& transactional_id,
                                        coordinator::Producer producer);
  protocol::EndTxnResponse end_txn(Step& step, const Caller& caller,
                                   const protocol::EndTxnRequest& request);
  /// By `moldau txn abort`: as a timeout would end it.  none, transactional_id_not_found, invalid_txn_state (none
  /// is open), concurrent_transactions (it is ending).
  protocol::ErrorCode abort(Step& step, const std::string& transactional_id);

  /// After every order in `step.effects.markers`.
  void markers_written(Step& step, const MarkerOutcome& outcome);

  // Only look.
  [[nodiscard]] protocol::DescribeTransactionsResponse::TransactionState describe(
      const std::string& transactional_id) const;
  [[nodiscard]] std::vector<protocol::ListTransactionsResponse::TransactionState> list(
      const Now& now, const TransactionFilter& filter) const;

  /// Adds those that have one of the producers (sorted).
  void find_owners(const std::vector<ProducerId>& producers, partition::TransactionOwners& found) const;

  /// Time has passed: transactions that are over their timeout are aborted, markers that failed are ordered anew.
  void expire(Step& step, base::SteadyTime now);
  /// When to call expire() next at the latest.  `deadlines` of every Step is the machine's own.
  [[nodiscard]] Deadlines& deadlines() { return deadlines_; }
  /// Every transaction.remove.expired.transaction.cleanup.interval.ms: ids not used for
  /// transactional.id.expiration.ms are forgotten.  Whether there are more: a step does a part only.
  bool expire_ids(Step& step);

  [[nodiscard]] std::size_t size() const { return transactions_.size(); }
  /// Begun and not complete.
  [[nodiscard]] std::size_t ongoing() const { return open_; }

 private:
  [[nodiscard]] Transaction* find(std::string_view transactional_id) const;
  void change(Step& step, Transaction& transaction, const TransactionRecord::Value& next);
  void order_markers(Step& step, Transaction& transaction);
  protocol::ErrorCode abort(Step& step, Transaction& transaction);
  void try_again_later(Step& step, Transaction& transaction);

  std::map<std::string, std::unique_ptr<Transaction>, std::less<>> transactions_;
  std::size_t open_ = 0;
  Deadlines deadlines_;
};

}  // namespace moldau::txn
