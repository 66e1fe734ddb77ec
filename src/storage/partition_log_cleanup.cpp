// What cleanup.policy makes of a log: which segments retention lets go, and how compaction puts new ones in
// the place of old ones.

#include <algorithm>

#include "file_names.hpp"
#include "moldau/base/log.hpp"
#include "partition_log.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;
using base::MutexLock;

namespace {

/// The producers at the beginning of a segment that is gone.
base::Status remove_snapshot(FileSystem& fs, const Segment& segment) {
  const auto status = fs.remove(segment.path(file_names::snapshot_suffix));
  if (!status && status.error().code != Errc::not_found) return status;
  return {};
}

}  // namespace

// ---- Retention.

// Edge case 28: by the largest timestamp of a segment's records, oldest first up to the first that stays;
// by size, so that at least retention.bytes are left.
base::Result<Offset> PartitionLog::retained_start(std::int64_t now_ms, bool with_time) const {
  LogOptions options;
  std::vector<SegmentPtr> segments;
  Offset start{};
  bool all_in_files = false;
  std::uint64_t size = 0;
  {
    MutexLock lock(mutex_);
    start = start_;
    if (offline_ || !options_.delete_policy) return start;
    options = options_;
    segments = segments_;
    all_in_files = flushed_end_ == end_;
    size = unflushed_bytes_;
  }
  std::erase_if(segments, [&](const SegmentPtr& segment) { return segment->end_offset() <= start; });
  for (const auto& segment : segments) size += segment->size();
  const auto may_go = [&](const SegmentPtr& segment) {
    return segment->size() > 0 && (segment != segments.back() || all_in_files);
  };
  std::size_t gone = 0;
  if (with_time && options.retention_ms >= 0) {
    for (; gone < segments.size() && may_go(segments[gone]); ++gone) {
      Segment& segment = *segments[gone];
      MOLDAU_ASSIGN(const auto newest, segment.max_timestamp());
      std::int64_t timestamp_ms = newest.timestamp_ms;
      if (timestamp_ms < 0) {
        MOLDAU_ASSIGN(const auto info, services_.fs.info(segment.path(file_names::log_suffix)));
        timestamp_ms = info.modified_ms;
      }
      if (now_ms - timestamp_ms <= options.retention_ms) break;
      size -= std::min(size, segment.size());
    }
  }
  if (options.retention_bytes >= 0) {
    const auto kept = static_cast<std::uint64_t>(options.retention_bytes);
    for (; gone < segments.size() && may_go(segments[gone]); ++gone) {
      const std::uint64_t bytes = segments[gone]->size();
      if (size < kept + bytes) break;
      size -= bytes;
    }
  }
  return gone == 0 ? start : segments[gone - 1]->end_offset();
}

base::Result<bool> PartitionLog::apply_retention(std::int64_t now_ms, bool with_time) {
  if (active_ == nullptr) return false;
  const auto retained = noting_damage(retained_start(now_ms, with_time));
  // Whatever it is that cannot be read, it is this log's trouble alone.
  if (!retained) {
    log::warn("storage.retention_failed", "{}: {}", file_names::of_partition(name_), base::to_string(retained.error()));
    return false;
  }
  const Offset start = *retained;
  if (start <= start_offset()) return false;
  // The active segment can go as well: a new one takes its place.
  if (start >= active_->end_offset() && active_->size() > 0) MOLDAU_TRY(roll(start, now_ms));
  MOLDAU_TRY(advance_start(start));
  log::info("storage.retention", "{} begins at offset {} now", file_names::of_partition(name_), start.value());
  return true;
}

base::Status PartitionLog::remove_below_start(std::vector<std::string>& aside) {
  std::vector<SegmentPtr> removed;
  {
    MutexLock lock(mutex_);
    if (offline_ || start_lsn_ > services_.lane.durable()) return {};
    std::size_t count = 0;
    while (count + 1 < segments_.size() && segments_[count]->end_offset() <= start_ &&
           segments_[count + 1]->base_offset() <= checkpointed_base_)
      ++count;
    const auto end = segments_.begin() + static_cast<std::ptrdiff_t>(count);
    removed.assign(segments_.begin(), end);
    segments_.erase(segments_.begin(), end);
  }
  for (const auto& segment : removed) {
    MOLDAU_TRY(segment->detach());
    MOLDAU_TRY(segment->set_files_aside(aside));
    MOLDAU_TRY(remove_snapshot(services_.fs, *segment));
  }
  return {};
}

bool PartitionLog::waits_for_checkpoint() const {
  MutexLock lock(mutex_);
  if (offline_ || segments_.size() < 2) return false;
  if (options_.compact_policy && checkpointed_dense_) return true;
  if (segments_.back()->base_offset() <= checkpointed_base_) return false;
  return options_.compact_policy || segments_.front()->end_offset() <= start_;
}

void PartitionLog::note_checkpointed(bool dense) {
  if (active_ == nullptr) return;
  MutexLock lock(mutex_);
  checkpointed_base_ = active_->base_offset();
  checkpointed_dense_ = dense;
}

// ---- Compaction.

void PartitionLog::set_cleaned_end(Offset end) {
  MutexLock lock(mutex_);
  cleaned_end_ = end;
}

Offset PartitionLog::cleaned_end() const {
  MutexLock lock(mutex_);
  return cleaned_end_;
}

base::Result<std::optional<Cleanable>> PartitionLog::cleanable(std::int64_t now_ms) const {
  using Answer = std::optional<Cleanable>;
  LogOptions options;
  Cleanable range;
  std::vector<SegmentPtr> segments;
  {
    MutexLock lock(mutex_);
    if (offline_ || !options_.compact_policy || checkpointed_dense_) return Answer{};
    options = options_;
    range.end = std::min(first_unstable().value_or(durable_end_), checkpointed_base_);
    range.first_dirty = cleaned_end_ > end_ ? start_ : std::max(cleaned_end_, start_);
    if (range.end <= range.first_dirty) return Answer{};
    segments = segments_;
    std::erase_if(segments, [&range, start = start_](const SegmentPtr& segment) {
      return segment->end_offset() <= start || segment->base_offset() >= range.end;
    });
  }
  std::uint64_t clean = 0;
  std::uint64_t dirty = 0;
  for (const auto& segment : segments) {
    if (segment->end_offset() <= range.first_dirty) {
      clean += segment->size();
      continue;
    }
    if (options.min_compaction_lag_ms > 0) {
      MOLDAU_ASSIGN(const auto newest, segment->max_timestamp());
      if (newest.timestamp_ms > now_ms - options.min_compaction_lag_ms) {
        range.end = std::min(range.end, segment->base_offset());
        break;
      }
    }
    if (!range.overdue && options.max_compaction_lag_ms < std::numeric_limits<std::int64_t>::max()) {
      MOLDAU_ASSIGN(const std::int64_t first_ms, segment->first_timestamp());
      range.overdue = first_ms >= 0 && now_ms - first_ms > options.max_compaction_lag_ms;
    }
    dirty += segment->size();
  }
  if (range.end <= range.first_dirty || dirty == 0) return Answer{};
  range.dirty_ratio = static_cast<double>(dirty) / static_cast<double>(clean + dirty);
  if (!range.overdue && range.dirty_ratio <= options.min_cleanable_dirty_ratio) return Answer{};
  return Answer{range};
}

base::Result<CompactionPlan> PartitionLog::plan_compaction(const Cleanable& range) {
  CompactionPlan plan;
  plan.range = range;
  Offset start{};
  {
    MutexLock lock(mutex_);
    MOLDAU_TRY(check_online());
    plan.options = options_;
    plan.producers = producers_.last_records();
    start = start_;
    for (const auto& segment : segments_)
      if (segment->end_offset() > start_ && segment->base_offset() < range.end) plan.segments.push_back(segment);
  }
  if (plan.segments.empty()) return plan;
  // The last segment is written anew as a whole, with the index of its markers.
  MOLDAU_ASSIGN(const bool all, collect_aborted(start, plan.segments.back()->end_offset(), true, plan.aborted));
  if (!all) return fail(Errc::unknown, "aborted transactions are not known");
  return plan;
}

// The names on the disk go from the old segments to the new one in steps that are synced one after the other:
//   1. <base>.log.cleaned becomes <base>.log.swap: decided, a start carries out the rest (list_segments);
//   2. the old segments' files become *.deleted, indexes too, which would not fit what gets their names;
//   3. its indexes are written, and <base>.log.swap becomes <base>.log.
base::Result<bool> PartitionLog::replace_segments(const std::vector<SegmentPtr>& old, const SegmentPtr& compacted,
                                                  std::vector<std::string>& aside) {
  const auto is_there = [&]() MOLDAU_REQUIRES(mutex_) {
    const auto first = std::find(segments_.begin(), segments_.end(), old.front());
    return !offline_ && !checkpointed_dense_ && static_cast<std::size_t>(segments_.end() - first) > old.size() &&
           std::equal(old.begin(), old.end(), first);
  };
  {
    MutexLock lock(mutex_);
    if (!is_there()) return false;
  }
  for (const auto& segment : old) MOLDAU_TRY(segment->detach());
  const auto sync = [&](const Segment::Files& files = {}) -> base::Status {
    if (!services_.sync) return {};
    for (const auto& file : files) MOLDAU_TRY(file->sync());
    return services_.fs.sync_directory(directory_);
  };
  const auto name = compacted->path(file_names::log_suffix);
  const auto swap = name + std::string(file_names::swap_suffix);
  MOLDAU_TRY(services_.fs.rename(name + std::string(file_names::cleaned_suffix), swap));
  MOLDAU_TRY(sync());
  for (const auto& segment : old) {
    MOLDAU_TRY(segment->set_files_aside(aside));
    if (segment != old.front()) MOLDAU_TRY(remove_snapshot(services_.fs, *segment));
  }
  Segment::Files indexes;
  MOLDAU_TRY(compacted->finish(indexes));
  MOLDAU_TRY(sync(indexes));
  MOLDAU_TRY(services_.fs.rename(swap, name));
  MOLDAU_TRY(sync());
  MutexLock lock(mutex_);
  const auto first = std::find(segments_.begin(), segments_.end(), old.front());
  *first = compacted;
  segments_.erase(first + 1, first + static_cast<std::ptrdiff_t>(old.size()));
  // Batches in memory would go on showing what is gone, and aborted ones that no index has any more.
  services_.flush.tail_bytes.fetch_sub(static_cast<std::int64_t>(tail_.drop_below(compacted->end_offset())));
  return true;
}

}  // namespace moldau::storage
