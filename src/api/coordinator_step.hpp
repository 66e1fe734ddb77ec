#pragma once
// How a handler asks a coordinator, of groups or of transactions: one step for one key (the group's
// or the transactional id), or one for each of several, with an answer that is given when all that
// the steps saw is durable.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "moldau/api/context.hpp"
#include "moldau/api/reply.hpp"
#include "moldau/api/services.hpp"
#include "moldau/group/coordinator.hpp"
#include "moldau/protocol/add_offsets_to_txn.hpp"
#include "moldau/protocol/add_partitions_to_txn.hpp"
#include "moldau/protocol/write_txn_markers.hpp"
#include "moldau/txn/coordinator.hpp"

namespace moldau::api {

/// Puts `code` where such an answer has its errors.
void refuse(protocol::JoinGroupResponse& response, protocol::ErrorCode code);
void refuse(protocol::SyncGroupResponse& response, protocol::ErrorCode code);
void refuse(protocol::HeartbeatResponse& response, protocol::ErrorCode code);
void refuse(protocol::LeaveGroupResponse& response, protocol::ErrorCode code);
void refuse(protocol::OffsetCommitResponse& response, protocol::ErrorCode code);
void refuse(protocol::OffsetFetchResponse& response, protocol::ErrorCode code);
void refuse(protocol::OffsetDeleteResponse& response, protocol::ErrorCode code);
void refuse(protocol::DeleteGroupsResponse& response, protocol::ErrorCode code);
void refuse(protocol::DescribeGroupsResponse& response, protocol::ErrorCode code);
void refuse(protocol::ListGroupsResponse& response, protocol::ErrorCode code);
void refuse(protocol::ConsumerGroupHeartbeatResponse& response, protocol::ErrorCode code);
void refuse(protocol::ConsumerGroupDescribeResponse& response, protocol::ErrorCode code);
void refuse(protocol::InitProducerIdResponse& response, protocol::ErrorCode code);
void refuse(protocol::AddPartitionsToTxnResponse& response, protocol::ErrorCode code);
void refuse(protocol::AddOffsetsToTxnResponse& response, protocol::ErrorCode code);
void refuse(protocol::TxnOffsetCommitResponse& response, protocol::ErrorCode code);
void refuse(protocol::EndTxnResponse& response, protocol::ErrorCode code);
void refuse(protocol::WriteTxnMarkersResponse& response, protocol::ErrorCode code);
void refuse(protocol::DescribeTransactionsResponse& response, protocol::ErrorCode code);
void refuse(protocol::ListTransactionsResponse& response, protocol::ErrorCode code);

/// An answer that waits for what is to be durable first.  When it is dropped instead (its records could
/// not be written, the coordinator ends) the client is told to try again.
/// Thread rule: filled by the request's loop; settled by any thread, once.
template <class Response>
class DurableReply final : public Parked {
 public:
  explicit DurableReply(Reply<Response> reply) : reply_(std::move(reply)) {}
  DurableReply(const DurableReply&) = delete;
  DurableReply& operator=(const DurableReply&) = delete;
  ~DurableReply() override { give_up(); }

  Response& response() { return response_; }
  /// One more thing has to be durable; there is one from the beginning.
  void expect_more() { waiting_.fetch_add(1, std::memory_order_relaxed); }
  void durable() {
    if (waiting_.fetch_sub(1, std::memory_order_acq_rel) == 1 && !is_settled_.exchange(true))
      reply_(response_);
  }
  void give_up() override { settle(protocol::ErrorCode::coordinator_not_available); }
  void settle(protocol::ErrorCode code) {
    if (is_settled_.exchange(true)) return;
    refuse(response_, code);
    reply_(response_);
  }

 private:
  Reply<Response> reply_;
  Response response_;
  std::atomic<std::size_t> waiting_{1};
  std::atomic<bool> is_settled_{false};
};

/// KIP-848 is switched on: by the finalized feature, and by group.coordinator.rebalance.protocols.
[[nodiscard]] bool serves_consumer_protocol(const Services& services);

/// Who asks, as Kafka's records and descriptions have it: the host is "/192.0.2.7".
[[nodiscard]] group::Caller caller_of(const RequestContext& context);
[[nodiscard]] txn::Caller txn_caller(const RequestContext& context);

/// Runs `body(machine, step)` where the key belongs and gives what it returns as the answer.
/// `skeleton()` is what a refusal fills in: it has to name what the request named.
template <class Coordinator, class Response, class Body, class Skeleton>
void answer_step(Coordinator& coordinator, const RequestContext& context, std::string_view key,
                 Reply<Response> reply, Body body, Skeleton skeleton) {
  auto pending = std::make_shared<DurableReply<Response>>(std::move(reply));
  const auto refused = coordinator.run(key, *context.loop, [&](auto& machine, auto& step) {
    pending->response() = body(machine, step);
    step.effects.answers.push_back([pending] { pending->durable(); });
  });
  if (refused == protocol::ErrorCode::none) return;
  pending->response() = skeleton();
  pending->settle(refused);
}
template <class Coordinator, class Response, class Body>
void answer_step(Coordinator& coordinator, const RequestContext& context, std::string_view key,
                 Reply<Response> reply, Body body) {
  answer_step(coordinator, context, key, std::move(reply), std::move(body),
              [] { return Response{}; });
}

/// Runs `body(machine, step, answer)`, which may keep `answer` for a later step.  The answer comes at once,
/// as a refusal, when the connection drains.
template <class Coordinator, class Response, class Body>
void park_step(Coordinator& coordinator, const RequestContext& context, std::string_view key,
               Reply<Response> reply, Body body) {
  auto pending = std::make_shared<DurableReply<Response>>(std::move(reply));
  context.connection->park(pending);
  const auto refused = coordinator.run(key, *context.loop, [&](auto& machine, auto& step) {
    body(machine, step, [pending](Response response) {
      pending->response() = std::move(response);
      pending->durable();
    });
  });
  if (refused != protocol::ErrorCode::none) pending->settle(refused);
}

/// One of several steps of one request: `body` fills its part of the answer in, `refused(code)` says there
/// why not.
template <class Coordinator, class Response, class Body, class Refused>
void join_step(Coordinator& coordinator, const RequestContext& context, std::string_view key,
               const std::shared_ptr<DurableReply<Response>>& pending, Body body, Refused refused) {
  const auto code = coordinator.run(key, *context.loop, [&](auto& machine, auto& step) {
    body(machine, step);
    pending->expect_more();
    step.effects.answers.push_back([pending] { pending->durable(); });
  });
  if (code != protocol::ErrorCode::none) refused(code);
}

/// One step for everything that the coordinator has.  `body` adds to the answer, which is refused
/// as a whole when a shard does not serve: a part of a list would look like the whole.
template <class Coordinator, class Response, class Body>
void join_all_steps(Coordinator& coordinator, const RequestContext& context,
                    const std::shared_ptr<DurableReply<Response>>& pending, Body body) {
  const auto outcome = coordinator.run_on_all(*context.loop, [&](auto& machine, auto& step) {
    body(machine, step);
    pending->expect_more();
    step.effects.answers.push_back([pending] { pending->durable(); });
  });
  if (outcome.refused != protocol::ErrorCode::none) pending->settle(outcome.refused);
}

/// What Kafka answers where operations are asked for and there is no authorizer: all that a group has.
constexpr std::int32_t all_group_operations =
    1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;  // READ, DELETE, DESCRIBE, DESCRIBE_/ALTER_CONFIGS

}  // namespace moldau::api
