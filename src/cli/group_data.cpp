#include "group_data.hpp"

#include <algorithm>
#include <utility>

#include "coordinator_call.hpp"
#include "moldau/group/consumer_protocol.hpp"
#include "moldau/protocol/consumer_group_describe.hpp"
#include "moldau/protocol/describe_groups.hpp"

namespace moldau::cli {
namespace {

using protocol::ConsumerGroupDescribeRequest;
using protocol::ConsumerGroupDescribeResponse;
using protocol::DescribeGroupsRequest;
using protocol::DescribeGroupsResponse;
using protocol::ErrorCode;

GroupMember classic_member(const DescribeGroupsResponse::Group::Member& from, bool is_consumer) {
  GroupMember member{from.member_id, from.group_instance_id, from.client_id, from.client_host, {}};
  if (!is_consumer || from.member_assignment.empty()) return member;
  // Bytes that are not a consumer's, whatever the group says of itself, are shown as no assignment.
  const auto assignment = group::decode_assignment(from.member_assignment);
  if (!assignment) return member;
  for (const auto& [topic, partitions] : assignment.value().partitions)
    for (const auto index : partitions) member.assignment[topic].push_back(PartitionIndex{index});
  return member;
}

GroupMember consumer_member(const ConsumerGroupDescribeResponse::Group::Member& from) {
  GroupMember member{from.member_id, from.instance_id, from.client_id, from.client_host, {}};
  for (const auto& topic : from.assignment.topic_partitions)
    member.assignment[topic.topic_name] = topic.partitions;
  return member;
}

void put_in_order(GroupDescription& group) {
  std::sort(group.members.begin(), group.members.end(),
            [](const auto& a, const auto& b) { return a.member_id < b.member_id; });
  for (auto& member : group.members)
    for (auto& [topic, partitions] : member.assignment)
      std::sort(partitions.begin(), partitions.end());
}

GroupDescription classic_group(const DescribeGroupsResponse::Group& from) {
  GroupDescription group{
      from.group_id, "classic", from.group_state, from.protocol_type, from.protocol_data, {}, {}};
  const bool is_consumer = from.protocol_type == group::consumer_protocol_type;
  for (const auto& member : from.members)
    group.members.push_back(classic_member(member, is_consumer));
  put_in_order(group);
  return group;
}

GroupDescription consumer_group(const ConsumerGroupDescribeResponse::Group& from) {
  GroupDescription group{
      from.group_id,    "consumer", from.group_state, "consumer", from.assignor_name,
      from.group_epoch, {}};
  for (const auto& member : from.members) group.members.push_back(consumer_member(member));
  put_in_order(group);
  return group;
}

template <class Group>
bool is_there(const Group& group) {
  return group.error_code != ErrorCode::group_id_not_found && group.group_state != "Dead";
}

base::Status describe_classic(Client& client, std::vector<std::string> ids,
                              GroupDescriptions& found) {
  if (ids.empty()) return {};
  DescribeGroupsRequest request;
  request.groups = std::move(ids);
  const auto code_of = [](const DescribeGroupsResponse& response) {
    return response.groups.empty() ? ErrorCode::none : response.groups.front().error_code;
  };
  MOLDAU_ASSIGN(const auto response,
                call_coordinator<DescribeGroupsResponse>(client, request, code_of));
  for (const auto& group : response.groups) {
    if (!is_there(group)) continue;
    if (group.error_code != ErrorCode::none)
      return refusal("group '" + group.group_id + "'", group.error_code, group.error_message);
    found.emplace(group.group_id, classic_group(group));
  }
  return {};
}

base::Status describe_consumer(Client& client, std::vector<std::string> ids,
                               GroupDescriptions& found) {
  if (ids.empty()) return {};
  ConsumerGroupDescribeRequest request;
  request.group_ids = std::move(ids);
  const auto code_of = [](const ConsumerGroupDescribeResponse& response) {
    return response.groups.empty() ? ErrorCode::none : response.groups.front().error_code;
  };
  MOLDAU_ASSIGN(const auto response,
                call_coordinator<ConsumerGroupDescribeResponse>(client, request, code_of));
  for (const auto& group : response.groups) {
    if (!is_there(group)) continue;
    if (group.error_code != ErrorCode::none)
      return refusal("group '" + group.group_id + "'", group.error_code, group.error_message);
    found.emplace(group.group_id, consumer_group(group));
  }
  return {};
}

bool is_consumer_group(const GroupListing& group) {
  // Compared without case, as both spellings have been on the wire.
  return group.group_type == "consumer" || group.group_type == "Consumer";
}

}  // namespace

base::Error no_such_group(const std::string& group_id) {
  return base::fail(base::Errc::not_found, "group '" + group_id + "' does not exist");
}

base::Result<std::vector<GroupListing>> list_groups(Client& client) {
  using Response = protocol::ListGroupsResponse;
  const auto code_of = [](const Response& response) { return response.error_code; };
  MOLDAU_ASSIGN(auto response,
                call_coordinator<Response>(client, protocol::ListGroupsRequest{}, code_of));
  if (response.error_code != ErrorCode::none) return refusal("listing groups", response.error_code);
  std::sort(response.groups.begin(), response.groups.end(),
            [](const auto& a, const auto& b) { return a.group_id < b.group_id; });
  return std::move(response.groups);
}

base::Result<GroupDescriptions> describe_groups(Client& client,
                                                const std::vector<GroupListing>& groups) {
  std::vector<std::string> classic;
  std::vector<std::string> consumer;
  for (const auto& group : groups)
    (is_consumer_group(group) ? consumer : classic).push_back(group.group_id);
  GroupDescriptions found;
  MOLDAU_TRY(describe_classic(client, std::move(classic), found));
  MOLDAU_TRY(describe_consumer(client, std::move(consumer), found));
  return found;
}

base::Result<GroupDescription> describe_group(Client& client, const std::string& group_id) {
  MOLDAU_TRY(find_coordinator(client, CoordinatorKind::group, group_id));
  GroupDescriptions found;
  // A broker older than KIP-848 has classic groups only.
  const auto described = describe_consumer(client, {group_id}, found);
  if (!described && described.error().code != base::Errc::unsupported) return described.error();
  if (found.empty()) MOLDAU_TRY(describe_classic(client, {group_id}, found));
  const auto place = found.find(group_id);
  if (place == found.end()) return no_such_group(group_id);
  return std::move(place->second);
}

}  // namespace moldau::cli
