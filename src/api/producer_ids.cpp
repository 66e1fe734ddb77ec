#include "moldau/api/producer_ids.hpp"

#include <utility>

namespace moldau::api {

using base::MutexLock;

namespace {
/// With this few ids left the next block is asked for.
constexpr std::int64_t low_mark = 100;
}  // namespace

ProducerIds::ProducerIds(cluster::ControllerGateway& controller, BrokerId self)
    : controller_(controller), self_(self) {}

void ProducerIds::set_broker_epoch(BrokerEpoch epoch) {
  MutexLock lock(mutex_);
  epoch_ = epoch;
}

std::optional<ProducerId> ProducerIds::take() {
  if (block_.left() == 0) block_ = std::exchange(ahead_, {});
  if (block_.left() == 0) return std::nullopt;
  return ProducerId{block_.next++};
}

bool ProducerIds::wants_block() {
  if (requested_ || block_.left() + ahead_.left() >= low_mark) return false;
  requested_ = true;
  return true;
}

void ProducerIds::next(Completion done) {
  std::optional<ProducerId> id;
  bool is_low = false;
  {
    MutexLock lock(mutex_);
    id = take();
    if (!id) waiting_.push_back(std::move(done));
    is_low = wants_block();
  }
  if (id) done(*id);  // NOLINT(bugprone-use-after-move): moved only when there was no id
  if (is_low) request_block();
}

std::optional<ProducerId> ProducerIds::try_next() {
  std::optional<ProducerId> id;
  bool is_low = false;
  {
    MutexLock lock(mutex_);
    id = take();
    is_low = wants_block();
  }
  if (is_low) request_block();
  return id;
}

void ProducerIds::prepare() {
  bool is_low = false;
  {
    MutexLock lock(mutex_);
    is_low = wants_block();
  }
  if (is_low) request_block();
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
  std::vector<ProducerId> ids;
  bool more = false;
  {
    MutexLock lock(mutex_);
    requested_ = false;
    served.swap(waiting_);
    if (block) {
      const auto first = block.value().first.value();
      ahead_ = {first, first + block.value().count};
      while (ids.size() < served.size()) {
        const auto id = take();
        if (!id) break;
        ids.push_back(*id);
      }
      for (std::size_t i = ids.size(); i < served.size(); ++i)
        waiting_.push_back(std::move(served[i]));
      served.resize(ids.size());
      more = wants_block();
    }
  }
  for (std::size_t i = 0; i < served.size(); ++i) {
    if (block) {
      served[i](ids[i]);
    } else {
      served[i](block.error());
    }
  }
  if (more) request_block();
}

}  // namespace moldau::api
