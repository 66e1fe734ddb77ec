#include "leader_epochs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text_lines.hpp"

namespace moldau::storage {

bool LeaderEpochs::assign(LeaderEpoch epoch, Offset start) {
  if (epoch.value() < 0) return false;
  if (!entries_.empty()) {
    const EpochStart& last = entries_.back();
    if (epoch == last.epoch && start >= last.start) return false;
  }
  while (!entries_.empty() && (entries_.back().epoch >= epoch || entries_.back().start >= start))
    entries_.pop_back();
  entries_.push_back({epoch, start});
  return true;
}

void LeaderEpochs::truncate_from_end(Offset end) {
  while (!entries_.empty() && entries_.back().start >= end) entries_.pop_back();
}

void LeaderEpochs::truncate_from_start(Offset start) {
  auto first_kept = entries_.begin();
  while (first_kept != entries_.end() && std::next(first_kept) != entries_.end() &&
         std::next(first_kept)->start <= start)
    ++first_kept;
  entries_.erase(entries_.begin(), first_kept);
  if (!entries_.empty() && entries_.front().start < start) entries_.front().start = start;
}

LeaderEpoch LeaderEpochs::latest() const {
  return entries_.empty() ? no_leader_epoch : entries_.back().epoch;
}

EpochEnd LeaderEpochs::end_of(LeaderEpoch epoch, Offset log_end) const {
  if (epoch.value() < 0) return {};
  if (epoch == latest()) return {epoch, log_end};
  const auto higher = std::find_if(entries_.begin(), entries_.end(),
                                   [&](const EpochStart& entry) { return entry.epoch > epoch; });
  if (higher == entries_.end()) return {};
  if (higher == entries_.begin()) return {epoch, higher->start};
  return {std::prev(higher)->epoch, higher->start};
}

LeaderEpoch LeaderEpochs::at(Offset offset) const {
  LeaderEpoch found = no_leader_epoch;
  for (const EpochStart& entry : entries_)
    if (entry.start <= offset) found = entry.epoch;
  return found;
}

std::vector<EpochStart> LeaderEpochs::below(Offset end) const {
  std::vector<EpochStart> kept = entries_;
  while (!kept.empty() && kept.back().start >= end) kept.pop_back();
  return kept;
}

std::string encode_leader_epochs(const std::vector<EpochStart>& entries) {
  std::string text = fmt::format("0\n{}\n", entries.size());
  for (const EpochStart& entry : entries)
    text += fmt::format("{} {}\n", entry.epoch.value(), entry.start.value());
  return text;
}

base::Result<std::vector<EpochStart>> decode_leader_epochs(std::string_view text) {
  MOLDAU_ASSIGN(const auto lines, checkpoint_lines(text));
  std::vector<EpochStart> entries;
  for (const auto& line : lines) {
    const auto epoch = line.size() == 2 ? parse_number<std::int32_t>(line[0]) : std::nullopt;
    const auto start = line.size() == 2 ? parse_number<std::int64_t>(line[1]) : std::nullopt;
    if (!epoch || !start || *epoch < 0 || *start < 0)
      return base::fail(base::Errc::malformed, "leader-epoch-checkpoint: a line is no epoch and offset");
    if (!entries.empty() &&
        (entries.back().epoch.value() >= *epoch || entries.back().start.value() >= *start))
      return base::fail(base::Errc::malformed, "leader-epoch-checkpoint: epochs do not rise");
    entries.push_back({LeaderEpoch{*epoch}, Offset{*start}});
  }
  return entries;
}

}  // namespace moldau::storage
