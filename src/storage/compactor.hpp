#pragma once
// One round of compaction (KIP-58, KIP-354, KIP-534; protocol.md edge cases 73 and 74; Kafka's
// LogCleaner): of each key the newest record stays, in segments that take the place of the old ones.
//
// Dropped are records that a newer one of their key replaces, tombstones whose delete horizon has passed,
// records of aborted transactions, and markers whose transaction has no records left, after their horizon.
// Batches keep their offset range.  Kept without records are each producer's last, for its sequence, and the
// last of each new segment, which tells a start how far it reaches (replace_segments()).

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "key_map.hpp"
#include "moldau/base/random.hpp"
#include "moldau/record/batch_filter.hpp"
#include "moldau/storage/log_directory.hpp"
#include "partition_log.hpp"

namespace moldau::storage {

/// Thread rule: one thread.
class Compactor {
 public:
  using Segments = std::vector<std::shared_ptr<Segment>>;
  /// PartitionLog::replace_segments(), with what its caller has to hold.
  using Replace = std::function<base::Result<bool>(const Segments& old, const std::shared_ptr<Segment>& compacted)>;

  Compactor(FileSystem& fs, base::Random& random, const CompactionControl& control, bool sync, std::int64_t now_ms)
      : fs_(fs), control_(control), sync_(sync), now_ms_(now_ms), keys_(control.key_bytes_max, random) {}

  /// nullopt: it was stopped, or the log changed in the meantime.  Errors: damaged, io, no_space.  (blocks)
  base::Result<std::optional<Compacted>> compact(PartitionLog& log, const Cleanable& range, const Replace& replace);

 private:
  /// Aborted transactions, to be asked for the one that a batch belongs to.
  class AbortedSet {
   public:
    explicit AbortedSet(const std::vector<TxnIndexEntry>& transactions);
    /// The one that this batch of data, or marker, is of; nullptr when it is of none.
    [[nodiscard]] const TxnIndexEntry* find(const BatchHeader& batch) const;

   private:
    std::map<ProducerId, std::map<Offset, TxnIndexEntry>> by_marker_;
  };
  struct Output {
    std::shared_ptr<File> file;
    std::vector<std::uint8_t> buffer;
    std::uint64_t size = 0;  // with the buffer
    Writeback writeback;
    bool changed = false;
    std::vector<TxnIndexEntry> aborted;  // whose marker stays
  };

  /// Reads the newest offset of every key in the dirty part, as far as memory goes; false when stopped.
  base::Result<bool> read_keys(const CompactionPlan& plan, const AbortedSet& aborted);
  base::Result<bool> read_keys(const BatchHeader& header, base::ByteView bytes, const Cleanable& range);
  /// Segments that become one.
  [[nodiscard]] std::vector<Segments> groups(const CompactionPlan& plan) const;
  /// Whether it went through; false when stopped, or the log has changed.
  base::Result<bool> compact_group(const Segments& group, const CompactionPlan& plan, const AbortedSet& aborted,
                                   const Replace& replace);
  base::Status compact_segment(Segment& segment, bool is_last, const CompactionPlan& plan, const AbortedSet& aborted,
                               Output& output);
  base::Status compact_batch(const BatchHeader& header, base::ByteView bytes, bool is_last, const CompactionPlan& plan,
                             const AbortedSet& aborted, Output& output);
  base::Status write(Output& output, base::ByteView bytes);
  base::Status flush(Output& output);

  FileSystem& fs_;
  const CompactionControl& control_;
  const bool sync_;
  const std::int64_t now_ms_;
  KeyMap keys_;
  Offset decided_{};  // records below it are judged
  bool stopped_ = false;
  std::set<ProducerId> with_data_;  // batches of the transaction that is going on were seen
  Compacted result_;
};

}  // namespace moldau::storage
