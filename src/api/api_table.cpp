#include "moldau/api/api_table.hpp"

#include <algorithm>
#include <utility>

#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

template <class Request, class Response>
using Handler = void (*)(const Services&, const RequestContext&, Request, Reply<Response>);

template <class Request, class Response, Handler<Request, Response> handler>
base::Status handle(const Services& services, const RequestContext& context, codec::Reader& reader,
                    std::unique_ptr<ResponseSink>& sink) {
  MOLDAU_ASSIGN(auto request, codec::Codec<Request>::decode(reader, context.version));
  handler(services, context, std::move(request),
          Reply<Response>(std::move(sink), context.version, context.correlation_id));
  return {};
}

template <class Request, class Response, Handler<Request, Response> handler>
ApiRow row() {
  auto advertised = Request::versions;
  // librdkafka before 2.11 compresses only where Produce v0 is offered; nobody sends it.
  if (Request::api_key == protocol::ApiKey::produce) advertised.first = 0;
  return {Request::api_key, Request::versions, advertised, Request::flexible,
          handle<Request, Response, handler>};
}

const ApiRow rows[] = {
    row<protocol::ProduceRequest, protocol::ProduceResponse, produce>(),
    row<protocol::FetchRequest, protocol::FetchResponse, fetch>(),
    row<protocol::ListOffsetsRequest, protocol::ListOffsetsResponse, list_offsets>(),
    row<protocol::MetadataRequest, protocol::MetadataResponse, metadata>(),
    row<protocol::OffsetCommitRequest, protocol::OffsetCommitResponse, offset_commit>(),
    row<protocol::OffsetFetchRequest, protocol::OffsetFetchResponse, offset_fetch>(),
    row<protocol::FindCoordinatorRequest, protocol::FindCoordinatorResponse, find_coordinator>(),
    row<protocol::JoinGroupRequest, protocol::JoinGroupResponse, join_group>(),
    row<protocol::HeartbeatRequest, protocol::HeartbeatResponse, heartbeat>(),
    row<protocol::LeaveGroupRequest, protocol::LeaveGroupResponse, leave_group>(),
    row<protocol::SyncGroupRequest, protocol::SyncGroupResponse, sync_group>(),
    row<protocol::DescribeGroupsRequest, protocol::DescribeGroupsResponse, describe_groups>(),
    row<protocol::ListGroupsRequest, protocol::ListGroupsResponse, list_groups>(),
    row<protocol::ApiVersionsRequest, protocol::ApiVersionsResponse, api_versions>(),
    row<protocol::CreateTopicsRequest, protocol::CreateTopicsResponse, create_topics>(),
    row<protocol::DeleteTopicsRequest, protocol::DeleteTopicsResponse, delete_topics>(),
    row<protocol::DeleteRecordsRequest, protocol::DeleteRecordsResponse, delete_records>(),
    row<protocol::InitProducerIdRequest, protocol::InitProducerIdResponse, init_producer_id>(),
    row<protocol::OffsetForLeaderEpochRequest, protocol::OffsetForLeaderEpochResponse, offset_for_leader_epoch>(),
    row<protocol::AddPartitionsToTxnRequest, protocol::AddPartitionsToTxnResponse, add_partitions_to_txn>(),
    row<protocol::AddOffsetsToTxnRequest, protocol::AddOffsetsToTxnResponse, add_offsets_to_txn>(),
    row<protocol::EndTxnRequest, protocol::EndTxnResponse, end_txn>(),
    row<protocol::WriteTxnMarkersRequest, protocol::WriteTxnMarkersResponse, write_txn_markers>(),
    row<protocol::TxnOffsetCommitRequest, protocol::TxnOffsetCommitResponse, txn_offset_commit>(),
    row<protocol::DescribeConfigsRequest, protocol::DescribeConfigsResponse, describe_configs>(),
    row<protocol::AlterConfigsRequest, protocol::AlterConfigsResponse, alter_configs>(),
    row<protocol::DescribeLogDirsRequest, protocol::DescribeLogDirsResponse, describe_log_dirs>(),
    row<protocol::CreatePartitionsRequest, protocol::CreatePartitionsResponse, create_partitions>(),
    row<protocol::DeleteGroupsRequest, protocol::DeleteGroupsResponse, delete_groups>(),
    row<protocol::ElectLeadersRequest, protocol::ElectLeadersResponse, elect_leaders>(),
    row<protocol::IncrementalAlterConfigsRequest, protocol::IncrementalAlterConfigsResponse, incremental_alter_configs>(),
    row<protocol::ListPartitionReassignmentsRequest, protocol::ListPartitionReassignmentsResponse, list_partition_reassignments>(),
    row<protocol::OffsetDeleteRequest, protocol::OffsetDeleteResponse, offset_delete>(),
    row<protocol::UpdateFeaturesRequest, protocol::UpdateFeaturesResponse, update_features>(),
    row<protocol::DescribeClusterRequest, protocol::DescribeClusterResponse, describe_cluster>(),
    row<protocol::DescribeProducersRequest, protocol::DescribeProducersResponse, describe_producers>(),
    row<protocol::DescribeTransactionsRequest, protocol::DescribeTransactionsResponse, describe_transactions>(),
    row<protocol::ListTransactionsRequest, protocol::ListTransactionsResponse, list_transactions>(),
    row<protocol::ConsumerGroupHeartbeatRequest, protocol::ConsumerGroupHeartbeatResponse, consumer_group_heartbeat>(),
    row<protocol::ConsumerGroupDescribeRequest, protocol::ConsumerGroupDescribeResponse, consumer_group_describe>(),
    row<protocol::ListConfigResourcesRequest, protocol::ListConfigResourcesResponse, list_config_resources>(),
    row<protocol::DescribeTopicPartitionsRequest, protocol::DescribeTopicPartitionsResponse, describe_topic_partitions>(),
};

}  // namespace

std::span<const ApiRow> api_table() { return rows; }

const ApiRow* find_api(std::int16_t key) {
  const auto place =
      std::lower_bound(std::begin(rows), std::end(rows), key, [](const ApiRow& row, auto wanted) {
        return static_cast<std::int16_t>(row.key) < wanted;
      });
  return place != std::end(rows) && static_cast<std::int16_t>(place->key) == key ? place : nullptr;
}

}  // namespace moldau::api
