#pragma once
// Names of Kafka's files and directories (protocol.md 5.1).

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "moldau/base/ids.hpp"

namespace moldau::storage::file_names {

inline constexpr std::string_view log_suffix = ".log";
inline constexpr std::string_view index_suffix = ".index";
inline constexpr std::string_view time_index_suffix = ".timeindex";
inline constexpr std::string_view txn_index_suffix = ".txnindex";
inline constexpr std::string_view snapshot_suffix = ".snapshot";
inline constexpr std::string_view deleted_suffix = ".deleted";
inline constexpr std::string_view cleaned_suffix = ".cleaned";
inline constexpr std::string_view swap_suffix = ".swap";
/// Kafka's topic for the metadata of a cluster: not a log of the log directory's.
constexpr std::string_view metadata_topic = "__cluster_metadata";
inline constexpr std::string_view delete_directory_suffix = "-delete";
inline constexpr std::string_view future_directory_suffix = "-future";
inline constexpr std::string_view stray_directory_suffix = "-stray";
inline constexpr std::string_view leader_epochs = "leader-epoch-checkpoint";
inline constexpr std::string_view partition_metadata = "partition.metadata";
inline constexpr std::string_view meta_properties = "meta.properties";
inline constexpr std::string_view lock = ".lock";
inline constexpr std::string_view clean_shutdown = ".kafka_cleanshutdown";
inline constexpr std::string_view recovery_points = "recovery-point-offset-checkpoint";
inline constexpr std::string_view high_watermarks = "replication-offset-checkpoint";
inline constexpr std::string_view log_starts = "log-start-offset-checkpoint";
inline constexpr std::string_view cleaner_offsets = "cleaner-offset-checkpoint";
inline constexpr std::string_view own_directory = ".moldau";
inline constexpr std::string_view own_checkpoint = "checkpoint";
inline constexpr std::string_view lane_prefix = "lane.";
/// The checkpoint of an orderly stop.  A file, for Kafka refuses a directory whose folders are not all
/// partitions, and passes files over.
inline constexpr std::string_view closed_checkpoint = ".moldau.closed";

inline std::string join(std::string_view directory, std::string_view name) {
  return fmt::format("{}/{}", directory, name);
}
/// "<directory>/00000000000000000042.log"
inline std::string of_offset(std::string_view directory, Offset base, std::string_view suffix) {
  return fmt::format("{}/{:020}{}", directory, base.value(), suffix);
}
/// The offset of a name such as 00000000000000000042.log, when it ends in `suffix`.
inline std::optional<Offset> parse_offset(std::string_view name, std::string_view suffix) {
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (error != std::errc{} || end != name.data() + name.size() || value < 0) return std::nullopt;
  return Offset{value};
}
inline std::string of_partition(const TopicPartition& partition) {
  return fmt::format("{}-{}", partition.topic, partition.partition.value());
}
/// The partition that a directory is named after; nullopt for other names (also -delete and the like).
inline std::optional<TopicPartition> parse_partition(std::string_view name) {
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const auto digits = name.substr(dash + 1);
  std::int32_t index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || index < 0)
    return std::nullopt;
  return TopicPartition{std::string(name.substr(0, dash)), PartitionIndex{index}};
}

}  // namespace moldau::storage::file_names
