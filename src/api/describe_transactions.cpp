// DescribeTransactions (KIP-664).

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void describe_transactions(const Services& services, const RequestContext& context,
                           protocol::DescribeTransactionsRequest request,
                           Reply<protocol::DescribeTransactionsResponse> reply) {
  auto pending =
      std::make_shared<DurableReply<protocol::DescribeTransactionsResponse>>(std::move(reply));
  auto& states = pending->response().transaction_states;
  for (const auto& id : request.transactional_ids) {
    auto& state = states.emplace_back();
    state.transactional_id = id;
    join_step(
        services.transactions, context, id, pending,
        [&](txn::Machine& machine, txn::Step&) { state = machine.describe(id); },
        [&](protocol::ErrorCode code) { state.error_code = code; });
  }
  pending->durable();
}

}  // namespace moldau::api
