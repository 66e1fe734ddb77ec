#include "group/assignor.hpp"

#include "group/partition_owners.hpp"

namespace moldau::group {

Assignor find_assignor(std::string_view name) {
  if (name == "uniform") return assign_uniform;
  if (name == "range") return assign_range;
  return nullptr;
}

PartitionOwners::PartitionOwners(const AssignorInput& input) : input_(input) {
  owners_.reserve(input.topics.size());
  for (const auto& topic : input.topics)
    owners_.emplace_back(static_cast<std::size_t>(topic.partition_count), nobody);
  loads_.resize(input.members.size());
}

std::vector<std::vector<PartitionOwners::Partition>> PartitionOwners::keep_assigned() {
  std::vector<std::vector<Partition>> kept(input_.members.size());
  std::vector<std::uint32_t> by_id(input_.topics.size());
  std::iota(by_id.begin(), by_id.end(), 0U);
  const auto id_of = [&](std::uint32_t topic) { return input_.topics[topic].id; };
  std::ranges::sort(by_id, {}, id_of);
  for (std::uint32_t member = 0; member < input_.members.size(); ++member) {
    for (const auto& assigned : input_.members[member].assigned) {
      const auto place = std::ranges::lower_bound(by_id, assigned.topic_id, {}, id_of);
      if (place == by_id.end() || id_of(*place) != assigned.topic_id) continue;
      if (!std::ranges::binary_search(input_.members[member].topics, *place)) continue;
      for (const auto partition : assigned.partitions) {
        if (partition < 0 || partition >= input_.topics[*place].partition_count) continue;
        if (owner(*place, partition) != nobody) continue;
        give(*place, partition, member);
        kept[member].push_back({*place, partition});
      }
    }
  }
  return kept;
}

void PartitionOwners::give(std::uint32_t topic, std::int32_t partition, std::uint32_t member) {
  auto& owner = owners_[topic][static_cast<std::size_t>(partition)];
  if (owner != nobody) --loads_[owner];
  owner = member;
  if (member != nobody) ++loads_[member];
}

AssignorOutput PartitionOwners::output() const {
  AssignorOutput result(input_.members.size());
  for (std::uint32_t topic = 0; topic < owners_.size(); ++topic) {
    const auto& id = input_.topics[topic].id;
    for (std::size_t partition = 0; partition < owners_[topic].size(); ++partition) {
      const auto member = owners_[topic][partition];
      if (member == nobody) continue;
      auto& topics = result[member];
      if (topics.empty() || topics.back().topic_id != id) topics.push_back({id, {}});
      topics.back().partitions.push_back(static_cast<std::int32_t>(partition));
    }
  }
  for (auto& topics : result) std::ranges::sort(topics, {}, &TopicPartitions::topic_id);
  return result;
}

}  // namespace moldau::group
