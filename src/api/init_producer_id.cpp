// InitProducerId: for idempotent producers from the blocks of ids, for transactional ones from the coordinator of
// their id (KIP-98, KIP-360; edge case 65).

#include <utility>

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::InitProducerIdResponse;

/// What names no producer, or a whole one.
bool names_one_or_none(const protocol::InitProducerIdRequest& request) {
  return (request.producer_id == no_producer_id) == (request.producer_epoch == no_producer_epoch);
}

void of_transactional_id(const Services& services, const RequestContext& context,
                         const protocol::InitProducerIdRequest& request,
                         Reply<InitProducerIdResponse> reply) {
  auto pending = std::make_shared<DurableReply<InitProducerIdResponse>>(std::move(reply));
  auto& response = pending->response();
  const auto ask = [&] {
    join_step(
        services.transactions, context, *request.transactional_id, pending,
        [&](txn::Machine& machine, txn::Step& step) {
          response = machine.init_producer_id(step, txn_caller(context), request);
        },
        [&](ErrorCode code) { refuse(response, code); });
  };
  ask();
  // An open transaction has been aborted by that, usually markers and all.  Kafka's clients would come again
  // after a pause.
  if (response.error_code == ErrorCode::concurrent_transactions) ask();
  pending->durable();
}

}  // namespace

void init_producer_id(const Services& services, const RequestContext& context,
                      protocol::InitProducerIdRequest request,
                      Reply<InitProducerIdResponse> reply) {
  InitProducerIdResponse response;
  const auto& id = request.transactional_id;
  if (!names_one_or_none(request) || (id && id->empty())) {
    refuse(response, ErrorCode::invalid_request);
    reply(response);
    return;
  }
  if (id) {
    of_transactional_id(services, context, request, std::move(reply));
    return;
  }
  services.producer_ids.next([reply = std::move(reply)](base::Result<ProducerId> given) mutable {
    InitProducerIdResponse answer;
    if (given) {
      answer.producer_id = given.value();
    } else {
      refuse(answer, ErrorCode::coordinator_load_in_progress);  // Retriable everywhere.
    }
    reply(answer);
  });
}

}  // namespace moldau::api
