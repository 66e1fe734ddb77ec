#include "moldau/base/error.hpp"

#include <cstdlib>

#include "moldau/base/check.hpp"
#include "moldau/base/result.hpp"

namespace moldau::base {

std::string_view name(Errc code) {
#define MOLDAU_NAME(e) \
  case Errc::e:        \
    return #e
  switch (code) {
    MOLDAU_NAME(unknown);
    MOLDAU_NAME(invalid_argument);
    MOLDAU_NAME(malformed);
    MOLDAU_NAME(limit_exceeded);
    MOLDAU_NAME(unsupported);
    MOLDAU_NAME(io);
    MOLDAU_NAME(no_space);
    MOLDAU_NAME(locked);
    MOLDAU_NAME(foreign_directory);
    MOLDAU_NAME(damaged);
    MOLDAU_NAME(not_found);
    MOLDAU_NAME(already_exists);
    MOLDAU_NAME(corrupt_message);
    MOLDAU_NAME(invalid_record);
    MOLDAU_NAME(invalid_timestamp);
    MOLDAU_NAME(message_too_large);
    MOLDAU_NAME(record_list_too_large);
    MOLDAU_NAME(unsupported_compression);
    MOLDAU_NAME(out_of_order_sequence);
    MOLDAU_NAME(invalid_producer_epoch);
    MOLDAU_NAME(invalid_txn_state);
    MOLDAU_NAME(transaction_not_verified);
    MOLDAU_NAME(invalid_producer_id_mapping);
    MOLDAU_NAME(transaction_coordinator_fenced);
    MOLDAU_NAME(not_enough_replicas);
    MOLDAU_NAME(not_enough_replicas_after_append);
    MOLDAU_NAME(offset_out_of_range);
    MOLDAU_NAME(offset_not_available);
    MOLDAU_NAME(not_leader);
    MOLDAU_NAME(leader_not_available);
    MOLDAU_NAME(fenced_leader_epoch);
    MOLDAU_NAME(unknown_leader_epoch);
    MOLDAU_NAME(storage_error);
    MOLDAU_NAME(unknown_topic);
    MOLDAU_NAME(unknown_topic_id);
    MOLDAU_NAME(inconsistent_topic_id);
    MOLDAU_NAME(invalid_topic);
    MOLDAU_NAME(topic_already_exists);
    MOLDAU_NAME(topic_deletion_disabled);
    MOLDAU_NAME(invalid_partitions);
    MOLDAU_NAME(invalid_replication_factor);
    MOLDAU_NAME(invalid_replica_assignment);
    MOLDAU_NAME(invalid_config);
    MOLDAU_NAME(invalid_request);
    MOLDAU_NAME(policy_violation);
    MOLDAU_NAME(reassignment_in_progress);
    MOLDAU_NAME(feature_update_failed);
    MOLDAU_NAME(invalid_update_version);
    MOLDAU_NAME(stale_broker_epoch);
    MOLDAU_NAME(duplicate_resource);
    MOLDAU_NAME(resource_not_found);
    MOLDAU_NAME(no_reassignment_in_progress);
    MOLDAU_NAME(element_not_available);
    MOLDAU_NAME(election_not_needed);
    MOLDAU_NAME(broker_not_available);
    MOLDAU_NAME(timed_out);
    MOLDAU_NAME(cancelled);
    MOLDAU_NAME(throttled);
    MOLDAU_NAME(unauthorized);
  }
#undef MOLDAU_NAME
  return "unknown";
}

std::string to_string(const Error& error) {
  std::string text(name(error.code));
  if (!error.message.empty()) text.append(": ").append(error.message);
  return text;
}

void value_of_error(const Error& error) {
  check_failed("result.has_value()", to_string(error), __FILE__, __LINE__);
}

}  // namespace moldau::base
