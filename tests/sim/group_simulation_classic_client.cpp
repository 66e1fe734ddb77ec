#include "tests/sim/group_simulation_classic_client.hpp"

#include <algorithm>
#include <set>

#include "moldau/group/consumer_protocol.hpp"

namespace moldau::group::sim {
namespace {

constexpr std::int32_t session_timeout_ms = 6'000;
constexpr std::int32_t rebalance_timeout_ms = 8'000;

std::vector<NamedTopicPartitions> by_topic(const std::set<TopicPartition>& partitions) {
  std::vector<NamedTopicPartitions> list;
  for (const auto& [topic, index] : partitions) {
    if (list.empty() || list.back().topic != topic) list.push_back({topic, {}});
    list.back().partitions.push_back(index.value());
  }
  return list;
}

}  // namespace

std::string ClassicClient::protocol_name() const {
  return plan_.is_cooperative ? "cooperative-sticky" : "range";
}

void ClassicClient::start() {
  begin();
  world_.trace(plan_.name, " starts as a classic consumer");
  member_id_.clear();
  epoch_ = -1;
  is_leader_ = false;
  join();
}

void ClassicClient::close() {
  const auto member_id = member_id_;
  kill();
  // A static member comes back: it says nothing.
  if (plan_.instance_id || member_id.empty()) return;
  protocol::LeaveGroupRequest request;
  request.group_id = plan_.group_id;
  request.members.emplace_back().member_id = member_id;
  world_.after(world_.latency(), [this, request] {
    world_.step([&](Machine& machine, Step& step) {
      (void)machine.leave_group(step, {{plan_.name, "/h"}, 5}, request);
    });
  });
}

void ClassicClient::act() {
  if (state_ != State::stable) return;
  if (is_leader_ && assigned_topics_ != topics_now()) {
    world_.trace(plan_.name, " sees other topics");
    return join();
  }
  if (fetch_offsets()) return;
  if (has_just_beaten() && world_.chance(70) && commit()) return;
  heartbeat();
}

void ClassicClient::on_lost() {
  state_ == State::stable ? heartbeat() : join();
}

// --- Joining.

void ClassicClient::join() {
  state_ = State::joining;
  if (!plan_.is_cooperative) held_.clear();
  claimed_.clear();
  for (const auto& [partition, position] : held_) claimed_.insert(partition);
  const ConsumerSubscription subscription{plan_.topics, {}, by_topic(claimed_), epoch_, {}};
  protocol::JoinGroupRequest request;
  request.group_id = plan_.group_id;
  request.member_id = member_id_;
  request.group_instance_id = plan_.instance_id;
  request.session_timeout_ms = session_timeout_ms;
  request.rebalance_timeout_ms = rebalance_timeout_ms;
  request.protocol_type = consumer_protocol_type;
  request.protocols.push_back({protocol_name(), encode_subscription(subscription, 3)});
  using Response = protocol::JoinGroupResponse;
  call<Response>(
      [this, request](Machine& machine, Step& step, Answer<Response> answer) {
        machine.join_group(step, {{plan_.name, "/h"}, 9}, request,
                           [this, answer = std::move(answer)](Response response) mutable {
                             if (response.error_code == ErrorCode::none)
                               checker_.on_joined(plan_.group_id, response);
                             answer(std::move(response));
                           });
      },
      [this](const Response& response) { on_join(response); });
}

void ClassicClient::join_after(Milliseconds delay) {
  state_ = State::joining;
  is_waiting_ = true;
  soon(delay, [this] {
    is_waiting_ = false;
    join();
  });
}

void ClassicClient::on_join(const protocol::JoinGroupResponse& response) {
  world_.trace(plan_.name, " joined: ", protocol::name(response.error_code), " ",
               response.generation_id, " as ", response.member_id);
  if (response.error_code == ErrorCode::member_id_required) {
    member_id_ = response.member_id;
    return join();
  }
  if (response.error_code != ErrorCode::none) return on_member_error(response.error_code);
  member_id_ = response.member_id;
  epoch_ = response.generation_id;
  is_leader_ = response.leader == member_id_;
  state_ = State::syncing;
  if (!is_leader_) return sync({});
  auto assignments = assign(response.members);
  assigned_topics_ = topics_now();
  if (!response.skip_assignment) return sync(std::move(assignments));
  // A leader that comes back finds its assignment done, but not from when: it looks again.
  assigned_topics_.clear();
  sync({});
}

void ClassicClient::sync(Assignments assignments) {
  protocol::SyncGroupRequest request;
  request.group_id = plan_.group_id;
  request.member_id = member_id_;
  request.group_instance_id = plan_.instance_id;
  request.generation_id = epoch_;
  request.protocol_type = consumer_protocol_type;
  request.protocol_name = protocol_name();
  request.assignments = std::move(assignments);
  using Response = protocol::SyncGroupResponse;
  call<Response>(
      [this, request](Machine& machine, Step& step, Answer<Response> answer) {
        machine.sync_group(step, {{plan_.name, "/h"}, 5}, request, std::move(answer));
      },
      [this](const Response& response) { on_sync(response); });
}

void ClassicClient::on_sync(const protocol::SyncGroupResponse& response) {
  world_.trace(plan_.name, " synced: ", protocol::name(response.error_code));
  if (response.error_code == ErrorCode::rebalance_in_progress) return join();
  if (response.error_code != ErrorCode::none) return on_member_error(response.error_code);
  state_ = State::stable;
  std::set<TopicPartition> assigned;
  if (!response.assignment.empty()) {
    const auto assignment = decode_assignment(base::ByteView(response.assignment));
    if (!assignment) throw Violation("an assignment that cannot be read");
    for (const auto& [topic, indexes] : assignment->partitions)
      for (const auto index : indexes)
        // Topics that are gone meanwhile are nobody's.
        if (world_.host.topics().image().find_topic(topic) != nullptr)
          assigned.insert({topic, PartitionIndex{index}});
  }
  const auto is_kept = [&](const auto& partition) { return assigned.contains(partition); };
  std::erase_if(held_, [&](const auto& held) { return !is_kept(held.first); });
  for (const auto& partition : assigned) take(partition);
  // What it gave up can be given to others in a generation that begins with its joining.
  if (!std::ranges::all_of(claimed_, is_kept)) join();
}

void ClassicClient::heartbeat() {
  note_beat();
  protocol::HeartbeatRequest request;
  request.group_id = plan_.group_id;
  request.member_id = member_id_;
  request.group_instance_id = plan_.instance_id;
  request.generation_id = epoch_;
  using Response = protocol::HeartbeatResponse;
  call<Response>(
      [this, request](Machine& machine, Step& step, Answer<Response> answer) {
        step.effects.answer(answer, machine.heartbeat(step, {{plan_.name, "/h"}, 4}, request));
      },
      [this](const Response& response) {
        if (response.error_code == ErrorCode::rebalance_in_progress) return join();
        if (response.error_code != ErrorCode::none) on_member_error(response.error_code);
      });
}

void ClassicClient::on_offset_error(ErrorCode code) {
  if (code == ErrorCode::rebalance_in_progress) return join();
  on_member_error(code);
}

void ClassicClient::on_member_error(ErrorCode code) {
  switch (code) {
    case ErrorCode::unknown_member_id:
      if (!member_id_.empty()) checker_.on_expelled(*this, code);
      member_id_.clear();
      break;
    case ErrorCode::illegal_generation:
      checker_.on_expelled(*this, code);
      break;
    case ErrorCode::fenced_instance_id:
      return kill();
    case ErrorCode::rebalance_in_progress:
      return join_after(100ms);  // what it holds it keeps
    case ErrorCode::inconsistent_group_protocol:
      held_.clear();
      return join_after(1s);
    default:
      throw Violation(plan_.name + " is told " + std::string(protocol::name(code)));
  }
  held_.clear();
  epoch_ = -1;
  join_after(100ms);
}

// --- Leading.

std::map<std::string, std::string> ClassicClient::topics_now() const {
  std::map<std::string, std::string> topics;
  for (const auto& name : watched_topics_)
    if (const auto* topic = world_.host.topics().image().find_topic(name))
      topics[name] = topic->id.to_string() + std::to_string(topic->partitions.size());
  return topics;
}

ClassicClient::Assignments ClassicClient::assign(
    const std::vector<protocol::JoinGroupResponse::Member>& members) {
  struct Wish {
    ConsumerSubscription subscription;
    std::set<TopicPartition> given;
  };
  std::map<std::string, Wish> wishes;
  auto& topics = watched_topics_;
  topics.clear();
  for (const auto& member : members) {
    auto subscription = decode_subscription(base::ByteView(member.metadata));
    if (!subscription) throw Violation("a subscription that cannot be read");
    topics.insert(subscription->topics.begin(), subscription->topics.end());
    wishes[member.member_id] = {std::move(*subscription), {}};
  }
  // Who owns what, by the newest generation that says so; what two claim is nobody's.
  std::map<TopicPartition, std::pair<std::int32_t, std::string>> owners;
  for (const auto& [id, wish] : wishes)
    for (const auto& [topic, indexes] : wish.subscription.owned_partitions)
      for (const auto index : indexes) {
        auto& [generation, owner] =
            owners.try_emplace({topic, PartitionIndex{index}}, -2, "").first->second;
        if (wish.subscription.generation > generation) {
          generation = wish.subscription.generation;
          owner = id;
        } else if (wish.subscription.generation == generation) {
          owner.clear();
        }
      }
  // Each partition to whoever subscribes and has least; a cooperative owner keeps its fair share.
  for (const auto& name : topics) {
    const auto* topic = world_.host.topics().image().find_topic(name);
    if (topic == nullptr) continue;
    std::vector<Wish*> takers;
    std::vector<std::string> ids;
    for (auto& [id, wish] : wishes)
      if (std::ranges::find(wish.subscription.topics, name) != wish.subscription.topics.end()) {
        takers.push_back(&wish);
        ids.push_back(id);
      }
    const auto share = (topic->partitions.size() + takers.size() - 1) / takers.size();
    std::vector<std::size_t> counts(takers.size());
    std::vector<PartitionIndex> others;
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      const PartitionIndex index{static_cast<std::int32_t>(i)};
      const auto owner = owners.find({name, index});
      const auto place =
          owner == owners.end() ? ids.end() : std::ranges::find(ids, owner->second.second);
      const auto taker = static_cast<std::size_t>(place - ids.begin());
      if (plan_.is_cooperative && place != ids.end() && counts[taker] < share) {
        takers[taker]->given.insert({name, index});
        ++counts[taker];
      } else {
        others.push_back(index);
      }
    }
    for (const auto index : others) {
      const auto taker =
          static_cast<std::size_t>(std::ranges::min_element(counts) - counts.begin());
      ++counts[taker];
      const auto owner = owners.find({name, index});
      const bool is_anothers = plan_.is_cooperative && owner != owners.end() &&
                               !owner->second.second.empty() && owner->second.second != ids[taker];
      // Its owner has to give it up first, and joins again when it has.
      if (!is_anothers) takers[taker]->given.insert({name, index});
    }
  }
  Assignments assignments;
  for (const auto& [id, wish] : wishes)
    assignments.push_back({id, encode_assignment({by_topic(wish.given), {}}, 3)});
  return assignments;
}

}  // namespace moldau::group::sim
