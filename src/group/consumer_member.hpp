#pragma once
// A member of a consumer group: what its two records say of it.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "group/assignment.hpp"
#include "moldau/group/records.hpp"

namespace moldau::group {

/// Values of CurrentMemberAssignmentRecord::Value::state.
namespace member_state {
constexpr std::int8_t stable = 0;
/// It has been told to give partitions up and has not said yet that it did.
constexpr std::int8_t unrevoked_partitions = 1;
/// It waits for partitions that others have not given up yet.
constexpr std::int8_t unreleased_partitions = 2;
constexpr std::int8_t known_max = unreleased_partitions;
}  // namespace member_state

/// Epochs that are not epochs.
constexpr std::int32_t join_epoch = 0;
constexpr std::int32_t leave_epoch = -1;
constexpr std::int32_t leave_static_epoch = -2;

struct ConsumerMember {
  ConsumerMember() {
    subscription.subscribed_topic_regex.emplace();
    current.previous_member_epoch = -1;
  }
  ConsumerGroupMemberRecord::Value subscription;
  CurrentMemberAssignmentRecord::Value current;  // both sets in the form of assignment.hpp

  friend bool operator==(const ConsumerMember&, const ConsumerMember&) = default;

  [[nodiscard]] bool uses_classic_protocol() const { return subscription.classic.has_value(); }
  [[nodiscard]] bool is_reconciled_to(std::int32_t target_epoch) const {
    return current.state == member_state::stable && current.member_epoch == target_epoch;
  }
  /// What it has and what it has yet to give up: it is still responsible for those.
  [[nodiscard]] std::vector<TopicPartitions> held() const {
    auto held = without_epochs(current.assigned);
    std::ranges::move(without_epochs(current.pending_revocation), std::back_inserter(held));
    return sorted(std::move(held));
  }
  /// Empty when it subscribes to none.
  [[nodiscard]] std::string_view regex() const {
    const auto& regex = subscription.subscribed_topic_regex;
    return regex ? std::string_view{*regex} : std::string_view{};
  }
};

}  // namespace moldau::group
