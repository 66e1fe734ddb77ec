#pragma once
// Producer ids for idempotent producers: taken one by one from blocks that the controller has made
// durable, so that none is ever given out twice (reliability.md D7).

#include <cstdint>
#include <optional>
#include <vector>

#include "moldau/base/function.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/mutex.hpp"
#include "moldau/base/result.hpp"
#include "moldau/cluster/controller_gateway.hpp"

namespace moldau::api {

/// Thread rule: any thread.
class ProducerIds {
 public:
  using Completion = base::Function<void(base::Result<ProducerId>)>;
  ProducerIds(cluster::ControllerGateway& controller, BrokerId self);
  void set_broker_epoch(BrokerEpoch epoch);
  /// Calls `done` with a new id: at once, or when a new block has been allocated.
  void next(Completion done);
  /// A new id; nullopt when the next block is still on its way.
  std::optional<ProducerId> try_next();
  /// Asks for a block now if there is no id at hand, so that try_next() will have one.
  void prepare();

 private:
  struct Block {
    std::int64_t next = 0;
    std::int64_t end = 0;
    [[nodiscard]] std::int64_t left() const { return end - next; }
  };
  std::optional<ProducerId> take() MOLDAU_REQUIRES(mutex_);
  /// Whether request_block() is to be called, without the lock, because little is left.
  bool wants_block() MOLDAU_REQUIRES(mutex_);
  void request_block();
  void block_arrived(const base::Result<metadata::AllocateProducerIdsResult>& block);

  cluster::ControllerGateway& controller_;
  const BrokerId self_;
  base::Mutex mutex_;
  BrokerEpoch epoch_ MOLDAU_GUARDED_BY(mutex_){-1};
  Block block_ MOLDAU_GUARDED_BY(mutex_);
  Block ahead_ MOLDAU_GUARDED_BY(mutex_);  // taken when block_ is used up
  bool requested_ MOLDAU_GUARDED_BY(mutex_) = false;
  std::vector<Completion> waiting_ MOLDAU_GUARDED_BY(mutex_);
};

}  // namespace moldau::api
