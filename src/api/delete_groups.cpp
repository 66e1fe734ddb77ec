// DeleteGroups.  The rules are the group machine's (edge case 60).

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void delete_groups(const Services& services, const RequestContext& context,
                   protocol::DeleteGroupsRequest request,
                   Reply<protocol::DeleteGroupsResponse> reply) {
  auto pending = std::make_shared<DurableReply<protocol::DeleteGroupsResponse>>(std::move(reply));
  for (const auto& group_id : request.groups_names) {
    auto& result = pending->response().results.emplace_back();
    result.group_id = group_id;
    join_step(
        services.groups, context, group_id, pending,
        [&](group::Machine& machine, group::Step& step) {
          result = machine.delete_group(step, group_id);
        },
        [&](protocol::ErrorCode code) { result.error_code = code; });
  }
  pending->durable();
}

}  // namespace moldau::api
