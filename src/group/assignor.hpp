#pragma once
// Who shall own which partitions: Kafka's two assignors on the server's side.  Both balance;
// `uniform` over all topics together and moving as little as it can, `range` topic by topic, so
// that partitions of equal number go to the same member.  Neither looks at racks, as in Kafka 4.3.
//
// Pure, and the same result for the same input.  Sources: KIP-848, Kafka 4.3.1's results.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "moldau/group/records.hpp"

namespace moldau::group {

struct AssignorTopic {
  TopicId id{};
  std::int32_t partition_count = 0;
};

struct AssignorMember {
  std::string_view id;
  std::optional<std::string_view> instance_id;
  /// What it subscribes to: places in AssignorInput::topics, ascending.
  std::span<const std::uint32_t> topics;
  /// What it was to own so far (in the form of assignment.hpp).  Partitions that do not exist, or
  /// that another member before it has too, count as if they were not there.
  std::span<const TopicPartitions> assigned;
};

struct AssignorInput {
  std::vector<AssignorTopic> topics;
  std::vector<AssignorMember> members;  // ascending by id
  /// All members subscribe to the same.
  bool homogeneous = true;
};

/// What each member shall own, in the order of the input's members and the form of assignment.hpp.
/// Every partition of a topic that somebody subscribes to goes to one of those.
using AssignorOutput = std::vector<std::vector<TopicPartitions>>;
using Assignor = AssignorOutput (*)(const AssignorInput& input);

[[nodiscard]] AssignorOutput assign_uniform(const AssignorInput& input);
[[nodiscard]] AssignorOutput assign_range(const AssignorInput& input);

/// "uniform" and "range"; nullptr for any other name.
[[nodiscard]] Assignor find_assignor(std::string_view name);

}  // namespace moldau::group
