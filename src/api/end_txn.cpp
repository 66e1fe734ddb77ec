// EndTxn.  The rules are the transaction machine's (edge cases 66 and 67).

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void end_txn(const Services& services, const RequestContext& context,
             protocol::EndTxnRequest request, Reply<protocol::EndTxnResponse> reply) {
  answer_step(services.transactions, context, request.transactional_id, std::move(reply),
              [&](txn::Machine& machine, txn::Step& step) {
                return machine.end_txn(step, txn_caller(context), request);
              });
}

}  // namespace moldau::api
