#pragma once
// Answers and records of the group machine as lines of a scenario: ids by the names that the
// scenario gave to members and topics.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/group/machine.hpp"
#include "moldau/group/records.hpp"

namespace moldau::scenario {

/// Who is who.  A member that got several ids is A, A/2, A/3, ...
class Names {
 public:
  void note_member(const std::string& name, const std::string& id);
  void note_topic(const std::string& name, const TopicId& id);
  /// The newest id of the name; "A/1" is the first one.  A name without an id stands for itself.
  [[nodiscard]] std::string id_of(const std::string& name) const;
  [[nodiscard]] std::string member(const std::string& id) const;
  [[nodiscard]] std::string topic(const TopicId& id) const;

 private:
  std::map<std::string, std::vector<std::string>> ids_;
  std::map<std::string, std::string> members_;
  std::map<TopicId, std::string> topics_;
};

/// "foo-0,1 bar-2"; "nothing".
using PartitionsByName = std::map<std::string, std::vector<std::int32_t>>;
std::string text_of(const PartitionsByName& partitions);
/// Bytes of the consumer protocol type's members, else as they are.
std::string assignment_text(const std::vector<std::uint8_t>& bytes);
std::string subscription_text(const std::vector<std::uint8_t>& bytes);

std::string text_of(const Names& names, const group::Record& record);
std::string text_of(const Names& names, const protocol::JoinGroupResponse& response);
std::string text_of(const protocol::SyncGroupResponse& response);
std::string text_of(const Names& names, const protocol::LeaveGroupResponse& response);
std::string text_of(const Names& names, const protocol::ConsumerGroupHeartbeatResponse& response);
std::string text_of(const protocol::OffsetCommitResponse& response);
std::string text_of(const protocol::TxnOffsetCommitResponse& response);
std::string text_of(const protocol::OffsetFetchResponse::Group& response);
std::string text_of(const protocol::OffsetDeleteResponse& response);
std::string text_of(const Names& names, const protocol::DescribeGroupsResponse::Group& group);
std::string text_of(const Names& names,
                    const protocol::ConsumerGroupDescribeResponse::Group& group);
/// Of a member of a consumer group, as Kafka names it.
std::string member_state_name(std::int8_t state);
/// "ok", or the code's name.
std::string text_of(protocol::ErrorCode code);

}  // namespace moldau::scenario
