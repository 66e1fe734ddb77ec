#pragma once
// What handlers call on: made by server/, bound to them by the api table.

#include <cstdint>
#include <string>

#include "moldau/api/context.hpp"
#include "moldau/api/fetch_sessions.hpp"
#include "moldau/api/producer_ids.hpp"
#include "moldau/api/transaction_markers.hpp"
#include "moldau/base/clock.hpp"
#include "moldau/base/loop.hpp"
#include "moldau/cluster/controller_gateway.hpp"
#include "moldau/cluster/metadata_source.hpp"
#include "moldau/group/coordinator.hpp"
#include "moldau/metadata/config_view.hpp"
#include "moldau/partition/partition_manager.hpp"
#include "moldau/txn/coordinator.hpp"

namespace moldau::api {

/// Everything outlives the requests.  Thread rule: the parts say.
struct Services {
  partition::PartitionManager& partitions;
  cluster::ControllerGateway& controller;
  cluster::MetadataSource& metadata;
  const metadata::BrokerConfig& static_config;
  FetchSessions& fetch_sessions;
  ProducerIds& producer_ids;
  group::Coordinator& groups;
  txn::Coordinator& transactions;
  TransactionMarkers& markers;
  const base::Clock& clock;
  base::Executor& helpers;  // for what may wait for the disk
  std::string cluster_id;
  BrokerId node_id{};
  std::string log_dir;

  /// The broker's options as they hold now.
  [[nodiscard]] metadata::BrokerConfig config() const {
    return static_config.with_dynamic(*metadata.image(), node_id);
  }
};

/// How clients of `context`'s listener reach broker `broker`.  With `advertised: auto` (a host that is
/// empty in the metadata) it is the address that the client's own connection came in on.
HostPort advertised(const metadata::BrokerImage& broker, const RequestContext& context);

}  // namespace moldau::api
