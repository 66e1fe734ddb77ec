// SyncGroup: parked until the leader's assignment is there.  The rules are the group machine's.

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void sync_group(const Services& services, const RequestContext& context, protocol::SyncGroupRequest request,
                Reply<protocol::SyncGroupResponse> reply) {
  const std::string group_id = request.group_id;
  park_step(services.groups, context, group_id, std::move(reply),
            [&](group::Machine& machine, group::Step& step,
                group::Answer<protocol::SyncGroupResponse> answer) {
              machine.sync_group(step, caller_of(context), std::move(request), std::move(answer));
            });
}

}  // namespace moldau::api
