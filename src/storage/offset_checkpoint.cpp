#include "offset_checkpoint.hpp"

#include <fmt/format.h>

#include "text_lines.hpp"

namespace moldau::storage {

using base::Errc;
using base::fail;

base::Result<std::vector<std::vector<std::string>>> checkpoint_lines(std::string_view text) {
  std::vector<std::vector<std::string>> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    auto& words = lines.emplace_back();
    while (!line.empty()) {
      const auto blank = line.find(' ');
      words.emplace_back(line.substr(0, blank));
      line.remove_prefix(blank == std::string_view::npos ? line.size() : blank + 1);
    }
  }
  if (lines.size() < 2 || lines[0].size() != 1 || lines[1].size() != 1)
    return fail(Errc::malformed, "a checkpoint file begins with a version and a count");
  if (lines[0][0] != "0")
    return fail(Errc::malformed, fmt::format("a checkpoint file of version {}", lines[0][0]));
  const auto count = parse_number<std::uint64_t>(lines[1][0]);
  if (!count || *count != lines.size() - 2)
    return fail(Errc::malformed,
                fmt::format("a checkpoint file says {} lines and has {}", lines[1][0], lines.size() - 2));
  lines.erase(lines.begin(), lines.begin() + 2);
  return lines;
}

std::string encode_offset_checkpoint(const OffsetCheckpoint& offsets) {
  std::string text = fmt::format("0\n{}\n", offsets.size());
  for (const auto& [partition, offset] : offsets)
    text += fmt::format("{} {} {}\n", partition.topic, partition.partition.value(), offset.value());
  return text;
}

base::Result<OffsetCheckpoint> decode_offset_checkpoint(std::string_view text) {
  MOLDAU_ASSIGN(const auto lines, checkpoint_lines(text));
  OffsetCheckpoint offsets;
  for (const auto& line : lines) {
    const auto index = line.size() == 3 ? parse_number<std::int32_t>(line[1]) : std::nullopt;
    const auto offset = line.size() == 3 ? parse_number<std::int64_t>(line[2]) : std::nullopt;
    if (!index || !offset)
      return fail(Errc::malformed, "an offset checkpoint's line is no topic, partition and offset");
    offsets[{line[0], PartitionIndex{*index}}] = Offset{*offset};
  }
  return offsets;
}

base::Result<OffsetCheckpoint> read_offset_checkpoint(FileSystem& fs, const std::string& path) {
  const auto text = read_whole(fs, path);
  if (!text && text.error().code == Errc::not_found) return OffsetCheckpoint{};
  if (!text) return text.error();
  return decode_offset_checkpoint(text.value());
}

}  // namespace moldau::storage
