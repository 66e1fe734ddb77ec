// JoinGroup: parked until the generation that the member joins is complete.  The rules are the group machine's.

#include "group_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void join_group(const Services& services, const RequestContext& context, protocol::JoinGroupRequest request,
                Reply<protocol::JoinGroupResponse> reply) {
  auto pending = std::make_shared<DurableReply<protocol::JoinGroupResponse>>(std::move(reply));
  context.connection->park(pending);
  const std::string group_id = request.group_id;
  const auto refused = services.groups.run(
      group_id, *context.loop, [&](group::Machine& machine, group::Step& step) {
        machine.join_group(step, caller_of(context), std::move(request),
                       [pending](protocol::JoinGroupResponse response) {
                         pending->response() = std::move(response);
                         pending->durable();
                       });
      });
  if (refused != protocol::ErrorCode::none) pending->settle(refused);
}

}  // namespace moldau::api
