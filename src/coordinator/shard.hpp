#pragma once
// One partition of a coordinator's topic with its machine: loads it, steps it, appends what it says.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "appender.hpp"
#include "moldau/base/loop.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/coordinator/shard_set.hpp"
#include "moldau/partition/partition.hpp"
#include "pace.hpp"

namespace moldau::coordinator {

/// Thread rule: any thread.
class Shard final : public std::enable_shared_from_this<Shard> {
 public:
  using StepFunction = ShardSet::StepFunction;
  struct Services {  // of its set
    const base::Clock& clock;
    base::Executor& helpers;
    const ShardKind& kind;
    base::Loop& home;
  };
  Shard(const Services& services, partition::PartitionPtr partition, std::shared_ptr<Pace> pace);

  /// Reads the log on the helper threads; until that is done, steps are refused.
  void load();
  /// The topic is gone or the process ends: what waits is dropped, later steps are refused.
  void close();

  /// As ShardSet's.
  [[nodiscard]] protocol::ErrorCode run(base::Loop& loop, const StepFunction& step);
  [[nodiscard]] protocol::ErrorCode run_ordered(const StepFunction& step);
  void run_now(const StepFunction& step);
  bool look(const std::function<void(StateMachine&)>& at) const;
  [[nodiscard]] bool is_loading() const;

  /// The batch of that number is durable, or never will be.
  void on_ack(std::uint32_t number, const base::Status& status);

 private:
  /// What the partition holds while it has a batch to acknowledge: not the shard, which holds it.
  class Acks;
  enum class State { loading, serving, failed, closed };
  /// Left for when the lock is released: answers to be run, and those that never will be, whose end may
  /// run code of others too.
  struct Leftovers {
    std::vector<base::Task> due;
    std::vector<base::Task> dropped;
    void settle();
  };

  void read_log(std::uint32_t generation);
  void post_reading(std::uint32_t generation);
  /// none, or why steps are not run now.
  [[nodiscard]] protocol::ErrorCode refusal() const MOLDAU_REQUIRES(mutex_);
  void take_step(const StepFunction& step, Leftovers& leftovers) MOLDAU_REQUIRES(mutex_);
  /// As take_step(), with everything that waits appended.
  void take_step_and_flush(const StepFunction& step, Leftovers& leftovers) MOLDAU_REQUIRES(mutex_);
  void flush_soon(base::Loop& loop) MOLDAU_REQUIRES(mutex_);
  void flush(Leftovers& leftovers) MOLDAU_REQUIRES(mutex_);
  void flush_from_loop();
  void start_anew(const base::Error& reason, Leftovers& leftovers) MOLDAU_REQUIRES(mutex_);
  void arm() MOLDAU_REQUIRES(mutex_);
  /// Runs `task` on the home loop at `when`, if the shard is still there.
  void call_home_at(base::SteadyTime when, base::Function<void(Shard&)> task);
  void on_timer(base::SteadyTime armed_for, base::SteadyTime due);
  const std::shared_ptr<partition::AckTarget>& acks() MOLDAU_REQUIRES(mutex_);

  const Services services_;
  const partition::PartitionPtr partition_;
  const std::shared_ptr<Pace> pace_;  // second owners: the other shards
  mutable base::Mutex mutex_;
  std::shared_ptr<partition::AckTarget> acks_ MOLDAU_GUARDED_BY(mutex_);  // second owner: the partition
  State state_ MOLDAU_GUARDED_BY(mutex_) = State::loading;
  std::uint32_t generation_ MOLDAU_GUARDED_BY(mutex_) = 0;  // +1 with each load
  std::unique_ptr<StateMachine> machine_ MOLDAU_GUARDED_BY(mutex_);  // while it serves
  Appender appender_ MOLDAU_GUARDED_BY(mutex_);
  bool flush_posted_ MOLDAU_GUARDED_BY(mutex_) = false;
  std::optional<base::SteadyTime> armed_for_ MOLDAU_GUARDED_BY(mutex_);
  std::optional<base::SteadyTime> started_anew_ MOLDAU_GUARDED_BY(mutex_);
};

}  // namespace moldau::coordinator
