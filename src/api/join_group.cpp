// JoinGroup: parked until the generation that the member joins is complete.  The rules are the group machine's.

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void join_group(const Services& services, const RequestContext& context, protocol::JoinGroupRequest request,
                Reply<protocol::JoinGroupResponse> reply) {
  const std::string group_id = request.group_id;
  park_step(services.groups, context, group_id, std::move(reply),
            [&](group::Machine& machine, group::Step& step,
                group::Answer<protocol::JoinGroupResponse> answer) {
              machine.join_group(step, caller_of(context), std::move(request), std::move(answer));
            });
}

}  // namespace moldau::api
