#include "tests/sim/group_simulation_consumer_client.hpp"

#include <algorithm>

namespace moldau::group::sim {
namespace {

constexpr std::int32_t rebalance_timeout_ms = 8'000;
constexpr std::int32_t leave = -1;
constexpr std::int32_t leave_for_a_while = -2;

}  // namespace

void ConsumerClient::start() {
  begin();
  world_.trace(plan_.name, " starts as a consumer of KIP-848");
  ++lives_;
  member_id_ = plan_.name + "." + std::to_string(lives_);
  version_ = world_.chance(50) ? 10 : 9;
  // "a|b" as an expression is the same as both names.
  regex_.reset();
  if (world_.chance(30)) {
    regex_.emplace();
    for (const auto& topic : plan_.topics) *regex_ += (regex_->empty() ? "" : "|") + topic;
  }
  epoch_ = older_epoch_ = oldest_epoch_ = 0;
  target_.reset();
  says_all_ = true;
  is_reconciling_ = false;
  beat();
}

void ConsumerClient::close() {
  const auto epoch = epoch_;
  kill();
  if (epoch <= 0) return;
  protocol::ConsumerGroupHeartbeatRequest request;
  request.group_id = plan_.group_id;
  request.member_id = member_id_;
  request.instance_id = plan_.instance_id;
  request.member_epoch = plan_.instance_id && world_.chance(70) ? leave_for_a_while : leave;
  world_.after(world_.latency(), [this, request] {
    world_.step([&](Machine& machine, Step& step) {
      (void)machine.consumer_group_heartbeat(step, {{plan_.name, "/h"}, 1}, request);
    });
  });
}

void ConsumerClient::forget_topic(const std::string& topic) {
  SimClient::forget_topic(topic);
  if (target_)
    std::erase_if(*target_, [&](const auto& partition) { return partition.topic == topic; });
}

void ConsumerClient::act() {
  if (world_.mishap(5)) deliver_old_beat();
  if (epoch_ > 0 && fetch_offsets()) return;
  if (epoch_ > 0 && has_just_beaten() && world_.chance(70) && commit()) return;
  beat();
}

void ConsumerClient::on_lost() {
  // What the coordinator knows of it is not known to it: it says everything again.
  says_all_ = true;
  beat();
}

void ConsumerClient::beat() {
  note_beat();
  protocol::ConsumerGroupHeartbeatRequest request;
  request.group_id = plan_.group_id;
  request.member_id = member_id_;
  request.member_epoch = epoch_;
  request.instance_id = plan_.instance_id;
  const bool says_all = says_all_ || epoch_ == 0;
  if (says_all) {
    request.rebalance_timeout_ms = rebalance_timeout_ms;
    if (uses_regex())
      request.subscribed_topic_regex = regex_;
    else
      request.subscribed_topic_names = plan_.topics;
  }
  if (says_all || says_owned_) {
    request.topic_partitions.emplace();
    for (const auto& [partition, position] : held_) {
      const auto* topic = world_.host.topics().image().find_topic(partition.topic);
      if (topic == nullptr) continue;
      auto& list = *request.topic_partitions;
      if (list.empty() || list.back().topic_id != topic->id)
        list.emplace_back().topic_id = topic->id;
      list.back().partitions.push_back(partition.partition);
    }
  }
  world_.trace(plan_.name, " beats in ", epoch_, says_all ? ", says all" : "",
               says_owned_ ? ", says what it owns" : "", ": ", held_.size());
  says_all_ = says_owned_ = false;
  call<Response>(
      [this, request](Machine& machine, Step& step, Answer<Response> answer) {
        auto response = machine.consumer_group_heartbeat(step, {{plan_.name, "/h"}, 1}, request);
        step.effects.answers.emplace_back(
            [this, code = response.error_code, epoch = response.member_epoch, id = member_id_] {
              if (code != ErrorCode::none) return;
              checker_.on_beat(plan_.group_id, id);
              checker_.on_told_epoch(plan_.group_id, epoch);
            });
        step.effects.answer(answer, std::move(response));
      },
      [this](const Response& response) { on_beat(response); });
}

void ConsumerClient::deliver_old_beat() {
  if (epoch_ <= 0 || oldest_epoch_ <= 0) return;
  protocol::ConsumerGroupHeartbeatRequest request;
  request.group_id = plan_.group_id;
  request.member_id = member_id_;
  request.member_epoch = oldest_epoch_;
  request.instance_id = plan_.instance_id;
  request.topic_partitions.emplace();
  world_.step([&](Machine& machine, Step& step) {
    const auto response = machine.consumer_group_heartbeat(step, {{plan_.name, "/h"}, 1}, request);
    if (response.error_code == ErrorCode::none)
      throw Violation("a heartbeat of " + member_id_ + " in its epoch " +
                      std::to_string(oldest_epoch_) + " was taken in " + std::to_string(epoch_));
  });
}

void ConsumerClient::on_beat(const Response& response) {
  world_.trace(plan_.name, " beat: ", protocol::name(response.error_code), " ",
               response.member_epoch, response.assignment ? " with an assignment" : "");
  switch (response.error_code) {
    case ErrorCode::none:
      break;
    case ErrorCode::unknown_member_id:
    case ErrorCode::fenced_member_epoch:
      checker_.on_expelled(*this, response.error_code);
      return rejoin_after(50ms);
    case ErrorCode::group_id_not_found:
      return rejoin_after(500ms);
    case ErrorCode::unreleased_instance_id:
      return rejoin_after(1s);
    case ErrorCode::fenced_instance_id:
      return kill();
    default:
      throw Violation(plan_.name + " is told " + std::string(protocol::name(response.error_code)) +
                      ": " + response.error_message.value_or(""));
  }
  if (response.member_epoch != epoch_) {
    oldest_epoch_ = older_epoch_;
    older_epoch_ = epoch_;
  }
  epoch_ = response.member_epoch;
  if (!response.assignment) return;
  std::set<TopicPartition> target;
  for (const auto& topic : response.assignment->topic_partitions) {
    const auto* image = world_.host.topics().image().find_topic(topic.topic_id);
    if (image == nullptr) continue;
    for (const auto partition : topic.partitions) target.insert({image->name, partition});
  }
  reconcile(std::move(target));
}

void ConsumerClient::rejoin_after(Milliseconds delay) {
  held_.clear();
  target_.reset();
  is_reconciling_ = false;
  epoch_ = older_epoch_ = oldest_epoch_ = 0;
  says_all_ = true;
  is_waiting_ = true;
  soon(delay, [this] {
    is_waiting_ = false;
    beat();
  });
}

void ConsumerClient::reconcile(std::set<TopicPartition> target) {
  target_ = std::move(target);
  if (is_reconciling_) return;
  const bool gives_up =
      std::ranges::any_of(held_, [&](const auto& held) { return !target_->contains(held.first); });
  if (!gives_up) return finish_reconciling();
  // The application's callback takes its time; heartbeats go on meanwhile.
  is_reconciling_ = true;
  give_up_after(Milliseconds{world_.between(0, 1500)}, ++reconciliations_);
}

void ConsumerClient::give_up_after(Milliseconds delay, int reconciliation) {
  world_.after(delay, [this, reconciliation] {
    // Fenced or started anew meanwhile.
    if (!is_alive() || !is_reconciling_ || reconciliation != reconciliations_) return;
    if (is_stalled()) return give_up_after(100ms, reconciliation);
    is_reconciling_ = false;
    finish_reconciling();
  });
}

void ConsumerClient::finish_reconciling() {
  if (!target_) return;
  std::erase_if(held_, [&](const auto& held) { return !target_->contains(held.first); });
  for (const auto& partition : *target_)
    if (world_.host.topics().image().find_topic(partition.topic) != nullptr) take(partition);
  target_.reset();
  says_owned_ = true;
  if (!is_waiting_) beat();
}

void ConsumerClient::on_offset_error(ErrorCode code) {
  // A heartbeat tells what became of it.
  if (code != ErrorCode::stale_member_epoch && code != ErrorCode::unknown_member_id &&
      code != ErrorCode::group_id_not_found && code != ErrorCode::illegal_generation)
    throw Violation(plan_.name + " is told " + std::string(protocol::name(code)));
  if (!is_waiting_) beat();
}

}  // namespace moldau::group::sim
