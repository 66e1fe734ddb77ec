// OffsetDelete (KIP-496).  The rules are the group machine's.

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void offset_delete(const Services& services, const RequestContext& context,
                   protocol::OffsetDeleteRequest request,
                   Reply<protocol::OffsetDeleteResponse> reply) {
  answer_step(services.groups, context, request.group_id, std::move(reply),
              [&](group::Machine& machine, group::Step& step) {
                return machine.offset_delete(step, request);
              });
}

}  // namespace moldau::api
