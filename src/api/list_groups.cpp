// ListGroups: the groups of every partition of __consumer_offsets.

#include <iterator>

#include "group_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void list_groups(const Services& services, const RequestContext& context,
                 protocol::ListGroupsRequest request, Reply<protocol::ListGroupsResponse> reply) {
  auto pending = std::make_shared<DurableReply<protocol::ListGroupsResponse>>(std::move(reply));
  auto& groups = pending->response().groups;
  const auto outcome = services.groups.run_on_all(
      *context.loop, [&](group::Machine& machine, group::Step& step) {
        auto found = machine.list(request);
        std::move(found.begin(), found.end(), std::back_inserter(groups));
        pending->expect_more();
        step.effects.answers.push_back([pending] { pending->durable(); });
      });
  // A part of the list would look like the whole.
  if (outcome.refused != protocol::ErrorCode::none) pending->settle(outcome.refused);
  pending->durable();
}

}  // namespace moldau::api
