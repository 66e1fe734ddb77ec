#pragma once
// One log directory: the one implementation of storage::LogDirectory.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checkpoint.hpp"
#include "flush_queue.hpp"
#include "lane_queue.hpp"
#include "lane_writer.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/storage/log_directory.hpp"
#include "partition_log.hpp"

namespace moldau::storage {

/// Lock order: commit, background, then position and logs; then a log's own.
class Directory final : public LogDirectory {
 public:
  Directory(FileSystem& fs, std::string path, LogDirectoryOptions options, base::Clock& clock,
            base::Random& random);
  ~Directory() override = default;
  /// What LogDirectory::open promises.
  base::Status open(DirectoryIdentity identity);

  base::Result<std::shared_ptr<Log>> create_log(const TopicPartition& partition,
                                                const TopicId& topic_id,
                                                const LogOptions& options) override;
  base::Status delete_log(const TopicIdPartition& partition) override;
  base::Result<std::string> move_aside(const TopicIdPartition& partition) override;
  [[nodiscard]] std::vector<std::shared_ptr<Log>> logs() const override;
  [[nodiscard]] std::shared_ptr<Log> find(const TopicIdPartition& partition) const override;
  bool wait_for_work(std::chrono::milliseconds timeout) override;
  void stop_waiting() override;
  base::Status commit() override;
  [[nodiscard]] Lsn durable_lsn() const override { return lane_queue_.durable(); }
  [[nodiscard]] std::optional<base::Error> failed() const override { return lane_queue_.failed(); }
  base::Result<std::optional<std::chrono::milliseconds>> write_behind() override;
  void wait_for_background(std::chrono::milliseconds timeout) override;
  base::Status checkpoint() override;
  base::Result<std::optional<std::chrono::milliseconds>> remove_deleted() override;
  base::Status apply_retention() override;
  base::Result<std::optional<Compacted>> compact(const CompactionControl& control) override;
  Scrubbed scrub(std::uint64_t bytes_max) override;
  base::Status close(std::int64_t broker_epoch) override;
  [[nodiscard]] const DirectoryIdentity& identity() const override { return identity_; }
  [[nodiscard]] const Opened& opened() const override { return opened_; }
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] base::Result<Space> space() const override;
  [[nodiscard]] LaneStatistics lane_statistics() const override;

 private:
  using LogMap = std::map<TopicIdPartition, std::shared_ptr<PartitionLog>>;
  struct Deleted {
    std::shared_ptr<PartitionLog> log;  // kept until the lane refers to it no more
    Lsn lsn{0};
    std::string directory;
    base::SteadyTime remove_at;
  };

  base::Status format_or_check(DirectoryIdentity identity);
  base::Result<std::optional<Checkpoint>> read_checkpoint();
  base::Status begin_lane();
  base::Status commit_entries(std::span<const LaneEntry> entries) MOLDAU_REQUIRES(commit_mutex_);
  base::Status finish_commit(std::span<const LaneEntry> entries) MOLDAU_REQUIRES(commit_mutex_);
  base::Status fail_with(const base::Error& error);
  /// False when the disk is full: the batches stay where they are.
  base::Result<bool> flush_log(PartitionLog& log, std::int64_t now_ms) MOLDAU_REQUIRES(background_mutex_);
  base::Status checkpoint_locked() MOLDAU_REQUIRES(background_mutex_);
  base::Status sync_dirty(const LogMap& logs) MOLDAU_REQUIRES(background_mutex_);
  base::Status write_checkpoint(const LogMap& logs, const LanePosition& position, bool closed)
      MOLDAU_REQUIRES(background_mutex_);
  base::Status write_kafka_checkpoints(const LogMap& logs);
  base::Status write_cleaner_offsets();
  /// Whether records may be judged by the wall clock.
  bool wall_clock_is_sound() MOLDAU_REQUIRES(background_mutex_);
  void restore_indexes();
  base::Status checkpoint_if_awaited() MOLDAU_REQUIRES(background_mutex_);
  void remove_later(std::vector<std::string> files, std::int64_t delay_ms);
  base::Status remove_own_directory();
  void watch_space() MOLDAU_REQUIRES(commit_mutex_);
  struct TakenOut {
    std::shared_ptr<PartitionLog> log;
    Lsn lsn{};
    std::string directory;  // its new name; empty when there was none
  };
  base::Result<TakenOut> take_out(const TopicIdPartition& partition, std::string_view suffix)
      MOLDAU_REQUIRES(background_mutex_);
  base::Status prepare_lane_file();
  void trim_tails() MOLDAU_REQUIRES(background_mutex_);
  base::Status truncate(PartitionLog& log, Offset end);
  base::Status save(const std::string& path, std::string_view contents);
  LogMap log_map() const;
  [[nodiscard]] std::string own_directory() const;

  FileSystem& fs_;
  const std::string path_;
  const LogDirectoryOptions options_;
  base::Clock& clock_;
  base::Random& random_;
  DirectoryIdentity identity_;
  Opened opened_;
  std::unique_ptr<FileLock> file_lock_;
  LaneQueue lane_queue_;
  FlushQueue flush_queue_;
  LogServices services_;

  base::Mutex commit_mutex_;
  std::unique_ptr<LaneWriter> lane_;  // set by open(); used under commit_mutex_ but for prepare_next()
  std::vector<LaneEntry> entries_ MOLDAU_GUARDED_BY(commit_mutex_);
  std::vector<PartitionLog*> touched_ MOLDAU_GUARDED_BY(commit_mutex_);
  std::uint64_t commit_number_ MOLDAU_GUARDED_BY(commit_mutex_) = 0;
  std::uint64_t files_begun_ MOLDAU_GUARDED_BY(commit_mutex_) = 1;

  base::Mutex background_mutex_;
  // Logs with batches that are in memory only for readers, each once.
  std::deque<std::weak_ptr<PartitionLog>> cached_ MOLDAU_GUARDED_BY(background_mutex_);
  base::SteadyTime space_seen_ MOLDAU_GUARDED_BY(commit_mutex_){};
  bool disk_was_full_ MOLDAU_GUARDED_BY(background_mutex_) = false;
  bool root_unsynced_ MOLDAU_GUARDED_BY(background_mutex_) = false;
  bool closed_ MOLDAU_GUARDED_BY(background_mutex_) = false;
  std::optional<base::SteadyTime> expire_at_ MOLDAU_GUARDED_BY(background_mutex_);
  struct ClockSample {
    std::int64_t wall_ms = 0;
    base::SteadyTime steady{};
  };
  std::optional<ClockSample> clock_seen_ MOLDAU_GUARDED_BY(background_mutex_);
  std::optional<base::SteadyTime> distrusts_clock_until_ MOLDAU_GUARDED_BY(background_mutex_);
  std::set<TopicIdPartition> not_compactable_;  // of the thread that compacts
  std::optional<TopicIdPartition> scrubbed_log_;  // of the thread that scrubs: where it is,
  PartitionLog::ScrubPlace scrubbed_place_;       // and how far
  std::atomic<bool> checkpoint_wanted_{false};

  mutable base::Mutex position_mutex_;
  LanePosition published_ MOLDAU_GUARDED_BY(position_mutex_);   // all before it is known to the logs
  LanePosition free_below_ MOLDAU_GUARDED_BY(position_mutex_);  // the last checkpoint's
  LaneStatistics statistics_ MOLDAU_GUARDED_BY(position_mutex_);
  std::uint64_t incarnation_ = 0;
  // Entries up to here are held by nobody: the committing thread is done with their logs.
  std::atomic<std::uint64_t> retired_{0};

  mutable base::Mutex logs_mutex_;
  LogMap logs_ MOLDAU_GUARDED_BY(logs_mutex_);
  std::set<TopicPartition> names_ MOLDAU_GUARDED_BY(logs_mutex_);  // of logs_
  std::vector<Deleted> deleted_ MOLDAU_GUARDED_BY(logs_mutex_);
  struct DeletedFile {
    std::string path;
    base::SteadyTime remove_at;
  };
  std::vector<DeletedFile> deleted_files_ MOLDAU_GUARDED_BY(logs_mutex_);
};

}  // namespace moldau::storage
