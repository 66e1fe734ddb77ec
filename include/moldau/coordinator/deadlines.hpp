#pragma once
// What may become due in a machine, and when.

#include <cstddef>
#include <functional>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "moldau/base/clock.hpp"

namespace moldau::coordinator {

/// One deadline for a key.  Moving one to later, which every heartbeat does, costs a look-up and no
/// reordering: the queue's old entry finds out when it comes up.
template <class Key, class Hash = std::hash<Key>>
class Deadlines {
 public:
  void set(Key key, base::SteadyTime when);
  void clear(const Key& key) { when_.erase(key); }
  [[nodiscard]] bool has(const Key& key) const { return when_.contains(key); }
  /// When to call take_due() next at the latest; nullopt when nothing is set.
  [[nodiscard]] std::optional<base::SteadyTime> next();
  /// The next key that is due, cleared; nullopt when there is none.
  std::optional<Key> take_due(base::SteadyTime now);
  /// Every deadline is that much later: time in which nobody could have been heard.
  void postpone(base::SteadyTime::duration by);
  [[nodiscard]] std::size_t size() const { return when_.size(); }

 private:
  static constexpr std::size_t queue_slack = 64;
  struct Entry {
    base::SteadyTime when{};
    Key key;
    friend bool operator<(const Entry& a, const Entry& b) { return a.when > b.when; }
  };
  struct Due {
    base::SteadyTime when{};
    base::SteadyTime queued_for{};  // of its one entry in the queue that counts
  };
  void drop_old_entries();

  std::unordered_map<Key, Due, Hash> when_;
  std::priority_queue<Entry> queue_;
};

template <class Key, class Hash>
void Deadlines<Key, Hash>::set(Key key, base::SteadyTime when) {
  const auto [place, is_new] = when_.try_emplace(key);
  place->second.when = when;
  if (is_new || when < place->second.queued_for) {
    place->second.queued_for = when;
    queue_.push({when, std::move(key)});
  }
  if (queue_.size() > 2 * when_.size() + queue_slack) drop_old_entries();
}

/// Keys that are cleared and set again leave entries behind that would only go when their time comes.
template <class Key, class Hash>
void Deadlines<Key, Hash>::drop_old_entries() {
  queue_ = {};
  for (auto& [key, due] : when_) {
    due.queued_for = due.when;
    queue_.push({due.when, key});
  }
}

template <class Key, class Hash>
void Deadlines<Key, Hash>::postpone(base::SteadyTime::duration by) {
  for (auto& [key, due] : when_) due.when += by;
  drop_old_entries();
}

template <class Key, class Hash>
std::optional<base::SteadyTime> Deadlines<Key, Hash>::next() {
  // What was cleared or moved to earlier left entries behind, which may even be in the past by now.
  while (!queue_.empty()) {
    const auto place = when_.find(queue_.top().key);
    if (place != when_.end() && place->second.queued_for == queue_.top().when)
      return queue_.top().when;
    queue_.pop();
  }
  return std::nullopt;
}

template <class Key, class Hash>
std::optional<Key> Deadlines<Key, Hash>::take_due(base::SteadyTime now) {
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

}  // namespace moldau::coordinator
