// DescribeGroups: classic groups.  The rules are the group machine's (edge case 60).

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void describe_groups(const Services& services, const RequestContext& context,
                     protocol::DescribeGroupsRequest request,
                     Reply<protocol::DescribeGroupsResponse> reply) {
  auto pending = std::make_shared<DurableReply<protocol::DescribeGroupsResponse>>(std::move(reply));
  auto& groups = pending->response().groups;
  for (const auto& group_id : request.groups) {
    auto& answer = groups.emplace_back();
    answer.group_id = group_id;
    join_step(
        services.groups, context, group_id, pending,
        [&](group::Machine& machine, group::Step&) {
          answer = machine.describe_classic(caller_of(context), group_id);
        },
        [&](protocol::ErrorCode code) { answer.error_code = code; });
    if (request.include_authorized_operations && answer.error_code == protocol::ErrorCode::none)
      answer.authorized_operations = all_group_operations;
  }
  pending->durable();
}

}  // namespace moldau::api
