#include "tests/sim/group_simulation.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "tests/sim/group_simulation_classic_client.hpp"
#include "tests/sim/group_simulation_consumer_client.hpp"

namespace moldau::group::sim {
namespace {

constexpr auto trouble_time = 120s;
constexpr auto quiet_time = 75s;
const std::array<std::string, 3> topic_names{"foo", "bar", "baz"};

/// Whom a group's members are.
enum class Mix { classic_only, consumer_only, both };

class Simulation {
 public:
  Simulation(std::uint64_t seed, std::size_t trace_lines_max)
      : world_(seed, trace_lines_max), checker_(world_), transactions_(world_, checker_) {}

  void run() {
    set_up();
    world_.run_until(world_.host.now().steady + trouble_time);
    calm_down();
    world_.run_until(world_.host.now().steady + quiet_time);
    world_.host.flush();
    checker_.check_quiet();
    transactions_.abort_all();
    checker_.check_nothing_pending();
  }
  [[nodiscard]] const World& world() const { return world_; }
  [[nodiscard]] const Checker& checker() const { return checker_; }

 private:
  /// One application, which may speak the one protocol now and the other after a restart.
  struct Application {
    std::unique_ptr<ClassicClient> classic;
    std::unique_ptr<ConsumerClient> consumer;
    SimClient* now = nullptr;  // the one that runs, or ran last
    Mix mix = Mix::both;
  };

  void set_up() {
    auto& options = world_.host.options;
    options.initial_rebalance_delay = Milliseconds{world_.between(0, 2) * 500};
    options.consumer_session_timeout = 6s;
    options.consumer_assignment_interval = Milliseconds{world_.between(0, 2) * 500};
    for (const auto& name : topic_names) make_topic(name, world_.between(1, 4));
    for (int g = 0; g < 2; ++g) {
      const auto mix = static_cast<Mix>(world_.between(0, 2));
      const bool is_cooperative = world_.chance(50);
      const bool is_transactional = world_.chance(50);
      const auto count = world_.between(2, 4);
      for (int i = 0; i < count; ++i) add_application(g, i, mix, is_cooperative, is_transactional);
    }
    for (auto& application : applications_)
      world_.after(Milliseconds{world_.between(0, 5000)},
                   [this, &application] { start(application); });
    for (auto& producer : alone_) producer = transactions_.start(producer.id);
    checker_.expect_any_order("alone");
    commit_alone();
    trouble();
  }

  void add_application(int group, int number, Mix mix, bool is_cooperative, bool is_transactional) {
    ClientPlan plan;
    plan.group_id = "g" + std::to_string(group);
    plan.name = plan.group_id + static_cast<char>('A' + number);
    if (world_.chance(30)) plan.instance_id = "i-" + plan.name;
    for (const auto& name : topic_names)
      if (name == "foo" || world_.chance(40)) plan.topics.push_back(name);
    std::sort(plan.topics.begin(), plan.topics.end());
    plan.is_cooperative = is_cooperative;
    if (is_transactional && world_.chance(80)) plan.producer = ProducerId{10 * group + number};
    auto& application = applications_.emplace_back();
    application.classic = std::make_unique<ClassicClient>(world_, checker_, transactions_, plan);
    application.consumer = std::make_unique<ConsumerClient>(world_, checker_, transactions_, plan);
    application.mix = mix;
    application.now = application.classic.get();
    checker_.clients.push_back(application.classic.get());
    checker_.clients.push_back(application.consumer.get());
  }

  void start(Application& application) {
    if (application.now->is_alive()) return;
    const bool is_classic =
        application.mix == Mix::classic_only || (application.mix == Mix::both && world_.chance(50));
    application.now = is_classic ? static_cast<SimClient*>(application.classic.get())
                                 : application.consumer.get();
    application.now->start();
  }

  // --- Topics.

  void make_topic(const std::string& name, int partitions) {
    auto& topics = world_.host.topics();
    if (topics.image().find_topic(name) == nullptr) {
      checker_.forget_offsets_of_topic(name);
      topics.make(name, partitions, TopicId::random(world_.host.random()));
    } else {
      topics.make(name, partitions);
    }
    world_.trace(name, " has ", partitions, " partitions");
    tell_topics();
  }
  void remove_topic(const std::string& name) {
    world_.trace(name, " is deleted");
    for (auto& application : applications_) application.now->forget_topic(name);
    checker_.forget_offsets_of_topic(name);
    world_.host.topics().remove(name);
    tell_topics();
  }
  void tell_topics() {
    world_.step([this](Machine& machine, Step& step) {
      machine.on_metadata(step, world_.host.topics().delta());
    });
  }
  void change_topics() {
    const auto& name = topic_names[static_cast<std::size_t>(world_.between(0, 2))];
    const auto* topic = world_.host.topics().image().find_topic(name);
    if (topic == nullptr) {
      make_topic(name, world_.between(1, 4));
    } else if (topic->partitions.size() < 6 && world_.chance(60)) {
      make_topic(name, static_cast<int>(topic->partitions.size()) + 1);
    } else {
      remove_topic(name);
    }
  }

  // --- Trouble.

  void trouble() {
    world_.after(Milliseconds{world_.between(200, 3000)}, [this] {
      if (world_.is_quiet) return;
      const auto which = world_.between(1, 100);
      if (which <= 8) {
        kill_broker();
      } else if (which <= 18) {
        change_topics();
      } else if (which <= 24) {
        administer();
      } else {
        trouble_application(applications_[static_cast<std::size_t>(
            world_.between(0, static_cast<int>(applications_.size()) - 1))]);
      }
      trouble();
    });
  }

  void trouble_application(Application& application) {
    auto& client = *application.now;
    if (!client.is_alive()) return start(application);
    const auto which = world_.between(1, 100);
    if (which <= 40) {
      client.stall(Milliseconds{world_.between(500, 20'000)});
      return;
    }
    which <= 70 ? client.kill() : client.close();
    world_.after(Milliseconds{world_.between(100, 9'000)},
                 [this, &application] { start(application); });
  }

  void kill_broker() {
    const auto kept = static_cast<std::size_t>(
        world_.between(0, static_cast<int>(world_.host.undurable_steps())));
    world_.trace("the broker dies with ", world_.host.undurable_steps(),
                 " steps that are not durable, of which ", kept, " are in the log");
    world_.host.crash(kept);
    checker_.on_crash();
    world_.step([](Machine& machine, Step& step) { machine.finish_loading(step); });
    transactions_.on_crash();
    for (auto& application : applications_) application.now->disconnect();
  }

  void administer() {
    const auto group_id = "g" + std::to_string(world_.between(0, 1));
    if (world_.chance(30)) {
      // What nobody is reading is deleted.
      world_.step([&](Machine& machine, Step& step) {
        if (machine.delete_group(step, group_id).error_code == ErrorCode::none)
          checker_.forget_offsets(group_id);
      });
      return;
    }
    world_.step([](Machine& machine, Step& step) {
      machine.expire_offsets(step, [](std::string_view, PartitionIndex) -> std::optional<Offset> {
        return std::nullopt;
      });
    });
  }

  // --- Commits of no member: an administrator's, and those of producers that name no consumer.

  template <class Request>
  auto& aim(Request& request) {
    request.group_id = "alone";
    request.topics.emplace_back().name = "foo";
    auto& partition = request.topics.back().partitions.emplace_back();
    partition.committed_offset = Offset{world_.between(0, 100)};
    return partition;
  }
  void commit_alone() {
    world_.after(Milliseconds{world_.between(100, 1500)}, [this] {
      if (world_.is_quiet) return;
      auto& producer = alone_[static_cast<std::size_t>(world_.between(0, 1))];
      const auto which = world_.between(1, 10);
      if (which <= 3) {
        protocol::OffsetCommitRequest request;
        aim(request);
        world_.step([&](Machine& machine, Step& step) {
          (void)machine.offset_commit(step, {{}, 8}, request);
        });
      } else if (which <= 7) {
        if (!transactions_.enlist(producer)) producer = transactions_.start(producer.id);
        (void)transactions_.enlist(producer);
        protocol::TxnOffsetCommitRequest request;
        request.producer_id = producer.id;
        request.producer_epoch = producer.epoch;
        aim(request).committed_metadata = checker_.new_mark();
        world_.step([&](Machine& machine, Step& step) {
          checker_.on_txn_commit(request, machine.txn_offset_commit(step, {{}, 2}, request));
        });
      } else {
        (void)transactions_.end(producer, world_.chance(70));
        producer = transactions_.start(producer.id);
      }
      commit_alone();
    });
  }
  void calm_down() {
    world_.become_quiet();
    for (const auto& name : topic_names)
      if (world_.host.topics().image().find_topic(name) == nullptr && world_.chance(50))
        make_topic(name, 2);
    for (auto& application : applications_) {
      application.now->resume();
      // Some stay away, some come back.
      if (!application.now->is_alive() && world_.chance(70)) start(application);
    }
  }

  World world_;
  Checker checker_;
  Transactions transactions_;
  std::deque<Application> applications_;
  std::array<coordinator::Producer, 2> alone_{{{ProducerId{90}, {}}, {ProducerId{91}, {}}}};
};

}  // namespace

Outcome simulate(std::uint64_t seed, std::size_t trace_lines_max) {
  Simulation simulation(seed, trace_lines_max);
  Outcome outcome;
  try {
    simulation.run();
  } catch (const Violation& violation) {
    outcome.violation = violation.what();
  }
  outcome.tally = simulation.checker().tally;
  outcome.trace = simulation.world().lines();
  return outcome;
}

}  // namespace moldau::group::sim
