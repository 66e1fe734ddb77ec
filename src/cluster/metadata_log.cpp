#include "cluster/metadata_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "moldau/base/log.hpp"
#include "moldau/metadata/controller.hpp"
#include "moldau/metadata/features.hpp"
#include "moldau/metadata/image_builder.hpp"
#include "moldau/record/batch_format.hpp"

namespace moldau::cluster {
namespace {

using base::ByteView;
using base::Errc;
using base::fail;
using base::Result;
using base::SharedBytes;
using base::Status;
using record::BatchView;

/// Largest batch that is read: Kafka writes up to 8 MiB
/// (internal.metadata.max.batch.size.in.bytes).
constexpr std::size_t batch_bytes_max = 64 * 1024 * 1024;
constexpr std::size_t read_bytes = 1024 * 1024;
constexpr std::string_view metadata_directory = "/__cluster_metadata-0";
constexpr std::string_view bootstrap_file = "/bootstrap.checkpoint";

/// Goes through the batches of a file with one buffer.
class BatchFile {
 public:
  BatchFile(std::shared_ptr<storage::File> file, std::uint64_t size)
      : file_(std::move(file)), size_(size) {}

  /// The batch at position(); nullopt at the end, and where the bytes are no whole batch (then
  /// position() < size()).
  Result<std::optional<BatchView>> next() {
    std::size_t wanted = record::batch_format::length_overhead;
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (position_ + wanted > size_) return std::optional<BatchView>{};
      MOLDAU_TRY(fill(wanted));
      wanted = record::batch_size(rest(), batch_bytes_max);
      if (wanted == 0) return std::optional<BatchView>{};
      if (wanted <= rest().size()) break;
    }
    if (wanted > rest().size()) return std::optional<BatchView>{};
    auto batch = BatchView::parse(rest(), BatchView::Check::crc);
    if (!batch) return std::optional<BatchView>{};
    return std::optional<BatchView>{*batch};
  }
  void skip(const BatchView& batch) { position_ += batch.size(); }
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  [[nodiscard]] ByteView rest() const {
    return ByteView(buffer_).subspan(static_cast<std::size_t>(position_ - start_));
  }
  /// Has at least `bytes` at position() in the buffer, where the file has them.
  Status fill(std::size_t bytes) {
    if (position_ >= start_ && position_ - start_ + bytes <= buffer_.size()) return {};
    start_ = position_;
    buffer_.resize(std::max(bytes, read_bytes));
    MOLDAU_ASSIGN(const std::size_t count, file_->read(position_, buffer_));
    buffer_.resize(count);
    return {};
  }

  std::shared_ptr<storage::File> file_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
  std::uint64_t start_ = 0;  // of the buffer
  std::vector<std::uint8_t> buffer_;
};

Status damaged(const std::string& path, std::uint64_t position, std::string_view what) {
  return fail(Errc::damaged, fmt::format("{}: {} at position {}; nothing was changed. Restore the "
                                         "file, or start from a copy of the directory",
                                         path, what, position));
}

/// Whether a whole batch of at least that offset begins anywhere in `bytes`.
bool holds_batch(ByteView bytes, Offset next) {
  for (std::size_t at = 0; at + record::batch_format::header_bytes <= bytes.size(); ++at) {
    const ByteView rest = bytes.subspan(at);
    if (rest[record::batch_format::magic_at] != record::batch_format::magic) continue;
    const auto offset = base::load_be<std::int64_t>(rest.data());
    if (offset < next.value() || offset - next.value() > INT32_MAX) continue;
    if (BatchView::parse(rest, BatchView::Check::crc)) return true;
  }
  return false;
}


}  // namespace

MetadataLog::MetadataLog(storage::FileSystem& fs, MetadataLogOptions options, base::Clock& clock)
    : fs_(fs),
      options_(std::move(options)),
      clock_(clock),
      directory_(options_.log_dir + std::string(metadata_directory)) {}

Result<std::unique_ptr<MetadataLog>> MetadataLog::open(storage::FileSystem& fs,
                                                       MetadataLogOptions options,
                                                       base::Clock& clock) {
  std::unique_ptr<MetadataLog> log(new MetadataLog(fs, std::move(options), clock));
  MOLDAU_TRY(log->read());
  MOLDAU_TRY(log->begin_term());
  return log;
}

BatchStamp MetadataLog::stamp(Offset offset) const {
  return {offset, epoch_, clock_.wall_ms()};
}

VotersRecord MetadataLog::own_voters() const {
  VotersRecord::Voter voter;
  voter.voter_id = options_.node_id.value();
  voter.voter_directory_id = options_.directory_id;
  const metadata::Endpoint& endpoint = options_.controller_endpoint;
  voter.endpoints.push_back({endpoint.name, endpoint.host, endpoint.port});
  voter.kraft_version_feature = {0, 1};
  VotersRecord record;
  record.voters.push_back(std::move(voter));
  return record;
}

// Opening.

Status MetadataLog::read() {
  MOLDAU_TRY(fs_.make_directory(directory_));
  MOLDAU_TRY(fs_.sync_directory(options_.log_dir));
  MOLDAU_ASSIGN(const MetadataFiles files, list_metadata_files(fs_, directory_));
  MOLDAU_ASSIGN(const auto state, read_quorum_state(fs_, directory_));
  MetadataReplay replay;
  if (!files.snapshots.empty()) MOLDAU_TRY(read_snapshot(files.snapshots.back(), replay));
  const Offset start = replay.next_offset();
  const std::size_t voters_in_snapshot = replay.voters_records();
  MOLDAU_TRY(read_segments(files, replay));
  MOLDAU_TRY(check_voters(replay.quorum()));

  quorum_ = replay.quorum();
  voters_in_log_ = start > Offset{0} || replay.voters_records() > voters_in_snapshot;
  next_offset_ = replay.next_offset();
  epoch_ = std::max(replay.epoch(), state ? state->leader_epoch : 0);
  last_timestamp_ms_ = replay.timestamp_ms();
  transaction_open_ = replay.in_transaction();
  replay.abort_transaction();
  opened_image_ = replay.build();
  // From here on the directory is changed: it was found to be ours and readable.
  for (const std::string& name : files.leftovers) MOLDAU_TRY(fs_.remove(path(name)));
  if (tail_) MOLDAU_TRY(cut_tail());
  if (replay.data_records() == 0) MOLDAU_TRY(read_bootstrap());
  if (files.segments.empty()) return create(files);
  // Kafka makes its indexes anew; what is left of them would not fit what is appended here.
  for (const std::string& name : files.derived) MOLDAU_TRY(fs_.remove(path(name)));
  return {};
}

Status MetadataLog::read_snapshot(SnapshotId id, MetadataReplay& replay) {
  const std::string name = path(snapshot_name(id));
  MOLDAU_ASSIGN(auto file, fs_.open(name, storage::FileSystem::Open::read));
  MOLDAU_ASSIGN(const std::uint64_t size, file->size());
  BatchFile batches(std::move(file), size);
  while (true) {
    MOLDAU_ASSIGN(const auto batch, batches.next());
    if (!batch) break;
    MOLDAU_TRY(replay.apply(*batch));
    batches.skip(*batch);
  }
  if (batches.position() != size || !replay.saw_footer()) {
    return damaged(name, batches.position(), "the snapshot has no end");
  }
  replay.end_snapshot(id.end, id.epoch);
  return {};
}

Status MetadataLog::read_segments(const MetadataFiles& files, MetadataReplay& replay) {
  const Offset start = replay.next_offset();
  if (files.segments.empty()) {
    if (start == Offset{0}) return {};
    return fail(Errc::damaged, fmt::format("{}: there is a snapshot up to offset {} and no log",
                                           directory_, start.value()));
  }
  auto segment = std::ranges::upper_bound(files.segments, start);
  if (segment == files.segments.begin()) {
    return fail(Errc::damaged, fmt::format("{}: records from offset {} on are missing; the first "
                                           "segment begins at {}",
                                           directory_, start.value(), segment->value()));
  }
  for (--segment; segment != files.segments.end(); ++segment) {
    MOLDAU_TRY(read_segment(*segment, segment + 1 == files.segments.end(), replay));
  }
  return {};
}

Status MetadataLog::read_segment(Offset base, bool is_last, MetadataReplay& replay) {
  const std::string name = path(segment_name(base));
  MOLDAU_ASSIGN(auto file, fs_.open(name, storage::FileSystem::Open::read_write));
  MOLDAU_ASSIGN(const std::uint64_t size, file->size());
  BatchFile batches(file, size);
  while (true) {
    MOLDAU_ASSIGN(const auto batch, batches.next());
    if (!batch) break;
    // What the snapshot has already is passed over.
    if (batch->next_offset() > replay.next_offset()) {
      if (batch->base_offset() != replay.next_offset()) {
        return damaged(name, batches.position(),
                       fmt::format("offset {} where {} was expected", batch->base_offset().value(),
                                   replay.next_offset().value()));
      }
      MOLDAU_TRY(replay.apply(*batch));
      bytes_since_snapshot_ += batch->size();
    }
    batches.skip(*batch);
  }
  if (batches.position() != size) {
    if (!is_last) return damaged(name, batches.position(), "no whole batch");
    MOLDAU_TRY(check_tail(name, *file, batches.position(), size, replay.next_offset()));
    tail_ = size;
  }
  if (is_last) {
    file_ = std::move(file);
    position_ = batches.position();
  }
  return {};
}

Status MetadataLog::check_tail(const std::string& name, const storage::File& file,
                               std::uint64_t position, std::uint64_t size, Offset next) const {
  // A group is written after the one before it was synced: a whole batch behind a broken one says
  // that the broken one was durable.
  std::vector<std::uint8_t> tail(
      static_cast<std::size_t>(std::min<std::uint64_t>(size - position, batch_bytes_max)));
  MOLDAU_ASSIGN(const std::size_t count, file.read(position, tail));
  tail.resize(count);
  if (holds_batch(tail, next)) return damaged(name, position, "a broken batch before whole ones");
  return {};
}

Status MetadataLog::cut_tail() {
  log::warn("metadata.torn_tail", "{}: cut {} bytes of an unfinished write at position {}",
            directory_, *tail_ - position_, position_);
  MOLDAU_TRY(file_->truncate(position_));
  if (options_.sync) MOLDAU_TRY(file_->sync());
  return {};
}

Status MetadataLog::check_voters(const QuorumView& quorum) const {
  const auto foreign = [&](std::string_view voters) {
    return fail(Errc::foreign_directory,
                fmt::format("{}: the log belongs to a quorum of {}, and this is node {} alone. A "
                            "member's directory cannot be started as a single node",
                            directory_, voters, options_.node_id.value()));
  };
  if (quorum.voters) {
    const auto& voters = quorum.voters->voters;
    std::string names;
    for (const auto& voter : voters) names += fmt::format(" {}", voter.voter_id);
    const bool ours = voters.size() == 1 && voters[0].voter_id == options_.node_id.value() &&
                      (options_.directory_id.is_zero() || voters[0].voter_directory_id.is_zero() ||
                       voters[0].voter_directory_id == options_.directory_id);
    if (!ours) return foreign("voters" + names);
  }
  if (quorum.leadership && !quorum.voters) {
    const auto& voters = quorum.leadership->voters;
    std::string names;
    for (const auto& voter : voters) names += fmt::format(" {}", voter.voter_id);
    if (voters.size() != 1 || voters[0].voter_id != options_.node_id.value()) {
      return foreign("voters" + names);
    }
  }
  return {};
}

Status MetadataLog::read_bootstrap() {
  const std::string name = options_.log_dir + std::string(bootstrap_file);
  auto file = fs_.open(name, storage::FileSystem::Open::read);
  if (!file && file.error().code != Errc::not_found) return file.error();
  if (!file) {
    bootstrap_records_.emplace_back(
        metadata::FeatureLevelRecord{"metadata.version", metadata::metadata_version_max});
    bootstrap_records_.emplace_back(
        metadata::FeatureLevelRecord{metadata::eligible_leader_replicas, 1});
    bootstrap_records_.emplace_back(metadata::FeatureLevelRecord{metadata::group_version, 1});
    bootstrap_records_.emplace_back(
        metadata::FeatureLevelRecord{metadata::transaction_version, 2});
    return {};
  }
  formatted_by_kafka_ = true;
  MOLDAU_ASSIGN(const std::uint64_t size, (*file)->size());
  BatchFile batches(*file, size);
  MetadataReplay replay;
  while (true) {
    MOLDAU_ASSIGN(const auto batch, batches.next());
    if (!batch) break;
    MOLDAU_TRY(replay.apply(*batch));
    batches.skip(*batch);
  }
  if (batches.position() != size) return damaged(name, batches.position(), "no whole batch");
  bootstrap_records_ = metadata::image_records(*replay.build());
  return {};
}

// A new directory.

Status MetadataLog::create(const MetadataFiles& files) {
  // A formatter that left no voters means a static quorum: kraft.version 0.
  if (files.snapshots.empty() && !formatted_by_kafka_) {
    quorum_.kraft_version = 1;
    quorum_.voters = own_voters();
    metadata::ImageBuilder image(opened_image_);
    image.apply_kraft_version(quorum_.kraft_version);
    opened_image_ = image.build(opened_image_->offset(), opened_image_->epoch()).image;
    const auto header = ControlBatch({Offset{0}, 0, clock_.wall_ms()})
                            .add(SnapshotHeaderRecord{})
                            .add(KRaftVersionRecord{0, 1})
                            .add(*quorum_.voters)
                            .build();
    const auto footer =
        ControlBatch({Offset{3}, 0, clock_.wall_ms()}).add(SnapshotFooterRecord{}).build();
    MOLDAU_TRY(write_file(path(snapshot_name({})), {header, footer}));
  }
  if (!formatted_by_kafka_) MOLDAU_TRY(write_bootstrap());
  MOLDAU_TRY(write_partition_metadata(fs_, directory_));
  MOLDAU_ASSIGN(file_,
                fs_.open(path(segment_name(next_offset_)), storage::FileSystem::Open::create));
  MOLDAU_TRY(file_->truncate(0));
  return fs_.sync_directory(directory_);
}

Status MetadataLog::write_bootstrap() {
  const std::int64_t now = clock_.wall_ms();
  const auto count = static_cast<std::int64_t>(bootstrap_records_.size());
  const auto control = [&](Offset offset) { return ControlBatch({offset, 0, now}); };
  return write_file(options_.log_dir + std::string(bootstrap_file),
                    {control(Offset{0}).add(SnapshotHeaderRecord{}).build(),
                     data_batch({Offset{1}, 0, now}, bootstrap_records_),
                     control(Offset{1 + count}).add(SnapshotFooterRecord{}).build()});
}

Status MetadataLog::write_file(const std::string& name, const std::vector<SharedBytes>& parts) {
  const std::string unfinished = name + ".part";
  {
    MOLDAU_ASSIGN(auto file, fs_.open(unfinished, storage::FileSystem::Open::create));
    MOLDAU_TRY(file->truncate(0));
    std::vector<ByteView> views;
    for (const SharedBytes& part : parts) views.push_back(part.view());
    MOLDAU_TRY(file->write(0, views));
    MOLDAU_TRY(file->sync());
  }
  MOLDAU_TRY(fs_.rename(unfinished, name));
  return fs_.sync_directory(name.substr(0, name.rfind('/')));
}

Status MetadataLog::begin_term() {
  ++epoch_;
  MOLDAU_TRY(write_quorum_state(fs_, directory_, options_.node_id, epoch_, quorum_.kraft_version));
  LeaderChangeRecord change;
  change.leader_id = options_.node_id.value();
  change.voters.push_back({options_.node_id.value(), {}});
  change.granting_voters = change.voters;
  ControlBatch batch(stamp(next_offset_));
  batch.add(change);
  if (quorum_.voters && !voters_in_log_) {
    batch.add(KRaftVersionRecord{0, quorum_.kraft_version}).add(*quorum_.voters);
  }
  const Offset start = next_offset_;
  const std::int32_t count = batch.record_count();
  // Before the batch: a term that then never began is overwritten by the next, one left out stays out.
  MOLDAU_TRY(add_leader_epoch(fs_, directory_, epoch_, start));
  MOLDAU_TRY(write(batch.build()));
  next_offset_ = start + count;
  voters_in_log_ = true;
  if (transaction_open_) {
    MOLDAU_ASSIGN(const Offset last, append({metadata::AbortTransactionRecord{"node started"}}));
    (void)last;
    transaction_open_ = false;
  }
  last_snapshot_ms_ = clock_.wall_ms();
  return {};
}

// Appending.

Status MetadataLog::write(SharedBytes batch) {
  if (failed_) return *failed_;
  Status status = file_->write(position_, batch.view());
  if (status && options_.sync) status = file_->sync();
  if (!status) {
    failed_ = status.error();
    return status;
  }
  position_ += batch.size();
  bytes_since_snapshot_ += batch.size();
  last_timestamp_ms_ = clock_.wall_ms();
  return {};
}

Result<Offset> MetadataLog::append(const std::vector<metadata::MetadataRecord>& records) {
  MOLDAU_TRY(write(data_batch(stamp(next_offset_), records)));
  next_offset_ = next_offset_ + static_cast<std::int64_t>(records.size());
  return next_offset_ - 1;
}

// Snapshots.

Status MetadataLog::snapshot_when_due(const metadata::MetadataImage& image) {
  const bool large = bytes_since_snapshot_ >= options_.bytes_between_snapshots;
  const bool old = options_.ms_between_snapshots > 0 && bytes_since_snapshot_ > 0 &&
                   clock_.wall_ms() - last_snapshot_ms_ >= options_.ms_between_snapshots;
  if (!large && !old) return {};
  return snapshot(image);
}

Status MetadataLog::snapshot(const metadata::MetadataImage& image) {
  const SnapshotId id{next_offset_, epoch_};
  const std::int64_t now = clock_.wall_ms();
  std::vector<SharedBytes> parts;
  ControlBatch header({Offset{0}, epoch_, now});
  header.add(SnapshotHeaderRecord{0, last_timestamp_ms_});
  if (quorum_.voters) {
    header.add(KRaftVersionRecord{0, quorum_.kraft_version}).add(*quorum_.voters);
  }
  Offset next{header.record_count()};
  parts.push_back(header.build());
  constexpr std::size_t records_per_batch = 1000;
  const std::vector<metadata::MetadataRecord> records = metadata::image_records(image);
  for (std::size_t at = 0; at < records.size(); at += records_per_batch) {
    const std::size_t end = std::min(at + records_per_batch, records.size());
    const auto first = records.begin() + static_cast<std::ptrdiff_t>(at);
    const auto last = records.begin() + static_cast<std::ptrdiff_t>(end);
    parts.push_back(data_batch({next, epoch_, now}, {first, last}));
    next = next + static_cast<std::int64_t>(end - at);
  }
  parts.push_back(ControlBatch({next, epoch_, now}).add(SnapshotFooterRecord{}).build());
  MOLDAU_TRY(write_file(path(snapshot_name(id)), parts));
  bytes_since_snapshot_ = 0;
  last_snapshot_ms_ = now;
  MOLDAU_TRY(roll());
  MOLDAU_ASSIGN(const MetadataFiles files, list_metadata_files(fs_, directory_));
  return remove_old(files);
}

Status MetadataLog::roll() {
  if (position_ == 0) return {};
  MOLDAU_ASSIGN(auto file,
                fs_.open(path(segment_name(next_offset_)), storage::FileSystem::Open::create));
  MOLDAU_TRY(file->truncate(0));
  MOLDAU_TRY(fs_.sync_directory(directory_));
  file_ = std::move(file);
  position_ = 0;
  return {};
}

Status MetadataLog::remove_old(const MetadataFiles& files) {
  constexpr std::size_t snapshots_kept = 2;
  if (files.snapshots.size() <= snapshots_kept) return {};
  const std::size_t oldest = files.snapshots.size() - snapshots_kept;
  // Segments first: a log that begins before the oldest snapshot is whole, one that begins after it
  // is not.
  for (std::size_t i = 0; i + 1 < files.segments.size(); ++i) {
    if (files.segments[i + 1] > files.snapshots[oldest].end) break;
    MOLDAU_TRY(fs_.remove(path(segment_name(files.segments[i]))));
  }
  for (std::size_t i = 0; i < oldest; ++i) {
    MOLDAU_TRY(fs_.remove(path(snapshot_name(files.snapshots[i]))));
  }
  return {};
}

}  // namespace moldau::cluster
