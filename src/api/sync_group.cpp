// SyncGroup: parked until the leader's assignment is there.  The rules are the group machine's.

#include "group_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void sync_group(const Services& services, const RequestContext& context, protocol::SyncGroupRequest request,
                Reply<protocol::SyncGroupResponse> reply) {
  auto pending = std::make_shared<DurableReply<protocol::SyncGroupResponse>>(std::move(reply));
  context.connection->park(pending);
  const std::string group_id = request.group_id;
  const auto refused = services.groups.run(
      group_id, *context.loop, [&](group::Machine& machine, group::Step& step) {
        machine.sync_group(step, caller_of(context), std::move(request),
                       [pending](protocol::SyncGroupResponse response) {
                         pending->response() = std::move(response);
                         pending->durable();
                       });
      });
  if (refused != protocol::ErrorCode::none) pending->settle(refused);
}

}  // namespace moldau::api
