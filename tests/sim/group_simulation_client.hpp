#pragma once
// What a consumer of either protocol is to the simulation: it holds partitions, reads, commits, and
// may be lost, stalled or killed at any time.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/group_simulation_checker.hpp"
#include "tests/sim/group_simulation_transactions.hpp"
#include "tests/sim/group_simulation_world.hpp"

namespace moldau::group::sim {

/// What a client is before it starts.
struct ClientPlan {
  std::string name;
  std::string group_id;
  std::optional<std::string> instance_id;
  std::vector<std::string> topics;
  bool is_cooperative = false;  // of the classic protocol
  /// It commits in transactions of this producer, as an exactly-once application does.
  std::optional<ProducerId> producer;
};

class SimClient {
 public:
  SimClient(World& world, Checker& checker, Transactions& transactions, ClientPlan plan)
      : world_(world), checker_(checker), transactions_(transactions), plan_(std::move(plan)) {}
  virtual ~SimClient() = default;
  SimClient(const SimClient&) = delete;
  SimClient& operator=(const SimClient&) = delete;

  virtual void start() = 0;
  /// As an application closes its consumer: partitions are given up, then it says so (or not, when
  /// it is static and will come back).
  virtual void close() = 0;
  /// The process is gone; what it sent is still on its way.
  void kill() {
    world_.trace(plan_.name, " dies");
    is_alive_ = false;
    ++ticket_;
    held_.clear();
  }
  /// The process stands still; nothing that it holds is given up.
  void stall(Milliseconds time) {
    world_.trace(plan_.name, " stalls for ", static_cast<std::int64_t>(time.count()), " ms");
    stalled_until_ = world_.host.now().steady + time;
  }
  void resume() { stalled_until_ = world_.host.now().steady; }
  /// The connection is gone, with whatever was on its way back.
  void disconnect() {
    if (!is_alive_ || !is_waiting_) return;
    const auto ticket = ++ticket_;
    when_awake(Milliseconds{world_.between(60, 300)}, ticket, [this] {
      is_waiting_ = false;
      // What became of its transaction is not known to it either.
      if (plan_.producer) start_producer();
      on_lost();
    });
  }
  /// The topic is gone; one that comes later under its name is another.
  virtual void forget_topic(const std::string& topic) {
    std::erase_if(held_, [&](const auto& held) { return held.first.topic == topic; });
  }

  [[nodiscard]] bool is_alive() const { return is_alive_; }
  [[nodiscard]] const ClientPlan& plan() const { return plan_; }
  [[nodiscard]] const std::string& member_id() const { return member_id_; }
  [[nodiscard]] std::int32_t epoch() const { return epoch_; }
  [[nodiscard]] bool holds(const TopicPartition& partition) const {
    return held_.contains(partition);
  }
  /// Where it reads; nullopt: it does not know yet.
  using Held = std::map<TopicPartition, std::optional<std::int64_t>>;
  [[nodiscard]] const Held& held() const { return held_; }

 protected:
  /// The request has no answer and will not get one.
  virtual void on_lost() = 0;
  /// Nothing is under way, and it is time to do something.
  virtual void act() = 0;
  /// The coordinator has heard of all that it gave up.
  [[nodiscard]] virtual bool has_told_what_it_holds() const = 0;
  /// What a commit or a fetch of offsets says of the member; `code` is not none.
  virtual void on_offset_error(ErrorCode code) = 0;
  [[nodiscard]] virtual std::int16_t offset_version() const = 0;

  void begin() {
    is_alive_ = true;
    is_waiting_ = false;
    ++ticket_;
    held_.clear();
    old_commit_ = {};
    is_unstable_ = false;
    stalled_until_ = world_.host.now().steady;
    if (plan_.producer) start_producer();
    tick(++life_);
  }

  [[nodiscard]] bool is_stalled() const { return world_.host.now().steady < stalled_until_; }

  /// Whether it can do something else before its next heartbeat.
  [[nodiscard]] bool has_just_beaten() const { return world_.host.now().steady < beat_at_ + 2s; }
  void note_beat() { beat_at_ = world_.host.now().steady; }

  /// One request at a time, as on a connection of which the broker answers in order.
  template <class Response>
  void call(std::function<void(Machine&, Step&, Answer<Response>)> send,
            std::function<void(const Response&)> on_answer) {
    const auto ticket = ++ticket_;
    is_waiting_ = true;
    const bool loses_request = world_.mishap(1);
    const bool loses_answer = world_.mishap(2);
    auto deliver = [this, ticket, on_answer = std::move(on_answer)](Response response) {
      world_.after(world_.latency(), [this, ticket, on_answer, response = std::move(response)] {
        when_awake(0ms, ticket, [this, on_answer, response] {
          is_waiting_ = false;
          on_answer(response);
        });
      });
    };
    world_.after(world_.latency(), [this, loses_request, loses_answer, send, deliver] {
      if (loses_request) return;
      world_.step([&](Machine& machine, Step& step) {
        send(machine, step,
             loses_answer ? Answer<Response>([](Response) {}) : Answer<Response>(deliver));
      });
    });
    if (loses_request || loses_answer)
      world_.after(Milliseconds{world_.between(200, 2500)}, [this, ticket] {
        if (ticket == ticket_) disconnect();
      });
  }

  /// Runs `then` when the process is awake, unless something else came between.
  void when_awake(Milliseconds delay, std::uint64_t ticket, std::function<void()> then) {
    const auto now = world_.host.now().steady;
    const auto wake = std::max(now + delay, stalled_until_);
    if (wake <= now) {
      if (is_alive_ && ticket == ticket_) then();
      return;
    }
    world_.after(std::chrono::duration_cast<Milliseconds>(wake - now),
                 [this, ticket, then = std::move(then)] { when_awake(0ms, ticket, then); });
  }
  void soon(Milliseconds delay, std::function<void()> then) {
    when_awake(delay, ticket_, std::move(then));
  }

  void take(const TopicPartition& partition) {
    held_.try_emplace(partition);
    checker_.on_taken(*this, partition);
    world_.trace(plan_.name, " has ", partition.topic, "-", partition.partition.value());
  }

  /// Learns where to read what it was given.  False when there is nothing to learn.
  bool fetch_offsets() {
    protocol::OffsetFetchRequest::Group request;
    request.group_id = plan_.group_id;
    if (offset_version() >= 9) {
      request.member_id = member_id_;
      request.member_epoch = epoch_;
    }
    for (const auto& [partition, position] : held_) {
      if (position) continue;
      const auto* topic = world_.host.topics().image().find_topic(partition.topic);
      if (topic == nullptr) continue;
      if (request.topics->empty() || request.topics->back().name != partition.topic) {
        request.topics->emplace_back().name = partition.topic;
        request.topics->back().topic_id = topic->id;
      }
      request.topics->back().partition_indexes.push_back(partition.partition);
    }
    if (request.topics->empty()) return false;
    // Whoever waits for a transaction's end goes on being a member.
    if (is_unstable_ && !has_just_beaten()) return false;
    using Fetched = protocol::OffsetFetchResponse::Group;
    call<Fetched>(
        [this, request, version = offset_version()](Machine& machine, Step& step,
                                                    Answer<Fetched> answer) {
          auto response = machine.offset_fetch(step, {{}, version}, request, true);
          checker_.on_fetched(response);
          step.effects.answer(answer, std::move(response));
        },
        [this](const Fetched& fetched) {
          if (fetched.error_code != ErrorCode::none) return on_offset_error(fetched.error_code);
          is_unstable_ = false;
          for (const auto& topic : fetched.topics)
            for (const auto& partition : topic.partitions) {
              const auto place = held_.find({topic.name, partition.partition_index});
              if (place == held_.end() || place->second) continue;
              if (partition.error_code == ErrorCode::unstable_offset_commit) is_unstable_ = true;
              if (partition.error_code != ErrorCode::none) continue;
              world_.trace(plan_.name, " reads ", topic.name, "-",
                           partition.partition_index.value(), " from ",
                           partition.committed_offset.value());
              place->second = std::max<std::int64_t>(partition.committed_offset.value(), 0);
            }
        });
    return true;
  }

  /// Commits a little more of what it holds, or ends its transaction.  False when it reads nothing
  /// yet.
  bool commit() {
    if (is_in_transaction_) return end_transaction();
    if (plan_.producer) return commit_in_transaction();
    const auto request = plain_commit();
    if (request.topics.empty()) return false;
    keep_old_commit(request);
    using Committed = protocol::OffsetCommitResponse;
    call<Committed>(
        [this, request, version = offset_version()](Machine& machine, Step& step,
                                                    Answer<Committed> answer) {
          auto response = machine.offset_commit(step, {{}, version}, request);
          checker_.on_commit(request, response);
          // Told to the checker when it is durable, whether or not the client hears of it.
          step.effects.answers.emplace_back(
              [this, request, response] { checker_.on_committed(request, response); });
          step.effects.answer(answer, std::move(response));
        },
        [this](const Committed& response) {
          if (const auto code = refusal_in(response); code != ErrorCode::none)
            on_offset_error(code);
        });
    return true;
  }

  /// A commit that was long on its way: what the member has given up since then is not its to
  /// commit.
  void deliver_old_commit() {
    if (!has_told_what_it_holds() || old_commit_.topics.empty() ||
        old_commit_.member_id != member_id_ || old_commit_.generation_id_or_member_epoch >= epoch_)
      return;
    for (const auto& topic : old_commit_.topics)
      for (const auto& partition : topic.partitions)
        if (holds({topic.name, partition.partition_index})) return;
    world_.trace(plan_.name, " sends an old commit");
    world_.step([this](Machine& machine, Step& step) {
      const auto expect_refused = [this](const auto& response) {
        for (const auto& topic : response.topics)
          for (const auto& partition : topic.partitions)
            if (partition.error_code == ErrorCode::none)
              throw Violation("a commit of " + member_id_ + " in its epoch " +
                              std::to_string(old_commit_.generation_id_or_member_epoch) +
                              ", for what it gave up since then, was taken");
      };
      if (plan_.producer)
        expect_refused(machine.txn_offset_commit(step, {{}, txn_version()}, in_transaction(old_commit_)));
      else
        expect_refused(machine.offset_commit(step, {{}, old_commit_version_}, old_commit_));
    });
    old_commit_ = {};
  }

  World& world_;
  Checker& checker_;
  Transactions& transactions_;
  const ClientPlan plan_;
  std::string member_id_;
  std::int32_t epoch_ = 0;  // or generation
  Held held_;
  bool is_waiting_ = false;

 private:
  void tick(std::uint64_t life) {
    if (!is_alive_ || life != life_) return;
    if (!is_waiting_ && !is_stalled()) {
      if (world_.mishap(20)) deliver_old_commit();
      act();
    }
    world_.after(Milliseconds{world_.between(700, 1300)}, [this, life] { tick(life); });
  }

  protocol::OffsetCommitRequest plain_commit() {
    protocol::OffsetCommitRequest request;
    request.group_id = plan_.group_id;
    request.member_id = member_id_;
    request.group_instance_id = plan_.instance_id;
    request.generation_id_or_member_epoch = epoch_;
    for (auto& [partition, position] : held_) {
      if (!position || !world_.chance(70)) continue;
      *position += world_.between(0, 5);
      const auto* topic = world_.host.topics().image().find_topic(partition.topic);
      if (topic == nullptr) continue;
      if (request.topics.empty() || request.topics.back().name != partition.topic) {
        request.topics.emplace_back().name = partition.topic;
        request.topics.back().topic_id = topic->id;
      }
      auto& committed = request.topics.back().partitions.emplace_back();
      committed.partition_index = partition.partition;
      committed.committed_offset = Offset{*position};
      world_.trace(plan_.name, " commits ", partition.topic, "-", partition.partition.value(), "=",
                   *position, " in ", epoch_);
    }
    return request;
  }
  void keep_old_commit(const protocol::OffsetCommitRequest& request) {
    if (!old_commit_.topics.empty() && !world_.chance(20)) return;
    old_commit_ = request;
    old_commit_version_ = offset_version();
  }
  /// What a commit's answer says of the member.
  template <class Response>
  static ErrorCode refusal_in(const Response& response) {
    for (const auto& topic : response.topics)
      for (const auto& partition : topic.partitions)
        if (const auto code = partition.error_code;
            code != ErrorCode::none && code != ErrorCode::unknown_topic_or_partition &&
            code != ErrorCode::unknown_topic_id)
          return code;
    return ErrorCode::none;
  }

  // --- Transactions.

  [[nodiscard]] std::int16_t txn_version() const { return offset_version() >= 10 ? 6 : 5; }
  [[nodiscard]] protocol::TxnOffsetCommitRequest in_transaction(
      const protocol::OffsetCommitRequest& plain) const {
    protocol::TxnOffsetCommitRequest request;
    request.group_id = plain.group_id;
    request.member_id = plain.member_id;
    request.group_instance_id = plain.group_instance_id;
    request.generation_id = plain.generation_id_or_member_epoch;
    request.producer_id = producer_.id;
    request.producer_epoch = producer_.epoch;
    for (const auto& topic : plain.topics) {
      auto& copied = request.topics.emplace_back();
      copied.name = topic.name;
      copied.topic_id = topic.topic_id;
      for (const auto& partition : topic.partitions) {
        auto& committed = copied.partitions.emplace_back();
        committed.partition_index = partition.partition_index;
        committed.committed_offset = partition.committed_offset;
        committed.committed_metadata = checker_.new_mark();
      }
    }
    return request;
  }
  /// Fences what it was before, whose transaction is aborted.
  void start_producer() {
    producer_ = transactions_.start(*plan_.producer);
    rewind();
  }
  /// It reads again from what counts.
  void rewind() {
    is_in_transaction_ = false;
    for (auto& [partition, position] : held_) position.reset();
  }

  bool commit_in_transaction() {
    const auto plain = plain_commit();
    if (plain.topics.empty()) return false;
    keep_old_commit(plain);
    using Committed = protocol::TxnOffsetCommitResponse;
    call<Committed>(
        [this, request = in_transaction(plain), version = txn_version()](
            Machine& machine, Step& step, Answer<Committed> answer) {
          const Caller caller{{}, version};
          if (!transactions_.enlist({request.producer_id, request.producer_epoch}))
            return step.effects.answer(answer,
                                       Machine::refuse(step.image, caller, request,
                                                       ErrorCode::invalid_producer_epoch));
          auto response = machine.txn_offset_commit(step, caller, request);
          checker_.on_txn_commit(request, response);
          step.effects.answer(answer, std::move(response));
        },
        [this](const Committed& response) {
          is_in_transaction_ = true;
          const auto code = refusal_in(response);
          if (code == ErrorCode::none) return;
          start_producer();
          if (code != ErrorCode::invalid_producer_epoch) on_offset_error(code);
        });
    return true;
  }

  bool end_transaction() {
    const auto ticket = ++ticket_;
    is_waiting_ = true;
    const bool is_commit = world_.chance(75);
    world_.after(world_.latency(), [this, ticket, is_commit, producer = producer_] {
      const bool has_ended = transactions_.end(producer, is_commit);
      world_.after(world_.latency(), [this, ticket, is_commit, has_ended] {
        when_awake(0ms, ticket, [this, is_commit, has_ended] {
          is_waiting_ = false;
          is_in_transaction_ = false;
          // The answer tells it the epoch of its next transaction.
          if (has_ended)
            producer_.epoch =
                ProducerEpoch{static_cast<std::int16_t>(producer_.epoch.value() + 1)};
          else
            start_producer();
          if (!is_commit) rewind();
        });
      });
    });
    return true;
  }

  coordinator::Producer producer_;
  bool is_in_transaction_ = false;
  bool is_unstable_ = false;  // the last answer to where it may read
  protocol::OffsetCommitRequest old_commit_;
  std::int16_t old_commit_version_ = 0;
  bool is_alive_ = false;
  std::uint64_t life_ = 0;
  std::uint64_t ticket_ = 0;
  base::SteadyTime stalled_until_{};
  base::SteadyTime beat_at_{};
};

}  // namespace moldau::group::sim
