// Static members of classic groups (edge case 55; KIP-345, KIP-814).

#include "tests/group/classic_group_harness.hpp"

namespace moldau::group {
namespace {

class ClassicGroupStatic : public ClassicGroupHarness {
 protected:
  /// Generation 1 of two static members, a leader and a follower, each with its instance id, and
  /// with assignments {0} and {1}.
  void SetUp() override { make_completing(); }

  void make_completing() {
    const auto a = join({.instance_id = "a"});
    const auto b = join({.instance_id = "b"});
    advance(7s);
    leader_ = *group_->leader();
    const bool a_leads = (*a)->member_id == leader_;
    follower_ = a_leads ? (*b)->member_id : (*a)->member_id;
    leader_instance_ = a_leads ? "a" : "b";
    follower_instance_ = a_leads ? "b" : "a";
  }
  void make_stable() {
    sync({.member_id = follower_});
    sync({.member_id = leader_,
          .assignments = {{.member_id = leader_, .assignment = {0}},
                          {.member_id = follower_, .assignment = {1}}}});
    ASSERT_EQ(state(), State::stable);
    log_.clear();
  }

  std::string leader_;
  std::string follower_;
  std::string leader_instance_;
  std::string follower_instance_;
};

TEST_F(ClassicGroupStatic, FollowerThatComesBackTakesItsPlaceWithoutARebalance) {
  make_stable();
  const auto back = join({.instance_id = follower_instance_});
  ASSERT_TRUE(*back);
  EXPECT_EQ((*back)->error_code, ErrorCode::none);
  EXPECT_EQ((*back)->generation_id, 1);
  EXPECT_EQ((*back)->leader, leader_);
  EXPECT_FALSE((*back)->skip_assignment);
  EXPECT_TRUE((*back)->members.empty());
  EXPECT_EQ(state(), State::stable);
  EXPECT_NE((*back)->member_id, follower_);
  EXPECT_EQ((*sync({.member_id = (*back)->member_id}))->assignment, Bytes{1});
}

TEST_F(ClassicGroupStatic, LeaderThatComesBackIsToldToSkipTheAssignment) {
  make_stable();
  const auto back = join({.instance_id = leader_instance_, .version = 9});
  EXPECT_EQ((*back)->leader, (*back)->member_id);
  EXPECT_TRUE((*back)->skip_assignment);
  EXPECT_EQ((*back)->members.size(), 2U);
  EXPECT_EQ(group_->leader(), (*back)->member_id);
  EXPECT_EQ((*sync({.member_id = (*back)->member_id}))->assignment, Bytes{0});
}

TEST_F(ClassicGroupStatic, LeaderThatComesBackBeforeVersion9IsToldThatItsOldSelfLeads) {
  make_stable();
  const auto back = join({.instance_id = leader_instance_, .version = 8});
  EXPECT_EQ((*back)->error_code, ErrorCode::none);
  EXPECT_EQ((*back)->leader, leader_);
  EXPECT_FALSE((*back)->skip_assignment);
  EXPECT_TRUE((*back)->members.empty());
  EXPECT_EQ(group_->leader(), (*back)->member_id);
}

TEST_F(ClassicGroupStatic, NewIdIsInTheLogBeforeItIsTold) {
  make_stable();
  const auto back = join({.instance_id = leader_instance_});
  ASSERT_EQ(log_.size(), 1U);
  const auto& record = last_record();
  EXPECT_EQ(record.generation, 1);
  EXPECT_EQ(record.leader, (*back)->member_id);
  ASSERT_EQ(record.members.size(), 2U);
  const auto written = std::ranges::find(record.members, (*back)->member_id,
                                         &GroupMetadataRecord::Member::member_id);
  ASSERT_NE(written, record.members.end());
  EXPECT_EQ(written->group_instance_id, leader_instance_);
  EXPECT_EQ(written->assignment, Bytes{0});
}

TEST_F(ClassicGroupStatic, OldIdIsFenced) {
  make_stable();
  join({.instance_id = follower_instance_});
  EXPECT_EQ(heartbeat(follower_, 1, follower_instance_), ErrorCode::fenced_instance_id);
  EXPECT_EQ((*sync({.member_id = follower_, .instance_id = follower_instance_}))->error_code,
            ErrorCode::fenced_instance_id);
  const auto joined = join({.member_id = follower_, .instance_id = follower_instance_});
  EXPECT_EQ((*joined)->error_code, ErrorCode::fenced_instance_id);
  EXPECT_EQ((*joined)->member_id, follower_);
  EXPECT_EQ(leave({leaving(follower_, follower_instance_)}).members[0].error_code,
            ErrorCode::fenced_instance_id);
  EXPECT_EQ(commit(follower_, 1, follower_instance_), ErrorCode::fenced_instance_id);
}

TEST_F(ClassicGroupStatic, OldIdWithoutItsInstanceIdIsUnknown) {
  make_stable();
  join({.instance_id = follower_instance_});
  EXPECT_EQ(heartbeat(follower_, 1), ErrorCode::unknown_member_id);
}

TEST_F(ClassicGroupStatic, InstanceIdThatNobodyHasIsUnknown) {
  EXPECT_EQ(heartbeat(follower_, 1, "other"), ErrorCode::unknown_member_id);
}

TEST_F(ClassicGroupStatic, SessionOfTheOldIdEndsNothing) {
  make_stable();
  const auto back = join({.instance_id = follower_instance_});
  EXPECT_FALSE(deadlines_.has({DeadlineKind::session, "g", follower_}));
  advance(9s);
  heartbeat(leader_, 1);
  heartbeat((*back)->member_id, 1);
  advance(9s);
  EXPECT_EQ(state(), State::stable);
}

TEST_F(ClassicGroupStatic, NewIdHasASessionOfItsOwn) {
  make_stable();
  const auto back = join({.instance_id = follower_instance_, .session_ms = 8'000});
  heartbeat(leader_, 1);
  advance(7'999ms);
  EXPECT_TRUE(has_member((*back)->member_id));
  advance(1ms);
  EXPECT_FALSE(has_member((*back)->member_id));
}

TEST_F(ClassicGroupStatic, MemberThatComesBackAndChangesTheProtocolChosenMakesARebalance) {
  // Both prefer "range"; one that lacks it leaves "sticky" alone in common.
  group_ = std::make_unique<ClassicGroup>("g");
  deadlines_ = {};
  const std::vector<ClassicMember::Protocol> both{{.name = "range", .metadata = {}},
                                                  {.name = "sticky", .metadata = {}}};
  const auto a = join({.instance_id = "a", .protocols = both});
  const auto b = join({.instance_id = "b", .protocols = both});
  advance(7s);
  sync({.member_id = (*a)->member_id});
  sync({.member_id = (*b)->member_id});
  ASSERT_EQ(state(), State::stable);
  const auto back = join({.instance_id = "b", .protocols = {{.name = "sticky", .metadata = {}}}});
  EXPECT_FALSE(*back);
  EXPECT_EQ(state(), State::preparing_rebalance);
  const auto other = join({.member_id = (*a)->member_id, .instance_id = "a", .protocols = both});
  EXPECT_EQ((*back)->protocol_name, "sticky");
  EXPECT_EQ((*other)->generation_id, 2);
}

TEST_F(ClassicGroupStatic, MemberThatComesBackWhileCompletingMakesARebalance) {
  const auto waiting = sync({.member_id = follower_});
  const auto back = join({.instance_id = leader_instance_});
  EXPECT_FALSE(*back);
  EXPECT_EQ((*waiting)->error_code, ErrorCode::rebalance_in_progress);
  EXPECT_EQ(state(), State::preparing_rebalance);
  join({.member_id = follower_, .instance_id = follower_instance_});
  EXPECT_EQ((*back)->generation_id, 2);
  EXPECT_EQ((*back)->leader, (*back)->member_id);
}

TEST_F(ClassicGroupStatic, MemberThatComesBackWhilePreparingIsWaitedForUnderItsNewId) {
  make_stable();
  const auto leader = join({.member_id = leader_, .instance_id = leader_instance_});
  EXPECT_FALSE(*leader);
  const auto back = join({.instance_id = follower_instance_});
  EXPECT_EQ((*leader)->generation_id, 2);
  EXPECT_EQ((*back)->generation_id, 2);
}

TEST_F(ClassicGroupStatic, ParkedJoinOfTheOldIdIsFenced) {
  make_stable();
  const auto parked = join({.member_id = leader_, .instance_id = leader_instance_});
  const auto back = join({.instance_id = leader_instance_});
  EXPECT_EQ((*parked)->error_code, ErrorCode::fenced_instance_id);
  EXPECT_EQ((*parked)->member_id, leader_);
  EXPECT_EQ((*parked)->protocol_name, std::nullopt);
  EXPECT_FALSE(*back);
  EXPECT_EQ(group_->members().awaiting_join_count(), 1U);
}

TEST_F(ClassicGroupStatic, ParkedSyncOfTheOldIdIsFenced) {
  const auto parked = sync({.member_id = follower_});
  join({.instance_id = follower_instance_});
  EXPECT_EQ((*parked)->error_code, ErrorCode::fenced_instance_id);
}

TEST_F(ClassicGroupStatic, MemberThatComesBackBeforeItsSyncHasToSyncInTime) {
  sync({.member_id = leader_});
  const auto back = join({.instance_id = follower_instance_});
  const std::string id = (*back)->member_id;
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE(has_member(id));
    advance(5s);
    heartbeat(leader_, 1);
    heartbeat(id, 1);
  }
  EXPECT_FALSE(has_member(id));
}

TEST_F(ClassicGroupStatic, MemberThatComesBackBeforeItsSyncStaysOnceItHasSynced) {
  sync({.member_id = leader_, .assignments = {{.member_id = follower_, .assignment = {1}}}});
  ASSERT_EQ(state(), State::stable);
  const auto back = join({.instance_id = follower_instance_});
  const std::string id = (*back)->member_id;
  EXPECT_EQ((*sync({.member_id = id}))->assignment, Bytes{1});
  for (int i = 0; i < 20; ++i) {
    advance(5s);
    EXPECT_EQ(heartbeat(leader_, 1), ErrorCode::none);
    EXPECT_EQ(heartbeat(id, 1), ErrorCode::none);
  }
}

TEST_F(ClassicGroupStatic, MemberWhoseSessionEndsIsRemoved) {
  make_stable();
  advance(5s);
  heartbeat(leader_, 1);
  advance(5s);
  EXPECT_FALSE(has_member(follower_));
  EXPECT_EQ(group_->members().static_id(follower_instance_), nullptr);
  EXPECT_EQ(state(), State::preparing_rebalance);
}

TEST_F(ClassicGroupStatic, SubscriptionsOfTheNewSelfCount) {
  make_stable();
  const auto metadata = [](const std::string& topic) {
    ConsumerSubscription subscription;
    subscription.topics = {topic};
    return encode_subscription(subscription, 3);
  };
  join({.instance_id = leader_instance_,
        .protocols = {{.name = "range", .metadata = metadata("t")}}});
  join({.instance_id = follower_instance_,
        .protocols = {{.name = "range", .metadata = metadata("u")}}});
  EXPECT_EQ(state(), State::stable);
  EXPECT_TRUE(group_->subscribes_to("t"));
  EXPECT_TRUE(group_->subscribes_to("u"));
  EXPECT_FALSE(group_->subscribes_to("v"));
}

}  // namespace
}  // namespace moldau::group
