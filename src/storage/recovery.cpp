#include "recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "directory_files.hpp"
#include "file_names.hpp"
#include "lane_reader.hpp"
#include "log_loader.hpp"
#include "moldau/base/crc32c.hpp"
#include "moldau/base/log.hpp"
#include "offset_checkpoint.hpp"
#include "time_index.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

namespace {

constexpr std::size_t directory_name_bytes_max = 255;

class Recovery {
 public:
  Recovery(LogServices& services, const RecoveryInput& input)
      : services_(services),
        input_(input),
        fs_(services.fs),
        now_ms_(services.clock.wall_ms()),
        replaying_(input.checkpoint && !input.checkpoint->closed) {}

  base::Result<Recovered> run() {
    result_.opened.clean = input_.clean;
    MOLDAU_TRY(find_logs());
    if (replaying_) {
      MOLDAU_TRY(add_missing());
      MOLDAU_TRY(replay());
      for (const auto& name : unexplained_) MOLDAU_TRY(open_from_files(name, nullptr));
      MOLDAU_TRY(flush());
      for (auto& [id, log] : result_.logs) log->replay_ended();
      if (input_.sync) MOLDAU_TRY(sync_set_aside());
    }
    if (input_.checkpoint && input_.checkpoint->synced && (replaying_ || input_.clean)) check_segments();
    return std::move(result_);
  }

 private:
  struct Found {
    TopicPartition name;
    TopicId topic_id{};
  };

  base::Status find_logs() {
    MOLDAU_ASSIGN(const auto recovery_points, read_offsets(file_names::recovery_points));
    MOLDAU_ASSIGN(const auto log_starts, read_offsets(file_names::log_starts));
    recovery_points_ = recovery_points;
    log_starts_ = log_starts;
    MOLDAU_ASSIGN(result_.cleaned, read_offsets(file_names::cleaner_offsets));
    MOLDAU_ASSIGN(const auto names, fs_.list(input_.path));
    for (const auto& name : names) {
      if (!name.ends_with(file_names::delete_directory_suffix)) continue;
      result_.deleted.push_back(file_names::join(input_.path, name));
      deleted_names_.insert(name.substr(0, name.rfind('.')));
    }
    for (const auto& name : names) {
      if (name.ends_with(file_names::delete_directory_suffix)) continue;
      const auto partition = file_names::parse_partition(name);
      if (!partition) continue;
      // The metadata log is its owner's, who recovers it: cut here, it would lose what it had synced.
      if (partition->topic == file_names::metadata_topic) continue;
      const auto topic_id = topic_id_of(*partition);
      if (!topic_id) {
        // Made and not finished before a crash, or not a partition at all: nobody owns it.
        log::warn("storage.directory_ignored", "{}: {}", name, topic_id.error().message);
        continue;
      }
      MOLDAU_TRY(found({*partition, topic_id.value()}));
    }
    return {};
  }

  /// What partition.metadata says.  It has no checksum: where the checkpoint has a log of that name, and its very files
  /// are there, that one's it is.
  base::Result<TopicId> topic_id_of(const TopicPartition& name) {
    const auto path = file_names::join(directory_of(name), file_names::partition_metadata);
    const auto text = read_whole(fs_, path);
    auto topic_id = text ? decode_partition_metadata(text.value()) : base::Result<TopicId>(text.error());
    if (!input_.checkpoint) return topic_id;
    const auto& logs = input_.checkpoint->logs;
    if (topic_id)
      if (const auto at = logs.find({*topic_id, name.partition}); at != logs.end() && at->second.name == name)
        return topic_id;
    if (names_.empty())
      for (const auto& [id, log] : logs) names_[log.name] = &log;
    const auto known = names_.find(name);
    if (known == names_.end()) return topic_id;
    // A topic may have been made anew, by Kafka or since the checkpoint.
    if (deleted_names_.contains(file_names::of_partition(name))) return topic_id;
    const bool is_another = topic_id && (replaying_ ? was_made_since({*topic_id, name.partition})
                                                    : !holds(name, known->second->segment));
    if (is_another) return topic_id;
    log::warn("storage.topic_id_restored", "{} is not what it was, and is made anew", path);
    MOLDAU_TRY(write_whole(fs_, path, encode_partition_metadata(known->second->topic_id)));
    return known->second->topic_id;
  }

  bool was_made_since(const TopicIdPartition& id) {
    bool made = false;
    const auto read = read_all_of_lane([&](const LaneRecord& record) -> base::Status {
      made = made || (record.kind == lane_format::Kind::log_created && record.partition == id);
      return {};
    });
    return made || !read;
  }

  bool holds(const TopicPartition& name, const SegmentState& active) {
    const auto info = fs_.info(file_names::of_offset(directory_of(name), active.base, file_names::log_suffix));
    if (!info || info->size != active.size || active.times.entries == 0 || !active.times.crc) return false;
    const auto times =
        read_whole(fs_, file_names::of_offset(directory_of(name), active.base, file_names::time_index_suffix));
    const std::size_t bytes = active.times.entries * TimeIndexFormat::bytes;
    return times && times->size() >= bytes && base::crc32c(base::as_bytes(*times).first(bytes)) == *active.times.crc;
  }

  base::Result<OffsetCheckpoint> read_offsets(std::string_view name) {
    auto offsets = read_offset_checkpoint(fs_, file_names::join(input_.path, name));
    if (offsets || offsets.error().code == Errc::io) return offsets;
    // Derived: without it the start is slower, or logs are compacted from their starts, and nothing is lost.
    log::warn("storage.checkpoint_dropped", "{}: {}", name, offsets.error().message);
    return OffsetCheckpoint{};
  }

  base::Status found(const Found& found) {
    const LogState* state = nullptr;
    const TopicIdPartition id{found.topic_id, found.name.partition};
    if (input_.checkpoint) {
      const auto place = input_.checkpoint->logs.find(id);
      if (place != input_.checkpoint->logs.end()) state = &place->second;
    }
    if (state != nullptr && state->set_aside) return add_offline(found, *state);
    if (!replaying_) {
      if (state != nullptr && !state->offline.empty()) return reopen_damaged(found, *state);
      return open_from_files(found, state);
    }
    if (state == nullptr) {
      unexplained_.push_back(found);  // made since the checkpoint: the lane says so, or it is foreign
      return {};
    }
    return reopen_damaged(found, *state);
  }

  /// As the checkpoint says, or offline still.
  base::Status reopen_damaged(const Found& found, const LogState& state) {
    const auto directory = directory_of(found.name);
    if (state.segment.base.value() < 0) {  // offline since a crash of Kafka: its end is the recovery point
      return add(found, load_from_files(fs_, directory,
                                        {state.segment.end, state.start, false, now_ms_}, nullptr),
                 state);
    }
    return add(found,
               load_from_checkpoint(fs_, directory, state, input_.checkpoint->synced, now_ms_), state);
  }

  base::Status add_offline(const Found& found, const LogState& state) {
    log::error("storage.log_offline", "{} is offline: {}", file_names::of_partition(found.name),
               state.offline);
    result_.logs[{found.topic_id, found.name.partition}] = std::make_shared<PartitionLog>(
        services_, directory_of(found.name), state, fail(Errc::damaged, state.offline));
    return {};
  }

  base::Status open_from_files(const Found& found, const LogState* known) {
    const TopicIdPartition id{found.topic_id, found.name.partition};
    if (result_.logs.contains(id)) return {};
    LoadOptions options;
    options.clean = input_.clean;
    options.now_ms = now_ms_;
    if (const auto at = recovery_points_.find(found.name); at != recovery_points_.end())
      options.recovery_point = at->second;
    if (const auto at = log_starts_.find(found.name); at != log_starts_.end())
      options.log_start = at->second;
    LogState state;
    state.name = found.name;
    state.topic_id = found.topic_id;
    state.start = options.log_start;
    state.segment.base = no_offset;
    state.segment.end = options.recovery_point;
    // What it had is told again at the next start, should it be offline.
    return add(found, load_from_files(fs_, directory_of(found.name), options, known), known ? *known : state);
  }

  /// A damaged log is offline, and a failing disk is an error of the whole directory.
  base::Status add(const Found& found, base::Result<LoadedParts> loaded, const LogState& state) {
    if (!loaded && loaded.error().code == Errc::io) return loaded.error();
    const TopicIdPartition id{found.topic_id, found.name.partition};
    if (!loaded) {
      LogState damaged = state;
      damaged.offline = loaded.error().message;
      return add_offline(found, damaged);
    }
    result_.opened.truncated_bytes += loaded.value().truncated_bytes;
    result_.logs[id] = std::make_shared<PartitionLog>(services_, directory_of(found.name), found.name,
                                                      found.topic_id, LogOptions{},
                                                      std::move(loaded).value().parts);
    return {};
  }

  base::Status replay() {
    return read_all_of_lane([this](const LaneRecord& record) {
      ++result_.opened.replayed_entries;
      return replay_one(record);
    });
  }

  base::Status read_all_of_lane(const std::function<base::Status(const LaneRecord&)>& visit) {
    const Checkpoint& checkpoint = *input_.checkpoint;
    const auto end = read_lane(fs_, file_names::join(input_.path, file_names::own_directory),
                               static_cast<int>(checkpoint.lane_files), checkpoint.incarnation,
                               checkpoint.replay_from, visit);
    if (!end) return end.error();
    return {};
  }

  base::Status replay_one(const LaneRecord& record) {
    if (record.kind == lane_format::Kind::log_created) return replay_creation(record);
    if (record.kind == lane_format::Kind::log_deleted) return replay_deletion(record);
    const auto place = result_.logs.find(record.partition);
    if (place == result_.logs.end()) return {};  // its directory is gone, see add_missing()
    PartitionLog& log = *place->second;
    if (!log.has_files()) return set_aside(log, record);
    const auto status = log.replay(record);
    if (!status && status.error().code != Errc::damaged) return status;
    if (!status && !input_.checkpoint->synced) {
      // --unsafe-no-fsync: what is behind a loss is lost too, and the log goes on.
      if (lost_.insert(record.partition).second)
        log::error("storage.lost", "{}: acknowledged records are lost: {}",
                   file_names::of_partition(log.topic_partition()), status.error().message);
      return {};
    }
    if (!status) {
      log::error("storage.log_offline", "{} is offline: {}",
                 file_names::of_partition(log.topic_partition()), status.error().message);
      MOLDAU_TRY(log.flush(now_ms_));
      log.release_memory();
      log.set_damaged(log.state(), status.error());
      return set_aside(log, record);
    }
    bytes_in_memory_ += record.bytes.size();
    if (bytes_in_memory_ >= input_.bytes_in_memory_max) return flush();
    return {};
  }

  /// What the lane has for a log that cannot take it is kept in a file of its own: a segment's contents.
  base::Status set_aside(PartitionLog& log, const LaneRecord& record) {
    LogState state = log.state();
    if (record.kind != lane_format::Kind::batch || record.lsn <= state.applied) return {};
    auto& file = set_aside_[record.partition];
    const auto name = fmt::format("offline.{}.{:020}", file_names::of_partition(log.topic_partition()),
                                  record.value);
    if (file.file == nullptr) {
      const auto path = file_names::join(
          file_names::join(input_.path, file_names::own_directory), name);
      MOLDAU_ASSIGN(file.file, fs_.open(path, FileSystem::Open::create));
      MOLDAU_TRY(file.file->truncate(0));
      state.set_aside = true;
      const std::string reason = log.offline()->message;
      log.set_damaged(state, fail(Errc::damaged, fmt::format("{}; batches that it lacks are in {}",
                                                             reason, path)));
    }
    MOLDAU_TRY(file.file->write(file.size, record.bytes));
    file.size += record.bytes.size();
    return {};
  }

  base::Status replay_creation(const LaneRecord& record) {
    if (result_.logs.contains(record.partition) ||
        input_.checkpoint->logs.contains(record.partition))
      return {};
    const Found found{{std::string(base::as_text(record.bytes)), record.partition.partition},
                      record.partition.topic_id};
    MOLDAU_ASSIGN(auto created,
                  create_files(fs_, directory_of(found.name), found.topic_id, now_ms_));
    auto log = std::make_shared<PartitionLog>(services_, directory_of(found.name), found.name,
                                              found.topic_id, LogOptions{},
                                              std::move(created));
    log->note_created();
    result_.logs[record.partition] = std::move(log);
    return {};
  }

  base::Status replay_deletion(const LaneRecord& record) {
    const auto place = result_.logs.find(record.partition);
    if (place == result_.logs.end()) return {};
    const auto log = place->second;
    log->take_offline(fail(Errc::storage_error, "the log was deleted"));
    log->release_memory();
    result_.logs.erase(place);
    auto renamed = rename_aside(fs_, input_.path, log->topic_partition(),
                                base::Uuid::random(input_.random), file_names::delete_directory_suffix);
    if (!renamed && renamed.error().code == Errc::not_found) return {};
    if (!renamed) return renamed.error();
    result_.deleted.push_back(renamed.value());
    return {};
  }

  base::Status sync_set_aside() {
    for (const auto& [id, file] : set_aside_) MOLDAU_TRY(file.file->sync());
    if (set_aside_.empty()) return {};
    return fs_.sync_directory(file_names::join(input_.path, file_names::own_directory));
  }

  /// A log of the checkpoint without a directory, that was not deleted, must not come back empty.
  base::Status add_missing() {
    std::map<TopicIdPartition, const LogState*> missing_logs;
    for (const auto& [id, state] : input_.checkpoint->logs)
      if (!result_.logs.contains(id)) missing_logs[id] = &state;
    if (missing_logs.empty()) return {};
    MOLDAU_TRY(read_all_of_lane([&](const LaneRecord& record) -> base::Status {
      if (record.kind == lane_format::Kind::log_deleted) missing_logs.erase(record.partition);
      return {};
    }));
    for (const auto& [id, log_state] : missing_logs) {
      const LogState& state = *log_state;
      const auto name = file_names::of_partition(state.name);
      if (deleted_names_.contains(name)) continue;  // renamed, and the crash came before the lane's entry
      LogState missing = state;
      missing.offline = "the directory " + name + " is missing";
      MOLDAU_TRY(add_offline({state.name, state.topic_id}, missing));
    }
    return {};
  }

  /// A log that lacks a segment, or a part of one, is offline until it is there again.
  void check_segments() {
    for (auto& [id, log] : result_.logs) {
      const auto known = input_.checkpoint->logs.find(id);
      if (known == input_.checkpoint->logs.end() || !log->has_files()) continue;
      if (result_.cleaned.contains(log->topic_partition())) continue;
      const auto status = log->check_closed(known->second);
      if (status) continue;
      log::error("storage.log_offline", "{} is offline: {}", file_names::of_partition(log->topic_partition()),
                 status.error().message);
      LogState state = log->state();
      state.closed = known->second.closed;
      state.dense = true;
      log->release_memory();
      log->set_damaged(std::move(state), status.error());
    }
  }

  base::Status flush() {
    bytes_in_memory_ = 0;
    for (auto& [id, log] : result_.logs) {
      MOLDAU_TRY(log->flush(now_ms_));
      log->drop_tail(SIZE_MAX);
    }
    return {};
  }

  [[nodiscard]] std::string directory_of(const TopicPartition& partition) const {
    return file_names::join(input_.path, file_names::of_partition(partition));
  }

  LogServices& services_;
  const RecoveryInput& input_;
  FileSystem& fs_;
  const std::int64_t now_ms_;
  const bool replaying_;
  Recovered result_;
  OffsetCheckpoint recovery_points_;
  OffsetCheckpoint log_starts_;
  std::map<TopicPartition, const LogState*> names_;  // of the checkpoint, once one is looked for by its name
  std::vector<Found> unexplained_;
  std::set<std::string> deleted_names_;
  std::set<TopicIdPartition> lost_;
  struct SetAside {
    std::shared_ptr<File> file;
    std::uint64_t size = 0;
  };
  std::map<TopicIdPartition, SetAside> set_aside_;
  std::uint64_t bytes_in_memory_ = 0;
};

}  // namespace

base::Result<Recovered> recover(LogServices& services, const RecoveryInput& input) {
  return Recovery(services, input).run();
}

base::Result<std::string> rename_aside(FileSystem& fs, const std::string& path,
                                       const TopicPartition& name, const base::Uuid& unique,
                                       std::string_view kind) {
  std::string suffix = ".";
  for (const std::uint8_t byte : unique.bytes) suffix += fmt::format("{:02x}", byte);
  suffix += kind;
  const auto from = file_names::of_partition(name);
  const auto to = file_names::join(
      path, from.substr(0, std::min(from.size(), directory_name_bytes_max - suffix.size())) + suffix);
  MOLDAU_TRY(fs.rename(file_names::join(path, from), to));
  return to;
}

}  // namespace moldau::storage
