// ConsumerGroupDescribe (KIP-848).  The rules are the group machine's.

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void consumer_group_describe(const Services& services, const RequestContext& context,
                             protocol::ConsumerGroupDescribeRequest request,
                             Reply<protocol::ConsumerGroupDescribeResponse> reply) {
  auto pending =
      std::make_shared<DurableReply<protocol::ConsumerGroupDescribeResponse>>(std::move(reply));
  auto& groups = pending->response().groups;
  for (const auto& group_id : request.group_ids) {
    auto& answer = groups.emplace_back();
    answer.group_id = group_id;
    if (!serves_consumer_protocol(services)) {
      answer.error_code = protocol::ErrorCode::unsupported_version;
      continue;
    }
    if (group_id.empty()) {
      answer.error_code = protocol::ErrorCode::invalid_group_id;
      continue;
    }
    join_step(
        services.groups, context, group_id, pending,
        [&](group::Machine& machine, group::Step& step) {
          answer = machine.describe_consumer(step, caller_of(context), group_id);
        },
        [&](protocol::ErrorCode code) { answer.error_code = code; });
    if (request.include_authorized_operations && answer.error_code == protocol::ErrorCode::none)
      answer.authorized_operations = all_group_operations;
  }
  pending->durable();
}

}  // namespace moldau::api
