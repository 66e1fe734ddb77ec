// LeaveGroup.  The rules are the group machine's.

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void leave_group(const Services& services, const RequestContext& context, protocol::LeaveGroupRequest request,
               Reply<protocol::LeaveGroupResponse> reply) {
  answer_step(services.groups, context, request.group_id, std::move(reply),
              [&](group::Machine& machine, group::Step& step) {
                return machine.leave_group(step, caller_of(context), request);
              });
}

}  // namespace moldau::api
