#pragma once
// One partition of __consumer_offsets with its machine: loads it, steps it, appends what it says.

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "moldau/base/loop.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/group/coordinator.hpp"
#include "moldau/group/machine.hpp"
#include "moldau/partition/partition.hpp"
#include "pace.hpp"

namespace moldau::group {

/// Thread rule: any thread.
class Shard final : public std::enable_shared_from_this<Shard> {
 public:
  Shard(const Coordinator::Environment& environment, partition::PartitionPtr partition,
        base::Loop& home, std::shared_ptr<Pace> pace);

  /// Reads the log on the helper threads; until that is done, steps are refused.
  void load();
  /// The topic is gone or the process ends: what waits is dropped, later steps are refused.
  void close();

  /// As Coordinator::run.
  [[nodiscard]] protocol::ErrorCode run(base::Loop& loop, const Coordinator::StepFunction& step);
  /// As run(), for steps that nobody asked for: their records are appended at once.
  void run_now(const Coordinator::StepFunction& step);
  void set_options(std::shared_ptr<const GroupOptions> options);
  void add_to(Coordinator::Totals& totals) const;
  [[nodiscard]] base::Loop& home() { return home_; }

  /// The batch of that number is durable, or never will be.
  void on_ack(std::uint32_t number, const base::Status& status);

 private:
  /// What the partition holds while it has a batch to acknowledge: not the shard, which holds it.
  class Acks;
  enum class State { loading, serving, failed, closed };
  /// Appended, and not yet durable.
  struct InFlight {
    std::uint32_t number = 0;
    std::vector<base::Task> answers;
  };

  void read_log(std::uint32_t generation);
  void post_reading(std::uint32_t generation);
  /// Takes a step, and hands back what may be answered at once.
  std::vector<base::Task> take_step(const Coordinator::StepFunction& step) MOLDAU_REQUIRES(mutex_);
  /// As take_step(), with everything that waits appended.
  std::vector<base::Task> take_step_and_flush(const Coordinator::StepFunction& step)
      MOLDAU_REQUIRES(mutex_);
  std::vector<base::Task> file(Effects effects) MOLDAU_REQUIRES(mutex_);
  void flush_soon(base::Loop& loop) MOLDAU_REQUIRES(mutex_);
  std::vector<base::Task> flush() MOLDAU_REQUIRES(mutex_);
  void flush_from_loop();
  void start_anew(const base::Error& reason) MOLDAU_REQUIRES(mutex_);
  void drop_waiting() MOLDAU_REQUIRES(mutex_);
  void arm() MOLDAU_REQUIRES(mutex_);
  /// Runs `task` on the home loop at `when`, if the shard is still there.
  void call_home_at(base::SteadyTime when, base::Function<void(Shard&)> task);
  void on_timer(base::SteadyTime armed_for, base::SteadyTime due);
  [[nodiscard]] Now now() const;

  const Coordinator::Environment& environment_;
  const partition::PartitionPtr partition_;
  base::Loop& home_;
  std::shared_ptr<Acks> acks_ MOLDAU_GUARDED_BY(mutex_);  // second owner: the partition
  const std::shared_ptr<Pace> pace_;  // second owners: the other shards
  mutable base::Mutex mutex_;
  State state_ MOLDAU_GUARDED_BY(mutex_) = State::loading;
  std::uint32_t generation_ MOLDAU_GUARDED_BY(mutex_) = 0;  // +1 with each load
  std::shared_ptr<const GroupOptions> options_ MOLDAU_GUARDED_BY(mutex_);
  std::unique_ptr<Machine> machine_ MOLDAU_GUARDED_BY(mutex_);
  // Of this tick: records that wait for their append, and the answers that wait for them.
  std::vector<Record> open_records_ MOLDAU_GUARDED_BY(mutex_);
  std::vector<base::Task> open_answers_ MOLDAU_GUARDED_BY(mutex_);
  bool flush_posted_ MOLDAU_GUARDED_BY(mutex_) = false;
  // In the order of their offsets; the front is acknowledged first.
  std::deque<InFlight> in_flight_ MOLDAU_GUARDED_BY(mutex_);
  std::uint32_t last_number_ MOLDAU_GUARDED_BY(mutex_) = 0;
  std::optional<base::SteadyTime> armed_for_ MOLDAU_GUARDED_BY(mutex_);
  std::optional<base::SteadyTime> started_anew_ MOLDAU_GUARDED_BY(mutex_);
};

}  // namespace moldau::group
