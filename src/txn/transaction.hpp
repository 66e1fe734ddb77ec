#pragma once
// One transactional id: what the log knows of it, and the rules by which that changes.  It decides and
// computes what is next; the machine makes it so, writes it, and gives it time.
//
//                     first partition              EndTxn(commit)              markers written
//   Empty, Complete* -----------------> Ongoing -----------------> PrepareCommit ----------> CompleteCommit
//      ^   |                            ^  |  |
//      |   |           more partitions  +--+  +------------------> PrepareAbort -----------> CompleteAbort
//      |   +--------------------------------------------------------^  EndTxn(abort), a timeout, or a
//      +-- from Empty and Complete*: InitProducerId                    new producer (not from Empty and Complete*
//                                                                      but by EndTxn(abort) of version 2)
//
// Clients of two kinds come side by side.  To those before transactions version 2 (EndTxn up to v4) one epoch
// is many transactions, and a request that comes late may hit the next one; the fence of connections is what
// can be done for them.  To those of version 2 every end of a transaction raises the epoch (KIP-890), so that a
// retry is told from what comes next by its epoch alone.

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "moldau/protocol/error_code.hpp"
#include "moldau/txn/step.hpp"

namespace moldau::txn {

/// Epochs from here on are not given to clients; the last one is left to fence the last one given out.
constexpr ProducerEpoch last_epoch{std::numeric_limits<std::int16_t>::max()};
[[nodiscard]] constexpr bool is_exhausted(ProducerEpoch epoch) {
  return epoch.value() >= last_epoch.value() - 1;
}

/// Which state may follow which: the whole table.
[[nodiscard]] bool may_follow(TransactionState from, TransactionState to);

class Transaction {
 public:
  using Value = TransactionRecord::Value;
  using ErrorCode = protocol::ErrorCode;

  /// An id that nobody has used; the first value comes by apply().
  explicit Transaction(std::string id) : id_(std::move(id)) {}

  [[nodiscard]] const std::string& id() const { return id_; }
  /// Without its partitions.
  [[nodiscard]] const Value& value() const { return value_; }
  [[nodiscard]] TransactionState state() const { return value_.state; }
  [[nodiscard]] coordinator::Producer producer() const {
    return {value_.producer_id, value_.producer_epoch};
  }
  [[nodiscard]] bool is_ongoing() const { return state() == TransactionState::ongoing; }
  /// Decided, and not all markers are written.
  [[nodiscard]] bool is_ending() const;
  /// Ongoing: those that were added.  Ending: those that have no marker yet.
  [[nodiscard]] const std::set<TopicPartition>& partitions() const { return partitions_; }

  /// What is so from now on.
  void apply(const Value& value);
  /// The same, checked: it is what may come next.
  void change_to(const Value& value);

  // What to do with a request: a code, or what is next; neither when all is done already.
  struct Decision {
    ErrorCode code = ErrorCode::none;
    std::optional<Value> next{};
    ProducerEpoch previous_epoch = no_producer_epoch;  // see previous_epoch_; goes with next
  };
  /// InitProducerId, when no transaction is on its way.  `expected`: what the client had (KIP-360).
  [[nodiscard]] Decision initialise(const Step& step, std::int32_t timeout_ms,
                                    std::optional<coordinator::Producer> expected) const;
  /// Whether a client with that is no zombie for InitProducerId (KIP-360).
  [[nodiscard]] bool may_continue(coordinator::Producer expected) const;
  /// Whether a request of that producer is about the newest of the id.
  [[nodiscard]] ErrorCode check_producer(coordinator::Producer producer) const;
  [[nodiscard]] Decision add(const Step& step, const std::vector<TopicPartition>& partitions,
                             std::int16_t client_transaction_version) const;
  /// EndTxn of clients before version 2, and of version 2.
  [[nodiscard]] Decision end_v1(const Step& step, coordinator::Producer producer, bool commit) const;
  [[nodiscard]] Decision end_v2(const Step& step, coordinator::Producer producer, bool commit) const;
  /// By the coordinator: an Ongoing transaction is aborted, and its producer is left behind.
  [[nodiscard]] Decision fence(const Step& step) const;
  void remember(ProducerEpoch previous_epoch) { previous_epoch_ = previous_epoch; }

  // The end.
  [[nodiscard]] coordinator::Marker marker(std::int32_t coordinator_epoch) const;
  void marker_written(const TopicPartition& partition) { partitions_.erase(partition); }
  [[nodiscard]] Value completed(const Now& now) const;
  /// Who the producer is once the transaction is complete.
  [[nodiscard]] coordinator::Producer next_producer() const;

  /// What a connection is for: clients may have one to the coordinator of transactions and others to those of
  /// groups, and which of them is older says nothing.
  enum class Channel : std::uint8_t { transaction, offsets };
  /// Whether this connection of the newest producer was left by its client for a newer one; otherwise it
  /// is the newest from now on (reliability.md T3).  What it still carries may be of a transaction that is over.
  [[nodiscard]] bool is_left(Channel channel, std::uint64_t connection_id);

  [[nodiscard]] bool is_expired(const Now& now, base::Milliseconds expiration) const;

  // Of the client that began the transaction, for the line that names one that hangs.
  std::string client_id;
  std::string client_host;
  base::Milliseconds pause{0};  // before the newest try to bring it to its end

 private:
  [[nodiscard]] Value changed(TransactionState state, const Now& now) const;
  [[nodiscard]] Decision prepare_v2(const Step& step, bool commit) const;

  const std::string id_;
  Value value_;
  std::set<TopicPartition> partitions_;
  /// The epoch before the last change of it by a client that named it, -1 otherwise: by it a retry of
  /// InitProducerId is known.  Not in the log: who retries across a restart is told PRODUCER_FENCED, as by Kafka.
  ProducerEpoch previous_epoch_ = no_producer_epoch;
  std::array<std::uint64_t, 2> newest_connections_{};  // of producer(), by Channel
};

}  // namespace moldau::txn
