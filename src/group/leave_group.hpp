#pragma once
// LeaveGroup's two forms: one member in the request itself (versions 0 to 2), or many with a code
// each.

#include <vector>

#include "moldau/group/step.hpp"
#include "moldau/protocol/leave_group.hpp"

namespace moldau::group {

/// Who is to leave, whichever form the request has.
[[nodiscard]] std::vector<protocol::LeaveGroupRequest::Member> leaving_members(
    const Caller& caller, const protocol::LeaveGroupRequest& request);

/// The answer with what became of each: in the old form the first error is the whole answer.
[[nodiscard]] protocol::LeaveGroupResponse leave_response(
    const Caller& caller, std::vector<protocol::LeaveGroupResponse::Member> members);

/// The answer when none of them could leave, as where there is no such group (UNKNOWN_MEMBER_ID).
[[nodiscard]] protocol::LeaveGroupResponse nobody_left(const Caller& caller,
                                                       const protocol::LeaveGroupRequest& request,
                                                       protocol::ErrorCode code);

}  // namespace moldau::group
