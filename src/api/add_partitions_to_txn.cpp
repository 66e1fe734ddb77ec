// AddPartitionsToTxn: of one transaction up to version 3, of several from version 4 on, which brokers send to each
// other, to add or only to verify (KIP-98, KIP-890; edge case 69).

#include "coordinator_step.hpp"
#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {
namespace {

using protocol::AddPartitionsToTxnRequest;
using protocol::AddPartitionsToTxnResponse;
using protocol::ErrorCode;

constexpr std::int16_t first_of_brokers = 4;

/// The request of one transaction in the shape of version 4.
void as_several(AddPartitionsToTxnRequest& request) {
  request.transactions.push_back({.transactional_id = std::move(request.v3_and_below_transactional_id),
                                  .producer_id = request.v3_and_below_producer_id,
                                  .producer_epoch = request.v3_and_below_producer_epoch,
                                  .verify_only = false,
                                  .topics = std::move(request.v3_and_below_topics)});
}

AddPartitionsToTxnResponse::Transaction skeleton_of(
    const AddPartitionsToTxnRequest::Transaction& wanted) {
  AddPartitionsToTxnResponse::Transaction answer;
  answer.transactional_id = wanted.transactional_id;
  for (const auto& topic : wanted.topics) {
    auto& answered = answer.topic_results.emplace_back();
    answered.name = topic.name;
    for (const auto index : topic.partitions)
      answered.results_by_partition.push_back({.partition_index = index});
  }
  return answer;
}

/// Calls `visit(topic, result)` for each partition.
void for_each_result(AddPartitionsToTxnResponse::Transaction& answer, auto visit) {
  for (auto& topic : answer.topic_results)
    for (auto& result : topic.results_by_partition) visit(topic.name, result);
}

/// A partition that cannot be in the transaction keeps all others out of it.
bool check_partitions(const metadata::MetadataImage& image, std::int16_t version,
                      AddPartitionsToTxnResponse::Transaction& answer) {
  bool are_all_there = true;
  for_each_result(answer, [&](const std::string& name, auto& result) {
    const auto* topic = image.find_topic(name);
    if (version < first_of_brokers && metadata::is_internal_topic(name)) {
      result.partition_error_code = ErrorCode::topic_authorization_failed;
    } else if (topic == nullptr || topic->find(result.partition_index) == nullptr) {
      result.partition_error_code = ErrorCode::unknown_topic_or_partition;
    } else {
      return;
    }
    are_all_there = false;
  });
  if (are_all_there) return true;
  for_each_result(answer, [](const std::string&, auto& result) {
    if (result.partition_error_code == ErrorCode::none)
      result.partition_error_code = ErrorCode::operation_not_attempted;
  });
  return false;
}

txn::Enlistment enlistment_of(const AddPartitionsToTxnRequest::Transaction& wanted,
                              std::int16_t version) {
  using enum txn::Enlistment::Mode;
  txn::Enlistment enlistment;
  enlistment.transactional_id = wanted.transactional_id;
  enlistment.producer = {wanted.producer_id, wanted.producer_epoch};
  // What brokers add is on behalf of a client that has just written.
  enlistment.mode = wanted.verify_only          ? verify
                    : version < first_of_brokers ? add
                                                 : add_by_write;
  for (const auto& topic : wanted.topics)
    for (const auto index : topic.partitions) enlistment.partitions.push_back({topic.name, index});
  return enlistment;
}

}  // namespace

void add_partitions_to_txn(const Services& services, const RequestContext& context,
                           AddPartitionsToTxnRequest request,
                           Reply<AddPartitionsToTxnResponse> reply) {
  const bool is_single = context.version < first_of_brokers;
  if (is_single) as_several(request);
  const auto image = services.metadata.image();
  auto pending = std::make_shared<DurableReply<AddPartitionsToTxnResponse>>(std::move(reply));
  for (const auto& wanted : request.transactions) {
    auto& answer = pending->response().results_by_transaction.emplace_back(skeleton_of(wanted));
    if (!check_partitions(*image, context.version, answer)) continue;
    join_step(
        services.transactions, context, wanted.transactional_id, pending,
        [&](txn::Machine& machine, txn::Step& step) {
          const auto codes = machine.enlist(step, txn_caller(context),
                                            enlistment_of(wanted, context.version));
          auto code = codes.begin();
          for_each_result(answer, [&](const std::string&, auto& result) {
            result.partition_error_code = known_to_client(*code++, context.version, 2);
          });
        },
        [&](ErrorCode code) {
          for_each_result(answer, [&](const std::string&, auto& result) {
            result.partition_error_code = code;
          });
        });
  }
  if (is_single)
    pending->response().results_by_topic_v3_and_below =
        std::move(pending->response().results_by_transaction.front().topic_results);
  pending->durable();
}

}  // namespace moldau::api
