// Members of a consumer group that speak the classic protocol, and how a group changes from one
// protocol to the other while its members go on consuming (KIP-848).
//
// To such a member an epoch is a generation.  It learns by REBALANCE_IN_PROGRESS that there is
// something to be had or given up, joins anew (which says what it owns), and fetches what it owns
// by SyncGroup.

#include <algorithm>
#include <iterator>
#include <utility>

#include "group/classic_group.hpp"
#include "group/consumer_group.hpp"
#include "group/leave_group.hpp"
#include "moldau/base/check.hpp"
#include "moldau/group/consumer_protocol.hpp"

namespace moldau::group {
namespace {

using protocol::ErrorCode;
using Classic = ConsumerGroupMemberRecord::Classic;

bool may_upgrade(MigrationPolicy policy) {
  return policy == MigrationPolicy::upgrade || policy == MigrationPolicy::bidirectional;
}

bool may_downgrade(MigrationPolicy policy) {
  return policy == MigrationPolicy::downgrade || policy == MigrationPolicy::bidirectional;
}

/// Of topics that there are.
std::vector<TopicPartitions> by_id(const std::vector<NamedTopicPartitions>& named,
                                   const metadata::MetadataImage& image) {
  std::vector<TopicPartitions> partitions;
  for (const auto& [name, indexes] : named)
    if (const auto* topic = image.find_topic(name)) partitions.push_back({topic->id, indexes});
  return sorted(std::move(partitions));
}

ConsumerAssignment by_name(std::span<const TopicPartitions> partitions,
                           const metadata::MetadataImage& image) {
  ConsumerAssignment assignment;
  for (const auto& [topic_id, indexes] : partitions)
    if (const auto* topic = image.find_topic(topic_id))
      assignment.partitions.push_back({topic->name, indexes});
  return assignment;
}

/// In the version that the member's own subscription has.
Bytes encode_for(const Bytes& subscription, std::span<const TopicPartitions> partitions,
                 const metadata::MetadataImage& image) {
  const auto version = consumer_protocol_version(subscription);
  return encode_assignment(by_name(partitions, image), version ? *version : std::int16_t{0});
}

bool supports(const Classic& classic, const std::string& protocol) {
  return std::ranges::find(classic.protocols, protocol,
                           &ConsumerGroupMemberRecord::ClassicProtocol::name) !=
         classic.protocols.end();
}

/// Of protocols with the same name the first counts, as in Kafka.
Classic classic_of(std::int32_t session_timeout_ms,
                   const std::vector<protocol::JoinGroupRequest::Protocol>& protocols) {
  Classic classic;
  classic.session_timeout_ms = session_timeout_ms;
  for (const auto& protocol : protocols)
    if (!supports(classic, protocol.name))
      classic.protocols.push_back({protocol.name, protocol.metadata});
  return classic;
}

ClassicMember classic_member(const std::string& id, const ConsumerMember& member) {
  const auto& [instance_id, rack, client_id, client_host, names, regex, timeout_ms, assignor,
               classic] = member.subscription;
  ClassicMember result{.id = id,
                       .instance_id = instance_id,
                       .client = {client_id, client_host},
                       .rebalance_timeout_ms = timeout_ms,
                       .session_timeout_ms = classic->session_timeout_ms};
  for (const auto& protocol : classic->protocols)
    result.protocols.push_back({protocol.name, protocol.metadata});
  return result;
}

/// The bytes of the protocol that the group has chosen, or that it would have to choose from.
const Bytes& subscription_of(const ClassicMember& member, const ClassicGroup& group) {
  static const Bytes none;
  if (group.protocol_name()) return member.metadata_of(*group.protocol_name());
  return member.protocols.empty() ? none : member.protocols.front().metadata;
}

/// What the members of a classic group read: what they are assigned, and what they said they owned
/// when they joined.  Kafka knows only the first.  It is gone when a rebalance was begun anew, and
/// of what it takes away a cooperative member may not have heard yet, so that partitions would be
/// given to others while that member reads on.
Targets owned_in(const ClassicGroup& group, const metadata::MetadataImage& image) {
  Targets owned;
  std::set<TopicIdPartition> taken;
  // A static member that was away may claim what another was assigned since then.
  const auto take = [&](const std::string& id, const std::vector<NamedTopicPartitions>& named) {
    auto partitions = by_id(named, image);
    for (auto& topic : partitions)
      std::erase_if(topic.partitions, [&](std::int32_t index) {
        return !taken.insert({topic.topic_id, PartitionIndex{index}}).second;
      });
    auto& all = owned[id];
    std::ranges::move(partitions, std::back_inserter(all));
    std::erase_if(all, [](const auto& topic) { return topic.partitions.empty(); });
    all = sorted(std::move(all));
  };
  for (const auto& [id, member] : group.members().all()) {
    const auto assignment = decode_assignment(member.assignment);
    take(id, assignment ? assignment->partitions : std::vector<NamedTopicPartitions>{});
  }
  for (const auto& [id, member] : group.members().all())
    if (const auto subscription = decode_subscription(subscription_of(member, group)))
      take(id, subscription->owned_partitions);
  return owned;
}

/// Why its members' bytes cannot be taken over; empty when they can.
std::string refuse_bytes(const ClassicGroup& group) {
  for (const auto& [id, member] : group.members().all()) {
    if (!decode_subscription(subscription_of(member, group)))
      return "the embedded consumer protocol is malformed.";
    if (member.assignment.empty()) continue;  // it has not fetched one yet
    const auto assignment = decode_assignment(member.assignment);
    if (!assignment) return "the embedded consumer protocol is malformed.";
    if (assignment->user_data && !assignment->user_data->empty())
      return "an unsupported custom assignor is in use. Please refer to the documentation or "
             "switch "
             "to a default assignor before re-attempting the upgrade.";
  }
  return {};
}

std::string refuse_upgrade(const ClassicGroup& group, const GroupOptions& options) {
  if (!may_upgrade(options.migration_policy)) return "online upgrade is disabled.";
  if (!group.uses_consumer_protocol())
    return "the group does not use the consumer embedded protocol.";
  if (std::cmp_greater(group.members().size(), options.consumer_group_size_max))
    return "the group size exceeds the consumer group maximum size.";
  return refuse_bytes(group);
}

}  // namespace

// Joining.

bool ConsumerGroup::supports_protocols(const protocol::JoinGroupRequest& request) const {
  if (request.protocol_type != consumer_protocol_type) return false;
  return std::ranges::any_of(request.protocols, [&](const auto& protocol) {
    return std::ranges::all_of(members_, [&](const auto& member) {
      const auto& classic = member.second.subscription.classic;
      return !classic || supports(*classic, protocol.name);
    });
  });
}

ErrorCode ConsumerGroup::refuse_join(const Step& step,
                                     const protocol::JoinGroupRequest& request) const {
  if (step.options.migration_policy == MigrationPolicy::disabled)
    return ErrorCode::inconsistent_group_protocol;
  if (std::cmp_greater_equal(members_.size(), step.options.consumer_group_size_max) &&
      find_member(request.member_id) == nullptr)
    return ErrorCode::group_max_size_reached;
  if (!supports_protocols(request) || !decode_subscription(request.protocols.front().metadata))
    return ErrorCode::inconsistent_group_protocol;
  if (!request.group_instance_id || request.member_id.empty()) return ErrorCode::none;
  const auto* existing = find_static(*request.group_instance_id);
  if (existing == nullptr) return ErrorCode::unknown_member_id;
  return existing->first == request.member_id ? ErrorCode::none : ErrorCode::fenced_instance_id;
}

void ConsumerGroup::classic_join(Step& step, const Caller& caller,
                                 const protocol::JoinGroupRequest& request,
                                 Answer<protocol::JoinGroupResponse> answer) {
  protocol::JoinGroupResponse response;
  const auto refuse_with = [&](ErrorCode code, std::string member_id) {
    response.error_code = code;
    response.member_id = std::move(member_id);
    step.effects.answer(answer, std::move(response));
  };
  if (const auto code = refuse_join(step, request); code != ErrorCode::none)
    return refuse_with(code, request.member_id);
  const bool is_new = request.member_id.empty();
  const std::string member_id =
      is_new ? base::Uuid::random(step.random).to_string() : request.member_id;
  const auto& instance_id = request.group_instance_id;
  if (is_new && !instance_id && caller.version >= member_id_required_from)
    return refuse_with(ErrorCode::member_id_required, member_id);

  const auto subscription = *decode_subscription(request.protocols.front().metadata);
  // Ids that were given out are not remembered, so that an id which is not known may be new.  But
  // who owns something was a member, and has to hear that it is none: it would read on where it
  // was, behind whoever got its partitions.  (Kafka's hears of it only if they went to others.)
  if (!is_new && find_member(member_id) == nullptr && !subscription.owned_partitions.empty())
    return refuse_with(ErrorCode::unknown_member_id, member_id);

  // A static member that comes back takes its old place, whichever protocol it spoke there.
  const auto* existing = instance_id ? find_static(*instance_id) : nullptr;
  const bool takes_consumer_place =
      existing != nullptr && !existing->second.uses_classic_protocol();
  const bool downgrades = takes_consumer_place && may_downgrade_without(step, {existing->first}, 1);
  if (existing != nullptr && is_new) replace_static_member(step, existing->first, member_id);

  const auto rebalance_timeout_ms =
      caller.version == 0 ? request.session_timeout_ms : request.rebalance_timeout_ms;
  const auto* known = find_member(member_id);
  auto wish = (known != nullptr ? *known : ConsumerMember{}).subscription;
  if (instance_id) wish.instance_id = instance_id;
  if (subscription.rack_id && !subscription.rack_id->empty()) wish.rack_id = subscription.rack_id;
  if (rebalance_timeout_ms != -1) wish.rebalance_timeout_ms = rebalance_timeout_ms;
  wish.subscribed_topic_names = sorted_names(subscription.topics);
  wish.subscribed_topic_regex.emplace();
  wish.client_id = caller.client.id;
  wish.client_host = caller.client.host;
  wish.classic = classic_of(request.session_timeout_ms, request.protocols);
  const bool subscription_changed = update_member(step, member_id, wish);

  response.generation_id = epoch_;
  if (downgrades) {
    // What it shall have it is told when the classic group, to which it belongs now, has
    // rebalanced.
    downgrade_ = Downgrade{};
  } else {
    const auto owned = by_id(subscription.owned_partitions, step.image);
    maybe_compute_target(step);
    reconcile_member(step, member_id, subscription_changed, &owned);
    response.generation_id = find_member(member_id)->current.member_epoch;
    step.deadlines.clear({DeadlineKind::join, id(), member_id});
    set_deadline(step, DeadlineKind::session, member_id,
                 base::Milliseconds{request.session_timeout_ms});
    set_deadline(step, DeadlineKind::sync, member_id, base::Milliseconds{rebalance_timeout_ms});
  }
  response.member_id = member_id;
  response.protocol_type = consumer_protocol_type;
  response.protocol_name = wish.classic->protocols.front().name;
  step.effects.answer(answer, std::move(response));
}

// Between joins.

ErrorCode ConsumerGroup::check_classic_member(std::string_view member_id,
                                              const std::optional<std::string>& instance_id,
                                              std::int32_t generation) const {
  if (instance_id) {
    const auto* existing = find_static(*instance_id);
    if (existing == nullptr) return ErrorCode::unknown_member_id;
    if (existing->first != member_id) return ErrorCode::fenced_instance_id;
  }
  const auto* member = find_member(member_id);
  if (member == nullptr || !member->uses_classic_protocol()) return ErrorCode::unknown_member_id;
  return member->current.member_epoch == generation ? ErrorCode::none
                                                    : ErrorCode::illegal_generation;
}

void ConsumerGroup::call_to_join(Step& step, const std::string& member_id) {
  if (step.deadlines.has({DeadlineKind::join, id(), member_id})) return;
  set_deadline(step, DeadlineKind::join, member_id,
               base::Milliseconds{find_member(member_id)->subscription.rebalance_timeout_ms});
}

void ConsumerGroup::classic_sync(Step& step, const Caller&,
                                 const protocol::SyncGroupRequest& request,
                                 Answer<protocol::SyncGroupResponse> answer) {
  protocol::SyncGroupResponse response;
  const auto answer_with = [&](ErrorCode code) {
    response.error_code = code;
    step.effects.answer(answer, std::move(response));
  };
  const auto code =
      check_classic_member(request.member_id, request.group_instance_id, request.generation_id);
  if (code != ErrorCode::none) return answer_with(code);
  const auto& member = *find_member(request.member_id);
  const auto& classic = *member.subscription.classic;
  const auto& protocol = classic.protocols.front();
  if (request.protocol_type.value_or(std::string{consumer_protocol_type}) !=
          consumer_protocol_type ||
      request.protocol_name.value_or(protocol.name) != protocol.name)
    return answer_with(ErrorCode::inconsistent_group_protocol);
  // Who has yet to give something up has joined already; it joins again when it has done that.
  if (assignment_epoch() > member.current.member_epoch &&
      member.current.state != member_state::unrevoked_partitions) {
    call_to_join(step, request.member_id);
    return answer_with(ErrorCode::rebalance_in_progress);
  }
  step.deadlines.clear({DeadlineKind::sync, id(), request.member_id});
  set_deadline(step, DeadlineKind::session, request.member_id,
               base::Milliseconds{classic.session_timeout_ms});
  response.protocol_type = request.protocol_type;
  response.protocol_name = request.protocol_name;
  response.assignment =
      encode_for(protocol.metadata, without_epochs(member.current.assigned), step.image);
  answer_with(ErrorCode::none);
}

protocol::HeartbeatResponse ConsumerGroup::classic_heartbeat(
    Step& step, const Caller&, const protocol::HeartbeatRequest& request) {
  protocol::HeartbeatResponse response;
  response.error_code =
      check_classic_member(request.member_id, request.group_instance_id, request.generation_id);
  if (response.error_code != ErrorCode::none) return response;
  const auto& member = *find_member(request.member_id);
  set_deadline(step, DeadlineKind::session, request.member_id,
               base::Milliseconds{member.subscription.classic->session_timeout_ms});
  const auto& current = member.current;
  const bool has_news = current.member_epoch < assignment_epoch() ||
                        current.state == member_state::unrevoked_partitions ||
                        (current.state == member_state::unreleased_partitions &&
                         !waits_for_unreleased(request.member_id, member));
  if (has_news) {
    response.error_code = ErrorCode::rebalance_in_progress;
    call_to_join(step, request.member_id);
  }
  return response;
}

bool ConsumerGroup::waits_for_unreleased(std::string_view member_id,
                                         const ConsumerMember& member) const {
  return std::ranges::any_of(target_of(member_id), [&](const TopicPartitions& topic) {
    return std::ranges::any_of(topic.partitions, [&](std::int32_t partition) {
      return !contains(member.current.assigned, topic.topic_id, partition) &&
             !is_free_for(member_id, topic.topic_id, partition);
    });
  });
}

protocol::LeaveGroupResponse ConsumerGroup::classic_leave(
    Step& step, const Caller& caller, const protocol::LeaveGroupRequest& request) {
  std::vector<protocol::LeaveGroupResponse::Member> answers;
  std::set<std::string, std::less<>> gone;
  for (const auto& asked : leaving_members(caller, request)) {
    auto& answer = answers.emplace_back();
    answer.member_id = asked.member_id;
    answer.group_instance_id = asked.group_instance_id;
    // An administrator names a static member by its instance id alone.
    const auto* place = asked.group_instance_id ? find_static(*asked.group_instance_id) : nullptr;
    const auto member = members_.find(asked.member_id);
    if (!asked.group_instance_id && member != members_.end()) place = &*member;
    if (place == nullptr) {
      answer.error_code = ErrorCode::unknown_member_id;
    } else if (!asked.member_id.empty() && place->first != asked.member_id) {
      answer.error_code = ErrorCode::fenced_instance_id;
    } else {
      gone.insert(place->first);
    }
  }
  fence(step, std::move(gone));
  return leave_response(caller, std::move(answers));
}

// From one protocol to the other.

bool ConsumerGroup::can_upgrade(const ClassicGroup& group, const GroupOptions& options) {
  return refuse_upgrade(group, options).empty();
}

std::optional<ConsumerGroup::HeartbeatResponse> ConsumerGroup::check_upgrade(
    const ClassicGroup& group, const GroupOptions& options, const HeartbeatRequest& request) {
  HeartbeatResponse refusal;
  if (auto reason = refuse_upgrade(group, options); !reason.empty()) {
    refusal.error_code = ErrorCode::group_id_not_found;
    refusal.error_message = "Cannot upgrade classic group " + group.id() +
                            " to consumer group because " + std::move(reason);
    return refusal;
  }
  // What would be refused right after the change: then the group stays as it is.
  auto later = refuse_regex(request);
  if (std::cmp_greater_equal(group.members().size(), options.consumer_group_size_max) &&
      !group.members().contains(request.member_id))
    later = full(options);
  if (!later) return std::nullopt;
  refusal.error_code = later->code;
  refusal.error_message = std::move(later->message);
  return refusal;
}

std::unique_ptr<ConsumerGroup> ConsumerGroup::from_classic(Step& step, ClassicGroup& classic) {
  // Whoever waits there joins anew, and then finds this group.
  classic.fail_parked(step.effects, ErrorCode::rebalance_in_progress);
  classic.write_tombstones(step.effects);
  classic.clear_deadlines(step.deadlines);
  auto group = std::make_unique<ConsumerGroup>(classic.id());
  const auto generation = classic.generation();
  const auto owned = owned_in(classic, step.image);
  for (const auto& [member_id, member] : classic.members().all()) {
    const auto& bytes = subscription_of(member, classic);
    const auto subscription = decode_subscription(bytes);
    MOLDAU_CHECK(subscription.has_value(), "check_upgrade() let unreadable subscriptions pass");
    ConsumerGroupMemberRecord::Value value;
    value.instance_id = member.instance_id;
    if (subscription->rack_id && !subscription->rack_id->empty())
      value.rack_id = subscription->rack_id;
    value.client_id = member.client.id;
    value.client_host = member.client.host;
    value.subscribed_topic_names = sorted_names(subscription->topics);
    value.subscribed_topic_regex.emplace();
    value.rebalance_timeout_ms = member.rebalance_timeout_ms;
    value.classic = classic_of(member.session_timeout_ms, member.protocols);
    group->emit_member(step, member_id, std::move(value));
    group->set_deadline(step, DeadlineKind::session, member_id,
                        base::Milliseconds{member.session_timeout_ms});
  }
  // With no hash of the topics, so that whoever comes makes it assign anew.  A static member that
  // only changes its protocol changes no subscription; Kafka leaves a rebalance that was under way
  // undone then.
  group->emit(step, ConsumerGroupMetadataRecord{
                        group->id(), ConsumerGroupMetadataRecord::Value{.epoch = generation}});
  for (const auto& [member_id, partitions] : owned) group->emit_target(step, member_id, partitions);
  group->emit(step, TargetAssignmentMetadataRecord{
                        group->id(), TargetAssignmentMetadataRecord::Value{generation, 0}});
  for (const auto& [member_id, partitions] : owned) {
    CurrentMemberAssignmentRecord::Value current;
    current.member_epoch = current.previous_member_epoch = generation;
    current.assigned = with_epochs(partitions, generation);
    group->emit_current(step, member_id, std::move(current));
  }
  return group;
}

bool ConsumerGroup::may_downgrade_without(const Step& step,
                                          const std::set<std::string, std::less<>>& member_ids,
                                          std::size_t joining) const {
  if (!may_downgrade(step.options.migration_policy)) return false;
  std::vector<std::string> common;
  std::size_t staying = 0;
  for (const auto& [member_id, member] : members_) {
    if (member_ids.contains(member_id)) continue;
    if (!member.uses_classic_protocol()) return false;
    const auto& classic = *member.subscription.classic;
    if (staying++ == 0)
      for (const auto& protocol : classic.protocols) common.push_back(protocol.name);
    std::erase_if(common, [&](const auto& name) { return !supports(classic, name); });
  }
  if (staying > 0 && common.empty()) return false;
  const auto size = staying + joining;
  return size > 0 && std::cmp_less_equal(size, step.options.group_size_max);
}

std::unique_ptr<ClassicGroup> ConsumerGroup::to_classic(Step& step) {
  std::vector<ClassicMember> staying;
  for (const auto& [member_id, member] : members_) {
    clear_deadlines(step, member_id);
    if (!downgrade_->leaving.contains(member_id))
      staying.push_back(classic_member(member_id, member));
  }
  step.deadlines.clear({DeadlineKind::assign, id(), {}});
  write_tombstones(step.effects);
  auto group = ClassicGroup::from_consumer_members(id(), epoch_, std::move(staying));
  MOLDAU_CHECK(group != nullptr, "members of a downgraded group have no protocol in common");
  std::vector<std::pair<std::string, Bytes>> assignments;
  for (const auto& [member_id, member] : group->members().all()) {
    // What each still reads, rather than (as in Kafka) what it would have got: should the group
    // become a consumer group again before it has rebalanced, nobody else may have that yet.
    const auto held = find_member(member_id)->held();
    assignments.emplace_back(member_id,
                             encode_for(subscription_of(member, *group), held, step.image));
  }
  for (auto& [member_id, bytes] : assignments) group->set_assignment(member_id, std::move(bytes));
  group->start_converted(step);
  return group;
}

}  // namespace moldau::group
