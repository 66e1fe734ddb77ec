#pragma once
// The group coordinator: the shell around the machines (machine.hpp), one for each partition of
// __consumer_offsets, that makes them durable and gives them time.
//
// Guarantees: those of coordinator::ShardSet.
//
// Thread rule: any thread.  Lock order: a shard's lock before a partition's; answers run under no lock.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "moldau/base/loop.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/base/random.hpp"
#include "moldau/cluster/metadata_source.hpp"
#include "moldau/coordinator/shard_set.hpp"
#include "moldau/group/machine.hpp"
#include "moldau/partition/partition_manager.hpp"

namespace moldau::group {

class Coordinator final : public cluster::MetadataListener {
 public:
  /// Everything outlives the coordinator.
  struct Environment {
    partition::PartitionManager& partitions;
    cluster::MetadataSource& metadata;
    const metadata::BrokerConfig& static_config;
    BrokerId self{};
    const base::Clock& clock;
    base::Random& random;               // thread-safe
    base::Executor& helpers;            // where logs are read
    std::vector<base::Loop*> loops;     // the shards' deadlines are spread over them
    OffsetRetention retention_policy = OffsetRetention::keep;
  };

  explicit Coordinator(Environment environment);
  ~Coordinator() override;

  /// One step of the shard that has the group; what it adds to `step.effects` is taken care of.
  using StepFunction = std::function<void(Machine& machine, Step& step)>;
  /// none, or why the step was not run: not_coordinator (the topic or its partition is not here),
  /// coordinator_load_in_progress, coordinator_not_available (its log is offline).
  /// Called on `loop`, at whose next tick the records are appended.
  [[nodiscard]] protocol::ErrorCode run(std::string_view group_id, base::Loop& loop,
                                        const StepFunction& step);

  /// One step of every shard that serves.
  using AllShards = coordinator::ShardSet::AllShards;
  AllShards run_on_all(base::Loop& loop, const StepFunction& step);

  /// The end of a transaction in one partition of the topic: decides the offsets that it committed there, in
  /// order with everything else.  Nothing is changed when the log does not take it.
  struct MarkerWritten {
    protocol::ErrorCode refused = protocol::ErrorCode::none;  // as run(): nobody knows whether it is there
    base::Status appended;
  };
  /// The marker is appended when this returns; `when_durable` is run then, or dropped when that never comes.
  /// May be called under the lock of a shard of transactions.
  MarkerWritten write_marker(PartitionIndex partition, const coordinator::Marker& marker,
                             base::Task when_durable = {});
  /// The partition of __consumer_offsets that has the group; nullopt while there is none.
  [[nodiscard]] std::optional<PartitionIndex> partition_of(std::string_view group_id) const;

  struct Totals {
    std::size_t groups = 0;
    std::size_t offsets = 0;
    std::size_t pending_offsets = 0;  // of transactions that are open
    std::size_t loading = 0;          // shards
  };
  [[nodiscard]] Totals totals() const;

  void on_metadata(const std::shared_ptr<const metadata::MetadataImage>& before,
                   const std::shared_ptr<const metadata::MetadataImage>& after,
                   const metadata::MetadataDelta& delta) override;

 private:
  class HostedMachine;
  std::shared_ptr<const GroupOptions> options() const;
  void expire_offsets();

  const Environment environment_;
  mutable base::Mutex mutex_;
  std::shared_ptr<const GroupOptions> options_ MOLDAU_GUARDED_BY(mutex_);
  coordinator::ShardSet shards_;
};

}  // namespace moldau::group
