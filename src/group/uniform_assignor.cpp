#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "group/assignor.hpp"
#include "group/partition_owners.hpp"

namespace moldau::group {
namespace {

using Partition = PartitionOwners::Partition;

// Everybody subscribes to the same: every member gets a fair number, and keeps what it has up to
// that.

class FairShares {
 public:
  explicit FairShares(const AssignorInput& input) : input_(input), owners_(input) {}

  AssignorOutput run() {
    kept_ = owners_.keep_assigned();
    const auto& topics = input_.members.front().topics;
    std::uint32_t total = 0;
    for (const auto topic : topics) {
      for (std::int32_t i = 0; i < input_.topics[topic].partition_count; ++i)
        if (owners_.owner(topic, i) == PartitionOwners::nobody) free_.push_back({topic, i});
      total += static_cast<std::uint32_t>(input_.topics[topic].partition_count);
    }
    const auto member_count = static_cast<std::uint32_t>(input_.members.size());
    share_ = total / member_count;
    larger_shares_ = total % member_count;
    for (std::uint32_t member = 0; member < member_count; ++member) limit(member);
    for (const auto& [member, room] : unfilled_) fill(member, room);
    return owners_.output();
  }

 private:
  /// Takes from the member what is above its share, and notes what is missing below.
  void limit(std::uint32_t member) {
    const auto members_left = static_cast<std::uint32_t>(input_.members.size()) - member;
    bool is_larger = larger_shares_ > 0;
    std::uint32_t room = share_ + (is_larger ? 1 : 0);
    room -= take_above(member, room);
    // A larger share that it does not have already is left to those after it, while there are
    // enough.
    if (room > 0 && is_larger && members_left > larger_shares_) {
      --room;
      is_larger = false;
    }
    if (room > 0) unfilled_.emplace_back(member, room);
    if (is_larger) --larger_shares_;
  }

  /// How many of at most `share` it keeps.
  std::uint32_t take_above(std::uint32_t member, std::uint32_t share) {
    const auto& kept = kept_[member];
    for (std::size_t i = share; i < kept.size(); ++i) {
      owners_.give(kept[i].topic, kept[i].index, PartitionOwners::nobody);
      free_.push_back(kept[i]);
    }
    return owners_.load(member);
  }

  void fill(std::uint32_t member, std::uint32_t room) {
    for (; room > 0 && !free_.empty(); --room) {
      owners_.give(free_.front().topic, free_.front().index, member);
      free_.pop_front();
    }
  }

  const AssignorInput& input_;
  PartitionOwners owners_;
  std::vector<std::vector<Partition>> kept_;  // by member
  std::uint32_t share_ = 0;
  std::uint32_t larger_shares_ = 0;  // by one; of members that are still to come
  std::deque<Partition> free_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> unfilled_;  // member and room
};

// Subscriptions differ: what is free goes to whoever has least among those who want it, and then
// partitions move from those with most to those with least while that makes it more even.

class LeastLoaded {
 public:
  explicit LeastLoaded(const AssignorInput& input) : input_(input), owners_(input) {
    readers_.resize(input.topics.size());
    for (std::uint32_t member = 0; member < input.members.size(); ++member)
      for (const auto topic : input.members[member].topics) readers_[topic].push_back(member);
  }

  AssignorOutput run() {
    owners_.keep_assigned();
    const auto topics = in_order();
    for (const auto topic : topics) give_free(topic);
    // Moving for one topic can unbalance what another could mend; it settles soon, and need not.
    constexpr int rounds_max = 16;
    for (int round = 0; round < rounds_max; ++round) {
      bool moved = false;
      for (const auto topic : topics) moved |= even_out(topic);
      if (!moved) break;
    }
    return owners_.output();
  }

 private:
  using ByLoad = std::set<std::pair<std::uint32_t, std::uint32_t>>;  // load and member

  /// Topics with most partitions for each reader first: they leave least choice.
  [[nodiscard]] std::vector<std::uint32_t> in_order() const {
    std::vector<std::uint32_t> order;
    for (std::uint32_t topic = 0; topic < readers_.size(); ++topic)
      if (!readers_[topic].empty()) order.push_back(topic);
    const auto partitions = [&](std::uint32_t topic) {
      return static_cast<std::uint64_t>(input_.topics[topic].partition_count);
    };
    std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
      const auto left = partitions(a) * readers_[b].size();
      const auto right = partitions(b) * readers_[a].size();
      if (left != right) return left > right;
      if (readers_[a].size() != readers_[b].size()) return readers_[a].size() < readers_[b].size();
      return input_.topics[a].id < input_.topics[b].id;
    });
    return order;
  }

  [[nodiscard]] ByLoad readers_by_load(std::uint32_t topic) const {
    ByLoad result;
    for (const auto member : readers_[topic]) result.emplace(owners_.load(member), member);
    return result;
  }

  void give_free(std::uint32_t topic) {
    auto readers = readers_by_load(topic);
    for (std::int32_t i = 0; i < input_.topics[topic].partition_count; ++i) {
      if (owners_.owner(topic, i) != PartitionOwners::nobody) continue;
      const auto member = readers.extract(readers.begin()).value().second;
      owners_.give(topic, i, member);
      readers.emplace(owners_.load(member), member);
    }
  }

  /// Whether anything moved.
  bool even_out(std::uint32_t topic) {
    auto readers = readers_by_load(topic);
    if (readers.rbegin()->first - readers.begin()->first <= 1) return false;
    std::vector<std::vector<std::int32_t>> owned(input_.members.size());
    for (std::int32_t i = 0; i < input_.topics[topic].partition_count; ++i)
      owned[owners_.owner(topic, i)].push_back(i);
    ByLoad givers;  // readers that have some of this topic
    for (const auto& entry : readers)
      if (!owned[entry.second].empty()) givers.insert(entry);
    bool moved = false;
    while (!givers.empty()) {
      const auto [most, from] = *givers.rbegin();
      const auto [least, to] = *readers.begin();
      if (most <= least + 1) break;
      const auto partition = owned[from].back();
      owned[from].pop_back();
      owned[to].push_back(partition);
      givers.erase({most, from});
      givers.erase({least, to});
      readers.erase({most, from});
      readers.erase({least, to});
      owners_.give(topic, partition, to);
      moved = true;
      for (const auto member : {from, to}) {
        readers.emplace(owners_.load(member), member);
        if (!owned[member].empty()) givers.emplace(owners_.load(member), member);
      }
    }
    return moved;
  }

  const AssignorInput& input_;
  PartitionOwners owners_;
  std::vector<std::vector<std::uint32_t>> readers_;  // of each topic
};

}  // namespace

AssignorOutput assign_uniform(const AssignorInput& input) {
  if (input.members.empty()) return {};
  return input.homogeneous ? FairShares(input).run() : LeastLoaded(input).run();
}

}  // namespace moldau::group
