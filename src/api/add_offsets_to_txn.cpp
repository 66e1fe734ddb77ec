// AddOffsetsToTxn: the partition of __consumer_offsets that has the group becomes part of the transaction.

#include "coordinator_step.hpp"
#include "coordinator_topics.hpp"
#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using protocol::AddOffsetsToTxnRequest;
using protocol::AddOffsetsToTxnResponse;
using protocol::ErrorCode;

void add_group(const Services& services, const RequestContext& context,
               const AddOffsetsToTxnRequest& request, Reply<AddOffsetsToTxnResponse> reply) {
  const auto partition = services.groups.partition_of(request.group_id);
  if (!partition) {
    AddOffsetsToTxnResponse response;
    response.error_code = ErrorCode::coordinator_not_available;
    reply(response);
    return;
  }
  const txn::Enlistment enlistment{
      .transactional_id = request.transactional_id,
      .producer = {request.producer_id, request.producer_epoch},
      .partitions = {{std::string(group::offsets_topic), *partition}},
      .mode = txn::Enlistment::Mode::add};
  answer_step(services.transactions, context, request.transactional_id, std::move(reply),
              [&](txn::Machine& machine, txn::Step& step) {
                AddOffsetsToTxnResponse response;
                response.error_code =
                    known_to_client(machine.enlist(step, txn_caller(context), enlistment).front(),
                                    context.version, 2);
                return response;
              });
}

}  // namespace

void add_offsets_to_txn(const Services& services, const RequestContext& context,
                        AddOffsetsToTxnRequest request, Reply<AddOffsetsToTxnResponse> reply) {
  // Clients ask for the group's coordinator, who has the topic made, only after this.
  with_coordinator_topic(
      services, CoordinatorKind::group,
      [&services, context, request = std::move(request),
       reply = std::move(reply)](const auto&) mutable {
        if (context.loop->is_current()) {
          add_group(services, context, request, std::move(reply));
          return;
        }
        context.loop->post([&services, context, request = std::move(request),
                            reply = std::move(reply)]() mutable {
          add_group(services, context, request, std::move(reply));
        });
      });
}

}  // namespace moldau::api
