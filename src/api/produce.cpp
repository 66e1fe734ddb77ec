// Produce: validate each partition's batch, append it, answer when it is as durable as asked.
// Rules: protocol.md edge cases 6 and 11 to 26.

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"
#include "moldau/base/log.hpp"
#include "produce_transaction.hpp"
#include "produce_validation.hpp"

namespace moldau::api {
namespace {

using protocol::ErrorCode;
using protocol::ProduceRequest;
using protocol::ProduceResponse;
using PartitionResponse = ProduceResponse::Response::PartitionResponse;

/// A request on its way: holds the answer until every partition has acknowledged, or time is up.
class PendingProduce final : public partition::AckTarget, public Expiring {
 public:
  PendingProduce(ProduceResponse response, Reply<ProduceResponse> reply, std::size_t partitions)
      : response_(std::move(response)),
        outcomes_(partitions),
        reply_(std::move(reply)),
        waiting_(partitions + 1) {
    for (auto& topic : response_.responses)
      for (auto& partition : topic.partition_responses) by_index_.push_back(&partition);
  }

  PartitionResponse& at(std::uint32_t index) { return *by_index_[index]; }

  void on_ack(std::uint32_t index, const base::Status& status) override {
    // Kept apart from the answer, which the loop may still be writing.
    if (!status) outcomes_[index].error = status.error();
    settled(index);
  }
  void set_error(std::uint32_t index, const base::Error& error) {
    set_error(index, error_code(error.code), error.message);
  }
  void set_error(std::uint32_t index, ErrorCode code, std::optional<std::string> message) {
    auto& partition = at(index);
    partition.error_code = code;
    partition.error_message = std::move(message);
    partition.base_offset = no_offset;
    partition.log_start_offset = no_offset;
    partition.log_append_time_ms = -1;
  }
  void settled(std::uint32_t index) {
    outcomes_[index].is_settled.store(true, std::memory_order_release);
    done();
  }
  /// The request has been gone through.  True when partitions are waited for.
  bool gone_through() { return !done(); }

  /// timeout.ms: the batches stay appended, and whoever asked is not told what became of them.
  void expire() override {
    if (is_answered_.exchange(true)) return;
    for (std::uint32_t i = 0; i < outcomes_.size(); ++i) {
      if (outcomes_[i].is_settled.load(std::memory_order_acquire)) {
        if (outcomes_[i].error) set_error(i, *outcomes_[i].error);
      } else {
        at(i).error_code = ErrorCode::request_timed_out;
      }
    }
    reply_(response_);
  }
  Reply<ProduceResponse>& reply() { return reply_; }

 private:
  struct Outcome {
    std::atomic<bool> is_settled{false};
    std::optional<base::Error> error;  // written before is_settled, and only then
  };

  bool done() {
    if (waiting_.fetch_sub(1, std::memory_order_acq_rel) != 1) return false;
    if (is_answered_.exchange(true)) return true;
    for (std::uint32_t i = 0; i < outcomes_.size(); ++i)
      if (outcomes_[i].error) set_error(i, *outcomes_[i].error);
    reply_(response_);
    return true;
  }

  ProduceResponse response_;
  std::vector<PartitionResponse*> by_index_;
  std::vector<Outcome> outcomes_;
  Reply<ProduceResponse> reply_;
  std::atomic<std::size_t> waiting_;  // partitions, and one for the loop that goes through them
  std::atomic<bool> is_answered_{false};
};

struct Target {
  partition::PartitionPtr partition;
  base::Errc missing = base::Errc::unknown_topic;
  bool is_internal = false;
};

Target find_target(const Services& services, const metadata::MetadataImage& image,
                   const ProduceRequest::TopicData& topic, PartitionIndex index, bool by_id) {
  Target target;
  if (by_id) {
    const auto* known = image.find_topic(topic.topic_id);
    target.missing = known == nullptr ? base::Errc::unknown_topic_id : base::Errc::unknown_topic;
    target.is_internal = known != nullptr && metadata::is_internal_topic(known->name);
    target.partition = services.partitions.find(TopicIdPartition{topic.topic_id, index});
  } else {
    target.is_internal = metadata::is_internal_topic(topic.name);
    target.partition = services.partitions.find(topic.name, index);
  }
  return target;
}

ProduceResponse skeleton(const ProduceRequest& request) {
  ProduceResponse response;
  response.responses.reserve(request.topic_data.size());
  for (const auto& topic : request.topic_data) {
    auto& answered = response.responses.emplace_back();
    answered.name = topic.name;
    answered.topic_id = topic.topic_id;
    answered.partition_responses.resize(topic.partition_data.size());
    for (std::size_t i = 0; i < topic.partition_data.size(); ++i)
      answered.partition_responses[i].index = topic.partition_data[i].index;
  }
  return response;
}

/// Why a request is refused as a whole, before its batches are looked at.
struct Refusal {
  ErrorCode code = ErrorCode::none;
  const char* message = nullptr;
};

Refusal refusal_of(const ProduceRequest& request, const TransactionalPart& transactional) {
  if (transactional.exists && !request.transactional_id)
    return {ErrorCode::transactional_id_authorization_failed};
  if (transactional.has_several)
    return {ErrorCode::invalid_producer_id_mapping,
            "Transactional records contained more than one producer ID"};
  if (request.acks != 0 && request.acks != 1 && request.acks != -1)
    return {ErrorCode::invalid_required_acks};
  return {};
}

/// Goes through the partitions of one request.  Thread rule: the request's loop.
class Producing {
 public:
  Producing(const Services& services, const RequestContext& context, ProduceRequest& request,
            std::shared_ptr<PendingProduce> pending)
      : services_(services),
        context_(context),
        request_(request),
        pending_(std::move(pending)),
        now_ms_(services.clock.wall_ms()) {}

  void run() {
    const auto transactional = transactional_part(request_);
    if (const auto refusal = refusal_of(request_, transactional); refusal.code != ErrorCode::none)
      return refuse_all(refusal);
    std::optional<ProduceTransaction> transaction;
    if (transactional.producer)
      transaction.emplace(services_, context_, *request_.transactional_id, *transactional.producer);
    const auto image = services_.metadata.image();
    std::uint32_t index = 0;
    for (auto& topic : request_.topic_data) {
      for (auto& data : topic.partition_data) {
        const std::uint32_t at = index++;
        auto target = find_target(services_, *image, topic, data.index, context_.version >= 13);
        auto batch = prepare(target, data, at);
        if (!batch) {
          refuse(at, batch.error());
        } else if (transaction && ProduceTransaction::takes(batch.value())) {
          transaction->add(at, std::move(target.partition), std::move(batch).value());
        } else {
          settle(at, target.partition->append(std::move(batch).value(), append_request(at)));
        }
      }
    }
    if (transaction) append(*transaction);
  }

  /// What the first refusal was; none when every batch was appended.
  [[nodiscard]] ErrorCode refused() const { return refused_; }

 private:
  base::Result<base::SharedBytes> prepare(const Target& target,
                                          ProduceRequest::TopicData::PartitionData& data,
                                          std::uint32_t at) {
    if (target.is_internal)
      return base::fail(base::Errc::invalid_topic, "clients may not write to an internal topic");
    if (target.partition == nullptr)
      return base::fail(target.missing, "this server does not host this topic-partition");
    const auto config = target.partition->config();
    return prepare_batch(std::move(data.records), *config, context_.version, now_ms_,
                         pending_->at(at));
  }

  void append(ProduceTransaction& transaction) {
    transaction.run(
        [this](ProduceTransaction::Append& wanted) {
          auto request = append_request(wanted.index);
          request.transaction_version = wanted.transaction_version;
          request.verified = wanted.verified;
          const auto outcome = wanted.partition->append(wanted.batch, request);
          if (!outcome && outcome.error().code == base::Errc::transaction_not_verified) return false;
          settle(wanted.index, outcome);
          return true;
        },
        [this](std::uint32_t at, const ProduceTransaction::Refusal& refusal) {
          std::optional<std::string> message;
          if (!refusal.message.empty()) message = refusal.message;
          refuse(at, refusal.code, std::move(message));
        });
  }

  [[nodiscard]] partition::AppendRequest append_request(std::uint32_t at) const {
    partition::AppendRequest append;
    append.acks = static_cast<partition::Acks>(request_.acks);
    append.now_ms = now_ms_;
    append.target = pending_;
    append.index = at;
    return append;
  }

  void settle(std::uint32_t at, const base::Result<partition::AppendOutcome>& outcome) {
    if (!outcome) return refuse(at, outcome.error());
    auto& answer = pending_->at(at);
    answer.base_offset = outcome.value().first_offset;
    answer.log_start_offset = outcome.value().log_start;
    if (outcome.value().acknowledged) pending_->settled(at);
  }
  void refuse(std::uint32_t at, const base::Error& error) {
    refuse(at, error_code(error.code), error.message);
  }
  void refuse(std::uint32_t at, ErrorCode code, std::optional<std::string> message) {
    if (refused_ == ErrorCode::none) refused_ = code;
    pending_->set_error(at, code, std::move(message));
    pending_->settled(at);
  }
  void refuse_all(const Refusal& refusal) {
    std::uint32_t index = 0;
    for (const auto& topic : request_.topic_data)
      for (std::size_t i = 0; i < topic.partition_data.size(); ++i)
        refuse(index++, refusal.code,
               refusal.message == nullptr ? std::nullopt : std::optional<std::string>(refusal.message));
    refused_ = refusal.code;
  }

  const Services& services_;
  const RequestContext& context_;
  ProduceRequest& request_;
  const std::shared_ptr<PendingProduce> pending_;
  const std::int64_t now_ms_;
  ErrorCode refused_ = ErrorCode::none;
};

}  // namespace

void produce(const Services& services, const RequestContext& context, ProduceRequest request,
             Reply<ProduceResponse> reply) {
  std::size_t partitions = 0;
  for (const auto& topic : request.topic_data) partitions += topic.partition_data.size();
  auto pending =
      std::make_shared<PendingProduce>(skeleton(request), std::move(reply), partitions);
  Producing producing(services, context, request, pending);
  producing.run();
  if (request.acks == 0) {
    // Without an answer the client learns of an error by the connection's end (Kafka does the same).
    if (producing.refused() != ErrorCode::none) {
      log::info("produce.refused", "closing {}: acks=0 and an append failed ({})",
                log::client(context.remote), protocol::name(producing.refused()));
      pending->reply().close("a produce with acks=0 failed");
    } else {
      pending->reply().no_response();
    }
    return;
  }
  if (pending->gone_through())
    context.connection->expire_at(
        *context.loop, context.received + base::Milliseconds{std::max(0, request.timeout_ms)},
        pending);
}

}  // namespace moldau::api
