#include "compactor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "file_names.hpp"
#include "moldau/record/batch_view.hpp"
#include "moldau/record/record_iterator.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;
using record::BatchView;

namespace {
constexpr std::size_t output_buffer_bytes = 1024 * 1024;
constexpr std::int64_t segment_offsets_max = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t segment_bytes_max = std::numeric_limits<std::int32_t>::max();
}  // namespace

Compactor::AbortedSet::AbortedSet(const std::vector<TxnIndexEntry>& transactions) {
  for (const auto& txn : transactions) by_marker_[txn.producer_id][txn.last_offset] = txn;
}

const TxnIndexEntry* Compactor::AbortedSet::find(const BatchHeader& batch) const {
  if (!batch.is_transactional()) return nullptr;
  const auto producer = by_marker_.find(batch.producer_id);
  if (producer == by_marker_.end()) return nullptr;
  const auto txn = producer->second.lower_bound(batch.base_offset);
  if (txn == producer->second.end() || txn->second.first_offset > batch.base_offset) return nullptr;
  return &txn->second;
}

base::Result<std::optional<Compacted>> Compactor::compact(PartitionLog& log, const Cleanable& range,
                                                          const Replace& replace) {
  using Answer = std::optional<Compacted>;
  MOLDAU_ASSIGN(const auto plan, log.plan_compaction(range));
  const AbortedSet aborted(plan.aborted);
  MOLDAU_ASSIGN(const bool read, read_keys(plan, aborted));
  if (!read) return Answer{};
  result_.log = log.topic_partition();
  result_.end = decided_;
  result_.keys = keys_.size();
  for (const auto& group : groups(plan)) {
    MOLDAU_ASSIGN(const bool done, compact_group(group, plan, aborted, replace));
    if (!done) return Answer{};
  }
  return Answer{result_};
}

// ---- Keys.

base::Result<bool> Compactor::read_keys(const CompactionPlan& plan, const AbortedSet& aborted) {
  const Cleanable& range = plan.range;
  decided_ = range.first_dirty;
  for (const auto& segment : plan.segments) {
    if (segment->end_offset() <= range.first_dirty) continue;
    MOLDAU_ASSIGN(const auto first, segment->locate(range.first_dirty, true));
    if (!first.found) continue;
    MOLDAU_ASSIGN(auto scanner, segment->scan(first.position));
    for (;;) {
      MOLDAU_ASSIGN(const auto step, scanner.next());
      if (step == BatchScanner::Step::corrupt)
        return fail(Errc::damaged, fmt::format("{} has no batch at byte {}", segment->path(file_names::log_suffix),
                                               scanner.position()));
      if (step != BatchScanner::Step::batch || scanner.header().last_offset >= range.end) break;
      if (control_.is_stopped()) return false;
      control_.pace(scanner.header().size);
      if (!scanner.header().is_control() && aborted.find(scanner.header()) == nullptr) {
        MOLDAU_ASSIGN(const auto bytes, scanner.batch_bytes());
        MOLDAU_ASSIGN(const bool all, read_keys(scanner.header(), *bytes, range));
        if (!all) return true;
      }
      decided_ = scanner.header().next_offset();
    }
  }
  decided_ = range.end;
  return true;
}

base::Result<bool> Compactor::read_keys(const BatchHeader& header, base::ByteView bytes, const Cleanable& range) {
  MOLDAU_ASSIGN(const auto view, BatchView::parse(bytes, BatchView::Check::crc));
  if (view.record_count() == 0) return true;
  MOLDAU_ASSIGN(auto records, record::RecordIterator::open(view));
  for (;;) {
    MOLDAU_ASSIGN(const auto record, records.next());
    if (!record) return true;
    if (!record->key || record->offset < range.first_dirty) continue;
    if (!keys_.put(*record->key, record->offset)) return false;
    // A round that ends here has at least this record.
    decided_ = std::min(record->offset + 1, header.next_offset());
  }
}

// ---- Segments.

std::vector<Compactor::Segments> Compactor::groups(const CompactionPlan& plan) const {
  std::vector<Segments> result;
  const std::uint64_t bytes_max = std::min(plan.options.segment_bytes, segment_bytes_max);
  std::uint64_t bytes = 0;
  for (const auto& segment : plan.segments) {
    if (segment->base_offset() >= decided_) break;
    const bool fits = !result.empty() && bytes + segment->size() <= bytes_max &&
                      segment->end_offset() - result.back().front()->base_offset() <= segment_offsets_max;
    if (!fits) {
      result.emplace_back();
      bytes = 0;
    }
    bytes += segment->size();
    result.back().push_back(segment);
  }
  return result;
}

base::Result<bool> Compactor::compact_group(const Segments& group, const CompactionPlan& plan,
                                            const AbortedSet& aborted, const Replace& replace) {
  Segment& first = *group.front();
  const auto path = first.path(file_names::log_suffix) + std::string(file_names::cleaned_suffix);
  Output output;
  MOLDAU_ASSIGN(output.file, fs_.open(path, FileSystem::Open::create));
  const auto make = [&]() -> base::Result<std::shared_ptr<Segment>> {
    MOLDAU_TRY(output.file->truncate(0));
    std::uint64_t before = 0;
    for (const auto& segment : group) {
      before += segment->size();
      MOLDAU_TRY(compact_segment(*segment, segment == group.back(), plan, aborted, output));
      if (stopped_) return std::shared_ptr<Segment>();
    }
    result_.bytes_before += before;
    result_.bytes_after += output.size;
    if (group.size() == 1 && !output.changed) return std::shared_ptr<Segment>();
    MOLDAU_TRY(flush(output));
    if (sync_) MOLDAU_TRY(output.file->sync());
    MOLDAU_ASSIGN(auto segment,
                  Segment::adopt(fs_, first.directory(), first.base_offset(), group.back()->end_offset(), output.file,
                                 output.size, now_ms_));
    segment->set_txn_index(output.aborted);
    return segment;
  };
  auto made = make();
  base::Result<bool> done = false;
  if (!made)
    done = made.error();
  else if (*made != nullptr)
    done = replace(group, *made);
  else
    done = !stopped_;
  const bool used = made.has_value() && *made != nullptr && done.has_value() && *done;
  if (!used) (void)fs_.remove(path);  // it may be renamed already, when that failed
  return done;
}

base::Status Compactor::compact_segment(Segment& segment, bool is_last, const CompactionPlan& plan,
                                        const AbortedSet& aborted, Output& output) {
  MOLDAU_ASSIGN(auto scanner, segment.scan(0));
  const std::uint64_t size = segment.size();
  for (;;) {
    MOLDAU_ASSIGN(const auto step, scanner.next());
    if (step == BatchScanner::Step::corrupt)
      return fail(Errc::damaged, fmt::format("{} has no batch at byte {}", segment.path(file_names::log_suffix),
                                             scanner.position()));
    if (step != BatchScanner::Step::batch) return {};
    stopped_ = control_.is_stopped();
    if (stopped_) return {};
    control_.pace(scanner.header().size);
    MOLDAU_ASSIGN(const auto bytes, scanner.batch_bytes());
    const bool ends_segment = is_last && scanner.position() + scanner.header().size == size;
    MOLDAU_TRY(compact_batch(scanner.header(), *bytes, ends_segment, plan, aborted, output));
  }
}

base::Status Compactor::compact_batch(const BatchHeader& header, base::ByteView bytes, bool is_last,
                                      const CompactionPlan& plan, const AbortedSet& aborted, Output& output) {
  MOLDAU_ASSIGN(const auto view, BatchView::parse(bytes, BatchView::Check::crc));
  const TxnIndexEntry* txn = aborted.find(header);
  if (header.base_offset >= decided_) {
    if (header.is_control() && txn != nullptr) output.aborted.push_back(*txn);
    return write(output, bytes);
  }
  const auto horizon = view.delete_horizon_ms();
  const bool expired = horizon && *horizon <= now_ms_;
  // A marker is worth nothing once none of its transaction's batches were seen before it.
  const bool without_data =
      header.is_control() && header.has_producer() && !with_data_.contains(header.producer_id);
  const bool drops_all = header.is_control() ? without_data && expired : txn != nullptr;
  const auto producer = plan.producers.find(header.producer_id);
  const bool is_producers_last =
      header.has_producer() && producer != plan.producers.end() &&
      (producer->second.last_data != no_offset
           ? producer->second.last_data == header.last_offset
           : header.is_control() && producer->second.epoch == header.producer_epoch);
  record::FilterOptions options;
  options.keep_empty = is_producers_last || is_last;
  options.needs_horizon = without_data;
  options.delete_horizon_ms = now_ms_ + plan.options.delete_retention_ms;
  if (options.delete_horizon_ms < now_ms_) options.delete_horizon_ms = std::numeric_limits<std::int64_t>::max();
  const auto keep = [&](const record::Record& record) {
    if (drops_all) return false;
    if (header.is_control() || record.offset >= decided_) return true;
    if (!record.key) return false;  // no compacted topic takes one
    const auto newest = keys_.find(*record.key);
    if (newest && *newest > record.offset) return false;
    return record.value || !expired;
  };
  MOLDAU_ASSIGN(const auto filtered, record::filter_batch(view, options, keep));
  if (header.is_transactional() && !header.is_control()) {
    with_data_.insert(header.producer_id);
  } else if (header.is_control()) {
    // Who reads the old segments still has the transaction's records before it: the index goes on telling of it.
    if (txn != nullptr && !without_data && filtered.kept > 0) output.aborted.push_back(*txn);
    with_data_.erase(header.producer_id);
  }
  if (filtered.what == record::FilteredBatch::What::unchanged) return write(output, bytes);
  output.changed = true;
  if (filtered.what == record::FilteredBatch::What::removed) return {};
  return write(output, filtered.bytes.view());
}

base::Status Compactor::write(Output& output, base::ByteView bytes) {
  if (output.buffer.size() + bytes.size() > output_buffer_bytes) MOLDAU_TRY(flush(output));
  output.buffer.insert(output.buffer.end(), bytes.begin(), bytes.end());
  output.size += bytes.size();
  control_.pace(bytes.size());
  return {};
}

base::Status Compactor::flush(Output& output) {
  if (output.buffer.empty()) return {};
  MOLDAU_TRY(output.file->write(output.size - output.buffer.size(), base::ByteView(output.buffer)));
  output.buffer.clear();
  return output.writeback.grown(*output.file, output.size);
}

}  // namespace moldau::storage
