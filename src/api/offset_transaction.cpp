#include "offset_transaction.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "moldau/api/error_mapping.hpp"

namespace moldau::api {

using protocol::ErrorCode;

namespace {

/// Since this version the group's partition is added to the transaction here, and producers of
/// transaction.version 2 send it.
constexpr std::int16_t version_that_adds = 5;
/// Since this one producers know of TRANSACTION_ABORTABLE.
constexpr std::int16_t version_of_abortable = 4;
/// Before this one producers may not know that a coordinator can be loading (KAFKA-7296).
constexpr std::int16_t version_of_loading = 2;
/// A transaction that was looked up may be over before its offsets are stored.  Each time that takes
/// another loop's whole transaction in between.
constexpr int rounds_max = 3;

}  // namespace

OffsetTransaction::OffsetTransaction(const Services& services, const RequestContext& context,
                                     Request request, Reply<Response> reply)
    : services_(services),
      context_(context),
      request_(std::move(request)),
      producer_{request_.producer_id, request_.producer_epoch},
      adds_partition_(context.version >= version_that_adds),
      partition_(services.groups.partition_of(request_.group_id)),
      pending_(std::make_shared<DurableReply<Response>>(std::move(reply))) {}

void OffsetTransaction::run() {
  // What there is none of is answered without asking anybody, in Kafka too.
  auto unknown = group::Machine::refuse(*services_.metadata.image(), caller_of(context_), request_,
                                        ErrorCode::none);
  const auto is_unknown = [](const auto& topic) {
    return std::ranges::all_of(topic.partitions, [](const auto& partition) {
      return partition.error_code != ErrorCode::none;
    });
  };
  if (std::ranges::all_of(unknown.topics, is_unknown)) {
    pending_->response() = std::move(unknown);
    return pending_->durable();
  }
  if (request_.group_id.empty()) return refuse(ErrorCode::invalid_group_id);
  if (!partition_) return refuse(ErrorCode::not_coordinator);
  if (!adds_partition_ && is_left()) return refuse(ErrorCode::not_coordinator);
  for (int round = 0; round < rounds_max; ++round) {
    if (store()) return;
    if (const auto code = enlist(); code != ErrorCode::none) return refuse(code);
  }
  refuse(ErrorCode::concurrent_transactions);
}

/// The log cannot tell: to an older client, the next transaction of the group has the same epoch.
bool OffsetTransaction::is_left() const {
  bool is_left = false;
  // Where the coordinator does not serve, nobody can tell.
  (void)services_.transactions.run(
      request_.transactional_id, *context_.loop, [&](txn::Machine& machine, txn::Step&) {
        is_left = machine.is_left_by_offsets(txn_caller(context_), request_.transactional_id, producer_);
      });
  return is_left;
}

bool OffsetTransaction::store() {
  const auto log = services_.partitions.find(group::offsets_topic, *partition_);
  if (log == nullptr) {
    refuse(ErrorCode::not_coordinator);
    return true;
  }
  bool is_answered = false;
  const auto refused = services_.groups.run(
      request_.group_id, *context_.loop, [&](group::Machine& machine, group::Step& step) {
        // The shard's lock is held: no marker comes between this look and the offsets.
        const auto begun = log->log().begin_verification(producer_.id, producer_.epoch, 0);
        if (begun && begun.value() && begun.value() != verified_) {
          verified_ = begun.value();
          return;
        }
        is_answered = true;
        pending_->response() =
            begun ? machine.txn_offset_commit(step, caller_of(context_), request_)
                  : group::Machine::refuse(step.image, caller_of(context_), request_,
                                           error_code(begun.error().code));
        step.effects.answers.push_back([pending = pending_] { pending->durable(); });
      });
  if (refused == ErrorCode::none) return is_answered;
  refuse(refused);
  return true;
}

ErrorCode OffsetTransaction::enlist() {
  if (!adds_partition_ && !services_.config().flag("transaction.partition.verification.enable"))
    return ErrorCode::none;
  using Mode = txn::Enlistment::Mode;
  const txn::Enlistment wanted{
      .transactional_id = request_.transactional_id,
      .producer = producer_,
      .partitions = {{std::string(group::offsets_topic), *partition_}},
      .mode = adds_partition_ ? Mode::add_by_write : Mode::verify};
  auto code = ErrorCode::none;
  const auto refused = services_.transactions.run_ordered(
      request_.transactional_id, [&](txn::Machine& machine, txn::Step& step) {
        code = machine.enlist(step, txn_caller(context_), wanted).front();
      });
  return refused == ErrorCode::none ? code : refused;
}

void OffsetTransaction::refuse(ErrorCode code) {
  pending_->response() = group::Machine::refuse(*services_.metadata.image(), caller_of(context_),
                                                request_, as_of_commit(code));
  pending_->durable();
}

ErrorCode OffsetTransaction::as_of_commit(ErrorCode code) const {
  if (code == ErrorCode::producer_fenced) return ErrorCode::invalid_producer_epoch;
  if (code == ErrorCode::transaction_abortable && context_.version < version_of_abortable)
    return ErrorCode::invalid_txn_state;
  // Older producers give up on a code that they do not expect here, and come again on this one.
  if (code == ErrorCode::concurrent_transactions && !adds_partition_)
    code = ErrorCode::coordinator_load_in_progress;
  if (code == ErrorCode::coordinator_load_in_progress && context_.version < version_of_loading)
    return ErrorCode::coordinator_not_available;
  return code;
}

}  // namespace moldau::api
