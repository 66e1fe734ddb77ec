#pragma once
// The shards of one coordinator: a machine for each partition of its topic, each under a lock of its own,
// which is loaded from the log, stepped, and made durable.
//
// Guarantees: a step sees all steps of its shard before it; the records of the steps of one tick (of five
// milliseconds, when thousands a second are asked for) are appended as one batch; an answer is run when every
// record that its step saw is durable.  When a batch cannot be appended the shard's answers are dropped unrun
// and the shard is built anew from the log, so that it never says more than the log does.
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
#include "moldau/coordinator/state_machine.hpp"
#include "moldau/metadata/image.hpp"
#include "moldau/partition/partition_manager.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::coordinator {

class Pace;  // src/coordinator: private to the layer
class Shard;

/// What the shards are of.
struct ShardKind {
  std::string_view topic;    // whose partitions they are
  std::string_view name;     // of the coordinator: the first part of its events in the log
  std::string_view content;  // what a shard has, for those lines: "groups"
  std::function<std::unique_ptr<StateMachine>()> make_machine;  // called on any thread
};

class ShardSet {
 public:
  /// Everything outlives the set.
  struct Environment {
    partition::PartitionManager& partitions;
    const base::Clock& clock;
    base::Executor& helpers;         // where logs are read
    std::vector<base::Loop*> loops;  // the shards' deadlines are spread over them
  };

  ShardSet(Environment environment, ShardKind kind);
  /// What waits is dropped.
  ~ShardSet();
  ShardSet(const ShardSet&) = delete;
  ShardSet& operator=(const ShardSet&) = delete;

  /// A step does all it does within this call, under the shard's lock.
  using StepFunction = std::function<void(StateMachine& machine, Turn& turn)>;
  /// One step of the shard that has the key.  none, or why the step was not run: not_coordinator (the topic
  /// or its partition is not here), coordinator_load_in_progress, coordinator_not_available (its log is
  /// offline).  Called on `loop`, at whose next tick the records are appended.
  [[nodiscard]] protocol::ErrorCode run(std::string_view key, base::Loop& loop,
                                        const StepFunction& step);
  /// As run(), and everything that the step saw or left behind is appended when this returns none, so that
  /// what the caller appends next is never there without it; with another code the caller cannot tell.
  /// The answers run later, on the shard's own loop: this may be called under the lock of a shard of another set.
  [[nodiscard]] protocol::ErrorCode run_ordered(std::string_view key, const StepFunction& step);
  [[nodiscard]] protocol::ErrorCode run_ordered(PartitionIndex partition, const StepFunction& step);

  /// One step of every shard that serves.  `refused` has the error of the first that does not, if any.
  struct AllShards {
    std::size_t count = 0;  // that ran the step
    protocol::ErrorCode refused = protocol::ErrorCode::none;
  };
  AllShards run_on_all(base::Loop& loop, const StepFunction& step);
  /// As run_on_all(), for steps that nobody asked for: their records are appended at once.
  void run_now_on_all(const StepFunction& step);

  /// Shards come and go with the topic; those that come begin to load.  True when they did.
  bool follow(const metadata::MetadataImage& after, const metadata::MetadataDelta& delta);
  /// Calls `task` on the first loop, again and again, while the set is there: after `interval`, or
  /// soon where it says that there is more to do.
  void every(base::Milliseconds interval, std::function<bool()> task);

  /// The partition that has the key; nullopt while the topic is not there.
  [[nodiscard]] std::optional<PartitionIndex> partition_of(std::string_view key) const;
  /// Looks at every shard that serves.  Whether there are any, and all do.
  bool look(const std::function<void(StateMachine& machine)>& at) const;
  /// Shards that are being read.
  [[nodiscard]] std::size_t loading() const;

 private:
  using Shards = std::vector<std::shared_ptr<Shard>>;
  [[nodiscard]] std::shared_ptr<const Shards> shards() const;
  [[nodiscard]] std::shared_ptr<Shard> find(std::string_view key) const;
  [[nodiscard]] std::shared_ptr<Shard> find(PartitionIndex partition) const;
  void make_shards(const metadata::MetadataImage& image);
  void call_at(base::SteadyTime when, base::Milliseconds interval, std::function<bool()> task);

  const Environment environment_;
  const ShardKind kind_;
  const std::shared_ptr<Pace> pace_;  // second owners: the shards
  mutable base::Mutex mutex_;
  std::shared_ptr<const Shards> shards_ MOLDAU_GUARDED_BY(mutex_);
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of the first loop only
};

}  // namespace moldau::coordinator
