#include "segment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "batch_records.hpp"
#include "file_names.hpp"
#include "moldau/base/check.hpp"
#include "moldau/base/log.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;
using base::MutexLock;

namespace {

/// The page cache is probed once in so many bytes before a range is trusted not to wait for the disk.
constexpr std::uint64_t probe_step_bytes = 128 * 1024;
constexpr std::size_t scan_window_bytes = 1024 * 1024;
constexpr std::uint64_t segment_size_max = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t relative_offset_max = std::numeric_limits<std::int32_t>::max();
/// Of a segment that is full, a larger transaction index is not kept in memory.
constexpr std::size_t txn_entries_kept_max = 4096;

}  // namespace

Segment::Segment(FileSystem& fs, std::string directory, const SegmentState& state)
    : fs_(fs), directory_(std::move(directory)), base_(state.base), state_(state), writeback_(state.size) {}

base::Result<std::shared_ptr<Segment>> Segment::create(FileSystem& fs, std::string directory,
                                                       Offset base, std::int64_t now_ms) {
  // The file is opened again when something is written: thousands of logs stay empty.
  SegmentState state;
  state.base = state.end = base;
  auto segment = std::shared_ptr<Segment>(new Segment(fs, std::move(directory), state));
  MOLDAU_ASSIGN(const auto file,
                fs.open(segment->path(file_names::log_suffix), FileSystem::Open::create));
  MOLDAU_ASSIGN(const auto old_size, file->size());
  if (old_size != 0) MOLDAU_TRY(file->truncate(0));
  MutexLock lock(segment->mutex_);
  segment->indexes_loaded_ = segment->ready_to_append_ = true;
  segment->txns_.emplace();
  segment->created_ms_ = now_ms;
  return segment;
}

std::shared_ptr<Segment> Segment::existing(FileSystem& fs, std::string directory,
                                           const SegmentState& state, std::int64_t now_ms) {
  auto segment = std::shared_ptr<Segment>(new Segment(fs, std::move(directory), state));
  MutexLock lock(segment->mutex_);
  segment->created_ms_ = now_ms;
  return segment;
}

base::Result<std::shared_ptr<Segment>> Segment::adopt(FileSystem& fs, std::string directory, Offset base,
                                                      Offset end, std::shared_ptr<File> file,
                                                      std::uint64_t size, std::int64_t now_ms) {
  SegmentState state;
  state.base = base;
  state.end = end;
  state.size = size;
  auto segment = std::shared_ptr<Segment>(new Segment(fs, std::move(directory), state));
  {
    MutexLock lock(segment->mutex_);
    segment->file_ = std::move(file);
    segment->created_ms_ = now_ms;
  }
  MOLDAU_ASSIGN(const auto rebuilt, segment->rebuild());
  if (rebuilt.good_bytes != size)
    return fail(Errc::damaged, fmt::format("the compacted {} has no batch at byte {}",
                                           segment->path(file_names::log_suffix), rebuilt.good_bytes));
  MutexLock lock(segment->mutex_);
  segment->txns_.emplace();
  return segment;
}

std::string Segment::path(std::string_view suffix) const {
  return file_names::of_offset(directory_, base_, suffix);
}

std::uint64_t Segment::size() const {
  MutexLock lock(mutex_);
  return state_.size;
}

Offset Segment::end_offset() const {
  MutexLock lock(mutex_);
  return state_.end;
}

SegmentState Segment::state() const {
  MutexLock lock(mutex_);
  SegmentState state = state_;
  if (indexes_missing_) {
    state.indexes_known = false;
  } else if (indexes_loaded_) {
    state.indexes_known = true;
    state.offsets = offsets_.facts();
    state.times = times_.facts();
  }
  if (txns_) state.txns = txns_->facts();
  return state;
}

base::Result<std::shared_ptr<File>> Segment::open_file() {
  if (file_ == nullptr) {
    MOLDAU_ASSIGN(file_, fs_.open(path(file_names::log_suffix), FileSystem::Open::read_write));
  }
  return file_;
}

base::Result<std::shared_ptr<File>> Segment::file() {
  MutexLock lock(mutex_);
  return open_file();
}

// Indexes are derived: where one is missing or damaged, look-ups go through the batches.
base::Result<bool> Segment::load_indexes(bool may_block) {
  if (indexes_loaded_) return true;
  if (!may_block) return false;
  const bool is_known = state_.indexes_known;
  const auto load = [&]<class Table>(Table& table, std::string_view suffix, std::size_t entry_bytes, IndexFacts facts) {
    if (!is_known) facts = {};
    auto index_file = fs_.open(path(suffix), FileSystem::Open::read_write);
    if (!index_file && index_file.error().code == Errc::not_found) return facts.entries == 0;
    if (!index_file) return false;
    const auto bytes = index_file.value()->size();
    if (!bytes) return false;
    const auto there = static_cast<std::uint32_t>(*bytes / entry_bytes);
    if (!is_known) facts.entries = there;
    if (facts.entries > there) return false;
    if (facts.entries == 0) return true;
    auto loaded = Table::load(std::move(index_file).value(), facts);
    if (!loaded || !*loaded) return false;
    table = std::move(**loaded);
    return true;
  };
  const bool offsets = load(offsets_, file_names::index_suffix, OffsetIndexFormat::bytes, state_.offsets);
  const bool times = load(times_, file_names::time_index_suffix, TimeIndexFormat::bytes, state_.times);
  indexes_loaded_ = true;
  if (offsets && times) return true;
  log::warn("storage.index_damaged", "the indexes of {} are not what they were", path(file_names::log_suffix));
  offsets_ = {};
  times_ = {};
  indexes_missing_ = true;
  return true;
}

base::Status Segment::prepare_to_append() {
  bool usable = true;
  {
    MutexLock lock(mutex_);
    if (ready_to_append_) return {};
    MOLDAU_TRY(load_indexes(true));
    usable = !indexes_missing_ && offsets_.make_resident().has_value() && times_.make_resident().has_value();
    if (usable && !state_.indexes_known) {
      usable = offsets_.empty() || offsets_.entries().back().position < state_.size;
      if (usable && !times_.empty()) {
        state_.max_timestamp_ms = times_.entries().back().timestamp_ms;
        state_.max_timestamp_offset = base_ + times_.entries().back().relative_offset;
      }
    }
  }
  if (!usable) {
    log::info("storage.index_rebuilt", "the indexes of {} are made anew", path(file_names::log_suffix));
    const auto rebuilt = rebuild_whole();
    if (!rebuilt && rebuilt.error().code != Errc::damaged) return rebuilt;
    // What is appended is there all the same, behind the damage that readers will meet.
    if (!rebuilt) log::error("storage.damaged", "{}", rebuilt.error().message);
  }
  MOLDAU_TRY(first_timestamp());
  MutexLock lock(mutex_);
  ready_to_append_ = true;
  return {};
}

base::Result<std::int64_t> Segment::first_timestamp() {
  MOLDAU_ASSIGN(const auto log_file, file());
  MutexLock lock(mutex_);
  if (state_.first_timestamp_ms < 0 && state_.size > 0) {
    BatchScanner scanner(*log_file, 0, state_.size, true);
    MOLDAU_ASSIGN(const auto step, scanner.next());
    if (step == BatchScanner::Step::batch)
      state_.first_timestamp_ms = scanner.header().max_timestamp_ms;
  }
  return state_.first_timestamp_ms;
}

base::Result<bool> Segment::should_roll(const BatchHeader& batch, const Run& run,
                                        const LogOptions& options, std::int64_t now_ms) {
  MOLDAU_TRY(prepare_to_append());
  MutexLock lock(mutex_);
  const std::uint64_t size = state_.size + run.bytes;
  const std::uint64_t bytes_max = std::min(options.segment_bytes, segment_size_max);
  if (batch.last_offset - base_ > relative_offset_max) return true;
  if (size == 0) return false;
  if (batch.size > bytes_max || size > bytes_max - batch.size) return true;
  const std::int64_t first =
      state_.first_timestamp_ms >= 0 ? state_.first_timestamp_ms : run.first_timestamp_ms;
  const std::int64_t waited = first >= 0 && batch.max_timestamp_ms >= 0
                                  ? batch.max_timestamp_ms - first
                                  : now_ms - created_ms_;
  if (waited > options.segment_ms - jitter_ms(options)) return true;
  const std::uint64_t new_entries = run.bytes / (options.index_interval_bytes + 1) + 1;
  return offsets_.size() + new_entries > options.segment_index_bytes / OffsetIndexFormat::bytes ||
         times_.size() + new_entries + 1 > options.segment_index_bytes / TimeIndexFormat::bytes;
}

// Kafka draws the jitter at random; here it follows from the segment's offset.
std::int64_t Segment::jitter_ms(const LogOptions& options) const {
  if (options.segment_jitter_ms <= 0) return 0;
  const auto mixed = (static_cast<std::uint64_t>(base_.value()) + 1) * 0x9E3779B97F4A7C15ULL >> 33;
  return static_cast<std::int64_t>(mixed % static_cast<std::uint64_t>(options.segment_jitter_ms));
}

void Segment::note_batch(const BatchHeader& header, std::uint64_t position,
                         std::uint64_t interval) {
  if (header.max_timestamp_ms > state_.max_timestamp_ms) {
    state_.max_timestamp_ms = header.max_timestamp_ms;
    state_.max_timestamp_offset = header.last_offset;
  }
  if (state_.bytes_since_index > interval) {
    offsets_.append({static_cast<std::uint32_t>(header.last_offset - base_),
                     static_cast<std::uint32_t>(position)});
    add_final_time_entry();
    state_.bytes_since_index = 0;
  }
  if (position == 0) state_.first_timestamp_ms = header.max_timestamp_ms;
  state_.bytes_since_index += header.size;
  state_.size = position + header.size;
  state_.end = header.next_offset();
}

void Segment::add_final_time_entry() {
  const std::int64_t last = times_.empty() ? -1 : times_.entries().back().timestamp_ms;
  if (state_.max_timestamp_ms > last)
    times_.append({state_.max_timestamp_ms,
                   static_cast<std::uint32_t>(state_.max_timestamp_offset - base_)});
}

base::Status Segment::append(std::span<const TailBatch> batches,
                             std::uint64_t index_interval_bytes) {
  MOLDAU_TRY(prepare_to_append());
  MOLDAU_ASSIGN(const auto log_file, file());
  const std::uint64_t begin = size();
  std::vector<base::ByteView> parts;
  parts.reserve(batches.size());
  for (const TailBatch& batch : batches) parts.push_back(batch.bytes.view());
  if (const auto status = log_file->write(begin, parts); !status) {
    if (status.error().code == Errc::no_space) MOLDAU_TRY(log_file->truncate(begin));
    return status;
  }
  std::uint64_t position = begin;
  {
    MutexLock lock(mutex_);
    for (const TailBatch& batch : batches) {
      const auto header = BatchHeader::parse(batch.bytes.view());
      note_batch(*header, position, index_interval_bytes);
      position += header->size;
    }
    verified_.add(begin, position);
  }
  return writeback_.grown(*log_file, position);
}

void Segment::append_aborted(const TxnIndexEntry& transaction) {
  MutexLock lock(mutex_);
  MOLDAU_CHECK(txns_.has_value(), "the transaction index is loaded");
  txns_->append(transaction);
}

base::Status Segment::save_indexes() {
  MutexLock lock(mutex_);
  if (!ready_to_append_) return {};
  MOLDAU_TRY(offsets_.save(fs_, path(file_names::index_suffix)));
  return times_.save(fs_, path(file_names::time_index_suffix));
}

base::Status Segment::save_txn_index(Files& to_sync) {
  MutexLock lock(mutex_);
  if (!txns_ || detached_) return {};
  return txns_->save(fs_, path(file_names::txn_index_suffix), to_sync);
}

base::Status Segment::finish(Files& to_sync) {
  MOLDAU_TRY(prepare_to_append());
  MutexLock lock(mutex_);
  add_final_time_entry();
  MOLDAU_TRY(offsets_.finish(fs_, path(file_names::index_suffix)));
  MOLDAU_TRY(times_.finish(fs_, path(file_names::time_index_suffix)));
  if (!txns_ && state_.txns.is_empty()) txns_.emplace();
  if (txns_) {
    MOLDAU_TRY(txns_->finish(fs_, path(file_names::txn_index_suffix), to_sync));
    state_.txns = txns_->facts();
    if (txns_->size() > txn_entries_kept_max) txns_.reset();
  }
  to_sync.push_back(offsets_.file());
  to_sync.push_back(times_.file());
  if (file_ != nullptr) to_sync.push_back(file_);
  ready_to_append_ = false;
  return {};
}

base::Status Segment::truncate(std::uint64_t size, Offset end) {
  MOLDAU_ASSIGN(const auto log_file, file());
  MOLDAU_TRY(log_file->truncate(size));
  writeback_.cut(size);
  {
    MutexLock lock(mutex_);
    state_.size = size;
    state_.end = end;
    hints_ = {};
    verified_.cut(size);
  }
  MOLDAU_ASSIGN(const auto rebuilt, rebuild());
  if (rebuilt.good_bytes != size) return fail(Errc::damaged, path(file_names::log_suffix) + " was cut amid a batch");
  MutexLock lock(mutex_);
  MOLDAU_CHECK(txns_.has_value(), "the transaction index is loaded");
  txns_->truncate(end);
  return {};
}

base::Result<Segment::Rebuilt> Segment::rebuild() {
  constexpr std::uint64_t interval = 4096;
  MOLDAU_ASSIGN(const auto log_file, file());
  const SegmentState old = state();
  MutexLock lock(mutex_);
  offsets_ = {};
  times_ = {};
  hints_ = {};
  state_ = {};
  state_.base = state_.end = base_;
  state_.txns = old.txns;
  indexes_loaded_ = ready_to_append_ = true;
  indexes_missing_ = false;
  Rebuilt rebuilt;
  BatchScanner scanner(*log_file, 0, old.size, true, scan_window_bytes);
  for (;;) {
    MOLDAU_ASSIGN(const auto step, scanner.next());
    if (step != BatchScanner::Step::batch) break;
    MOLDAU_ASSIGN(const auto bytes, scanner.batch_bytes());
    const auto view = record::BatchView::parse(*bytes, record::BatchView::Check::crc);
    if (!view || scanner.header().base_offset < base_) break;
    note_batch(scanner.header(), scanner.position(), interval);
    rebuilt.has_markers = rebuilt.has_markers ||
                          (scanner.header().has_producer() && scanner.header().is_control());
  }
  rebuilt.good_bytes = state_.size;
  verified_.add(0, rebuilt.good_bytes);
  if (rebuilt.good_bytes == old.size) state_.end = std::max(state_.end, old.end);
  return rebuilt;
}

// By another of the kind, so that nobody who reads waits for it.
base::Status Segment::rebuild_whole() {
  const SegmentState whole = state();
  const auto fresh = existing(fs_, directory_, whole, 0);
  MOLDAU_ASSIGN(const auto rebuilt, fresh->rebuild());
  MutexLock lock(mutex_);
  if (rebuilt.good_bytes != whole.size) {
    offsets_ = {};
    times_ = {};
    indexes_loaded_ = indexes_missing_ = true;
    return fail(Errc::damaged,
                fmt::format("{} has no batch at byte {}", path(file_names::log_suffix), rebuilt.good_bytes));
  }
  MutexLock fresh_lock(fresh->mutex_);
  const TxnIndexFacts txns = state_.txns;
  offsets_ = std::move(fresh->offsets_);
  times_ = std::move(fresh->times_);
  state_ = fresh->state_;
  state_.txns = txns;
  indexes_loaded_ = true;
  indexes_missing_ = false;
  verified_.add(0, whole.size);
  return {};
}

base::Status Segment::find_end() {
  MOLDAU_ASSIGN(const auto log_file, file());
  MutexLock lock(mutex_);
  MOLDAU_TRY(load_indexes(true));
  std::uint64_t position = 0;
  OffsetIndexFormat::Entry entry;
  if (!offsets_.empty()) {
    MOLDAU_TRY(offsets_.at(offsets_.size() - 1, true, entry));
    if (entry.position < state_.size) position = entry.position;
  }
  for (;;) {
    BatchScanner scanner(*log_file, position, state_.size, true);
    base::Result<BatchScanner::Step> step = BatchScanner::Step::end;
    for (step = scanner.next(); step && *step == BatchScanner::Step::batch; step = scanner.next())
      state_.end = scanner.header().next_offset();
    MOLDAU_TRY(step);
    if (*step == BatchScanner::Step::end) return {};
    if (position == 0)
      return fail(Errc::damaged, fmt::format("{} has no whole batch at byte {}",
                                             path(file_names::log_suffix), scanner.position()));
    position = 0;  // the index may be what is wrong
  }
}

base::Status Segment::remove_files() {
  for (const auto suffix : {file_names::log_suffix, file_names::index_suffix,
                            file_names::time_index_suffix, file_names::txn_index_suffix}) {
    const auto status = fs_.remove(path(suffix));
    if (!status && status.error().code != Errc::not_found) return status;
  }
  return {};
}

void Segment::note_indexes_missing() {
  MutexLock lock(mutex_);
  indexes_missing_ = true;
}

base::Result<bool> Segment::restore_indexes() {
  {
    MutexLock lock(mutex_);
    if (!indexes_missing_ || ready_to_append_ || std::exchange(restore_tried_, true)) return false;
  }
  const auto fresh = existing(fs_, directory_, state(), 0);
  MOLDAU_TRY(fresh->rebuild_whole());
  // Half of one would look right: each is whole before it has its name.
  const auto replace = [this](auto& table, std::string_view suffix) -> base::Status {
    const auto name = path(suffix);
    const auto fresh_name = name + ".tmp";
    MOLDAU_TRY(table.finish(fs_, fresh_name));
    MOLDAU_TRY(table.file()->sync());
    return fs_.rename(fresh_name, name);
  };
  MutexLock fresh_lock(fresh->mutex_);
  fresh->add_final_time_entry();
  MOLDAU_TRY(replace(fresh->offsets_, file_names::index_suffix));
  MOLDAU_TRY(replace(fresh->times_, file_names::time_index_suffix));
  MOLDAU_TRY(fs_.sync_directory(directory_));
  MutexLock lock(mutex_);
  state_.indexes_known = true;
  state_.offsets = fresh->offsets_.facts();
  state_.times = fresh->times_.facts();
  offsets_ = {};
  times_ = {};
  indexes_loaded_ = indexes_missing_ = restore_tried_ = false;  // read again when needed
  log::info("storage.index_rebuilt", "the indexes of {} were made anew", path(file_names::log_suffix));
  return true;
}

base::Status Segment::detach() {
  MutexLock lock(mutex_);
  if (const auto opened = open_file(); !opened) return opened.error();
  MOLDAU_TRY(load_indexes(true));
  if (!txns_) {
    // One that is not what it was is made anew by who needs it.
    auto index = TxnIndex::load(fs_, path(file_names::txn_index_suffix), state_.txns, base_, state_.end);
    if (index) txns_ = std::move(index).value();
    else state_.txns = {TxnIndexFacts::Kind::distrusted};
  }
  detached_ = true;
  return {};
}

base::Status Segment::set_files_aside(std::vector<std::string>& aside) {
  for (const auto suffix : {file_names::index_suffix, file_names::time_index_suffix,
                            file_names::txn_index_suffix, file_names::log_suffix}) {
    const auto from = path(suffix);
    auto to = from + std::string(file_names::deleted_suffix);
    const auto status = fs_.rename(from, to);
    if (!status && status.error().code == Errc::not_found) continue;
    if (!status) return status;
    aside.push_back(std::move(to));
  }
  return {};
}

base::Result<OffsetIndex::Place> Segment::start_position(Offset target, bool may_block,
                                                         std::uint64_t& position) {
  const auto below = [&](const OffsetIndexFormat::Entry& entry) {
    return base_ + entry.relative_offset <= target;
  };
  position = 0;
  OffsetIndex table;
  OffsetIndex::Place place;
  {
    MutexLock lock(mutex_);
    MOLDAU_ASSIGN(const bool loaded, load_indexes(may_block));
    if (!loaded) return OffsetIndex::Place{true, 0};
    if (offsets_.is_resident()) {
      MOLDAU_ASSIGN(place, offsets_.find(may_block, below));
      if (place.index > 0) position = offsets_.entries()[place.index - 1].position;
      return place;
    }
    table = offsets_;  // cheap: the entries are in the file, which is read without the lock
  }
  MOLDAU_ASSIGN(place, table.find(may_block, below));
  if (place.would_block || place.index == 0) return place;
  OffsetIndexFormat::Entry entry;
  MOLDAU_ASSIGN(const bool there, table.at(place.index - 1, may_block, entry));
  place.would_block = !there;
  position = entry.position;
  return place;
}

base::Result<Segment::Found> Segment::locate_from_index(Offset target, bool may_block) {
  std::uint64_t position = 0;
  MOLDAU_ASSIGN(const auto place, start_position(target, may_block, position));
  if (place.would_block) return Found{true, false, 0, {}};
  MOLDAU_ASSIGN(const auto log_file, file());
  const std::uint64_t end = size();
  bool trusted = position == 0;  // an index is checked by what it leads to
  if (position >= end) position = 0;
  for (BatchScanner scanner(*log_file, position, end, may_block);;) {
    MOLDAU_ASSIGN(const auto step, scanner.next());
    switch (step) {
      case BatchScanner::Step::would_block: return Found{true, false, 0, {}};
      case BatchScanner::Step::end: return Found{};
      case BatchScanner::Step::corrupt:
        return fail(Errc::damaged, fmt::format("{} has no batch at byte {}",
                                               path(file_names::log_suffix), scanner.position()));
      case BatchScanner::Step::batch: break;
    }
    if (!trusted && scanner.header().base_offset > target)
      return fail(Errc::damaged, path(file_names::index_suffix) + " points beyond its offset");
    trusted = true;
    if (scanner.header().last_offset >= target)
      return Found{false, true, scanner.position(), scanner.header()};
  }
}

base::Result<Segment::Found> Segment::locate(Offset target, bool may_block) {
  auto found = locate_from_index(target, may_block);
  if (found || found.error().code != Errc::damaged) return found;
  // The index may be what is damaged: it is dropped, and the file speaks for itself.
  {
    MutexLock lock(mutex_);
    if (ready_to_append_) return found;
    if (!offsets_.empty()) log::warn("storage.index_dropped", "{}", found.error().message);
    offsets_ = {};
    indexes_missing_ = true;
  }
  return locate_from_index(target, may_block);
}

base::Result<Segment::Found> Segment::boundary(std::uint64_t first_end, std::uint64_t wanted,
                                               bool may_block) {
  Found result{false, false, first_end, {}};
  std::uint64_t start = first_end;
  {
    MutexLock lock(mutex_);
    const auto below = [&](const OffsetIndexFormat::Entry& e) { return e.position <= wanted; };
    MOLDAU_ASSIGN(const auto place, offsets_.find(may_block, below));
    OffsetIndexFormat::Entry entry;
    bool there = !place.would_block;
    if (there && place.index > 0) {
      MOLDAU_ASSIGN(there, offsets_.at(place.index - 1, may_block, entry));
    }
    if (!there) return Found{true, false, 0, {}};
    start = std::max<std::uint64_t>(start, entry.position);
  }
  MOLDAU_ASSIGN(const auto log_file, file());
  for (BatchScanner scanner(*log_file, start, size(), may_block);;) {
    MOLDAU_ASSIGN(const auto step, scanner.next());
    if (step == BatchScanner::Step::would_block) return Found{true, false, 0, {}};
    if (step != BatchScanner::Step::batch) return result;
    // Found::header is the batch after the boundary: its base offset is where a reader goes on.
    result = Found{false, true, scanner.position(), scanner.header()};
    if (scanner.position() + scanner.header().size > wanted) return result;
  }
}

base::Result<bool> Segment::verify(std::uint64_t begin, std::uint64_t end, bool may_block) {
  {
    MutexLock lock(mutex_);
    if (verified_.covers(begin, end)) return true;
  }
  if (!may_block) return false;
  MOLDAU_TRY(look_through(begin, end));
  return true;
}

base::Result<std::uint64_t> Segment::look_through(std::uint64_t begin, std::uint64_t end) {
  std::uint64_t size = 0;
  Offset upper{};
  std::shared_ptr<File> log_file;  // if it is open; thousands of segments must not stay so
  {
    MutexLock lock(mutex_);
    size = state_.size;
    upper = state_.end;
    log_file = file_;
  }
  if (log_file == nullptr) {
    MOLDAU_ASSIGN(log_file, fs_.open(path(file_names::log_suffix), FileSystem::Open::read));
  }
  const auto window = std::clamp<std::uint64_t>(end - begin, 4096, scan_window_bytes);
  BatchScanner scanner(*log_file, begin, size, true, static_cast<std::size_t>(window));
  std::uint64_t reached = size;
  // Offsets have no checksum.  Whether they rise as they did is told by the next batch, and whether that one's do (a
  // reader goes on there) by the one behind it.
  int behind = 0;
  for (Offset next = base_; behind < 2;) {
    MOLDAU_ASSIGN(const auto step, scanner.next());
    bool good = step != BatchScanner::Step::corrupt && next <= upper;
    const bool ends = step == BatchScanner::Step::end;
    if (good && !ends) {
      const BatchHeader& header = scanner.header();
      good = header.base_offset >= next;
      next = header.next_offset();
      if (scanner.position() >= end && behind++ == 0) reached = scanner.position();
      if (good && behind == 0) {
        MOLDAU_ASSIGN(const auto bytes, scanner.batch_bytes());
        good = record::BatchView::parse(*bytes, record::BatchView::Check::crc).has_value();
      }
    }
    if (!good)
      return fail(Errc::damaged, fmt::format("{} is damaged in the batch at byte {}", path(file_names::log_suffix),
                                             scanner.position()));
    if (ends) break;
  }
  MutexLock lock(mutex_);
  verified_.add(begin, reached);
  return reached;
}

// By another of the kind, so that nobody who reads waits for it, and no file stays open.
void Segment::look_through_indexes() {
  {
    MutexLock lock(mutex_);
    if (ready_to_append_ || indexes_missing_ || detached_) return;
  }
  const auto fresh = existing(fs_, directory_, state(), 0);
  {
    MutexLock lock(fresh->mutex_);
    if (!fresh->load_indexes(true)) return;
  }
  const SegmentState found = fresh->state();
  MutexLock lock(mutex_);
  if (ready_to_append_ || detached_) return;
  if (found.indexes_known) {
    if (indexes_loaded_) return;
    state_.indexes_known = true;
    state_.offsets = found.offsets;
    state_.times = found.times;
    return;
  }
  offsets_ = {};
  times_ = {};
  indexes_loaded_ = indexes_missing_ = true;
}

base::Result<bool> Segment::add_range(const std::shared_ptr<File>& file, std::uint64_t position,
                                      std::size_t size, bool may_block, base::Payload& out) {
  if (size >= file_range_bytes_min) {
    bool cached = true;
    std::uint8_t byte[1];
    for (std::uint64_t at = position; cached; at += probe_step_bytes) {
      at = std::min(at, position + size - 1);
      MOLDAU_ASSIGN(const std::size_t got, file->read_cached(at, byte));
      cached = got == 1;
      if (at == position + size - 1) break;
    }
    if (cached) {
      out.append(base::FileRange{file, position, size});
      return true;
    }
    if (!may_block) return false;
  }
  auto bytes = base::SharedBytes::allocate(size);
  MOLDAU_ASSIGN(const std::size_t got, may_block
                                           ? file->read(position, bytes.mutable_view())
                                           : file->read_cached(position, bytes.mutable_view()));
  if (got < size) {
    if (!may_block) return false;
    return fail(Errc::damaged, path(file_names::log_suffix) + " is shorter than it was");
  }
  out.append(std::move(bytes));
  return true;
}

base::Result<ReadResult> Segment::read(Offset from, const ReadLimits& limits) {
  ReadResult result;
  result.next_offset = from;
  const ReadResult blocked{{}, from, true};
  std::uint64_t hinted = 0;
  std::uint64_t end = 0;
  Offset end_offset{};
  {
    MutexLock lock(mutex_);
    end = state_.size;
    end_offset = state_.end;
    for (const Hint& hint : hints_)
      if (hint.offset == from) hinted = hint.position;
  }
  MOLDAU_ASSIGN(const auto log_file, file());
  Found first;
  if (hinted > 0 && hinted < end) {
    BatchScanner scanner(*log_file, hinted, end, limits.may_block);
    MOLDAU_ASSIGN(const auto step, scanner.next());
    if (step == BatchScanner::Step::would_block) return blocked;
    if (step == BatchScanner::Step::batch && scanner.header().base_offset >= from)
      first = Found{false, true, hinted, scanner.header()};
  }
  if (!first.found) {
    MOLDAU_ASSIGN(first, locate(from, limits.may_block));
  }
  if (first.would_block) return blocked;
  if (!first.found) {
    result.next_offset = end_offset;
    return result;
  }
  if (limits.upper < end_offset) {
    MOLDAU_ASSIGN(const Found bound, locate(limits.upper, limits.may_block));
    if (bound.would_block) return blocked;
    if (bound.found) {
      end = bound.position;
      end_offset = bound.header.base_offset;
    }
  }
  if (first.position >= end) return result;
  const std::uint64_t first_end = first.position + first.header.size;
  std::uint64_t stop = end;
  Offset next = end_offset;
  if (end - first.position > limits.bytes_max) {
    const std::uint64_t wanted = first.position + limits.bytes_max;
    if (first_end > wanted && !limits.at_least_one) return result;
    stop = first_end;
    next = first.header.next_offset();
    if (first_end < wanted) {
      MOLDAU_ASSIGN(const Found cut, boundary(first_end, wanted, limits.may_block));
      if (cut.would_block) return blocked;
      if (cut.found && cut.position > first_end) {
        stop = cut.position;
        next = cut.header.base_offset;
      }
    }
  }
  MOLDAU_ASSIGN(const bool verified, verify(first.position, stop, limits.may_block));
  if (!verified) return blocked;
  MOLDAU_ASSIGN(const bool added,
                add_range(log_file, first.position, static_cast<std::size_t>(stop - first.position),
                          limits.may_block, result.records));
  if (!added) return blocked;
  result.next_offset = next;
  MutexLock lock(mutex_);
  hints_[next_hint_++ % hints_.size()] = Hint{next, stop};
  return result;
}

base::Result<std::optional<TimestampOffset>> Segment::find_timestamp(std::int64_t target_ms,
                                                                     Offset from, Offset upper) {
  Offset start = from;
  {
    MutexLock lock(mutex_);
    MOLDAU_TRY(load_indexes(true));
    const auto below = [&](const TimeIndexFormat::Entry& e) { return e.timestamp_ms <= target_ms; };
    MOLDAU_ASSIGN(const auto place, times_.find(true, below));
    TimeIndexFormat::Entry entry;
    if (place.index > 0) {
      MOLDAU_TRY(times_.at(place.index - 1, true, entry));
      if (entry.timestamp_ms >= 0) start = std::max(start, base_ + entry.relative_offset);
    }
  }
  MOLDAU_ASSIGN(const Found first, locate(start, true));
  if (!first.found) return std::optional<TimestampOffset>{};
  MOLDAU_ASSIGN(auto scanner, scan(first.position));
  for (;;) {
    MOLDAU_ASSIGN(const auto step, scanner.next());
    if (step == BatchScanner::Step::corrupt)
      return fail(Errc::damaged, fmt::format("{} has no batch at byte {}",
                                             path(file_names::log_suffix), scanner.position()));
    if (step != BatchScanner::Step::batch || scanner.header().base_offset >= upper)
      return std::optional<TimestampOffset>{};
    MOLDAU_TRY(verify(scanner.position(), scanner.position() + scanner.header().size, true));
    if (scanner.header().max_timestamp_ms < target_ms) continue;
    MOLDAU_ASSIGN(const auto bytes, scanner.batch_bytes());
    MOLDAU_ASSIGN(auto found, find_timestamp_in_batch(*bytes, target_ms, from));
    if (found) return found;
  }
}

base::Result<TimeIndexFormat::Entry> Segment::max_timestamp() {
  {
    MutexLock lock(mutex_);
    if (state_.max_timestamp_ms >= 0)
      return TimeIndexFormat::Entry{
          state_.max_timestamp_ms, static_cast<std::uint32_t>(state_.max_timestamp_offset - base_)};
    if (state_.size == 0) return TimeIndexFormat::Entry{};
    MOLDAU_TRY(load_indexes(true));
    TimeIndexFormat::Entry entry;
    if (!times_.empty()) {
      MOLDAU_TRY(times_.at(times_.size() - 1, true, entry));
      return entry;
    }
  }
  MOLDAU_TRY(verify(0, size(), true));
  MOLDAU_ASSIGN(auto scanner, scan(0));
  TimeIndexFormat::Entry entry;
  for (;;) {
    MOLDAU_ASSIGN(const auto step, scanner.next());
    if (step != BatchScanner::Step::batch) break;
    if (scanner.header().max_timestamp_ms > entry.timestamp_ms)
      entry = {scanner.header().max_timestamp_ms,
               static_cast<std::uint32_t>(scanner.header().last_offset - base_)};
  }
  MutexLock lock(mutex_);
  if (!ready_to_append_ && entry.timestamp_ms > state_.max_timestamp_ms) {
    state_.max_timestamp_ms = entry.timestamp_ms;
    state_.max_timestamp_offset = base_ + entry.relative_offset;
  }
  return entry;
}

Segment::Aborted Segment::aborted(Offset from, Offset upper, std::vector<TxnIndexEntry>& out) {
  MutexLock lock(mutex_);
  if (!txns_ && state_.txns.is_empty()) return Aborted::more_may_follow;
  if (!txns_) return Aborted::not_loaded;
  return txns_->collect(from, upper, out) ? Aborted::all : Aborted::more_may_follow;
}

base::Status Segment::load_txn_index() {
  MutexLock lock(mutex_);
  if (txns_) return {};
  MOLDAU_ASSIGN(auto index, TxnIndex::load(fs_, path(file_names::txn_index_suffix), state_.txns, base_,
                                           state_.end));
  txns_ = std::move(index);
  return {};
}

void Segment::set_txn_index(const std::vector<TxnIndexEntry>& entries) {
  MutexLock lock(mutex_);
  txns_ = TxnIndex(entries);
}

void Segment::set_txn_facts(const TxnIndexFacts& facts) {
  MutexLock lock(mutex_);
  state_.txns = facts;
  txns_.reset();
}

base::Result<BatchScanner> Segment::scan(std::uint64_t from_position) {
  MOLDAU_ASSIGN(const auto log_file, file());
  return BatchScanner(*log_file, from_position, size(), true, scan_window_bytes);
}

}  // namespace moldau::storage
