// What the members of a consumer group say in heartbeats, and what comes of it.

#include <algorithm>
#include <utility>

#include "group/consumer_group.hpp"
#include "group/current_assignment.hpp"
#include "moldau/base/pattern.hpp"

namespace moldau::group {
namespace {

using protocol::ErrorCode;
using Request = protocol::ConsumerGroupHeartbeatRequest;
using Response = protocol::ConsumerGroupHeartbeatResponse;

/// From this version on clients give themselves their member id (KIP-1082).
constexpr std::int16_t version_with_client_ids = 1;

Response refused(ErrorCode code, std::string message) {
  Response response;
  response.error_code = code;
  response.error_message = std::move(message);
  return response;
}

/// Empty or only spaces.
bool is_blank(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c <= ' '; });
}

bool is_blank_if_given(const std::optional<std::string>& text) {
  return text && is_blank(*text);
}

/// What a member has to have said at least, when it says everything.
bool is_full(const Request& request) {
  return request.rebalance_timeout_ms != -1 && request.topic_partitions &&
         (request.subscribed_topic_names || request.subscribed_topic_regex);
}

ConsumerGroupMemberRecord::Value wish_of(const Request& request, const Caller& caller,
                                         ConsumerGroupMemberRecord::Value wish) {
  if (request.instance_id) wish.instance_id = request.instance_id;
  if (request.rack_id) wish.rack_id = request.rack_id;
  if (request.rebalance_timeout_ms != -1) wish.rebalance_timeout_ms = request.rebalance_timeout_ms;
  if (request.server_assignor) wish.server_assignor = request.server_assignor;
  if (request.subscribed_topic_names)
    wish.subscribed_topic_names = sorted_names(*request.subscribed_topic_names);
  if (request.subscribed_topic_regex) wish.subscribed_topic_regex = request.subscribed_topic_regex;
  wish.client_id = caller.client.id;
  wish.client_host = caller.client.host;
  wish.classic.reset();
  return wish;
}

std::vector<TopicPartitions> owned_in(const Request& request) {
  std::vector<TopicPartitions> owned;
  for (const auto& topic : *request.topic_partitions) {
    auto& copy = owned.emplace_back();
    copy.topic_id = topic.topic_id;
    for (const auto partition : topic.partitions) copy.partitions.push_back(partition.value());
  }
  return owned;
}

bool owns_no_more_than(const Request& request, const OwnedPartitions& assigned) {
  if (!request.topic_partitions) return false;
  return std::ranges::all_of(*request.topic_partitions, [&](const auto& topic) {
    return find(assigned, topic.topic_id) != nullptr &&
           std::ranges::all_of(topic.partitions, [&](PartitionIndex partition) {
             return contains(assigned, topic.topic_id, partition.value());
           });
  });
}

/// Why the epoch that the member names is not one that it may be in; empty when it may.
std::string refuse_epoch(const Request& request, const ConsumerMember& member) {
  const auto received = request.member_epoch;
  const auto& current = member.current;
  if (received == join_epoch || received == current.member_epoch) return {};
  // It may not have got the answer that took it to its new epoch.
  if (received < current.member_epoch && received == current.previous_member_epoch &&
      owns_no_more_than(request, current.assigned))
    return {};
  return std::string{"The consumer group member has a "} +
         (received > current.member_epoch ? "greater" : "smaller") + " member epoch (" +
         std::to_string(received) + ") than the one known by the group coordinator (" +
         std::to_string(current.member_epoch) +
         "). The member must abandon all its partitions and rejoin.";
}

Response::Assignment assignment_of(const OwnedPartitions& assigned) {
  Response::Assignment assignment;
  for (const auto& topic : assigned) {
    auto& copy = assignment.topic_partitions.emplace_back();
    copy.topic_id = topic.topic_id;
    for (const auto partition : topic.partitions) copy.partitions.emplace_back(partition);
  }
  return assignment;
}

std::int32_t as_int32(base::Milliseconds time) {
  return static_cast<std::int32_t>(time.count());
}

}  // namespace

std::optional<Response> ConsumerGroup::check_heartbeat(const GroupOptions& options,
                                                       const Caller& caller,
                                                       const Request& request) {
  const auto invalid = [](std::string message) {
    return refused(ErrorCode::invalid_request, std::move(message));
  };
  const auto epoch = request.member_epoch;
  const bool needs_id =
      caller.version >= version_with_client_ids || epoch > join_epoch || epoch == leave_epoch;
  if (needs_id && is_blank(request.member_id)) return invalid("MemberId can't be empty.");
  if (is_blank(request.group_id)) return invalid("GroupId can't be empty.");
  if (is_blank_if_given(request.instance_id)) return invalid("InstanceId can't be empty.");
  if (is_blank_if_given(request.rack_id)) return invalid("RackId can't be empty.");
  if (epoch == join_epoch) {
    if (request.rebalance_timeout_ms == -1)
      return invalid("RebalanceTimeoutMs must be provided in first request.");
    if (!request.topic_partitions || !request.topic_partitions->empty())
      return invalid("TopicPartitions must be empty when (re-)joining.");
    if (!request.subscribed_topic_names && !request.subscribed_topic_regex)
      return invalid(
          "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when "
          "(re-)joining.");
  } else if (epoch == leave_static_epoch) {
    if (!request.instance_id) return invalid("InstanceId can't be null.");
  } else if (epoch < leave_static_epoch) {
    return invalid("MemberEpoch is invalid.");
  }
  const auto& assignors = options.consumer_assignors;
  if (request.server_assignor &&
      std::ranges::find(assignors, *request.server_assignor) == assignors.end()) {
    std::string names;
    for (const auto& name : assignors) names += (names.empty() ? "" : ", ") + name;
    return refused(ErrorCode::unsupported_assignor,
                   "ServerAssignor " + *request.server_assignor +
                       " is not supported. Supported assignors: " + names + ".");
  }
  return std::nullopt;
}

Response ConsumerGroup::heartbeat(Step& step, const Caller& caller, const Request& request) {
  if (request.member_epoch < join_epoch) return leave(step, request);
  if (auto refusal = refuse(step, request))
    return refused(refusal->code, std::move(refusal->message));
  const bool joins = request.member_epoch == join_epoch;
  const std::string member_id =
      request.member_id.empty() ? base::Uuid::random(step.random).to_string() : request.member_id;
  if (joins && request.instance_id)
    if (const auto* before = find_static(*request.instance_id))
      replace_static_member(step, before->first, member_id);

  const auto* known = find_member(member_id);
  if (known != nullptr && known->uses_classic_protocol()) {
    step.deadlines.clear({DeadlineKind::join, id(), member_id});
    step.deadlines.clear({DeadlineKind::sync, id(), member_id});
  }
  const auto assigned_before = known != nullptr ? known->current.assigned : OwnedPartitions{};
  const auto wish =
      wish_of(request, caller, (known != nullptr ? *known : ConsumerMember{}).subscription);
  const bool subscription_changed = update_member(step, member_id, wish);
  maybe_compute_target(step);
  std::optional<std::vector<TopicPartitions>> owned;
  if (request.topic_partitions) owned = owned_in(request);
  reconcile_member(step, member_id, subscription_changed, owned ? &*owned : nullptr);
  set_deadline(step, DeadlineKind::session, member_id,
               step.options.session_timeout_of(step.image, id()));

  const auto& current = find_member(member_id)->current;
  Response response;
  response.member_id = member_id;
  response.member_epoch = current.member_epoch;
  response.heartbeat_interval_ms = as_int32(step.options.heartbeat_interval_of(step.image, id()));
  if (joins || is_full(request) || current.assigned != assigned_before)
    response.assignment = assignment_of(current.assigned);
  return response;
}

std::optional<ConsumerGroup::Refusal> ConsumerGroup::refuse(const Step& step,
                                                            const Request& request) const {
  const auto* member = find_member(request.member_id);
  if (std::cmp_greater_equal(members_.size(), step.options.consumer_group_size_max) &&
      member == nullptr)
    return full(step.options);
  if (request.instance_id) {
    if (auto refusal = refuse_static(request)) return refusal;
    const auto* existing = find_static(*request.instance_id);
    member = existing != nullptr ? &existing->second : member;
  } else if (member == nullptr && request.member_epoch != join_epoch) {
    return Refusal{ErrorCode::unknown_member_id,
                   "Member " + request.member_id + " is not a member of group " + id() + "."};
  }
  if (member != nullptr) {
    if (auto message = refuse_epoch(request, *member); !message.empty())
      return Refusal{ErrorCode::fenced_member_epoch, std::move(message)};
    // Written by a later release: only who owns nothing can be led on from there.
    const auto state = member->current.state;
    const bool is_known = state >= member_state::stable && state <= member_state::known_max;
    if (!is_known && (!request.topic_partitions || !request.topic_partitions->empty()))
      return Refusal{ErrorCode::fenced_member_epoch,
                     "The consumer group member is in a unknown state. The member must abandon all "
                     "its partitions and rejoin."};
  }
  const auto& regex = request.subscribed_topic_regex;
  return regex && regex_members_.contains(*regex) ? std::nullopt : refuse_regex(request);
}

ConsumerGroup::Refusal ConsumerGroup::full(const GroupOptions& options) {
  return {ErrorCode::group_max_size_reached,
          "The consumer group has reached its maximum capacity of " +
              std::to_string(options.consumer_group_size_max) + " members."};
}

std::optional<ConsumerGroup::Refusal> ConsumerGroup::refuse_regex(const Request& request) {
  const auto& regex = request.subscribed_topic_regex;
  if (!regex || regex->empty()) return std::nullopt;
  const auto compiled = base::Pattern::compile(*regex);
  if (compiled) return std::nullopt;
  return Refusal{ErrorCode::invalid_regular_expression,
                 "SubscribedTopicRegex `" + *regex +
                     "` is not a valid regular expression: " + compiled.error().message + "."};
}

std::optional<ConsumerGroup::Refusal> ConsumerGroup::refuse_static(const Request& request) const {
  const auto& instance = *request.instance_id;
  const auto* existing = find_static(instance);
  if (request.member_epoch == join_epoch) {
    const bool is_held = existing != nullptr && !existing->second.uses_classic_protocol() &&
                         existing->second.current.member_epoch != leave_static_epoch;
    if (!is_held) return std::nullopt;
    return Refusal{ErrorCode::unreleased_instance_id,
                   "Static member " + request.member_id + " with instance id " + instance +
                       " cannot join the group because the instance id is owned by " +
                       existing->first + " member."};
  }
  if (existing == nullptr)
    return Refusal{ErrorCode::unknown_member_id, "Instance id " + instance + " is unknown."};
  if (existing->first == request.member_id) return std::nullopt;
  return Refusal{ErrorCode::fenced_instance_id,
                 "Static member " + request.member_id + " with instance id " + instance +
                     " was fenced by member " + existing->first + "."};
}

// Leaving.

Response ConsumerGroup::leave(Step& step, const Request& request) {
  if (request.instance_id) {
    if (auto refusal = refuse_static(request))
      return refused(refusal->code, std::move(refusal->message));
  } else if (find_member(request.member_id) == nullptr) {
    return refused(ErrorCode::unknown_member_id,
                   "Member " + request.member_id + " is not a member of group " + id() + ".");
  }
  if (request.member_epoch == leave_static_epoch && request.instance_id) {
    leave_for_a_while(step, request.member_id);
  } else {
    fence(step, {request.member_id});
  }
  Response response;
  response.member_id = request.member_id;
  response.member_epoch = request.member_epoch;
  return response;
}

void ConsumerGroup::leave_for_a_while(Step& step, const std::string& member_id) {
  // What it owns is kept for it, as given to whoever comes next; its session goes on.
  auto current = find_member(member_id)->current;
  current.member_epoch = leave_static_epoch;
  current.pending_revocation.clear();
  for (auto& topic : current.assigned) std::ranges::fill(topic.assignment_epochs, 0);
  emit_current(step, member_id, std::move(current));
  step.deadlines.clear({DeadlineKind::rebalance, id(), member_id});
}

void ConsumerGroup::replace_static_member(Step& step, const std::string& old_id,
                                          const std::string& new_id) {
  auto member = members_.find(old_id)->second;
  const auto target = target_of(old_id);
  std::vector<TopicPartitions> inherited{target.begin(), target.end()};
  clear_deadlines(step, old_id);
  emit_member_tombstones(step, old_id);
  member.current.member_epoch = join_epoch;
  member.current.previous_member_epoch = join_epoch;
  emit_member(step, new_id, std::move(member.subscription));
  emit_target(step, new_id, std::move(inherited));
  emit_current(step, new_id, std::move(member.current));
}

void ConsumerGroup::fence(Step& step, std::set<std::string, std::less<>> member_ids) {
  if (member_ids.empty()) return;
  if (may_downgrade_without(step, member_ids)) {
    downgrade_ = Downgrade{.leaving = std::move(member_ids)};
    return;
  }
  std::set<std::string> expressions;
  for (const auto& member_id : member_ids) {
    expressions.emplace(find_member(member_id)->regex());
    emit_member_tombstones(step, member_id);
    clear_deadlines(step, member_id);
  }
  for (const auto& regex : expressions) follow_regex(step, regex, {});
  emit_epoch(step, epoch_ + 1);
  if (members_.empty()) step.deadlines.clear({DeadlineKind::assign, id(), {}});
}

// The way from a wish to partitions.

bool ConsumerGroup::update_member(Step& step, const std::string& member_id,
                                  const ConsumerGroupMemberRecord::Value& wish) {
  const auto* known = find_member(member_id);
  const auto before = (known != nullptr ? *known : ConsumerMember{}).subscription;
  if (known == nullptr || wish != before) emit_member(step, member_id, wish);
  const bool names_changed = wish.subscribed_topic_names != before.subscribed_topic_names;
  const auto old_regex = before.subscribed_topic_regex.value_or("");
  const auto new_regex = wish.subscribed_topic_regex.value_or("");
  const bool regex_changed = old_regex != new_regex;
  if (regex_changed) follow_regex(step, old_regex, new_regex);
  const bool topics_changed = maybe_refresh_regexes(step);
  maybe_bump_epoch(step, names_changed || regex_changed || topics_changed);
  return names_changed || regex_changed;
}

void ConsumerGroup::maybe_bump_epoch(Step& step, bool subscriptions_changed) {
  if (!subscriptions_changed && !metadata_changed_) return;
  metadata_changed_ = false;
  if (subscriptions_changed || compute_metadata_hash(step.image) != metadata_hash_)
    emit_epoch(step, epoch_ + 1);
  if (has_partition_metadata_) emit(step, ConsumerGroupPartitionMetadataRecord{id(), true});
}

void ConsumerGroup::maybe_compute_target(Step& step) {
  if (assignment_epoch() >= epoch_) return;
  const auto interval = step.options.assignment_interval_of(step.image, id());
  const auto next_ms = assignment_.assignment_timestamp_ms + interval.count();
  const bool is_early = assignment_.assignment_timestamp_ms != 0 && interval.count() != 0 &&
                        step.now.wall_ms < next_ms;
  if (!is_early) return compute_target(step);
  // Kafka waits for the first heartbeat after the interval; not waiting saves the others a round.
  if (step.deadlines.has({DeadlineKind::assign, id(), {}})) return;
  const auto remaining = base::Milliseconds{next_ms - step.now.wall_ms};
  set_deadline(step, DeadlineKind::assign, {}, std::min(remaining, interval));
}

void ConsumerGroup::compute_target(Step& step) {
  const auto assignor = find_assignor(preferred_assignor(step.options));
  auto targets = group::compute_target({members_, targets_, regexes_, step.image},
                                       assignor != nullptr ? assignor : assign_uniform);
  auto target = targets.begin();
  for (const auto& [member_id, unused] : members_) {
    const auto before = targets_.find(member_id);
    if (before == targets_.end() || before->second != *target)
      emit_target(step, member_id, std::move(*target));
    ++target;
  }
  emit(step, TargetAssignmentMetadataRecord{
                 id(), TargetAssignmentMetadataRecord::Value{epoch_, step.now.wall_ms}});
  step.deadlines.clear({DeadlineKind::assign, id(), {}});
}

void ConsumerGroup::reconcile_member(Step& step, const std::string& member_id,
                                     bool subscription_changed,
                                     const std::vector<TopicPartitions>* owned) {
  const auto& member = *find_member(member_id);
  if (!subscription_changed && member.is_reconciled_to(assignment_epoch())) return;
  auto next = reconcile({
      .current = member.current,
      .target_epoch = assignment_epoch(),
      .target = target_of(member_id),
      .subscription_changed = subscription_changed,
      .owned = owned,
      .is_subscribed =
          [&](const TopicId& topic_id) {
            const auto* topic = step.image.find_topic(topic_id);
            return topic != nullptr && group::subscribes_to(member, regexes_, topic->name);
          },
      .is_free =
          [&](const TopicId& topic_id, std::int32_t partition) {
            return is_free_for(member_id, topic_id, partition);
          },
  });
  if (!next || *next == member.current) return;
  const bool has_to_revoke = next->state == member_state::unrevoked_partitions;
  emit_current(step, member_id, std::move(*next));
  if (member.uses_classic_protocol()) return;  // it has deadlines of its own
  if (has_to_revoke) {
    set_deadline(step, DeadlineKind::rebalance, member_id,
                 base::Milliseconds{member.subscription.rebalance_timeout_ms});
  } else {
    step.deadlines.clear({DeadlineKind::rebalance, id(), member_id});
  }
}

// Time.

void ConsumerGroup::set_deadline(Step& step, DeadlineKind kind, const std::string& member_id,
                                 base::Milliseconds after) const {
  step.deadlines.set({kind, id(), member_id}, step.now.steady + after);
}

void ConsumerGroup::clear_deadlines(Step& step, const std::string& member_id) const {
  for (const auto kind :
       {DeadlineKind::session, DeadlineKind::rebalance, DeadlineKind::join, DeadlineKind::sync})
    step.deadlines.clear({kind, id(), member_id});
}

void ConsumerGroup::on_deadline(Step& step, const DeadlineKey& key) {
  if (key.kind == DeadlineKind::assign) {
    if (!members_.empty() && assignment_epoch() < epoch_) compute_target(step);
  } else if (find_member(key.member_id) != nullptr) {
    fence(step, {key.member_id});
  }
}

void ConsumerGroup::on_metadata(Step& step, std::span<const std::string> topics) {
  for (const auto& topic : topics) metadata_changed_ = metadata_changed_ || topics_.contains(topic);
  if (regexes_outdated_) return;
  for (const auto& [expression, resolved] : regexes_) {
    const auto regex = base::Pattern::compile(expression);
    if (!regex) continue;
    regexes_outdated_ = std::ranges::any_of(topics, [&](const std::string& topic) {
      const bool matched = std::ranges::binary_search(resolved.topics, topic);
      return matched != (step.image.find_topic(topic) != nullptr && regex->matches(topic));
    });
    if (regexes_outdated_) return;
  }
}

}  // namespace moldau::group
