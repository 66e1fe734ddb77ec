// Joining a classic group, and its rebalances.

#include <algorithm>
#include <utility>

#include "group/classic_group.hpp"
#include "moldau/base/log.hpp"

namespace moldau::group {

using protocol::ErrorCode;

namespace {

constexpr std::int16_t skip_assignment_from = 9;     // KIP-814

/// A new member's JoinGroup may wait so long: as its id is not known to it yet, it can neither send
/// heartbeats nor ask for this wait again, so that a client that went away would be waited for
/// always.
constexpr base::Milliseconds new_member_join_timeout{5 * 60 * 1000};

/// Where nobody joined although there are members, the next look comes no sooner than this.
constexpr base::Milliseconds postponed_join_min{1'000};

/// "0b4c1d2e-….", as Java prints a random UUID.
std::string uuid_text(base::Random& random) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  const base::Uuid uuid = base::Uuid::random(random);
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(digits[uuid.bytes[i] >> 4]);
    text.push_back(digits[uuid.bytes[i] & 15]);
  }
  return text;
}

/// Votes are counted by name, so no name may be there twice.
void keep_first_of_each_name(std::vector<ClassicMember::Protocol>& protocols) {
  std::set<std::string, std::less<>> names;
  std::erase_if(protocols,
                [&](const auto& protocol) { return !names.insert(protocol.name).second; });
}

}  // namespace

std::optional<ErrorCode> ClassicGroup::check_join(const GroupOptions& options,
                                                  const protocol::JoinGroupRequest& request) {
  if (request.group_id.empty()) return ErrorCode::invalid_group_id;
  const base::Milliseconds session_timeout(request.session_timeout_ms);
  if (session_timeout < options.session_timeout_min ||
      session_timeout > options.session_timeout_max)
    return ErrorCode::invalid_session_timeout;
  // Kafka creates the group first and then refuses; nothing would ever use that group.
  if (request.member_id.empty() && (request.protocol_type.empty() || request.protocols.empty()))
    return ErrorCode::inconsistent_group_protocol;
  return std::nullopt;
}

void ClassicGroup::join(Step& step, const Caller& caller, protocol::JoinGroupRequest request,
                        JoinAnswer answer) {
  Join join{caller, std::move(request), std::move(answer)};
  const std::string member_id = join.request.member_id;
  if (const auto code = check_join(step.options, join.request))
    return refuse(step, join, *code, member_id);
  // The field came with version 1.
  if (caller.version == 0) join.request.rebalance_timeout_ms = join.request.session_timeout_ms;
  keep_first_of_each_name(join.request.protocols);
  if (!is_in_log_) {
    // Nothing of a group that gathers its first members is in the log before they have got their
    // assignment.  The empty group is, so that it is there after a restart.
    state_since_ms_ = step.now.wall_ms;
    write_record(step);
  }
  if (!accepts(step.options, member_id)) {
    remove_member(step, member_id);
    refuse(step, join, ErrorCode::group_max_size_reached, "");
    return maybe_complete_join(step);
  }
  return member_id.empty() ? join_new(step, join) : join_known(step, join);
}

void ClassicGroup::refuse(Step& step, Join& join, ErrorCode code, const std::string& member_id) {
  protocol::JoinGroupResponse response;
  response.error_code = code;
  response.member_id = member_id;
  step.effects.answer(join.answer, std::move(response));
}

bool ClassicGroup::accepts(const GroupOptions& options, std::string_view member_id) const {
  const auto is_below_max = [&](std::size_t count) {
    return std::cmp_less(count, options.group_size_max);
  };
  switch (state_) {
    case State::empty:
      return true;
    case State::preparing_rebalance: {
      // Those who have joined count: a group that is too large leaves out who joins last.
      const auto place = members_.all().find(member_id);
      return (place != members_.all().end() && place->second.awaits_join()) ||
             is_below_max(members_.awaiting_join_count());
    }
    case State::completing_rebalance:
    case State::stable:
      return members_.contains(member_id) || is_below_max(members_.size());
  }
  return false;
}

bool ClassicGroup::supports(const protocol::JoinGroupRequest& request) const {
  if (state_ == State::empty) return !request.protocol_type.empty() && !request.protocols.empty();
  return protocol_type_ == request.protocol_type && members_.support_any(request.protocols);
}

void ClassicGroup::join_new(Step& step, Join& join) {
  if (!supports(join.request))
    return refuse(step, join, ErrorCode::inconsistent_group_protocol, "");
  const auto& instance_id = join.request.group_instance_id;
  const std::string new_id =
      instance_id.value_or(join.caller.client.id) + "-" + uuid_text(step.random);
  if (instance_id) {
    const std::string* current = members_.static_id(*instance_id);
    if (current == nullptr) return add_member(step, join, new_id);
    return replace_static(step, join, std::string(*current), new_id);
  }
  if (join.caller.version < member_id_required_from) return add_member(step, join, new_id);
  members_.add_pending(new_id);
  step.deadlines.set(session_key(new_id),
                     step.now.steady + base::Milliseconds(join.request.session_timeout_ms));
  refuse(step, join, ErrorCode::member_id_required, new_id);
}

void ClassicGroup::join_known(Step& step, Join& join) {
  const protocol::JoinGroupRequest& request = join.request;
  const std::string member_id = request.member_id;
  if (!supports(request))
    return refuse(step, join, ErrorCode::inconsistent_group_protocol, member_id);
  if (members_.is_pending(member_id)) {
    // Static members are never told to come back with an id: Kafka fails on this one, too.
    if (request.group_instance_id) return refuse(step, join, ErrorCode::unknown_server_error, "");
    return add_member(step, join, member_id);
  }
  protocol::JoinGroupResponse response;
  response.error_code = check_member(member_id, request.group_instance_id);
  if (response.error_code != ErrorCode::none) {
    response.member_id = member_id;
    response.protocol_name = std::nullopt;
    return step.effects.answer(join.answer, std::move(response));
  }
  ClassicMember& member = *members_.find(member_id);
  // A leader that joins again wants another assignment: it has seen what it depends on change.
  const bool wants_rebalance = state_ == State::preparing_rebalance ||
                               !member.has_protocols(request.protocols) ||
                               (state_ == State::stable && members_.is_leader(member_id));
  if (wants_rebalance) return rejoin(step, join, member);
  // Its last answer may have been lost.
  step.effects.answer(join.answer, generation_response(member));
}

void ClassicGroup::add_member(Step& step, Join& join, const std::string& member_id) {
  if (members_.is_empty()) protocol_type_ = join.request.protocol_type;
  if (initial_wait_) initial_wait_->has_new_member = true;
  members_.add({.id = member_id,
                .instance_id = join.request.group_instance_id,
                .client = join.caller.client,
                .rebalance_timeout_ms = join.request.rebalance_timeout_ms,
                .session_timeout_ms = join.request.session_timeout_ms,
                .protocols = std::move(join.request.protocols),
                .join_answer = std::move(join.answer),
                .is_new = true});
  step.deadlines.set(session_key(member_id), step.now.steady + new_member_join_timeout);
  rebalance_or_complete(step, join.request.reason.value_or("a member joined"));
}

void ClassicGroup::rejoin(Step& step, Join& join, ClassicMember& member) {
  members_.update(member, join.request);
  if (auto before = members_.park_join(member, std::move(join.answer))) {
    // Its client gave up on that one.
    protocol::JoinGroupResponse response;
    response.error_code = ErrorCode::rebalance_in_progress;
    response.member_id = member.id;
    step.effects.answer(before, std::move(response));
  }
  rebalance_or_complete(step, join.request.reason.value_or("a member joined again"));
}

void ClassicGroup::replace_static(Step& step, Join& join, const std::string& old_id,
                                  const std::string& new_id) {
  const std::string leader_before = members_.leader().value_or("");
  ClassicMember old = members_.replace(old_id, new_id);
  if (old.awaits_join()) {
    protocol::JoinGroupResponse response;
    response.error_code = ErrorCode::fenced_instance_id;
    response.member_id = old_id;
    response.protocol_name = std::nullopt;
    step.effects.answer(old.join_answer, std::move(response));
  }
  if (old.awaits_sync()) {
    protocol::SyncGroupResponse response;
    response.error_code = ErrorCode::fenced_instance_id;
    step.effects.answer(old.sync_answer, std::move(response));
  }
  step.deadlines.clear(session_key(old_id));
  if (const auto place = pending_sync_.find(old_id); place != pending_sync_.end()) {
    pending_sync_.erase(place);
    pending_sync_.insert(new_id);
  }

  ClassicMember& member = *members_.find(new_id);
  members_.update(member, join.request);
  renew_session(step, member);
  if (state_ != State::stable || members_.vote() != protocol_name_) {
    members_.park_join(member, std::move(join.answer));
    // While CompletingRebalance, the leader may know the old id only and would give the new one
    // nothing.
    return rebalance_or_complete(step, join.request.reason.value_or("a static member came back"));
  }
  // What it is assigned stays its own: nobody else need notice.
  read_subscriptions();
  write_record(step);
  protocol::JoinGroupResponse response = generation_response(member);
  if (join.caller.version >= skip_assignment_from) {
    response.skip_assignment = members_.is_leader(new_id);
  } else {
    // A leader would assign anew, and none of the others would be there for it.
    response.leader = leader_before;
    response.members.clear();
  }
  step.effects.answer(join.answer, std::move(response));
}

protocol::JoinGroupResponse ClassicGroup::generation_response(const ClassicMember& member) const {
  protocol::JoinGroupResponse response;
  response.generation_id = generation_;
  response.protocol_type = protocol_type_;
  response.protocol_name = protocol_name_;
  response.leader = members_.leader().value_or("");
  response.member_id = member.id;
  if (!members_.is_leader(member.id)) return response;
  for (const auto& [id, each] : members_.all())
    response.members.push_back({.member_id = id,
                                .group_instance_id = each.instance_id,
                                .metadata = each.metadata_of(protocol_name_.value_or(""))});
  return response;
}

void ClassicGroup::rebalance_or_complete(Step& step, std::string_view reason) {
  if (state_ == State::preparing_rebalance) return maybe_complete_join(step);
  prepare_rebalance(step, reason);
}

void ClassicGroup::prepare_rebalance(Step& step, std::string_view reason) {
  log::debug("group.rebalance", "group={} generation={} reason={}", log::client(id()), generation_,
             log::client(reason));
  if (state_ == State::completing_rebalance) fail_syncs(step);
  pending_sync_.clear();
  step.deadlines.clear(group_key(DeadlineKind::sync));
  const bool is_initial = state_ == State::empty;
  transition_to(step, State::preparing_rebalance);
  if (is_initial) {
    const base::Milliseconds delay = step.options.initial_rebalance_delay;
    initial_wait_ = {
        .delay = delay,
        .remaining = std::max(members_.rebalance_timeout() - delay, base::Milliseconds(0))};
    return step.deadlines.set(group_key(DeadlineKind::join), step.now.steady + delay);
  }
  if (members_.have_all_joined()) return complete_join(step);
  step.deadlines.set(group_key(DeadlineKind::join), step.now.steady + members_.rebalance_timeout());
}

void ClassicGroup::maybe_complete_join(Step& step) {
  if (state_ != State::preparing_rebalance || initial_wait_ || !members_.have_all_joined()) return;
  complete_join(step);
}

void ClassicGroup::extend_initial_wait(Step& step) {
  InitialWait& wait = *initial_wait_;
  if (!wait.has_new_member || wait.remaining == base::Milliseconds(0)) return complete_join(step);
  const base::Milliseconds delay = std::min(step.options.initial_rebalance_delay, wait.remaining);
  wait = {.delay = delay,
          .remaining = std::max(wait.remaining - wait.delay, base::Milliseconds(0))};
  step.deadlines.set(group_key(DeadlineKind::join), step.now.steady + delay);
}

void ClassicGroup::complete_join(Step& step) {
  step.deadlines.clear(group_key(DeadlineKind::join));
  initial_wait_.reset();
  // A static member may be restarting: it stays until its session ends.
  std::vector<std::string> missing;
  for (const auto& [id, member] : members_.all())
    if (!member.awaits_join() && !member.is_static()) missing.push_back(id);
  for (const std::string& id : missing) {
    log::debug("group.member_missed_rebalance", "group={} member={}", log::client(this->id()),
               log::client(id));
    remove_member(step, id);
  }
  if (!members_.elect_joined_leader() && !members_.is_empty()) {
    // Sessions will end, or members join: either ends this.
    step.deadlines.set(
        group_key(DeadlineKind::join),
        step.now.steady + std::max(members_.rebalance_timeout(), postponed_join_min));
    return;
  }
  begin_generation(step);
}

void ClassicGroup::begin_generation(Step& step) {
  generation_ = static_cast<std::int32_t>(static_cast<std::uint32_t>(generation_) + 1);
  is_recorded_to_rebalance_ = false;
  protocol_name_ = members_.vote();
  read_subscriptions();
  if (members_.is_empty()) {
    transition_to(step, State::empty);
    return write_record(step);
  }
  transition_to(step, State::completing_rebalance);
  for (auto& [id, member] : members_.all()) {
    if (auto answer = members_.take_join(member))
      step.effects.answer(answer, generation_response(member));
    renew_session(step, member);
    member.is_new = false;
    pending_sync_.insert(id);
  }
  step.deadlines.set(group_key(DeadlineKind::sync), step.now.steady + members_.rebalance_timeout());
}

}  // namespace moldau::group
