#include "recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "directory_files.hpp"
#include "file_names.hpp"
#include "lane_reader.hpp"
#include "log_loader.hpp"
#include "moldau/base/log.hpp"
#include "offset_checkpoint.hpp"

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
      MOLDAU_TRY(replay());
      for (const auto& name : unexplained_) MOLDAU_TRY(open_from_files(name, nullptr));
      MOLDAU_TRY(add_missing());
      MOLDAU_TRY(flush());
      for (auto& [id, log] : result_.logs) log->replay_ended();
    }
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
    MOLDAU_ASSIGN(const auto names, fs_.list(input_.path));
    for (const auto& name : names) {
      if (name.ends_with(file_names::delete_directory_suffix)) {
        result_.deleted.push_back(file_names::join(input_.path, name));
        deleted_names_.insert(name.substr(0, name.rfind('.')));
        continue;
      }
      const auto partition = file_names::parse_partition(name);
      if (!partition) continue;
      const auto text = read_whole(
          fs_, file_names::join(directory_of(*partition), file_names::partition_metadata));
      const auto topic_id =
          text ? decode_partition_metadata(text.value()) : base::Result<TopicId>(text.error());
      if (!topic_id) {
        // Made and not finished before a crash, or not a partition at all: nobody owns it.
        log::warn("storage.directory_ignored", "{}: {}", name, topic_id.error().message);
        continue;
      }
      MOLDAU_TRY(found({*partition, topic_id.value()}));
    }
    return {};
  }

  base::Result<OffsetCheckpoint> read_offsets(std::string_view name) {
    auto offsets = read_offset_checkpoint(fs_, file_names::join(input_.path, name));
    if (offsets || offsets.error().code == Errc::io) return offsets;
    // Derived: without it the start is slower and nothing is lost.
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
    if (!replaying_) return open_from_files(found, state);
    if (state == nullptr) {
      unexplained_.push_back(found);  // made since the checkpoint: the lane says so, or it is foreign
      return {};
    }
    auto loaded = load_from_checkpoint(fs_, directory_of(found.name), *state,
                                       input_.checkpoint->synced, now_ms_);
    return add(found, std::move(loaded));
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
    return add(found, load_from_files(fs_, directory_of(found.name), options, known));
  }

  /// A damaged log is offline, and a failing disk is an error of the whole directory.
  base::Status add(const Found& found, base::Result<LoadedParts> loaded) {
    if (!loaded && loaded.error().code == Errc::io) return loaded.error();
    const TopicIdPartition id{found.topic_id, found.name.partition};
    if (!loaded) {
      log::error("storage.log_offline", "{} is offline: {}", file_names::of_partition(found.name),
                 loaded.error().message);
      result_.logs[id] = std::make_shared<PartitionLog>(services_, directory_of(found.name),
                                                        found.name, found.topic_id, loaded.error());
      return {};
    }
    result_.opened.truncated_bytes += loaded.value().truncated_bytes;
    result_.logs[id] = std::make_shared<PartitionLog>(services_, directory_of(found.name), found.name,
                                                      found.topic_id, LogOptions{},
                                                      std::move(loaded).value().parts);
    return {};
  }

  base::Status replay() {
    const Checkpoint& checkpoint = *input_.checkpoint;
    const auto end = read_lane(
        fs_, file_names::join(input_.path, file_names::own_directory),
        static_cast<int>(checkpoint.lane_files), checkpoint.incarnation, checkpoint.replay_from,
        [this](const LaneRecord& record) { return replay_one(record); });
    if (!end) return end.error();
    return {};
  }

  base::Status replay_one(const LaneRecord& record) {
    ++result_.opened.replayed_entries;
    if (record.kind == lane_format::Kind::log_created) return replay_creation(record);
    if (record.kind == lane_format::Kind::log_deleted) return replay_deletion(record);
    const auto place = result_.logs.find(record.partition);
    if (place == result_.logs.end()) return {};  // its directory is gone, see add_missing()
    const auto status = place->second->replay(record);
    if (!status && status.error().code == Errc::io) return status;
    if (!status) {
      log::error("storage.log_offline", "{} is offline: {}",
                 file_names::of_partition(place->second->topic_partition()), status.error().message);
      place->second->take_offline(status.error());
    }
    bytes_in_memory_ += record.bytes.size();
    if (bytes_in_memory_ >= input_.bytes_in_memory_max) return flush();
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
                                              std::move(created.parts));
    log->note_created(std::move(created.metadata));
    result_.logs[record.partition] = std::move(log);
    return {};
  }

  base::Status replay_deletion(const LaneRecord& record) {
    deleted_ids_.insert(record.partition);
    const auto place = result_.logs.find(record.partition);
    if (place == result_.logs.end()) return {};
    const auto log = place->second;
    log->take_offline(fail(Errc::storage_error, "the log was deleted"));
    log->release_memory();
    result_.logs.erase(place);
    auto renamed = rename_deleted(fs_, input_.path, log->topic_partition(),
                                  base::Uuid::random(input_.random));
    if (!renamed && renamed.error().code == Errc::not_found) return {};
    if (!renamed) return renamed.error();
    result_.deleted.push_back(renamed.value());
    return {};
  }

  /// A log of the checkpoint without a directory, that was not deleted, must not come back empty.
  base::Status add_missing() {
    for (const auto& [id, state] : input_.checkpoint->logs) {
      if (result_.logs.contains(id) || deleted_ids_.contains(id)) continue;
      const auto name = file_names::of_partition(state.name);
      if (deleted_names_.contains(name)) continue;  // renamed, and the crash came before the lane's entry
      log::error("storage.log_offline", "{} is offline: its directory is missing", name);
      result_.logs[id] = std::make_shared<PartitionLog>(
          services_, directory_of(state.name), state.name, state.topic_id,
          fail(Errc::damaged, "the directory " + name + " is missing"));
    }
    return {};
  }

  base::Status flush() {
    bytes_in_memory_ = 0;
    for (auto& [id, log] : result_.logs) {
      MOLDAU_TRY(log->flush(now_ms_));
      log->drop_tail(log->flushed_end());
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
  std::vector<Found> unexplained_;
  std::set<std::string> deleted_names_;
  std::set<TopicIdPartition> deleted_ids_;
  std::uint64_t bytes_in_memory_ = 0;
};

}  // namespace

base::Result<Recovered> recover(LogServices& services, const RecoveryInput& input) {
  return Recovery(services, input).run();
}

base::Result<std::string> rename_deleted(FileSystem& fs, const std::string& path,
                                         const TopicPartition& name, const base::Uuid& unique) {
  std::string suffix = ".";
  for (const std::uint8_t byte : unique.bytes) suffix += fmt::format("{:02x}", byte);
  suffix += file_names::delete_directory_suffix;
  const auto from = file_names::of_partition(name);
  const auto to = file_names::join(
      path, from.substr(0, std::min(from.size(), directory_name_bytes_max - suffix.size())) + suffix);
  MOLDAU_TRY(fs.rename(file_names::join(path, from), to));
  return to;
}

}  // namespace moldau::storage
