#pragma once
// The offsets of one TxnOffsetCommit on their way into a producer's transaction (KIP-447, KIP-890): its
// coordinator has to have it open, with the group's partition of __consumer_offsets in it, before they
// begin it there.  Rules: protocol.md edge cases 26 and 70.

#include <cstdint>
#include <memory>
#include <optional>

#include "coordinator_step.hpp"
#include "moldau/protocol/txn_offset_commit.hpp"

namespace moldau::api {

/// Thread rule: the request's loop; it waits for nobody.
class OffsetTransaction {
 public:
  using Request = protocol::TxnOffsetCommitRequest;
  using Response = protocol::TxnOffsetCommitResponse;

  /// `services` and `context` outlive it.
  OffsetTransaction(const Services& services, const RequestContext& context, Request request,
                    Reply<Response> reply);

  /// The request is answered: the offsets are stored, or refused.
  void run();

  // The parts of run(), which alternate: another loop may end the transaction between them.

  /// True when the request is answered, or will be when it is durable; false when the coordinator of
  /// transactions has to be asked first, or again.
  bool store();
  /// none, or why nothing may be stored.
  [[nodiscard]] protocol::ErrorCode enlist();

 private:
  [[nodiscard]] bool is_left() const;
  void refuse(protocol::ErrorCode code);
  /// What a client of this version makes the best of.
  [[nodiscard]] protocol::ErrorCode as_of_commit(protocol::ErrorCode code) const;

  const Services& services_;
  const RequestContext& context_;
  const Request request_;
  const coordinator::Producer producer_;
  const bool adds_partition_;  // or the client has done so
  const std::optional<PartitionIndex> partition_;  // of the group; nullopt: there is no such topic
  const std::shared_ptr<DurableReply<Response>> pending_;
  std::optional<storage::Verification> verified_;
};

}  // namespace moldau::api
