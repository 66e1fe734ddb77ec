#include "group/consumer_group.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "consumer_group_harness.hpp"

namespace moldau::group {
namespace {

// Requests that cannot be right.

class CheckHeartbeat : public testing::Test {
 protected:
  CheckHeartbeat() {
    request_.group_id = "g";
    request_.member_id = "m";
    request_.rebalance_timeout_ms = 1000;
    request_.subscribed_topic_names.emplace();
    request_.topic_partitions.emplace();
  }
  /// "42 text", or empty when the request may be right.
  std::string refusal(std::int16_t version = 1) const {
    const auto response = ConsumerGroup::check_heartbeat(
        options_, {.client = {"c", "/192.0.2.7"}, .version = version}, request_);
    if (!response) return {};
    return std::to_string(static_cast<int>(response->error_code)) + " " +
           response->error_message.value_or("");
  }
  GroupOptions options_;
  protocol::ConsumerGroupHeartbeatRequest request_;
};

TEST_F(CheckHeartbeat, AWholeFirstOneIsFine) {
  EXPECT_EQ(refusal(), "");
}

TEST_F(CheckHeartbeat, TheMemberIdIsTheBrokersToGiveInVersionZeroOnly) {
  request_.member_id = " ";
  EXPECT_EQ(refusal(1), "42 MemberId can't be empty.");
  EXPECT_EQ(refusal(0), "");
  request_.member_epoch = 3;
  EXPECT_EQ(refusal(0), "42 MemberId can't be empty.");
  request_.member_epoch = -1;
  EXPECT_EQ(refusal(0), "42 MemberId can't be empty.");
}

TEST_F(CheckHeartbeat, NamesMustNotBeBlank) {
  request_.rack_id = " ";
  EXPECT_EQ(refusal(), "42 RackId can't be empty.");
  request_.instance_id = "";
  EXPECT_EQ(refusal(), "42 InstanceId can't be empty.");
  request_.group_id = "\t";
  EXPECT_EQ(refusal(), "42 GroupId can't be empty.");
}

TEST_F(CheckHeartbeat, TheFirstOneHasToBeWhole) {
  request_.subscribed_topic_names.reset();
  EXPECT_EQ(refusal(),
            "42 Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when "
            "(re-)joining.");
  request_.subscribed_topic_regex = "";
  EXPECT_EQ(refusal(), "");
  request_.topic_partitions->emplace_back();
  EXPECT_EQ(refusal(), "42 TopicPartitions must be empty when (re-)joining.");
  request_.topic_partitions.reset();
  EXPECT_EQ(refusal(), "42 TopicPartitions must be empty when (re-)joining.");
  request_.rebalance_timeout_ms = -1;
  EXPECT_EQ(refusal(), "42 RebalanceTimeoutMs must be provided in first request.");
}

TEST_F(CheckHeartbeat, EpochsBelowThoseThatMeanSomethingAreRefused) {
  request_.member_epoch = -2;
  EXPECT_EQ(refusal(), "42 InstanceId can't be null.");
  request_.instance_id = "i";
  EXPECT_EQ(refusal(), "");
  request_.member_epoch = -3;
  EXPECT_EQ(refusal(), "42 MemberEpoch is invalid.");
}

TEST_F(CheckHeartbeat, OnlyTheBrokersAssignorsCanBeAskedFor) {
  request_.server_assignor = "range";
  EXPECT_EQ(refusal(), "");
  request_.server_assignor = "best";
  EXPECT_EQ(refusal(),
            "112 ServerAssignor best is not supported. Supported assignors: uniform, range.");
}

// Members.

class ConsumerGroupTest : public ConsumerGroupHarness {
 protected:
  ConsumerGroupTest() { topics_.make("orders", 4); }
  /// a and b, each with half of orders; the group's epoch is 3.
  void make_two() {
    join("a", {"orders"});
    join("b", {"orders"});
    beat("a", 2, {{"orders", {0, 1, 2, 3}}});
    beat("a", 2, {{"orders", {0, 1}}});
    beat("b", 3);
    ASSERT_EQ(group_->state_name(), "Stable");
    ASSERT_EQ(group_->epoch(), 3);
  }
};

using ConsumerGroupJoin = ConsumerGroupTest;

TEST_F(ConsumerGroupJoin, TheFirstMemberGetsEverythingAtOnce) {
  EXPECT_EQ(group_->state_name(), "Empty");
  const auto response = join("a", {"orders"});
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.member_id, "a");
  EXPECT_EQ(response.member_epoch, 2);
  EXPECT_EQ(response.heartbeat_interval_ms, 5000);
  EXPECT_EQ(assigned(response), (Partitions{{"orders", {0, 1, 2, 3}}}));
  EXPECT_EQ(record_types(), (std::vector<int>{5, 3, 7, 6, 8}));
  EXPECT_EQ(group_->state_name(), "Stable");
}

TEST_F(ConsumerGroupJoin, TheRecordsSayWhatKafkasSay) {
  beat({.member = "a",
        .epoch = 0,
        .topics = Names{"x", "orders", "x"},
        .owned = Partitions{},
        .rebalance_ms = 60'000});
  ConsumerGroupMemberRecord::Value wanted;
  wanted.client_id = "c";
  wanted.client_host = "/192.0.2.7";
  wanted.subscribed_topic_names = {"orders", "x"};
  wanted.subscribed_topic_regex = "";
  wanted.rebalance_timeout_ms = 60'000;
  EXPECT_EQ(std::get<ConsumerGroupMemberRecord>(log_[0]).value, wanted);
  EXPECT_EQ(std::get<ConsumerGroupMetadataRecord>(log_[1]).value->epoch, 2);
  const auto assignment = std::get<TargetAssignmentMetadataRecord>(log_[3]).value.value();
  EXPECT_EQ(assignment.assignment_epoch, 2);
  EXPECT_EQ(assignment.assignment_timestamp_ms, now_.wall_ms);
  CurrentMemberAssignmentRecord::Value owns;
  owns.member_epoch = 2;
  owns.previous_member_epoch = 0;
  owns.assigned = {{topic_id("orders"), {0, 1, 2, 3}, {2, 2, 2, 2}}};
  EXPECT_EQ(std::get<CurrentMemberAssignmentRecord>(log_[4]).value, owns);
}

TEST_F(ConsumerGroupJoin, InVersionZeroTheBrokerNamesTheMember) {
  const auto response = beat(
      {.topics = Names{"orders"}, .owned = Partitions{}, .rebalance_ms = 60'000, .version = 0});
  EXPECT_EQ(response.member_id.value_or("").size(), 22U);
  EXPECT_TRUE(group_->members().contains(*response.member_id));
}

TEST_F(ConsumerGroupJoin, AMemberWithoutTopicsIsOneAllTheSame) {
  const auto response = join("a", {});
  EXPECT_EQ(response.member_epoch, 1);
  EXPECT_EQ(assigned(response), Partitions{});
  EXPECT_EQ(group_->state_name(), "Stable");
  EXPECT_TRUE(group_->is_in_log());
}

TEST_F(ConsumerGroupJoin, ATopicThatIsNotThereYetIsGivenWhenItIs) {
  EXPECT_EQ(assigned(join("a", {"later"})), Partitions{});
  change_topic("later", 2);
  const auto response = beat("a", 2);
  EXPECT_EQ(response.member_epoch, 3);
  EXPECT_EQ(assigned(response), (Partitions{{"later", {0, 1}}}));
}

TEST_F(ConsumerGroupJoin, AFullGroupRefusesOthersOnly) {
  options_.consumer_group_size_max = 1;
  join("a", {"orders"});
  const auto response = join("b", {"orders"});
  EXPECT_EQ(response.error_code, ErrorCode::group_max_size_reached);
  EXPECT_EQ(response.error_message,
            "The consumer group has reached its maximum capacity of 1 members.");
  EXPECT_TRUE(new_records_.empty());
  EXPECT_EQ(join("a", {"orders"}).error_code, ErrorCode::none);
}

TEST_F(ConsumerGroupJoin, WhoIsRefusedLeavesNoGroupBehind) {
  const auto response =
      beat({.member = "a", .regex = "(", .owned = Partitions{}, .rebalance_ms = 1});
  EXPECT_EQ(response.error_code, ErrorCode::invalid_regular_expression);
  EXPECT_FALSE(group_->is_in_log());
}

TEST_F(ConsumerGroupJoin, AMemberThatJoinsAgainKeepsWhatItHas) {
  join("a", {"orders"});
  const auto response = join("a", {"orders"});
  EXPECT_EQ(response.member_epoch, 2);
  EXPECT_EQ(assigned(response), (Partitions{{"orders", {0, 1, 2, 3}}}));
  EXPECT_TRUE(new_records_.empty());
}

using ConsumerGroupHeartbeat = ConsumerGroupTest;

TEST_F(ConsumerGroupHeartbeat, WithNothingNewIsNoRecordAndNoAssignment) {
  make_two();
  const auto response = beat("a", 3);
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.assignment, std::nullopt);
  EXPECT_TRUE(new_records_.empty());
}

TEST_F(ConsumerGroupHeartbeat, AWholeOneIsAnsweredWithTheAssignment) {
  make_two();
  const auto response = beat({.member = "a",
                              .epoch = 3,
                              .topics = Names{"orders"},
                              .owned = Partitions{{"orders", {0, 1}}},
                              .rebalance_ms = 60'000});
  EXPECT_EQ(assigned(response), (Partitions{{"orders", {0, 1}}}));
}

TEST_F(ConsumerGroupHeartbeat, APartitionIsGivenOnlyWhenItsOwnerHasGivenItUp) {
  join("a", {"orders"});
  // b has its epoch, and waits.
  auto response = join("b", {"orders"});
  EXPECT_EQ(response.member_epoch, 3);
  EXPECT_EQ(assigned(response), Partitions{});
  EXPECT_EQ(group_->state_name(), "Reconciling");
  // a is told in its old epoch.
  response = beat("a", 2);
  EXPECT_EQ(response.member_epoch, 2);
  EXPECT_EQ(assigned(response), (Partitions{{"orders", {0, 1}}}));
  EXPECT_EQ(beat("b", 3).assignment, std::nullopt);
  // It has not done it yet, and then it has.
  EXPECT_EQ(beat("a", 2, {{"orders", {0, 1, 2, 3}}}).assignment, std::nullopt);
  EXPECT_EQ(beat("b", 3).assignment, std::nullopt);
  EXPECT_EQ(beat("a", 2, {{"orders", {0, 1}}}).member_epoch, 3);
  response = beat("b", 3);
  EXPECT_EQ(assigned(response), (Partitions{{"orders", {2, 3}}}));
  EXPECT_EQ(group_->state_name(), "Stable");
}

TEST_F(ConsumerGroupHeartbeat, WhoIsNotAMemberIsTold) {
  make_two();
  const auto response = beat("nobody", 3);
  EXPECT_EQ(response.error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(response.error_message, "Member nobody is not a member of group g.");
}

TEST_F(ConsumerGroupHeartbeat, AnEpochThatIsNotTheMembersIsFenced) {
  make_two();
  auto response = beat("a", 4);
  EXPECT_EQ(response.error_code, ErrorCode::fenced_member_epoch);
  EXPECT_EQ(response.error_message,
            "The consumer group member has a greater member epoch (4) than the one known by the "
            "group coordinator (3). The member must abandon all its partitions and rejoin.");
  response = beat("a", 1, {});
  EXPECT_EQ(response.error_code, ErrorCode::fenced_member_epoch);
  EXPECT_EQ(response.error_message,
            "The consumer group member has a smaller member epoch (1) than the one known by the "
            "group coordinator (3). The member must abandon all its partitions and rejoin.");
}

TEST_F(ConsumerGroupHeartbeat, ThePreviousEpochDoesForWhoOwnsNoMoreThanItsShare) {
  // The answer that took a to epoch 3 was lost.
  make_two();
  EXPECT_EQ(beat("a", 2, {{"orders", {0, 1}}}).member_epoch, 3);
  EXPECT_EQ(beat("a", 2, {{"orders", {1}}}).member_epoch, 3);
  EXPECT_EQ(beat("a", 2, {{"orders", {1, 2}}}).error_code, ErrorCode::fenced_member_epoch);
  EXPECT_EQ(beat("a", 2, {{"other", {0}}}).error_code, ErrorCode::fenced_member_epoch);
  EXPECT_EQ(beat("a", 2).error_code, ErrorCode::fenced_member_epoch);
}

TEST_F(ConsumerGroupHeartbeat, ANewSubscriptionTakesAwayAndGives) {
  topics_.make("other", 1);
  join("a", {"orders"});
  auto response = beat({.member = "a", .epoch = 2, .topics = Names{"other"}});
  EXPECT_EQ(response.member_epoch, 2);
  EXPECT_EQ(assigned(response), Partitions{});
  response = beat("a", 2, {});
  EXPECT_EQ(response.member_epoch, 3);
  EXPECT_EQ(assigned(response), (Partitions{{"other", {0}}}));
  EXPECT_TRUE(group_->subscribes_to("other"));
  EXPECT_FALSE(group_->subscribes_to("orders"));
}

TEST_F(ConsumerGroupHeartbeat, MostMembersDecideOnTheAssignor) {
  topics_.make("other", 2);
  const auto join_with = [&](const std::string& id, std::optional<std::string> assignor) {
    beat({.member = id,
          .topics = Names{"orders", "other"},
          .owned = Partitions{},
          .assignor = std::move(assignor),
          .rebalance_ms = 60'000});
  };
  auto step = this->step();
  join_with("a", std::nullopt);
  EXPECT_EQ(group_->describe(step, caller()).assignor_name, "uniform");
  join_with("b", "range");
  EXPECT_EQ(group_->describe(step, caller()).assignor_name, "range");
  EXPECT_EQ(group_->target_of("a").size(), 2U);
  EXPECT_EQ(find(group_->target_of("b"), topic_id("other"))->partitions, (Indexes{1}));
  join_with("c", "uniform");
  EXPECT_EQ(group_->describe(step, caller()).assignor_name, "uniform");
}

TEST_F(ConsumerGroupHeartbeat, AStateOfALaterReleaseStartsAnew) {
  join("a", {"orders"});
  auto current = member("a").current;
  current.state = 42;
  log_.emplace_back(CurrentMemberAssignmentRecord{"g", "a", current});
  reload();
  EXPECT_EQ(beat("a", 2).error_code, ErrorCode::fenced_member_epoch);
  EXPECT_EQ(beat("a", 2, {{"orders", {0}}}).error_code, ErrorCode::fenced_member_epoch);
  EXPECT_EQ(beat("a", 2, {}).error_code, ErrorCode::none);
  EXPECT_EQ(group_->state_name(), "Stable");
}

// Leaving.

using ConsumerGroupLeave = ConsumerGroupTest;

TEST_F(ConsumerGroupLeave, WhatAMemberHadGoesToTheOthers) {
  make_two();
  const auto response = beat("b", -1);
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.member_id, "b");
  EXPECT_EQ(response.member_epoch, -1);
  EXPECT_EQ(record_types(), (std::vector<int>{8, 7, 5, 3}));
  EXPECT_EQ(group_->state_name(), "Assigning");
  EXPECT_EQ(assigned(beat("a", 3)), (Partitions{{"orders", {0, 1, 2, 3}}}));
}

TEST_F(ConsumerGroupLeave, TheLastOneLeavesAnEmptyGroupWithItsEpoch) {
  join("a", {"orders"});
  EXPECT_EQ(group_->check_delete(), ErrorCode::non_empty_group);
  beat("a", -1);
  EXPECT_EQ(group_->state_name(), "Empty");
  EXPECT_TRUE(group_->is_empty());
  EXPECT_TRUE(group_->is_in_log());
  EXPECT_EQ(group_->epoch(), 3);
  EXPECT_EQ(group_->check_delete(), ErrorCode::none);
  EXPECT_FALSE(group_->subscribes_to("orders"));
  EXPECT_EQ(deadlines_.size(), 0U);
}

TEST_F(ConsumerGroupLeave, WhoIsNotAMemberCannot) {
  make_two();
  EXPECT_EQ(beat("nobody", -1).error_code, ErrorCode::unknown_member_id);
  EXPECT_TRUE(new_records_.empty());
}

TEST_F(ConsumerGroupLeave, TombstonesRemoveEverythingFromTheLog) {
  make_two();
  beat({.member = "c", .regex = "o.*", .owned = Partitions{}, .rebalance_ms = 1});
  group_->write_tombstones(effects_);
  for (const auto& record : effects_.records) apply_to(*group_, record);
  finish_step();
  EXPECT_FALSE(group_->is_in_log());
  EXPECT_EQ(compacted(log_).size(), 0U);
}

// Static members.

using ConsumerGroupStatic = ConsumerGroupTest;

TEST_F(ConsumerGroupStatic, OneThatIsAwayForAWhileKeepsItsPartitions) {
  join("a", {"orders"}, "i");
  const auto response = beat({.member = "a", .epoch = -2, .instance = "i"});
  EXPECT_EQ(response.member_epoch, -2);
  EXPECT_EQ(record_types(), (std::vector<int>{8}));
  EXPECT_EQ(member("a").current.assigned,
            (OwnedPartitions{{topic_id("orders"), {0, 1, 2, 3}, {0, 0, 0, 0}}}));
  const auto back = join("b", {"orders"}, "i");
  EXPECT_EQ(back.member_epoch, 2);
  EXPECT_EQ(assigned(back), (Partitions{{"orders", {0, 1, 2, 3}}}));
  EXPECT_EQ(group_->epoch(), 2);  // nobody else notices
  EXPECT_FALSE(group_->members().contains("a"));
  EXPECT_EQ(record_types(), (std::vector<int>{8, 7, 5, 5, 7, 8, 8}));
}

TEST_F(ConsumerGroupStatic, ItsPlaceCannotBeTakenWhileItIsThere) {
  join("a", {"orders"}, "i");
  const auto response = join("b", {"orders"}, "i");
  EXPECT_EQ(response.error_code, ErrorCode::unreleased_instance_id);
  EXPECT_EQ(response.error_message,
            "Static member b with instance id i cannot join the group because the instance id is "
            "owned by a member.");
  EXPECT_TRUE(new_records_.empty());
}

TEST_F(ConsumerGroupStatic, TheOneThatWasReplacedIsFenced) {
  join("a", {"orders"}, "i");
  beat({.member = "a", .epoch = -2, .instance = "i"});
  join("b", {"orders"}, "i");
  for (const auto epoch : {2, -1, -2}) {
    const auto response = beat({.member = "a", .epoch = epoch, .instance = "i"});
    EXPECT_EQ(response.error_code, ErrorCode::fenced_instance_id);
    EXPECT_EQ(response.error_message, "Static member a with instance id i was fenced by member b.");
  }
}

TEST_F(ConsumerGroupStatic, AnInstanceThatNobodyHasIsUnknown) {
  join("a", {"orders"}, "i");
  for (const auto epoch : {2, -1, -2}) {
    const auto response = beat({.member = "a", .epoch = epoch, .instance = "j"});
    EXPECT_EQ(response.error_code, ErrorCode::unknown_member_id);
    EXPECT_EQ(response.error_message, "Instance id j is unknown.");
  }
}

TEST_F(ConsumerGroupStatic, OneThatLeavesForGoodGivesItsPartitionsUp) {
  join("a", {"orders"}, "i");
  beat({.member = "a", .epoch = -1, .instance = "i"});
  EXPECT_TRUE(group_->is_empty());
  EXPECT_EQ(join("b", {"orders"}, "i").error_code, ErrorCode::none);
}

TEST_F(ConsumerGroupStatic, OneThatDoesNotComeBackInItsSessionIsRemoved) {
  join("a", {"orders"}, "i");
  beat({.member = "a", .epoch = -2, .instance = "i"});
  pass(44s);
  EXPECT_FALSE(group_->is_empty());
  pass(2s);
  EXPECT_TRUE(group_->is_empty());
}

TEST_F(ConsumerGroupStatic, WhatItHadToGiveUpIsFreeWhenItGoes) {
  join("a", {"orders"}, "i");
  join("b", {"orders"});
  beat({.member = "a", .epoch = 2, .instance = "i"});
  ASSERT_EQ(member("a").current.state, member_state::unrevoked_partitions);
  beat({.member = "a", .epoch = -2, .instance = "i"});
  EXPECT_EQ(assigned(beat("b", 3)), (Partitions{{"orders", {2, 3}}}));
  // The time to give up is over, but there is nothing to be given up.
  EXPECT_FALSE(deadlines_.has({DeadlineKind::rebalance, "g", "a"}));
}

TEST_F(ConsumerGroupStatic, ANewSubscriptionOnComingBackIsARebalance) {
  topics_.make("other", 1);
  join("a", {"orders"}, "i");
  beat({.member = "a", .epoch = -2, .instance = "i"});
  const auto response = join("b", {"other"}, "i");
  EXPECT_EQ(group_->epoch(), 3);
  EXPECT_EQ(assigned(response), (Partitions{{"other", {0}}}));
}

// Time.

using ConsumerGroupTime = ConsumerGroupTest;

TEST_F(ConsumerGroupTime, WhoIsSilentForASessionIsRemoved) {
  make_two();
  pass(30s);
  beat("a", 3);
  pass(30s);
  EXPECT_FALSE(group_->members().contains("b"));
  EXPECT_EQ(assigned(beat("a", 3)), (Partitions{{"orders", {0, 1, 2, 3}}}));
}

TEST_F(ConsumerGroupTime, WhoDoesNotGiveUpInItsTimeIsRemoved) {
  join("a", {"orders"});
  join("b", {"orders"});
  beat("a", 2);
  for (int i = 0; i < 3; ++i) {
    pass(19s);
    beat("a", 2);
    beat("b", 3);
    ASSERT_TRUE(group_->members().contains("a"));
  }
  pass(19s);
  EXPECT_FALSE(group_->members().contains("a"));
  EXPECT_EQ(assigned(beat("b", 3)), (Partitions{{"orders", {0, 1, 2, 3}}}));
}

TEST_F(ConsumerGroupTime, WhoGivesUpInTimeStays) {
  make_two();
  for (int i = 0; i < 4; ++i) {
    pass(30s);
    beat("a", 3);
    beat("b", 3);
  }
  EXPECT_EQ(group_->members().size(), 2U);
}

TEST_F(ConsumerGroupTime, AssignmentsAreAnIntervalApart) {
  options_.consumer_assignment_interval = 1000ms;
  join("a", {"orders"});
  EXPECT_EQ(group_->assignment_epoch(), 2);  // the first is made at once
  const auto response = join("b", {"orders"});
  EXPECT_EQ(response.member_epoch, 2);
  EXPECT_EQ(assigned(response), Partitions{});
  EXPECT_EQ(group_->state_name(), "Assigning");
  pass(999ms);
  EXPECT_EQ(group_->assignment_epoch(), 2);
  pass(1ms);
  EXPECT_EQ(group_->assignment_epoch(), 3);
  EXPECT_EQ(record_types(), (std::vector<int>{7, 7, 6}));
  EXPECT_EQ(assigned(beat("a", 2)), (Partitions{{"orders", {0, 1}}}));
}

TEST_F(ConsumerGroupTime, AClockThatWasSetBackDoesNotHoldTheAssignmentUp) {
  options_.consumer_assignment_interval = 1000ms;
  join("a", {"orders"});
  now_.wall_ms -= 3'600'000;
  join("b", {"orders"});
  pass(1000ms);
  EXPECT_EQ(group_->assignment_epoch(), 3);
}

TEST_F(ConsumerGroupTime, AfterLoadingEverybodyHasTheirWholeTime) {
  join("a", {"orders"});
  join("b", {"orders"});
  beat("a", 2);  // has to give up
  pass(40s);
  reload();
  pass(44s);
  EXPECT_EQ(group_->members().size(), 2U);
  beat("a", 2);
  beat("b", 3);
  pass(17s);
  EXPECT_FALSE(group_->members().contains("a"));
  EXPECT_TRUE(group_->members().contains("b"));
}

// Topics.

using ConsumerGroupMetadata = ConsumerGroupTest;

TEST_F(ConsumerGroupMetadata, ATopicThatGrowsIsAssignedAnew) {
  join("a", {"orders"});
  change_topic("orders", 6);
  EXPECT_TRUE(new_records_.empty());  // until somebody asks
  const auto response = beat("a", 2);
  EXPECT_EQ(response.member_epoch, 3);
  EXPECT_EQ(assigned(response), (Partitions{{"orders", {0, 1, 2, 3, 4, 5}}}));
}

TEST_F(ConsumerGroupMetadata, TopicsOfOthersDoNotMatter) {
  join("a", {"orders"});
  change_topic("other", 3);
  EXPECT_EQ(beat("a", 2).member_epoch, 2);
  EXPECT_TRUE(new_records_.empty());
}

TEST_F(ConsumerGroupMetadata, ATopicThatIsGoneIsTakenAway) {
  topics_.make("other", 1);
  join("a", {"orders", "other"});
  remove_topic("orders");
  beat("a", 2);
  const auto response = beat("a", 2, {{"other", {0}}});
  EXPECT_EQ(response.member_epoch, 3);
  EXPECT_EQ(member("a").current.assigned, (OwnedPartitions{{topic_id("other"), {0}, {2}}}));
}

TEST_F(ConsumerGroupMetadata, AGroupThatComesBackDoesNotRebalanceForNothing) {
  make_two();
  const auto records = log_.size();
  reload();
  beat("a", 3);
  beat("b", 3);
  EXPECT_EQ(log_.size(), records);
}

TEST_F(ConsumerGroupMetadata, WhatChangedWhileItWasAwayIsSeen) {
  join("a", {"orders"});
  topics_.make("orders", 5);
  reload();
  EXPECT_EQ(beat("a", 2).member_epoch, 3);
}

TEST_F(ConsumerGroupMetadata, WhatKafka4_0WroteOfTopicsIsRemoved) {
  join("a", {"orders"});
  log_.emplace_back(ConsumerGroupPartitionMetadataRecord{"g", false});
  reload();
  beat("a", 2);
  EXPECT_EQ(record_types(), (std::vector<int>{4}));
  beat("a", 2);
  EXPECT_TRUE(new_records_.empty());
}

// Regular expressions.

class ConsumerGroupRegex : public ConsumerGroupTest {
 protected:
  Response join_regex(const std::string& member, const std::string& regex) {
    return beat({.member = member, .regex = regex, .owned = Partitions{}, .rebalance_ms = 60'000});
  }
};

TEST_F(ConsumerGroupRegex, IsResolvedAtOnce) {
  topics_.make("offers", 1);
  topics_.make("other", 1);
  const auto response = join_regex("a", "o.*rs");
  EXPECT_EQ(assigned(response), (Partitions{{"offers", {0}}, {"orders", {0, 1, 2, 3}}}));
  EXPECT_EQ(record_types(), (std::vector<int>{5, 16, 3, 7, 6, 8}));
  const auto record = std::get<RegularExpressionRecord>(log_[1]);
  EXPECT_EQ(record.regex, "o.*rs");
  EXPECT_EQ(record.value->topics, (Names{"offers", "orders"}));
  EXPECT_EQ(record.value->version, topics_.image().offset().value());
  EXPECT_EQ(record.value->timestamp_ms, now_.wall_ms);
  EXPECT_TRUE(group_->subscribes_to("offers"));
}

TEST_F(ConsumerGroupRegex, OneThatIsWrongIsRefusedWithTheReason) {
  join("a", {"orders"});
  const auto response = beat({.member = "a", .epoch = 2, .regex = "(o"});
  EXPECT_EQ(response.error_code, ErrorCode::invalid_regular_expression);
  EXPECT_EQ(response.error_message,
            "SubscribedTopicRegex `(o` is not a valid regular expression: missing closing ).");
  EXPECT_TRUE(new_records_.empty());
}

TEST_F(ConsumerGroupRegex, ANewTopicThatMatchesIsFoundAfterAWhile) {
  join_regex("a", "o.*");
  pass(5s);
  change_topic("offers", 1);
  EXPECT_EQ(beat("a", 2).member_epoch, 2);
  pass(6s);
  const auto response = beat("a", 2);
  EXPECT_EQ(response.member_epoch, 3);
  EXPECT_EQ(assigned(response), (Partitions{{"offers", {0}}, {"orders", {0, 1, 2, 3}}}));
}

TEST_F(ConsumerGroupRegex, ANewTopicThatDoesNotMatchIsNoWork) {
  join_regex("a", "o.*");
  pass(20s);
  change_topic("payments", 1);
  beat("a", 2);
  EXPECT_TRUE(new_records_.empty());
}

TEST_F(ConsumerGroupRegex, IsResolvedAgainFromTimeToTime) {
  join_regex("a", "o.*");
  for (int i = 0; i < 20; ++i) {
    pass(30s);
    beat("a", 2);
    EXPECT_TRUE(new_records_.empty());
  }
  pass(1s);
  beat("a", 2);
  EXPECT_EQ(record_types(), (std::vector<int>{16}));
  EXPECT_EQ(group_->epoch(), 2);
}

TEST_F(ConsumerGroupRegex, IsForgottenWithItsLastMember) {
  join_regex("a", "o.*");
  join_regex("b", "o.*");
  beat("a", -1);
  EXPECT_EQ(record_types(), (std::vector<int>{8, 7, 5, 3}));
  beat("b", -1);
  EXPECT_EQ(record_types(), (std::vector<int>{8, 7, 5, 16, 3}));
  EXPECT_FALSE(group_->subscribes_to("orders"));
}

TEST_F(ConsumerGroupRegex, OneThatIsExchangedIsForgotten) {
  topics_.make("offers", 2);
  join_regex("a", "or.*");
  beat({.member = "a", .epoch = 2, .regex = "of.*"});
  EXPECT_EQ(record_types(), (std::vector<int>{5, 16, 16, 3, 7, 6, 8}));
  EXPECT_EQ(assigned(beat("a", 2, {})), (Partitions{{"offers", {0, 1}}}));
  beat({.member = "a", .epoch = 3, .regex = ""});
  EXPECT_EQ(beat("a", 3, {}).member_epoch, 4);
  EXPECT_FALSE(group_->subscribes_to("offers"));
}

TEST_F(ConsumerGroupRegex, AddsToNames) {
  topics_.make("offers", 1);
  const auto response = beat({.member = "a",
                              .topics = Names{"orders"},
                              .regex = "of.*",
                              .owned = Partitions{},
                              .rebalance_ms = 60'000});
  EXPECT_EQ(assigned(response), (Partitions{{"offers", {0}}, {"orders", {0, 1, 2, 3}}}));
}

TEST_F(ConsumerGroupRegex, WhatChangedWhileTheGroupWasAwayIsSeen) {
  join_regex("a", "o.*");
  topics_.make("offers", 1);
  pass(11s);
  reload();
  EXPECT_EQ(beat("a", 2).member_epoch, 3);
}

TEST_F(ConsumerGroupRegex, AnUnresolvedOneOfTheLogIsResolved) {
  // Kafka resolves later than it writes the member.
  ConsumerGroupMemberRecord::Value value;
  value.subscribed_topic_regex = "o.*";
  value.rebalance_timeout_ms = 60'000;
  log_ = {ConsumerGroupMemberRecord{"g", "a", value},
          CurrentMemberAssignmentRecord{"g", "a",
                                        CurrentMemberAssignmentRecord::Value{1, 0, 0, {}, {}}}};
  reload();
  EXPECT_EQ(assigned(beat("a", 1)), (Partitions{{"orders", {0, 1, 2, 3}}}));
}

// Offsets.

class ConsumerGroupOffsets : public ConsumerGroupTest {
 protected:
  ErrorCode commit(std::int32_t epoch, const std::string& id,
                   std::vector<std::int32_t> indexes = {}) {
    std::vector<TopicIdPartition> partitions;
    for (const auto index : indexes)
      partitions.push_back({topic_id("orders"), PartitionIndex{index}});
    auto client = client_;
    client.member_id = id;
    client.generation_or_epoch = epoch;
    client.partitions = partitions;
    auto step = this->step();
    return group_->check_commit(step, client);
  }
  OffsetClient client_{{}, {}, -1, 10};
};

TEST_F(ConsumerGroupOffsets, AnEmptyGroupTakesThemFromAnybodyWithoutAnEpoch) {
  EXPECT_EQ(commit(-1, ""), ErrorCode::none);
  EXPECT_EQ(commit(3, "a"), ErrorCode::unknown_member_id);
}

TEST_F(ConsumerGroupOffsets, MembersCommitInTheirEpoch) {
  make_two();
  EXPECT_EQ(commit(3, "a"), ErrorCode::none);
  EXPECT_EQ(commit(-1, ""), ErrorCode::unknown_member_id);
  EXPECT_EQ(commit(4, "a", {0}), ErrorCode::stale_member_epoch);
  EXPECT_EQ(commit(2, "a"), ErrorCode::stale_member_epoch);
}

TEST_F(ConsumerGroupOffsets, AnOlderEpochDoesForWhatTheMemberHasOwnedSince) {
  make_two();
  EXPECT_EQ(commit(2, "a", {0, 1}), ErrorCode::none);
  EXPECT_EQ(commit(2, "a", {0, 2}), ErrorCode::stale_member_epoch);
  EXPECT_EQ(commit(1, "a", {0}), ErrorCode::stale_member_epoch);
  EXPECT_EQ(commit(2, "b", {2}), ErrorCode::stale_member_epoch);
}

TEST_F(ConsumerGroupOffsets, WhatIsToBeGivenUpCountsAsOwned) {
  join("a", {"orders"});
  join("b", {"orders"});
  beat("a", 2);
  EXPECT_EQ(commit(2, "a", {3}), ErrorCode::none);
}

TEST_F(ConsumerGroupOffsets, OldVersionsDoNotKnowEpochs) {
  make_two();
  client_.version = 8;
  EXPECT_EQ(commit(3, "a"), ErrorCode::unsupported_version);
}

TEST_F(ConsumerGroupOffsets, TransactionsNeedNotNameTheMember) {
  make_two();
  client_.is_transactional = true;
  client_.version = 3;
  EXPECT_EQ(commit(-1, ""), ErrorCode::none);
  EXPECT_EQ(commit(3, "a"), ErrorCode::none);
  EXPECT_EQ(commit(2, "a"), ErrorCode::illegal_generation);
  EXPECT_EQ(commit(-1, "nobody"), ErrorCode::unknown_member_id);
}

TEST_F(ConsumerGroupOffsets, AreFetchedByMembersInTheirEpochAndByAnybodyWithout) {
  make_two();
  const auto fetch = [&](std::int32_t epoch, const std::string& id) {
    return group_->check_fetch({id, std::nullopt, epoch});
  };
  EXPECT_EQ(fetch(-1, ""), ErrorCode::none);
  EXPECT_EQ(fetch(3, "a"), ErrorCode::none);
  EXPECT_EQ(fetch(2, "a"), ErrorCode::stale_member_epoch);
  EXPECT_EQ(fetch(3, "nobody"), ErrorCode::unknown_member_id);
}

// Description.

TEST_F(ConsumerGroupTest, IsDescribedWithWhatMembersHaveAndShallHave) {
  join("a", {"orders"}, "i");
  join("b", {"orders"});
  beat({.member = "a", .epoch = 2, .instance = "i"});
  auto step = this->step();
  const auto group = group_->describe(step, caller());
  EXPECT_EQ(group.group_id, "g");
  EXPECT_EQ(group.group_state, "Reconciling");
  EXPECT_EQ(group.group_epoch, 3);
  EXPECT_EQ(group.assignment_epoch, 3);
  EXPECT_EQ(group.assignor_name, "uniform");
  ASSERT_EQ(group.members.size(), 2U);
  const auto& a = group.members[0];
  EXPECT_EQ(a.member_id, "a");
  EXPECT_EQ(a.instance_id, "i");
  EXPECT_EQ(a.member_epoch, 2);
  EXPECT_EQ(a.client_id, "c");
  EXPECT_EQ(a.client_host, "/192.0.2.7");
  EXPECT_EQ(a.subscribed_topic_names, Names{"orders"});
  EXPECT_EQ(a.subscribed_topic_regex, "");
  EXPECT_EQ(a.member_type, 1);
  ASSERT_EQ(a.assignment.topic_partitions.size(), 1U);
  EXPECT_EQ(a.assignment.topic_partitions[0].topic_name, "orders");
  EXPECT_EQ(a.assignment.topic_partitions[0].partitions.size(), 4U);  // two are to be given up
  EXPECT_EQ(a.target_assignment.topic_partitions[0].partitions.size(), 2U);
  EXPECT_TRUE(group.members[1].assignment.topic_partitions.empty());
}

TEST_F(ConsumerGroupTest, RecordsOfWhatIsNotThereArePassedOver) {
  for (const Record& record :
       std::vector<Record>{ConsumerGroupMetadataRecord{"g", std::nullopt},
                           ConsumerGroupPartitionMetadataRecord{"g", true},
                           ConsumerGroupMemberRecord{"g", "a", std::nullopt},
                           TargetAssignmentMetadataRecord{"g", std::nullopt},
                           TargetAssignmentMemberRecord{"g", "a", std::nullopt},
                           CurrentMemberAssignmentRecord{"g", "a", std::nullopt},
                           RegularExpressionRecord{"g", "a", std::nullopt}})
    apply_to(*group_, record);
  EXPECT_FALSE(group_->is_in_log());
}

}  // namespace
}  // namespace moldau::group
