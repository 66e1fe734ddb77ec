#include "moldau/txn/coordinator.hpp"

#include <algorithm>
#include <utility>

#include "moldau/base/log.hpp"
#include "moldau/metadata/features.hpp"

namespace moldau::txn {

using base::MutexLock;
using coordinator::StateMachine;
using coordinator::Turn;
using protocol::ErrorCode;

namespace {

void tell(const TimedOut& transaction) {
  log::warn("txn.timed_out",
            "the transaction of {} (producer {} epoch {}, client {} at {}) was open for {} ms, which is "
            "more than its timeout, and is aborted: readers of committed records waited for it",
            log::client(transaction.transactional_id), transaction.producer.id.value(),
            transaction.producer.epoch.value(),
            transaction.client_id.empty() ? "not known" : log::client(transaction.client_id),
            transaction.host.empty() ? "an address not known" : transaction.host,
            transaction.open_ms);
}

}  // namespace

/// The machine of one shard, with what its steps are given and what becomes of its markers.
class Coordinator::HostedMachine final : public StateMachine {
 public:
  explicit HostedMachine(const Coordinator& coordinator)
      : environment_(coordinator.environment_),
        coordinator_(coordinator),
        options_(coordinator.options()) {}

  base::Status apply(const record::Record& record,
                     const std::optional<coordinator::Producer>&) override {
    MOLDAU_ASSIGN(const auto decoded, decode(*record.key, record.value));
    machine_.apply(decoded);
    return {};
  }
  void end_transaction(ProducerId, bool) override {}  // nobody writes to this topic in transactions
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
    auto orders = step(turn, function);
    while (!orders.empty()) {
      if (!turn.flush()) return;
      orders = write(turn, orders);
      // With what completes them behind the markers, one sync makes all of it durable.
      if (!turn.flush()) return;
    }
  }
  void set_options(std::shared_ptr<const TransactionOptions> options) {
    options_ = std::move(options);
  }
  [[nodiscard]] const Machine& machine() const { return machine_; }

  static HostedMachine& of(StateMachine& machine) { return static_cast<HostedMachine&>(machine); }
  /// As a step of the shard.
  static coordinator::ShardSet::StepFunction step_of(const StepFunction& function) {
    return [&function](StateMachine& machine, Turn& turn) { of(machine).run(turn, function); };
  }

 private:
  /// What is to be written when the step's records are in the lane.
  std::vector<MarkerOrder> step(Turn& turn, const StepFunction& function) {
    const auto image = environment_.metadata.image();
    Effects effects;
    Step step{.now = turn.now(),
              .options = *options_,
              .transaction_version = image->feature_level(metadata::transaction_version),
              .coordinator_epoch = turn.coordinator_epoch(),
              .new_producer_id = environment_.new_producer_id,
              .deadlines = machine_.deadlines(),
              .effects = effects};
    function(machine_, step);
    for (const auto& transaction : effects.timed_out) tell(transaction);
    auto orders = std::move(effects.markers);
    turn.take(std::move(effects), encode);
    return orders;
  }
  std::vector<MarkerOrder> write(Turn& turn, const std::vector<MarkerOrder>& orders) {
    std::vector<MarkerOrder> more;
    for (const auto& order : orders) {
      const auto outcome = environment_.markers.write(order);
      auto next = step(turn, [&](Machine& machine, Step& step) {
        machine.markers_written(step, outcome);
      });
      std::move(next.begin(), next.end(), std::back_inserter(more));
    }
    return more;
  }

  const Environment& environment_;
  const Coordinator& coordinator_;
  std::shared_ptr<const TransactionOptions> options_;
  Machine machine_;
};

Coordinator::Coordinator(Environment environment)
    : environment_(std::move(environment)),
      options_(std::make_shared<const TransactionOptions>(
          TransactionOptions::from(environment_.static_config))),
      shards_({environment_.partitions, environment_.clock, environment_.helpers, environment_.loops},
              {transaction_topic, "txn", "transactions",
               [this] { return std::make_unique<HostedMachine>(*this); }}) {
  shards_.every(options()->id_sweep_interval, [this] {
    bool is_more = false;
    shards_.run_now_on_all(HostedMachine::step_of(
        [&](Machine& machine, Step& step) { is_more |= machine.expire_ids(step); }));
    return is_more;
  });
}

Coordinator::~Coordinator() = default;

std::shared_ptr<const TransactionOptions> Coordinator::options() const {
  MutexLock lock(mutex_);
  return options_;
}

ErrorCode Coordinator::run(std::string_view transactional_id, base::Loop& loop,
                           const StepFunction& step) {
  return shards_.run(transactional_id, loop, HostedMachine::step_of(step));
}

ErrorCode Coordinator::run_ordered(std::string_view transactional_id, const StepFunction& step) {
  return shards_.run_ordered(transactional_id, HostedMachine::step_of(step));
}

Coordinator::AllShards Coordinator::run_on_all(base::Loop& loop, const StepFunction& step) {
  return shards_.run_on_all(loop, HostedMachine::step_of(step));
}

partition::TransactionOwners Coordinator::find_owners(std::vector<ProducerId> producers) const {
  std::ranges::sort(producers);
  partition::TransactionOwners found;
  found.is_complete = shards_.look([&](StateMachine& hosted) {
    HostedMachine::of(hosted).machine().find_owners(producers, found);
  });
  return found;
}

Coordinator::Totals Coordinator::totals() const {
  Totals totals;
  shards_.look([&](StateMachine& hosted) {
    const auto& machine = HostedMachine::of(hosted).machine();
    totals.ids += machine.size();
    totals.ongoing += machine.ongoing();
  });
  totals.loading = shards_.loading();
  return totals;
}

void Coordinator::on_metadata(const std::shared_ptr<const metadata::MetadataImage>&,
                              const std::shared_ptr<const metadata::MetadataImage>& after,
                              const metadata::MetadataDelta& delta) {
  if (!delta.configs.empty()) {
    const auto options = std::make_shared<const TransactionOptions>(TransactionOptions::from(
        environment_.static_config.with_dynamic(*after, environment_.self)));
    {
      MutexLock lock(mutex_);
      options_ = options;
    }
    shards_.run_now_on_all(
        [&](StateMachine& machine, Turn&) { HostedMachine::of(machine).set_options(options); });
  }
  shards_.follow(*after, delta);
}

}  // namespace moldau::txn
