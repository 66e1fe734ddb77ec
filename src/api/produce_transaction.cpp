#include "produce_transaction.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "coordinator_step.hpp"
#include "moldau/api/error_mapping.hpp"
#include "moldau/record/batch_view.hpp"

namespace moldau::api {

using protocol::ErrorCode;

namespace {

/// Since this version the leader adds partitions to the transaction, and producers of transaction.version 2
/// send it.
constexpr std::int16_t version_that_adds = 12;
/// Since this one producers know of TRANSACTION_ABORTABLE.
constexpr std::int16_t version_of_abortable = 11;
/// A transaction that was looked up may be over before its batch is appended.  Each time that takes another
/// loop's whole transaction in between.
constexpr int rounds_max = 3;

namespace at = record::batch_format;

bool is_transactional(base::ByteView batch) {
  return batch.size() >= at::header_bytes && static_cast<std::int8_t>(batch[at::magic_at]) == at::magic &&
         (base::load_be<std::int16_t>(batch.data() + at::attributes_at) &
          record::attribute::transactional) != 0;
}

coordinator::Producer producer_of(base::ByteView batch) {
  return {ProducerId{base::load_be<std::int64_t>(batch.data() + at::producer_id_at)},
          ProducerEpoch{base::load_be<std::int16_t>(batch.data() + at::producer_epoch_at)}};
}

}  // namespace

TransactionalPart transactional_part(const protocol::ProduceRequest& request) {
  TransactionalPart part;
  for (const auto& topic : request.topic_data) {
    for (const auto& data : topic.partition_data) {
      if (!data.records || data.records->empty()) continue;
      const auto* bytes = std::get_if<base::SharedBytes>(&data.records->pieces().front());
      if (bytes == nullptr || !is_transactional(bytes->view())) continue;
      part.exists = true;
      const auto producer = producer_of(bytes->view());
      if (producer.id.value() < 0) continue;  // its batch is refused for that
      if (part.producer && !(*part.producer == producer)) part.has_several = true;
      part.producer = producer;
    }
  }
  return part;
}

ProduceTransaction::ProduceTransaction(const Services& services, const RequestContext& context,
                                       std::string transactional_id,
                                       const coordinator::Producer& producer)
    : services_(services),
      context_(context),
      transactional_id_(std::move(transactional_id)),
      producer_(producer),
      adds_partitions_(context.version >= version_that_adds) {}

bool ProduceTransaction::takes(const base::SharedBytes& batch) { return is_transactional(batch.view()); }

void ProduceTransaction::add(std::uint32_t index, partition::PartitionPtr partition,
                             base::SharedBytes batch) {
  const std::int16_t version = adds_partitions_ ? 2 : 0;
  appends_.push_back({index, std::move(partition), std::move(batch), version, std::nullopt});
}

void ProduceTransaction::run(const AppendFunction& append, const RefuseFunction& refuse) {
  for (int round = 0; round < rounds_max && !appends_.empty(); ++round) {
    verify(refuse);
    std::erase_if(appends_, append);
  }
  for (const Append& left : appends_)
    refuse(left.index, {ErrorCode::not_enough_replicas, "the transaction changes while it is verified"});
  appends_.clear();
}

/// Asks for all of those whose log does not have the transaction yet; who may not be appended is refused.
void ProduceTransaction::verify(const RefuseFunction& refuse) {
  std::vector<TopicPartition> unknown;
  std::erase_if(appends_, [&](Append& append) {
    const auto first_sequence =
        base::load_be<std::int32_t>(append.batch.view().data() + at::base_sequence_at);
    const auto begun =
        append.partition->log().begin_verification(producer_.id, producer_.epoch, first_sequence);
    if (!begun) {
      refuse(append.index, {error_code(begun.error().code), begun.error().message});
      return true;
    }
    append.verified = begun.value();
    if (append.verified) unknown.push_back(append.partition->topic_partition());
    return false;
  });
  if (unknown.empty()) return;
  const auto codes = enlist(std::move(unknown));
  auto code = codes.begin();
  std::erase_if(appends_, [&](const Append& append) {
    if (!append.verified) return false;
    const ErrorCode verdict = *code++;
    if (verdict == ErrorCode::none) return false;
    refuse(append.index, as_of_produce(verdict));
    return true;
  });
}

std::vector<ErrorCode> ProduceTransaction::enlist(std::vector<TopicPartition> partitions) const {
  std::vector<ErrorCode> codes(partitions.size(), ErrorCode::none);
  if (!adds_partitions_ && !services_.config().flag("transaction.partition.verification.enable"))
    return codes;
  txn::Enlistment wanted;
  wanted.transactional_id = transactional_id_;
  wanted.producer = producer_;
  wanted.partitions = std::move(partitions);
  wanted.mode = adds_partitions_ ? txn::Enlistment::Mode::add_by_write
                                : txn::Enlistment::Mode::verify;
  const auto refused = services_.transactions.run_ordered(
      transactional_id_, [&](txn::Machine& machine, txn::Step& step) {
        codes = machine.enlist(step, txn_caller(context_), wanted);
      });
  if (refused != ErrorCode::none) codes.assign(codes.size(), refused);
  return codes;
}

/// What a producer expects to hear instead of the coordinator's codes, by its version.
ProduceTransaction::Refusal ProduceTransaction::as_of_produce(ErrorCode code) const {
  // A retriable code after which nobody asks for new metadata, for producers that give up on the others.
  const auto retriable = [&] {
    return Refusal{ErrorCode::not_enough_replicas,
                   fmt::format("the transaction cannot be verified now: {}", protocol::name(code))};
  };
  switch (code) {
    case ErrorCode::producer_fenced: return {ErrorCode::invalid_producer_epoch, {}};
    case ErrorCode::transaction_abortable:
      if (context_.version >= version_of_abortable) return {code, {}};
      [[fallthrough]];
    case ErrorCode::invalid_txn_state:
      return {ErrorCode::invalid_txn_state, "Partition was not added to the transaction"};
    case ErrorCode::concurrent_transactions:
      return adds_partitions_ ? Refusal{code, {}} : retriable();
    case ErrorCode::coordinator_load_in_progress:
    case ErrorCode::coordinator_not_available:
    case ErrorCode::not_coordinator: return retriable();
    default: return {code, {}};
  }
}

}  // namespace moldau::api
