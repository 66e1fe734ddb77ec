#pragma once
// Sets of partitions as the records of KIP-848 have them: topics ascending by id, partitions
// ascending, no topic twice and none without partitions.  What a group knows is kept in this form,
// so that it is what the record says, and two are the same when they compare equal.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "moldau/group/records.hpp"

namespace moldau::group {

using Owned = CurrentMemberAssignmentRecord::Owned;

/// Ascending, each once.
[[nodiscard]] std::vector<std::string> sorted_names(std::vector<std::string> names);

/// Partitions with the epoch in which each was given; `assignment_epochs` is as long as
/// `partitions`.
using OwnedPartitions = std::vector<Owned>;

/// In the form above; partitions of a topic that appears twice are joined.
[[nodiscard]] std::vector<TopicPartitions> sorted(std::vector<TopicPartitions> partitions);

/// In the form above.  Where a record does not give the epochs (Kafka before 4.3), `member_epoch`
/// counts, or 0 when that is negative.
[[nodiscard]] OwnedPartitions with_epochs(std::vector<Owned> owned, std::int32_t member_epoch);
/// Every partition of `partitions` given in `epoch`.
[[nodiscard]] OwnedPartitions with_epochs(std::span<const TopicPartitions> partitions,
                                          std::int32_t epoch);
[[nodiscard]] std::vector<TopicPartitions> without_epochs(std::span<const Owned> owned);

/// nullptr when there is nothing of that topic.
[[nodiscard]] const Owned* find(std::span<const Owned> owned, const TopicId& topic_id);
[[nodiscard]] const TopicPartitions* find(std::span<const TopicPartitions> partitions,
                                          const TopicId& topic_id);
[[nodiscard]] bool contains(std::span<const Owned> owned, const TopicId& topic_id,
                            std::int32_t partition);
/// The epoch in which that partition was given; -1 when it is not among them.
[[nodiscard]] std::int32_t epoch_of(std::span<const Owned> owned, const TopicId& topic_id,
                                    std::int32_t partition);

}  // namespace moldau::group
