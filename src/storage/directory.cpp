#include "directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compactor.hpp"
#include "directory_files.hpp"
#include "file_names.hpp"
#include "log_loader.hpp"
#include "moldau/base/log.hpp"
#include "offset_checkpoint.hpp"
#include "recovery.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;
using base::MutexLock;
using std::chrono::milliseconds;

namespace {

/// Durable batches are in a segment file after so long, however few they are.
constexpr milliseconds flush_age_max{1000};
constexpr std::uint64_t flush_bytes_min = 256 * 1024;
/// A commit waits at most so long for segments to catch up: they may not be able to (a full disk).
constexpr milliseconds behind_pause{200};
constexpr milliseconds expiry_interval{600'000};
/// Clocks are set by less than that.
constexpr milliseconds clock_jump_max{3'600'000};
constexpr milliseconds clock_distrust{86'400'000};
/// The room that is left is looked at this often while batches come, and while they are refused.
constexpr milliseconds space_interval{250};
/// What is left free when nobody said how much.
constexpr std::uint64_t free_bytes_min_standard = 1ULL << 30;
constexpr std::uint64_t free_part_min = 20;
constexpr std::string_view metadata_topic = "__cluster_metadata";

LogDirectoryOptions sane(LogDirectoryOptions options) {
  options.lane_files = std::max(options.lane_files, 2);
  options.lane_file_bytes =
      std::max<std::uint64_t>(lane_format::aligned(options.lane_file_bytes), 16 * 1024);
  return options;
}

}  // namespace

base::Result<std::unique_ptr<LogDirectory>> LogDirectory::open(
    FileSystem& fs, std::string path, DirectoryIdentity identity, LogDirectoryOptions options,
    base::Clock& clock, base::Random& random) {
  auto directory = std::make_unique<Directory>(fs, std::move(path), options, clock, random);
  MOLDAU_TRY(directory->open(std::move(identity)));
  return std::unique_ptr<LogDirectory>(std::move(directory));
}

Directory::Directory(FileSystem& fs, std::string path, LogDirectoryOptions options,
                     base::Clock& clock, base::Random& random)
    : fs_(fs),
      path_(std::move(path)),
      options_(sane(options)),
      clock_(clock),
      random_(random),
      lane_queue_(std::max<std::uint64_t>(2 * options.tail_bytes_max, 64ULL * 1024 * 1024)),
      services_{fs, clock, lane_queue_, flush_queue_, options.sync,
                [this](PartitionLog& log, Offset end) { return truncate(log, end); }} {}

std::string Directory::own_directory() const {
  return file_names::join(path_, file_names::own_directory);
}

base::Status Directory::save(const std::string& path, std::string_view contents) {
  // Synced also with --unsafe-no-fsync, which is about records: what says where they are stays whole.
  return write_whole(fs_, path, contents);
}

Directory::LogMap Directory::log_map() const {
  MutexLock lock(logs_mutex_);
  return logs_;
}

// ---- Opening.

base::Status Directory::open(DirectoryIdentity identity) {
  MOLDAU_TRY(fs_.make_directory(path_));
  MOLDAU_ASSIGN(file_lock_, fs_.lock(file_names::join(path_, file_names::lock)));
  MOLDAU_TRY(format_or_check(std::move(identity)));
  MOLDAU_ASSIGN(auto checkpoint, read_checkpoint());
  const auto marker_path = file_names::join(path_, file_names::clean_shutdown);
  const auto marker = read_whole(fs_, marker_path);
  if (!marker && marker.error().code != Errc::not_found) return marker.error();
  // A marker beside a checkpoint of a broker that did not stop is older than the data.
  RecoveryInput input{random_, path_, marker && (!checkpoint || checkpoint->closed),
                      std::move(checkpoint)};
  input.bytes_in_memory_max = std::max<std::uint64_t>(options_.tail_bytes_max / 2, 1024 * 1024);
  input.sync = options_.sync;
  MOLDAU_ASSIGN(auto recovered, recover(services_, input));
  const bool formatted = opened_.formatted;
  opened_ = recovered.opened;
  opened_.formatted = formatted;
  if (input.clean) opened_.broker_epoch = decode_clean_shutdown(marker.value());
  {
    MutexLock lock(logs_mutex_);
    logs_ = std::move(recovered.logs);
    for (const auto& [id, log] : logs_) names_.insert(log->topic_partition());
    for (auto& directory : recovered.deleted)
      deleted_.push_back({nullptr, Lsn{0}, std::move(directory), clock_.now()});
  }
  for (const auto& [id, log] : log_map()) {
    const auto cleaned = recovered.cleaned.find(log->topic_partition());
    if (cleaned != recovered.cleaned.end()) log->set_cleaned_end(cleaned->second);
  }
  MOLDAU_TRY(begin_lane());
  // From here on they would be older than the data.
  bool any = false;
  for (const auto name : {file_names::clean_shutdown, file_names::closed_checkpoint}) {
    const auto removed = fs_.remove(file_names::join(path_, name));
    if (!removed && removed.error().code != Errc::not_found) return removed;
    any = any || removed.has_value();
  }
  if (any) MOLDAU_TRY(fs_.sync_directory(path_));
  return {};
}

base::Status Directory::format_or_check(DirectoryIdentity identity) {
  const auto path = file_names::join(path_, file_names::meta_properties);
  const auto text = read_whole(fs_, path);
  if (!text && text.error().code != Errc::not_found) return text.error();
  if (text) {
    MOLDAU_ASSIGN(identity_, decode_meta_properties(text.value()));
    if (!identity.cluster_id.empty() && identity.cluster_id != identity_.cluster_id)
      return fail(Errc::foreign_directory,
                  fmt::format("{} belongs to cluster {}, not to {}: name another directory, or set "
                              "node.cluster_id to that of its meta.properties",
                              path_, identity_.cluster_id, identity.cluster_id));
    if (identity.node_id != identity_.node_id)
      return fail(Errc::foreign_directory,
                  fmt::format("{} belongs to node {}, not to node {}: name another directory, or set "
                              "node.id to that of its meta.properties",
                              path_, identity_.node_id.value(), identity.node_id.value()));
    return fs_.make_directory(own_directory());
  }
  MOLDAU_ASSIGN(const auto names, fs_.list(path_));
  for (const auto& name : names)
    if (name != file_names::lock && name != file_names::own_directory && name != "lost+found" &&
        name != fmt::format("{}.tmp", file_names::meta_properties))
      return fail(Errc::foreign_directory,
                  fmt::format("{} is not empty (it has {}) and has no meta.properties; give an empty "
                              "directory, or one of Kafka's", path_, name));
  identity_ = std::move(identity);
  if (identity_.cluster_id.empty()) identity_.cluster_id = base::Uuid::random(random_).to_string();
  if (identity_.directory_id.is_zero()) identity_.directory_id = base::Uuid::random(random_);
  MOLDAU_TRY(fs_.make_directory(own_directory()));
  MOLDAU_TRY(save(path, encode_meta_properties(identity_)));
  if (options_.sync) {
    const auto slash = path_.find_last_of('/');
    MOLDAU_TRY(fs_.sync_directory(slash == std::string::npos ? "."
                                  : slash == 0               ? "/"
                                                             : path_.substr(0, slash)));
  }
  opened_.formatted = true;
  return {};
}

// That of an orderly stop goes first: it is removed before anything is appended.
base::Result<std::optional<Checkpoint>> Directory::read_checkpoint() {
  for (const auto& path : {file_names::join(path_, file_names::closed_checkpoint),
                           file_names::join(own_directory(), file_names::own_checkpoint)}) {
    const auto bytes = read_whole(fs_, path);
    if (!bytes && bytes.error().code == Errc::not_found) continue;
    if (!bytes) return bytes.error();
    auto checkpoint = decode_checkpoint(bytes.value());
    const auto own = file_names::join(own_directory(), file_names::own_checkpoint);
    if (!checkpoint && checkpoint.error().code == Errc::damaged && path != own && !fs_.info(own)) {
      // After an orderly stop Kafka's files have all that is in it.
      log::warn("storage.checkpoint_dropped", "{}: {}", path, checkpoint.error().message);
      continue;
    }
    if (!checkpoint)
      return fail(checkpoint.error().code, fmt::format("{}: {}", path, checkpoint.error().message));
    return std::optional<Checkpoint>{std::move(checkpoint).value()};
  }
  return std::optional<Checkpoint>{};
}

// A new incarnation: whatever the lane's files hold is not believed from here on.
base::Status Directory::begin_lane() {
  MutexLock commit_lock(commit_mutex_);
  MutexLock background_lock(background_mutex_);
  incarnation_ = random_.next();
  lane_ = std::make_unique<LaneWriter>(fs_, own_directory(), options_, incarnation_);
  MOLDAU_TRY(lane_->start());
  root_unsynced_ = true;
  watch_space();
  const auto logs = log_map();
  MOLDAU_TRY(sync_dirty(logs));
  return write_checkpoint(logs, LanePosition{}, false);
}

// ---- Logs.

base::Result<std::shared_ptr<Log>> Directory::create_log(const TopicPartition& partition,
                                                         const TopicId& topic_id,
                                                         const LogOptions& options) {
  MutexLock background_lock(background_mutex_);
  const TopicIdPartition id{topic_id, partition.partition};
  const std::string directory = file_names::join(path_, file_names::of_partition(partition));
  {
    MutexLock lock(logs_mutex_);
    if (logs_.contains(id) || names_.contains(partition))
      return fail(Errc::already_exists,
                  fmt::format("the log {} is there", file_names::of_partition(partition)));
  }
  // The lane's entry goes first: it makes the log's existence as durable as the batches behind it.
  LaneEntry entry;
  entry.kind = lane_format::Kind::log_created;
  entry.partition = id;
  entry.bytes = base::SharedBytes::copy_of(base::as_bytes(partition.topic));
  MOLDAU_TRY(lane_queue_.push(std::move(entry)));
  auto created = create_files(fs_, directory, topic_id, clock_.wall_ms());
  if (!created) return created.error();  // an empty directory may stay behind
  auto log = std::make_shared<PartitionLog>(services_, directory, partition, topic_id, options,
                                            std::move(created).value());
  log->note_created();
  root_unsynced_ = true;
  MutexLock lock(logs_mutex_);
  logs_[id] = log;
  names_.insert(partition);
  return std::shared_ptr<Log>(log);
}

base::Result<Directory::TakenOut> Directory::take_out(const TopicIdPartition& partition,
                                                      std::string_view suffix) {
  TakenOut out;
  {
    MutexLock lock(logs_mutex_);
    const auto place = logs_.find(partition);
    if (place == logs_.end()) return fail(Errc::not_found, "there is no such log");
    out.log = place->second;
    logs_.erase(place);
    names_.erase(out.log->topic_partition());
  }
  out.log->take_offline(fail(Errc::storage_error, "the log was deleted"));
  LaneEntry entry;
  entry.kind = lane_format::Kind::log_deleted;
  entry.partition = partition;
  MOLDAU_ASSIGN(out.lsn, lane_queue_.push(std::move(entry)));
  auto renamed = rename_aside(fs_, path_, out.log->topic_partition(), base::Uuid::random(random_), suffix);
  if (!renamed && renamed.error().code != Errc::not_found) return fail_with(renamed.error()).error();
  if (renamed) out.directory = std::move(renamed).value();
  root_unsynced_ = true;
  return out;
}

base::Status Directory::delete_log(const TopicIdPartition& partition) {
  MutexLock background_lock(background_mutex_);
  MOLDAU_ASSIGN(auto out, take_out(partition, file_names::delete_directory_suffix));
  const auto remove_at = clock_.now() + milliseconds(out.log->file_delete_delay_ms());
  {
    MutexLock lock(logs_mutex_);
    deleted_.push_back({std::move(out.log), out.lsn, std::move(out.directory), remove_at});
  }
  flush_queue_.wake();  // to learn when to come back
  return {};
}

base::Result<std::string> Directory::move_aside(const TopicIdPartition& partition) {
  MutexLock background_lock(background_mutex_);
  MOLDAU_ASSIGN(auto out, take_out(partition, file_names::stray_directory_suffix));
  MutexLock lock(logs_mutex_);
  // Without a directory: its memory goes, its files stay.
  deleted_.push_back({std::move(out.log), out.lsn, std::string(), clock_.now()});
  return out.directory;
}

std::vector<std::shared_ptr<Log>> Directory::logs() const {
  MutexLock lock(logs_mutex_);
  std::vector<std::shared_ptr<Log>> result;
  result.reserve(logs_.size());
  for (const auto& [id, log] : logs_) result.push_back(log);
  return result;
}

std::shared_ptr<Log> Directory::find(const TopicIdPartition& partition) const {
  MutexLock lock(logs_mutex_);
  const auto place = logs_.find(partition);
  return place == logs_.end() ? nullptr : place->second;
}

base::Result<std::optional<milliseconds>> Directory::remove_deleted() {
  std::vector<Deleted> due;
  std::vector<DeletedFile> due_files;
  std::optional<milliseconds> again;
  {
    MutexLock lock(logs_mutex_);
    const auto now = clock_.now();
    const auto first_due = std::partition(deleted_.begin(), deleted_.end(), [&](const Deleted& d) {
      return d.lsn.value() > retired_ || d.remove_at > now;
    });
    std::move(first_due, deleted_.end(), std::back_inserter(due));
    deleted_.erase(first_due, deleted_.end());
    const auto first_due_file = std::partition(
        deleted_files_.begin(), deleted_files_.end(), [&](const DeletedFile& file) { return file.remove_at > now; });
    std::move(first_due_file, deleted_files_.end(), std::back_inserter(due_files));
    deleted_files_.erase(first_due_file, deleted_files_.end());
    for (const DeletedFile& later : deleted_files_) {
      const auto left = std::chrono::ceil<milliseconds>(later.remove_at - now);
      again = again ? std::min(*again, left) : left;
    }
    for (const Deleted& later : deleted_) {
      // One that is due waits for the commit of its entry in the lane.
      const auto left = std::max(milliseconds{10}, std::chrono::ceil<milliseconds>(later.remove_at - now));
      again = again ? std::min(*again, left) : left;
    }
  }
  for (const DeletedFile& file : due_files) {
    const auto status = fs_.remove(file.path);  // it is gone when its log was deleted meanwhile
    if (!status && status.error().code != Errc::not_found) return status.error();
  }
  for (const Deleted& deleted : due) {
    if (deleted.log != nullptr) deleted.log->release_memory();
    if (deleted.directory.empty()) continue;
    const auto status = fs_.remove_directory(deleted.directory);
    if (!status && status.error().code != Errc::not_found) return status.error();
  }
  return again;
}

// ---- The lane.

bool Directory::wait_for_work(milliseconds timeout) {
  if (!lane_queue_.nearly_full()) return lane_queue_.wait(timeout);
  const bool work = lane_queue_.wait(std::min(timeout, space_interval));
  MutexLock lock(commit_mutex_);
  watch_space();
  return work;
}

// A write that found no room would be final (R7), so batches are refused while there is some (R8): what
// was taken still has to go from the lane to its segment, and what makes room has to be written too.
void Directory::watch_space() {
  const auto now = clock_.now();
  if (now - space_seen_ < space_interval) return;
  space_seen_ = now;
  const auto space = fs_.space(path_);
  if (!space) return;
  const std::uint64_t least = options_.free_bytes_min.value_or(
      std::min(free_bytes_min_standard, space->total_bytes / free_part_min));
  const bool full = space->available_bytes < least;
  if (full == lane_queue_.nearly_full()) return;
  if (full)
    log::error("storage.nearly_full",
               "{}: {} MiB are free; produce is refused until there are {} (storage.free_bytes_min)",
               path_, space->available_bytes >> 20, least >> 20);
  else
    log::info("storage.room_again", "{}: {} MiB are free; produce goes on", path_,
              space->available_bytes >> 20);
  lane_queue_.set_nearly_full(full);
}

void Directory::stop_waiting() {
  lane_queue_.stop();
  flush_queue_.stop();
}

base::Status Directory::fail_with(const base::Error& error) {
  if (!lane_queue_.has_failed())
    log::error("storage.failed", "{} takes no more writes: {}", path_, base::to_string(error));
  lane_queue_.fail(error);
  flush_queue_.wake();
  return error;
}

base::Status Directory::commit() {
  // Whoever waits for an acknowledgement waits for the segments too, once they fall behind too far.
  flush_queue_.wait_for_room(static_cast<std::int64_t>(2 * options_.tail_bytes_max), behind_pause);
  MutexLock lock(commit_mutex_);
  if (const auto error = lane_queue_.failed()) return *error;
  lane_queue_.take(entries_);
  if (entries_.empty()) return {};
  watch_space();
  const auto status = commit_entries(entries_);
  entries_.clear();  // lets go of the batches' memory
  if (!status) return fail_with(status.error());
  return {};
}

base::Status Directory::commit_entries(std::span<const LaneEntry> entries) {
  while (!entries.empty()) {
    {
      MutexLock lock(position_mutex_);
      lane_->set_free_below(free_below_);
    }
    MOLDAU_ASSIGN(const auto written, lane_->write(entries));
    if (written.entries > 0) MOLDAU_TRY(finish_commit(entries.first(written.entries)));
    entries = entries.subspan(written.entries);
    if (written.file_full) {
      MutexLock background_lock(background_mutex_);
      MOLDAU_TRY(checkpoint_locked());
    }
  }
  return {};
}

base::Status Directory::finish_commit(std::span<const LaneEntry> entries) {
  ++commit_number_;
  touched_.clear();
  std::uint64_t bytes = 0;
  for (const LaneEntry& entry : entries) {
    bytes += entry.bytes.size();
    if (entry.log == nullptr) continue;
    auto& news = entry.log->committed;
    if (news.commit != commit_number_) {
      news = {commit_number_, Offset{}, Lsn{0}, 0};
      touched_.push_back(entry.log);
    }
    news.end = BatchHeader::parse(entry.bytes.view())->next_offset();
    news.lsn = entry.lsn;
    news.bytes += entry.bytes.size();
  }
  if (options_.sync) {
    for (PartitionLog* log : touched_) log->tell_written(log->committed.end);
    MOLDAU_TRY(lane_->sync());
  }
  const auto now = clock_.now();
  bool wake = false;
  for (PartitionLog* log : touched_) wake = log->note_durable(log->committed, now) || wake;
  lane_queue_.set_durable(entries.back().lsn);
  {
    MutexLock lock(position_mutex_);
    published_ = lane_->position();
    ++statistics_.commits;
    statistics_.committed_bytes += bytes;
    statistics_.committed_entries += entries.size();
  }
  for (PartitionLog* log : touched_) log->tell_durable();
  for (PartitionLog* log : touched_) log->tell_commit_told();
  if (lane_->files_begun() != files_begun_) {
    files_begun_ = lane_->files_begun();
    checkpoint_wanted_ = wake = true;
  }
  retired_ = entries.back().lsn.value();
  if (wake) flush_queue_.wake();
  return {};
}

Directory::LaneStatistics Directory::lane_statistics() const {
  LaneStatistics statistics;
  {
    MutexLock lock(position_mutex_);
    statistics = statistics_;
  }
  statistics.tail_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, flush_queue_.tail_bytes));
  statistics.unflushed_bytes =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, flush_queue_.unflushed_bytes));
  return statistics;
}

// ---- Behind the lane.

void Directory::wait_for_background(milliseconds timeout) { flush_queue_.wait(timeout); }

base::Result<bool> Directory::flush_log(PartitionLog& log, std::int64_t now_ms) {
  const auto status = log.flush(now_ms);
  if (status) {
    if (!std::exchange(log.is_listed_as_cached, true)) cached_.push_back(log.weak_from_this());
    disk_was_full_ = false;
    flush_queue_.made_room();
    return true;
  }
  if (status.error().code == Errc::no_space) {
    if (!std::exchange(disk_was_full_, true))
      log::error("storage.disk_full", "{}: {}; batches stay in the lane until there is room", path_,
                 status.error().message);
    return false;
  }
  if (status.error().code == Errc::damaged) {  // this log's own trouble
    log::error("storage.log_offline", "{} is offline: {}",
               file_names::of_partition(log.topic_partition()), status.error().message);
    log.take_offline(status.error());
    return true;
  }
  return fail_with(status.error()).error();
}

base::Result<std::optional<milliseconds>> Directory::write_behind() {
  MutexLock lock(background_mutex_);
  if (const auto error = lane_queue_.failed()) return *error;
  const auto now = clock_.now();
  const std::int64_t wall_ms = clock_.wall_ms();
  if (checkpoint_wanted_) {
    const auto status = checkpoint_locked();
    if (!status && status.error().code != Errc::no_space) return status.error();
  }
  const bool pressed =
      flush_queue_.unflushed_bytes > static_cast<std::int64_t>(options_.tail_bytes_max / 2);
  std::vector<FlushQueue::Waiting> early;
  std::optional<base::SteadyTime> next;
  for (auto& waiting : flush_queue_.take()) {
    const auto due = waiting.since + flush_age_max;
    if (pressed || due <= now || waiting.log->unflushed_bytes() >= flush_bytes_min) {
      MOLDAU_ASSIGN(const bool done, flush_log(*waiting.log, wall_ms));
      if (done) continue;
      waiting.since = now;
    }
    const auto again = waiting.since + flush_age_max;
    next = next ? std::min(*next, again) : again;
    early.push_back(std::move(waiting));
  }
  if (!early.empty()) flush_queue_.put_back(std::move(early));
  trim_tails();
  MOLDAU_TRY(prepare_lane_file());
  if (!expire_at_) expire_at_ = now + expiry_interval;
  if (*expire_at_ <= now) {
    for (const auto& [id, log] : log_map()) log->expire_producers(wall_ms);
    expire_at_ = now + expiry_interval;
  }
  if (!next) return std::optional<milliseconds>{};
  return std::optional<milliseconds>{std::chrono::ceil<milliseconds>(*next - now)};
}

// A file that is full of zeros before its turn takes blocks without allocating: the second file on are
// made while the first is being filled.
base::Status Directory::prepare_lane_file() {
  LanePosition position;
  LanePosition free_below;
  {
    MutexLock lock(position_mutex_);
    position = published_;
    free_below = free_below_;
  }
  // From a quarter of the one to three of them, as fast as it fills: all at once would hold up commits for a second.
  const std::uint64_t quarter = options_.lane_file_bytes / 4;
  if (position.offset < quarter) return {};
  const auto status = lane_->prepare_next(position.file, free_below.file, 2 * (position.offset - quarter));
  // Without room there the lane does as well without: blocks make the file grow.
  if (!status && status.error().code != Errc::no_space) return fail_with(status.error());
  return {};
}

// Round and round: a piece of each log's oldest batches goes, until the rest fits.
void Directory::trim_tails() {
  while (flush_queue_.tail_bytes > static_cast<std::int64_t>(options_.tail_bytes_max) &&
         !cached_.empty()) {
    const auto log = cached_.front().lock();
    cached_.pop_front();
    if (log == nullptr) continue;
    log->is_listed_as_cached = log->drop_tail(flush_bytes_min);
    if (log->is_listed_as_cached) cached_.push_back(log);
  }
}

base::Status Directory::checkpoint() {
  MutexLock lock(background_mutex_);
  if (const auto error = lane_queue_.failed()) return *error;
  return checkpoint_locked();
}

base::Status Directory::checkpoint_locked() {
  LanePosition position;
  {
    MutexLock lock(position_mutex_);
    position = published_;
  }
  const std::int64_t wall_ms = clock_.wall_ms();
  std::vector<FlushQueue::Waiting> left;
  for (auto& waiting : flush_queue_.take()) {
    MOLDAU_ASSIGN(const bool done, flush_log(*waiting.log, wall_ms));
    if (!done) left.push_back(std::move(waiting));
  }
  if (!left.empty()) {
    flush_queue_.put_back(std::move(left));
    return fail(Errc::no_space, "the disk is full: the lane cannot be emptied");
  }
  checkpoint_wanted_ = false;
  trim_tails();
  const auto logs = log_map();
  MOLDAU_TRY(sync_dirty(logs));
  MOLDAU_TRY(write_checkpoint(logs, position, false));
  MutexLock lock(position_mutex_);
  free_below_ = position;
  return {};
}

base::Status Directory::sync_dirty(const LogMap& logs) {
  Segment::Files files;
  std::vector<std::string> directories;
  for (const auto& [id, log] : logs) {
    bool directory = false;
    if (const auto status = log->take_unsynced(files, directory); !status)
      return fail_with(status.error());
    if (directory) directories.push_back(log->directory());
  }
  const bool root = std::exchange(root_unsynced_, false);
  if (!options_.sync) return {};
  for (const auto& file : files)
    if (const auto status = file->sync(); !status) return fail_with(status.error());
  if (root) directories.push_back(path_);
  for (const auto& directory : directories)
    if (const auto status = fs_.sync_directory(directory); !status) return fail_with(status.error());
  return {};
}

base::Status Directory::write_checkpoint(const LogMap& logs, const LanePosition& position,
                                         bool closed) {
  Checkpoint checkpoint;
  checkpoint.closed = closed;
  checkpoint.synced = options_.sync;
  checkpoint.lane_files = static_cast<std::uint32_t>(options_.lane_files);
  checkpoint.incarnation = incarnation_;
  checkpoint.replay_from = position;
  ByteSink sink;
  std::vector<bool> dense;
  for (const auto& [id, log] : logs) {
    const LogState state = log->state();
    encode_log_state(state, sink);
    dense.push_back(state.dense);
  }
  const auto bytes = seal_checkpoint(encode_checkpoint_header(checkpoint, logs.size()), sink.text());
  const auto status =
      save(closed ? file_names::join(path_, file_names::closed_checkpoint)
                  : file_names::join(own_directory(), file_names::own_checkpoint),
           bytes);
  if (!status) return fail_with(status.error());
  auto is_dense = dense.begin();
  for (const auto& [id, log] : logs) log->note_checkpointed(*is_dense++);
  return {};
}

base::Status Directory::truncate(PartitionLog& log, Offset end) {
  MOLDAU_TRY(commit());
  MOLDAU_ASSIGN(const Lsn lsn, log.truncate_memory(end));
  if (lsn == Lsn{0}) return {};
  MOLDAU_TRY(commit());  // decided: a crash from here on carries it out
  MutexLock lock(background_mutex_);
  if (const auto status = log.truncate_files(end, lsn); !status) return fail_with(status.error());
  return checkpoint_locked();
}

// ---- Retention and compaction.

// A clock that jumped would take everything for old at once.  It is given a day in which somebody can set it right.
bool Directory::wall_clock_is_sound() {
  const ClockSample now{clock_.wall_ms(), clock_.now()};
  const auto before = std::exchange(clock_seen_, now);
  if (before) {
    const auto steady = std::chrono::duration_cast<milliseconds>(now.steady - before->steady);
    const milliseconds jump = milliseconds(now.wall_ms - before->wall_ms) - steady;
    if (jump > clock_jump_max || jump < -clock_jump_max) {
      distrusts_clock_until_ = now.steady + clock_distrust;
      log::warn("storage.clock_jumped",
                "the clock has moved by {} s: for a day nothing is deleted by its age (retention.ms). Set the clock "
                "right, or start the broker anew to go by it at once", jump.count() / 1000);
    }
  }
  return !distrusts_clock_until_ || *distrusts_clock_until_ <= now.steady;
}

base::Status Directory::checkpoint_if_awaited() {
  const auto logs = log_map();
  if (std::none_of(logs.begin(), logs.end(), [](const auto& item) { return item.second->waits_for_checkpoint(); }))
    return {};
  const auto status = checkpoint_locked();
  if (!status && status.error().code != Errc::no_space) return status;
  return {};
}

void Directory::remove_later(std::vector<std::string> files, std::int64_t delay_ms) {
  if (files.empty()) return;
  const auto remove_at = clock_.now() + milliseconds(std::max<std::int64_t>(delay_ms, 0));
  {
    MutexLock lock(logs_mutex_);
    for (auto& file : files) deleted_files_.push_back({std::move(file), remove_at});
  }
  flush_queue_.wake();  // to learn when to come back
}

base::Status Directory::apply_retention() {
  bool moved = false;
  {
    MutexLock lock(background_mutex_);
    if (const auto error = lane_queue_.failed()) return *error;
    if (closed_) return {};
    const bool with_time = wall_clock_is_sound();
    const std::int64_t wall_ms = clock_.wall_ms();
    for (const auto& [id, log] : log_map()) {
      const auto done = log->apply_retention(wall_ms, with_time);
      if (done) {
        moved = moved || *done;
      } else if (done.error().code == Errc::io) {
        return fail_with(done.error());
      } else {
        log::warn("storage.retention_failed", "{}: {}", file_names::of_partition(log->topic_partition()),
                  base::to_string(done.error()));
      }
    }
  }
  if (moved) MOLDAU_TRY(commit());  // the new starts go before the files
  restore_indexes();
  MutexLock lock(background_mutex_);
  if (closed_) return {};
  MOLDAU_TRY(checkpoint_if_awaited());
  for (const auto& [id, log] : log_map()) {
    std::vector<std::string> files;
    const auto status = log->remove_below_start(files);
    remove_later(std::move(files), log->file_delete_delay_ms());
    if (!status && status.error().code == Errc::io) return fail_with(status.error());
    if (!status)
      log::warn("storage.retention_failed", "{}: {}", file_names::of_partition(log->topic_partition()),
                base::to_string(status.error()));
  }
  return {};
}

// One at a time: each may take a second, in which nothing is written behind.
void Directory::restore_indexes() {
  for (const auto& [id, log] : log_map()) {
    for (bool more = true; more;) {
      MutexLock lock(background_mutex_);
      if (closed_) return;
      more = log->restore_indexes();
    }
  }
}

LogDirectory::Scrubbed Directory::scrub(std::uint64_t bytes_max) {
  Scrubbed scrubbed;
  const auto logs = log_map();
  auto at = scrubbed_log_ ? logs.lower_bound(*scrubbed_log_) : logs.begin();
  if (at == logs.end() || scrubbed_log_ != at->first) scrubbed_place_ = {};
  while (at != logs.end() && scrubbed.bytes < bytes_max) {
    // What is in the way is told by the log itself when it is damage; else its files went meanwhile.
    const auto seen = at->second->scrub(scrubbed_place_, bytes_max - scrubbed.bytes);
    if (seen) scrubbed.bytes += *seen;
    if (seen && scrubbed_place_.segment != no_offset) continue;
    ++at;
    scrubbed_place_ = {};
  }
  scrubbed.round_ended = at == logs.end();
  scrubbed_log_.reset();
  if (!scrubbed.round_ended) scrubbed_log_ = at->first;
  return scrubbed;
}

base::Result<std::optional<Compacted>> Directory::compact(const CompactionControl& control) {
  {
    MutexLock lock(background_mutex_);
    if (const auto error = lane_queue_.failed()) return *error;
    if (closed_) return std::optional<Compacted>{};
    MOLDAU_TRY(checkpoint_if_awaited());
  }
  const auto give_up = [this](const TopicIdPartition& id, const TopicPartition& name, const base::Error& error) {
    log::error("storage.not_compacted", "{} is not compacted any more: {}", file_names::of_partition(name),
               base::to_string(error));
    not_compactable_.insert(id);
  };
  const std::int64_t wall_ms = clock_.wall_ms();
  std::shared_ptr<PartitionLog> log;
  Cleanable range;
  for (const auto& [id, candidate] : log_map()) {
    if (not_compactable_.contains(id)) continue;
    const auto possible = candidate->cleanable(wall_ms);
    if (!possible) {
      give_up(id, candidate->topic_partition(), possible.error());
      continue;
    }
    if (!*possible) continue;
    const Cleanable& found = **possible;
    if (log != nullptr && std::pair(found.overdue, found.dirty_ratio) <= std::pair(range.overdue, range.dirty_ratio))
      continue;
    log = candidate;
    range = found;
  }
  if (log == nullptr) return std::optional<Compacted>{};
  const TopicIdPartition id{log->topic_id(), log->topic_partition().partition};
  Compactor compactor(fs_, random_, control, options_.sync, wall_ms);
  const auto replace = [&](const std::vector<std::shared_ptr<Segment>>& old,
                           const std::shared_ptr<Segment>& compacted) -> base::Result<bool> {
    MutexLock lock(background_mutex_);
    if (closed_ || lane_queue_.has_failed() || find(id) != log) return false;
    std::vector<std::string> files;
    auto replaced = log->replace_segments(old, compacted, files);
    remove_later(std::move(files), log->file_delete_delay_ms());
    return replaced;
  };
  const auto done = compactor.compact(*log, range, replace);
  if (!done && done.error().code == Errc::io) return fail_with(done.error()).error();
  if (!done && done.error().code == Errc::no_space) {
    log::warn("storage.compaction_without_room", "{}: {}", file_names::of_partition(log->topic_partition()),
              base::to_string(done.error()));
    return std::optional<Compacted>{};
  }
  if (!done) {
    give_up(id, log->topic_partition(), done.error());
    return std::optional<Compacted>{};
  }
  if (!*done) return std::optional<Compacted>{};
  log->set_cleaned_end((*done)->end);
  MOLDAU_TRY(write_cleaner_offsets());
  return *done;
}

base::Status Directory::write_cleaner_offsets() {
  OffsetCheckpoint offsets;
  for (const auto& [id, log] : log_map())
    if (const Offset end = log->cleaned_end(); end.value() >= 0) offsets[log->topic_partition()] = end;
  if (const auto status =
          save(file_names::join(path_, file_names::cleaner_offsets), encode_offset_checkpoint(offsets));
      !status)
    return fail_with(status.error());
  return {};
}

// ---- Closing.

base::Status Directory::write_kafka_checkpoints(const LogMap& logs) {
  OffsetCheckpoint ends;
  OffsetCheckpoint starts;
  for (const auto& [id, log] : logs) {
    if (log->topic_partition().topic == metadata_topic) continue;
    ends[log->topic_partition()] = log->end_offset();
    if (log->start_offset() > log->first_segment_base())
      starts[log->topic_partition()] = log->start_offset();
  }
  const auto at = [&](std::string_view name) { return file_names::join(path_, name); };
  MOLDAU_TRY(save(at(file_names::recovery_points), encode_offset_checkpoint(ends)));
  MOLDAU_TRY(save(at(file_names::high_watermarks), encode_offset_checkpoint(ends)));
  return save(at(file_names::log_starts), encode_offset_checkpoint(starts));
}

// Kafka does not start where a folder is no partition's.  When batches of a damaged log are set aside
// there, it must not start either.
base::Status Directory::remove_own_directory() {
  MOLDAU_ASSIGN(const auto names, fs_.list(own_directory()));
  for (const auto& name : names)
    if (!name.starts_with(file_names::lane_prefix) &&
        !name.starts_with(file_names::own_checkpoint)) {
      log::warn("storage.set_aside_kept", "{} holds batches that are in no log; Apache Kafka cannot be "
                "started on this directory", file_names::join(own_directory(), name));
      return {};
    }
  MOLDAU_TRY(fs_.remove_directory(own_directory()));
  return fs_.sync_directory(path_);
}

base::Status Directory::close(std::int64_t broker_epoch) {
  MOLDAU_TRY(commit());
  MutexLock lock(background_mutex_);
  if (closed_) return {};
  MOLDAU_TRY(checkpoint_locked());
  const auto logs = log_map();
  Segment::Files files;
  for (const auto& [id, log] : logs)
    if (const auto status = log->finish(files); !status) return fail_with(status.error());
  if (options_.sync) {
    for (const auto& file : files)
      if (const auto status = file->sync(); !status) return fail_with(status.error());
    for (const auto& [id, log] : logs)
      if (log->take_finished())
        if (const auto status = fs_.sync_directory(log->directory()); !status)
          return fail_with(status.error());
  }
  MOLDAU_TRY(write_kafka_checkpoints(logs));
  MOLDAU_TRY(write_checkpoint(logs, LanePosition{}, true));
  MOLDAU_TRY(remove_own_directory());
  closed_ = true;
  lane_queue_.fail(fail(Errc::cancelled, "the log directory was closed"));
  return save(file_names::join(path_, file_names::clean_shutdown),
              encode_clean_shutdown(broker_epoch));
}

base::Result<Space> Directory::space() const { return fs_.space(path_); }

}  // namespace moldau::storage
