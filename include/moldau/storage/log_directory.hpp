#pragma once
// One log.dir: its identity, its logs, its write-ahead lane.  A synchronous library: it has no thread of
// its own and needs no event loop.
//
//   auto fs = storage::make_real_file_system();
//   auto dir = storage::LogDirectory::open(*fs, "./data", identity, options, clock, random).value();
//   auto log = dir->create_log({"t", PartitionIndex{0}}, topic_id, LogOptions{}).value();
//   log->append_as_leader(batch, {LeaderEpoch{0}, now_ms});
//   dir->commit();            // what was appended is durable now
//   dir->close();             // clean: plain Kafka files, nothing to recover

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/random.hpp"
#include "moldau/base/result.hpp"
#include "moldau/storage/file_system.hpp"
#include "moldau/storage/log.hpp"
#include "moldau/storage/log_options.hpp"

namespace moldau::storage {

/// meta.properties, version 1 (KRaft).
struct DirectoryIdentity {
  std::string cluster_id;  // empty when opening: taken from the directory, or made new
  BrokerId node_id{1};
  base::Uuid directory_id{};
};

struct Space;

/// How compaction goes about it.
struct CompactionControl {
  /// Asked now and then; true: end soon, nothing is lost by that.
  std::function<bool()> is_stopped = [] { return false; };
  /// Told of bytes that were read and written, and may sleep.
  std::function<void(std::uint64_t bytes)> pace = [](std::uint64_t) {};
  /// Memory for the keys of one round.  A log with more of them takes several.
  std::uint64_t key_bytes_max = 128ULL * 1024 * 1024;
};

/// What one round did.
struct Compacted {
  TopicPartition log;
  Offset end{};  // keys up to here decided
  std::uint64_t bytes_before = 0;  // of the segments that were read
  std::uint64_t bytes_after = 0;
  std::uint64_t keys = 0;
};

class LogDirectory {
 public:
  struct Opened {
    bool formatted = false;        // it was empty
    bool clean = false;            // the last stop was orderly
    std::int64_t broker_epoch = -1;  // from .kafka_cleanshutdown, when clean
    std::uint64_t replayed_entries = 0;
    std::uint64_t truncated_bytes = 0;
  };

  /// Locks, checks or formats the directory, opens its logs and replays the lane.  A log that cannot be
  /// trusted is opened offline; the others are served.  Errors: locked, foreign_directory, damaged, io.
  static base::Result<std::unique_ptr<LogDirectory>> open(FileSystem& fs, std::string path,
                                                          DirectoryIdentity identity,
                                                          LogDirectoryOptions options,
                                                          base::Clock& clock, base::Random& random);
  virtual ~LogDirectory() = default;

  /// Makes the directory of a partition.  That it exists is an entry of the lane: durable with the next
  /// commit, and thus before anything that is appended to it.  already_exists when it is there.  (blocks)
  virtual base::Result<std::shared_ptr<Log>> create_log(const TopicPartition& partition,
                                                        const TopicId& topic_id,
                                                        const LogOptions& options) = 0;
  /// Takes the log out of service and renames its directory, durable with the next commit; the files go
  /// later, by remove_deleted().  (blocks)
  virtual base::Status delete_log(const TopicIdPartition& partition) = 0;
  /// Takes a log that belongs to no topic out of service and renames its directory to
  /// <topic>-<partition>.<hex>-stray, which nobody opens or removes; returns that name.  Kafka does the
  /// same: who lost its metadata must not lose its data too.  (blocks)
  virtual base::Result<std::string> move_aside(const TopicIdPartition& partition) = 0;
  /// All logs found or made, offline ones too.
  [[nodiscard]] virtual std::vector<std::shared_ptr<Log>> logs() const = 0;
  [[nodiscard]] virtual std::shared_ptr<Log> find(const TopicIdPartition& partition) const = 0;

  // The lane.  One committing thread calls wait_for_work and commit in turn.
  /// Blocks until something was appended since the last commit, stop_waiting(), or the timeout.
  virtual bool wait_for_work(std::chrono::milliseconds timeout) = 0;
  /// Wakes both waiting threads, now and from now on.
  virtual void stop_waiting() = 0;
  /// Writes and syncs everything appended so far with one write and one sync, then tells the observers.
  /// An error is final (reliability.md R7): failed() is set, no append or commit succeeds any more.
  virtual base::Status commit() = 0;
  [[nodiscard]] virtual Lsn durable_lsn() const = 0;
  [[nodiscard]] virtual std::optional<base::Error> failed() const = 0;

  // Background work, by one other thread.
  /// Writes to segment files what is durable in the lane and large or old enough; returns when to come
  /// back (nullopt: when something was appended).  (blocks)
  virtual base::Result<std::optional<std::chrono::milliseconds>> write_behind() = 0;
  /// Blocks until write_behind has something to do, stop_waiting(), or the timeout.
  virtual void wait_for_background(std::chrono::milliseconds timeout) = 0;
  /// Syncs segments and frees the lane.  write_behind does so by itself when the lane fills.  (blocks)
  virtual base::Status checkpoint() = 0;
  /// Deletes the files of deleted logs and segments whose delay has passed; returns when to come back (nullopt: when
  /// wait_for_background() says so).  (blocks)
  virtual base::Result<std::optional<std::chrono::milliseconds>> remove_deleted() = 0;

  // Keeping logs small, by one more thread.
  /// One pass of retention over all logs (retention.ms, retention.bytes, and what DeleteRecords left): their
  /// starts move up, and segments below are renamed; remove_deleted() removes them after file.delete.delay.ms.
  /// Index files that are missing or damaged are made anew as well.
  /// While the wall clock has run away from the steady one, time deletes nothing (reliability.md R14).  (blocks)
  virtual base::Status apply_retention() = 0;
  /// One round of compaction of the log that is in most need of it; nullopt when none is.  A log that cannot be
  /// read is passed over from then on, with a line in the broker's log.  (blocks, for long)
  virtual base::Result<std::optional<Compacted>> compact(const CompactionControl& control) = 0;

  /// Looks for damage that nobody has met yet: about so many bytes of batches, from where the last call stopped, and the
  /// indexes of segments.  A log with damage is offline then, as if a reader had met it; nothing is changed.  (blocks)
  struct Scrubbed {
    std::uint64_t bytes = 0;
    bool round_ended = false;  // every log was gone through; the next call begins anew
  };
  virtual Scrubbed scrub(std::uint64_t bytes_max) = 0;

  /// Orderly stop: everything written to segments, indexes and snapshots finished, Kafka's checkpoints
  /// written, the lane emptied, the clean marker last.  (blocks)
  virtual base::Status close(std::int64_t broker_epoch) = 0;

  [[nodiscard]] virtual const DirectoryIdentity& identity() const = 0;
  [[nodiscard]] virtual const Opened& opened() const = 0;
  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual base::Result<Space> space() const = 0;

  struct LaneStatistics {
    std::uint64_t commits = 0;
    std::uint64_t committed_bytes = 0;
    std::uint64_t committed_entries = 0;
    std::uint64_t tail_bytes = 0;       // batches in memory, of all logs
    std::uint64_t unflushed_bytes = 0;  // those of them that no segment file has yet
  };
  [[nodiscard]] virtual LaneStatistics lane_statistics() const = 0;
};

}  // namespace moldau::storage
