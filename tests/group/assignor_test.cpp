#include "group/assignor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>

#include "group/assignment.hpp"

namespace moldau::group {
namespace {

TopicId id(std::uint32_t number) {
  TopicId topic_id;
  topic_id.bytes[15] = static_cast<std::uint8_t>(number + 1);
  return topic_id;
}

/// A group whose members' wishes change from one assignment to the next.
class Group {
 public:
  std::uint32_t add_topic(std::int32_t partitions) {
    topics_.push_back({id(static_cast<std::uint32_t>(topics_.size())), partitions});
    return static_cast<std::uint32_t>(topics_.size()) - 1;
  }
  void grow_topic(std::uint32_t topic, std::int32_t partitions) {
    topics_[topic].partition_count = partitions;
  }
  void set_member(const std::string& name, std::vector<std::uint32_t> topics) {
    members_[name].topics = std::move(topics);
  }
  void set_static_member(const std::string& name, const std::string& instance,
                         std::vector<std::uint32_t> topics) {
    set_member(name, std::move(topics));
    members_[name].instance_id = instance;
  }
  void set_owned(const std::string& name, std::vector<TopicPartitions> owned) {
    members_[name].owned = std::move(owned);
  }
  void remove_member(const std::string& name) { members_.erase(name); }

  void assign(Assignor assignor) {
    AssignorInput input;
    input.topics = topics_;
    for (const auto& [name, member] : members_) {
      input.homogeneous &= member.topics == members_.begin()->second.topics;
      AssignorMember asked{
          .id = name, .instance_id = {}, .topics = member.topics, .assigned = member.owned};
      if (!member.instance_id.empty()) asked.instance_id = member.instance_id;
      input.members.push_back(asked);
    }
    auto output = assignor(input);
    ASSERT_EQ(output.size(), members_.size());
    auto owned = output.begin();
    for (auto& [name, member] : members_) {
      ASSERT_EQ(*owned, sorted(*owned)) << "not in the form of records";
      member.owned = *owned++;
    }
  }

  [[nodiscard]] std::vector<std::int32_t> owned(const std::string& name,
                                                std::uint32_t topic) const {
    const auto* partitions = find(members_.at(name).owned, id(topic));
    return partitions == nullptr ? std::vector<std::int32_t>{} : partitions->partitions;
  }
  [[nodiscard]] std::size_t load(const std::string& name) const {
    std::size_t load = 0;
    for (const auto& topic : members_.at(name).owned) load += topic.partitions.size();
    return load;
  }
  [[nodiscard]] std::vector<std::size_t> loads() const {
    std::vector<std::size_t> loads;
    for (const auto& [name, unused] : members_) loads.push_back(load(name));
    return loads;
  }
  using Owners = std::map<std::pair<std::uint32_t, std::int32_t>, std::string>;
  [[nodiscard]] Owners owners() const {
    Owners owners;
    for (const auto& [name, member] : members_)
      for (std::uint32_t topic = 0; topic < topics_.size(); ++topic)
        for (const auto partition : owned(name, topic))
          EXPECT_TRUE(owners.emplace(std::pair{topic, partition}, name).second) << "owned twice";
    return owners;
  }
  /// Everything that is wanted has one owner, who wants it.
  void check_complete() const {
    const auto found = owners();
    std::set<std::uint32_t> wanted;
    for (const auto& [name, member] : members_) {
      wanted.insert(member.topics.begin(), member.topics.end());
      for (std::uint32_t topic = 0; topic < topics_.size(); ++topic)
        EXPECT_TRUE(owned(name, topic).empty() ||
                    std::ranges::find(member.topics, topic) != member.topics.end());
    }
    std::size_t partitions = 0;
    for (const auto topic : wanted) {
      partitions += static_cast<std::size_t>(topics_[topic].partition_count);
      for (std::int32_t i = 0; i < topics_[topic].partition_count; ++i)
        EXPECT_TRUE(found.contains({topic, i})) << "nobody owns " << topic << "-" << i;
    }
    EXPECT_EQ(found.size(), partitions);
  }
  [[nodiscard]] std::size_t size() const { return members_.size(); }

  struct Member {
    std::vector<std::uint32_t> topics;
    std::string instance_id;
    std::vector<TopicPartitions> owned;
  };
  [[nodiscard]] const std::map<std::string, Member>& members() const { return members_; }
  [[nodiscard]] std::int32_t partitions(std::uint32_t topic) const {
    return topics_[topic].partition_count;
  }
  [[nodiscard]] std::uint32_t topic_count() const {
    return static_cast<std::uint32_t>(topics_.size());
  }

 private:
  std::vector<AssignorTopic> topics_;
  std::map<std::string, Member> members_;
};

using Partitions = std::vector<std::int32_t>;

std::size_t moved(const Group::Owners& before, const Group::Owners& after) {
  std::size_t count = 0;
  for (const auto& [partition, owner] : before) {
    const auto place = after.find(partition);
    count += place != after.end() && place->second != owner;
  }
  return count;
}

TEST(FindAssignor, KnowsKafkasTwo) {
  EXPECT_EQ(find_assignor("uniform"), assign_uniform);
  EXPECT_EQ(find_assignor("range"), assign_range);
  EXPECT_EQ(find_assignor("simple"), nullptr);
  EXPECT_EQ(find_assignor(""), nullptr);
}

TEST(Assignors, WithoutMembersOrTopicsNobodyOwnsAnything) {
  for (const auto assignor : {assign_uniform, assign_range}) {
    Group group;
    group.assign(assignor);
    group.set_member("a", {});
    group.assign(assignor);
    EXPECT_EQ(group.load("a"), 0U);
  }
}

TEST(RangeAssignor, GivesContiguousRangesWithTheLargerOnesFirst) {
  Group group;
  const auto topic = group.add_topic(7);
  for (const auto* name : {"a", "b", "c"}) group.set_member(name, {topic});
  group.assign(assign_range);
  EXPECT_EQ(group.owned("a", topic), (Partitions{0, 1, 2}));
  EXPECT_EQ(group.owned("b", topic), (Partitions{3, 4}));
  EXPECT_EQ(group.owned("c", topic), (Partitions{5, 6}));
}

TEST(RangeAssignor, GivesTheSameRangeOfTopicsThatAreAlike) {
  Group group;
  const auto left = group.add_topic(4);
  const auto right = group.add_topic(4);
  for (const auto* name : {"a", "b"}) group.set_member(name, {left, right});
  group.assign(assign_range);
  for (const auto* name : {"a", "b"}) EXPECT_EQ(group.owned(name, left), group.owned(name, right));
}

TEST(RangeAssignor, LeavesMembersBeyondTheLastPartitionWithoutAny) {
  Group group;
  const auto topic = group.add_topic(1);
  for (const auto* name : {"a", "b"}) group.set_member(name, {topic});
  group.assign(assign_range);
  EXPECT_EQ(group.load("a"), 1U);
  EXPECT_EQ(group.load("b"), 0U);
}

TEST(RangeAssignor, CountsOnlyWhoReadsTheTopic) {
  Group group;
  const auto left = group.add_topic(4);
  const auto right = group.add_topic(3);
  group.set_member("a", {left});
  group.set_member("b", {left, right});
  group.set_member("c", {right});
  group.assign(assign_range);
  EXPECT_EQ(group.owned("a", left), (Partitions{0, 1}));
  EXPECT_EQ(group.owned("b", left), (Partitions{2, 3}));
  EXPECT_EQ(group.owned("b", right), (Partitions{0, 1}));
  EXPECT_EQ(group.owned("c", right), (Partitions{2}));
}

TEST(RangeAssignor, PutsStaticMembersFirstByInstanceId) {
  Group group;
  const auto topic = group.add_topic(4);
  group.set_member("a", {topic});
  group.set_static_member("b", "2", {topic});
  group.set_static_member("c", "1", {topic});
  group.set_member("d", {topic});
  group.assign(assign_range);
  EXPECT_EQ(group.owned("c", topic), (Partitions{0}));
  EXPECT_EQ(group.owned("b", topic), (Partitions{1}));
  EXPECT_EQ(group.owned("a", topic), (Partitions{2}));
  EXPECT_EQ(group.owned("d", topic), (Partitions{3}));
}

TEST(UniformAssignor, BalancesOverAllTopicsTogether) {
  Group group;
  const auto left = group.add_topic(3);
  const auto right = group.add_topic(3);
  for (const auto* name : {"a", "b", "c", "d"}) group.set_member(name, {left, right});
  group.assign(assign_uniform);
  group.check_complete();
  auto loads = group.loads();
  std::ranges::sort(loads);
  EXPECT_EQ(loads, (std::vector<std::size_t>{1, 1, 2, 2}));
}

TEST(UniformAssignor, ANewMemberTakesOnlyItsShare) {
  Group group;
  const auto topic = group.add_topic(9);
  for (const auto* name : {"a", "b"}) group.set_member(name, {topic});
  group.assign(assign_uniform);
  const auto before = group.owners();
  group.set_member("c", {topic});
  group.assign(assign_uniform);
  EXPECT_EQ(group.loads(), (std::vector<std::size_t>{3, 3, 3}));
  EXPECT_EQ(moved(before, group.owners()), 3U);
}

TEST(UniformAssignor, WhatAMemberLeavesGoesToTheOthersAndNothingElseMoves) {
  Group group;
  const auto topic = group.add_topic(9);
  for (const auto* name : {"a", "b", "c"}) group.set_member(name, {topic});
  group.assign(assign_uniform);
  const auto before = group.owners();
  group.remove_member("b");
  group.assign(assign_uniform);
  group.check_complete();
  EXPECT_EQ(group.loads(), (std::vector<std::size_t>{4, 5}));
  EXPECT_EQ(moved(before, group.owners()), 3U);
}

TEST(UniformAssignor, TheLargerShareStaysWhereItIs) {
  Group group;
  const auto topic = group.add_topic(3);
  group.set_member("a", {topic});
  group.set_member("b", {topic});
  group.set_owned("a", {{id(topic), {0}}});
  group.set_owned("b", {{id(topic), {1, 2}}});
  group.assign(assign_uniform);
  EXPECT_EQ(group.owned("a", topic), (Partitions{0}));
  EXPECT_EQ(group.owned("b", topic), (Partitions{1, 2}));
}

TEST(UniformAssignor, NewPartitionsGoToWhoHasLess) {
  Group group;
  const auto topic = group.add_topic(3);
  for (const auto* name : {"a", "b"}) group.set_member(name, {topic});
  group.assign(assign_uniform);
  const auto before = group.owners();
  group.grow_topic(topic, 6);
  group.assign(assign_uniform);
  EXPECT_EQ(group.loads(), (std::vector<std::size_t>{3, 3}));
  EXPECT_EQ(moved(before, group.owners()), 0U);
}

TEST(UniformAssignor, ForgetsTopicsThatAreNotReadAnyMore) {
  Group group;
  const auto left = group.add_topic(2);
  const auto right = group.add_topic(2);
  for (const auto* name : {"a", "b"}) group.set_member(name, {left, right});
  group.assign(assign_uniform);
  for (const auto* name : {"a", "b"}) group.set_member(name, {right});
  group.assign(assign_uniform);
  group.check_complete();
  EXPECT_EQ(group.loads(), (std::vector<std::size_t>{1, 1}));
}

TEST(UniformAssignor, PassesOverWhatCannotBeOwned) {
  for (const bool same : {true, false}) {
    Group group;
    const auto topic = group.add_topic(4);
    const auto other = group.add_topic(1);
    group.set_member("a", {topic});
    group.set_member("b", same ? std::vector{topic} : std::vector{topic, other});
    // A topic that is gone, partitions that are not there, and one that both claim.
    group.set_owned("a", {{id(topic), {-3, 0, 1, 4'000'000}}, {id(77), {0, 1}}});
    group.set_owned("b", {{id(topic), {1, 2}}});
    group.assign(assign_uniform);
    group.check_complete();
    EXPECT_EQ(group.owned("a", topic), (Partitions{0, 1}));
  }
}

TEST(UniformAssignor, GivesTopicsWithFewReadersToThoseFirst) {
  Group group;
  const auto shared = group.add_topic(4);
  const auto own = group.add_topic(4);
  group.set_member("a", {shared, own});
  group.set_member("b", {shared});
  group.assign(assign_uniform);
  group.check_complete();
  EXPECT_EQ(group.owned("a", own).size(), 4U);
  EXPECT_EQ(group.owned("b", shared).size(), 4U);
}

TEST(UniformAssignor, EvensOutWhatOthersHaveTooMuchOf) {
  Group group;
  const auto left = group.add_topic(6);
  const auto right = group.add_topic(1);
  group.set_member("a", {left});
  group.set_member("b", {left, right});
  group.set_owned("a", {{id(left), {0, 1, 2, 3, 4, 5}}});
  group.assign(assign_uniform);
  group.check_complete();
  EXPECT_EQ(group.load("a"), 4U);
  EXPECT_EQ(group.load("b"), 3U);
}

/// No partition can move to another reader of its topic and make the two more even.
void check_even(const Group& group) {
  for (const auto& [rich, rich_member] : group.members()) {
    for (std::uint32_t topic = 0; topic < group.topic_count(); ++topic) {
      if (group.owned(rich, topic).empty()) continue;
      for (const auto& [poor, poor_member] : group.members()) {
        if (std::ranges::find(poor_member.topics, topic) == poor_member.topics.end()) continue;
        EXPECT_LE(group.load(rich), group.load(poor) + 1) << rich << " and " << poor;
      }
    }
  }
}

class RandomGroups : public testing::TestWithParam<bool> {};

TEST_P(RandomGroups, StayCompleteAndEvenAndMoveLittle) {
  const bool is_homogeneous = GetParam();
  std::mt19937 random(4711);
  const auto pick = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  for (int round = 0; round < 60; ++round) {
    Group group;
    const auto topic_count = 1 + pick(5);
    for (std::uint32_t i = 0; i < topic_count; ++i)
      group.add_topic(static_cast<std::int32_t>(1 + pick(20)));
    std::vector<std::uint32_t> all(topic_count);
    std::iota(all.begin(), all.end(), 0U);
    const auto wish = [&] {
      if (is_homogeneous) return all;
      std::vector<std::uint32_t> some;
      for (const auto topic : all)
        if (pick(2) == 0) some.push_back(topic);
      return some;
    };
    for (int change = 0; change < 20; ++change) {
      const auto name = "m" + std::to_string(pick(12));
      const auto what = pick(4);
      if (what == 0 && group.size() > 1) {
        group.remove_member(name);
      } else if (what == 1) {
        const auto topic = pick(topic_count);
        group.grow_topic(topic, group.partitions(topic) + 1);
      } else {
        group.set_member(name, wish());
      }
      if (group.size() == 0) continue;
      group.assign(assign_uniform);
      group.check_complete();
      check_even(group);
      // Once all is well nothing moves any more.
      const auto before = group.owners();
      group.assign(assign_uniform);
      EXPECT_EQ(moved(before, group.owners()), 0U);
      if (is_homogeneous) {
        const auto [least, most] = std::ranges::minmax(group.loads());
        EXPECT_LE(most - least, 1U);
      }
      if (testing::Test::HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Uniform, RandomGroups, testing::Bool(), [](const auto& info) {
  return info.param ? "SameSubscriptions" : "DifferentSubscriptions";
});

TEST(UniformAssignor, AMemberThatComesOrGoesMovesNoMoreThanItsShare) {
  std::mt19937 random(12);
  for (int round = 0; round < 50; ++round) {
    Group group;
    const auto partitions = 1 + random() % 60;
    const auto topic = group.add_topic(static_cast<std::int32_t>(partitions));
    const auto size = 1 + random() % 9;
    for (std::size_t i = 0; i < size; ++i) group.set_member("m" + std::to_string(i), {topic});
    group.assign(assign_uniform);
    const auto before = group.owners();
    group.set_member("n", {topic});
    group.assign(assign_uniform);
    EXPECT_EQ(moved(before, group.owners()), group.load("n"));
    EXPECT_LE(group.load("n"), partitions / (size + 1) + 1);
    const auto with_it = group.owners();
    const auto share = group.load("n");
    group.remove_member("n");
    group.assign(assign_uniform);
    EXPECT_EQ(moved(with_it, group.owners()), share);
  }
}

}  // namespace
}  // namespace moldau::group
