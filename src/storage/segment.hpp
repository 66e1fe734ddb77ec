#pragma once
// One segment of a log: its .log file and the indexes beside it.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "batch_scanner.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/storage/file_system.hpp"
#include "moldau/storage/log.hpp"
#include "moldau/storage/log_options.hpp"
#include "offset_index.hpp"
#include "tail.hpp"
#include "time_index.hpp"
#include "txn_index.hpp"
#include "verified_ranges.hpp"
#include "writeback.hpp"

namespace moldau::storage {

/// From this size on a range of a segment's file is sent as such; below it the bytes are copied.
constexpr std::size_t file_range_bytes_min = 32 * 1024;

/// What the broker knows of a segment beyond its file, kept in the checkpoint for the active one.
struct SegmentState {
  Offset base{};
  std::uint64_t size = 0;
  Offset end{};  // offset after the last batch
  std::int64_t max_timestamp_ms = -1;
  Offset max_timestamp_offset{-1};  // last offset of the batch that holds it
  std::int64_t first_timestamp_ms = -1;  // the first batch's maximum; -1 when empty or unknown
  std::uint64_t bytes_since_index = 0;
  bool indexes_known = false;  // or else they are what their files have, as far as it looks right
  IndexFacts offsets;
  IndexFacts times;
  TxnIndexFacts txns;
};

/// Thread rule: one thread at a time appends, rolls and truncates; any thread reads.  The file system
/// outlives it.
class Segment {
 public:
  using Files = std::vector<std::shared_ptr<File>>;

  /// A new, empty segment; an old file of that name is emptied.
  static base::Result<std::shared_ptr<Segment>> create(FileSystem& fs, std::string directory,
                                                       Offset base, std::int64_t now_ms);
  /// A segment that is there, of which size and end are known, and perhaps more; the rest is read when needed.
  static std::shared_ptr<Segment> existing(FileSystem& fs, std::string directory,
                                           const SegmentState& state, std::int64_t now_ms);
  /// What compaction made: `file` holds `size` bytes of batches of [base, end), all of them checked here, and
  /// becomes this segment's .log later.  Errors: damaged.  (blocks)
  static base::Result<std::shared_ptr<Segment>> adopt(FileSystem& fs, std::string directory, Offset base,
                                                      Offset end, std::shared_ptr<File> file,
                                                      std::uint64_t size, std::int64_t now_ms);

  // Writing.
  /// What will be appended before the batch in question.
  struct Run {
    std::uint64_t bytes = 0;
    std::int64_t first_timestamp_ms = -1;
  };
  /// Whether the batch must go to a new segment (protocol.md edge case 27).
  [[nodiscard]] base::Result<bool> should_roll(const BatchHeader& batch, const Run& run,
                                               const LogOptions& options, std::int64_t now_ms);
  /// Writes the batches after what is there.  Errors are final for the file, except no_space, after
  /// which the file has been cut back to what it was.
  base::Status append(std::span<const TailBatch> batches, std::uint64_t index_interval_bytes);
  /// The transaction index is loaded.
  void append_aborted(const TxnIndexEntry& transaction);
  /// Writes out index entries without syncing: they are checked when they are read back.
  base::Status save_indexes();
  /// The last word on the index files, exactly Kafka's.  Adds what has to be synced to `to_sync`.
  /// The transaction index, as far as it is loaded.
  base::Status finish(Files& to_sync);
  /// The transaction index is loaded.
  base::Status truncate(std::uint64_t size, Offset end);
  struct Rebuilt {
    std::uint64_t good_bytes = 0;
    bool has_markers = false;  // or other control batches of producers
  };
  /// Goes through the file from the start, checking CRCs, and makes the indexes of offsets and times anew.
  /// `state()` describes the part that is good, and the file is not cut.
  base::Result<Rebuilt> rebuild();
  base::Status remove_files();
  /// Its index files are not there, or not what they were: look-ups go without them until restore_indexes().
  void note_indexes_missing();
  /// Makes them anew, if they are missing; whether they were.  Others read meanwhile.  Errors: damaged.  (blocks)
  base::Result<bool> restore_indexes();
  /// Before its files are renamed, of a segment that its log has no more: who reads it goes on with the files
  /// that are open now, whatever gets their names.  (blocks)
  base::Status detach();
  /// Renames its files to <name>.deleted, and tells their new paths.
  base::Status set_files_aside(std::vector<std::string>& aside);
  /// Finds the end of a segment of which only the size is known, from its last index entry on.
  /// Errors: damaged when it does not end with a whole batch.  (blocks)
  base::Status find_end();

  // Reading.
  /// Batches that this process neither wrote nor read before have their checksums and offsets looked at, once.
  /// Errors: damaged.
  base::Result<ReadResult> read(Offset from, const ReadLimits& limits);
  struct Found {
    bool would_block = false;
    bool found = false;
    std::uint64_t position = 0;
    BatchHeader header;
  };
  /// The first batch whose last offset is at or above `target`.
  base::Result<Found> locate(Offset target, bool may_block);
  /// The first record at or above `from` with at least this timestamp.  (blocks)
  base::Result<std::optional<TimestampOffset>> find_timestamp(std::int64_t target_ms, Offset from,
                                                              Offset upper);
  /// The largest timestamp and the batch that holds it, as far as the index knows.  (blocks)
  base::Result<TimeIndexFormat::Entry> max_timestamp();
  /// The first batch's largest; -1 when there is none.  (blocks)
  base::Result<std::int64_t> first_timestamp();
  enum class Aborted { all, more_may_follow, not_loaded };
  /// Adds the aborted transactions whose marker is in this segment and that overlap [from, upper): `all` that
  /// there are, or a later segment may have more.
  Aborted aborted(Offset from, Offset upper, std::vector<TxnIndexEntry>& out);
  /// Reads the transaction index; nothing when it is loaded.  Errors: damaged.  (blocks)
  base::Status load_txn_index();
  /// Instead, what is in the segment itself.
  void set_txn_index(const std::vector<TxnIndexEntry>& entries);
  base::Status save_txn_index(Files& to_sync);
  /// Says what is known of it; it is not loaded.
  void set_txn_facts(const TxnIndexFacts& facts);
  /// Looks through the batches in [begin, end), unless that was done before: their checksums, and whether offsets
  /// rise.  False when that would block.  Errors: damaged.
  base::Result<bool> verify(std::uint64_t begin, std::uint64_t end, bool may_block);
  /// The same whether or not it was done before; returns where the batches end that it saw.  (blocks)
  base::Result<std::uint64_t> look_through(std::uint64_t begin, std::uint64_t end);
  /// Of a closed segment, whether the files of its indexes still are what they were; if not, they are missing from
  /// now on.  (blocks)
  void look_through_indexes();
  /// A scanner of whole batches.  (blocks)
  base::Result<BatchScanner> scan(std::uint64_t from_position);

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] Offset base_offset() const { return base_; }
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] Offset end_offset() const;
  [[nodiscard]] SegmentState state() const;
  /// The .log file, opened when needed.
  base::Result<std::shared_ptr<File>> file();
  [[nodiscard]] std::string path(std::string_view suffix) const;

 private:
  struct Hint {
    Offset offset{-1};
    std::uint64_t position = 0;
  };
  Segment(FileSystem& fs, std::string directory, const SegmentState& state);

  base::Result<std::shared_ptr<File>> open_file() MOLDAU_REQUIRES(mutex_);
  /// False when that would block.
  base::Result<bool> load_indexes(bool may_block) MOLDAU_REQUIRES(mutex_);
  base::Status prepare_to_append();
  /// rebuild() of a segment that has to be good to its end.  Errors: damaged, and it is what it was.
  base::Status rebuild_whole();
  [[nodiscard]] std::int64_t jitter_ms(const LogOptions& options) const;
  void note_batch(const BatchHeader& header, std::uint64_t position, std::uint64_t interval)
      MOLDAU_REQUIRES(mutex_);
  void add_final_time_entry() MOLDAU_REQUIRES(mutex_);
  base::Result<Found> locate_from_index(Offset target, bool may_block);
  base::Result<OffsetIndex::Place> start_position(Offset target, bool may_block,
                                                  std::uint64_t& position);
  /// A batch boundary in (first_end, wanted], or first_end.
  base::Result<Found> boundary(std::uint64_t first_end, std::uint64_t wanted, bool may_block);
  base::Result<bool> add_range(const std::shared_ptr<File>& file, std::uint64_t position,
                               std::size_t size, bool may_block, base::Payload& out);

  FileSystem& fs_;
  const std::string directory_;
  const Offset base_;
  mutable base::Mutex mutex_;
  SegmentState state_ MOLDAU_GUARDED_BY(mutex_);
  std::shared_ptr<File> file_ MOLDAU_GUARDED_BY(mutex_);  // second owners: responses that send from it
  Writeback writeback_;  // of the thread that appends
  bool indexes_loaded_ MOLDAU_GUARDED_BY(mutex_) = false;
  bool ready_to_append_ MOLDAU_GUARDED_BY(mutex_) = false;
  bool indexes_missing_ MOLDAU_GUARDED_BY(mutex_) = false;
  bool restore_tried_ MOLDAU_GUARDED_BY(mutex_) = false;
  bool detached_ MOLDAU_GUARDED_BY(mutex_) = false;  // its names may be another's
  OffsetIndex offsets_ MOLDAU_GUARDED_BY(mutex_);
  TimeIndex times_ MOLDAU_GUARDED_BY(mutex_);
  std::optional<TxnIndex> txns_ MOLDAU_GUARDED_BY(mutex_);  // when it is loaded; else state_.txns is known
  VerifiedRanges verified_ MOLDAU_GUARDED_BY(mutex_);
  // Where recent readers stopped: a consumer that reads on finds its place without a search.
  std::array<Hint, 8> hints_ MOLDAU_GUARDED_BY(mutex_);
  std::size_t next_hint_ MOLDAU_GUARDED_BY(mutex_) = 0;
  std::int64_t created_ms_ MOLDAU_GUARDED_BY(mutex_) = 0;
};

}  // namespace moldau::storage
