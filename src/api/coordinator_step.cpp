#include "coordinator_step.hpp"

#include <algorithm>

#include "moldau/metadata/features.hpp"

namespace moldau::api {

using protocol::ErrorCode;

void refuse(protocol::JoinGroupResponse& response, ErrorCode code) { response.error_code = code; }
void refuse(protocol::SyncGroupResponse& response, ErrorCode code) { response.error_code = code; }
void refuse(protocol::HeartbeatResponse& response, ErrorCode code) { response.error_code = code; }
void refuse(protocol::LeaveGroupResponse& response, ErrorCode code) {
  response.error_code = code;
  response.members.clear();
}
void refuse(protocol::OffsetCommitResponse& response, ErrorCode code) {
  for (auto& topic : response.topics)
    for (auto& partition : topic.partitions) partition.error_code = code;
}
void refuse(protocol::OffsetFetchResponse& response, ErrorCode code) {
  response.error_code = code;
  response.topics.clear();
  for (auto& group : response.groups) {
    group.error_code = code;
    group.topics.clear();
  }
}
void refuse(protocol::OffsetDeleteResponse& response, ErrorCode code) {
  response.error_code = code;
  response.topics.clear();
}
void refuse(protocol::DeleteGroupsResponse& response, ErrorCode code) {
  for (auto& result : response.results) {
    result.error_code = code;
    result.error_message.reset();
  }
}
void refuse(protocol::DescribeGroupsResponse& response, ErrorCode code) {
  for (auto& group : response.groups) {
    protocol::DescribeGroupsResponse::Group refused;
    refused.group_id = std::move(group.group_id);
    refused.error_code = code;
    group = std::move(refused);
  }
}
void refuse(protocol::ListGroupsResponse& response, ErrorCode code) {
  response.error_code = code;
  response.groups.clear();
}
void refuse(protocol::ConsumerGroupHeartbeatResponse& response, ErrorCode code) {
  response = {};
  response.error_code = code;
}
void refuse(protocol::ConsumerGroupDescribeResponse& response, ErrorCode code) {
  for (auto& group : response.groups) {
    protocol::ConsumerGroupDescribeResponse::Group refused;
    refused.group_id = std::move(group.group_id);
    refused.error_code = code;
    group = std::move(refused);
  }
}

bool serves_consumer_protocol(const Services& services) {
  if (services.metadata.image()->feature_level(metadata::group_version) < 1) return false;
  const auto protocols = services.static_config.list("group.coordinator.rebalance.protocols");
  return std::find(protocols.begin(), protocols.end(), "consumer") != protocols.end();
}

group::Caller caller_of(const RequestContext& context) {
  std::string host = context.remote.substr(0, context.remote.rfind(':'));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return {{context.client_id, "/" + host}, context.version};
}

}  // namespace moldau::api
