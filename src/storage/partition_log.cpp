#include "partition_log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "batch_records.hpp"
#include "file_names.hpp"
#include "moldau/base/check.hpp"
#include "moldau/base/log.hpp"
#include "moldau/record/batch_view.hpp"
#include "producer_load.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;
using base::MutexLock;

namespace {

/// So many durable bytes of one log are worth a write to its segment at once.
constexpr std::uint64_t flush_bytes_min = 256 * 1024;
/// One write to a segment holds about so many.
constexpr std::size_t flush_bytes_max = 2 * 1024 * 1024;
/// A response refers to at most so many batches in memory.
constexpr std::size_t tail_pieces_max = 256;
/// Batches below this size are rather sent from their file, when many are asked for.
constexpr std::size_t small_batch_bytes = 4096;

/// Drops the transactions whose marker's offset is such.
template <class Predicate>
void forget(std::vector<CompletedTransaction>& transactions, Predicate predicate) {
  std::erase_if(transactions, [&](const auto& txn) { return predicate(txn.entry.last_offset); });
}

}  // namespace

PartitionLog::PartitionLog(LogServices& services, std::string directory, TopicPartition name,
                           TopicId topic_id, const LogOptions& options, LogParts parts)
    : services_(services),
      directory_(std::move(directory)),
      name_(std::move(name)),
      topic_id_(topic_id),
      options_(options),
      start_(parts.start),
      end_(parts.end),
      durable_end_(parts.end),
      flushed_end_(parts.end),
      segments_(std::move(parts.segments)),
      epochs_(std::move(parts.epochs)),
      producers_(std::move(parts.producers)),
      flushed_producers_(producers_),
      applied_(parts.applied),
      active_(segments_.back()),
      epochs_on_disk_(std::move(parts.epochs_on_disk)),
      active_unsynced_(parts.unsynced),
      directory_unsynced_(parts.unsynced),
      metadata_unsynced_(parts.unsynced),
      finished_(parts.finished) {
  MOLDAU_CHECK(start_ <= end_, "a log starts below its end");
}

PartitionLog::PartitionLog(LogServices& services, std::string directory, LogState state,
                           base::Error reason)
    : services_(services),
      directory_(std::move(directory)),
      name_(state.name),
      topic_id_(state.topic_id),
      start_(state.start),
      end_(state.segment.end) {
  set_damaged(std::move(state), reason);
}

void PartitionLog::set_damaged(LogState state, const base::Error& reason) {
  state.offline = reason.message;
  if (std::exchange(active_unsynced_, false))
    if (auto file = active_->file()) unsynced_.push_back(std::move(file).value());
  damaged_ = std::move(state);
  active_ = nullptr;
  MutexLock lock(mutex_);
  offline_ = reason;
  takes_no_writes_ = true;
}

base::Status PartitionLog::check_online() const {
  if (offline_) return *offline_;
  if (services_.lane.has_failed())
    return fail(Errc::storage_error, "the log directory has failed; see the broker's log");
  return {};
}

// ---- Appending.

base::Result<Lsn> PartitionLog::accept(base::SharedBytes batch, const BatchHeader& header,
                                       std::optional<ProducerFacts> facts) {
  LaneEntry entry;
  entry.kind = lane_format::Kind::batch;
  entry.log = this;
  entry.partition = {topic_id_, name_.partition};
  entry.value = end_.value();  // where the log ended: replay checks that nothing is missing
  entry.bytes = batch;
  MOLDAU_ASSIGN(const Lsn lsn, services_.lane.push(std::move(entry)));
  services_.flush.tail_bytes.fetch_add(static_cast<std::int64_t>(batch.size()),
                                       std::memory_order_relaxed);
  tail_.push({header.base_offset, header.last_offset, lsn, std::move(batch)});
  end_ = header.next_offset();
  epochs_.assign(header.leader_epoch, header.base_offset);
  if (facts) {
    facts->header = header;
    facts->lsn = lsn;
    note_producer(*facts);
  }
  return lsn;
}

void PartitionLog::note_producer(const ProducerFacts& facts) {
  const auto completed = producers_.apply(facts);
  if (!completed) return;
  undecided_.push_back(*completed);
  if (completed->aborted) unindexed_.push_back(*completed);
}

base::Result<Appended> PartitionLog::append_as_leader(base::SharedBytes batch,
                                                      const AppendContext& context) {
  auto header = BatchHeader::parse(batch.view());
  if (!header || header->size != batch.size())
    return fail(Errc::corrupt_message, "not one whole record batch");
  MOLDAU_ASSIGN(const auto facts, ProducerFacts::of(batch.view(), *header));
  MutexLock lock(mutex_);
  MOLDAU_TRY(check_online());
  if (batch.size() > options_.segment_bytes)
    return fail(Errc::record_list_too_large,
                fmt::format("a batch of {} bytes is larger than a segment ({})", batch.size(),
                            options_.segment_bytes));
  if (facts) {
    MOLDAU_ASSIGN(const auto duplicate, producers_.check(*facts, context));
    if (duplicate)
      return Appended{duplicate->first_offset(), duplicate->last_offset, duplicate->lsn, true};
  }
  const std::int64_t delta = header->last_offset - header->base_offset;
  header->base_offset = end_;
  header->last_offset = end_ + delta;
  header->leader_epoch = context.leader_epoch;
  record::set_base_offset(batch.mutable_view(), end_);
  record::set_leader_epoch(batch.mutable_view(), context.leader_epoch);
  MOLDAU_ASSIGN(const Lsn lsn, accept(std::move(batch), *header, facts));
  return Appended{header->base_offset, header->last_offset, lsn, false};
}

base::Result<Appended> PartitionLog::append_as_follower(base::SharedBytes batches,
                                                        std::int64_t /*now_ms*/) {
  Appended appended{no_offset, no_offset, Lsn{0}, false};
  MutexLock lock(mutex_);
  MOLDAU_TRY(check_online());
  std::size_t at = 0;
  while (at < batches.size()) {
    const auto header = BatchHeader::parse(batches.view().subspan(at));
    if (!header || header->size > batches.size() - at)
      return fail(Errc::corrupt_message, "not whole record batches");
    if (header->base_offset < end_)
      return fail(Errc::offset_out_of_range,
                  fmt::format("a batch at offset {} does not continue a log that ends at {}",
                              header->base_offset.value(), end_.value()));
    if (header->leader_epoch < epochs_.latest())
      return fail(Errc::fenced_leader_epoch, "a batch of an older leader");
    auto batch = batches.slice(at, static_cast<std::size_t>(header->size));
    MOLDAU_ASSIGN(const auto facts, ProducerFacts::of(batch.view(), *header));
    MOLDAU_ASSIGN(appended.lsn, accept(std::move(batch), *header, facts));
    if (appended.first_offset == no_offset) appended.first_offset = header->base_offset;
    appended.last_offset = header->last_offset;
    at += static_cast<std::size_t>(header->size);
  }
  return appended;
}

base::Result<std::optional<Verification>> PartitionLog::begin_verification(
    ProducerId producer, ProducerEpoch epoch, std::int32_t first_sequence) {
  MutexLock lock(mutex_);
  return producers_.begin_verification(producer, epoch, first_sequence);
}

base::Result<Lsn> PartitionLog::advance_start(Offset start) {
  MutexLock lock(mutex_);
  MOLDAU_TRY(check_online());
  if (start > end_ || start < start_)
    return fail(Errc::offset_out_of_range,
                fmt::format("the start cannot move to {}: the log is [{}, {})", start.value(),
                            start_.value(), end_.value()));
  LaneEntry entry;
  entry.kind = lane_format::Kind::log_start;
  entry.partition = {topic_id_, name_.partition};
  entry.value = start.value();
  MOLDAU_ASSIGN(start_lsn_, services_.lane.push(std::move(entry)));
  start_ = start;
  epochs_.truncate_from_start(start);
  return start_lsn_;
}

base::Status PartitionLog::begin_leader_epoch(LeaderEpoch epoch) {
  MutexLock lock(mutex_);
  MOLDAU_TRY(check_online());
  if (epoch < epochs_.latest())
    return fail(Errc::fenced_leader_epoch, "a leader epoch never falls");
  epochs_.assign(epoch, end_);
  return {};
}

// ---- Reading.

bool PartitionLog::read_tail(Offset from, Offset upper, const ReadLimits& limits,
                             ReadResult& result) const {
  if (tail_.empty() || (tail_[0].base_offset > from && flushed_end_ > from)) return false;
  std::size_t bytes = 0;
  const std::size_t first = tail_.find(from);
  for (std::size_t i = first; i < tail_.size() && i - first < tail_pieces_max; ++i) {
    const TailBatch& batch = tail_[i];
    if (batch.last_offset >= upper) break;
    const bool fits = bytes + batch.bytes.size() <= limits.bytes_max;
    if (!fits && (bytes > 0 || !limits.at_least_one)) break;
    bytes += batch.bytes.size();
    result.records.append(batch.bytes);
    result.next_offset = batch.last_offset + 1;
    if (!fits) break;
  }
  // Many small batches that a file has in one piece are better sent from there.
  const std::size_t pieces = result.records.pieces().size();
  if (pieces > 16 && bytes >= file_range_bytes_min && bytes / pieces < small_batch_bytes &&
      result.next_offset <= flushed_end_) {
    result = ReadResult{{}, from, false};
    return false;
  }
  return true;
}

PartitionLog::SegmentPtr PartitionLog::segment_of(Offset offset) const {
  auto after = std::partition_point(
      segments_.begin(), segments_.end(),
      [&](const SegmentPtr& segment) { return segment->base_offset() <= offset; });
  return after == segments_.begin() ? *after : *std::prev(after);
}

PartitionLog::SegmentPtr PartitionLog::segment_after(const Segment& segment) const {
  MutexLock lock(mutex_);
  const auto after = std::partition_point(
      segments_.begin(), segments_.end(),
      [&](const SegmentPtr& s) { return s->base_offset() <= segment.base_offset(); });
  return after == segments_.end() ? nullptr : *after;
}

std::vector<PartitionLog::SegmentPtr> PartitionLog::segments() const {
  MutexLock lock(mutex_);
  return segments_;
}

/// Damage that a reader met takes the log out of service: nobody is to skip over it, or add to it, unawares.  What was
/// accepted before goes to its files all the same, and these stay as they are.
void PartitionLog::note_damage(const base::Error& damage) {
  MutexLock lock(mutex_);
  if (offline_) return;
  log::error("storage.log_offline", "{} is offline: {}; \"moldau log check\" tells what else is damaged",
             file_names::of_partition(name_), damage.message);
  offline_ = damage;
}

base::Result<ReadResult> PartitionLog::read(Offset from, const ReadLimits& limits) {
  return noting_damage(read_batches(from, limits));
}

base::Result<ReadResult> PartitionLog::read_batches(Offset from, const ReadLimits& limits) {
  ReadResult result;
  result.next_offset = from;
  SegmentPtr segment;
  ReadLimits bounded = limits;
  {
    MutexLock lock(mutex_);
    MOLDAU_TRY(check_online());
    if (from < start_ || from > end_)
      return fail(Errc::offset_out_of_range, fmt::format("offset {} is not in [{}, {}]",
                                                         from.value(), start_.value(), end_.value()));
    bounded.upper = std::min(limits.upper, end_);
    if (from >= bounded.upper) return result;
    if (read_tail(from, bounded.upper, limits, result)) return result;
    segment = segment_of(from);
  }
  Offset at = from;
  for (; segment != nullptr; segment = segment_after(*segment)) {
    at = std::max(at, segment->base_offset());
    if (at >= bounded.upper) return result;
    MOLDAU_ASSIGN(auto part, segment->read(at, bounded));
    if (part.would_block || !part.records.empty() || part.next_offset == at) return part;
    at = std::max(at, part.next_offset);  // a gap at the segment's end
  }
  MutexLock lock(mutex_);
  result.next_offset = at;
  read_tail(at, bounded.upper, limits, result);
  return result;
}

base::Result<std::optional<std::vector<AbortedTransaction>>> PartitionLog::aborted_transactions(
    Offset from, Offset upper, bool may_block) {
  using List = std::vector<AbortedTransaction>;
  std::vector<TxnIndexEntry> found;
  MOLDAU_ASSIGN(const bool done, noting_damage(collect_aborted(from, upper, may_block, found)));
  if (!done) return std::optional<List>{};
  List result;
  result.reserve(found.size());
  for (const auto& txn : found) result.push_back({txn.producer_id, txn.first_offset});
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.first_offset < b.first_offset; });
  return std::optional<List>{std::move(result)};
}

base::Result<bool> PartitionLog::collect_aborted(Offset from, Offset upper, bool may_block,
                                                 std::vector<TxnIndexEntry>& found) {
  std::vector<TxnIndexEntry> unindexed;
  SegmentPtr segment;
  {
    MutexLock lock(mutex_);
    MOLDAU_TRY(check_online());
    segment = segment_of(from);
    for (const auto& txn : unindexed_)
      if (txn.entry.last_offset >= from && txn.entry.first_offset < upper)
        unindexed.push_back(txn.entry);
  }
  for (; segment != nullptr; segment = segment_after(*segment)) {
    auto step = segment->aborted(from, upper, found);
    if (step == Segment::Aborted::not_loaded) {
      if (!may_block) return false;
      MOLDAU_TRY(load_txn_index(segment));
      step = segment->aborted(from, upper, found);
    }
    if (step == Segment::Aborted::all) break;
  }
  // One of these may have come into the index since they were copied.
  for (const auto& txn : unindexed)
    if (std::find(found.begin(), found.end(), txn) == found.end()) found.push_back(txn);
  return true;
}

base::Status PartitionLog::load_txn_index(const SegmentPtr& segment) {
  MutexLock lock(txn_index_mutex_);
  const auto loaded = segment->load_txn_index();
  if (loaded || loaded.error().code != Errc::damaged) return loaded;
  log::info("storage.txn_index_rebuilt", "{} is made anew",
            segment->path(file_names::txn_index_suffix));
  const Offset base = segment->base_offset();
  MOLDAU_ASSIGN(auto producers, load_producers(services_.fs, directory_, segments(), base));
  std::vector<TxnIndexEntry> entries;
  MOLDAU_TRY(apply_batches(*segment, base, segment->end_offset(), producers,
                           [&](const CompletedTransaction& txn) {
                             if (txn.aborted) entries.push_back(txn.entry);
                           }));
  segment->set_txn_index(entries);
  unsaved_txn_indexes_.push_back(segment);
  return {};
}

base::Result<std::optional<TimestampOffset>> PartitionLog::find_timestamp(std::int64_t target_ms,
                                                                          Offset upper) {
  return noting_damage(look_for_timestamp(target_ms, upper));
}

base::Result<std::optional<TimestampOffset>> PartitionLog::look_for_timestamp(std::int64_t target_ms, Offset upper) {
  using Found = std::optional<TimestampOffset>;
  Offset from{};
  std::vector<TailBatch> in_memory;
  std::vector<SegmentPtr> files;
  {
    MutexLock lock(mutex_);
    MOLDAU_TRY(check_online());
    from = start_;
    tail_.collect_unflushed(std::min(upper, end_), SIZE_MAX, in_memory);
    files = segments_;
  }
  for (const auto& segment : files) {
    if (segment->end_offset() <= from) continue;
    MOLDAU_ASSIGN(const auto largest, segment->max_timestamp());
    if (largest.timestamp_ms < target_ms) continue;
    MOLDAU_ASSIGN(const auto found, segment->find_timestamp(target_ms, from, upper));
    if (found) return found->offset < upper ? found : Found{};
  }
  for (const TailBatch& batch : in_memory) {
    if (BatchHeader::parse(batch.bytes.view())->max_timestamp_ms < target_ms) continue;
    MOLDAU_ASSIGN(const auto found, find_timestamp_in_batch(batch.bytes.view(), target_ms, from));
    if (found) return found->offset < upper ? found : Found{};
  }
  return Found{};
}

base::Result<std::optional<TimestampOffset>> PartitionLog::max_timestamp(Offset upper) {
  return noting_damage(look_for_max_timestamp(upper));
}

base::Result<std::optional<TimestampOffset>> PartitionLog::look_for_max_timestamp(Offset upper) {
  std::int64_t largest = -1;
  base::SharedBytes batch;  // the one that holds it, when it is in memory
  SegmentPtr segment;       // or else its segment,
  Offset last_offset{};     // and the last offset of that batch
  Offset from{};
  std::vector<TailBatch> in_memory;
  std::vector<SegmentPtr> files;
  {
    MutexLock lock(mutex_);
    MOLDAU_TRY(check_online());
    from = start_;
    tail_.collect_unflushed(std::min(upper, end_), SIZE_MAX, in_memory);
    files = segments_;
  }
  for (const auto& file : files) {
    if (file->end_offset() <= from) continue;
    MOLDAU_ASSIGN(const auto entry, file->max_timestamp());
    if (entry.timestamp_ms <= largest) continue;
    largest = entry.timestamp_ms;
    segment = file;
    last_offset = file->base_offset() + entry.relative_offset;
  }
  for (const TailBatch& candidate : in_memory) {
    const auto header = BatchHeader::parse(candidate.bytes.view());
    if (header->max_timestamp_ms <= largest) continue;
    largest = header->max_timestamp_ms;
    batch = candidate.bytes;
  }
  if (largest < 0) return std::optional<TimestampOffset>{};
  if (!batch.empty()) return find_timestamp_in_batch(batch.view(), largest, from);
  MOLDAU_ASSIGN(const auto place, segment->locate(last_offset, true));
  if (!place.found) return std::optional<TimestampOffset>{};
  MOLDAU_TRY(segment->verify(place.position, place.position + place.header.size, true));
  MOLDAU_ASSIGN(auto scanner, segment->scan(place.position));
  MOLDAU_ASSIGN(const auto step, scanner.next());
  if (step != BatchScanner::Step::batch) return std::optional<TimestampOffset>{};
  MOLDAU_ASSIGN(const auto bytes, scanner.batch_bytes());
  return find_timestamp_in_batch(*bytes, largest, from);
}

// ---- Queries.

Offset PartitionLog::start_offset() const {
  MutexLock lock(mutex_);
  return start_;
}

Offset PartitionLog::end_offset() const {
  MutexLock lock(mutex_);
  return end_;
}

Offset PartitionLog::durable_offset() const {
  MutexLock lock(mutex_);
  return durable_end_;
}

std::optional<Offset> PartitionLog::first_unstable_offset() const {
  MutexLock lock(mutex_);
  return first_unstable();
}

std::optional<Offset> PartitionLog::first_unstable() const {
  std::optional<Offset> first;
  if (const auto open = producers_.oldest_open_transaction()) first = open->first_offset;
  for (const auto& txn : undecided_)
    if (!first || txn.entry.first_offset < *first) first = txn.entry.first_offset;
  if (first) first = std::max(*first, start_);
  return first;
}

std::optional<OpenTransaction> PartitionLog::oldest_open_transaction() const {
  MutexLock lock(mutex_);
  return producers_.oldest_open_transaction();
}

std::uint64_t PartitionLog::size_bytes() const {
  MutexLock lock(mutex_);
  std::uint64_t bytes = unflushed_bytes_;
  for (const auto& segment : segments_) bytes += segment->size();
  return bytes;
}

std::vector<ProducerSummary> PartitionLog::producers() const {
  MutexLock lock(mutex_);
  return producers_.summaries();
}

LeaderEpoch PartitionLog::latest_epoch() const {
  MutexLock lock(mutex_);
  return epochs_.latest();
}

EpochEnd PartitionLog::end_of_epoch(LeaderEpoch epoch) const {
  MutexLock lock(mutex_);
  return epochs_.end_of(epoch, end_);
}

LeaderEpoch PartitionLog::epoch_at(Offset offset) const {
  MutexLock lock(mutex_);
  return epochs_.at(offset);
}

std::optional<base::Error> PartitionLog::offline() const {
  MutexLock lock(mutex_);
  if (offline_) return offline_;
  if (services_.lane.has_failed())
    return fail(Errc::storage_error, "the log directory has failed; see the broker's log");
  return std::nullopt;
}

void PartitionLog::set_options(const LogOptions& options) {
  MutexLock lock(mutex_);
  options_ = options;
}

std::int64_t PartitionLog::file_delete_delay_ms() const {
  MutexLock lock(mutex_);
  return options_.file_delete_delay_ms;
}

void PartitionLog::take_offline(const base::Error& reason) {
  MutexLock lock(mutex_);
  if (!offline_) offline_ = reason;
  takes_no_writes_ = true;
}

void PartitionLog::release_memory() {
  MutexLock lock(mutex_);
  services_.flush.tail_bytes.fetch_sub(static_cast<std::int64_t>(tail_.bytes()));
  services_.flush.unflushed_bytes.fetch_sub(static_cast<std::int64_t>(unflushed_bytes_));
  unflushed_bytes_ = 0;
  tail_ = Tail();
}

Offset PartitionLog::first_segment_base() const {
  MutexLock lock(mutex_);
  return segments_.empty() ? start_ : segments_.front()->base_offset();
}

// ---- Observers.

void PartitionLog::set_observer(LogObserver* observer) {
  if (observer_thread_.load() == std::this_thread::get_id()) {
    observer_ = observer;  // called from within a call
    return;
  }
  const std::lock_guard lock(observer_mutex_);
  observer_ = observer;
}

template <typename Call>
void PartitionLog::tell(Call call) {
  const std::lock_guard lock(observer_mutex_);
  observer_thread_.store(std::this_thread::get_id());
  if (observer_ != nullptr) call(*observer_);
  observer_thread_.store(std::thread::id{});
}

void PartitionLog::tell_written(Offset end) {
  tell([end](LogObserver& observer) { observer.on_written(end); });
}

void PartitionLog::tell_durable() {
  tell([end = durable_offset()](LogObserver& observer) { observer.on_durable(end); });
}

void PartitionLog::tell_commit_told() {
  tell([](LogObserver& observer) { observer.on_commit_told(); });
}

// ---- Committing and writing behind.

bool PartitionLog::note_durable(const Committed& news, base::SteadyTime now) {
  bool add = false;
  bool wake = false;
  {
    MutexLock lock(mutex_);
    Offset end = std::min(news.end, end_);
    if (news.lsn < truncated_at_) end = std::min(end, truncated_to_);
    durable_end_ = std::max(durable_end_, end);
    unflushed_bytes_ += news.bytes;
    if (!undecided_.empty()) forget(undecided_, [&](Offset marker) { return marker < end; });
    add = news.bytes > 0 && !waits_for_flush_;
    if (add) waits_for_flush_ = true;
    wake = unflushed_bytes_ >= flush_bytes_min && !flush_announced_;
    if (wake) flush_announced_ = true;
  }
  services_.flush.unflushed_bytes.fetch_add(static_cast<std::int64_t>(news.bytes),
                                            std::memory_order_relaxed);
  if (add) services_.flush.add(shared_from_this(), now);
  return wake;
}

bool PartitionLog::has_unflushed() const {
  MutexLock lock(mutex_);
  return flushed_end_ < durable_end_;
}

std::uint64_t PartitionLog::unflushed_bytes() const {
  MutexLock lock(mutex_);
  return unflushed_bytes_;
}

Offset PartitionLog::flushed_end() const {
  MutexLock lock(mutex_);
  return flushed_end_;
}

base::Status PartitionLog::write_run(std::span<const TailBatch> run) {
  if (run.empty()) return {};
  std::uint64_t interval = 0;
  {
    MutexLock lock(mutex_);
    interval = options_.index_interval_bytes;
  }
  active_unsynced_ = true;
  finished_ = false;
  MOLDAU_TRY(active_->append(run, interval));
  std::uint64_t bytes = 0;
  for (const TailBatch& batch : run) {
    bytes += batch.bytes.size();
    const auto header = BatchHeader::parse(batch.bytes.view());
    MOLDAU_ASSIGN(const auto facts, ProducerFacts::of(batch.bytes.view(), *header));
    if (!facts) continue;
    const auto completed = flushed_producers_.apply(*facts);
    if (!completed || !completed->aborted) continue;
    MOLDAU_TRY(load_txn_index(active_));
    active_->append_aborted(completed->entry);
  }
  applied_ = run.back().lsn;
  services_.flush.unflushed_bytes.fetch_sub(static_cast<std::int64_t>(bytes));
  MutexLock lock(mutex_);
  flushed_end_ = run.back().last_offset + 1;
  unflushed_bytes_ -= std::min(bytes, unflushed_bytes_);
  tail_.mark_flushed(flushed_end_);
  forget(unindexed_, [&](Offset marker) { return marker <= run.back().last_offset; });
  return {};
}

base::Status PartitionLog::roll(Offset base, std::int64_t now_ms) {
  MOLDAU_TRY(load_txn_index(active_));
  MOLDAU_TRY(active_->finish(unsynced_));
  MOLDAU_TRY(write_snapshot(base, unsynced_));
  MOLDAU_ASSIGN(auto next, Segment::create(services_.fs, directory_, base, now_ms));
  active_ = std::move(next);
  active_unsynced_ = directory_unsynced_ = true;
  MutexLock lock(mutex_);
  segments_.push_back(active_);
  return {};
}

base::Status PartitionLog::write_snapshot(Offset at, Segment::Files& to_sync) {
  const auto path = file_names::of_offset(directory_, at, file_names::snapshot_suffix);
  MOLDAU_ASSIGN(auto file, services_.fs.open(path, FileSystem::Open::create));
  MOLDAU_TRY(file->truncate(0));
  const std::string bytes = flushed_producers_.encode_snapshot();
  MOLDAU_TRY(file->write(0, base::as_bytes(bytes)));
  to_sync.push_back(std::move(file));
  last_snapshot_ = at;
  return {};
}

base::Status PartitionLog::flush(std::int64_t now_ms) {
  std::vector<TailBatch> batches;
  for (;;) {
    LogOptions options;
    batches.clear();
    {
      MutexLock lock(mutex_);
      flush_announced_ = false;
      if (!takes_no_writes_) tail_.collect_unflushed(durable_end_, flush_bytes_max, batches);
      if (batches.empty()) {
        waits_for_flush_ = false;
        return {};
      }
      options = options_;
    }
    std::size_t run_begin = 0;
    Segment::Run run;
    const std::span<const TailBatch> all(batches);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto header = BatchHeader::parse(all[i].bytes.view());
      MOLDAU_ASSIGN(const bool full, active_->should_roll(*header, run, options, now_ms));
      if (full) {
        MOLDAU_TRY(write_run(all.subspan(run_begin, i - run_begin)));
        MOLDAU_TRY(roll(header->base_offset, now_ms));
        run_begin = i;
        run = {};
      }
      if (run.bytes == 0) run.first_timestamp_ms = header->max_timestamp_ms;
      run.bytes += header->size;
    }
    MOLDAU_TRY(write_run(all.subspan(run_begin)));
  }
}

base::Status PartitionLog::take_unsynced(Segment::Files& files, bool& directory) {
  for (auto& file : unsynced_) files.push_back(std::move(file));
  unsynced_.clear();
  if (std::exchange(active_unsynced_, false)) {
    MOLDAU_TRY(active_->save_indexes());
    MOLDAU_ASSIGN(auto file, active_->file());
    files.push_back(std::move(file));
    MutexLock lock(txn_index_mutex_);
    unsaved_txn_indexes_.push_back(active_);
  }
  {
    const std::size_t others = files.size();
    MutexLock lock(txn_index_mutex_);
    for (const auto& segment : std::exchange(unsaved_txn_indexes_, {}))
      MOLDAU_TRY(segment->save_txn_index(files));
    if (files.size() > others) directory_unsynced_ = true;  // the file may be new
  }
  if (std::exchange(metadata_unsynced_, false)) {
    MOLDAU_ASSIGN(auto file,
                  services_.fs.open(file_names::join(directory_, file_names::partition_metadata),
                                    FileSystem::Open::read_write));
    files.push_back(std::move(file));
  }
  directory = std::exchange(directory_unsynced_, false);
  return {};
}

// Files are opened again when they are synced: thousands of new logs must not hold thousands of them.
void PartitionLog::note_created() {
  active_unsynced_ = directory_unsynced_ = metadata_unsynced_ = true;
}

LogState PartitionLog::state() const {
  if (damaged_) return *damaged_;
  LogState state;
  state.name = name_;
  state.topic_id = topic_id_;
  state.applied = applied_;
  state.segment = active_->state();
  state.producers = flushed_producers_;
  MutexLock lock(mutex_);
  // A start above what is flushed is in the lane, behind the batches up to it.
  state.start = std::min(start_, state.segment.end);
  state.epochs = epochs_.below(flushed_end_);
  for (const auto& segment : segments_) {
    const auto known = segment->state();
    if (!known.txns.is_empty()) state.txns->emplace(segment->base_offset(), known.txns);
    if (segment != active_ && known.indexes_known && known.offsets.crc && known.times.crc)
      state.closed.emplace(segment->base_offset(), LogState::Closed{known.end, known.size, known.offsets, known.times});
  }
  state.dense = is_dense();
  return state;
}

bool PartitionLog::is_dense() const { return !options_.compact_policy && cleaned_end_.value() < 0; }

bool PartitionLog::drop_tail(std::size_t bytes_max) {
  MutexLock lock(mutex_);
  const std::size_t dropped = tail_.drop_flushed(bytes_max);
  services_.flush.tail_bytes.fetch_sub(static_cast<std::int64_t>(dropped));
  return tail_.flushed_count() > 0;
}

void PartitionLog::expire_producers(std::int64_t now_ms) {
  MutexLock lock(mutex_);
  producers_.expire(now_ms, options_.producer_id_expiration_ms);
  flushed_producers_.expire(now_ms, options_.producer_id_expiration_ms);
}

bool PartitionLog::restore_indexes() {
  if (active_ == nullptr || offline()) return false;
  for (const auto& segment : segments()) {
    if (segment == active_) continue;
    const auto restored = segment->restore_indexes();
    if (restored && !*restored) continue;
    // Whatever is in the way: look-ups do without them.
    if (!restored) log::warn("storage.index_not_rebuilt", "{}", base::to_string(restored.error()));
    if (restored) finished_now_ = true;
    return true;
  }
  return false;
}

base::Result<std::uint64_t> PartitionLog::scrub(ScrubPlace& place, std::uint64_t bytes_max) {
  SegmentPtr segment;
  bool is_active = false;
  {
    MutexLock lock(mutex_);
    if (offline_) {
      place = {no_offset, 0, {}};
      return 0;
    }
    const auto at = std::partition_point(segments_.begin(), segments_.end(),
                                         [&](const SegmentPtr& s) { return s->base_offset() < place.segment; });
    if (at == segments_.end()) {
      place = {no_offset, 0, {}};
      return 0;
    }
    segment = *at;
    is_active = std::next(at) == segments_.end();
  }
  if (place.in.lock() != segment) place = {segment->base_offset(), 0, segment};
  if (place.position == 0 && !is_active) segment->look_through_indexes();
  const std::uint64_t begin = place.position;
  const std::uint64_t size = segment->size();
  if (begin > size) place = {segment->base_offset(), 0, {}};  // it was cut
  if (begin > size) return 0;
  MOLDAU_ASSIGN(place.position, noting_damage(segment->look_through(begin, std::min(size, begin + bytes_max))));
  const std::uint64_t seen = place.position - begin;
  if (place.position >= size) place = {segment->base_offset() + 1, 0, {}};
  return seen;
}

base::Status PartitionLog::finish(Segment::Files& to_sync) {
  if (damaged_) return {};
  while (restore_indexes()) continue;
  if (finished_) return {};
  MOLDAU_TRY(load_txn_index(active_));
  MOLDAU_TRY(active_->finish(to_sync));
  std::vector<EpochStart> epochs;
  Offset end{};
  {
    MutexLock lock(mutex_);
    // An epoch that begins at the end is told too, as Kafka does: after DeleteRecords of everything it is
    // the only one.
    epochs = epochs_.below(end_ + 1);
    end = end_;
  }
  // Kafka writes one also when there is no producer: it saves the next start a scan.
  if (end.value() > 0 && last_snapshot_ != end) MOLDAU_TRY(write_snapshot(end, to_sync));
  if (epochs != epochs_on_disk_) {
    MOLDAU_TRY(write_whole(services_.fs, file_names::join(directory_, file_names::leader_epochs),
                           encode_leader_epochs(epochs)));
    epochs_on_disk_ = std::move(epochs);
  }
  finished_ = finished_now_ = true;
  return {};
}

// ---- Truncation and recovery.

base::Status PartitionLog::truncate_to(Offset end) { return services_.truncate(*this, end); }

base::Result<Lsn> PartitionLog::truncate_memory(Offset end) {
  MutexLock lock(mutex_);
  MOLDAU_TRY(check_online());
  if (end < start_) return fail(Errc::offset_out_of_range, "a log is not cut below its start");
  if (end >= end_) return Lsn{0};
  LaneEntry entry;
  entry.kind = lane_format::Kind::truncation;
  entry.partition = {topic_id_, name_.partition};
  entry.value = end.value();
  MOLDAU_ASSIGN(const Lsn lsn, services_.lane.push(std::move(entry)));
  truncated_at_ = lsn;
  truncated_to_ = end;
  // A batch that straddles the end goes whole.
  services_.flush.tail_bytes.fetch_sub(static_cast<std::int64_t>(tail_.truncate(end)));
  return lsn;
}

base::Status PartitionLog::truncate_files(Offset end, Lsn lsn) {
  std::vector<SegmentPtr> kept = segments();
  while (kept.size() > 1 && kept.back()->base_offset() >= end) {
    MOLDAU_TRY(kept.back()->remove_files());
    kept.pop_back();
    directory_unsynced_ = true;
  }
  active_ = kept.back();
  MOLDAU_TRY(load_txn_index(active_));
  MOLDAU_ASSIGN(const auto place, active_->locate(end, true));
  if (place.found) {
    end = std::min(end, place.header.base_offset);
    MOLDAU_TRY(active_->truncate(place.position, end));
  } else {
    end = std::min(end, std::max(active_->end_offset(), active_->base_offset()));
  }
  active_unsynced_ = true;
  finished_ = false;
  applied_ = lsn;
  {
    MutexLock lock(mutex_);
    segments_ = std::move(kept);
    Offset tail_end = tail_.empty() ? end : tail_[tail_.size() - 1].last_offset + 1;
    end_ = std::max(end, tail_end);
    flushed_end_ = std::min(flushed_end_, end);
    durable_end_ = std::min(durable_end_, end_);
    truncated_to_ = end_;
    epochs_.truncate_from_end(end_);
    start_ = std::min(start_, end_);
    const Offset new_end = end_;
    forget(unindexed_, [&](Offset marker) { return marker >= new_end; });
    forget(undecided_, [&](Offset marker) { return marker >= new_end; });
  }
  MOLDAU_ASSIGN(const auto names, services_.fs.list(directory_));
  for (const auto& name : names)
    if (const auto at = file_names::parse_offset(name, file_names::snapshot_suffix); at && *at > end)
      MOLDAU_TRY(services_.fs.remove(file_names::join(directory_, name)));
  return reload_producers(end);
}

base::Status PartitionLog::reload_producers(Offset end) {
  MOLDAU_ASSIGN(auto state, load_producers(services_.fs, directory_, segments(), end));
  flushed_producers_ = state;
  MutexLock lock(mutex_);
  for (std::size_t i = tail_.flushed_count(); i < tail_.size(); ++i) {
    const auto header = BatchHeader::parse(tail_[i].bytes.view());
    MOLDAU_ASSIGN(const auto facts, ProducerFacts::of(tail_[i].bytes.view(), *header));
    if (facts) state.apply(*facts);
  }
  producers_ = std::move(state);
  return {};
}

base::Status PartitionLog::replay(const LaneRecord& record) {
  if (record.lsn <= applied_ || active_ == nullptr) return {};
  switch (record.kind) {
    case lane_format::Kind::batch: {
      const auto header = BatchHeader::parse(record.bytes);
      if (!header || header->size != record.bytes.size())
        return fail(Errc::damaged, "the lane holds something that is no batch");
      MutexLock lock(mutex_);
      if (record.value != end_.value() || header->base_offset < end_)
        return fail(Errc::damaged,
                    fmt::format("the lane continues {} at offset {}, but its files end at {}",
                                file_names::of_partition(name_), record.value, end_.value()));
      MOLDAU_ASSIGN(const auto facts, ProducerFacts::of(record.bytes, *header));
      if (facts) note_producer(*facts);
      epochs_.assign(header->leader_epoch, header->base_offset);
      tail_.push({header->base_offset, header->last_offset, record.lsn,
                  base::SharedBytes::copy_of(record.bytes)});
      unflushed_bytes_ += record.bytes.size();
      services_.flush.tail_bytes.fetch_add(static_cast<std::int64_t>(record.bytes.size()));
      services_.flush.unflushed_bytes.fetch_add(static_cast<std::int64_t>(record.bytes.size()));
      end_ = durable_end_ = header->next_offset();
      undecided_.clear();
      return {};
    }
    case lane_format::Kind::log_start: {
      MutexLock lock(mutex_);
      start_ = std::max(start_, Offset{record.value});
      epochs_.truncate_from_start(start_);
      return {};
    }
    case lane_format::Kind::truncation: {
      MOLDAU_TRY(flush(services_.clock.wall_ms()));
      release_memory();
      return truncate_files(Offset{record.value}, record.lsn);
    }
    default: return {};
  }
}

void PartitionLog::replay_ended() {
  applied_ = Lsn{0};
  release_memory();
  MutexLock lock(mutex_);
  waits_for_flush_ = false;
  if (segments_.empty() || segments_.front()->base_offset() <= start_) return;
  // Retention makes a new start durable before it touches a file: somebody else took these.
  log::error("storage.segments_missing", "{}: its files begin at offset {}, and {} was its start",
             file_names::of_partition(name_), segments_.front()->base_offset().value(), start_.value());
  start_ = segments_.front()->base_offset();
}

base::Status PartitionLog::check_closed(const LogState& known) const {
  if (!known.dense) return {};
  MutexLock lock(mutex_);
  for (const auto& [base, closed] : known.closed) {
    if (closed.end <= start_) continue;  // retention may have taken it
    const auto segment = std::find_if(segments_.begin(), segments_.end(),
                                      [at = base](const SegmentPtr& s) { return s->base_offset() == at; });
    const std::uint64_t size = segment == segments_.end() ? 0 : (*segment)->size();
    if (size == closed.size) continue;
    return fail(Errc::damaged, fmt::format("{} holds {} bytes; it had {}",
                                           file_names::of_offset(directory_, base, file_names::log_suffix), size,
                                           closed.size));
  }
  return {};
}

}  // namespace moldau::storage
