#include "log_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "directory_files.hpp"
#include "file_names.hpp"
#include "moldau/base/log.hpp"
#include "producer_load.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

namespace {

struct SegmentFile {
  Offset base{};
  std::uint64_t size = 0;
  bool has_indexes = false;  // of offsets and of times
  bool has_txn_index = false;
};

/// The offset in front of the dot of any file of a segment.
std::optional<Offset> offset_of(std::string_view name) {
  return file_names::parse_offset(name, name.substr(std::min(name.find('.'), name.size())));
}

/// The offset after the last batch of a compacted segment's file.
base::Result<Offset> end_of_compacted(FileSystem& fs, const std::string& path, Offset base) {
  MOLDAU_ASSIGN(const auto file, fs.open(path, FileSystem::Open::read));
  MOLDAU_ASSIGN(const std::uint64_t size, file->size());
  BatchScanner scanner(*file, 0, size, true);
  Offset end = base;
  for (;;) {
    MOLDAU_ASSIGN(const auto step, scanner.next());
    if (step == BatchScanner::Step::end) return end;
    if (step != BatchScanner::Step::batch)
      return fail(Errc::damaged, fmt::format("{} has no batch at byte {}", path, scanner.position()));
    end = scanner.header().next_offset();
  }
}

/// Ends a compaction that a crash interrupted (PartitionLog::replace_segments(), and Kafka's cleaner): a .log.swap
/// file is the new truth of all offsets that its batches cover, and older segments of these go.
base::Status finish_swap(FileSystem& fs, const std::string& directory, const std::vector<std::string>& names,
                         Offset base) {
  const auto log = file_names::of_offset(directory, base, file_names::log_suffix);
  const auto swap = log + std::string(file_names::swap_suffix);
  MOLDAU_ASSIGN(const Offset end, end_of_compacted(fs, swap, base));
  for (const auto& name : names) {
    const auto at = offset_of(name);
    if (!at || *at < base || *at >= end || name.ends_with(file_names::swap_suffix)) continue;
    if (name.ends_with(file_names::snapshot_suffix) && *at == base) continue;
    const auto removed = fs.remove(file_names::join(directory, name));
    if (!removed && removed.error().code != Errc::not_found) return removed;
  }
  MOLDAU_TRY(fs.sync_directory(directory));  // before the new one has its name
  for (const auto suffix : {file_names::index_suffix, file_names::time_index_suffix, file_names::txn_index_suffix}) {
    const auto index = file_names::of_offset(directory, base, suffix);
    const auto renamed = fs.rename(index + std::string(file_names::swap_suffix), index);
    if (!renamed && renamed.error().code != Errc::not_found) return renamed;
  }
  MOLDAU_TRY(fs.rename(swap, log));
  return fs.sync_directory(directory);
}

/// The segments in the directory, after unfinished business of compaction was settled: .cleaned and .deleted files
/// are not needed, and with a .cleaned one Kafka had not decided either about .swap ones that follow it.
base::Result<std::vector<SegmentFile>> list_segments(FileSystem& fs, const std::string& directory) {
  MOLDAU_ASSIGN(auto names, fs.list(directory));
  const auto is_left_over = [](const std::string& name) {
    return name.ends_with(file_names::cleaned_suffix) || name.ends_with(file_names::deleted_suffix);
  };
  bool has_changed = false;
  std::optional<Offset> undecided;
  for (const auto& name : names)
    if (const auto at = offset_of(name); at && name.ends_with(file_names::cleaned_suffix))
      undecided = std::min(undecided.value_or(*at), *at);
  for (const auto& name : names) {
    const auto at = offset_of(name);
    const bool is_undone = at && undecided && *at >= *undecided && name.ends_with(file_names::swap_suffix);
    has_changed = has_changed || is_left_over(name) || name.ends_with(file_names::swap_suffix);
    if (is_left_over(name) || is_undone) MOLDAU_TRY(fs.remove(file_names::join(directory, name)));
  }
  const std::string swap_log = std::string(file_names::log_suffix) + std::string(file_names::swap_suffix);
  for (const auto& name : names)
    if (const auto base = file_names::parse_offset(name, swap_log); base && !(undecided && *base >= *undecided))
      MOLDAU_TRY(finish_swap(fs, directory, names, *base));
  if (has_changed) {
    MOLDAU_ASSIGN(names, fs.list(directory));
  }
  for (auto& name : names) {
    if (!name.ends_with(file_names::swap_suffix)) continue;
    // Kafka renames a segment's log first.
    const auto index = name.substr(0, name.size() - file_names::swap_suffix.size());
    MOLDAU_TRY(fs.rename(file_names::join(directory, name), file_names::join(directory, index)));
    name = index;
  }
  std::vector<SegmentFile> segments;
  std::set<Offset> txn_indexes;
  std::set<Offset> offset_indexes;
  std::set<Offset> time_indexes;
  for (const auto& name : names) {
    if (const auto base = file_names::parse_offset(name, file_names::index_suffix)) offset_indexes.insert(*base);
    if (const auto base = file_names::parse_offset(name, file_names::time_index_suffix)) time_indexes.insert(*base);
    if (const auto base = file_names::parse_offset(name, file_names::txn_index_suffix))
      txn_indexes.insert(*base);
    const auto base = file_names::parse_offset(name, file_names::log_suffix);
    if (!base) continue;
    MOLDAU_ASSIGN(const auto info, fs.info(file_names::join(directory, name)));
    segments.push_back({*base, info.size});
  }
  for (auto& segment : segments) {
    segment.has_indexes = offset_indexes.contains(segment.base) && time_indexes.contains(segment.base);
    segment.has_txn_index = txn_indexes.contains(segment.base);
  }
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a.base < b.base; });
  segments.erase(std::unique(segments.begin(), segments.end(),
                             [](const auto& a, const auto& b) { return a.base == b.base; }),
                 segments.end());
  return segments;
}

/// What a checkpoint says of a segment's transaction index; without one the file is all there is.
TxnIndexFacts txn_facts(const SegmentFile& file, const LogState* state) {
  if (state != nullptr && state->txns) {
    const auto place = state->txns->find(file.base);
    return place == state->txns->end() ? TxnIndexFacts{} : place->second;
  }
  if (!file.has_txn_index) return {};
  return {TxnIndexFacts::Kind::as_found};
}

/// A segment behind the active one, or of which nothing is known but its file.
std::shared_ptr<Segment> existing(FileSystem& fs, const std::string& directory, const SegmentFile& file,
                                  Offset end, std::int64_t now_ms, const LogState* state = nullptr) {
  SegmentState known;
  known.base = file.base;
  known.size = file.size;
  known.end = end;
  known.txns = txn_facts(file, state);
  if (state != nullptr) {
    const auto place = state->closed.find(file.base);
    known.indexes_known = place != state->closed.end();
    if (known.indexes_known) {
      known.offsets = place->second.offsets;
      known.times = place->second.times;
    }
  }
  auto segment = Segment::existing(fs, directory, known, now_ms);
  if (!file.has_indexes) segment->note_indexes_missing();
  return segment;
}

std::shared_ptr<Segment> restore(FileSystem& fs, const std::string& directory, const SegmentFile& file,
                                 const LogState& state, std::int64_t now_ms) {
  SegmentState known = state.segment;
  known.txns = txn_facts(file, &state);
  return Segment::existing(fs, directory, known, now_ms);
}

std::vector<EpochStart> read_epochs(FileSystem& fs, const std::string& directory) {
  const auto text = read_whole(fs, file_names::join(directory, file_names::leader_epochs));
  if (!text) return {};
  auto epochs = decode_leader_epochs(text.value());
  if (epochs) return std::move(epochs).value();
  log::warn("storage.epochs_dropped", "{}: {}", directory, epochs.error().message);
  return {};
}

/// Epochs out of the batches themselves: the file is derived.
base::Status scan_epochs(const std::vector<std::shared_ptr<Segment>>& segments,
                         LeaderEpochs& epochs) {
  for (const auto& segment : segments) {
    MOLDAU_ASSIGN(const auto file, segment->file());
    BatchScanner scanner(*file, 0, segment->size(), true);
    for (;;) {
      MOLDAU_ASSIGN(const auto step, scanner.next());
      if (step != BatchScanner::Step::batch) break;
      if (scanner.header().leader_epoch > epochs.latest())
        epochs.assign(scanner.header().leader_epoch, scanner.header().base_offset);
    }
  }
  return {};
}

base::Status remove_snapshots_above(FileSystem& fs, const std::string& directory, Offset end) {
  MOLDAU_ASSIGN(const auto names, fs.list(directory));
  for (const auto& name : names)
    if (const auto at = file_names::parse_offset(name, file_names::snapshot_suffix); at && *at > end)
      MOLDAU_TRY(fs.remove(file_names::join(directory, name)));
  return {};
}

/// After a crash of Kafka: everything from the recovery point on is checked, and the log ends where the
/// first bad batch begins.
base::Result<std::uint64_t> recover_segments(std::vector<std::shared_ptr<Segment>>& segments,
                                             Offset recovery_point) {
  std::uint64_t truncated = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    Segment& segment = *segments[i];
    const bool last = i + 1 == segments.size();
    if (!last && segments[i + 1]->base_offset() <= recovery_point) continue;
    const std::uint64_t size = segment.size();
    MOLDAU_ASSIGN(const auto rebuilt, segment.rebuild());
    const std::uint64_t good = rebuilt.good_bytes;
    segment.set_txn_facts(rebuilt.has_markers ? TxnIndexFacts{TxnIndexFacts::Kind::distrusted}
                                              : TxnIndexFacts{});
    if (good < size) {
      const Offset end = segment.end_offset();
      if (end < recovery_point)
        return fail(Errc::damaged,
                    fmt::format("{} has no good batch at byte {} (offset {}), below the recovery "
                                "point {}; nothing was changed",
                                segment.path(file_names::log_suffix), good, end.value(),
                                recovery_point.value()));
      MOLDAU_ASSIGN(const auto file, segment.file());
      MOLDAU_TRY(file->truncate(good));
      MOLDAU_TRY(file->sync());
      truncated += size - good;
      for (std::size_t later = i + 1; later < segments.size(); ++later) {
        truncated += segments[later]->size();
        MOLDAU_TRY(segments[later]->remove_files());
      }
      segments.resize(i + 1);
    } else if (!last) {
      Segment::Files files;
      MOLDAU_TRY(segment.finish(files));
      for (const auto& file : files) MOLDAU_TRY(file->sync());
    }
  }
  return truncated;
}

}  // namespace

base::Result<LoadedParts> load_from_files(FileSystem& fs, const std::string& directory,
                                          const LoadOptions& options, const LogState* known) {
  LoadedParts loaded;
  LogParts& parts = loaded.parts;
  MOLDAU_ASSIGN(const auto files, list_segments(fs, directory));
  if (options.clean && files.empty() && known != nullptr && known->segment.end > Offset{0})
    return fail(Errc::damaged, fmt::format("{} has no segments; it had reached offset {}", directory,
                                           known->segment.end.value()));
  if (files.empty()) {
    MOLDAU_ASSIGN(auto segment,
                  Segment::create(fs, directory, options.log_start, options.now_ms));
    parts.segments.push_back(std::move(segment));
    parts.start = parts.end = options.log_start;
    parts.unsynced = true;
    return loaded;
  }
  const SegmentFile& last = files.back();
  const bool is_as_known = options.clean && known != nullptr && known->segment.base == last.base &&
                           known->segment.size == last.size;
  for (std::size_t i = 0; i + 1 < files.size(); ++i)
    parts.segments.push_back(existing(fs, directory, files[i], files[i + 1].base, options.now_ms,
                                      is_as_known ? known : nullptr));
  parts.start = std::max(options.log_start, files.front().base);
  if (is_as_known) {
    parts.segments.push_back(restore(fs, directory, last, *known, options.now_ms));
    parts.end = known->segment.end;
    parts.start = std::max(parts.start, known->start);
    parts.epochs = LeaderEpochs(known->epochs);
    parts.epochs_on_disk = known->epochs;
    parts.producers = known->producers;
    parts.finished = true;
    return loaded;
  }
  parts.segments.push_back(existing(fs, directory, last, last.base, options.now_ms));
  if (options.clean) {
    MOLDAU_TRY(parts.segments.back()->find_end());
    parts.finished = true;
  } else {
    MOLDAU_ASSIGN(loaded.truncated_bytes, recover_segments(parts.segments, options.recovery_point));
    parts.unsynced = true;
  }
  parts.end = parts.segments.back()->end_offset();
  // Nobody but a truncation, which there is none of between two brokers, takes from a log's end.
  if (options.clean && known != nullptr && parts.end < known->segment.end)
    return fail(Errc::damaged, fmt::format("{} ends at offset {}; it had reached {}",
                                           parts.segments.back()->path(file_names::log_suffix), parts.end.value(),
                                           known->segment.end.value()));
  parts.start = std::min(parts.start, parts.end);
  parts.epochs_on_disk = read_epochs(fs, directory);
  parts.epochs = LeaderEpochs(parts.epochs_on_disk);
  if (parts.epochs_on_disk.empty() && parts.end > parts.start)
    MOLDAU_TRY(scan_epochs(parts.segments, parts.epochs));
  parts.epochs.truncate_from_end(parts.end);
  if (!options.clean) MOLDAU_TRY(remove_snapshots_above(fs, directory, parts.end));
  MOLDAU_ASSIGN(parts.producers,
                load_producers(fs, directory, parts.segments, parts.end, options.clean));
  return loaded;
}

base::Result<LoadedParts> load_from_checkpoint(FileSystem& fs, const std::string& directory,
                                               const LogState& state, bool synced,
                                               std::int64_t now_ms) {
  LoadedParts loaded;
  LogParts& parts = loaded.parts;
  MOLDAU_ASSIGN(auto files, list_segments(fs, directory));
  const auto active = std::find_if(files.begin(), files.end(), [&](const SegmentFile& file) {
    return file.base == state.segment.base;
  });
  if (active == files.end() || active->size < state.segment.size) {
    if (!synced)
      return load_from_files(fs, directory, {Offset{0}, state.start, false, now_ms}, nullptr);
    return fail(Errc::damaged,
                fmt::format("{} holds {} bytes; {} were synced",
                            file_names::of_offset(directory, state.segment.base,
                                                  file_names::log_suffix),
                            active == files.end() ? 0 : active->size, state.segment.size));
  }
  for (auto later = std::next(active); later != files.end(); ++later) {
    loaded.truncated_bytes += later->size;
    MOLDAU_TRY(existing(fs, directory, *later, later->base, now_ms)->remove_files());
  }
  files.erase(std::next(active), files.end());
  for (std::size_t i = 0; i + 1 < files.size(); ++i)
    parts.segments.push_back(existing(fs, directory, files[i], files[i + 1].base, now_ms, &state));
  parts.segments.push_back(restore(fs, directory, files.back(), state, now_ms));
  if (files.back().size > state.segment.size) {
    MOLDAU_ASSIGN(const auto file, parts.segments.back()->file());
    MOLDAU_TRY(file->truncate(state.segment.size));
    loaded.truncated_bytes += files.back().size - state.segment.size;
  }
  // One at the segment's end may be of a roll that the crash undid, and torn: only those of the bases
  // of kept segments are known to be whole.
  MOLDAU_TRY(remove_snapshots_above(fs, directory, state.segment.base));
  parts.start = state.start;
  parts.end = std::max(state.segment.end, state.segment.base);
  parts.applied = state.applied;
  parts.epochs = LeaderEpochs(state.epochs);
  parts.epochs_on_disk = read_epochs(fs, directory);
  parts.producers = state.producers;
  parts.unsynced = !synced;
  return loaded;
}

base::Result<LogParts> create_files(FileSystem& fs, const std::string& directory,
                                    const TopicId& topic_id, std::int64_t now_ms) {
  LogParts parts;
  MOLDAU_TRY(fs.make_directory(directory));
  MOLDAU_ASSIGN(const auto files, list_segments(fs, directory));
  for (const SegmentFile& file : files)
    MOLDAU_TRY(existing(fs, directory, file, file.base, now_ms)->remove_files());
  MOLDAU_TRY(remove_snapshots_above(fs, directory, Offset{-1}));
  MOLDAU_ASSIGN(const auto metadata,
                fs.open(file_names::join(directory, file_names::partition_metadata),
                        FileSystem::Open::create));
  MOLDAU_TRY(metadata->truncate(0));
  MOLDAU_TRY(metadata->write(0, base::as_bytes(encode_partition_metadata(topic_id))));
  MOLDAU_ASSIGN(auto segment, Segment::create(fs, directory, Offset{0}, now_ms));
  parts.segments.push_back(std::move(segment));
  return parts;
}

}  // namespace moldau::storage
