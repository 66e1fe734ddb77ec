#include "moldau/group/step.hpp"

namespace moldau::group {
namespace {
constexpr std::size_t queue_slack = 64;
}  // namespace

std::size_t DeadlineKeyHash::operator()(const DeadlineKey& key) const noexcept {
  std::size_t hash = std::hash<std::string>{}(key.group_id);
  hash = hash * 0x9E3779B97F4A7C15ULL + std::hash<std::string>{}(key.member_id);
  return hash * 0x9E3779B97F4A7C15ULL + static_cast<std::size_t>(key.kind);
}

void Deadlines::set(DeadlineKey key, base::SteadyTime when) {
  const auto [place, is_new] = when_.try_emplace(key);
  place->second.when = when;
  if (is_new || when < place->second.queued_for) {
    place->second.queued_for = when;
    queue_.push({when, std::move(key)});
  }
  if (queue_.size() > 2 * when_.size() + queue_slack) drop_old_entries();
}

/// Keys that are cleared and set again leave entries behind that would only go when their time comes.
void Deadlines::drop_old_entries() {
  queue_ = {};
  for (auto& [key, due] : when_) {
    due.queued_for = due.when;
    queue_.push({due.when, key});
  }
}

void Deadlines::clear(const DeadlineKey& key) { when_.erase(key); }

void Deadlines::postpone(base::SteadyTime::duration by) {
  for (auto& [key, due] : when_) due.when += by;
  drop_old_entries();
}

std::optional<base::SteadyTime> Deadlines::next() {
  // What was cleared or moved to earlier left entries behind, which may even be in the past by now.
  while (!queue_.empty()) {
    const auto place = when_.find(queue_.top().key);
    if (place != when_.end() && place->second.queued_for == queue_.top().when)
      return queue_.top().when;
    queue_.pop();
  }
  return std::nullopt;
}

std::optional<DeadlineKey> Deadlines::take_due(base::SteadyTime now) {
  while (!queue_.empty() && queue_.top().when <= now) {
    Entry entry = queue_.top();
    queue_.pop();
    const auto place = when_.find(entry.key);
    if (place == when_.end() || place->second.queued_for != entry.when) continue;
    if (place->second.when <= now) {
      when_.erase(place);
      return std::move(entry.key);
    }
    place->second.queued_for = place->second.when;
    queue_.push({place->second.when, std::move(entry.key)});
  }
  return std::nullopt;
}

}  // namespace moldau::group
