#include "group/leave_group.hpp"

#include <algorithm>
#include <utility>

namespace moldau::group {
namespace {
constexpr std::int16_t many_members_from = 3;  // KIP-345
}  // namespace

std::vector<protocol::LeaveGroupRequest::Member> leaving_members(
    const Caller& caller, const protocol::LeaveGroupRequest& request) {
  if (caller.version >= many_members_from) return request.members;
  protocol::LeaveGroupRequest::Member member;
  member.member_id = request.member_id;
  return {std::move(member)};
}

protocol::LeaveGroupResponse leave_response(
    const Caller& caller, std::vector<protocol::LeaveGroupResponse::Member> members) {
  protocol::LeaveGroupResponse response;
  if (caller.version >= many_members_from) {
    response.members = std::move(members);
    return response;
  }
  const auto refused = std::ranges::find_if(
      members, [](const auto& member) { return member.error_code != protocol::ErrorCode::none; });
  if (refused != members.end()) response.error_code = refused->error_code;
  return response;
}

protocol::LeaveGroupResponse nobody_left(const Caller& caller,
                                         const protocol::LeaveGroupRequest& request,
                                         protocol::ErrorCode code) {
  std::vector<protocol::LeaveGroupResponse::Member> members;
  for (auto& leaving : leaving_members(caller, request))
    members.push_back({.member_id = std::move(leaving.member_id),
                       .group_instance_id = std::move(leaving.group_instance_id),
                       .error_code = code});
  return leave_response(caller, std::move(members));
}

}  // namespace moldau::group
