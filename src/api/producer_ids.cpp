#include "moldau/api/producer_ids.hpp"

#include <utility>

namespace moldau::api {

using base::MutexLock;

ProducerIds::ProducerIds(cluster::ControllerGateway& controller, BrokerId self)
    : controller_(controller), self_(self) {}

void ProducerIds::set_broker_epoch(BrokerEpoch epoch) {
  MutexLock lock(mutex_);
  epoch_ = epoch;
}

void ProducerIds::next(Completion done) {
  std::int64_t id = -1;
  {
    MutexLock lock(mutex_);
    if (next_ < end_) {
      id = next_++;
    } else {
      waiting_.push_back(std::move(done));
      if (requested_) return;
      requested_ = true;
    }
  }
  if (id >= 0) {
    done(ProducerId{id});  // NOLINT(bugprone-use-after-move): moved only when there was no id
  } else {
    request_block();
  }
}

void ProducerIds::request_block() {
  metadata::AllocateProducerIdsRequest request;
  request.id = self_;
  {
    MutexLock lock(mutex_);
    request.epoch = epoch_;
  }
  controller_.allocate_producer_ids(
      request, [this](base::Result<metadata::AllocateProducerIdsResult> block) {
        block_arrived(block);
      });
}

void ProducerIds::block_arrived(const base::Result<metadata::AllocateProducerIdsResult>& block) {
  std::vector<Completion> served;
  std::vector<std::int64_t> ids;
  bool more = false;
  {
    MutexLock lock(mutex_);
    requested_ = false;
    if (block) {
      next_ = block.value().first.value();
      end_ = next_ + block.value().count;
    }
    served.swap(waiting_);
    if (block) {
      for (std::size_t i = 0; i < served.size() && next_ < end_; ++i) ids.push_back(next_++);
      for (std::size_t i = ids.size(); i < served.size(); ++i)
        waiting_.push_back(std::move(served[i]));
      served.resize(ids.size());
      more = requested_ = !waiting_.empty();
    }
  }
  for (std::size_t i = 0; i < served.size(); ++i) {
    if (block) {
      served[i](ProducerId{ids[i]});
    } else {
      served[i](block.error());
    }
  }
  if (more) request_block();
}

}  // namespace moldau::api
