#pragma once
// Changes of configuration: what Kafka's controller and its brokers check before they are written.

#include <vector>

#include "moldau/metadata/config_view.hpp"
#include "moldau/metadata/records.hpp"
#include "moldau/metadata/requests.hpp"

namespace moldau::metadata {

struct ConfigChangeRules {
  bool replace_all = false;
  /// eligible.leader.replicas.version is on: min.insync.replicas is the cluster's alone (KIP-966).
  bool eligible_leader_replicas = false;
  /// What bounds the values of groups.
  const BrokerConfig& broker;
};

/// Appends the records that change `current` (nullptr: nothing is set) as asked; nothing for values
/// that stay as they are.  Errors: invalid_config, invalid_request.
ItemError decide_config_changes(const AlterConfigsRequest::Resource& resource,
                                const ConfigMap* current, ConfigChangeRules rules,
                                std::vector<MetadataRecord>& records);

/// The values that a new topic is given.  Errors: invalid_config.
base::Result<ConfigMap> new_topic_configs(const CreateTopicsRequest::Topic& topic);

}  // namespace moldau::metadata
