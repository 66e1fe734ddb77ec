// ConsumerGroupHeartbeat (KIP-848).  The rules are the group machine's.

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void consumer_group_heartbeat(const Services& services, const RequestContext& context, protocol::ConsumerGroupHeartbeatRequest request,
               Reply<protocol::ConsumerGroupHeartbeatResponse> reply) {
  if (!serves_consumer_protocol(services)) {
    protocol::ConsumerGroupHeartbeatResponse response;
    response.error_code = protocol::ErrorCode::unsupported_version;
    response.error_message =
        "The consumer group protocol is off: group.version has to be 1 and "
        "group.coordinator.rebalance.protocols has to have consumer in it.";
    reply(response);
    return;
  }
  answer_step(services.groups, context, request.group_id, std::move(reply),
              [&](group::Machine& machine, group::Step& step) {
                return machine.consumer_group_heartbeat(step, caller_of(context), request);
              });
}

}  // namespace moldau::api
