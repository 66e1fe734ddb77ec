// ListTransactions (KIP-664, KIP-994, KIP-1152): those of every partition of __transaction_state.

#include <iterator>

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void list_transactions(const Services& services, const RequestContext& context,
                       protocol::ListTransactionsRequest request,
                       Reply<protocol::ListTransactionsResponse> reply) {
  protocol::ListTransactionsResponse response;
  const auto filter = txn::TransactionFilter::of(request);
  if (!filter) {
    response.error_code = protocol::ErrorCode::invalid_regular_expression;
    reply(response);
    return;
  }
  response.unknown_state_filters = filter.value().unknown_states();
  auto pending =
      std::make_shared<DurableReply<protocol::ListTransactionsResponse>>(std::move(reply));
  pending->response() = std::move(response);
  auto& states = pending->response().transaction_states;
  join_all_steps(services.transactions, context, pending,
                 [&](txn::Machine& machine, txn::Step& step) {
                   auto found = machine.list(step.now, filter.value());
                   std::move(found.begin(), found.end(), std::back_inserter(states));
                 });
  pending->durable();
}

}  // namespace moldau::api
