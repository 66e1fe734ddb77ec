// InitProducerId for idempotent producers (KIP-98, KIP-360); transactions come with their coordinator.

#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void init_producer_id(const Services& services, const RequestContext&,
                      protocol::InitProducerIdRequest request,
                      Reply<protocol::InitProducerIdResponse> reply) {
  using protocol::ErrorCode;
  protocol::InitProducerIdResponse response;
  response.producer_epoch = no_producer_epoch;
  if (request.transactional_id) {
    response.error_code = request.transactional_id->empty()
                              ? ErrorCode::invalid_request
                              : ErrorCode::coordinator_not_available;
    reply(response);
    return;
  }
  services.producer_ids.next([reply = std::move(reply)](base::Result<ProducerId> id) mutable {
    protocol::InitProducerIdResponse answer;
    if (id) {
      answer.producer_id = id.value();
      answer.producer_epoch = ProducerEpoch{0};
    } else {
      answer.error_code = ErrorCode::coordinator_load_in_progress;  // Retriable everywhere.
      answer.producer_epoch = no_producer_epoch;
    }
    reply(answer);
  });
}

}  // namespace moldau::api
