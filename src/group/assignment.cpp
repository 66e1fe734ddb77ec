#include "group/assignment.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace moldau::group {
namespace {

constexpr auto by_topic = [](const auto& a, const auto& b) { return a.topic_id < b.topic_id; };

template <class T>
const T* find_in(std::span<const T> sorted_list, const TopicId& topic_id) {
  const auto place = std::ranges::lower_bound(sorted_list, topic_id, {}, &T::topic_id);
  return place != sorted_list.end() && place->topic_id == topic_id ? &*place : nullptr;
}

/// Ascending, each partition once and with its epoch.
void sort_owned(Owned& owned) {
  std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
  pairs.reserve(owned.partitions.size());
  for (std::size_t i = 0; i < owned.partitions.size(); ++i)
    pairs.emplace_back(owned.partitions[i], owned.assignment_epochs[i]);
  std::ranges::sort(pairs);
  const auto same_partition = [](const auto& a, const auto& b) { return a.first == b.first; };
  pairs.erase(std::unique(pairs.begin(), pairs.end(), same_partition), pairs.end());
  owned.partitions.clear();
  owned.assignment_epochs.clear();
  for (const auto& [partition, epoch] : pairs) {
    owned.partitions.push_back(partition);
    owned.assignment_epochs.push_back(epoch);
  }
}

}  // namespace

std::vector<std::string> sorted_names(std::vector<std::string> names) {
  std::ranges::sort(names);
  const auto rest = std::ranges::unique(names);
  names.erase(rest.begin(), rest.end());
  return names;
}

std::vector<TopicPartitions> sorted(std::vector<TopicPartitions> partitions) {
  std::ranges::sort(partitions, by_topic);
  std::vector<TopicPartitions> result;
  for (auto& topic : partitions) {
    if (result.empty() || result.back().topic_id != topic.topic_id) {
      result.push_back(std::move(topic));
    } else {
      std::ranges::copy(topic.partitions, std::back_inserter(result.back().partitions));
    }
  }
  for (auto& topic : result) {
    std::ranges::sort(topic.partitions);
    const auto rest = std::ranges::unique(topic.partitions);
    topic.partitions.erase(rest.begin(), rest.end());
  }
  std::erase_if(result, [](const auto& topic) { return topic.partitions.empty(); });
  return result;
}

OwnedPartitions with_epochs(std::vector<Owned> owned, std::int32_t member_epoch) {
  std::ranges::sort(owned, by_topic);
  OwnedPartitions result;
  for (auto& topic : owned) {
    if (topic.assignment_epochs.size() != topic.partitions.size())
      topic.assignment_epochs.assign(topic.partitions.size(), std::max(member_epoch, 0));
    if (result.empty() || result.back().topic_id != topic.topic_id) {
      result.push_back(std::move(topic));
      continue;
    }
    auto& same = result.back();
    std::ranges::copy(topic.partitions, std::back_inserter(same.partitions));
    std::ranges::copy(topic.assignment_epochs, std::back_inserter(same.assignment_epochs));
  }
  std::erase_if(result, [](const auto& topic) { return topic.partitions.empty(); });
  for (auto& topic : result) {
    if (std::ranges::adjacent_find(topic.partitions, std::greater_equal{}) !=
        topic.partitions.end())
      sort_owned(topic);
  }
  return result;
}

OwnedPartitions with_epochs(std::span<const TopicPartitions> partitions, std::int32_t epoch) {
  OwnedPartitions result;
  result.reserve(partitions.size());
  for (const auto& topic : partitions)
    result.push_back({topic.topic_id, topic.partitions,
                      std::vector<std::int32_t>(topic.partitions.size(), epoch)});
  return result;
}

std::vector<TopicPartitions> without_epochs(std::span<const Owned> owned) {
  std::vector<TopicPartitions> result;
  result.reserve(owned.size());
  for (const auto& topic : owned) result.push_back({topic.topic_id, topic.partitions});
  return result;
}

const Owned* find(std::span<const Owned> owned, const TopicId& topic_id) {
  return find_in(owned, topic_id);
}

const TopicPartitions* find(std::span<const TopicPartitions> partitions, const TopicId& topic_id) {
  return find_in(partitions, topic_id);
}

bool contains(std::span<const Owned> owned, const TopicId& topic_id, std::int32_t partition) {
  const auto* topic = find(owned, topic_id);
  return topic != nullptr && std::ranges::binary_search(topic->partitions, partition);
}

std::int32_t epoch_of(std::span<const Owned> owned, const TopicId& topic_id,
                      std::int32_t partition) {
  const auto* topic = find(owned, topic_id);
  if (topic == nullptr) return -1;
  const auto place = std::ranges::lower_bound(topic->partitions, partition);
  if (place == topic->partitions.end() || *place != partition) return -1;
  return topic->assignment_epochs[static_cast<std::size_t>(place - topic->partitions.begin())];
}

}  // namespace moldau::group
