// Heartbeat.  The rules are the group machine's.

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void heartbeat(const Services& services, const RequestContext& context, protocol::HeartbeatRequest request,
               Reply<protocol::HeartbeatResponse> reply) {
  answer_step(services.groups, context, request.group_id, std::move(reply),
              [&](group::Machine& machine, group::Step& step) {
                return machine.heartbeat(step, caller_of(context), request);
              });
}

}  // namespace moldau::api
