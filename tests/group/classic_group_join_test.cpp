// Joining a classic group and its rebalances (edge cases 49 to 52, 55, 56).

#include "tests/group/classic_group_harness.hpp"

namespace moldau::group {
namespace {

using Protocols = std::vector<ClassicMember::Protocol>;

class ClassicGroupJoin : public ClassicGroupHarness {};

protocol::JoinGroupRequest good_request() {
  protocol::JoinGroupRequest request;
  request.group_id = "g";
  request.session_timeout_ms = 10'000;
  request.protocol_type = "consumer";
  request.protocols = {{.name = "range", .metadata = {}}};
  return request;
}

TEST_F(ClassicGroupJoin, EmptyGroupIdIsInvalid) {
  auto request = good_request();
  EXPECT_EQ(ClassicGroup::check_join(options_, request), std::nullopt);
  request.group_id.clear();
  EXPECT_EQ(ClassicGroup::check_join(options_, request), ErrorCode::invalid_group_id);
}

TEST_F(ClassicGroupJoin, SessionTimeoutHasToBeWithinTheBrokersBounds) {
  auto request = good_request();
  for (const std::int32_t good : {6'000, 1'800'000}) {
    request.session_timeout_ms = good;
    EXPECT_EQ(ClassicGroup::check_join(options_, request), std::nullopt);
  }
  for (const std::int32_t bad : {INT32_MIN, -1, 0, 5'999, 1'800'001, INT32_MAX}) {
    request.session_timeout_ms = bad;
    EXPECT_EQ(ClassicGroup::check_join(options_, request), ErrorCode::invalid_session_timeout);
  }
}

TEST_F(ClassicGroupJoin, NewMemberWithoutProtocolsMakesNoGroup) {
  auto request = good_request();
  request.protocols.clear();
  EXPECT_EQ(ClassicGroup::check_join(options_, request), ErrorCode::inconsistent_group_protocol);
  request = good_request();
  request.protocol_type.clear();
  EXPECT_EQ(ClassicGroup::check_join(options_, request), ErrorCode::inconsistent_group_protocol);
}

TEST_F(ClassicGroupJoin, RequestThatIsRefusedOutrightChangesNothing) {
  EXPECT_EQ((*join({.session_ms = 1}))->error_code, ErrorCode::invalid_session_timeout);
  EXPECT_EQ((*join({.member_id = "m", .session_ms = 1}))->member_id, "m");
  EXPECT_TRUE(log_.empty());
  EXPECT_TRUE(group_->is_simple_group());
}

TEST_F(ClassicGroupJoin, NewDynamicMemberIsToldItsIdFirst) {
  const auto reply = join({.version = 4});
  EXPECT_EQ((*reply)->error_code, ErrorCode::member_id_required);
  EXPECT_EQ((*reply)->generation_id, -1);
  EXPECT_EQ((*reply)->protocol_name, "");
  const std::string id = (*reply)->member_id;
  ASSERT_EQ(id.size(), 2U + 36U);
  EXPECT_EQ(id.substr(0, 2), "c-");
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) EXPECT_EQ(id[2 + dash], '-') << id;
  EXPECT_EQ(state(), State::empty);
  EXPECT_TRUE(group_->members().is_pending(id));
  EXPECT_FALSE(group_->is_simple_group());
}

TEST_F(ClassicGroupJoin, NewDynamicMemberBeforeVersion4JoinsAtOnce) {
  const auto reply = join({.version = 3});
  EXPECT_FALSE(*reply);
  EXPECT_EQ(state(), State::preparing_rebalance);
  advance(3s);
  EXPECT_EQ((*reply)->error_code, ErrorCode::none);
  EXPECT_TRUE(has_member((*reply)->member_id));
}

TEST_F(ClassicGroupJoin, NewStaticMemberJoinsAtOnceUnderItsInstanceId) {
  const auto reply = join({.instance_id = "i"});
  advance(3s);
  EXPECT_EQ((*reply)->error_code, ErrorCode::none);
  EXPECT_EQ((*reply)->member_id.substr(0, 2), "i-");
  EXPECT_EQ(*group_->members().static_id("i"), (*reply)->member_id);
  ASSERT_EQ((*reply)->members.size(), 1U);
  EXPECT_EQ((*reply)->members[0].group_instance_id, "i");
}

TEST_F(ClassicGroupJoin, PendingMemberThatDoesNotComeBackIsForgotten) {
  const std::string id = (*join({.session_ms = 8'000}))->member_id;
  advance(7'999ms);
  EXPECT_TRUE(group_->members().is_pending(id));
  advance(1ms);
  EXPECT_EQ((*join({.member_id = id}))->error_code, ErrorCode::unknown_member_id);
  EXPECT_TRUE(group_->is_simple_group());
}

TEST_F(ClassicGroupJoin, PendingMemberCannotBecomeStatic) {
  const std::string id = (*join({}))->member_id;
  EXPECT_EQ((*join({.member_id = id, .instance_id = "i"}))->error_code,
            ErrorCode::unknown_server_error);
}

TEST_F(ClassicGroupJoin, MemberThatNobodyKnowsIsRefused) {
  stable(1);
  const auto reply = join({.member_id = "nobody"});
  EXPECT_EQ((*reply)->error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ((*reply)->member_id, "nobody");
  EXPECT_EQ((*reply)->protocol_name, std::nullopt);
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupJoin, FirstJoinWritesTheEmptyGroup) {
  join({});
  ASSERT_EQ(log_.size(), 1U);
  const GroupMetadataRecord::Value empty{.protocol_type = "",
                                         .generation = 0,
                                         .protocol = std::nullopt,
                                         .leader = std::nullopt,
                                         .current_state_timestamp_ms = start_ms,
                                         .members = {}};
  EXPECT_EQ(log_[0], Record(GroupMetadataRecord{.group_id = "g", .value = empty}));
  join({});
  EXPECT_EQ(log_.size(), 1U);
}

TEST_F(ClassicGroupJoin, InitialRebalanceWaitsItsDelay) {
  const Joiner member = arrive();
  advance(2'999ms);
  EXPECT_FALSE(*member.joined);
  advance(1ms);
  ASSERT_TRUE(*member.joined);
  const auto& response = **member.joined;
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.generation_id, 1);
  EXPECT_EQ(response.protocol_type, "consumer");
  EXPECT_EQ(response.protocol_name, "range");
  EXPECT_EQ(response.leader, member.id);
  EXPECT_EQ(response.member_id, member.id);
  EXPECT_FALSE(response.skip_assignment);
  ASSERT_EQ(response.members.size(), 1U);
  EXPECT_EQ(response.members[0].member_id, member.id);
  EXPECT_EQ(response.members[0].metadata, Bytes{1});
  EXPECT_EQ(state(), State::completing_rebalance);
}

TEST_F(ClassicGroupJoin, InitialRebalanceWaitsOnWhileMembersArrive) {
  const Joiner first = arrive();
  advance(2s);
  const Joiner second = arrive();
  advance(1s);
  EXPECT_FALSE(*first.joined);  // The second came during the first delay.
  advance(2'999ms);
  EXPECT_FALSE(*first.joined);
  advance(1ms);
  EXPECT_TRUE(*first.joined);
  EXPECT_TRUE(*second.joined);
  EXPECT_EQ(group_->generation(), 1);
}

TEST_F(ClassicGroupJoin, InitialRebalanceWaitsNoLongerThanTheRebalanceTimeout) {
  const Joiner first = arrive({.rebalance_ms = 7'000});
  for (int second = 1; second < 7; ++second) {
    advance(1s);
    arrive({.rebalance_ms = 7'000});
    EXPECT_FALSE(*first.joined) << second;
  }
  advance(1s);
  EXPECT_TRUE(*first.joined);
  EXPECT_EQ(group_->members().size(), 7U);
}

TEST_F(ClassicGroupJoin, InitialRebalanceWithoutDelayIsDueAtOnce) {
  options_.initial_rebalance_delay = 0ms;
  const Joiner member = arrive();
  EXPECT_FALSE(*member.joined);
  advance(0ms);
  EXPECT_TRUE(*member.joined);
}

TEST_F(ClassicGroupJoin, GroupBecomesEmptyAgainIfAllLeaveDuringTheInitialWait) {
  const Joiner member = arrive();
  leave({leaving(member.id)});
  EXPECT_EQ((*member.joined)->error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(state(), State::preparing_rebalance);
  advance(3s);
  EXPECT_EQ(state(), State::empty);
  EXPECT_EQ(last_record().generation, 1);
}

TEST_F(ClassicGroupJoin, OnlyTheLeaderIsToldTheMembers) {
  const auto members = completing(3);
  EXPECT_EQ((*members[0].joined)->members.size(), 3U);
  for (const std::size_t follower : {1U, 2U}) {
    EXPECT_TRUE((*members[follower].joined)->members.empty());
    EXPECT_EQ((*members[follower].joined)->leader, members[0].id);
  }
}

TEST_F(ClassicGroupJoin, ProtocolIsTheOneThatMostPreferAmongThoseOfAll) {
  const auto of = [](std::vector<std::string> names) {
    Protocols protocols;
    for (auto& name : names) protocols.push_back({.name = std::move(name), .metadata = {}});
    return protocols;
  };
  arrive({.protocols = of({"mine", "range", "sticky"})});
  arrive({.protocols = of({"sticky", "range"})});
  const Joiner last = arrive({.protocols = of({"sticky", "range", "mine"})});
  advance(7s);
  EXPECT_EQ((*last.joined)->protocol_name, "sticky");
}

TEST_F(ClassicGroupJoin, MemberWithNoProtocolOfAllIsRefused) {
  stable(2);
  const auto stranger = join({.protocols = {{.name = "mine", .metadata = {}}}});
  EXPECT_EQ((*stranger)->error_code, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ((*stranger)->member_id, "");
  EXPECT_EQ((*join({.type = "connect"}))->error_code, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ((*join({.protocols = {}}))->error_code, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupJoin, MemberCannotChangeToProtocolsThatOthersLack) {
  const auto members = stable(2);
  const auto reply =
      join({.member_id = members[1].id, .protocols = {{.name = "mine", .metadata = {}}}});
  EXPECT_EQ((*reply)->error_code, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ((*reply)->member_id, members[1].id);
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupJoin, ProtocolNamedTwiceCountsOnce) {
  const Protocols twice{{.name = "range", .metadata = {1}}, {.name = "range", .metadata = {2}}};
  const auto members = completing(2, {.protocols = twice});
  EXPECT_EQ((*members[0].joined)->protocol_name, "range");
  EXPECT_EQ((*members[0].joined)->members[1].metadata, Bytes{1});
}

TEST_F(ClassicGroupJoin, EmptyGroupTakesAnotherProtocolType) {
  const auto members = stable(1);
  leave({leaving(members[0].id)});
  ASSERT_EQ(state(), State::empty);
  EXPECT_EQ(group_->protocol_type(), "consumer");
  arrive({.type = "connect"});
  EXPECT_EQ(group_->protocol_type(), "connect");
}

TEST_F(ClassicGroupJoin, Version0HasItsSessionTimeoutForRebalances) {
  const auto joined = join({.session_ms = 9'000, .version = 0});
  advance(3s);
  sync({.member_id = (*joined)->member_id});
  EXPECT_EQ(last_record().members.at(0).rebalance_timeout_ms, 9'000);
}

TEST_F(ClassicGroupJoin, NewMemberOfAStableGroupMakesARebalanceThatEndsWhenAllHaveJoined) {
  const auto members = stable(2);
  const Joiner third = arrive();
  EXPECT_EQ(state(), State::preparing_rebalance);
  EXPECT_EQ(heartbeat(members[0].id, 1), ErrorCode::rebalance_in_progress);
  const auto first = join({.member_id = members[0].id});
  EXPECT_FALSE(*first);
  const auto second = join({.member_id = members[1].id});
  for (const auto& reply : {first, second, third.joined}) EXPECT_EQ((*reply)->generation_id, 2);
  EXPECT_EQ((*first)->leader, members[0].id);
  EXPECT_EQ((*first)->members.size(), 3U);
}

TEST_F(ClassicGroupJoin, LeaderThatJoinsAStableGroupAgainMakesARebalance) {
  const auto members = stable(2);
  const auto reply = join({.member_id = members[0].id});
  EXPECT_FALSE(*reply);
  EXPECT_EQ(state(), State::preparing_rebalance);
}

TEST_F(ClassicGroupJoin, FollowerThatJoinsAStableGroupUnchangedGetsItsGeneration) {
  const auto members = stable(2);
  const auto reply = join({.member_id = members[1].id});
  EXPECT_EQ((*reply)->error_code, ErrorCode::none);
  EXPECT_EQ((*reply)->generation_id, 1);
  EXPECT_EQ((*reply)->leader, members[0].id);
  EXPECT_TRUE((*reply)->members.empty());
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupJoin, FollowerThatJoinsAStableGroupWithOtherMetadataMakesARebalance) {
  const auto members = stable(2);
  const auto reply =
      join({.member_id = members[1].id, .protocols = {{.name = "range", .metadata = {2}}}});
  EXPECT_FALSE(*reply);
  EXPECT_EQ(state(), State::preparing_rebalance);
}

TEST_F(ClassicGroupJoin, AnswerLostWhileCompletingIsRepeated) {
  const auto members = completing(2);
  const auto leader = join({.member_id = members[0].id});
  EXPECT_EQ((*leader)->generation_id, 1);
  EXPECT_EQ((*leader)->members.size(), 2U);
  const auto follower = join({.member_id = members[1].id});
  EXPECT_EQ((*follower)->generation_id, 1);
  EXPECT_TRUE((*follower)->members.empty());
  EXPECT_EQ(state(), State::completing_rebalance);
}

TEST_F(ClassicGroupJoin, MemberThatChangesWhileCompletingMakesARebalance) {
  const auto members = completing(2);
  const auto waiting = sync({.member_id = members[1].id});
  join({.member_id = members[0].id, .protocols = {{.name = "range", .metadata = {2}}}});
  EXPECT_EQ(state(), State::preparing_rebalance);
  EXPECT_EQ((*waiting)->error_code, ErrorCode::rebalance_in_progress);
}

TEST_F(ClassicGroupJoin, MemberThatMissesTheRebalanceIsRemoved) {
  const auto members = stable(3, {.session_ms = 120'000});
  const auto leader = join({.member_id = members[0].id});
  const auto second = join({.member_id = members[1].id});
  advance(59'999ms);
  EXPECT_FALSE(*leader);
  advance(1ms);
  EXPECT_EQ((*leader)->generation_id, 2);
  EXPECT_EQ((*leader)->members.size(), 2U);
  EXPECT_FALSE(has_member(members[2].id));
  EXPECT_EQ(heartbeat(members[2].id, 2), ErrorCode::unknown_member_id);
}

TEST_F(ClassicGroupJoin, StaticMemberThatMissesTheRebalanceIsKept) {
  const auto first = join({.instance_id = "a", .session_ms = 300'000});
  const auto second = join({.instance_id = "b", .session_ms = 300'000});
  advance(7s);
  const std::string leader = *group_->leader();
  const std::string other =
      leader == (*first)->member_id ? (*second)->member_id : (*first)->member_id;
  sync({.member_id = other});
  sync({.member_id = leader});
  const auto again = join({.member_id = leader});
  advance(60s);
  EXPECT_EQ((*again)->generation_id, 2);
  EXPECT_EQ((*again)->members.size(), 2U);
  EXPECT_TRUE(has_member(other));
}

TEST_F(ClassicGroupJoin, LeaderThatMissesTheRebalanceLeadsNoLonger) {
  const auto members = stable(2, {.session_ms = 120'000});
  const auto follower =
      join({.member_id = members[1].id, .protocols = {{.name = "range", .metadata = {2}}}});
  advance(60s);
  EXPECT_EQ((*follower)->leader, members[1].id);
  EXPECT_EQ((*follower)->members.size(), 1U);
}

TEST_F(ClassicGroupJoin, StaticLeaderThatMissesTheRebalanceLeadsNoLonger) {
  const auto first = join({.instance_id = "a", .session_ms = 300'000});
  const auto second = join({.instance_id = "b", .session_ms = 300'000});
  advance(7s);
  const std::string leader = *group_->leader();
  const std::string other =
      leader == (*first)->member_id ? (*second)->member_id : (*first)->member_id;
  sync({.member_id = other});
  sync({.member_id = leader});
  const auto again = join({.member_id = other, .protocols = {{.name = "range", .metadata = {2}}}});
  advance(60s);
  EXPECT_EQ((*again)->leader, other);
  EXPECT_EQ((*again)->members.size(), 2U);
}

TEST_F(ClassicGroupJoin, RebalanceThatNobodyJoinsGoesOnUntilSessionsEnd) {
  const auto member = join({.instance_id = "a", .session_ms = 300'000});
  advance(3s);
  sync({.member_id = (*member)->member_id});
  const Joiner guest = arrive();
  leave({leaving(guest.id)});
  advance(61s);
  EXPECT_EQ(state(), State::preparing_rebalance);
  EXPECT_EQ(group_->generation(), 1);
  advance(240s);
  EXPECT_EQ(state(), State::empty);
  EXPECT_EQ(group_->generation(), 2);
}

TEST_F(ClassicGroupJoin, RebalanceTimeoutOfZeroDoesNotSpin) {
  GroupMetadataRecord::Member member;
  member.member_id = "m";
  member.group_instance_id = "i";
  member.rebalance_timeout_ms = 0;
  member.session_timeout_ms = 60'000;
  GroupMetadataRecord::Value value;
  value.protocol_type = "consumer";
  value.protocol = "range";
  value.members = {member};
  group_ = ClassicGroup::from_record("g", value);
  Step step = this->step();
  group_->finish_loading(step);
  leave({leaving((*join({}))->member_id)});  // a rebalance that nobody joins
  ASSERT_EQ(state(), State::preparing_rebalance);
  advance(60s);  // comes back
  EXPECT_EQ(state(), State::empty);
}

TEST_F(ClassicGroupJoin, SecondJoinOfAMemberTakesThePlaceOfTheFirst) {
  const auto members = stable(2);
  const auto first = join({.member_id = members[0].id});
  const auto second = join({.member_id = members[0].id});
  EXPECT_EQ((*first)->error_code, ErrorCode::rebalance_in_progress);
  EXPECT_FALSE(*second);
  EXPECT_EQ(group_->members().awaiting_join_count(), 1U);
}

TEST_F(ClassicGroupJoin, FullGroupTakesNoNewMemberAndKeepsItsOwn) {
  options_.group_size_max = 2;
  const auto members = stable(2);
  const auto third = join({});
  EXPECT_EQ((*third)->error_code, ErrorCode::group_max_size_reached);
  EXPECT_EQ((*third)->member_id, "");
  EXPECT_EQ((*join({.member_id = members[1].id}))->error_code, ErrorCode::none);
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupJoin, GroupThatIsTooLargeLeavesOutWhoJoinsLast) {
  const auto members = stable(3);
  options_.group_size_max = 2;
  const auto first = join({.member_id = members[0].id});
  const auto second = join({.member_id = members[1].id});
  const auto again = join({.member_id = members[1].id});  // is among those who have joined
  EXPECT_EQ((*second)->error_code, ErrorCode::rebalance_in_progress);
  const auto last = join({.member_id = members[2].id});
  EXPECT_EQ((*last)->error_code, ErrorCode::group_max_size_reached);
  EXPECT_FALSE(has_member(members[2].id));
  // Nobody is waited for any more.
  EXPECT_EQ((*first)->generation_id, 2);
  EXPECT_EQ((*again)->generation_id, 2);
}

TEST_F(ClassicGroupJoin, JoinOfANewMemberWaitsFiveMinutesAtMost) {
  const auto members = stable(1, {.session_ms = 1'800'000, .rebalance_ms = 1'000'000});
  const Joiner guest = arrive();
  advance(299'999ms);
  EXPECT_FALSE(*guest.joined);
  advance(1ms);
  EXPECT_EQ((*guest.joined)->error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ((*guest.joined)->member_id, "");
  EXPECT_FALSE(has_member(guest.id));
}

TEST_F(ClassicGroupJoin, MemberThatWaitsForARebalanceNeedsNoHeartbeats) {
  const auto members = stable(2, {.session_ms = 10'000});
  const auto joined = join({.member_id = members[0].id});
  for (int i = 0; i < 5; ++i) {
    advance(9s);
    heartbeat(members[1].id, 1);
  }
  EXPECT_FALSE(*joined);
  EXPECT_TRUE(has_member(members[0].id));
  join({.member_id = members[1].id});
  EXPECT_EQ((*joined)->error_code, ErrorCode::none);
  // From the answer on it does.
  advance(10s);
  EXPECT_FALSE(has_member(members[0].id));
}

TEST_F(ClassicGroupJoin, PendingMemberIsWaitedFor) {
  const auto members = stable(1, {.session_ms = 60'000});
  const std::string pending = (*join({}))->member_id;
  const auto leader = join({.member_id = members[0].id});
  EXPECT_FALSE(*leader);
  advance(10s);  // the pending member's session
  EXPECT_FALSE(group_->members().is_pending(pending));
  EXPECT_EQ((*leader)->generation_id, 2);
}

TEST_F(ClassicGroupJoin, PendingMemberThatIsForgottenMakesNoRebalance) {
  stable(1, {.session_ms = 60'000});
  join({});
  advance(10s);
  EXPECT_TRUE(group_->members().pending().empty());
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupJoin, MemberIdsDiffer) {
  EXPECT_NE((*join({}))->member_id, (*join({}))->member_id);
}

}  // namespace
}  // namespace moldau::group
