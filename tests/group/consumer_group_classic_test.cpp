// Members that speak the classic protocol in a consumer group, and groups that change their
// protocol.

#include <gtest/gtest.h>

#include <algorithm>

#include "consumer_group_harness.hpp"
#include "moldau/group/consumer_protocol.hpp"

namespace moldau::group {
namespace {

using protocol::JoinGroupResponse;
using protocol::SyncGroupResponse;

Bytes subscription(const Names& topics, const Partitions& owned = {}) {
  ConsumerSubscription subscription;
  subscription.topics = topics;
  for (const auto& [topic, partitions] : owned)
    subscription.owned_partitions.push_back({topic, partitions});
  return encode_subscription(subscription, 1);
}

struct Join {
  std::string member{};
  std::optional<std::string> instance{};
  Bytes bytes = subscription({"orders"});
  std::string protocol = "range";
  std::string type = "consumer";
  std::int16_t version = 9;
};

class ClassicMembersTest : public ConsumerGroupHarness {
 protected:
  ClassicMembersTest() { topics_.make("orders", 4); }

  JoinGroupResponse classic_join(const Join& join) {
    protocol::JoinGroupRequest request;
    request.group_id = "g";
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = join.version == 0 ? -1 : 30'000;
    request.member_id = join.member;
    request.group_instance_id = join.instance;
    request.protocol_type = join.type;
    request.protocols = {{join.protocol, join.bytes}};
    std::optional<JoinGroupResponse> answered;
    auto step = this->step();
    group_->classic_join(step, caller(join.version), request,
                         [&](JoinGroupResponse response) { answered = std::move(response); });
    EXPECT_FALSE(answered) << "before it is durable";
    finish();
    return answered.value();
  }

  SyncGroupResponse classic_sync(const std::string& member, std::int32_t generation,
                                 std::optional<std::string> instance = std::nullopt,
                                 std::string protocol = "range", std::string type = "consumer") {
    protocol::SyncGroupRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.generation_id = generation;
    request.group_instance_id = std::move(instance);
    request.protocol_type = std::move(type);
    request.protocol_name = std::move(protocol);
    std::optional<SyncGroupResponse> answered;
    auto step = this->step();
    group_->classic_sync(step, caller(5), request,
                         [&](SyncGroupResponse response) { answered = std::move(response); });
    finish();
    return answered.value();
  }

  ErrorCode classic_heartbeat(const std::string& member, std::int32_t generation,
                              std::optional<std::string> instance = std::nullopt) {
    protocol::HeartbeatRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.generation_id = generation;
    request.group_instance_id = std::move(instance);
    auto step = this->step();
    const auto response = group_->classic_heartbeat(step, caller(4), request);
    finish();
    return response.error_code;
  }

  using Leaving = protocol::LeaveGroupRequest::Member;
  std::vector<ErrorCode> classic_leave(std::vector<Leaving> members) {
    protocol::LeaveGroupRequest request;
    request.group_id = "g";
    request.members = std::move(members);
    auto step = this->step();
    const auto response = group_->classic_leave(step, caller(5), request);
    finish();
    std::vector<ErrorCode> codes;
    for (const auto& member : response.members) codes.push_back(member.error_code);
    return codes;
  }

  /// As the machine does after whatever may have been the last member of the consumer protocol.
  void finish() {
    finish_step();
    if (!group_->should_downgrade()) return;
    auto step = this->step();
    classic_ = group_->to_classic(step);
    group_.reset();
    finish_step();
  }

  static Partitions owned_by(const SyncGroupResponse& response) {
    Partitions result;
    const auto assignment = decode_assignment(response.assignment).value();
    for (const auto& topic : assignment.partitions) result[topic.topic] = topic.partitions;
    return result;
  }

  /// A classic group of generation 5, whose one member `x` has all of orders.
  std::unique_ptr<ClassicGroup> classic_group(Bytes bytes = subscription({"orders"})) {
    GroupMetadataRecord::Value value;
    value.protocol_type = "consumer";
    value.generation = 5;
    value.protocol = "range";
    value.leader = "x";
    auto& member = value.members.emplace_back();
    member.member_id = "x";
    member.client_id = "c";
    member.client_host = "/192.0.2.7";
    member.rebalance_timeout_ms = 30'000;
    member.session_timeout_ms = 10'000;
    member.subscription = std::move(bytes);
    member.assignment = encode_assignment({{{"orders", {0, 1, 2, 3}}}, std::nullopt}, 1);
    return ClassicGroup::from_record("g", value);
  }

  void upgrade(ClassicGroup& classic) {
    auto step = this->step();
    group_ = ConsumerGroup::from_classic(step, classic);
    finish_step();
  }
  /// x of the classic protocol and a of the new one; x has not heard of it yet.
  void make_mixed() {
    const auto classic = classic_group();
    upgrade(*classic);
    join("a", {"orders"});
  }
  /// Each has its half, in epoch 6.
  void make_mixed_and_stable() {
    make_mixed();
    classic_join({.member = "x", .bytes = subscription({"orders"}, {{"orders", {0, 1, 2, 3}}})});
    classic_join({.member = "x", .bytes = subscription({"orders"}, {{"orders", {0, 1}}})});
    classic_sync("x", 6);
    beat("a", 6);
    ASSERT_EQ(group_->state_name(), "Stable");
  }

  std::unique_ptr<ClassicGroup> classic_;  // after a downgrade
};

// Upgrade.

using Upgrade = ClassicMembersTest;

TEST_F(Upgrade, TakesOverMembersWithWhatTheyOwn) {
  const auto classic = classic_group();
  upgrade(*classic);
  EXPECT_EQ(record_types(), (std::vector<int>{2, 5, 3, 7, 6, 8}));
  EXPECT_EQ(std::get<GroupMetadataRecord>(log_[0]).value, std::nullopt);
  EXPECT_EQ(group_->epoch(), 5);
  EXPECT_EQ(group_->state_name(), "Stable");
  const auto& x = member("x");
  EXPECT_EQ(x.current.member_epoch, 5);
  EXPECT_EQ(x.current.assigned,
            (OwnedPartitions{{topic_id("orders"), {0, 1, 2, 3}, {5, 5, 5, 5}}}));
  EXPECT_EQ(x.subscription.subscribed_topic_names, Names{"orders"});
  EXPECT_EQ(x.subscription.rebalance_timeout_ms, 30'000);
  EXPECT_EQ(x.subscription.classic->session_timeout_ms, 10'000);
  EXPECT_EQ(x.subscription.classic->protocols[0].name, "range");
  EXPECT_EQ(group_->members().size(), 1U);
  EXPECT_TRUE(deadlines_.has({DeadlineKind::session, "g", "x"}));
}

TEST_F(Upgrade, HandsPartitionsFromTheOldProtocolToTheNew) {
  make_mixed();
  EXPECT_EQ(member("a").current.state, member_state::unreleased_partitions);
  // x is told, says what it owns, and learns what it keeps.
  EXPECT_EQ(classic_heartbeat("x", 5), ErrorCode::rebalance_in_progress);
  auto joined =
      classic_join({.member = "x", .bytes = subscription({"orders"}, {{"orders", {0, 1, 2, 3}}})});
  EXPECT_EQ(joined.error_code, ErrorCode::none);
  EXPECT_EQ(joined.generation_id, 5);
  EXPECT_EQ(joined.protocol_type, "consumer");
  EXPECT_EQ(joined.protocol_name, "range");
  EXPECT_TRUE(joined.members.empty());
  const auto kept = owned_by(classic_sync("x", 5));
  EXPECT_EQ(kept.at("orders").size(), 2U);
  EXPECT_FALSE(beat("a", 6).assignment);
  // It has given the rest up when it joins again.
  EXPECT_EQ(classic_heartbeat("x", 5), ErrorCode::rebalance_in_progress);
  joined = classic_join({.member = "x", .bytes = subscription({"orders"}, kept)});
  EXPECT_EQ(joined.generation_id, 6);
  EXPECT_EQ(owned_by(classic_sync("x", 6)), kept);
  EXPECT_EQ(classic_heartbeat("x", 6), ErrorCode::none);
  EXPECT_EQ(assigned(beat("a", 6))->at("orders").size(), 2U);
  EXPECT_EQ(group_->state_name(), "Stable");
}

TEST_F(Upgrade, WhoeverWaitsInTheOldGroupIsToldToJoinAnew) {
  ClassicGroup classic("g");
  protocol::JoinGroupRequest request;
  request.group_id = "g";
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 30'000;
  request.protocol_type = "consumer";
  request.protocols = {{"range", subscription({"orders"})}};
  std::optional<JoinGroupResponse> answered;
  auto step = this->step();
  classic.join(step, caller(3), request,
               [&](JoinGroupResponse response) { answered = std::move(response); });
  ASSERT_FALSE(answered);
  EXPECT_TRUE(ConsumerGroup::can_upgrade(classic, options_));
  upgrade(classic);
  ASSERT_TRUE(answered);
  EXPECT_EQ(answered->error_code, ErrorCode::rebalance_in_progress);
  EXPECT_EQ(group_->members().size(), 1U);
}

class CheckUpgrade : public ClassicMembersTest {
 protected:
  std::string refusal(const ClassicGroup& classic, Beat beat = {.member = "a"}) {
    protocol::ConsumerGroupHeartbeatRequest request;
    request.member_id = beat.member;
    request.subscribed_topic_regex = beat.regex;
    const auto response = ConsumerGroup::check_upgrade(classic, options_, request);
    EXPECT_EQ(ConsumerGroup::can_upgrade(classic, options_),
              !response || response->error_code != ErrorCode::group_id_not_found);
    if (!response) return {};
    return std::to_string(static_cast<int>(response->error_code)) + " " +
           response->error_message.value_or("");
  }
  static constexpr auto text = "69 Cannot upgrade classic group g to consumer group because ";
};

TEST_F(CheckUpgrade, ThePolicyDecides) {
  const auto classic = classic_group();
  for (const auto policy : {MigrationPolicy::bidirectional, MigrationPolicy::upgrade}) {
    options_.migration_policy = policy;
    EXPECT_EQ(refusal(*classic), "");
  }
  for (const auto policy : {MigrationPolicy::disabled, MigrationPolicy::downgrade}) {
    options_.migration_policy = policy;
    EXPECT_EQ(refusal(*classic), std::string{text} + "online upgrade is disabled.");
  }
}

TEST_F(CheckUpgrade, OnlyConsumersCanBeTakenOver) {
  GroupMetadataRecord::Value value;
  value.protocol_type = "connect";
  value.protocol = "p";
  value.generation = 1;
  auto& member = value.members.emplace_back();
  member.member_id = "x";
  member.session_timeout_ms = member.rebalance_timeout_ms = 1000;
  const auto classic = ClassicGroup::from_record("g", value);
  EXPECT_EQ(refusal(*classic),
            std::string{text} + "the group does not use the consumer embedded protocol.");
}

TEST_F(CheckUpgrade, BytesThatCannotBeReadStayWhereTheyAre) {
  const auto classic = classic_group({0, 1, 0});
  EXPECT_EQ(refusal(*classic), std::string{text} + "the embedded consumer protocol is malformed.");
}

TEST_F(CheckUpgrade, WhatACustomAssignorAddedWouldBeLost) {
  const auto classic = classic_group();
  classic->set_assignment("x", encode_assignment({{{"orders", {0}}}, Bytes{1}}, 1));
  EXPECT_EQ(refusal(*classic),
            std::string{text} +
                "an unsupported custom assignor is in use. Please refer to the documentation or "
                "switch to a default assignor before re-attempting the upgrade.");
}

TEST_F(CheckUpgrade, AGroupThatIsTooLargeOrFullStaysClassic) {
  const auto classic = classic_group();
  options_.consumer_group_size_max = 1;
  EXPECT_EQ(refusal(*classic),
            "81 The consumer group has reached its maximum capacity of 1 members.");
  EXPECT_EQ(refusal(*classic, {.member = "x"}), "");
  options_.consumer_group_size_max = 0;
  EXPECT_EQ(refusal(*classic),
            std::string{text} + "the group size exceeds the consumer group maximum size.");
}

TEST_F(CheckUpgrade, AWrongExpressionDoesNotChangeTheGroup) {
  const auto classic = classic_group();
  EXPECT_EQ(refusal(*classic, {.member = "a", .regex = "["}),
            "128 SubscribedTopicRegex `[` is not a valid regular expression: missing closing ].");
}

// Downgrade.

using DowngradeTest = ClassicMembersTest;

TEST_F(DowngradeTest, FollowsTheLastMemberOfTheNewProtocol) {
  make_mixed_and_stable();
  beat("a", -1);
  EXPECT_TRUE(new_records_.empty());  // nothing of its own before the change
  finish();
  ASSERT_NE(classic_, nullptr);
  EXPECT_EQ(record_types(), (std::vector<int>{8, 8, 7, 7, 6, 5, 5, 4, 3, 2}));
  EXPECT_EQ(classic_->state(), ClassicGroup::State::preparing_rebalance);
  EXPECT_EQ(classic_->members().size(), 1U);
  const auto record = std::get<GroupMetadataRecord>(new_records_.back()).value.value();
  EXPECT_EQ(record.generation, 6);
  EXPECT_EQ(record.protocol, "range");
  EXPECT_EQ(record.members.at(0).member_id, "x");
  EXPECT_EQ(decode_assignment(record.members[0].assignment)->partitions[0].partitions.size(), 2U);
  EXPECT_FALSE(deadlines_.has({DeadlineKind::session, "g", "a"}));
  EXPECT_TRUE(deadlines_.has({DeadlineKind::session, "g", "x"}));
  EXPECT_FALSE(deadlines_.has({DeadlineKind::sync, "g", "x"}));
  // The log has nothing of the consumer group left.
  ConsumerGroup folded("g");
  for (const auto& each : log_) apply_to(folded, each);
  EXPECT_FALSE(folded.is_in_log());
}

TEST_F(DowngradeTest, ComesAlsoWhenThatMemberIsSilentTooLong) {
  make_mixed_and_stable();
  for (int i = 0; i < 9; ++i) {
    pass(5s);
    if (group_->should_downgrade()) break;
    classic_heartbeat("x", 6);
    if (classic_) break;
  }
  if (!classic_) finish();
  ASSERT_NE(classic_, nullptr);
  EXPECT_EQ(classic_->members().size(), 1U);
}

TEST_F(DowngradeTest, DoesNotComeWhereThePolicyForbidsIt) {
  options_.migration_policy = MigrationPolicy::upgrade;
  make_mixed_and_stable();
  beat("a", -1);
  EXPECT_FALSE(group_->should_downgrade());
  EXPECT_EQ(group_->members().size(), 1U);
  EXPECT_EQ(classic_heartbeat("x", 6), ErrorCode::none);  // there is no new assignment yet
  const auto joined =
      classic_join({.member = "x", .bytes = subscription({"orders"}, {{"orders", {0, 1}}})});
  EXPECT_EQ(joined.generation_id, 7);
  EXPECT_EQ(owned_by(classic_sync("x", 7)).at("orders").size(), 4U);
}

TEST_F(DowngradeTest, DoesNotComeWhereTheClassicGroupWouldBeTooLarge) {
  options_.group_size_max = 0;
  make_mixed_and_stable();
  beat("a", -1);
  EXPECT_FALSE(group_->should_downgrade());
}

TEST_F(DowngradeTest, DoesNotComeToAnEmptyGroup) {
  join("a", {"orders"});
  beat("a", -1);
  EXPECT_FALSE(group_->should_downgrade());
  EXPECT_EQ(group_->state_name(), "Empty");
}

TEST_F(DowngradeTest, AStaticMemberThatComesBackWithTheOldProtocolTakesItsPlace) {
  join("a", {"orders"}, "i");
  const auto joined = classic_join({.instance = "i"});
  EXPECT_EQ(joined.error_code, ErrorCode::none);
  EXPECT_EQ(joined.generation_id, 2);
  ASSERT_NE(classic_, nullptr);
  // What it owns is what it shall own, but nobody leads the group yet.
  EXPECT_EQ(classic_->state(), ClassicGroup::State::preparing_rebalance);
  EXPECT_EQ(classic_->generation(), 2);
  const auto record = std::get<GroupMetadataRecord>(new_records_.back()).value.value();
  EXPECT_EQ(record.members.at(0).group_instance_id, "i");
  EXPECT_EQ(decode_assignment(record.members[0].assignment)->partitions.at(0).partitions,
            (Indexes{0, 1, 2, 3}));
}

// Joining.

using ClassicJoin = ClassicMembersTest;

TEST_F(ClassicJoin, ANewMemberIsToldItsIdFirst) {
  join("a", {"orders"});
  auto response = classic_join({});
  EXPECT_EQ(response.error_code, ErrorCode::member_id_required);
  EXPECT_FALSE(response.member_id.empty());
  EXPECT_TRUE(new_records_.empty());
  response = classic_join({.member = response.member_id});
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.generation_id, 3);
  EXPECT_EQ(owned_by(classic_sync(response.member_id, 3)), Partitions{});
}

TEST_F(ClassicJoin, OldVersionsAndStaticMembersAreNot) {
  join("a", {"orders"});
  EXPECT_EQ(classic_join({.version = 3}).error_code, ErrorCode::none);
  EXPECT_EQ(classic_join({.instance = "i"}).error_code, ErrorCode::none);
}

TEST_F(ClassicJoin, InVersionZeroTheSessionIsTheTimeForARebalanceToo) {
  join("a", {"orders"});
  const auto response = classic_join({.version = 0});
  EXPECT_EQ(member(response.member_id).subscription.rebalance_timeout_ms, 10'000);
}

TEST_F(ClassicJoin, WhatCannotBeInTheGroupIsRefused) {
  join("a", {"orders"});
  const auto code = [&](Join join) {
    const auto response = classic_join(join);
    EXPECT_TRUE(new_records_.empty());
    return response.error_code;
  };
  EXPECT_EQ(code({.member = "y", .type = "connect"}), ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(code({.member = "y", .bytes = {0}}), ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(code({.member = "y", .instance = "i"}), ErrorCode::unknown_member_id);
  options_.consumer_group_size_max = 1;
  EXPECT_EQ(code({.member = "y"}), ErrorCode::group_max_size_reached);
  options_.migration_policy = MigrationPolicy::disabled;
  EXPECT_EQ(code({.member = "y"}), ErrorCode::inconsistent_group_protocol);
}

TEST_F(ClassicJoin, MembersOfTheOldProtocolNeedOneInCommon) {
  make_mixed();
  EXPECT_EQ(classic_join({.member = "y", .protocol = "sticky"}).error_code,
            ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(classic_join({.member = "y", .protocol = "range"}).error_code, ErrorCode::none);
}

TEST_F(ClassicJoin, AStaticMemberThatWasReplacedIsFenced) {
  join("a", {"orders"});
  const auto first = classic_join({.instance = "i"}).member_id;
  const auto second = classic_join({.instance = "i"}).member_id;
  EXPECT_NE(first, second);
  EXPECT_FALSE(group_->members().contains(first));
  EXPECT_EQ(classic_join({.member = first, .instance = "i"}).error_code,
            ErrorCode::fenced_instance_id);
  EXPECT_EQ(classic_heartbeat(first, 3, "i"), ErrorCode::fenced_instance_id);
  EXPECT_EQ(classic_sync(first, 3, "i").error_code, ErrorCode::fenced_instance_id);
}

TEST_F(ClassicJoin, AMemberMayChangeToTheNewProtocol) {
  make_mixed_and_stable();
  const auto response = join("x", {"orders"});
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(assigned(response)->at("orders").size(), 2U);
  EXPECT_EQ(classic_heartbeat("x", 6), ErrorCode::unknown_member_id);
}

TEST_F(ClassicJoin, ARegularExpressionThatIsGivenUpWithTheNewProtocolIsForgotten) {
  join("a", {"orders"});
  beat({.member = "b",
        .instance = "i",
        .regex = "o.*",
        .owned = Partitions{},
        .rebalance_ms = 1000});
  classic_join({.instance = "i"});
  const auto types = record_types();
  EXPECT_EQ(std::ranges::count(types, 16), 1);
  EXPECT_TRUE(group_->subscribes_to("orders"));
}

// Syncing and heartbeats.

using ClassicSync = ClassicMembersTest;

TEST_F(ClassicSync, WhoMayNotIsToldWhy) {
  make_mixed_and_stable();
  EXPECT_EQ(classic_sync("nobody", 6).error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(classic_sync("a", 6).error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(classic_sync("x", 5).error_code, ErrorCode::illegal_generation);
  EXPECT_EQ(classic_sync("x", 6, "i").error_code, ErrorCode::unknown_member_id);
  EXPECT_EQ(classic_sync("x", 6, {}, "sticky").error_code, ErrorCode::inconsistent_group_protocol);
  EXPECT_EQ(classic_sync("x", 6, {}, "range", "connect").error_code,
            ErrorCode::inconsistent_group_protocol);
}

TEST_F(ClassicSync, ARebalanceThatBeganMeanwhileComesFirst) {
  make_mixed_and_stable();
  join("b", {"orders"});
  EXPECT_EQ(classic_sync("x", 6).error_code, ErrorCode::rebalance_in_progress);
  EXPECT_TRUE(deadlines_.has({DeadlineKind::join, "g", "x"}));
}

TEST_F(ClassicSync, WhoJoinsAndDoesNotSyncIsRemoved) {
  options_.migration_policy = MigrationPolicy::upgrade;
  make_mixed_and_stable();
  const auto id = classic_join({.version = 3}).member_id;
  for (int i = 0; i < 5; ++i) {
    pass(5s);
    beat("a", 6);
    classic_heartbeat(id, member(id).current.member_epoch);
    ASSERT_TRUE(group_->members().contains(id));
  }
  pass(6s);
  EXPECT_FALSE(group_->members().contains(id));
}

TEST_F(ClassicSync, WhoSyncsStays) {
  make_mixed_and_stable();
  EXPECT_FALSE(deadlines_.has({DeadlineKind::sync, "g", "x"}));
}

using ClassicHeartbeat = ClassicMembersTest;

TEST_F(ClassicHeartbeat, WhoMayNotIsToldWhy) {
  make_mixed_and_stable();
  EXPECT_EQ(classic_heartbeat("x", 6), ErrorCode::none);
  EXPECT_EQ(classic_heartbeat("nobody", 6), ErrorCode::unknown_member_id);
  EXPECT_EQ(classic_heartbeat("a", 6), ErrorCode::unknown_member_id);
  EXPECT_EQ(classic_heartbeat("x", 5), ErrorCode::illegal_generation);
  EXPECT_EQ(classic_heartbeat("x", 6, "i"), ErrorCode::unknown_member_id);
}

TEST_F(ClassicHeartbeat, AMemberThatWaitsIsCalledWhenThereIsSomething) {
  join("a", {"orders"});
  const auto id = classic_join({.version = 3}).member_id;
  classic_sync(id, 3);
  ASSERT_EQ(member(id).current.state, member_state::unreleased_partitions);
  EXPECT_EQ(classic_heartbeat(id, 3), ErrorCode::none);
  beat("a", 2);
  beat("a", 2, {{"orders", {0, 1}}});
  EXPECT_EQ(classic_heartbeat(id, 3), ErrorCode::rebalance_in_progress);
  EXPECT_EQ(classic_join({.member = id, .version = 3}).generation_id, 3);
  EXPECT_EQ(owned_by(classic_sync(id, 3)).at("orders").size(), 2U);
}

TEST_F(ClassicHeartbeat, WhoIsCalledAndDoesNotJoinIsRemoved) {
  make_mixed();
  options_.migration_policy = MigrationPolicy::upgrade;
  classic_heartbeat("x", 5);
  for (int i = 0; i < 5; ++i) {
    pass(5s);
    EXPECT_EQ(classic_heartbeat("x", 5), ErrorCode::rebalance_in_progress);
    beat("a", 6);
  }
  pass(6s);
  EXPECT_FALSE(group_->members().contains("x"));
  EXPECT_EQ(assigned(beat("a", 6))->at("orders").size(), 4U);
}

TEST_F(ClassicHeartbeat, WhoIsSilentForItsSessionIsRemoved) {
  make_mixed_and_stable();
  pass(11s);
  EXPECT_FALSE(group_->members().contains("x"));
  EXPECT_TRUE(group_->members().contains("a"));
}

// Leaving.

using ClassicLeave = ClassicMembersTest;

TEST_F(ClassicLeave, MembersOfEitherKindCanBeRemoved) {
  make_mixed_and_stable();
  join("b", {"orders"}, "i");
  EXPECT_EQ(classic_leave({{"x", {}, {}}, {"", "i", {}}}),
            (std::vector<ErrorCode>{ErrorCode::none, ErrorCode::none}));
  EXPECT_EQ(group_->members().size(), 1U);
  EXPECT_EQ(std::ranges::count(record_types(), 3), 1);  // one epoch for both
}

TEST_F(ClassicLeave, EachIsAnsweredOnItsOwn) {
  make_mixed_and_stable();
  join("b", {"orders"}, "i");
  EXPECT_EQ(classic_leave({{"nobody", {}, {}}, {"x", "i", {}}, {"", "j", {}}, {"x", {}, {}}}),
            (std::vector<ErrorCode>{ErrorCode::unknown_member_id, ErrorCode::fenced_instance_id,
                                    ErrorCode::unknown_member_id, ErrorCode::none}));
  EXPECT_TRUE(group_->members().contains("b"));
}

TEST_F(ClassicLeave, WhereNobodyLeavesNothingIsWritten) {
  make_mixed_and_stable();
  classic_leave({{"nobody", {}, {}}});
  EXPECT_TRUE(new_records_.empty());
}

// Offsets.

TEST_F(ClassicMembersTest, CommitInTheirGenerationInAnyVersion) {
  make_mixed_and_stable();
  const auto commit = [&](std::int32_t generation) {
    auto step = this->step();
    return group_->check_commit(step, {"x", std::nullopt, generation, 2});
  };
  EXPECT_EQ(commit(6), ErrorCode::none);
  EXPECT_EQ(commit(5), ErrorCode::illegal_generation);
  EXPECT_EQ(commit(7), ErrorCode::illegal_generation);
  EXPECT_EQ(group_->check_fetch({"x", std::nullopt, 5}), ErrorCode::illegal_generation);
}

TEST_F(ClassicMembersTest, AreDescribedAsSuch) {
  make_mixed_and_stable();
  auto step = this->step();
  const auto group = group_->describe(step, caller());
  EXPECT_EQ(group.members.at(0).member_type, 1);
  EXPECT_EQ(group.members.at(1).member_type, 0);
}

}  // namespace
}  // namespace moldau::group
