// Groups as clients meet them: handlers, coordinator and the log of __consumer_offsets together.

#include "moldau/group/coordinator.hpp"

#include <tuple>

#include "tests/api/test_node.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;

protocol::FindCoordinatorRequest find_request(const std::string& group) {
  protocol::FindCoordinatorRequest request;
  request.coordinator_keys = {group};
  return request;
}

protocol::OffsetCommitRequest commit_request(const std::string& group, std::int64_t offset) {
  protocol::OffsetCommitRequest request;
  request.group_id = group;
  auto& topic = request.topics.emplace_back();
  topic.name = "t";
  auto& partition = topic.partitions.emplace_back();
  partition.committed_offset = Offset{offset};
  return request;
}

protocol::OffsetFetchRequest fetch_request(const std::string& group) {
  protocol::OffsetFetchRequest request;
  auto& wanted = request.groups.emplace_back();
  wanted.group_id = group;
  wanted.topics.reset();
  return request;
}

/// A node on which the offsets' topic and topic "t" are there.
class Groups : public ::testing::Test {
 protected:
  Groups() {
    node.create_topic("t");
    find("g");
    settle();
  }

  /// Everything that was posted is run, and nothing is made durable.
  void settle() {
    node.executor.run();
    node.loop.run();
  }
  std::shared_ptr<Answered<protocol::FindCoordinatorResponse>> find(const std::string& group) {
    auto answered = node.call(find_coordinator, find_request(group), 6);
    settle();
    return answered;
  }
  auto commit(const std::string& group, std::int64_t offset) {
    auto answered = node.call(offset_commit, commit_request(group, offset), 9);
    settle();
    return answered;
  }
  auto fetch(const std::string& group) {
    auto answered = node.call(offset_fetch, fetch_request(group), 9);
    settle();
    return answered;
  }
  static ErrorCode code_of(const Answered<protocol::OffsetCommitResponse>& answered) {
    return answered.response->topics.at(0).partitions.at(0).error_code;
  }
  static std::int64_t offset_of(const Answered<protocol::OffsetFetchResponse>& answered) {
    return answered.response->groups.at(0).topics.at(0).partitions.at(0).committed_offset.value();
  }
  std::size_t batches_of_the_lane() { return node.directory->lane_statistics().committed_entries; }

  /// As after a restart: another coordinator reads what the log has.
  void start_anew() { node.restart_coordinators(); }

  TestNode node;
};

TEST_F(Groups, TheFirstWhoAsksHasTheTopicMade) {
  TestNode fresh;
  const auto answered = fresh.call(find_coordinator, find_request("g"), 6);
  fresh.executor.run();
  ASSERT_TRUE(answered->response.has_value());
  const auto& coordinator = answered->response->coordinators.at(0);
  EXPECT_EQ(coordinator.error_code, ErrorCode::none);
  EXPECT_EQ(coordinator.node_id, BrokerId{1});
  EXPECT_EQ(coordinator.port, 9092);
  const auto* topic = fresh.controller->image()->find_topic(group::offsets_topic);
  ASSERT_NE(topic, nullptr);
  EXPECT_EQ(topic->partitions.size(), 50U);
  const auto* configs = fresh.controller->image()->find_configs(
      metadata::ConfigResourceType::topic, group::offsets_topic);
  ASSERT_NE(configs, nullptr);
  EXPECT_EQ(configs->at("cleanup.policy"), "compact");
  EXPECT_EQ(configs->at("segment.bytes"), "104857600");
}

TEST_F(Groups, BeforeTheTopicIsThereNobodyIsCoordinator) {
  TestNode fresh;
  const auto answered = fresh.call(offset_commit, commit_request("g", 1), 9);
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_EQ(code_of(*answered), ErrorCode::not_coordinator);
  EXPECT_EQ(answered->response->topics.at(0).name, "t");
}

TEST_F(Groups, ACommitIsAnsweredWhenItIsDurable) {
  const auto answered = commit("g", 5);
  EXPECT_FALSE(answered->response.has_value());
  node.commit();
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_EQ(code_of(*answered), ErrorCode::none);
}

TEST_F(Groups, AFetchDoesNotTellOfACommitThatAPowerCutCouldTakeBack) {
  commit("g", 5);
  const auto fetched = fetch("g");
  EXPECT_FALSE(fetched->response.has_value());
  node.commit();
  ASSERT_TRUE(fetched->response.has_value());
  EXPECT_EQ(offset_of(*fetched), 5);
}

TEST_F(Groups, AFetchWithNothingUnderWayIsAnsweredAtOnce) {
  commit("g", 5);
  node.commit();
  const auto fetched = fetch("g");
  ASSERT_TRUE(fetched->response.has_value());
  EXPECT_EQ(offset_of(*fetched), 5);
}

TEST_F(Groups, CommitsOfOneTickShareABatch) {
  node.commit();  // of the topics made
  const auto before = batches_of_the_lane();
  std::vector<std::shared_ptr<Answered<protocol::OffsetCommitResponse>>> answers;
  for (int i = 0; i < 10; ++i)
    answers.push_back(node.call(offset_commit, commit_request("g", i), 9));
  settle();
  node.commit();
  EXPECT_EQ(batches_of_the_lane() - before, 1U);
  for (const auto& answered : answers) ASSERT_TRUE(answered->response.has_value());
  EXPECT_EQ(offset_of(*fetch("g")), 9);
}

TEST_F(Groups, OffsetsAreReadAgainAfterARestart) {
  commit("g", 5);
  commit("other", 7);
  node.commit();
  start_anew();
  settle();
  EXPECT_EQ(offset_of(*fetch("g")), 5);
  EXPECT_EQ(offset_of(*fetch("other")), 7);
}

TEST_F(Groups, WhileTheLogIsReadClientsAreToldToComeAgain) {
  commit("g", 5);
  node.commit();
  start_anew();
  // The listener's first call starts the reading on the same executor, after what is posted already.
  std::shared_ptr<Answered<protocol::OffsetCommitResponse>> meanwhile;
  node.executor.post([&] { meanwhile = node.call(offset_commit, commit_request("g", 6), 9); });
  settle();
  ASSERT_TRUE(meanwhile->response.has_value());
  EXPECT_EQ(code_of(*meanwhile), ErrorCode::coordinator_load_in_progress);
  EXPECT_EQ(offset_of(*fetch("g")), 5);
}

TEST_F(Groups, WhatCouldNotBeWrittenIsRefusedAndNotRemembered) {
  commit("g", 5);
  node.commit();
  const auto* topic = node.controller->image()->find_topic(group::offsets_topic);
  for (const auto& index : topic->partitions)
    node.partitions->find(TopicIdPartition{topic->id, index.index})
        ->take_offline(base::fail(base::Errc::storage_error, "planted"));
  const auto refused = commit("g", 6);
  ASSERT_TRUE(refused->response.has_value());
  EXPECT_EQ(code_of(*refused), ErrorCode::coordinator_not_available);
  const auto after = fetch("g");
  ASSERT_TRUE(after->response.has_value());
  EXPECT_NE(after->response->groups.at(0).error_code, ErrorCode::none);
}

protocol::JoinGroupRequest join_request(const std::string& member_id) {
  protocol::JoinGroupRequest join;
  join.group_id = "g";
  join.member_id = member_id;
  join.session_timeout_ms = 10'000;
  join.rebalance_timeout_ms = 60'000;
  join.protocol_type = "consumer";
  join.protocols.push_back({"range", {}});
  return join;
}

/// Joins the group, alone, and syncs.
std::pair<std::string, std::int32_t> become_member(TestNode& node) {
  auto joined = node.call(join_group, join_request(""), 3);
  node.loop.run();
  node.commit();
  node.advance(base::Milliseconds{3'000});  // group.initial.rebalance.delay.ms
  node.commit();
  EXPECT_TRUE(joined->response.has_value());
  if (!joined->response) return {};
  protocol::SyncGroupRequest sync;
  sync.group_id = "g";
  sync.member_id = joined->response->member_id;
  sync.generation_id = joined->response->generation_id;
  auto synced = node.call(sync_group, sync, 3);
  node.loop.run();
  node.commit();
  EXPECT_TRUE(synced->response.has_value());
  return {sync.member_id, sync.generation_id};
}

ErrorCode heartbeat_of(TestNode& node, const std::pair<std::string, std::int32_t>& member) {
  protocol::HeartbeatRequest request;
  request.group_id = "g";
  std::tie(request.member_id, request.generation_id) = member;
  auto answered = node.call(heartbeat, request, 3);
  node.loop.run();
  node.commit();
  return answered->response ? answered->response->error_code : ErrorCode::unknown_server_error;
}

TEST_F(Groups, ASilentMemberIsRemoved) {
  const auto member = become_member(node);
  for (int i = 0; i < 11; ++i) node.advance(base::Milliseconds{1'000});
  EXPECT_EQ(heartbeat_of(node, member), ErrorCode::unknown_member_id);
}

// reliability.md R13: the members' heartbeats wait in their sockets while the process is stopped.
TEST_F(Groups, AProcessThatWasStoppedKeepsItsMembers) {
  const auto member = become_member(node);
  node.advance(base::Milliseconds{60'000});
  EXPECT_EQ(heartbeat_of(node, member), ErrorCode::none);
}

TEST_F(Groups, TheFirstJoinAfterAQuietTimeIsNotTakenForLate) {
  const auto member = become_member(node);
  protocol::LeaveGroupRequest leave;
  leave.group_id = "g";
  leave.members.push_back({member.first, std::nullopt, std::nullopt});
  node.call(leave_group, leave, 3);
  node.loop.run();
  node.commit();
  node.advance(base::Milliseconds{300'000});
  become_member(node);  // which expects its answer after the delay
}

TEST_F(Groups, AParkedJoinIsAnsweredWhenItsConnectionDrains) {
  const auto answered = node.call(join_group, join_request(""), 3);
  settle();
  EXPECT_FALSE(answered->response.has_value());
  node.connection->give_up();
  ASSERT_TRUE(answered->response.has_value());
  EXPECT_EQ(answered->response->error_code, ErrorCode::coordinator_not_available);
}

TEST_F(Groups, ListGroupsHasThoseOfEveryPartition) {
  for (int i = 0; i < 20; ++i) commit("g" + std::to_string(i), i);
  node.commit();
  const auto listed = node.call(list_groups, protocol::ListGroupsRequest{}, 5);
  ASSERT_TRUE(listed->response.has_value());
  EXPECT_EQ(listed->response->groups.size(), 20U);
}

TEST_F(Groups, ADeletedGroupIsGoneAfterARestartToo) {
  commit("g", 5);
  node.commit();
  protocol::DeleteGroupsRequest request;
  request.groups_names = {"g", "nobody"};
  const auto deleted = node.call(delete_groups, request, 2);
  settle();
  EXPECT_FALSE(deleted->response.has_value());
  node.commit();
  ASSERT_TRUE(deleted->response.has_value());
  EXPECT_EQ(deleted->response->results.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(deleted->response->results.at(1).error_code, ErrorCode::group_id_not_found);
  start_anew();
  settle();
  EXPECT_TRUE(fetch("g")->response->groups.at(0).topics.empty());
}

}  // namespace
}  // namespace moldau::api
