#pragma once
// One handler per API, each in the source of its name.  A handler validates, calls what does the work and
// translates the result; it answers through `reply`, then or later.  Called on the connection's loop.

#include "moldau/api/reply.hpp"
#include "moldau/api/services.hpp"
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
#include "moldau/protocol/sync_group.hpp"
#include "moldau/protocol/txn_offset_commit.hpp"
#include "moldau/protocol/update_features.hpp"
#include "moldau/protocol/write_txn_markers.hpp"

namespace moldau::api {

void produce(const Services&, const RequestContext&, protocol::ProduceRequest,
             Reply<protocol::ProduceResponse>);
void fetch(const Services&, const RequestContext&, protocol::FetchRequest,
           Reply<protocol::FetchResponse>);
void list_offsets(const Services&, const RequestContext&, protocol::ListOffsetsRequest,
                  Reply<protocol::ListOffsetsResponse>);
void metadata(const Services&, const RequestContext&, protocol::MetadataRequest,
              Reply<protocol::MetadataResponse>);
void find_coordinator(const Services&, const RequestContext&, protocol::FindCoordinatorRequest,
                      Reply<protocol::FindCoordinatorResponse>);
void api_versions(const Services&, const RequestContext&, protocol::ApiVersionsRequest,
                  Reply<protocol::ApiVersionsResponse>);
void create_topics(const Services&, const RequestContext&, protocol::CreateTopicsRequest,
                   Reply<protocol::CreateTopicsResponse>);
void delete_topics(const Services&, const RequestContext&, protocol::DeleteTopicsRequest,
                   Reply<protocol::DeleteTopicsResponse>);
void delete_records(const Services&, const RequestContext&, protocol::DeleteRecordsRequest,
                    Reply<protocol::DeleteRecordsResponse>);
void init_producer_id(const Services&, const RequestContext&, protocol::InitProducerIdRequest,
                      Reply<protocol::InitProducerIdResponse>);
void offset_for_leader_epoch(const Services&, const RequestContext&, protocol::OffsetForLeaderEpochRequest,
                             Reply<protocol::OffsetForLeaderEpochResponse>);
void describe_configs(const Services&, const RequestContext&, protocol::DescribeConfigsRequest,
                      Reply<protocol::DescribeConfigsResponse>);
void alter_configs(const Services&, const RequestContext&, protocol::AlterConfigsRequest,
                   Reply<protocol::AlterConfigsResponse>);
void describe_log_dirs(const Services&, const RequestContext&, protocol::DescribeLogDirsRequest,
                       Reply<protocol::DescribeLogDirsResponse>);
void create_partitions(const Services&, const RequestContext&, protocol::CreatePartitionsRequest,
                       Reply<protocol::CreatePartitionsResponse>);
void elect_leaders(const Services&, const RequestContext&, protocol::ElectLeadersRequest,
                   Reply<protocol::ElectLeadersResponse>);
void incremental_alter_configs(const Services&, const RequestContext&, protocol::IncrementalAlterConfigsRequest,
                               Reply<protocol::IncrementalAlterConfigsResponse>);
void list_partition_reassignments(const Services&, const RequestContext&, protocol::ListPartitionReassignmentsRequest,
                                  Reply<protocol::ListPartitionReassignmentsResponse>);
void update_features(const Services&, const RequestContext&, protocol::UpdateFeaturesRequest,
                     Reply<protocol::UpdateFeaturesResponse>);
void describe_cluster(const Services&, const RequestContext&, protocol::DescribeClusterRequest,
                      Reply<protocol::DescribeClusterResponse>);
void describe_producers(const Services&, const RequestContext&, protocol::DescribeProducersRequest,
                        Reply<protocol::DescribeProducersResponse>);
void list_config_resources(const Services&, const RequestContext&, protocol::ListConfigResourcesRequest,
                           Reply<protocol::ListConfigResourcesResponse>);
void describe_topic_partitions(const Services&, const RequestContext&, protocol::DescribeTopicPartitionsRequest,
                               Reply<protocol::DescribeTopicPartitionsResponse>);
void offset_commit(const Services&, const RequestContext&, protocol::OffsetCommitRequest,
                   Reply<protocol::OffsetCommitResponse>);
void offset_fetch(const Services&, const RequestContext&, protocol::OffsetFetchRequest,
                  Reply<protocol::OffsetFetchResponse>);
void join_group(const Services&, const RequestContext&, protocol::JoinGroupRequest,
                Reply<protocol::JoinGroupResponse>);
void heartbeat(const Services&, const RequestContext&, protocol::HeartbeatRequest,
               Reply<protocol::HeartbeatResponse>);
void leave_group(const Services&, const RequestContext&, protocol::LeaveGroupRequest,
                 Reply<protocol::LeaveGroupResponse>);
void sync_group(const Services&, const RequestContext&, protocol::SyncGroupRequest,
                Reply<protocol::SyncGroupResponse>);
void describe_groups(const Services&, const RequestContext&, protocol::DescribeGroupsRequest,
                     Reply<protocol::DescribeGroupsResponse>);
void list_groups(const Services&, const RequestContext&, protocol::ListGroupsRequest,
                 Reply<protocol::ListGroupsResponse>);
void delete_groups(const Services&, const RequestContext&, protocol::DeleteGroupsRequest,
                   Reply<protocol::DeleteGroupsResponse>);
void offset_delete(const Services&, const RequestContext&, protocol::OffsetDeleteRequest,
                   Reply<protocol::OffsetDeleteResponse>);
void consumer_group_heartbeat(const Services&, const RequestContext&, protocol::ConsumerGroupHeartbeatRequest,
                              Reply<protocol::ConsumerGroupHeartbeatResponse>);
void consumer_group_describe(const Services&, const RequestContext&, protocol::ConsumerGroupDescribeRequest,
                             Reply<protocol::ConsumerGroupDescribeResponse>);
void add_partitions_to_txn(const Services&, const RequestContext&, protocol::AddPartitionsToTxnRequest,
                           Reply<protocol::AddPartitionsToTxnResponse>);
void add_offsets_to_txn(const Services&, const RequestContext&, protocol::AddOffsetsToTxnRequest,
                        Reply<protocol::AddOffsetsToTxnResponse>);
void txn_offset_commit(const Services&, const RequestContext&, protocol::TxnOffsetCommitRequest,
                       Reply<protocol::TxnOffsetCommitResponse>);
void end_txn(const Services&, const RequestContext&, protocol::EndTxnRequest,
             Reply<protocol::EndTxnResponse>);
void write_txn_markers(const Services&, const RequestContext&, protocol::WriteTxnMarkersRequest,
                       Reply<protocol::WriteTxnMarkersResponse>);
void describe_transactions(const Services&, const RequestContext&, protocol::DescribeTransactionsRequest,
                           Reply<protocol::DescribeTransactionsResponse>);
void list_transactions(const Services&, const RequestContext&, protocol::ListTransactionsRequest,
                       Reply<protocol::ListTransactionsResponse>);

}  // namespace moldau::api
