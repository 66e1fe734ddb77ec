#include "moldau/api/error_mapping.hpp"

namespace moldau::api {

protocol::ErrorCode error_code(base::Errc error) {
  using base::Errc;
  using protocol::ErrorCode;
  switch (error) {
    case Errc::unknown: return ErrorCode::unknown_server_error;
    case Errc::invalid_argument:
    case Errc::malformed:
    case Errc::limit_exceeded:
    case Errc::invalid_request: return ErrorCode::invalid_request;
    case Errc::unsupported: return ErrorCode::unsupported_version;
    case Errc::io:
    case Errc::no_space:
    case Errc::locked:
    case Errc::foreign_directory:
    case Errc::damaged:
    case Errc::storage_error: return ErrorCode::kafka_storage_error;
    case Errc::not_found:
    case Errc::resource_not_found: return ErrorCode::resource_not_found;
    case Errc::already_exists:
    case Errc::duplicate_resource: return ErrorCode::duplicate_resource;
    case Errc::corrupt_message: return ErrorCode::corrupt_message;
    case Errc::invalid_record: return ErrorCode::invalid_record;
    case Errc::invalid_timestamp: return ErrorCode::invalid_timestamp;
    case Errc::message_too_large: return ErrorCode::message_too_large;
    case Errc::record_list_too_large: return ErrorCode::record_list_too_large;
    case Errc::unsupported_compression: return ErrorCode::unsupported_compression_type;
    case Errc::out_of_order_sequence: return ErrorCode::out_of_order_sequence_number;
    case Errc::invalid_producer_epoch: return ErrorCode::invalid_producer_epoch;
    case Errc::invalid_txn_state:
    case Errc::transaction_not_verified: return ErrorCode::invalid_txn_state;
    case Errc::invalid_producer_id_mapping: return ErrorCode::invalid_producer_id_mapping;
    case Errc::transaction_coordinator_fenced: return ErrorCode::transaction_coordinator_fenced;
    case Errc::not_enough_replicas: return ErrorCode::not_enough_replicas;
    case Errc::not_enough_replicas_after_append:
      return ErrorCode::not_enough_replicas_after_append;
    case Errc::offset_out_of_range: return ErrorCode::offset_out_of_range;
    case Errc::offset_not_available: return ErrorCode::offset_not_available;
    case Errc::not_leader: return ErrorCode::not_leader_or_follower;
    case Errc::leader_not_available: return ErrorCode::leader_not_available;
    case Errc::fenced_leader_epoch: return ErrorCode::fenced_leader_epoch;
    case Errc::unknown_leader_epoch: return ErrorCode::unknown_leader_epoch;
    case Errc::unknown_topic: return ErrorCode::unknown_topic_or_partition;
    case Errc::unknown_topic_id: return ErrorCode::unknown_topic_id;
    case Errc::inconsistent_topic_id: return ErrorCode::inconsistent_topic_id;
    case Errc::invalid_topic: return ErrorCode::invalid_topic_exception;
    case Errc::topic_already_exists: return ErrorCode::topic_already_exists;
    case Errc::topic_deletion_disabled: return ErrorCode::topic_deletion_disabled;
    case Errc::invalid_partitions: return ErrorCode::invalid_partitions;
    case Errc::invalid_replication_factor: return ErrorCode::invalid_replication_factor;
    case Errc::invalid_replica_assignment: return ErrorCode::invalid_replica_assignment;
    case Errc::invalid_config: return ErrorCode::invalid_config;
    case Errc::policy_violation: return ErrorCode::policy_violation;
    case Errc::reassignment_in_progress: return ErrorCode::reassignment_in_progress;
    case Errc::feature_update_failed: return ErrorCode::feature_update_failed;
    case Errc::invalid_update_version: return ErrorCode::invalid_update_version;
    case Errc::stale_broker_epoch: return ErrorCode::stale_broker_epoch;
    case Errc::no_reassignment_in_progress: return ErrorCode::no_reassignment_in_progress;
    case Errc::element_not_available: return ErrorCode::eligible_leaders_not_available;
    case Errc::election_not_needed: return ErrorCode::election_not_needed;
    case Errc::broker_not_available: return ErrorCode::broker_not_available;
    case Errc::timed_out: return ErrorCode::request_timed_out;
    case Errc::cancelled: return ErrorCode::not_leader_or_follower;  // Retriable: stopping.
    case Errc::throttled: return ErrorCode::request_timed_out;
    case Errc::unauthorized: return ErrorCode::cluster_authorization_failed;
  }
  return ErrorCode::unknown_server_error;
}

protocol::ErrorCode known_to_client(protocol::ErrorCode code, std::int16_t version,
                                    std::int16_t first_that_knows) {
  using protocol::ErrorCode;
  return code == ErrorCode::producer_fenced && version < first_that_knows
             ? ErrorCode::invalid_producer_epoch
             : code;
}

}  // namespace moldau::api
