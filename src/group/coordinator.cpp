#include "moldau/group/coordinator.hpp"

#include <optional>
#include <utility>

namespace moldau::group {

using base::MutexLock;
using coordinator::StateMachine;
using coordinator::Turn;
using protocol::ErrorCode;

/// The machine of one shard, with what its steps are given.
class Coordinator::HostedMachine final : public StateMachine {
 public:
  explicit HostedMachine(const Coordinator& coordinator)
      : environment_(coordinator.environment_),
        coordinator_(coordinator),
        options_(coordinator.options()) {}

  base::Status apply(const record::Record& record,
                     const std::optional<coordinator::Producer>& producer) override {
    MOLDAU_ASSIGN(const auto decoded, decode(*record.key, record.value));
    producer ? machine_.apply_pending(*producer, decoded) : machine_.apply(decoded);
    return {};
  }
  void end_transaction(ProducerId producer, bool commit) override {
    machine_.end_transaction(producer, commit);
  }
  void finish_loading(Turn& turn) override {
    options_ = coordinator_.options();  // they may have changed since
    run(turn, [](Machine& machine, Step& step) { machine.finish_loading(step); });
  }
  void expire(Turn& turn) override {
    run(turn, [](Machine& machine, Step& step) { machine.expire(step, step.now.steady); });
  }
  std::optional<base::SteadyTime> next_deadline() override { return machine_.deadlines().next(); }
  void postpone(base::SteadyTime::duration by) override { machine_.deadlines().postpone(by); }

  void run(Turn& turn, const StepFunction& function) {
    const auto image = environment_.metadata.image();
    Effects effects;
    Step step{turn.now(), *image, *options_, environment_.random, machine_.deadlines(), effects};
    function(machine_, step);
    turn.take(std::move(effects), encode);
  }
  void set_options(std::shared_ptr<const GroupOptions> options) { options_ = std::move(options); }
  [[nodiscard]] const Machine& machine() const { return machine_; }

  static HostedMachine& of(StateMachine& machine) { return static_cast<HostedMachine&>(machine); }
  /// As a step of the shard.
  static coordinator::ShardSet::StepFunction step_of(const StepFunction& function) {
    return [&function](StateMachine& machine, Turn& turn) { of(machine).run(turn, function); };
  }

 private:
  const Environment& environment_;
  const Coordinator& coordinator_;
  std::shared_ptr<const GroupOptions> options_;
  Machine machine_;
};

Coordinator::Coordinator(Environment environment)
    : environment_(std::move(environment)),
      options_(std::make_shared<const GroupOptions>(
          GroupOptions::from(environment_.static_config, environment_.retention_policy))),
      shards_({environment_.partitions, environment_.clock, environment_.helpers, environment_.loops},
              {offsets_topic, "group", "groups",
               [this] { return std::make_unique<HostedMachine>(*this); }}) {
  shards_.every(base::Milliseconds{environment_.static_config.integer(
                    "offsets.retention.check.interval.ms")},
                [this] {
                  expire_offsets();
                  return false;
                });
}

Coordinator::~Coordinator() = default;

std::shared_ptr<const GroupOptions> Coordinator::options() const {
  MutexLock lock(mutex_);
  return options_;
}

ErrorCode Coordinator::run(std::string_view group_id, base::Loop& loop, const StepFunction& step) {
  return shards_.run(group_id, loop, HostedMachine::step_of(step));
}

Coordinator::AllShards Coordinator::run_on_all(base::Loop& loop, const StepFunction& step) {
  return shards_.run_on_all(loop, HostedMachine::step_of(step));
}

Coordinator::MarkerWritten Coordinator::write_marker(PartitionIndex partition,
                                                     const coordinator::Marker& marker,
                                                     base::Task when_durable) {
  MarkerWritten outcome;
  outcome.refused = shards_.run_ordered(partition, [&](StateMachine& machine, Turn& turn) {
    outcome.appended = turn.append(marker);
    if (!outcome.appended) return;
    machine.end_transaction(marker.producer.id, marker.commit);
    coordinator::Effects<Record> effects;
    if (when_durable) effects.answers.push_back(std::move(when_durable));
    turn.take(std::move(effects), encode);
  });
  return outcome;
}

std::optional<PartitionIndex> Coordinator::partition_of(std::string_view group_id) const {
  return shards_.partition_of(group_id);
}

Coordinator::Totals Coordinator::totals() const {
  Totals totals;
  shards_.look([&](StateMachine& hosted) {
    const auto& machine = HostedMachine::of(hosted).machine();
    totals.groups += machine.group_count();
    totals.offsets += machine.offset_count();
    totals.pending_offsets += machine.pending_offset_count();
  });
  totals.loading = shards_.loading();
  return totals;
}

void Coordinator::on_metadata(const std::shared_ptr<const metadata::MetadataImage>&,
                              const std::shared_ptr<const metadata::MetadataImage>& after,
                              const metadata::MetadataDelta& delta) {
  if (!delta.configs.empty()) {
    const auto options = std::make_shared<const GroupOptions>(
        GroupOptions::from(environment_.static_config.with_dynamic(*after, environment_.self),
                           environment_.retention_policy));
    {
      MutexLock lock(mutex_);
      options_ = options;
    }
    shards_.run_now_on_all(
        [&](StateMachine& machine, Turn&) { HostedMachine::of(machine).set_options(options); });
  }
  if (shards_.follow(*after, delta) || delta.topics.empty()) return;
  shards_.run_now_on_all(HostedMachine::step_of(
      [&](Machine& machine, Step& step) { machine.on_metadata(step, delta); }));
}

void Coordinator::expire_offsets() {
  const EndOffset end_offset = [this](std::string_view topic,
                                      PartitionIndex partition) -> std::optional<Offset> {
    const auto found = environment_.partitions.find(topic, partition);
    if (found == nullptr) return std::nullopt;
    return found->high_watermark();
  };
  shards_.run_now_on_all(HostedMachine::step_of(
      [&](Machine& machine, Step& step) { machine.expire_offsets(step, end_offset); }));
}

}  // namespace moldau::group
