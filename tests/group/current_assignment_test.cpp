#include "group/current_assignment.hpp"
#include "tests/support/rounds.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace moldau::group {
namespace {

using State = CurrentMemberAssignmentRecord::Value;
using List = std::vector<TopicPartitions>;

const TopicId left = [] {
  TopicId id;
  id.bytes[15] = 1;
  return id;
}();
const TopicId right = [] {
  TopicId id;
  id.bytes[15] = 2;
  return id;
}();

State stable(std::int32_t epoch, const List& assigned) {
  State state;
  state.member_epoch = epoch;
  state.previous_member_epoch = epoch - 1;
  state.assigned = with_epochs(assigned, epoch);
  return state;
}

/// A member on its way, with what the group would know around it.
struct Situation {
  State current{};
  std::int32_t target_epoch = 0;
  List target{};
  bool subscription_changed = false;
  std::optional<List> owned{};
  std::set<TopicId> subscribed{left, right};
  std::set<std::pair<TopicId, std::int32_t>> taken{};  // by others

  std::optional<State> next() const {
    return reconcile(
        {.current = current,
         .target_epoch = target_epoch,
         .target = target,
         .subscription_changed = subscription_changed,
         .owned = owned ? &*owned : nullptr,
         .is_subscribed = [this](const TopicId& id) { return subscribed.contains(id); },
         .is_free = [this](const TopicId& id,
                           std::int32_t partition) { return !taken.contains({id, partition}); }});
  }
};

TEST(CurrentAssignment, AStableMemberInTheTargetsEpochStaysAsItIs) {
  Situation it{.current = stable(5, {{left, {0}}}), .target_epoch = 5, .target = {{left, {0, 1}}}};
  EXPECT_EQ(it.next(), it.current);
}

TEST(CurrentAssignment, WithNothingToGiveUpItTakesWhatIsFreeInTheNewEpoch) {
  Situation it{.current = stable(5, {{left, {0}}}), .target_epoch = 7, .target = {{left, {0, 1}}}};
  const auto next = it.next().value();
  EXPECT_EQ(next.state, member_state::stable);
  EXPECT_EQ(next.member_epoch, 7);
  EXPECT_EQ(next.previous_member_epoch, 5);
  EXPECT_EQ(next.assigned, (OwnedPartitions{{left, {0, 1}, {5, 7}}}));
  EXPECT_TRUE(next.pending_revocation.empty());
}

TEST(CurrentAssignment, WhatIsNotMeantForItAnyMoreIsGivenUpFirstInTheOldEpoch) {
  Situation it{.current = stable(5, {{left, {0, 1}}}),
               .target_epoch = 6,
               .target = {{left, {0}}, {right, {3}}}};
  const auto next = it.next().value();
  EXPECT_EQ(next.state, member_state::unrevoked_partitions);
  EXPECT_EQ(next.member_epoch, 5);
  EXPECT_EQ(next.assigned, (OwnedPartitions{{left, {0}, {5}}}));
  EXPECT_EQ(next.pending_revocation, (OwnedPartitions{{left, {1}, {5}}}));
}

TEST(CurrentAssignment, AMemberThatHasGivenUpAlreadyGoesOnAtOnce) {
  Situation it{.current = stable(5, {{left, {0, 1}}}),
               .target_epoch = 6,
               .target = {{left, {0}}},
               .owned = List{{left, {0}}}};
  const auto next = it.next().value();
  EXPECT_EQ(next.state, member_state::stable);
  EXPECT_EQ(next.member_epoch, 6);
}

class Unrevoked : public testing::Test {
 protected:
  Unrevoked() {
    it_.current = stable(5, {{left, {0}}});
    it_.current.state = member_state::unrevoked_partitions;
    it_.current.pending_revocation = with_epochs(List{{left, {1, 2}}}, 4);
    it_.target_epoch = 6;
    it_.target = {{left, {0}}, {right, {0}}};
  }
  Situation it_;
};

TEST_F(Unrevoked, WaitsWhileTheMemberDoesNotSayWhatItOwns) {
  EXPECT_EQ(it_.next(), it_.current);
}

TEST_F(Unrevoked, WaitsWhileItStillOwnsOneOfThem) {
  it_.owned = List{{left, {0, 2}}};
  EXPECT_EQ(it_.next(), it_.current);
}

TEST_F(Unrevoked, GoesToTheTargetWhenAllAreGivenUp) {
  it_.owned = List{{left, {0}}};
  const auto next = it_.next().value();
  EXPECT_EQ(next.state, member_state::stable);
  EXPECT_EQ(next.member_epoch, 6);
  EXPECT_EQ(next.assigned, (OwnedPartitions{{left, {0}, {5}}, {right, {0}, {6}}}));
  EXPECT_TRUE(next.pending_revocation.empty());
}

TEST_F(Unrevoked, MayHaveToGiveUpMoreOfANewerTarget) {
  it_.owned = List{{left, {0}}};
  it_.target = {{right, {0}}};
  const auto next = it_.next().value();
  EXPECT_EQ(next.state, member_state::unrevoked_partitions);
  EXPECT_EQ(next.member_epoch, 5);
  EXPECT_EQ(next.pending_revocation, (OwnedPartitions{{left, {0}, {5}}}));
}

TEST_F(Unrevoked, ANewSubscriptionAddsToWhatIsToBeGivenUp) {
  it_.owned = List{{left, {0, 1}}};
  it_.subscribed = {right};
  it_.subscription_changed = true;
  const auto next = it_.next().value();
  EXPECT_EQ(next.state, member_state::unrevoked_partitions);
  EXPECT_EQ(next.member_epoch, 5);
  EXPECT_TRUE(next.assigned.empty());
  EXPECT_EQ(next.pending_revocation, (OwnedPartitions{{left, {0, 1, 2}, {5, 4, 4}}}));
}

TEST(CurrentAssignment, WaitsInTheNewEpochForWhatOthersStillHave) {
  Situation it{.current = stable(5, {{left, {0}}}),
               .target_epoch = 6,
               .target = {{left, {0, 1, 2}}},
               .taken = {{left, 1}}};
  auto next = it.next().value();
  EXPECT_EQ(next.state, member_state::unreleased_partitions);
  EXPECT_EQ(next.member_epoch, 6);
  EXPECT_EQ(next.assigned, (OwnedPartitions{{left, {0, 2}, {5, 6}}}));
  // It is told again and again the same, but for the epoch that it comes from.
  it.current = next;
  next = it.next().value();
  EXPECT_EQ(next.previous_member_epoch, 6);
  it.current = next;
  EXPECT_EQ(it.next(), next);
  it.taken.clear();
  next = it.next().value();
  EXPECT_EQ(next.state, member_state::stable);
  EXPECT_EQ(next.assigned, (OwnedPartitions{{left, {0, 1, 2}, {5, 6, 6}}}));
}

TEST(CurrentAssignment, GivesNothingOfATopicThatIsNotSubscribedToAnyMore) {
  Situation it{.current = stable(5, {}), .target_epoch = 6, .target = {{left, {0}}, {right, {0}}}};
  it.subscribed = {right};
  const auto next = it.next().value();
  EXPECT_EQ(next.state, member_state::stable);
  EXPECT_EQ(next.assigned, (OwnedPartitions{{right, {0}, {6}}}));
}

TEST(CurrentAssignment, ANewSubscriptionTakesAwayAtOnceInTheSameEpoch) {
  Situation it{.current = stable(5, {{left, {0}}, {right, {0}}}),
               .target_epoch = 5,
               .target = {{left, {0}}, {right, {0}}},
               .subscription_changed = true};
  it.subscribed = {right};
  auto next = it.next().value();
  EXPECT_EQ(next.state, member_state::unrevoked_partitions);
  EXPECT_EQ(next.member_epoch, 5);
  EXPECT_EQ(next.assigned, (OwnedPartitions{{right, {0}, {5}}}));
  EXPECT_EQ(next.pending_revocation, (OwnedPartitions{{left, {0}, {5}}}));
  // Who does not own it any more just loses it.
  it.owned = List{{right, {0}}};
  next = it.next().value();
  EXPECT_EQ(next.state, member_state::stable);
  EXPECT_EQ(next.assigned, (OwnedPartitions{{right, {0}, {5}}}));
  EXPECT_TRUE(next.pending_revocation.empty());
}

TEST(CurrentAssignment, AStateOfALaterReleaseStartsAnewWithoutPartitions) {
  Situation it{.current = stable(5, {}), .target_epoch = 9, .target = {{left, {0}}}};
  it.current.state = 77;
  EXPECT_EQ(it.next(), std::nullopt);
  it.owned = List{{left, {0}}};
  EXPECT_EQ(it.next(), std::nullopt);
  it.owned = List{};
  const auto next = it.next().value();
  EXPECT_EQ(next.state, member_state::stable);
  EXPECT_EQ(next.member_epoch, 9);
}

// Members that each go their own way to targets that change, answering when they like.
TEST(CurrentAssignment, NoPartitionEverHasTwoOwnersAndAllMembersArrive) {
  std::mt19937 random(99);
  constexpr std::int32_t partitions = 12;
  struct Member {
    State state;
    std::set<std::int32_t> uses;  // as the client itself sees it
  };
  for (int round = 0; round < support::rounds(200); ++round) {
    std::vector<Member> members(1 + random() % 5);
    std::int32_t target_epoch = 0;
    std::vector<std::set<std::int32_t>> target(members.size());
    const auto new_target = [&] {
      ++target_epoch;
      for (auto& part : target) part.clear();
      for (std::int32_t p = 0; p < partitions; ++p) target[random() % members.size()].insert(p);
    };
    const auto heartbeat = [&](std::size_t i, bool reports) {
      auto& member = members[i];
      // The client drops what it was told to, and only then says so.
      std::set<std::int32_t> told;
      for (const auto& topic : member.state.assigned)
        told.insert(topic.partitions.begin(), topic.partitions.end());
      if (reports) std::erase_if(member.uses, [&](auto p) { return !told.contains(p); });
      const List owned{{left, {member.uses.begin(), member.uses.end()}}};
      const List wanted{{left, {target[i].begin(), target[i].end()}}};
      const auto is_free = [&](const TopicId&, std::int32_t p) {
        for (std::size_t other = 0; other < members.size(); ++other) {
          const auto& state = members[other].state;
          if (other != i &&
              (contains(state.assigned, left, p) || contains(state.pending_revocation, left, p)))
            return false;
        }
        return true;
      };
      const auto next = reconcile({.current = member.state,
                                   .target_epoch = target_epoch,
                                   .target = wanted,
                                   .subscription_changed = false,
                                   .owned = reports ? &owned : nullptr,
                                   .is_subscribed = [](const TopicId&) { return true; },
                                   .is_free = is_free});
      ASSERT_TRUE(next);
      EXPECT_GE(next->member_epoch, member.state.member_epoch);
      member.state = *next;
      for (const auto& topic : member.state.assigned)
        for (const auto p : topic.partitions) member.uses.insert(p);
      std::map<std::int32_t, int> users;
      for (const auto& each : members)
        for (const auto p : each.uses) EXPECT_EQ(++users[p], 1) << "partition " << p;
    };
    new_target();
    for (int step = 0; step < 100; ++step) {
      if (random() % 10 == 0) new_target();
      heartbeat(random() % members.size(), random() % 2 == 0);
      if (HasFatalFailure()) return;
    }
    for (int pass = 0; pass < 4; ++pass)
      for (std::size_t i = 0; i < members.size(); ++i) heartbeat(i, true);
    for (std::size_t i = 0; i < members.size(); ++i) {
      EXPECT_EQ(members[i].state.state, member_state::stable);
      EXPECT_EQ(members[i].state.member_epoch, target_epoch);
      EXPECT_EQ(members[i].uses, target[i]);
    }
  }
}

TEST(Assignment, EpochsThatARecordDoesNotGiveAreTheMembers) {
  const std::vector<Owned> old{{right, {2, 1}, {}}, {left, {0}, {}}};
  EXPECT_EQ(with_epochs(old, 8), (OwnedPartitions{{left, {0}, {8}}, {right, {1, 2}, {8, 8}}}));
  // Of a static member that is away: 0.
  EXPECT_EQ(with_epochs(old, -2), (OwnedPartitions{{left, {0}, {0}}, {right, {1, 2}, {0, 0}}}));
}

TEST(Assignment, ListsOfTheSameTopicAreJoined) {
  EXPECT_EQ(sorted({{right, {1}}, {left, {}}, {right, {3, 1, 0}}}), (List{{right, {0, 1, 3}}}));
  EXPECT_EQ(with_epochs(std::vector<Owned>{{left, {3}, {7}}, {left, {1}, {9}}}, 0),
            (OwnedPartitions{{left, {1, 3}, {9, 7}}}));
}

}  // namespace
}  // namespace moldau::group
