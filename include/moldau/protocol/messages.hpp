#pragma once
// All messages in one list, for tests and tools that go through every one.

#include "moldau/protocol/add_offsets_to_txn.hpp"
#include "moldau/protocol/add_partitions_to_txn.hpp"
#include "moldau/protocol/alter_configs.hpp"
#include "moldau/protocol/api_versions.hpp"
#include "moldau/protocol/consumer_group_describe.hpp"
#include "moldau/protocol/consumer_group_heartbeat.hpp"
#include "moldau/protocol/create_partitions.hpp"
#include "moldau/protocol/create_topics.hpp"
#include "moldau/protocol/delete_groups.hpp"
#include "moldau/protocol/delete_records.hpp"
#include "moldau/protocol/delete_topics.hpp"
#include "moldau/protocol/describe_cluster.hpp"
#include "moldau/protocol/describe_configs.hpp"
#include "moldau/protocol/describe_groups.hpp"
#include "moldau/protocol/describe_log_dirs.hpp"
#include "moldau/protocol/describe_producers.hpp"
#include "moldau/protocol/describe_quorum.hpp"
#include "moldau/protocol/describe_topic_partitions.hpp"
#include "moldau/protocol/describe_transactions.hpp"
#include "moldau/protocol/elect_leaders.hpp"
#include "moldau/protocol/end_txn.hpp"
#include "moldau/protocol/fetch.hpp"
#include "moldau/protocol/find_coordinator.hpp"
#include "moldau/protocol/heartbeat.hpp"
#include "moldau/protocol/incremental_alter_configs.hpp"
#include "moldau/protocol/init_producer_id.hpp"
#include "moldau/protocol/join_group.hpp"
#include "moldau/protocol/leave_group.hpp"
#include "moldau/protocol/list_config_resources.hpp"
#include "moldau/protocol/list_groups.hpp"
#include "moldau/protocol/list_offsets.hpp"
#include "moldau/protocol/list_partition_reassignments.hpp"
#include "moldau/protocol/list_transactions.hpp"
#include "moldau/protocol/metadata.hpp"
#include "moldau/protocol/offset_commit.hpp"
#include "moldau/protocol/offset_delete.hpp"
#include "moldau/protocol/offset_fetch.hpp"
#include "moldau/protocol/offset_for_leader_epoch.hpp"
#include "moldau/protocol/produce.hpp"
#include "moldau/protocol/sasl_handshake.hpp"
#include "moldau/protocol/sync_group.hpp"
#include "moldau/protocol/txn_offset_commit.hpp"
#include "moldau/protocol/update_features.hpp"
#include "moldau/protocol/write_txn_markers.hpp"

namespace moldau::protocol {

/// Calls `visit.template operator()<Request, Response>()` for each API.
template <class Visitor>
void for_each_api(Visitor&& visit) {
  visit.template operator()<ProduceRequest, ProduceResponse>();
  visit.template operator()<FetchRequest, FetchResponse>();
  visit.template operator()<ListOffsetsRequest, ListOffsetsResponse>();
  visit.template operator()<MetadataRequest, MetadataResponse>();
  visit.template operator()<OffsetCommitRequest, OffsetCommitResponse>();
  visit.template operator()<OffsetFetchRequest, OffsetFetchResponse>();
  visit.template operator()<FindCoordinatorRequest, FindCoordinatorResponse>();
  visit.template operator()<JoinGroupRequest, JoinGroupResponse>();
  visit.template operator()<HeartbeatRequest, HeartbeatResponse>();
  visit.template operator()<LeaveGroupRequest, LeaveGroupResponse>();
  visit.template operator()<SyncGroupRequest, SyncGroupResponse>();
  visit.template operator()<DescribeGroupsRequest, DescribeGroupsResponse>();
  visit.template operator()<ListGroupsRequest, ListGroupsResponse>();
  visit.template operator()<SaslHandshakeRequest, SaslHandshakeResponse>();
  visit.template operator()<ApiVersionsRequest, ApiVersionsResponse>();
  visit.template operator()<CreateTopicsRequest, CreateTopicsResponse>();
  visit.template operator()<DeleteTopicsRequest, DeleteTopicsResponse>();
  visit.template operator()<DeleteRecordsRequest, DeleteRecordsResponse>();
  visit.template operator()<InitProducerIdRequest, InitProducerIdResponse>();
  visit.template operator()<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse>();
  visit.template operator()<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse>();
  visit.template operator()<AddOffsetsToTxnRequest, AddOffsetsToTxnResponse>();
  visit.template operator()<EndTxnRequest, EndTxnResponse>();
  visit.template operator()<WriteTxnMarkersRequest, WriteTxnMarkersResponse>();
  visit.template operator()<TxnOffsetCommitRequest, TxnOffsetCommitResponse>();
  visit.template operator()<DescribeConfigsRequest, DescribeConfigsResponse>();
  visit.template operator()<AlterConfigsRequest, AlterConfigsResponse>();
  visit.template operator()<DescribeLogDirsRequest, DescribeLogDirsResponse>();
  visit.template operator()<CreatePartitionsRequest, CreatePartitionsResponse>();
  visit.template operator()<DeleteGroupsRequest, DeleteGroupsResponse>();
  visit.template operator()<ElectLeadersRequest, ElectLeadersResponse>();
  visit.template operator()<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>();
  visit.template operator()<ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse>();
  visit.template operator()<OffsetDeleteRequest, OffsetDeleteResponse>();
  visit.template operator()<DescribeQuorumRequest, DescribeQuorumResponse>();
  visit.template operator()<UpdateFeaturesRequest, UpdateFeaturesResponse>();
  visit.template operator()<DescribeClusterRequest, DescribeClusterResponse>();
  visit.template operator()<DescribeProducersRequest, DescribeProducersResponse>();
  visit.template operator()<DescribeTransactionsRequest, DescribeTransactionsResponse>();
  visit.template operator()<ListTransactionsRequest, ListTransactionsResponse>();
  visit.template operator()<ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse>();
  visit.template operator()<ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse>();
  visit.template operator()<ListConfigResourcesRequest, ListConfigResourcesResponse>();
  visit.template operator()<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>();
}

}  // namespace moldau::protocol
