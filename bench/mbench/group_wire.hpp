#pragma once

// Requests and answers of group members and committers, in versions that Kafka 4.x and Moldau both
// serve: OffsetCommit 9, JoinGroup 9, SyncGroup 5, Heartbeat 4, LeaveGroup 5 and
// ConsumerGroupHeartbeat 1. Frames still lack their length and correlation (finish_frame).
//
// Parsers take the answer's body, behind its header. A cut answer throws std::runtime_error.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire.hpp"

namespace moldau::mbench {

namespace group_error {
constexpr std::int16_t none = 0, load_in_progress = 14, coordinator_not_available = 15,
                       not_coordinator = 16, illegal_generation = 22, unknown_member_id = 25,
                       rebalance_in_progress = 27, member_id_required = 79,
                       fenced_member_epoch = 110;
// The same request will do a little later.
constexpr bool is_retriable(std::int16_t error) {
  return error == load_in_progress || error == coordinator_not_available ||
         error == not_coordinator;
}
}  // namespace group_error

// Who speaks in a group, as all requests of the classic protocol name it.
struct Membership {
  std::string group;
  std::string member_id;
  std::int32_t generation = -1;  // -1 with an empty member_id: a committer that is no member
};

// One commit of one partition. `offset_at` is where its eight bytes of offset lie in the frame, so
// that a prepared frame needs nothing else changed.
struct CommitFrame {
  Bytes bytes;
  std::size_t offset_at = 0;
};
CommitFrame commit_frame(const Membership& who, const std::string& topic, std::int32_t partition);
// The error of the single partition.
std::int16_t commit_error(Reader answer);

struct Timeouts {
  std::int32_t session_ms = 45'000;
  std::int32_t rebalance_ms = 60'000;
};

Writer join_request(const Membership& who, const std::string& topic, Timeouts timeouts);
struct JoinAnswer {
  std::int16_t error = 0;
  std::int32_t generation = -1;
  std::string leader, member_id;
  std::vector<std::string> members;  // only in the leader's answer
};
JoinAnswer parse_join(Reader answer);

struct MemberShare {
  std::string member_id;
  std::vector<std::int32_t> partitions;
};
// All partitions in contiguous shares whose sizes differ by one at most, in the members' order.
std::vector<MemberShare> equal_shares(const std::vector<std::string>& members,
                                      std::int32_t partitions);
// `shares` is empty from all but the leader.
Writer sync_request(const Membership& who, const std::string& topic,
                    const std::vector<MemberShare>& shares);
struct SyncAnswer {
  std::int16_t error = 0;
  std::vector<std::int32_t> partitions;
};
SyncAnswer parse_sync(Reader answer);

Writer heartbeat_request(const Membership& who);
Writer leave_request(const Membership& who);
// Of Heartbeat and LeaveGroup.
std::int16_t plain_error(Reader answer);

using TopicId = std::array<std::uint8_t, 16>;

// KIP-848. What is absent has not changed since the last heartbeat.
struct ConsumerBeat {
  std::string group, member_id;
  std::int32_t epoch = 0;  // 0 joins, -1 leaves
  std::string topic;       // joining: the subscription
  // Whether to say what is owned; always when joining.
  bool tell_owned = false;
  TopicId topic_id{};
  std::vector<std::int32_t> owned;
};
Writer consumer_heartbeat_request(const ConsumerBeat& beat);
struct ConsumerBeatAnswer {
  std::int16_t error = 0;
  std::string message;
  std::int32_t epoch = 0;
  std::int32_t interval_ms = 0;
  bool has_assignment = false;
  TopicId topic_id{};  // of the last topic named; members here subscribe to one
  std::vector<std::int32_t> partitions;
};
ConsumerBeatAnswer parse_consumer_heartbeat(Reader answer);

}  // namespace moldau::mbench
