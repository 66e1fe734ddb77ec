// A classic group's life beside joining and syncing: heartbeats, leaving, offsets, records
// (edge cases 53, 57, 58).

#include "tests/group/classic_group_harness.hpp"
#include "tests/support/rounds.hpp"

namespace moldau::group {
namespace {

class ClassicGroupLife : public ClassicGroupHarness {
 protected:
  /// As the broker does on start.
  void reload() {
    const auto value = last_record();
    group_ = ClassicGroup::from_record("g", value);
    deadlines_ = {};
    Step step = this->step();
    group_->finish_loading(step);
    finish_step();
  }
};

Bytes subscription_to(std::vector<std::string> topics) {
  ConsumerSubscription subscription;
  subscription.topics = std::move(topics);
  return encode_subscription(subscription, 3);
}

TEST_F(ClassicGroupLife, BeginsAsAPlaceForOffsets) {
  EXPECT_EQ(group_->type(), Group::Type::classic);
  EXPECT_EQ(group_->state_name(), "Empty");
  EXPECT_EQ(group_->protocol_type(), "");
  EXPECT_EQ(group_->generation(), 0);
  EXPECT_TRUE(group_->is_empty());
  EXPECT_TRUE(group_->is_simple_group());
  EXPECT_EQ(group_->state_since_ms(), std::nullopt);
}

TEST_F(ClassicGroupLife, StatesHaveKafkasNames) {
  const Joiner first = arrive();
  EXPECT_EQ(group_->state_name(), "PreparingRebalance");
  advance(3s);
  EXPECT_EQ(group_->state_name(), "CompletingRebalance");
  sync({.member_id = first.id});
  EXPECT_EQ(group_->state_name(), "Stable");
  leave({leaving(first.id)});
  EXPECT_EQ(group_->state_name(), "Empty");
}

TEST_F(ClassicGroupLife, StateIsKnownSinceItsChange) {
  const Joiner first = arrive();
  EXPECT_EQ(group_->state_since_ms(), start_ms);
  advance(3s);
  EXPECT_EQ(group_->state_since_ms(), start_ms + 3'000);
  advance(1s);
  sync({.member_id = first.id});
  EXPECT_EQ(group_->state_since_ms(), start_ms + 4'000);
}

// Heartbeats.

TEST_F(ClassicGroupLife, HeartbeatIsGoodWhileCompletingAndStable) {
  const auto members = completing(2);
  EXPECT_EQ(heartbeat(members[1].id, 1), ErrorCode::none);
  sync({.member_id = members[0].id});
  EXPECT_EQ(heartbeat(members[1].id, 1), ErrorCode::none);
}

TEST_F(ClassicGroupLife, HeartbeatTellsOfARebalance) {
  const auto members = stable(2);
  join({.member_id = members[0].id});
  EXPECT_EQ(heartbeat(members[1].id, 1), ErrorCode::rebalance_in_progress);
}

TEST_F(ClassicGroupLife, HeartbeatOfAnotherGenerationIsIllegal) {
  const auto members = stable(1);
  for (const std::int32_t generation : {-1, 0, 2})
    EXPECT_EQ(heartbeat(members[0].id, generation), ErrorCode::illegal_generation);
}

TEST_F(ClassicGroupLife, HeartbeatOfNoMemberIsUnknown) {
  EXPECT_EQ(heartbeat("m", 0), ErrorCode::unknown_member_id);
  EXPECT_EQ(heartbeat("", 0), ErrorCode::unknown_member_id);
  const std::string pending = (*join({}))->member_id;
  EXPECT_EQ(heartbeat(pending, 0), ErrorCode::unknown_member_id);
}

TEST_F(ClassicGroupLife, MemberThatIsSilentForItsSessionIsRemoved) {
  const auto members = stable(2, {.session_ms = 10'000});
  advance(9s);
  EXPECT_EQ(heartbeat(members[0].id, 1), ErrorCode::none);
  advance(999ms);
  EXPECT_TRUE(has_member(members[1].id));
  advance(1ms);
  EXPECT_FALSE(has_member(members[1].id));
  EXPECT_EQ(heartbeat(members[0].id, 1), ErrorCode::rebalance_in_progress);
}

TEST_F(ClassicGroupLife, LastMemberThatIsSilentLeavesAnEmptyGroup) {
  stable(1);
  advance(10s);
  EXPECT_EQ(state(), State::empty);
  const GroupMetadataRecord::Value empty{.protocol_type = "consumer",
                                         .generation = 2,
                                         .protocol = std::nullopt,
                                         .leader = std::nullopt,
                                         .current_state_timestamp_ms = now_.wall_ms,
                                         .members = {}};
  EXPECT_EQ(last_record(), empty);
  EXPECT_EQ(deadlines_.size(), 0U);
}

TEST_F(ClassicGroupLife, MemberThatIsSilentDuringARebalanceIsNotWaitedFor) {
  const auto members = stable(2, {.session_ms = 10'000});
  const auto leader = join({.member_id = members[0].id});
  advance(10s);
  EXPECT_EQ((*leader)->generation_id, 2);
  EXPECT_EQ((*leader)->members.size(), 1U);
}

// Leaving.

TEST_F(ClassicGroupLife, MemberThatLeavesMakesARebalance) {
  const auto members = stable(2);
  const auto response = leave({leaving(members[1].id)});
  EXPECT_EQ(response.error_code, ErrorCode::none);
  ASSERT_EQ(response.members.size(), 1U);
  EXPECT_EQ(response.members[0].member_id, members[1].id);
  EXPECT_EQ(response.members[0].group_instance_id, std::nullopt);
  EXPECT_EQ(response.members[0].error_code, ErrorCode::none);
  EXPECT_EQ(state(), State::preparing_rebalance);
  EXPECT_FALSE(deadlines_.has({DeadlineKind::session, "g", members[1].id}));
}

TEST_F(ClassicGroupLife, LastMemberThatLeavesLeavesAnEmptyGroup) {
  const auto members = stable(1);
  leave({leaving(members[0].id)});
  EXPECT_EQ(state(), State::empty);
  EXPECT_EQ(last_record().generation, 2);
  EXPECT_TRUE(last_record().members.empty());
  EXPECT_EQ(deadlines_.size(), 0U);
}

TEST_F(ClassicGroupLife, LeaveHasOneCodeBeforeVersion3) {
  const auto members = stable(2);
  protocol::LeaveGroupRequest request;
  request.group_id = "g";
  request.member_id = "nobody";
  EXPECT_EQ(leave(2, request).error_code, ErrorCode::unknown_member_id);
  EXPECT_TRUE(leave(2, request).members.empty());
  request.member_id = members[1].id;
  EXPECT_EQ(leave(0, request).error_code, ErrorCode::none);
  EXPECT_FALSE(has_member(members[1].id));
}

TEST_F(ClassicGroupLife, ManyLeaveInOneRebalanceEachWithItsCode) {
  const auto members = stable(4);
  const auto response =
      leave({leaving(members[1].id), leaving("nobody"), leaving(members[2].id), leaving("")});
  EXPECT_EQ(response.error_code, ErrorCode::none);
  ASSERT_EQ(response.members.size(), 4U);
  EXPECT_EQ(response.members[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.members[1].error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(response.members[2].error_code, ErrorCode::none);
  EXPECT_EQ(response.members[3].error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(group_->members().size(), 2U);
  EXPECT_EQ(state(), State::preparing_rebalance);
}

TEST_F(ClassicGroupLife, NobodyLeavesWithoutBeingThere) {
  stable(1);
  leave({leaving("nobody")});
  leave({});
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupLife, AdministratorRemovesAStaticMemberByItsInstanceId) {
  const auto member = join({.instance_id = "i"});
  advance(3s);
  const auto response = leave({leaving("", "i"), leaving("", "other")});
  EXPECT_EQ(response.members[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.members[0].member_id, "");
  EXPECT_EQ(response.members[0].group_instance_id, "i");
  EXPECT_EQ(response.members[1].error_code, ErrorCode::unknown_member_id);
  EXPECT_FALSE(has_member((*member)->member_id));
}

TEST_F(ClassicGroupLife, PendingMemberLeaves) {
  const auto members = stable(1);
  const std::string pending = (*join({}))->member_id;
  const auto leader = join({.member_id = members[0].id});
  EXPECT_FALSE(*leader);
  EXPECT_EQ(leave({leaving(pending)}).members[0].error_code, ErrorCode::none);
  EXPECT_EQ((*leader)->generation_id, 2);
  EXPECT_FALSE(deadlines_.has({DeadlineKind::session, "g", pending}));
}

TEST_F(ClassicGroupLife, WhoLeavesIsAnsweredWhatItHadParked) {
  const auto members = completing(2);
  const auto parked_sync = sync({.member_id = members[1].id});
  leave({leaving(members[1].id)});
  EXPECT_EQ((*parked_sync)->error_code, ErrorCode::unknown_member_id);
  const Joiner guest = arrive();
  leave({leaving(guest.id)});
  EXPECT_EQ((*guest.joined)->error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ((*guest.joined)->member_id, "");
}

TEST_F(ClassicGroupLife, LeaderThatLeavesIsFollowedByAnother) {
  const auto members = stable(2);
  leave({leaving(members[0].id)});
  EXPECT_EQ(group_->leader(), members[1].id);
  const auto again = join({.member_id = members[1].id});
  EXPECT_EQ((*again)->leader, members[1].id);
}

// Offsets.

TEST_F(ClassicGroupLife, EmptyGroupTakesCommitsOfNoGeneration) {
  EXPECT_EQ(commit("", -1), ErrorCode::none);
  EXPECT_EQ(commit("m", -1), ErrorCode::none);
  EXPECT_EQ(commit("m", 0), ErrorCode::unknown_member_id);
}

TEST_F(ClassicGroupLife, GroupWithMembersTakesCommitsOfItsMembersOnly) {
  const auto members = stable(1);
  EXPECT_EQ(commit(members[0].id, 1), ErrorCode::none);
  EXPECT_EQ(commit(members[0].id, 2), ErrorCode::illegal_generation);
  EXPECT_EQ(commit(members[0].id, -1), ErrorCode::illegal_generation);
  EXPECT_EQ(commit("nobody", 1), ErrorCode::unknown_member_id);
  EXPECT_EQ(commit("", -1), ErrorCode::unknown_member_id);
  EXPECT_EQ(commit(members[0].id, 1, "i"), ErrorCode::unknown_member_id);
}

TEST_F(ClassicGroupLife, CommitOfAGenerationNamesItsMember) {
  stable(1);
  EXPECT_EQ(commit("", 1), ErrorCode::unknown_member_id);
  EXPECT_EQ(commit_in_transaction("", 1), ErrorCode::unknown_member_id);
}

TEST_F(ClassicGroupLife, CommitWhileCompletingIsTold) {
  const auto members = completing(1);
  EXPECT_EQ(commit(members[0].id, 1), ErrorCode::rebalance_in_progress);
}

TEST_F(ClassicGroupLife, CommitWhilePreparingIsTaken) {
  const auto members = stable(2);
  join({.member_id = members[0].id});
  EXPECT_EQ(commit(members[1].id, 1), ErrorCode::none);
}

TEST_F(ClassicGroupLife, TransactionalCommitNamesAMemberOrNone) {
  const auto members = completing(1);
  EXPECT_EQ(commit_in_transaction("", -1), ErrorCode::none);
  EXPECT_EQ(commit_in_transaction(members[0].id, 1), ErrorCode::none);
  EXPECT_EQ(commit_in_transaction(members[0].id, 0), ErrorCode::illegal_generation);
  EXPECT_EQ(commit_in_transaction("nobody", 1), ErrorCode::unknown_member_id);
}

TEST_F(ClassicGroupLife, CommitCountsAsAHeartbeatAndATransactionalOneDoesNot) {
  const auto members = stable(2, {.session_ms = 10'000});
  advance(9s);
  commit(members[0].id, 1);
  commit_in_transaction(members[1].id, 1);
  advance(1s);
  EXPECT_TRUE(has_member(members[0].id));
  EXPECT_FALSE(has_member(members[1].id));
}

TEST_F(ClassicGroupLife, AnybodyFetchesOffsets) {
  EXPECT_EQ(group_->check_fetch(client("m", 9)), ErrorCode::none);
}

TEST_F(ClassicGroupLife, GroupWithMembersIsNotDeleted) {
  EXPECT_EQ(group_->check_delete(), ErrorCode::none);
  const Joiner member = arrive();
  EXPECT_EQ(group_->check_delete(), ErrorCode::non_empty_group);
  advance(3s);
  EXPECT_EQ(group_->check_delete(), ErrorCode::non_empty_group);
  sync({.member_id = member.id});
  EXPECT_EQ(group_->check_delete(), ErrorCode::non_empty_group);
  leave({leaving(member.id)});
  EXPECT_EQ(group_->check_delete(), ErrorCode::none);
  group_->write_tombstones(effects_);
  EXPECT_EQ(effects_.records.at(0),
            Record(GroupMetadataRecord{.group_id = "g", .value = std::nullopt}));
}

TEST_F(ClassicGroupLife, SubscribesToWhatItsConsumersSay) {
  const Joiner member =
      arrive({.protocols = {{.name = "range", .metadata = subscription_to({"t", "u"})}}});
  EXPECT_TRUE(group_->subscribes_to("other"));  // not known before the first generation
  advance(3s);
  EXPECT_TRUE(group_->subscribes_to("t"));
  EXPECT_TRUE(group_->subscribes_to("u"));
  EXPECT_FALSE(group_->subscribes_to("other"));
  leave({leaving(member.id)});
  EXPECT_FALSE(group_->subscribes_to("t"));
}

TEST_F(ClassicGroupLife, SubscriptionThatCannotBeReadMayBeToAnyTopic) {
  arrive({.protocols = {{.name = "range", .metadata = subscription_to({"t"})}}});
  arrive({.protocols = {{.name = "range", .metadata = {0, 0, 0x7F}}}});
  advance(7s);
  EXPECT_TRUE(group_->subscribes_to("other"));
}

TEST_F(ClassicGroupLife, GroupThatIsNotOfConsumersSubscribesToNothing) {
  EXPECT_FALSE(group_->subscribes_to("t"));
  arrive({.protocols = {{.name = "range", .metadata = subscription_to({"t"})}}, .type = "connect"});
  advance(3s);
  EXPECT_FALSE(group_->subscribes_to("t"));
}

// Descriptions.

TEST_F(ClassicGroupLife, DescriptionOfAStableGroupIsWhole) {
  const auto members = stable(1);
  const auto group = group_->describe(caller(6));
  EXPECT_EQ(group.error_code, ErrorCode::none);
  EXPECT_EQ(group.group_id, "g");
  EXPECT_EQ(group.group_state, "Stable");
  EXPECT_EQ(group.protocol_type, "consumer");
  EXPECT_EQ(group.protocol_data, "range");
  ASSERT_EQ(group.members.size(), 1U);
  EXPECT_EQ(group.members[0].member_id, members[0].id);
  EXPECT_EQ(group.members[0].client_id, "c");
  EXPECT_EQ(group.members[0].client_host, "/192.0.2.7");
  EXPECT_EQ(group.members[0].member_metadata, Bytes{1});
  EXPECT_EQ(group.members[0].member_assignment, Bytes{0});
}

TEST_F(ClassicGroupLife, DescriptionOfAGroupThatIsNotStableHasNoProtocol) {
  completing(1);
  const auto group = group_->describe(caller(6));
  EXPECT_EQ(group.group_state, "CompletingRebalance");
  EXPECT_EQ(group.protocol_type, "consumer");
  EXPECT_EQ(group.protocol_data, "");
  ASSERT_EQ(group.members.size(), 1U);
  EXPECT_TRUE(group.members[0].member_metadata.empty());
}

// Records.

TEST_F(ClassicGroupLife, StableGroupComesBackFromItsRecord) {
  const auto members = stable(2);
  reload();
  EXPECT_EQ(state(), State::stable);
  EXPECT_EQ(group_->generation(), 1);
  EXPECT_EQ(group_->leader(), members[0].id);
  EXPECT_EQ(group_->protocol_name(), "range");
  EXPECT_EQ((*sync({.member_id = members[1].id}))->assignment, Bytes{1});
  EXPECT_EQ((*join({.member_id = members[1].id}))->generation_id, 1);
}

TEST_F(ClassicGroupLife, LoadedMembersHaveAWholeSession) {
  const auto members = stable(2, {.session_ms = 10'000});
  advance(9s);
  reload();
  advance(9'999ms);
  EXPECT_EQ(group_->members().size(), 2U);
  EXPECT_EQ(heartbeat(members[1].id, 1), ErrorCode::none);
  advance(1ms);
  EXPECT_EQ(group_->members().size(), 1U);
}

TEST_F(ClassicGroupLife, EmptyGroupComesBackFromItsRecord) {
  const auto members = stable(1);
  leave({leaving(members[0].id)});
  const std::int64_t since = now_.wall_ms;
  advance(1s);
  reload();
  EXPECT_EQ(state(), State::empty);
  EXPECT_EQ(group_->generation(), 2);
  EXPECT_EQ(group_->protocol_type(), "consumer");
  EXPECT_EQ(group_->state_since_ms(), since);
  EXPECT_FALSE(group_->is_simple_group());
  EXPECT_FALSE(group_->subscribes_to("t"));
}

TEST_F(ClassicGroupLife, StaticMembersComeBackFromTheirRecord) {
  const auto member = join({.instance_id = "i"});
  advance(3s);
  sync({.member_id = (*member)->member_id});
  reload();
  const auto back = join({.instance_id = "i"});
  EXPECT_EQ((*back)->generation_id, 1);
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupLife, OldRecordsHaveNoRebalanceTimeoutAndNoTimestamp) {
  GroupMetadataRecord::Member member;
  member.member_id = "m";
  member.rebalance_timeout_ms = -1;
  member.session_timeout_ms = 7'000;
  GroupMetadataRecord::Value value;
  value.protocol_type = "consumer";
  value.generation = 3;
  value.protocol = "range";
  value.members = {member, member};  // a second time: passed over
  group_ = ClassicGroup::from_record("g", value);
  EXPECT_EQ(group_->members().rebalance_timeout(), 7s);
  EXPECT_EQ(group_->state_since_ms(), std::nullopt);
  EXPECT_EQ(group_->leader(), "m");
  EXPECT_EQ(group_->members().size(), 1U);
}

TEST_F(ClassicGroupLife, RecordSaysWhoLeads) {
  stable(2);
  auto value = last_record();
  for (const auto& member : last_record().members) {
    value.leader = member.member_id;
    EXPECT_EQ(ClassicGroup::from_record("g", value)->leader(), member.member_id);
  }
}

TEST_F(ClassicGroupLife, RecordWhoseLeaderIsNoMemberDoesNoHarm) {
  const auto members = stable(1);
  auto value = last_record();
  value.leader = "gone";
  value.protocol.reset();
  group_ = ClassicGroup::from_record("g", value);
  EXPECT_TRUE(group_->subscribes_to("t"));
  EXPECT_EQ(group_->describe(caller(6)).protocol_data, "");
  const auto again = join({.member_id = members[0].id});
  EXPECT_EQ((*again)->error_code, ErrorCode::inconsistent_group_protocol);
  advance(10s);  // its session
  EXPECT_EQ(state(), State::empty);
}

TEST_F(ClassicGroupLife, GroupLoadedWithTooManyMembersRebalances) {
  const auto members = stable(3);
  options_.group_size_max = 2;
  reload();
  EXPECT_EQ(state(), State::preparing_rebalance);
  EXPECT_EQ(heartbeat(members[0].id, 1), ErrorCode::rebalance_in_progress);
}

TEST_F(ClassicGroupLife, GenerationGoesOnAfterTheLastNumber) {
  stable(1);
  auto value = last_record();
  value.generation = INT32_MAX;
  group_ = ClassicGroup::from_record("g", value);
  leave({leaving(value.members[0].member_id)});
  EXPECT_EQ(group_->generation(), INT32_MIN);
}

// Changing the protocol.

TEST_F(ClassicGroupLife, WhatIsParkedFailsWhenTheGroupChanges) {
  const auto members = completing(2);
  const auto parked_sync = sync({.member_id = members[1].id});
  group_->fail_parked(effects_, ErrorCode::rebalance_in_progress);
  finish_step();
  EXPECT_EQ((*parked_sync)->error_code, ErrorCode::rebalance_in_progress);
  const Joiner guest = arrive();
  group_->fail_parked(effects_, ErrorCode::not_coordinator);
  finish_step();
  EXPECT_EQ((*guest.joined)->error_code, ErrorCode::not_coordinator);
  EXPECT_EQ((*guest.joined)->member_id, guest.id);
  EXPECT_EQ(group_->members().awaiting_join_count(), 0U);
}

TEST_F(ClassicGroupLife, GroupThatIsReplacedHasNoDeadlines) {
  completing(2);
  join({});  // pending
  arrive();  // a rebalance
  EXPECT_GT(deadlines_.size(), 0U);
  group_->clear_deadlines(deadlines_);
  EXPECT_EQ(deadlines_.size(), 0U);
}

TEST_F(ClassicGroupLife, ConsumerGroupBecomesAClassicGroupThatRebalances) {
  const auto member = [](const std::string& id) {
    return ClassicMember{.id = id,
                         .instance_id = std::nullopt,
                         .client = {.id = "c", .host = "/192.0.2.7"},
                         .rebalance_timeout_ms = 60'000,
                         .session_timeout_ms = 10'000,
                         .protocols = {{.name = "range", .metadata = subscription_to({"t"})}}};
  };
  std::vector<ClassicMember> members;
  members.push_back(member("a"));
  members.push_back(member("b"));
  group_ = ClassicGroup::from_consumer_members("g", 12, std::move(members));
  ASSERT_NE(group_, nullptr);
  group_->set_assignment("a", {1});
  group_->set_assignment("b", {2});
  Step step = this->step();
  group_->start_converted(step);
  finish_step();
  EXPECT_EQ(state(), State::preparing_rebalance);
  EXPECT_EQ(group_->generation(), 12);
  EXPECT_EQ(heartbeat("a", 12), ErrorCode::rebalance_in_progress);
  EXPECT_EQ(group_->protocol_name(), "range");
  EXPECT_EQ(group_->state_since_ms(), start_ms);
  EXPECT_TRUE(group_->subscribes_to("t"));
  EXPECT_FALSE(group_->subscribes_to("u"));
  EXPECT_EQ(last_record().members.at(1).assignment, Bytes{2});
  EXPECT_EQ(last_record().leader, std::nullopt);
  advance(10s);
  EXPECT_EQ(state(), State::empty);
}

TEST_F(ClassicGroupLife, AConvertedGroupStillRebalancesAfterARestart) {
  std::vector<ClassicMember> members;
  members.push_back({.id = "a",
                     .instance_id = std::nullopt,
                     .client = {.id = "c", .host = "/192.0.2.7"},
                     .rebalance_timeout_ms = 60'000,
                     .session_timeout_ms = 10'000,
                     .protocols = {{.name = "range", .metadata = {}}}});
  group_ = ClassicGroup::from_consumer_members("g", 12, std::move(members));
  Step step = this->step();
  group_->start_converted(step);
  finish_step();
  group_ = ClassicGroup::from_record("g", last_record());
  Step loading = this->step();
  group_->finish_loading(loading);
  finish_step();
  EXPECT_EQ(state(), State::preparing_rebalance);
  EXPECT_EQ(heartbeat("a", 12), ErrorCode::rebalance_in_progress);
}

TEST_F(ClassicGroupLife, MembersWithoutACommonProtocolMakeNoClassicGroup) {
  std::vector<ClassicMember> members;
  for (const std::string name : {"a", "b"})
    members.push_back({.id = name,
                       .instance_id = std::nullopt,
                       .client = {},
                       .protocols = {{.name = name, .metadata = {}}}});
  EXPECT_EQ(ClassicGroup::from_consumer_members("g", 1, std::move(members)), nullptr);
}

// Everything together.

/// Members that join, sync, leave, stall and come back at random: every request is answered in the
/// end, generations in the log only rise, and a group that is left alone becomes empty.
class ClassicGroupAtRandom : public ClassicGroupHarness,
                             public testing::WithParamInterface<std::uint64_t> {
 protected:
  std::size_t roll(std::size_t below) { return static_cast<std::size_t>(dice_.next() % below); }
  std::string some_member() {
    if (known_.empty() || roll(20) == 0) return "nobody";
    return known_[roll(known_.size())];
  }
  std::optional<std::string> maybe_instance() {
    if (roll(3) != 0) return std::nullopt;
    return "i" + std::to_string(roll(3));
  }
  std::vector<ClassicMember::Protocol> some_protocols() {
    return {{.name = "range", .metadata = {static_cast<std::uint8_t>(roll(2))}}};
  }
  void act() {
    switch (roll(8)) {
      case 0:
      case 1: {
        const bool is_new = roll(2) == 0;
        joins_.push_back(join({.member_id = is_new ? "" : some_member(),
                               .instance_id = maybe_instance(),
                               .protocols = some_protocols(),
                               .session_ms = 6'000 + static_cast<std::int32_t>(roll(20'000)),
                               .rebalance_ms = static_cast<std::int32_t>(roll(30'000)),
                               .version = static_cast<std::int16_t>(roll(10))}));
        break;
      }
      case 2:
      case 3:
        syncs_.push_back(sync({.member_id = some_member(), .generation = group_->generation()}));
        break;
      case 4:
        (void)heartbeat(some_member(), group_->generation());
        break;
      case 5:
        if (roll(4) == 0) leave({leaving(some_member()), leaving("", "i1")});
        break;
      case 6:
        (void)commit(some_member(), group_->generation());
        break;
      default:
        advance(base::Milliseconds(static_cast<std::int64_t>(roll(4'000))));
    }
    for (const auto& reply : joins_)
      if (*reply && !(*reply)->member_id.empty() &&
          !std::ranges::count(known_, (*reply)->member_id))
        known_.push_back((*reply)->member_id);
    if (known_.size() > 12) known_.erase(known_.begin());
  }

  base::SeededRandom dice_{GetParam()};
  std::vector<std::string> known_;
  std::vector<Reply<protocol::JoinGroupResponse>> joins_;
  std::vector<Reply<protocol::SyncGroupResponse>> syncs_;
};

TEST_P(ClassicGroupAtRandom, NothingIsStuck) {
  options_.group_size_max = 5;
  for (int i = 0; i < 600; ++i) act();
  advance(1h);
  EXPECT_EQ(state(), State::empty);
  EXPECT_EQ(deadlines_.size(), 0U);
  for (const auto& reply : joins_) EXPECT_TRUE(*reply);
  for (const auto& reply : syncs_) EXPECT_TRUE(*reply);
  std::int32_t generation = 0;
  for (const auto& record : log_) {
    const auto& value = *std::get<GroupMetadataRecord>(record).value;
    EXPECT_GE(value.generation, generation);
    generation = value.generation;
  }
  EXPECT_GT(generation, 1);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClassicGroupAtRandom, testing::Range<std::uint64_t>(1, 1 + support::rounds(40)));

}  // namespace
}  // namespace moldau::group
