#include <algorithm>
#include <numeric>

#include "group/assignor.hpp"
#include "group/partition_owners.hpp"

namespace moldau::group {
namespace {

/// Static members first, by instance id, so that ranges stay theirs over restarts.
std::vector<std::uint32_t> in_order(const std::vector<AssignorMember>& members) {
  std::vector<std::uint32_t> order(members.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
    const auto& left = members[a];
    const auto& right = members[b];
    if (left.instance_id && right.instance_id) return *left.instance_id < *right.instance_id;
    if (left.instance_id || right.instance_id) return left.instance_id.has_value();
    return left.id < right.id;
  });
  return order;
}

}  // namespace

AssignorOutput assign_range(const AssignorInput& input) {
  std::vector<std::vector<std::uint32_t>> readers(input.topics.size());
  for (const auto member : in_order(input.members))
    for (const auto topic : input.members[member].topics) readers[topic].push_back(member);

  PartitionOwners owners(input);
  for (std::uint32_t topic = 0; topic < input.topics.size(); ++topic) {
    if (readers[topic].empty()) continue;
    const auto reader_count = static_cast<std::int32_t>(readers[topic].size());
    const auto quota = input.topics[topic].partition_count / reader_count;
    auto larger_ranges = input.topics[topic].partition_count % reader_count;
    std::int32_t partition = 0;
    for (const auto member : readers[topic]) {
      const auto end = partition + quota + (larger_ranges-- > 0 ? 1 : 0);
      for (; partition < end; ++partition) owners.give(topic, partition, member);
    }
  }
  return owners.output();
}

}  // namespace moldau::group
