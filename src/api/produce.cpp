// Produce: validate each partition's batch, append it, answer when it is as durable as asked.
// Rules: protocol.md edge cases 6 and 11 to 22.

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"
#include "moldau/base/log.hpp"
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
    auto& partition = at(index);
    partition.error_code = error_code(error.code);
    partition.error_message = error.message;
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

base::Result<partition::AppendOutcome> append_one(const Services& services,
                                                  const RequestContext& context,
                                                  const Target& target,
                                                  ProduceRequest::TopicData::PartitionData& data,
                                                  partition::AppendRequest request,
                                                  PartitionResponse& answer) {
  if (target.is_internal)
    return base::fail(base::Errc::invalid_topic, "clients may not write to an internal topic");
  if (target.partition == nullptr)
    return base::fail(target.missing, "this server does not host this topic-partition");
  const auto config = target.partition->config();
  request.now_ms = services.clock.wall_ms();
  MOLDAU_ASSIGN(auto batch, prepare_batch(std::move(data.records), *config, context.version,
                                          request.now_ms, answer));
  return target.partition->append(std::move(batch), request);
}

}  // namespace

void produce(const Services& services, const RequestContext& context, ProduceRequest request,
             Reply<ProduceResponse> reply) {
  const bool by_id = context.version >= 13;
  const bool answers = request.acks != 0;
  std::size_t partitions = 0;
  for (const auto& topic : request.topic_data) partitions += topic.partition_data.size();
  auto pending =
      std::make_shared<PendingProduce>(skeleton(request), std::move(reply), partitions);
  base::Errc refusal{};
  bool refused = false;
  if (request.acks != 0 && request.acks != 1 && request.acks != -1) refused = true;
  const auto image = services.metadata.image();
  std::uint32_t index = 0;
  bool any_error = refused;
  for (auto& topic : request.topic_data) {
    for (auto& data : topic.partition_data) {
      const std::uint32_t at = index++;
      if (refused) {
        pending->at(at).error_code = ErrorCode::invalid_required_acks;
        pending->at(at).base_offset = no_offset;
        pending->settled(at);
        continue;
      }
      partition::AppendRequest append;
      append.acks = static_cast<partition::Acks>(request.acks);
      append.target = pending;
      append.index = at;
      const auto target = find_target(services, *image, topic, data.index, by_id);
      auto& answer = pending->at(at);
      const auto outcome = append_one(services, context, target, data, std::move(append), answer);
      if (!outcome) {
        any_error = true;
        refusal = outcome.error().code;
        pending->set_error(at, outcome.error());
        pending->settled(at);
      } else {
        answer.base_offset = outcome.value().first_offset;
        answer.log_start_offset = outcome.value().log_start;
        if (outcome.value().acknowledged) pending->settled(at);
      }
    }
  }
  if (!answers) {
    // Without an answer the client learns of an error by the connection's end (Kafka does the same).
    if (any_error) {
      log::info("produce.refused", "closing {}: acks=0 and an append failed ({})",
                log::client(context.remote), base::name(refusal));
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
