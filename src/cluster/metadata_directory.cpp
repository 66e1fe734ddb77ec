#include "cluster/metadata_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace moldau::cluster {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using base::Status;

constexpr std::size_t offset_digits = 20;
constexpr std::size_t epoch_digits = 10;
constexpr std::string_view quorum_state = "/quorum-state";
constexpr std::string_view leader_epochs = "/leader-epoch-checkpoint";

template <class T>
std::optional<T> digits(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<SnapshotId> parse_snapshot(std::string_view name) {
  constexpr std::string_view suffix = ".checkpoint";
  if (name.size() != offset_digits + 1 + epoch_digits + suffix.size()) return std::nullopt;
  if (!name.ends_with(suffix) || name[offset_digits] != '-') return std::nullopt;
  const auto end = digits<std::int64_t>(name.substr(0, offset_digits));
  const auto epoch = digits<std::int32_t>(name.substr(offset_digits + 1, epoch_digits));
  if (!end || !epoch) return std::nullopt;
  return SnapshotId{Offset{*end}, *epoch};
}

/// The integer that JSON text has for `key`, whose values are all flat here.
std::optional<std::int32_t> json_integer(std::string_view json, std::string_view key) {
  const auto at = json.find(fmt::format("\"{}\"", key));
  if (at == std::string_view::npos) return std::nullopt;
  const auto first = json.find_first_not_of(" \t\r\n:", at + key.size() + 2);
  if (first == std::string_view::npos) return std::nullopt;
  std::int32_t value = 0;
  const auto parsed = std::from_chars(json.data() + first, json.data() + json.size(), value);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

std::string segment_name(Offset base) {
  return fmt::format("{:020}.log", base.value());
}

std::string snapshot_name(SnapshotId id) {
  return fmt::format("{:020}-{:010}.checkpoint", id.end.value(), id.epoch);
}

Result<MetadataFiles> list_metadata_files(storage::FileSystem& fs, const std::string& path) {
  MetadataFiles files;
  MOLDAU_ASSIGN(const auto names, fs.list(path));
  for (const std::string& name : names) {
    const auto ends = [&](std::string_view suffix) { return name.ends_with(suffix); };
    if (ends(".part") || ends(".tmp") || ends(".deleted")) {
      files.leftovers.push_back(name);
    } else if (ends(".index") || ends(".timeindex") || ends(".txnindex") || ends(".snapshot")) {
      files.derived.push_back(name);
    } else if (const auto snapshot = parse_snapshot(name)) {
      files.snapshots.push_back(*snapshot);
    } else if (ends(".log") && name.size() == offset_digits + 4) {
      if (const auto base = digits<std::int64_t>(std::string_view(name).substr(0, offset_digits))) {
        files.segments.emplace_back(*base);
      }
    }
  }
  std::ranges::sort(files.segments);
  std::ranges::sort(files.snapshots);
  return files;
}

Result<std::optional<QuorumState>> read_quorum_state(storage::FileSystem& fs,
                                                     const std::string& directory) {
  const std::string path = directory + std::string(quorum_state);
  const auto text = storage::read_whole(fs, path);
  if (!text) {
    if (text.error().code == Errc::not_found) return std::optional<QuorumState>{};
    return text.error();
  }
  const auto epoch = json_integer(*text, "leaderEpoch");
  if (!epoch || *epoch < 0) return fail(Errc::damaged, path + ": no leaderEpoch in it");
  return std::optional<QuorumState>{QuorumState{*epoch}};
}

Status write_quorum_state(storage::FileSystem& fs, const std::string& directory, BrokerId leader,
                          std::int32_t epoch, std::int16_t kraft_version) {
  const std::string text =
      kraft_version == 0
          ? fmt::format(
                "{{\"clusterId\":\"\",\"leaderId\":{0},\"leaderEpoch\":{1},\"votedId\":-1,"
                "\"appliedOffset\":0,\"currentVoters\":[{{\"voterId\":{0}}}],"
                "\"data_version\":0}}",
                leader.value(), epoch)
          : fmt::format(
                "{{\"leaderId\":{},\"leaderEpoch\":{},\"votedId\":-1,\"votedDirectoryId\":"
                "\"{}\",\"data_version\":1}}",
                leader.value(), epoch, base::Uuid{}.to_string());
  return storage::write_whole(fs, directory + std::string(quorum_state), text);
}

Status add_leader_epoch(storage::FileSystem& fs, const std::string& directory, std::int32_t epoch,
                        Offset start) {
  const std::string path = directory + std::string(leader_epochs);
  std::vector<std::pair<std::int64_t, std::int64_t>> entries;
  if (const auto text = storage::read_whole(fs, path)) {
    std::istringstream in(*text);
    std::int64_t version = -1;
    std::int64_t count = -1;
    std::pair<std::int64_t, std::int64_t> entry;
    in >> version >> count;
    while (in >> entry.first >> entry.second) {
      // What began at or after this term's start was cut off with the log's tail.
      if (entry.second < start.value() && entry.first < epoch) entries.push_back(entry);
    }
    if (version != 0) entries.clear();
  }
  entries.emplace_back(epoch, start.value());
  std::string text = fmt::format("0\n{}\n", entries.size());
  for (const auto& [e, offset] : entries) text += fmt::format("{} {}\n", e, offset);
  return storage::write_whole(fs, path, text);
}

Status write_partition_metadata(storage::FileSystem& fs, const std::string& directory) {
  // The metadata topic's id is one (KIP-516).
  return storage::write_whole(fs, directory + "/partition.metadata",
                              "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
}

}  // namespace moldau::cluster
