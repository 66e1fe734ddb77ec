// A classic group's members fetch their assignment.

#include <utility>

#include "group/classic_group.hpp"
#include "moldau/base/log.hpp"

namespace moldau::group {

using protocol::ErrorCode;

namespace {

constexpr std::int16_t protocol_required_from = 5;  // KIP-559

/// A request that does not name it is taken at its word.
bool differs(const std::optional<std::string>& named, const std::optional<std::string>& is) {
  return named && is && *named != *is;
}

}  // namespace

std::optional<ErrorCode> ClassicGroup::check_sync(const Caller& caller,
                                                  const protocol::SyncGroupRequest& request) {
  if (caller.version >= protocol_required_from &&
      (!request.protocol_type || !request.protocol_name))
    return ErrorCode::inconsistent_group_protocol;
  if (request.group_id.empty()) return ErrorCode::invalid_group_id;
  return std::nullopt;
}

ErrorCode ClassicGroup::check_sync_in_group(const protocol::SyncGroupRequest& request) const {
  const ErrorCode code = check_member(request.member_id, request.group_instance_id);
  if (code != ErrorCode::none) return code;
  if (request.generation_id != generation_) return ErrorCode::illegal_generation;
  if (differs(request.protocol_type, protocol_type_) ||
      differs(request.protocol_name, protocol_name_))
    return ErrorCode::inconsistent_group_protocol;
  if (state_ == State::preparing_rebalance) return ErrorCode::rebalance_in_progress;
  return ErrorCode::none;
}

void ClassicGroup::sync(Step& step, const Caller& caller, protocol::SyncGroupRequest request,
                        SyncAnswer answer) {
  protocol::SyncGroupResponse response;
  const auto refused = check_sync(caller, request);
  response.error_code = refused ? *refused : check_sync_in_group(request);
  if (response.error_code != ErrorCode::none)
    return step.effects.answer(answer, std::move(response));

  ClassicMember& member = *members_.find(request.member_id);
  note_synced(step, member.id);
  if (state_ == State::stable) return step.effects.answer(answer, sync_response(member));

  if (auto before = std::exchange(member.sync_answer, std::move(answer))) {
    // Its client gave up on that one.
    response.error_code = ErrorCode::rebalance_in_progress;
    step.effects.answer(before, std::move(response));
  }
  if (members_.is_leader(member.id)) assign(step, request);
}

protocol::SyncGroupResponse ClassicGroup::sync_response(const ClassicMember& member) const {
  protocol::SyncGroupResponse response;
  response.protocol_type = protocol_type_;
  response.protocol_name = protocol_name_;
  response.assignment = member.assignment;
  return response;
}

void ClassicGroup::assign(Step& step, const protocol::SyncGroupRequest& request) {
  // Whom the leader left out gets nothing; whom it made up is passed over.
  for (auto& [id, member] : members_.all()) member.assignment.clear();
  for (const auto& assigned : request.assignments)
    if (ClassicMember* member = members_.find(assigned.member_id))
      member->assignment = assigned.assignment;
  // The record says since when the group has this generation, not since when it is stable.
  write_record(step);
  transition_to(step, State::stable);
  for (auto& [id, member] : members_.all()) {
    auto answer = std::exchange(member.sync_answer, {});
    if (!answer) continue;
    step.effects.answer(answer, sync_response(member));
    renew_session(step, member);
  }
}

void ClassicGroup::fail_syncs(Step& step) {
  for (auto& [id, member] : members_.all()) {
    member.assignment.clear();
    auto answer = std::exchange(member.sync_answer, {});
    if (!answer) continue;
    protocol::SyncGroupResponse response;
    response.error_code = ErrorCode::rebalance_in_progress;
    step.effects.answer(answer, std::move(response));
    renew_session(step, member);
  }
}

void ClassicGroup::note_synced(Step& step, std::string_view member_id) {
  const auto place = pending_sync_.find(member_id);
  if (place == pending_sync_.end()) return;
  pending_sync_.erase(place);
  if (pending_sync_.empty()) step.deadlines.clear(group_key(DeadlineKind::sync));
}

void ClassicGroup::expire_pending_sync(Step& step) {
  if (pending_sync_.empty()) return;
  for (const std::string& id : std::exchange(pending_sync_, {})) {
    log::debug("group.member_missed_sync", "group={} member={}", log::client(this->id()),
               log::client(id));
    remove_member(step, id);
  }
  prepare_rebalance(step, "members did not fetch their assignment");
}

}  // namespace moldau::group
