#pragma once
// The log of one partition: the one implementation of storage::Log.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "checkpoint.hpp"
#include "flush_queue.hpp"
#include "lane_queue.hpp"
#include "lane_reader.hpp"
#include "leader_epochs.hpp"
#include "moldau/base/clock.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/storage/log.hpp"
#include "producer_state.hpp"
#include "segment.hpp"
#include "tail.hpp"

namespace moldau::storage {

/// What logs share.  All of it outlives them.
struct LogServices {
  FileSystem& fs;
  base::Clock& clock;
  LaneQueue& lane;
  FlushQueue& flush;
  bool sync = true;
  /// Carries out truncate_to() together with the lane.
  std::function<base::Status(PartitionLog&, Offset)> truncate;
};

/// What was found on disk.
struct LogParts {
  std::vector<std::shared_ptr<Segment>> segments;  // at least one; the last is the active one
  Offset start{};
  Offset end{};
  Lsn applied{0};
  LeaderEpochs epochs;
  std::vector<EpochStart> epochs_on_disk;
  ProducerState producers;
  bool unsynced = false;  // what was found or made may not survive a power cut yet
  bool finished = false;  // as an orderly stop left it: there is nothing to add to its files
};

/// What compaction may do to a log now.
struct Cleanable {
  Offset first_dirty{};  // what is below was compacted before
  Offset end{};          // and from here on nothing may be
  double dirty_ratio = 0;
  bool overdue = false;  // max.compaction.lag.ms
};

/// What it has to know for that.
struct CompactionPlan {
  std::vector<std::shared_ptr<Segment>> segments;  // closed and behind a checkpoint, from the log's start on
  Cleanable range;
  LogOptions options;
  ProducerState::LastRecords producers;
  std::vector<TxnIndexEntry> aborted;
};

/// Thread rule: any thread for storage::Log.  "Background" members are called under the log directory's
/// background lock, by one thread at a time; "committing" ones by the committing thread.
class PartitionLog final : public Log, public std::enable_shared_from_this<PartitionLog> {
 public:
  PartitionLog(LogServices& services, std::string directory, TopicPartition name, TopicId topic_id,
               const LogOptions& options, LogParts parts);
  /// A log that cannot be served; `state` is what the next start has to know of it.
  PartitionLog(LogServices& services, std::string directory, LogState state, base::Error reason);

  base::Result<Appended> append_as_leader(base::SharedBytes batch,
                                          const AppendContext& context) override;
  base::Result<Appended> append_as_follower(base::SharedBytes batches, std::int64_t now_ms) override;
  base::Result<std::optional<Verification>> begin_verification(ProducerId producer, ProducerEpoch epoch,
                                                               std::int32_t first_sequence) override;
  base::Result<ReadResult> read(Offset from, const ReadLimits& limits) override;
  base::Result<std::optional<std::vector<AbortedTransaction>>> aborted_transactions(
      Offset from, Offset upper, bool may_block) override;
  base::Result<std::optional<TimestampOffset>> find_timestamp(std::int64_t target_ms,
                                                              Offset upper) override;
  base::Result<std::optional<TimestampOffset>> max_timestamp(Offset upper) override;
  [[nodiscard]] Offset start_offset() const override;
  [[nodiscard]] Offset end_offset() const override;
  [[nodiscard]] Offset durable_offset() const override;
  [[nodiscard]] std::optional<Offset> first_unstable_offset() const override;
  [[nodiscard]] std::optional<OpenTransaction> oldest_open_transaction() const override;
  [[nodiscard]] std::uint64_t size_bytes() const override;
  [[nodiscard]] std::vector<ProducerSummary> producers() const override;
  base::Result<Lsn> advance_start(Offset start) override;
  base::Status truncate_to(Offset end) override;
  base::Status begin_leader_epoch(LeaderEpoch epoch) override;
  [[nodiscard]] LeaderEpoch latest_epoch() const override;
  [[nodiscard]] EpochEnd end_of_epoch(LeaderEpoch epoch) const override;
  [[nodiscard]] LeaderEpoch epoch_at(Offset offset) const override;
  void set_options(const LogOptions& options) override;
  void set_observer(LogObserver* observer) override;
  [[nodiscard]] const TopicPartition& topic_partition() const override { return name_; }
  [[nodiscard]] const TopicId& topic_id() const override { return topic_id_; }
  [[nodiscard]] std::optional<base::Error> offline() const override;

  // Committing.
  /// One commit's news of this log.  Collected entry by entry, then told once.
  struct Committed {
    std::uint64_t commit = 0;
    Offset end{};
    Lsn lsn{0};
    std::uint64_t bytes = 0;
  };
  Committed committed;
  void tell_written(Offset end);
  /// Returns whether the background thread should look now.
  bool note_durable(const Committed& news, base::SteadyTime now);
  void tell_durable();
  void tell_commit_told();

  // Background.
  /// Writes durable batches to segment files, without syncing.
  base::Status flush(std::int64_t now_ms);
  /// Whether durable batches wait that no file has.
  [[nodiscard]] bool has_unflushed() const;
  [[nodiscard]] std::uint64_t unflushed_bytes() const;
  [[nodiscard]] Offset flushed_end() const;
  /// Files that must be synced before a checkpoint may rely on them.
  base::Status take_unsynced(Segment::Files& files, bool& directory);
  /// The directory is new, and so is partition.metadata in it.
  void note_created();
  [[nodiscard]] LogState state() const;
  /// Forgets flushed batches, oldest first, about so many bytes; whether there are more.
  bool drop_tail(std::size_t bytes_max);
  /// Whether the directory lists the log among those with batches to forget.
  bool is_listed_as_cached = false;
  void expire_producers(std::int64_t now_ms);
  /// Everything that Kafka expects of a log that was closed.  The log is unusable afterwards.
  base::Status finish(Segment::Files& to_sync);
  /// Whether finish() changed the directory since the last call.
  bool take_finished() { return std::exchange(finished_now_, false); }
  [[nodiscard]] bool has_files() const { return active_ != nullptr; }
  /// Recovery found that its files cannot take what the lane has.
  void set_damaged(LogState state, const base::Error& reason);
  [[nodiscard]] std::int64_t file_delete_delay_ms() const;
  void take_offline(const base::Error& reason);
  void release_memory();

  /// Makes anew the indexes of one closed segment that lacks them; false when none does.  (blocks)
  bool restore_indexes();
  /// Any thread: looks through about so many bytes of batches from `place` on, and moves it; to no_offset at the end.
  /// Damage takes the log offline.  Errors: damaged.  (blocks)
  struct ScrubPlace {
    Offset segment{0};  // the first that begins at or above it
    std::uint64_t position = 0;
    std::weak_ptr<Segment> in;  // another one may have taken its place
  };
  base::Result<std::uint64_t> scrub(ScrubPlace& place, std::uint64_t bytes_max);

  // Retention and compaction (partition_log_cleanup.cpp); background as well, but for the two that say so.
  /// Moves the start up to what retention keeps; without time, what is old stays.  Whether it moved.  (blocks)
  base::Result<bool> apply_retention(std::int64_t now_ms, bool with_time);
  /// Takes segments below the start out and renames their files, once the start is durable and a checkpoint no
  /// more refers to them.  Adds the new paths to `aside`.  (blocks)
  base::Status remove_below_start(std::vector<std::string>& aside);
  /// Segments wait for a checkpoint until they can be removed or compacted.
  [[nodiscard]] bool waits_for_checkpoint() const;
  /// The checkpoint that has state() is written.
  void note_checkpointed(bool dense);
  /// What can be compacted now, if the log's policy is that; any thread.  (blocks)
  base::Result<std::optional<Cleanable>> cleanable(std::int64_t now_ms) const;
  /// Any thread.  (blocks)
  base::Result<CompactionPlan> plan_compaction(const Cleanable& range);
  /// Puts `compacted`, whose batches are synced in <base>.log.cleaned, in the place of `old`.  False when the log
  /// is no more what it was, and nothing was changed.  (blocks)
  base::Result<bool> replace_segments(const std::vector<std::shared_ptr<Segment>>& old,
                                      const std::shared_ptr<Segment>& compacted,
                                      std::vector<std::string>& aside);
  void set_cleaned_end(Offset end);
  [[nodiscard]] Offset cleaned_end() const;

  /// truncate_to(), in its two halves: what readers see (with its entry for the lane), and the files.
  base::Result<Lsn> truncate_memory(Offset end);
  base::Status truncate_files(Offset end, Lsn lsn);

  // Recovery, before the log is shared.
  base::Status replay(const LaneRecord& record);
  void replay_ended();
  /// Whether the closed segments are those that a checkpoint tells of, where they cannot have changed since.
  /// Errors: damaged.
  base::Status check_closed(const LogState& known) const;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] Offset first_segment_base() const;

 private:
  using SegmentPtr = std::shared_ptr<Segment>;  // second owners: readers

  base::Status check_online() const MOLDAU_REQUIRES(mutex_);
  base::Result<Lsn> accept(base::SharedBytes batch, const BatchHeader& header,
                           std::optional<ProducerFacts> facts) MOLDAU_REQUIRES(mutex_);
  void note_producer(const ProducerFacts& facts) MOLDAU_REQUIRES(mutex_);
  bool read_tail(Offset from, Offset upper, const ReadLimits& limits, ReadResult& result) const
      MOLDAU_REQUIRES(mutex_);
  SegmentPtr segment_of(Offset offset) const MOLDAU_REQUIRES(mutex_);
  SegmentPtr segment_after(const Segment& segment) const;
  std::vector<SegmentPtr> segments() const;
  /// Takes the log offline when a result tells of damage.
  template <typename Result>
  Result noting_damage(Result result) {
    if (!result && result.error().code == base::Errc::damaged) note_damage(result.error());
    return result;
  }
  void note_damage(const base::Error& damage);
  base::Result<ReadResult> read_batches(Offset from, const ReadLimits& limits);
  base::Result<std::optional<TimestampOffset>> look_for_timestamp(std::int64_t target_ms, Offset upper);
  base::Result<std::optional<TimestampOffset>> look_for_max_timestamp(Offset upper);
  /// Reads a segment's transaction index, or makes it anew where it is not what it was.  (blocks)
  base::Status load_txn_index(const SegmentPtr& segment) MOLDAU_EXCLUDES(txn_index_mutex_);
  /// Adds the aborted transactions that overlap [from, upper) in no order; false when that would block.
  base::Result<bool> collect_aborted(Offset from, Offset upper, bool may_block,
                                     std::vector<TxnIndexEntry>& found);
  [[nodiscard]] std::optional<Offset> first_unstable() const MOLDAU_REQUIRES(mutex_);
  base::Result<Offset> retained_start(std::int64_t now_ms, bool with_time) const;
  [[nodiscard]] bool is_dense() const MOLDAU_REQUIRES(mutex_);
  base::Status write_run(std::span<const TailBatch> run);
  base::Status roll(Offset base, std::int64_t now_ms);
  base::Status write_snapshot(Offset at, Segment::Files& to_sync);
  base::Status reload_producers(Offset end);

  LogServices& services_;
  std::string directory_;
  const TopicPartition name_;
  const TopicId topic_id_;

  // Held while a transaction index is read or made anew, by helper threads and the background; before mutex_.
  base::Mutex txn_index_mutex_;
  std::vector<SegmentPtr> unsaved_txn_indexes_ MOLDAU_GUARDED_BY(txn_index_mutex_);

  mutable base::Mutex mutex_;
  LogOptions options_ MOLDAU_GUARDED_BY(mutex_);
  std::optional<base::Error> offline_ MOLDAU_GUARDED_BY(mutex_);
  bool takes_no_writes_ MOLDAU_GUARDED_BY(mutex_) = false;  // offline, and its files are not to be touched
  // Invariant: start_ <= end_, flushed_end_ <= durable_end_ <= end_, and the tail, when it is not empty,
  // begins at or below flushed_end_ and ends at end_.
  Offset start_ MOLDAU_GUARDED_BY(mutex_);
  Offset end_ MOLDAU_GUARDED_BY(mutex_);
  Offset durable_end_ MOLDAU_GUARDED_BY(mutex_);
  Offset flushed_end_ MOLDAU_GUARDED_BY(mutex_);
  std::uint64_t unflushed_bytes_ MOLDAU_GUARDED_BY(mutex_) = 0;  // durable, in no file
  bool waits_for_flush_ MOLDAU_GUARDED_BY(mutex_) = false;
  bool flush_announced_ MOLDAU_GUARDED_BY(mutex_) = false;
  Lsn truncated_at_ MOLDAU_GUARDED_BY(mutex_){0};
  Offset truncated_to_ MOLDAU_GUARDED_BY(mutex_);
  Lsn start_lsn_ MOLDAU_GUARDED_BY(mutex_){0};  // with it the start is durable
  Offset checkpointed_base_ MOLDAU_GUARDED_BY(mutex_){-1};  // of the active segment that a start would look for
  bool checkpointed_dense_ MOLDAU_GUARDED_BY(mutex_) = true;  // a start would miss segments that compaction took
  Offset cleaned_end_ MOLDAU_GUARDED_BY(mutex_){-1};
  Tail tail_ MOLDAU_GUARDED_BY(mutex_);
  std::vector<SegmentPtr> segments_ MOLDAU_GUARDED_BY(mutex_);
  LeaderEpochs epochs_ MOLDAU_GUARDED_BY(mutex_);
  ProducerState producers_ MOLDAU_GUARDED_BY(mutex_);
  // Transactions whose marker is not durable yet hold the last stable offset back, and aborted ones
  // are in no index before their marker is in a file.
  std::vector<CompletedTransaction> undecided_ MOLDAU_GUARDED_BY(mutex_);
  std::vector<CompletedTransaction> unindexed_ MOLDAU_GUARDED_BY(mutex_);

  // Background only.
  ProducerState flushed_producers_;
  Lsn applied_{0};
  SegmentPtr active_;
  Segment::Files unsynced_;
  std::vector<EpochStart> epochs_on_disk_;
  bool active_unsynced_ = false;
  bool directory_unsynced_ = false;
  bool metadata_unsynced_ = false;
  Offset last_snapshot_{-1};
  std::optional<LogState> damaged_;  // instead of what can be seen
  bool finished_ = false;
  bool finished_now_ = false;

  template <typename Call>
  void tell(Call call);
  // Held while the observer is called, so that set_observer() can wait for it.
  std::mutex observer_mutex_;
  std::atomic<std::thread::id> observer_thread_{};
  LogObserver* observer_ = nullptr;
};

}  // namespace moldau::storage
