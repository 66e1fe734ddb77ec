#include "offset_change.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>
#include <string_view>
#include <variant>

namespace moldau::cli {
namespace {

using base::Errc;

std::optional<PartitionIndex> partition_index(std::string_view text) {
  std::int32_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return PartitionIndex{number};
}

Offset shifted(Offset from, std::int64_t by) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(from.value(), by, &sum)) return Offset{sum};
  return Offset{by > 0 ? INT64_MAX : INT64_MIN};
}

}  // namespace

base::Result<TopicSelection> parse_topic_selection(const std::string& text) {
  TopicSelection selection;
  const auto colon = text.find(':');
  selection.topic = text.substr(0, colon);
  const auto wrong = base::fail(Errc::invalid_argument, "'" + text + "' is not TOPIC or TOPIC:0,1");
  if (selection.topic.empty()) return wrong;
  if (colon == std::string::npos) return selection;
  std::string_view rest = std::string_view(text).substr(colon + 1);
  while (true) {
    const auto comma = rest.find(',');
    const auto index = partition_index(rest.substr(0, comma));
    if (!index) return wrong;
    selection.partitions.push_back(*index);
    if (comma == std::string_view::npos) return selection;
    rest.remove_prefix(comma + 1);
  }
}

base::Result<Offset> target_offset(const ResetTarget& target, const PartitionFacts& facts) {
  Offset wanted{};
  switch (target.kind) {
    case ResetTarget::Kind::earliest:
      wanted = facts.start;
      break;
    case ResetTarget::Kind::latest:
      wanted = facts.end;
      break;
    case ResetTarget::Kind::offset:
      wanted = Offset{target.value};
      break;
    case ResetTarget::Kind::time:
      wanted = facts.at_time.value_or(facts.end);
      break;
    case ResetTarget::Kind::shift:
      if (!facts.committed)
        return base::fail(Errc::invalid_argument, "there is no committed offset to shift");
      wanted = shifted(*facts.committed, target.value);
      break;
  }
  return std::clamp(wanted, facts.start, std::max(facts.start, facts.end));
}

void collect_trail(Trails& trails, const std::string& group_id, const group::Record& record) {
  const auto* trail = std::get_if<group::OffsetTrailRecord>(&record);
  if (trail == nullptr || trail->group_id != group_id) return;
  const TopicPartition partition{trail->topic, trail->partition};
  if (trail->value && !trail->value->empty()) {
    trails[partition] = *trail->value;
  } else {
    trails.erase(partition);
  }
}

base::Result<UndoPlan> plan_undo(const Trails& trails, std::int64_t resets) {
  // What one reset replaced carries one time, on whatever partitions.
  std::set<std::int64_t, std::greater<>> times;
  for (const auto& [partition, trail] : trails)
    for (const auto& entry : trail) times.insert(entry.replaced_at_ms);
  if (times.empty()) return base::fail(Errc::not_found, "no reset of it is remembered");
  if (resets < 1 || static_cast<std::size_t>(resets) > times.size())
    return base::fail(Errc::not_found,
                      "only " + std::to_string(times.size()) + " resets of it are remembered");
  UndoPlan plan;
  plan.reset_at_ms = *std::next(times.begin(), resets - 1);
  for (const auto& [partition, trail] : trails)
    for (const auto& entry : trail)
      if (entry.replaced_at_ms >= plan.reset_at_ms) plan.offsets[partition] = entry;
  return plan;
}

}  // namespace moldau::cli
