#pragma once
// One step of a member from what it owns towards what it shall own (KIP-848's reconciliation): it
// first gives up, on its old epoch, what is no longer meant for it; only when it has said that it
// did, it goes to the new epoch and gets what others have given up.  So no partition ever has two
// owners.
//
// Pure: states in, the next state out.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "group/consumer_member.hpp"

namespace moldau::group {

struct ReconcileInput {
  const CurrentMemberAssignmentRecord::Value& current;
  std::int32_t target_epoch = 0;
  std::span<const TopicPartitions> target;
  /// In this very heartbeat: what it no longer subscribes to is taken away at once.
  bool subscription_changed = false;
  /// As the member reports it; nullptr when it does not.
  const std::vector<TopicPartitions>* owned = nullptr;
  std::function<bool(const TopicId&)> is_subscribed;
  /// Whether a partition belongs to nobody, or to this very member.
  std::function<bool(const TopicId&, std::int32_t partition)> is_free;
};

/// The member's next state, the same when it cannot go on; nullopt when its state is not known (it
/// was written by a later release) and it has to start anew without partitions.
[[nodiscard]] std::optional<CurrentMemberAssignmentRecord::Value> reconcile(
    const ReconcileInput& input);

}  // namespace moldau::group
