// WriteTxnMarkers: the ends of transactions, sent to the leaders of their partitions by the transaction coordinators
// of other brokers, and by an operator who ends one that hangs (edge cases 21 to 24).

#include "coordinator_step.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::WriteTxnMarkersRequest;
using protocol::WriteTxnMarkersResponse;

/// Who sends markers asks leaders, and knows no coordinator's code.
ErrorCode as_of_leader(ErrorCode code) {
  switch (code) {
    case ErrorCode::coordinator_not_available:
    case ErrorCode::coordinator_load_in_progress:
    case ErrorCode::not_coordinator: return ErrorCode::not_leader_or_follower;
    default: return code;
  }
}

coordinator::Marker marker_of(const WriteTxnMarkersRequest::Marker& wanted) {
  return {.producer = {wanted.producer_id, wanted.producer_epoch},
          .commit = wanted.transaction_result,
          .coordinator_epoch = wanted.coordinator_epoch,
          .transaction_version = wanted.transaction_version};
}

}  // namespace

void write_txn_markers(const Services& services, const RequestContext&,
                       WriteTxnMarkersRequest request, Reply<WriteTxnMarkersResponse> reply) {
  auto pending = std::make_shared<DurableReply<WriteTxnMarkersResponse>>(std::move(reply));
  for (const auto& wanted : request.markers) {
    auto& answered = pending->response().markers.emplace_back();
    answered.producer_id = wanted.producer_id;
    for (const auto& topic : wanted.topics) {
      auto& answered_topic = answered.topics.emplace_back();
      answered_topic.name = topic.name;
      for (const auto index : topic.partition_indexes) {
        auto& result = answered_topic.partitions.emplace_back();
        result.partition_index = index;
        pending->expect_more();
        const auto code = services.markers.write({topic.name, index}, marker_of(wanted),
                                                 [pending] { pending->durable(); });
        if (code == ErrorCode::none) continue;
        result.error_code = as_of_leader(code);
        pending->durable();
      }
    }
  }
  pending->durable();
}

}  // namespace moldau::api
