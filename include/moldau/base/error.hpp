#pragma once
// What can go wrong, as a value.  The vocabulary is the domain's (Kafka's words where Kafka has one);
// wire codes are made of it in one place, src/api/error_mapping.cpp.

#include <cstdint>
#include <string>
#include <string_view>

namespace moldau::base {

enum class Errc : std::uint8_t {
  unknown = 1,
  // Input and formats
  invalid_argument,
  malformed,          // bytes that do not decode
  limit_exceeded,     // a count or a size over a limit of limits.hpp
  unsupported,        // a version, feature or format that is not served
  // Files
  io,                 // a failed read, write or sync: final for that log directory
  no_space,
  locked,             // the data directory is in use by another process
  foreign_directory,  // of another cluster or node, or a newer format
  damaged,            // below the durable mark
  not_found,
  already_exists,
  // Record batches and appends
  corrupt_message,
  invalid_record,
  invalid_timestamp,
  message_too_large,
  record_list_too_large,
  unsupported_compression,
  out_of_order_sequence,
  invalid_producer_epoch,
  invalid_txn_state,
  transaction_not_verified,  // the coordinator has to be asked first, or again
  invalid_producer_id_mapping,
  transaction_coordinator_fenced,
  not_enough_replicas,
  not_enough_replicas_after_append,
  // Partitions
  offset_out_of_range,
  offset_not_available,
  not_leader,
  leader_not_available,
  fenced_leader_epoch,
  unknown_leader_epoch,
  storage_error,      // the partition is offline
  // Metadata
  unknown_topic,
  unknown_topic_id,
  inconsistent_topic_id,
  invalid_topic,
  topic_already_exists,
  topic_deletion_disabled,
  invalid_partitions,
  invalid_replication_factor,
  invalid_replica_assignment,
  invalid_config,
  invalid_request,
  policy_violation,
  reassignment_in_progress,
  feature_update_failed,
  invalid_update_version,
  stale_broker_epoch,
  duplicate_resource,
  resource_not_found,
  no_reassignment_in_progress,
  element_not_available,
  election_not_needed,
  broker_not_available,
  // Flow
  timed_out,
  cancelled,          // the process is stopping
  throttled,
  unauthorized,
};

std::string_view name(Errc code);

/// An error with what a person needs to know: what, where, how to put it right.  One line.
struct Error {
  Errc code = Errc::unknown;
  std::string message;
};

/// "corrupt_message: crc is 0x1, computed 0x2"
std::string to_string(const Error& error);

}  // namespace moldau::base
