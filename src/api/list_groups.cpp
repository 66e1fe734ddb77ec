// ListGroups: the groups of every partition of __consumer_offsets.

#include <iterator>

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void list_groups(const Services& services, const RequestContext& context,
                 protocol::ListGroupsRequest request, Reply<protocol::ListGroupsResponse> reply) {
  auto pending = std::make_shared<DurableReply<protocol::ListGroupsResponse>>(std::move(reply));
  auto& groups = pending->response().groups;
  join_all_steps(services.groups, context, pending, [&](group::Machine& machine, group::Step&) {
    auto found = machine.list(request);
    std::move(found.begin(), found.end(), std::back_inserter(groups));
  });
  pending->durable();
}

}  // namespace moldau::api
