#include "group/classic_group.hpp"

#include <algorithm>
#include <utility>

#include "group/leave_group.hpp"
#include "moldau/base/log.hpp"
#include "moldau/group/consumer_protocol.hpp"

namespace moldau::group {

using protocol::ErrorCode;

ClassicGroup::ClassicGroup(std::string id) : Group(std::move(id)) {}

std::unique_ptr<ClassicGroup> ClassicGroup::from_record(const std::string& id,
                                                        const GroupMetadataRecord::Value& value) {
  auto group = std::make_unique<ClassicGroup>(id);
  group->is_in_log_ = true;
  group->generation_ = value.generation;
  if (!value.protocol_type.empty()) group->protocol_type_ = value.protocol_type;
  group->protocol_name_ = value.protocol;
  if (value.current_state_timestamp_ms != -1)
    group->state_since_ms_ = value.current_state_timestamp_ms;
  for (const auto& member : value.members) {
    if (group->members_.contains(member.member_id)) continue;
    group->members_.add(
        {.id = member.member_id,
         .instance_id = member.group_instance_id,
         .client = {.id = member.client_id, .host = member.client_host},
         .rebalance_timeout_ms = member.rebalance_timeout_ms == -1 ? member.session_timeout_ms
                                                                   : member.rebalance_timeout_ms,
         .session_timeout_ms = member.session_timeout_ms,
         .protocols = {{.name = value.protocol.value_or(""), .metadata = member.subscription}},
         .assignment = member.assignment});
  }
  if (value.leader) group->members_.set_leader(value.leader);
  if (!group->members_.is_empty()) group->state_ = State::stable;
  group->is_recorded_to_rebalance_ = !value.leader;
  group->read_subscriptions();
  return group;
}

std::unique_ptr<ClassicGroup> ClassicGroup::from_consumer_members(
    std::string id, std::int32_t generation, std::vector<ClassicMember> members) {
  auto group = std::make_unique<ClassicGroup>(std::move(id));
  group->state_ = State::stable;
  group->generation_ = generation;
  group->protocol_type_ = consumer_protocol_type;
  for (ClassicMember& member : members) group->members_.add(std::move(member));
  group->protocol_name_ = group->members_.vote();
  if (!group->protocol_name_) return nullptr;
  group->read_subscriptions();
  return group;
}

void ClassicGroup::set_assignment(std::string_view member_id, Bytes assignment) {
  if (ClassicMember* member = members_.find(member_id)) member->assignment = std::move(assignment);
}

void ClassicGroup::start_converted(Step& step) {
  state_since_ms_ = step.now.wall_ms;
  is_recorded_to_rebalance_ = true;
  write_record(step);
  for (const auto& [id, member] : members_.all()) renew_session(step, member);
  prepare_rebalance(step, "the last member of the consumer protocol has gone");
}

void ClassicGroup::finish_loading(Step& step) {
  for (const auto& [id, member] : members_.all()) renew_session(step, member);
  if (std::cmp_greater(members_.size(), step.options.group_size_max))
    prepare_rebalance(step, "loaded with more members than a group may have");
  else if (is_recorded_to_rebalance_ && !members_.is_empty())
    prepare_rebalance(step, "loaded while it changed its protocol");
}

ErrorCode ClassicGroup::check_member(std::string_view member_id,
                                     const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const std::string* current = members_.static_id(*instance_id);
    if (current == nullptr) return ErrorCode::unknown_member_id;
    if (*current != member_id) return ErrorCode::fenced_instance_id;
  }
  return members_.contains(member_id) ? ErrorCode::none : ErrorCode::unknown_member_id;
}

protocol::HeartbeatResponse ClassicGroup::heartbeat(Step& step, const Caller&,
                                                    const protocol::HeartbeatRequest& request) {
  protocol::HeartbeatResponse response;
  response.error_code = check_member(request.member_id, request.group_instance_id);
  if (response.error_code != ErrorCode::none) return response;
  if (request.generation_id != generation_) {
    response.error_code = ErrorCode::illegal_generation;
    return response;
  }
  // While CompletingRebalance too: a consumer sends heartbeats as soon as it has joined.
  renew_session(step, *members_.find(request.member_id));
  if (state_ == State::preparing_rebalance) response.error_code = ErrorCode::rebalance_in_progress;
  return response;
}

protocol::LeaveGroupResponse ClassicGroup::leave(Step& step, const Caller& caller,
                                                 const protocol::LeaveGroupRequest& request) {
  bool has_left = false;
  std::vector<protocol::LeaveGroupResponse::Member> results;
  for (auto& leaving : leaving_members(caller, request)) {
    const ErrorCode code = leave_one(step, leaving);
    has_left = has_left || code == ErrorCode::none;
    results.push_back({.member_id = std::move(leaving.member_id),
                       .group_instance_id = std::move(leaving.group_instance_id),
                       .error_code = code});
  }
  // Once for all of them, so that a batch makes one rebalance.
  if (has_left && state_ != State::empty) rebalance_or_complete(step, "members have left");
  return leave_response(caller, std::move(results));
}

ErrorCode ClassicGroup::leave_one(Step& step, const protocol::LeaveGroupRequest::Member& leaving) {
  std::string member_id = leaving.member_id;
  if (member_id.empty()) {
    // An administrator removes a static member by its instance id alone.
    if (!leaving.group_instance_id) return ErrorCode::unknown_member_id;
    const std::string* current = members_.static_id(*leaving.group_instance_id);
    if (current == nullptr) return ErrorCode::unknown_member_id;
    member_id = *current;
  } else if (!members_.is_pending(member_id)) {
    const ErrorCode code = check_member(member_id, leaving.group_instance_id);
    if (code != ErrorCode::none) return code;
  }
  log::debug("group.member_left", "group={} member={} reason={}", log::client(id()),
             log::client(member_id), log::client(leaving.reason.value_or("")));
  remove_member(step, member_id);
  return ErrorCode::none;
}

void ClassicGroup::remove_member(Step& step, std::string_view member_id) {
  step.deadlines.clear(session_key(member_id));
  members_.remove_pending(member_id);
  if (const auto place = pending_sync_.find(member_id); place != pending_sync_.end())
    pending_sync_.erase(place);
  auto removed = members_.remove(member_id);
  if (!removed) return;
  if (removed->awaits_join()) {
    protocol::JoinGroupResponse response;
    response.error_code = ErrorCode::unknown_member_id;
    step.effects.answer(removed->join_answer, std::move(response));
  }
  if (removed->awaits_sync()) {
    protocol::SyncGroupResponse response;
    response.error_code = ErrorCode::unknown_member_id;
    step.effects.answer(removed->sync_answer, std::move(response));
  }
}

void ClassicGroup::on_deadline(Step& step, const DeadlineKey& key) {
  switch (key.kind) {
    case DeadlineKind::session:
      return expire_session(step, key.member_id);
    case DeadlineKind::join:
      if (state_ != State::preparing_rebalance) return;
      return initial_wait_ ? extend_initial_wait(step) : complete_join(step);
    case DeadlineKind::sync:
      return expire_pending_sync(step);
    case DeadlineKind::rebalance:
    case DeadlineKind::assign:
      return;  // Of consumer groups.
  }
}

void ClassicGroup::expire_session(Step& step, const std::string& member_id) {
  const ClassicMember* member = members_.find(member_id);
  if (member == nullptr && !members_.is_pending(member_id)) return;
  // Who waits for an answer cannot send heartbeats; the answer begins a new session.  A new member
  // may have gone without a trace and come again under another id: its wait has an end.
  if (member != nullptr && !member->is_new && (member->awaits_join() || member->awaits_sync()))
    return;
  const bool was_pending = member == nullptr;
  log::debug("group.session_expired", "group={} member={}", log::client(id()),
             log::client(member_id));
  remove_member(step, member_id);
  if (state_ == State::preparing_rebalance) {
    // Even during the initial wait, as Kafka does.
    if (members_.have_all_joined()) complete_join(step);
  } else if (!was_pending && state_ != State::empty) {
    prepare_rebalance(step, "a member's session expired");
  }
}

void ClassicGroup::renew_session(Step& step, const ClassicMember& member) const {
  step.deadlines.set(session_key(member.id),
                     step.now.steady + base::Milliseconds(member.session_timeout_ms));
}

DeadlineKey ClassicGroup::session_key(std::string_view member_id) const {
  return {DeadlineKind::session, id(), std::string(member_id)};
}

DeadlineKey ClassicGroup::group_key(DeadlineKind kind) const {
  return {kind, id(), ""};
}

void ClassicGroup::fail_parked(Effects& effects, ErrorCode code) {
  for (auto& [id, member] : members_.all()) {
    if (auto join = members_.take_join(member)) {
      protocol::JoinGroupResponse response;
      response.error_code = code;
      response.member_id = id;
      effects.answer(join, std::move(response));
    }
    if (auto sync = std::exchange(member.sync_answer, {})) {
      protocol::SyncGroupResponse response;
      response.error_code = code;
      effects.answer(sync, std::move(response));
    }
  }
}

void ClassicGroup::clear_deadlines(Deadlines& deadlines) const {
  deadlines.clear(group_key(DeadlineKind::join));
  deadlines.clear(group_key(DeadlineKind::sync));
  for (const auto& [id, member] : members_.all()) deadlines.clear(session_key(id));
  for (const std::string& id : members_.pending()) deadlines.clear(session_key(id));
}

void ClassicGroup::transition_to(Step& step, State state) {
  state_ = state;
  state_since_ms_ = step.now.wall_ms;
}

void ClassicGroup::write_record(Step& step) {
  is_in_log_ = true;
  const auto leader = is_recorded_to_rebalance_ ? std::nullopt : members_.leader();
  GroupMetadataRecord::Value value{.protocol_type = protocol_type_.value_or(""),
                                   .generation = generation_,
                                   .protocol = protocol_name_,
                                   .leader = leader,
                                   .current_state_timestamp_ms = state_since_ms_.value_or(-1),
                                   .members = {}};
  const std::string protocol = protocol_name_.value_or("");
  for (const auto& [id, member] : members_.all())
    value.members.push_back({.member_id = id,
                             .group_instance_id = member.instance_id,
                             .client_id = member.client.id,
                             .client_host = member.client.host,
                             .rebalance_timeout_ms = member.rebalance_timeout_ms,
                             .session_timeout_ms = member.session_timeout_ms,
                             .subscription = member.metadata_of(protocol),
                             .assignment = member.assignment});
  step.effects.records.push_back(GroupMetadataRecord{.group_id = id(), .value = std::move(value)});
}

void ClassicGroup::write_tombstones(Effects& effects) const {
  effects.records.push_back(GroupMetadataRecord{.group_id = id(), .value = std::nullopt});
}

void ClassicGroup::read_subscriptions() {
  topics_.reset();
  if (!uses_consumer_protocol() || (!members_.is_empty() && !protocol_name_)) return;
  std::set<std::string, std::less<>> topics;
  for (const auto& [id, member] : members_.all()) {
    auto subscribed = subscribed_topics(member.metadata_of(*protocol_name_));
    if (!subscribed) {
      log::debug("group.unreadable_subscription", "group={} member={}: {}", log::client(this->id()),
                 log::client(id), subscribed.error().message);
      return;
    }
    for (std::string& topic : *subscribed) topics.insert(std::move(topic));
  }
  topics_ = std::move(topics);
}

bool ClassicGroup::subscribes_to(std::string_view topic) const {
  return topics_ ? topics_->contains(topic) : uses_consumer_protocol();
}

bool ClassicGroup::uses_consumer_protocol() const {
  return protocol_type_ == consumer_protocol_type;
}

bool ClassicGroup::is_simple_group() const {
  return !protocol_type_ && is_empty() && members_.pending().empty();
}

std::string_view ClassicGroup::state_name() const {
  switch (state_) {
    case State::empty:
      return "Empty";
    case State::preparing_rebalance:
      return "PreparingRebalance";
    case State::completing_rebalance:
      return "CompletingRebalance";
    case State::stable:
      return "Stable";
  }
  return "";
}

std::string_view ClassicGroup::protocol_type() const {
  return protocol_type_ ? std::string_view(*protocol_type_) : std::string_view();
}

protocol::DescribeGroupsResponse::Group ClassicGroup::describe(const Caller&) const {
  protocol::DescribeGroupsResponse::Group group;
  group.group_id = id();
  group.group_state = state_name();
  group.protocol_type = protocol_type();
  // Before it is stable the protocol is not settled, so neither it nor what belongs to it is told.
  const bool is_stable = state_ == State::stable;
  if (is_stable) group.protocol_data = protocol_name_.value_or("");
  for (const auto& [id, member] : members_.all())
    group.members.push_back(
        {.member_id = id,
         .group_instance_id = member.instance_id,
         .client_id = member.client.id,
         .client_host = member.client.host,
         .member_metadata = is_stable ? member.metadata_of(group.protocol_data) : Bytes{},
         .member_assignment = member.assignment});
  return group;
}

ErrorCode ClassicGroup::check_commit(Step& step, const OffsetClient& client) {
  // From an administrator, or from a consumer that assigns partitions to itself.
  if (client.generation_or_epoch < 0 && state_ == State::empty) return ErrorCode::none;

  const bool names_member =
      client.generation_or_epoch >= 0 || !client.member_id.empty() || client.group_instance_id;
  if (names_member) {
    const ErrorCode code = check_member(client.member_id, client.group_instance_id);
    if (code != ErrorCode::none) return code;
    if (client.generation_or_epoch != generation_) return ErrorCode::illegal_generation;
  } else if (!client.is_transactional) {
    // Transactional commits named no member before KIP-447, so that those are taken from anybody.
    return ErrorCode::unknown_member_id;
  }
  if (client.is_transactional) return ErrorCode::none;
  // The member has joined this generation and does not know its share of it yet.
  if (state_ == State::completing_rebalance) return ErrorCode::rebalance_in_progress;
  if (const ClassicMember* member = members_.find(client.member_id)) renew_session(step, *member);
  return ErrorCode::none;
}

ErrorCode ClassicGroup::check_fetch(const OffsetClient&) const {
  return ErrorCode::none;
}

ErrorCode ClassicGroup::check_delete() const {
  return is_empty() ? ErrorCode::none : ErrorCode::non_empty_group;
}

}  // namespace moldau::group
