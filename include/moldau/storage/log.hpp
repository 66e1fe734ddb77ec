#pragma once
// One partition's log: batches in, batches out.  Kafka's segment files on disk, the write-ahead lane in
// front of them, recent batches in memory.
//
// What survives a crash: a batch whose Lsn is durable (LogDirectory::commit returned) is there after any
// crash, at its offset.  One that is only written survives the process and not the power.  Nothing else
// is promised, and nothing that was not appended ever appears.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/payload.hpp"
#include "moldau/base/result.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/storage/log_options.hpp"

namespace moldau::storage {

/// Who appends: decides which checks apply (Kafka's AppendOrigin).
enum class AppendOrigin { client, coordinator, replication };

/// Says that the coordinator has a producer's transaction open, and since when: a marker that the log was
/// given afterwards ended that transaction (KIP-890).
struct Verification {
  Offset last_marker = no_offset;  // the producer's newest in the log, when the coordinator was asked
  friend bool operator==(const Verification&, const Verification&) = default;
};

struct AppendContext {
  LeaderEpoch leader_epoch{};
  std::int64_t now_ms = 0;  // wall clock
  AppendOrigin origin = AppendOrigin::client;
  /// The transaction.version that the producer of a transactional batch or a marker goes by.
  std::int16_t transaction_version = 0;
  /// What begin_verification() gave; of a client's batch that begins a transaction in this log.
  std::optional<Verification> verified = std::nullopt;
};

struct Appended {
  Offset first_offset{};
  Offset last_offset{};
  Lsn lsn{};               // durable when the lane's commit has passed it
  bool duplicate = false;  // already in the log at these offsets (idempotence); lsn is that batch's or 0
};

struct ReadLimits {
  /// Batches at or above this offset are not returned: high watermark, last stable offset or log end.
  Offset upper{};
  std::size_t bytes_max = 0;
  /// Returns the first batch whole even when it is larger than bytes_max (KIP-74).
  bool at_least_one = true;
  /// With false, read() returns `would_block` rather than wait for the disk.
  bool may_block = false;
};

/// An aborted transaction: what read_committed consumers filter by.
struct AbortedTransaction {
  ProducerId producer_id{};
  Offset first_offset{};
  friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

struct ReadResult {
  base::Payload records;     // whole batches, from the one that contains the asked offset on
  Offset next_offset{};      // after the last batch returned; the asked offset when none
  bool would_block = false;  // nothing was read: ask again from a helper thread with may_block
};

struct TimestampOffset {
  std::int64_t timestamp_ms = -1;
  Offset offset = no_offset;
  LeaderEpoch leader_epoch = no_leader_epoch;
};

struct EpochEnd {
  LeaderEpoch epoch = no_leader_epoch;
  Offset end_offset = no_offset;
};

/// One idempotent or transactional producer, as DescribeProducers shows it.
struct ProducerSummary {
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  std::int32_t last_sequence = -1;
  std::int64_t last_timestamp_ms = -1;
  std::int32_t coordinator_epoch = -1;
  Offset current_txn_first_offset = no_offset;
  friend bool operator==(const ProducerSummary&, const ProducerSummary&) = default;
};

/// A transaction that was begun in a log and not ended.
struct OpenTransaction {
  ProducerId producer_id{};
  Offset first_offset{};
  std::int64_t last_timestamp_ms = -1;  // of the producer's newest batch
  friend bool operator==(const OpenTransaction&, const OpenTransaction&) = default;
};

/// Told when more of a log is on disk.  Called by the thread that commits, with no lock held.
class LogObserver {
 public:
  virtual ~LogObserver() = default;
  virtual void on_written(Offset end) = 0;  // survives the process
  /// Survives a power cut.  What readers see may follow at once; nobody is answered yet.
  virtual void on_durable(Offset end) = 0;
  /// After every log of the same commit had its on_durable: who waits for this log may be answered, and finds
  /// the others' part there as well (a transaction's markers, when its coordinator's log is told).
  virtual void on_commit_told() = 0;
};

/// Thread rule: every member may be called from any thread; appends of one log are serialised inside.
/// Members marked (blocks) may wait for the disk and are for helper threads.
class Log {
 public:
  virtual ~Log() = default;

  /// Appends one checked batch of a leader: producer sequence checked (KIP-98; reliability.md D6), offset
  /// assigned, base offset and leader epoch stamped in `batch` itself, which the log keeps.
  /// Errors: out_of_order_sequence, invalid_producer_epoch, invalid_txn_state, transaction_not_verified,
  /// transaction_coordinator_fenced, record_list_too_large (over segment_bytes), storage_error.
  virtual base::Result<Appended> append_as_leader(base::SharedBytes batch,
                                                  const AppendContext& context) = 0;
  /// Before a client's transactional batch is appended, and before the coordinator is asked about it: what
  /// goes into its AppendContext::verified.  nullopt when nobody need be asked, since the producer has a
  /// transaction open in this log.  Errors: invalid_producer_epoch.
  virtual base::Result<std::optional<Verification>> begin_verification(ProducerId producer,
                                                                       ProducerEpoch epoch,
                                                                       std::int32_t first_sequence) = 0;
  /// Appends batches as another leader wrote them: offsets must continue, epochs must not fall.
  virtual base::Result<Appended> append_as_follower(base::SharedBytes batches,
                                                    std::int64_t now_ms) = 0;

  /// Errors: offset_out_of_range (below the start or above the end), storage_error, damaged.
  virtual base::Result<ReadResult> read(Offset from, const ReadLimits& limits) = 0;
  /// Aborted transactions that overlap [from, upper), ordered by first offset.  nullopt when that would wait
  /// for the disk, which it does with `may_block`.
  virtual base::Result<std::optional<std::vector<AbortedTransaction>>> aborted_transactions(
      Offset from, Offset upper, bool may_block) = 0;
  /// The first record with a timestamp >= target below `upper`; nullopt when none. (blocks)
  virtual base::Result<std::optional<TimestampOffset>> find_timestamp(std::int64_t target_ms,
                                                                      Offset upper) = 0;
  /// The record with the largest timestamp, the first such in its batch; nullopt when empty. (blocks)
  virtual base::Result<std::optional<TimestampOffset>> max_timestamp(Offset upper) = 0;

  [[nodiscard]] virtual Offset start_offset() const = 0;
  [[nodiscard]] virtual Offset end_offset() const = 0;      // next offset to be assigned
  [[nodiscard]] virtual Offset durable_offset() const = 0;  // everything below survives a power cut
  /// First offset of the oldest transaction that is still open, or whose end is not durable yet; the
  /// log's start when that is above it; nullopt when there is none.
  [[nodiscard]] virtual std::optional<Offset> first_unstable_offset() const = 0;
  /// The oldest that is open.
  [[nodiscard]] virtual std::optional<OpenTransaction> oldest_open_transaction() const = 0;
  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
  [[nodiscard]] virtual std::vector<ProducerSummary> producers() const = 0;

  /// Moves the start up (DeleteRecords); the Lsn makes it durable.  Errors: offset_out_of_range.
  virtual base::Result<Lsn> advance_start(Offset start) = 0;
  /// Cuts the log so that it ends at `end`; epochs, producers and indexes are rewound. (blocks)
  virtual base::Status truncate_to(Offset end) = 0;

  /// A leader's term begins at the current end (KIP-101).
  virtual base::Status begin_leader_epoch(LeaderEpoch epoch) = 0;
  [[nodiscard]] virtual LeaderEpoch latest_epoch() const = 0;
  /// The largest epoch <= `epoch` and where it ends (KIP-101, KIP-320); {-1, -1} when unknown.
  [[nodiscard]] virtual EpochEnd end_of_epoch(LeaderEpoch epoch) const = 0;
  [[nodiscard]] virtual LeaderEpoch epoch_at(Offset offset) const = 0;

  virtual void set_options(const LogOptions& options) = 0;
  /// One observer; nullptr removes it.  After this returns the old one is called no more.
  virtual void set_observer(LogObserver* observer) = 0;

  [[nodiscard]] virtual const TopicPartition& topic_partition() const = 0;
  [[nodiscard]] virtual const TopicId& topic_id() const = 0;
  /// Why the log is offline (damage below the durable mark, a failed disk), if it is.
  [[nodiscard]] virtual std::optional<base::Error> offline() const = 0;
};

}  // namespace moldau::storage
