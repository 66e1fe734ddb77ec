#pragma once
// The transactional batches of a Produce request (KIP-98, KIP-890): the coordinator has to have their
// transaction open, with their partitions in it, before any of them begins it in a log.
// Rules: protocol.md edge cases 22, 25, 26.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "moldau/api/context.hpp"
#include "moldau/api/services.hpp"
#include "moldau/coordinator/effects.hpp"
#include "moldau/protocol/error_code.hpp"
#include "moldau/protocol/produce.hpp"

namespace moldau::api {

/// What a request says of itself, before its batches are looked at.
struct TransactionalPart {
  bool exists = false;  // a batch of it is transactional
  std::optional<coordinator::Producer> producer;
  bool has_several = false;  // producers, which no client sends
};
[[nodiscard]] TransactionalPart transactional_part(const protocol::ProduceRequest& request);

/// Thread rule: the request's loop; it waits for nobody.
class ProduceTransaction {
 public:
  struct Append {
    std::uint32_t index = 0;  // of the partition in the request
    partition::PartitionPtr partition;
    base::SharedBytes batch;
    // What goes into its partition::AppendRequest.
    std::int16_t transaction_version = 0;
    std::optional<storage::Verification> verified;
  };
  struct Refusal {
    protocol::ErrorCode code{};
    std::string message;
  };
  /// Appends one of them and answers for it; false when it has to be verified anew.
  using AppendFunction = std::function<bool(Append& append)>;
  using RefuseFunction = std::function<void(std::uint32_t index, const Refusal& refusal)>;

  ProduceTransaction(const Services& services, const RequestContext& context,
                     std::string transactional_id, const coordinator::Producer& producer);

  [[nodiscard]] static bool takes(const base::SharedBytes& batch);
  void add(std::uint32_t index, partition::PartitionPtr partition, base::SharedBytes batch);
  /// Every batch that was added is either appended or refused.
  void run(const AppendFunction& append, const RefuseFunction& refuse);

 private:
  [[nodiscard]] std::vector<protocol::ErrorCode> enlist(std::vector<TopicPartition> partitions) const;
  void verify(const RefuseFunction& refuse);
  [[nodiscard]] Refusal as_of_produce(protocol::ErrorCode code) const;

  const Services& services_;
  const RequestContext& context_;
  const std::string transactional_id_;
  const coordinator::Producer producer_;
  const bool adds_partitions_;  // or the client has done so
  std::vector<Append> appends_;
};

}  // namespace moldau::api
