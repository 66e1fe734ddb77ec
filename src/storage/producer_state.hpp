#pragma once
// What a log knows of its idempotent and transactional producers (KIP-98): the last five batches of each,
// for duplicates and gaps; transactions that are open; and the binary snapshot file of Kafka.
//
// Source of the rules: protocol.md edge cases 19-26; KIP-890, KIP-1228; Kafka's ProducerStateManager,
// ProducerAppendInfo and UnifiedLog.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "batch_header.hpp"
#include "byte_io.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/limits.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/log.hpp"
#include "txn_index.hpp"

namespace moldau::storage {

/// What an end-of-transaction marker says.
struct EndTransaction {
  bool commit = false;
  std::int32_t coordinator_epoch = -1;
};

/// What producer state has to know of one batch.
struct ProducerFacts {
  BatchHeader header;
  std::optional<EndTransaction> marker;
  Lsn lsn{0};
  /// Reads the marker out of a control batch.  nullopt when nobody need be told of this batch.
  static base::Result<std::optional<ProducerFacts>> of(base::ByteView batch, const BatchHeader& header);
};

struct ProducerBatch {
  std::int32_t last_sequence = -1;
  std::int32_t offset_delta = 0;
  Offset last_offset = no_offset;
  std::int64_t timestamp_ms = -1;
  Lsn lsn{0};
  [[nodiscard]] std::int32_t first_sequence() const;
  [[nodiscard]] Offset first_offset() const { return last_offset - offset_delta; }
};

struct ProducerEntry {
  ProducerEpoch epoch = no_producer_epoch;
  std::int32_t coordinator_epoch = -1;
  std::int64_t last_timestamp_ms = -1;
  Offset current_txn_first = no_offset;
  Offset last_marker = no_offset;  // as far as this process knows: in no file
  std::uint32_t batch_count = 0;
  std::array<ProducerBatch, limits::producer_batches_remembered> batches;  // oldest first

  [[nodiscard]] const ProducerBatch* last_batch() const {
    return batch_count == 0 ? nullptr : &batches[batch_count - 1];
  }
  [[nodiscard]] std::int32_t last_sequence() const {
    return batch_count == 0 ? -1 : last_batch()->last_sequence;
  }
  void add(const ProducerBatch& batch);
  [[nodiscard]] bool has_transaction() const { return current_txn_first != no_offset; }
};

struct CompletedTransaction {
  TxnIndexEntry entry;
  bool aborted = false;
};

/// Thread rule: none of its own; its log guards it.
class ProducerState {
 public:
  /// Whether a leader may append this batch; the earlier batch when it is a duplicate of one.
  [[nodiscard]] base::Result<std::optional<ProducerBatch>> check(const ProducerFacts& facts,
                                                                 const AppendContext& context) const;
  /// See Log::begin_verification().
  base::Result<std::optional<Verification>> begin_verification(ProducerId producer, ProducerEpoch epoch,
                                                               std::int32_t first_sequence);
  /// Takes note of an appended batch, whose offsets are final.
  std::optional<CompletedTransaction> apply(const ProducerFacts& facts);

  [[nodiscard]] std::optional<OpenTransaction> oldest_open_transaction() const;
  [[nodiscard]] std::vector<ProducerSummary> summaries() const;
  /// What compaction keeps of each producer, so that its sequence is in the log: its last data, or when it has
  /// none, its markers.
  struct LastRecord {
    Offset last_data = no_offset;
    ProducerEpoch epoch{};
  };
  using LastRecords = std::unordered_map<ProducerId, LastRecord>;
  [[nodiscard]] LastRecords last_records() const;
  [[nodiscard]] bool empty() const { return producers_.empty(); }
  [[nodiscard]] std::size_t size() const { return producers_.size(); }
  /// Forgets producers that wrote nothing for so long and have no open transaction.
  void expire(std::int64_t now_ms, std::int64_t expiration_ms);
  void clear();

  /// Kafka's snapshot file: only the last batch of each producer.
  [[nodiscard]] std::string encode_snapshot() const;
  static base::Result<ProducerState> decode_snapshot(std::string_view bytes);
  /// With all batches remembered, for the checkpoint.
  void save(ByteSink& sink) const;
  static std::optional<ProducerState> load(ByteSource& source);

 private:
  /// The coordinator is asked about a transaction that the log does not have yet.
  struct Verifying {
    ProducerEpoch epoch{};
    std::int32_t lowest_sequence = 0;
    bool is_old = false;  // older than the last expire()
  };

  base::Status check_marker(const ProducerFacts& facts, const AppendContext& context,
                            const ProducerEntry& entry) const;
  base::Status check_verified(const BatchHeader& batch, const AppendContext& context,
                              const ProducerEntry& entry) const;
  static base::Error older_epoch(ProducerId producer, ProducerEpoch epoch, ProducerEpoch current);
  void note_transaction(ProducerId producer, const ProducerEntry& entry);

  std::unordered_map<ProducerId, ProducerEntry> producers_;
  std::map<Offset, ProducerId> open_transactions_;  // by first offset
  std::unordered_map<ProducerId, Verifying> verifying_;
};

}  // namespace moldau::storage
