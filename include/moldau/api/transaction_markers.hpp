#pragma once
// Ends of transactions on their way into partitions: their logs, and for __consumer_offsets the coordinator of
// groups, whose offsets they decide.

#include <memory>

#include "moldau/base/function.hpp"
#include "moldau/cluster/metadata_source.hpp"
#include "moldau/group/coordinator.hpp"
#include "moldau/partition/partition_manager.hpp"
#include "moldau/protocol/error_code.hpp"
#include "moldau/txn/coordinator.hpp"

namespace moldau::api {

/// Everything outlives it.  Thread rule: any thread; locks of group shards and partitions are taken.
class TransactionMarkers final : public txn::MarkerWriter {
 public:
  TransactionMarkers(partition::PartitionManager& partitions, cluster::MetadataSource& metadata,
                     group::Coordinator& groups, const base::Clock& clock);

  /// One marker into one partition: appended when this returns none.  `when_durable` is run then, or dropped
  /// when that never comes.
  protocol::ErrorCode write(const TopicPartition& partition, const coordinator::Marker& marker,
                            base::Task when_durable);

  /// Of the transaction coordinator.
  txn::MarkerOutcome write(const txn::MarkerOrder& order) override;

 private:
  partition::PartitionManager& partitions_;
  cluster::MetadataSource& metadata_;
  group::Coordinator& groups_;
  const base::Clock& clock_;
  const std::shared_ptr<partition::AckTarget> nobody_;
};

}  // namespace moldau::api
