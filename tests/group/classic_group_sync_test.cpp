// SyncGroup of classic groups (edge case 54; KIP-559).

#include "tests/group/classic_group_harness.hpp"

namespace moldau::group {
namespace {

class ClassicGroupSync : public ClassicGroupHarness {};

TEST_F(ClassicGroupSync, GroupIdIsNotEmptyAndVersion5NamesItsProtocol) {
  protocol::SyncGroupRequest request;
  request.group_id = "g";
  EXPECT_EQ(ClassicGroup::check_sync(caller(4), request), std::nullopt);
  EXPECT_EQ(ClassicGroup::check_sync(caller(5), request), ErrorCode::inconsistent_group_protocol);
  request.protocol_type = "consumer";
  EXPECT_EQ(ClassicGroup::check_sync(caller(5), request), ErrorCode::inconsistent_group_protocol);
  request.protocol_name = "range";
  EXPECT_EQ(ClassicGroup::check_sync(caller(5), request), std::nullopt);
  request.group_id.clear();
  EXPECT_EQ(ClassicGroup::check_sync(caller(5), request), ErrorCode::invalid_group_id);
}

TEST_F(ClassicGroupSync, FollowersWaitForTheLeader) {
  const auto members = completing(3);
  const auto second = sync({.member_id = members[1].id});
  const auto third = sync({.member_id = members[2].id});
  EXPECT_FALSE(*second);
  EXPECT_EQ(state(), State::completing_rebalance);
  const auto first = sync({.member_id = members[0].id,
                           .assignments = {{.member_id = members[0].id, .assignment = {10}},
                                           {.member_id = members[1].id, .assignment = {11}},
                                           {.member_id = members[2].id, .assignment = {12}}}});
  EXPECT_EQ((*first)->assignment, Bytes{10});
  EXPECT_EQ((*second)->assignment, Bytes{11});
  EXPECT_EQ((*third)->assignment, Bytes{12});
  EXPECT_EQ((*first)->error_code, ErrorCode::none);
  EXPECT_EQ((*first)->protocol_type, "consumer");
  EXPECT_EQ((*first)->protocol_name, "range");
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupSync, AssignmentIsInTheLogBeforeItIsTold) {
  const auto members = completing(2);
  now_.wall_ms += 500;
  const std::int64_t since = group_->state_since_ms().value();
  auto reply = std::make_shared<Slot<protocol::SyncGroupResponse>>();
  protocol::SyncGroupRequest request;
  request.group_id = "g";
  request.generation_id = 1;
  request.member_id = members[0].id;
  request.assignments = {{.member_id = members[1].id, .assignment = {7}}};
  Step step = this->step();
  group_->sync(step, caller(4), request, answer_into(reply));
  ASSERT_EQ(effects_.records.size(), 1U);
  EXPECT_FALSE(*reply);  // Answers run once the records are durable.
  finish_step();
  EXPECT_TRUE(*reply);

  const auto& record = last_record();
  EXPECT_EQ(record.protocol_type, "consumer");
  EXPECT_EQ(record.generation, 1);
  EXPECT_EQ(record.protocol, "range");
  EXPECT_EQ(record.leader, members[0].id);
  EXPECT_EQ(record.current_state_timestamp_ms, since);
  ASSERT_EQ(record.members.size(), 2U);
  const auto& written = record.members[record.members[0].member_id == members[1].id ? 0 : 1];
  EXPECT_EQ(written, (GroupMetadataRecord::Member{.member_id = members[1].id,
                                                  .group_instance_id = std::nullopt,
                                                  .client_id = "c",
                                                  .client_host = "/192.0.2.7",
                                                  .rebalance_timeout_ms = 60'000,
                                                  .session_timeout_ms = 10'000,
                                                  .subscription = {1},
                                                  .assignment = {7}}));
}

TEST_F(ClassicGroupSync, WhomTheLeaderLeftOutGetsNothing) {
  const auto members = completing(2);
  const auto follower = sync({.member_id = members[1].id});
  sync({.member_id = members[0].id,
        .assignments = {{.member_id = members[0].id, .assignment = {1}},
                        {.member_id = "made up", .assignment = {2}}}});
  EXPECT_EQ((*follower)->error_code, ErrorCode::none);
  EXPECT_EQ((*follower)->assignment, Bytes{});
  EXPECT_EQ(last_record().members.size(), 2U);
}

TEST_F(ClassicGroupSync, AssignmentOfAnEarlierGenerationIsNotKept) {
  const auto members = stable(2);
  const auto leader = join({.member_id = members[0].id});
  join({.member_id = members[1].id});
  ASSERT_EQ((*leader)->generation_id, 2);
  const auto follower = sync({.member_id = members[1].id, .generation = 2});
  sync({.member_id = members[0].id, .generation = 2});
  EXPECT_EQ((*follower)->assignment, Bytes{});
}

TEST_F(ClassicGroupSync, GenerationThatEndsBeforeItsAssignmentLeavesNone) {
  const auto members = stable(2);
  join({.member_id = members[0].id});
  join({.member_id = members[1].id});
  ASSERT_EQ(state(), State::completing_rebalance);
  arrive();
  for (const auto& member : group_->describe(caller(6)).members)
    EXPECT_EQ(member.member_assignment, Bytes{});
}

TEST_F(ClassicGroupSync, AssignmentFromAFollowerIsNotOne) {
  const auto members = completing(2);
  const auto follower = sync({.member_id = members[1].id,
                              .assignments = {{.member_id = members[1].id, .assignment = {9}}}});
  EXPECT_FALSE(*follower);
  sync({.member_id = members[0].id});
  EXPECT_EQ((*follower)->assignment, Bytes{});
}

TEST_F(ClassicGroupSync, StableGroupAnswersAtOnce) {
  const auto members = stable(2);
  for (const std::uint8_t i : {std::uint8_t{0}, std::uint8_t{1}}) {
    const auto reply = sync({.member_id = members[i].id});
    ASSERT_TRUE(*reply);
    EXPECT_EQ((*reply)->assignment, Bytes{i});
    EXPECT_EQ((*reply)->protocol_name, "range");
  }
  EXPECT_EQ(log_.size(), 2U);  // the empty group, and generation 1
}

TEST_F(ClassicGroupSync, WhoeverIsNotOfTheGenerationIsRefused) {
  const auto members = completing(2);
  EXPECT_EQ((*sync({.member_id = "nobody"}))->error_code, ErrorCode::unknown_member_id);
  for (const std::int32_t generation : {-1, 0, 2})
    EXPECT_EQ((*sync({.member_id = members[1].id, .generation = generation}))->error_code,
              ErrorCode::illegal_generation);
}

TEST_F(ClassicGroupSync, AnotherProtocolThanTheGroupsIsRefused) {
  const auto members = completing(1);
  EXPECT_EQ((*sync({.member_id = members[0].id, .type = "connect"}))->error_code,
            ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ((*sync({.member_id = members[0].id, .name = "sticky"}))->error_code,
            ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(
      (*sync(
           {.member_id = members[0].id, .type = std::nullopt, .name = std::nullopt, .version = 4}))
          ->error_code,
      ErrorCode::none);
}

TEST_F(ClassicGroupSync, NobodySyncsWithAnEmptyGroup) {
  EXPECT_EQ((*sync({.member_id = "m", .generation = 0}))->error_code, ErrorCode::unknown_member_id);
}

TEST_F(ClassicGroupSync, RebalanceEndsTheWait) {
  const auto members = completing(2);
  const auto waiting = sync({.member_id = members[1].id});
  arrive();
  EXPECT_EQ((*waiting)->error_code, ErrorCode::rebalance_in_progress);
  EXPECT_EQ((*waiting)->protocol_type, std::nullopt);
  EXPECT_FALSE(deadlines_.has({DeadlineKind::sync, "g", ""}));
  EXPECT_EQ((*sync({.member_id = members[1].id}))->error_code, ErrorCode::rebalance_in_progress);
}

TEST_F(ClassicGroupSync, MemberWhoseWaitARebalanceEndedHasToSendHeartbeatsAgain) {
  const auto members = completing(2, {.session_ms = 6'000});
  sync({.member_id = members[1].id});
  for (int i = 0; i < 2; ++i) {
    advance(5s);
    heartbeat(members[0].id, 1);
  }
  join({.member_id = members[0].id, .protocols = {{.name = "range", .metadata = {2}}}});
  advance(5'999ms);
  EXPECT_TRUE(has_member(members[1].id));
  advance(1ms);
  EXPECT_FALSE(has_member(members[1].id));
}

TEST_F(ClassicGroupSync, SecondSyncOfAMemberTakesThePlaceOfTheFirst) {
  const auto members = completing(2);
  const auto first = sync({.member_id = members[1].id});
  const auto second = sync({.member_id = members[1].id});
  EXPECT_EQ((*first)->error_code, ErrorCode::rebalance_in_progress);
  sync({.member_id = members[0].id});
  EXPECT_EQ((*second)->error_code, ErrorCode::none);
}

TEST_F(ClassicGroupSync, MemberThatDoesNotSyncInTimeIsRemoved) {
  const auto members = completing(3, {.rebalance_ms = 20'000});
  sync({.member_id = members[1].id});
  sync({.member_id = members[0].id});
  for (int i = 0; i < 4; ++i) {
    advance(4'999ms);
    for (const auto& member : members) EXPECT_EQ(heartbeat(member.id, 1), ErrorCode::none);
  }
  advance(4ms);
  EXPECT_FALSE(has_member(members[2].id));
  EXPECT_EQ(state(), State::preparing_rebalance);
  EXPECT_EQ(heartbeat(members[0].id, 1), ErrorCode::rebalance_in_progress);
}

TEST_F(ClassicGroupSync, LeaderThatDoesNotSyncInTimeIsRemovedAndAnotherLeads) {
  const auto members = completing(2, {.session_ms = 60'000, .rebalance_ms = 20'000});
  const auto waiting = sync({.member_id = members[1].id});
  advance(20s);
  EXPECT_EQ((*waiting)->error_code, ErrorCode::rebalance_in_progress);
  EXPECT_FALSE(has_member(members[0].id));
  const auto again = join({.member_id = members[1].id});
  EXPECT_EQ((*again)->generation_id, 2);
  EXPECT_EQ((*again)->leader, members[1].id);
}

TEST_F(ClassicGroupSync, GroupInWhichAllHaveSyncedStaysStable) {
  const auto members = stable(2);
  EXPECT_FALSE(deadlines_.has({DeadlineKind::sync, "g", ""}));
  for (int i = 0; i < 30; ++i) {
    advance(5s);
    for (const auto& member : members) heartbeat(member.id, 1);
  }
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupSync, MemberThatWaitsForTheLeaderNeedsNoHeartbeats) {
  const auto members = completing(2, {.session_ms = 6'000});
  const auto waiting = sync({.member_id = members[1].id});
  for (int i = 0; i < 5; ++i) {
    advance(5s);
    EXPECT_EQ(heartbeat(members[0].id, 1), ErrorCode::none);
  }
  EXPECT_TRUE(has_member(members[1].id));
  sync({.member_id = members[0].id});
  EXPECT_EQ((*waiting)->error_code, ErrorCode::none);
  // From the answer on it does.
  advance(5'999ms);
  EXPECT_TRUE(has_member(members[1].id));
  advance(1ms);
  EXPECT_FALSE(has_member(members[1].id));
}

}  // namespace
}  // namespace moldau::group
