#pragma once
// Every change of metadata, as an asynchronous call in the shape of Kafka's controller RPCs.  On a
// single node the solo controller answers; in a cluster it will be the active controller, by RPC or
// Envelope.

#include "moldau/base/function.hpp"
#include "moldau/base/result.hpp"
#include "moldau/metadata/requests.hpp"

namespace moldau::cluster {

template <class T>
using Completion = base::Function<void(base::Result<T>)>;

/// The completion is called exactly once, when the change is committed (durable) and applied
/// locally: the image that MetadataSource::image() returns then, and the partitions made from it,
/// have it.  It comes on the controller's executor, so it must only note the answer and post to its
/// own loop.  An error of the whole call (not of an item): cancelled (the node is stopping),
/// storage_error (the metadata log failed; no later call succeeds), and what each request names.
/// Thread rule: any thread.
class ControllerGateway {
 public:
  virtual ~ControllerGateway() = default;
  virtual void create_topics(metadata::CreateTopicsRequest request,
                             Completion<metadata::CreateTopicsResult> done) = 0;
  virtual void delete_topics(metadata::DeleteTopicsRequest request,
                             Completion<metadata::DeleteTopicsResult> done) = 0;
  virtual void create_partitions(metadata::CreatePartitionsRequest request,
                                 Completion<metadata::CreatePartitionsResult> done) = 0;
  virtual void alter_configs(metadata::AlterConfigsRequest request,
                             Completion<metadata::AlterConfigsResult> done) = 0;
  virtual void update_features(metadata::UpdateFeaturesRequest request,
                               Completion<metadata::UpdateFeaturesResult> done) = 0;
  virtual void elect_leaders(metadata::ElectLeadersRequest request,
                             Completion<metadata::ElectLeadersResult> done) = 0;
  /// Errors: stale_broker_epoch.
  virtual void allocate_producer_ids(metadata::AllocateProducerIdsRequest request,
                                     Completion<metadata::AllocateProducerIdsResult> done) = 0;
  /// Errors: stale_broker_epoch.
  virtual void alter_partition(metadata::AlterPartitionRequest request,
                               Completion<metadata::AlterPartitionResult> done) = 0;
  /// Errors: foreign_directory (of another cluster), duplicate_resource, unsupported (features).
  virtual void register_broker(metadata::RegisterBrokerRequest request,
                               Completion<metadata::RegisterBrokerResult> done) = 0;
  /// Errors: stale_broker_epoch, broker_not_available (not registered).
  virtual void broker_heartbeat(metadata::BrokerHeartbeatRequest request,
                                Completion<metadata::BrokerHeartbeatResult> done) = 0;
};

}  // namespace moldau::cluster
