#include "group/current_assignment.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace moldau::group {
namespace {

using State = CurrentMemberAssignmentRecord::Value;

/// Whether the member may still be using one of `revoked`: it says so, or does not say.
bool still_owns(const ReconcileInput& input, std::span<const Owned> revoked) {
  if (input.owned == nullptr) return true;
  return std::ranges::any_of(*input.owned, [&](const TopicPartitions& topic) {
    const auto* pending = find(revoked, topic.topic_id);
    return pending != nullptr && std::ranges::any_of(topic.partitions, [&](std::int32_t partition) {
             return std::ranges::binary_search(pending->partitions, partition);
           });
  });
}

State in_epoch(const State& current, std::int32_t epoch) {
  State next;
  next.member_epoch = epoch;
  next.previous_member_epoch = current.member_epoch;
  next.state = current.state;
  return next;
}

void add(Owned& topic, std::int32_t partition, std::int32_t epoch) {
  topic.partitions.push_back(partition);
  topic.assignment_epochs.push_back(epoch);
}

void append(OwnedPartitions& list, Owned topic) {
  if (!topic.partitions.empty()) list.push_back(std::move(topic));
}

struct Difference {
  OwnedPartitions kept;
  OwnedPartitions revoked;
  OwnedPartitions gained;   // free, with the target's epoch
  bool unreleased = false;  // some of the target still belong to others
};

void compare_topic(const ReconcileInput& input, const TopicId& topic_id, Difference& difference) {
  static const std::vector<std::int32_t> none;
  const auto* owned = find(input.current.assigned, topic_id);
  const auto* meant = input.is_subscribed(topic_id) ? find(input.target, topic_id) : nullptr;
  const auto& target = meant != nullptr ? meant->partitions : none;
  Owned kept{topic_id, {}, {}};
  Owned revoked{topic_id, {}, {}};
  Owned gained{topic_id, {}, {}};
  if (owned != nullptr) {
    for (std::size_t i = 0; i < owned->partitions.size(); ++i) {
      const bool stays = std::ranges::binary_search(target, owned->partitions[i]);
      add(stays ? kept : revoked, owned->partitions[i], owned->assignment_epochs[i]);
    }
  }
  for (const auto partition : target) {
    if (std::ranges::binary_search(kept.partitions, partition)) continue;
    if (input.is_free(topic_id, partition)) {
      add(gained, partition, input.target_epoch);
    } else {
      difference.unreleased = true;
    }
  }
  append(difference.kept, std::move(kept));
  append(difference.revoked, std::move(revoked));
  append(difference.gained, std::move(gained));
}

Difference compare(const ReconcileInput& input) {
  std::set<TopicId> topics;
  for (const auto& topic : input.target) topics.insert(topic.topic_id);
  for (const auto& topic : input.current.assigned) topics.insert(topic.topic_id);
  Difference difference;
  for (const auto& topic_id : topics) compare_topic(input, topic_id, difference);
  return difference;
}

OwnedPartitions joined(OwnedPartitions a, OwnedPartitions b) {
  std::ranges::move(b, std::back_inserter(a));
  return with_epochs(std::move(a), 0);
}

/// `epoch`: where the member stays while it has something to give up.
State towards_target(const ReconcileInput& input, std::int32_t epoch) {
  auto difference = compare(input);
  if (!difference.revoked.empty() && still_owns(input, difference.revoked)) {
    auto next = in_epoch(input.current, epoch);
    next.state = member_state::unrevoked_partitions;
    next.assigned = std::move(difference.kept);
    next.pending_revocation = std::move(difference.revoked);
    return next;
  }
  auto next = in_epoch(input.current, input.target_epoch);
  next.state = difference.unreleased ? member_state::unreleased_partitions : member_state::stable;
  next.assigned = joined(std::move(difference.kept), std::move(difference.gained));
  return next;
}

/// Takes away, on the member's epoch, what it does not subscribe to any more.
State without_unsubscribed(const ReconcileInput& input) {
  OwnedPartitions kept;
  OwnedPartitions removed;
  for (const auto& topic : input.current.assigned)
    (input.is_subscribed(topic.topic_id) ? kept : removed).push_back(topic);
  if (removed.empty()) return input.current;
  auto pending = joined(input.current.pending_revocation, std::move(removed));
  auto next = in_epoch(input.current, input.current.member_epoch);
  next.assigned = std::move(kept);
  if (still_owns(input, pending)) {
    next.state = member_state::unrevoked_partitions;
    next.pending_revocation = std::move(pending);
  } else {
    next.pending_revocation = input.current.pending_revocation;
  }
  return next;
}

}  // namespace

std::optional<State> reconcile(const ReconcileInput& input) {
  const auto& current = input.current;
  switch (current.state) {
    case member_state::stable:
      if (current.member_epoch != input.target_epoch)
        return towards_target(input, current.member_epoch);
      return input.subscription_changed ? without_unsubscribed(input) : current;
    case member_state::unrevoked_partitions:
      if (!still_owns(input, current.pending_revocation))
        return towards_target(input, current.member_epoch);
      return input.subscription_changed ? without_unsubscribed(input) : current;
    case member_state::unreleased_partitions:
      return towards_target(input, current.member_epoch);
    default:
      if (input.owned == nullptr || !input.owned->empty()) return std::nullopt;
      return towards_target(input, input.target_epoch);
  }
}

}  // namespace moldau::group
