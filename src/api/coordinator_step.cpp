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

void refuse(protocol::InitProducerIdResponse& response, ErrorCode code) {
  response = {};
  response.error_code = code;
  response.producer_epoch = no_producer_epoch;
}
void refuse(protocol::AddPartitionsToTxnResponse& response, ErrorCode code) {
  const auto refuse_all = [code](auto& topics) {
    for (auto& topic : topics)
      for (auto& partition : topic.results_by_partition) partition.partition_error_code = code;
  };
  refuse_all(response.results_by_topic_v3_and_below);
  for (auto& transaction : response.results_by_transaction) refuse_all(transaction.topic_results);
}
void refuse(protocol::AddOffsetsToTxnResponse& response, ErrorCode code) {
  response.error_code = code;
}
void refuse(protocol::TxnOffsetCommitResponse& response, ErrorCode code) {
  for (auto& topic : response.topics)
    for (auto& partition : topic.partitions) partition.error_code = code;
}
void refuse(protocol::EndTxnResponse& response, ErrorCode code) {
  response = {};
  response.error_code = code;
}
// Who sends markers asks leaders, and knows no coordinator's code.
void refuse(protocol::WriteTxnMarkersResponse& response, ErrorCode) {
  for (auto& marker : response.markers)
    for (auto& topic : marker.topics)
      for (auto& partition : topic.partitions)
        if (partition.error_code == ErrorCode::none)
          partition.error_code = ErrorCode::not_leader_or_follower;
}
void refuse(protocol::DescribeTransactionsResponse& response, ErrorCode code) {
  for (auto& state : response.transaction_states) {
    protocol::DescribeTransactionsResponse::TransactionState refused;
    refused.transactional_id = std::move(state.transactional_id);
    refused.error_code = code;
    state = std::move(refused);
  }
}
void refuse(protocol::ListTransactionsResponse& response, ErrorCode code) {
  response.error_code = code;
  response.transaction_states.clear();
}

bool serves_consumer_protocol(const Services& services) {
  if (services.metadata.image()->feature_level(metadata::group_version) < 1) return false;
  const auto protocols = services.static_config.list("group.coordinator.rebalance.protocols");
  return std::find(protocols.begin(), protocols.end(), "consumer") != protocols.end();
}

namespace {
std::string host_of(const RequestContext& context) {
  std::string host = context.remote.substr(0, context.remote.rfind(':'));
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return "/" + host;
}
}  // namespace

group::Caller caller_of(const RequestContext& context) {
  return {{context.client_id, host_of(context)}, context.version};
}

txn::Caller txn_caller(const RequestContext& context) {
  return {.version = context.version,
          .connection_id = context.connection_id,
          .client_id = context.client_id,
          .host = host_of(context)};
}

}  // namespace moldau::api
