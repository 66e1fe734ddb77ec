#pragma once
// What a log should say of its transactions, by a plain scan over everything that was appended to it.

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "moldau/storage/log.hpp"

namespace moldau::partition {

/// A batch as it stands in the log.
struct OracleBatch {
  Offset first{};
  Offset last{};
  ProducerId producer = no_producer_id;
  ProducerEpoch epoch = no_producer_epoch;
  std::int32_t last_sequence = -1;
  std::int64_t timestamp_ms = 0;
  bool is_transactional = false;
  bool is_marker = false;
  bool is_commit = false;
  std::int32_t coordinator_epoch = -1;
};

struct OracleTransaction {
  ProducerId producer{};
  Offset first{};
  std::optional<Offset> marker;  // nullopt: it is open
  bool is_aborted = false;
};

class Oracle {
 public:
  explicit Oracle(const std::vector<OracleBatch>& batches) : batches_(batches) {
    for (const auto& batch : batches) see(batch);
  }

  [[nodiscard]] std::vector<storage::AbortedTransaction> aborted(Offset from, Offset upper) const {
    std::vector<storage::AbortedTransaction> result;
    for (const auto& txn : transactions_)  // in the order of their first offsets
      if (txn.is_aborted && *txn.marker >= from && txn.first < upper)
        result.push_back({txn.producer, txn.first});
    return result;
  }

  /// The first offset of a transaction that is open, or whose end is not below `durable`.
  [[nodiscard]] std::optional<Offset> first_unstable(Offset start, Offset durable) const {
    for (const auto& txn : transactions_)
      if (!txn.marker || *txn.marker >= durable) return std::max(txn.first, start);
    return std::nullopt;
  }

  [[nodiscard]] std::vector<storage::ProducerSummary> producers() const {
    std::vector<storage::ProducerSummary> result;
    for (const auto& [id, summary] : producers_) result.push_back(summary);
    return result;
  }
  [[nodiscard]] std::optional<storage::ProducerSummary> producer(ProducerId id) const {
    const auto place = producers_.find(id);
    return place == producers_.end() ? std::nullopt : std::optional(place->second);
  }

  /// Offsets of the records in [from, upper) that a consumer of committed ones is to get.
  [[nodiscard]] std::vector<Offset> committed(Offset from, Offset upper) const {
    std::vector<Offset> result;
    for (const auto& batch : batches_) {
      if (batch.is_marker || batch.last >= upper || is_aborted(batch)) continue;
      for (Offset at = std::max(batch.first, from); at <= batch.last; at = at + 1) result.push_back(at);
    }
    return result;
  }

 private:
  void see(const OracleBatch& batch) {
    if (batch.producer == no_producer_id) return;
    auto& producer = producers_[batch.producer];
    producer.producer_id = batch.producer;
    if (producer.producer_epoch != batch.epoch) producer.last_sequence = -1;
    producer.producer_epoch = batch.epoch;
    producer.last_timestamp_ms = batch.timestamp_ms;
    if (batch.is_marker) {
      producer.coordinator_epoch = batch.coordinator_epoch;
      if (auto* open = open_of(batch.producer)) {
        open->marker = batch.first;
        open->is_aborted = !batch.is_commit;
      }
      producer.current_txn_first_offset = no_offset;
      return;
    }
    producer.last_sequence = batch.last_sequence;
    if (!batch.is_transactional || open_of(batch.producer) != nullptr) return;
    transactions_.push_back({batch.producer, batch.first, std::nullopt, false});
    producer.current_txn_first_offset = batch.first;
  }

  OracleTransaction* open_of(ProducerId producer) {
    for (auto& txn : transactions_)
      if (txn.producer == producer && !txn.marker) return &txn;
    return nullptr;
  }
  [[nodiscard]] bool is_aborted(const OracleBatch& batch) const {
    if (!batch.is_transactional) return false;
    for (const auto& txn : transactions_)
      if (txn.producer == batch.producer && txn.first <= batch.first && txn.marker &&
          batch.last < *txn.marker)
        return txn.is_aborted;
    return false;
  }

  const std::vector<OracleBatch>& batches_;
  std::vector<OracleTransaction> transactions_;
  std::map<ProducerId, storage::ProducerSummary> producers_;
};

}  // namespace moldau::partition
