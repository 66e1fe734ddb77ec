#pragma once
// One partition as its leader sees it: the log, who may read how far, and who waits for that.
//
// Invariant: log start <= high watermark <= durable offset <= log end.  A consumer therefore never sees a
// record that a power cut could still take away (reliability.md D4).

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/metadata/topic_config.hpp"
#include "moldau/partition/waiters.hpp"
#include "moldau/record/transaction_marker.hpp"
#include "moldau/storage/log.hpp"

namespace moldau::partition {

enum class Role { offline, leader, follower };

/// What the metadata say of a partition (KRaft's PartitionRecord, cut to what matters here).
struct LeaderState {
  LeaderEpoch leader_epoch{0};
  PartitionEpoch partition_epoch{0};
  BrokerId leader{0};
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;
  friend bool operator==(const LeaderState&, const LeaderState&) = default;
};

/// How far a reader may read (Kafka's FetchIsolation).
enum class Isolation { log_end, high_watermark, committed };

struct AppendRequest {
  Acks acks = Acks::all;
  std::int64_t now_ms = 0;  // wall clock
  storage::AppendOrigin origin = storage::AppendOrigin::client;
  /// As in storage::AppendContext.
  std::int16_t transaction_version = 0;
  std::optional<storage::Verification> verified = std::nullopt;
  /// Told once when the acknowledgement is due; not for Acks::none, nor when append() fails.
  std::shared_ptr<AckTarget> target;
  std::uint32_t index = 0;  // handed back to the target
};

struct AppendOutcome {
  Offset first_offset{};
  Offset log_start{};
  bool acknowledged = false;  // already due: the target is not called
};

struct ReadRequest {
  Offset from{};
  Isolation isolation = Isolation::high_watermark;
  LeaderEpoch current_leader_epoch = no_leader_epoch;  // -1: not checked
  LeaderEpoch last_fetched_epoch = no_leader_epoch;    // -1: not checked (KIP-320, KIP-595)
  std::size_t bytes_max = 0;
  bool at_least_one = true;
  bool may_block = false;
};

struct ReadOutcome {
  base::Payload records;
  Offset high_watermark{};
  Offset last_stable_offset{};
  Offset log_start{};
  Offset next_offset{};
  std::vector<storage::AbortedTransaction> aborted;       // Isolation::committed only
  std::optional<storage::EpochEnd> diverging;             // instead of records
  bool would_block = false;
};

/// ListOffsets' special timestamps (protocol.md 43-46).
enum class OffsetSpec { latest, earliest, max_timestamp, earliest_local, latest_tiered,
                        earliest_pending_upload, timestamp };

/// Thread rule: any thread.  Lock order: a partition's lock before its log's.
class Partition final : public storage::LogObserver,
                        public std::enable_shared_from_this<Partition> {
 public:
  Partition(std::shared_ptr<storage::Log> log, BrokerId self,
            std::shared_ptr<const metadata::TopicConfig> config);
  ~Partition() override;
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  /// Driven by metadata: starts a leader's term (its epoch is recorded in the log).
  base::Status become_leader(const LeaderState& state);
  void set_config(std::shared_ptr<const metadata::TopicConfig> config);
  /// The topic was deleted or the disk failed: every waiter gets `reason`, every later call too.
  void take_offline(const base::Error& reason);

  /// Appends one batch that was validated.  Errors: not_leader, not_enough_replicas (acks=all only),
  /// and Log::append_as_leader's.
  base::Result<AppendOutcome> append(base::SharedBytes batch, const AppendRequest& request);
  /// Ends a producer's transaction in this partition, by a coordinator; also where none is open, as Kafka does.
  /// Errors: those of append(), of which invalid_producer_epoch and transaction_coordinator_fenced are final.
  base::Result<AppendOutcome> append_marker(const record::TransactionMarker& marker,
                                            std::int16_t transaction_version, AppendRequest request);

  /// Errors: fenced_leader_epoch, unknown_leader_epoch, offset_out_of_range, not_leader, storage_error.
  [[nodiscard]] base::Result<ReadOutcome> read(const ReadRequest& request);

  /// (blocks) for max_timestamp and timestamp; the others answer from memory.
  [[nodiscard]] base::Result<storage::TimestampOffset> find_offset(
      OffsetSpec spec, std::int64_t timestamp_ms, Isolation isolation,
      LeaderEpoch current_leader_epoch);

  [[nodiscard]] base::Result<storage::EpochEnd> end_of_epoch(LeaderEpoch current_leader_epoch,
                                                             LeaderEpoch epoch);
  /// DeleteRecords.  -1 means the high watermark.  The Lsn makes it durable.
  struct StartMoved {
    Offset low_watermark{};
    Lsn lsn{};
  };
  base::Result<StartMoved> delete_records(Offset before);

  /// Wakes `waiter` after every rise of the high watermark and on every error, until removed.
  void add_waiter(const std::shared_ptr<FetchWaiter>& waiter);
  void remove_waiter(const FetchWaiter* waiter);

  /// Bytes are counted by offsets: whether a read from `from` would return anything.
  [[nodiscard]] bool has_data(Offset from, Isolation isolation);

  [[nodiscard]] Offset high_watermark() const;
  [[nodiscard]] LeaderState leader_state() const;
  [[nodiscard]] std::shared_ptr<const metadata::TopicConfig> config() const;
  [[nodiscard]] storage::Log& log() { return *log_; }
  [[nodiscard]] const std::shared_ptr<storage::Log>& shared_log() const { return log_; }
  [[nodiscard]] const TopicPartition& topic_partition() const { return log_->topic_partition(); }
  [[nodiscard]] std::optional<base::Error> offline() const;

  // storage::LogObserver; called by the committing thread.
  void on_written(Offset end) override;
  void on_durable(Offset end) override;
  void on_commit_told() override;

 private:
  struct AckWaiter {
    Offset required{};
    std::shared_ptr<AckTarget> target;
    std::uint32_t index = 0;
  };

  base::Status check_serving() const MOLDAU_REQUIRES(mutex_);
  base::Status check_epoch(LeaderEpoch current) const MOLDAU_REQUIRES(mutex_);
  Offset upper_bound(Isolation isolation) const MOLDAU_REQUIRES(mutex_);
  Offset last_stable_offset() const MOLDAU_REQUIRES(mutex_);
  std::size_t replicas_required() const MOLDAU_REQUIRES(mutex_);

  const std::shared_ptr<storage::Log> log_;  // second owner: the log directory
  const BrokerId self_;
  mutable base::Mutex mutex_;
  Role role_ MOLDAU_GUARDED_BY(mutex_) = Role::offline;
  LeaderState state_ MOLDAU_GUARDED_BY(mutex_);
  std::shared_ptr<const metadata::TopicConfig> config_ MOLDAU_GUARDED_BY(mutex_);
  Offset high_watermark_ MOLDAU_GUARDED_BY(mutex_);
  Offset written_ MOLDAU_GUARDED_BY(mutex_);
  bool has_news_ MOLDAU_GUARDED_BY(mutex_) = false;  // for those who wait to fetch
  std::optional<base::Error> offline_ MOLDAU_GUARDED_BY(mutex_);
  // Both ordered by the offset that they wait for.
  std::deque<AckWaiter> waiting_written_ MOLDAU_GUARDED_BY(mutex_);
  std::deque<AckWaiter> waiting_durable_ MOLDAU_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<FetchWaiter>> fetch_waiters_ MOLDAU_GUARDED_BY(mutex_);
};

}  // namespace moldau::partition
