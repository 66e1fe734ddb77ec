#pragma once
// The group coordinator: the shell around the machines (machine.hpp), one for each partition of
// __consumer_offsets, that makes them durable and gives them time.
//
// Guarantees: a step sees all steps of its shard before it; the records of the steps of one tick (of two
// milliseconds, when thousands a second are asked for) are appended as one batch; an answer is run when every record that its step saw is durable.  When a batch cannot be
// appended the shard's answers are dropped unrun and the shard is built anew from the log, so that it never
// says more than the log does.
//
// Thread rule: any thread.  Lock order: a shard's lock before a partition's; answers run under no lock.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/loop.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/base/random.hpp"
#include "moldau/cluster/metadata_source.hpp"
#include "moldau/group/machine.hpp"
#include "moldau/partition/partition_manager.hpp"

namespace moldau::group {

class Pace;  // src/group: private to the layer
class Shard;

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

  /// One step of every shard that serves.  `refused` has the error of the first that does not, if any.
  struct AllShards {
    std::size_t count = 0;  // that ran the step
    protocol::ErrorCode refused = protocol::ErrorCode::none;
  };
  AllShards run_on_all(base::Loop& loop, const StepFunction& step);

  struct Totals {
    std::size_t groups = 0;
    std::size_t offsets = 0;
    std::size_t loading = 0;  // shards
  };
  [[nodiscard]] Totals totals() const;

  void on_metadata(const std::shared_ptr<const metadata::MetadataImage>& before,
                   const std::shared_ptr<const metadata::MetadataImage>& after,
                   const metadata::MetadataDelta& delta) override;

 private:
  using Shards = std::vector<std::shared_ptr<Shard>>;
  [[nodiscard]] std::shared_ptr<const Shards> shards() const;
  void make_shards(const metadata::MetadataImage& image);
  void schedule_sweep();
  void sweep();

  const Environment environment_;
  const std::shared_ptr<Pace> pace_;  // second owners: the shards
  mutable base::Mutex mutex_;
  std::shared_ptr<const Shards> shards_ MOLDAU_GUARDED_BY(mutex_);
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of the sweep's loop only
};

}  // namespace moldau::group
