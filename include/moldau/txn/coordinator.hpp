#pragma once
// The transaction coordinator: the shell around the machines (machine.hpp), one for each partition of
// __transaction_state, that makes them durable, gives them time, and has their markers written.
//
// All logs of a data directory share one lane, which keeps what is appended in order: a record that was
// appended later is never there after a crash without those before it.  So the coordinator's record, the
// markers and the record of completion are appended one after the other without waiting, and one sync makes
// all of them durable; an answer is given when its record is.
//
// Thread rule: any thread.  Lock order: a transaction shard's lock, then a group shard's, then a partition's;
// answers run under no lock.  Guarantees: those of coordinator::ShardSet.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "moldau/base/loop.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/cluster/metadata_source.hpp"
#include "moldau/coordinator/shard_set.hpp"
#include "moldau/partition/partition_manager.hpp"
#include "moldau/txn/machine.hpp"

namespace moldau::txn {

/// Who appends markers to the partitions of a transaction: their logs, and for __consumer_offsets the
/// coordinator of groups, whose offsets the marker decides.  Called under a shard's lock; does not wait.
class MarkerWriter {
 public:
  virtual ~MarkerWriter() = default;
  virtual MarkerOutcome write(const MarkerOrder& order) = 0;
};

class Coordinator final : public cluster::MetadataListener {
 public:
  /// Everything outlives the coordinator.
  struct Environment {
    partition::PartitionManager& partitions;
    cluster::MetadataSource& metadata;
    const metadata::BrokerConfig& static_config;
    BrokerId self{};
    const base::Clock& clock;
    base::Executor& helpers;         // where logs are read
    std::vector<base::Loop*> loops;  // the shards' deadlines are spread over them
    MarkerWriter& markers;
    std::function<std::optional<ProducerId>()> new_producer_id;  // see Step
  };

  explicit Coordinator(Environment environment);
  ~Coordinator() override;

  using StepFunction = std::function<void(Machine& machine, Step& step)>;
  /// One step of the shard that has the transactional id.  none, or why the step was not run:
  /// not_coordinator, coordinator_load_in_progress, coordinator_not_available.
  [[nodiscard]] protocol::ErrorCode run(std::string_view transactional_id, base::Loop& loop,
                                        const StepFunction& step);
  /// As run(), for the data path: the step's records are in the lane when this returns none, so that what the
  /// caller appends next is never there without them.
  [[nodiscard]] protocol::ErrorCode run_ordered(std::string_view transactional_id,
                                                const StepFunction& step);
  /// One step of every shard that serves.
  using AllShards = coordinator::ShardSet::AllShards;
  AllShards run_on_all(base::Loop& loop, const StepFunction& step);

  /// Goes through all transactional ids.
  [[nodiscard]] partition::TransactionOwners find_owners(std::vector<ProducerId> producers) const;

  struct Totals {
    std::size_t ids = 0;
    std::size_t ongoing = 0;
    std::size_t loading = 0;  // shards
  };
  [[nodiscard]] Totals totals() const;

  void on_metadata(const std::shared_ptr<const metadata::MetadataImage>& before,
                   const std::shared_ptr<const metadata::MetadataImage>& after,
                   const metadata::MetadataDelta& delta) override;

 private:
  class HostedMachine;
  [[nodiscard]] std::shared_ptr<const TransactionOptions> options() const;

  const Environment environment_;
  mutable base::Mutex mutex_;
  std::shared_ptr<const TransactionOptions> options_ MOLDAU_GUARDED_BY(mutex_);
  coordinator::ShardSet shards_;
};

}  // namespace moldau::txn
