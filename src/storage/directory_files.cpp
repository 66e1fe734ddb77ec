#include "directory_files.hpp"

#include <fmt/format.h>

#include <map>

#include "text_lines.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

/// Lines of "key<separator>value"; comments and lines without a separator are left out.
std::map<std::string, std::string> key_values(std::string_view text, char separator) {
  std::map<std::string, std::string> result;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto at = line.find(separator);
    if (line.empty() || line.front() == '#' || at == std::string_view::npos) continue;
    result[std::string(trim(line.substr(0, at)))] = std::string(trim(line.substr(at + 1)));
  }
  return result;
}

}  // namespace

std::string encode_meta_properties(const DirectoryIdentity& identity) {
  return fmt::format("#\nnode.id={}\ndirectory.id={}\nversion=1\ncluster.id={}\n",
                     identity.node_id.value(), identity.directory_id.to_string(),
                     identity.cluster_id);
}

base::Result<DirectoryIdentity> decode_meta_properties(std::string_view text) {
  auto values = key_values(text, '=');
  if (values["version"] != "1")
    return fail(Errc::foreign_directory,
                fmt::format("meta.properties has version '{}'; only 1 (KRaft) is understood",
                            values["version"]));
  DirectoryIdentity identity;
  identity.cluster_id = values["cluster.id"];
  const auto node_id = parse_number<std::int32_t>(values["node.id"]);
  if (identity.cluster_id.empty() || !node_id)
    return fail(Errc::foreign_directory, "meta.properties lacks cluster.id or node.id");
  identity.node_id = BrokerId{*node_id};
  identity.directory_id = base::Uuid::parse(values["directory.id"]).value_or(base::Uuid{});
  return identity;
}

std::string encode_partition_metadata(const TopicId& topic_id) {
  return fmt::format("version: 0\ntopic_id: {}", topic_id.to_string());
}

base::Result<TopicId> decode_partition_metadata(std::string_view text) {
  auto values = key_values(text, ':');
  const auto id = base::Uuid::parse(values["topic_id"]);
  if (values["version"] != "0" || !id || id->is_zero())
    return fail(Errc::malformed, "partition.metadata has no topic id of version 0");
  return *id;
}

std::string encode_clean_shutdown(std::int64_t broker_epoch) {
  return fmt::format("{{\"version\":0,\"brokerEpoch\":{}}}", broker_epoch);
}

std::int64_t decode_clean_shutdown(std::string_view text) {
  constexpr std::string_view key = "\"brokerEpoch\":";
  const auto at = text.find(key);
  if (at == std::string_view::npos) return -1;
  text.remove_prefix(at + key.size());
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const auto end = text.find_first_not_of("-0123456789");
  return parse_number<std::int64_t>(text.substr(0, end)).value_or(-1);
}

}  // namespace moldau::storage
