#pragma once
// The records of __transaction_state, typed: what the transaction coordinator is a fold over.
//
// A record's key is an int16 record type, 0, and the transactional id; its value is an int16 version and
// the fields that say what is so, or null: a tombstone.  Fields and versions are Kafka's (protocol.md 5.10),
// so that Kafka reads what is written here and tools that read the topic work.  Source of the bytes: a real
// Kafka 4.3.1 (tests/txn/golden).
//
// fields() are the layout of a value behind its version, by Kafka's names in snake_case.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/codec/fields.hpp"
#include "moldau/coordinator/effects.hpp"

namespace moldau::txn {

constexpr std::string_view transaction_topic = "__transaction_state";

using codec::since;

/// Of a transactional id; the numbers are the log's.
enum class TransactionState : std::int8_t {
  empty = 0,
  ongoing = 1,
  prepare_commit = 2,
  prepare_abort = 3,
  complete_commit = 4,
  complete_abort = 5,
  dead = 6,                 // Kafka's word for an id that is being forgotten; never in a log
  prepare_epoch_fence = 7,  // Kafka's word for a step of an abort; never in a log
};

/// "PrepareCommit": Kafka's name.
[[nodiscard]] std::string_view state_name(TransactionState state);
/// nullopt: no state has that name.
[[nodiscard]] std::optional<TransactionState> state_of(std::string_view name);

/// Partitions of one topic, ascending.
struct TransactionPartitions {
  std::string topic;
  std::vector<std::int32_t> partition_ids;
  static constexpr void fields(auto& field, auto& m) {
    field("topic", m.topic, since(0));
    field("partition_ids", m.partition_ids, since(0));
  }
  friend bool operator==(const TransactionPartitions&, const TransactionPartitions&) = default;
};

/// The value of a transactional id's record.  Not nested in it: clang does not take a nested type's
/// default member values for an optional of the type around it.
struct TransactionValue {
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{1, codec::never};
  ProducerId producer_id = no_producer_id;
  ProducerId previous_producer_id = no_producer_id;
  /// Takes the place of producer_id when the transaction is complete: its epochs are used up.
  ProducerId next_producer_id = no_producer_id;
  ProducerEpoch producer_epoch = no_producer_epoch;
  std::int32_t timeout_ms = 0;
  TransactionState state = TransactionState::empty;
  std::optional<std::vector<TransactionPartitions>> partitions;  // ascending; null while Empty
  std::int64_t last_update_ms = -1;
  std::int64_t start_ms = -1;  // -1: no transaction began since the producer was initialised
  std::int16_t client_transaction_version = 0;
  ProducerEpoch next_producer_epoch = no_producer_epoch;  // KIP-939: kept, not used
  static constexpr void fields(auto& field, auto& m) {
    field("producer_id", m.producer_id, since(0));
    field("previous_producer_id", m.previous_producer_id, since(1).tagged(0));
    field("next_producer_id", m.next_producer_id, since(1).tagged(1));
    field("producer_epoch", m.producer_epoch, since(0));
    field("transaction_timeout_ms", m.timeout_ms, since(0));
    field("transaction_status", m.state, since(0));
    field("transaction_partitions", m.partitions, since(0).nullable(0));
    field("transaction_last_update_timestamp_ms", m.last_update_ms, since(0));
    field("transaction_start_timestamp_ms", m.start_ms, since(0));
    field("client_transaction_version", m.client_transaction_version, since(1).tagged(2));
    field("next_producer_epoch", m.next_producer_epoch, since(1).tagged(3));
  }
  friend bool operator==(const TransactionValue&, const TransactionValue&) = default;
};

/// All that the log knows of a transactional id.
struct TransactionRecord {
  using Partitions = TransactionPartitions;
  using Value = TransactionValue;
  std::string transactional_id;
  std::optional<Value> value;
  /// Of the value: 0 as long as transaction.version is 0, whose readers do not know tagged fields.
  std::int16_t value_version = 1;
  friend bool operator==(const TransactionRecord&, const TransactionRecord&) = default;
};

[[nodiscard]] coordinator::EncodedRecord encode(const TransactionRecord& record);

/// Errors: unsupported (a record type or version that is not known here: the reader passes over it),
/// corrupt_message (bytes that do not fit their type, a state that no log has).
[[nodiscard]] base::Result<TransactionRecord> decode(base::ByteView key,
                                                     std::optional<base::ByteView> value);

}  // namespace moldau::txn
