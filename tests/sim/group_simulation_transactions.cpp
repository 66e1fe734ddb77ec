#include "tests/sim/group_simulation_transactions.hpp"

#include <utility>

namespace moldau::group::sim {
namespace {

constexpr Milliseconds transaction_timeout{6'000};

ProducerEpoch next(ProducerEpoch epoch) {
  return ProducerEpoch{static_cast<std::int16_t>(epoch.value() + 1)};
}

}  // namespace

Transactions::Transactions(World& world, Checker& checker) : world_(world), checker_(checker) {
  checker_.on_marker_in_log = [this] { undurable_.pop_front(); };
}

coordinator::Producer Transactions::start(ProducerId producer) {
  auto& transaction = transactions_[producer];
  if (transaction.is_open)
    decide(producer, transaction, false);
  else
    transaction.epoch = next(transaction.epoch);
  return {producer, transaction.epoch};
}

bool Transactions::enlist(const coordinator::Producer& producer) {
  auto& transaction = transactions_[producer.id];
  if (transaction.epoch != producer.epoch) return false;
  if (std::exchange(transaction.is_open, true)) return true;
  world_.after(transaction_timeout, [this, producer] { (void)end(producer, false); });
  return true;
}

bool Transactions::end(const coordinator::Producer& producer, bool commit) {
  auto& transaction = transactions_[producer.id];
  if (!transaction.is_open || transaction.epoch != producer.epoch) return false;
  decide(producer.id, transaction, commit);
  return true;
}

void Transactions::decide(ProducerId producer, Transaction& transaction, bool commit) {
  transaction.epoch = next(transaction.epoch);
  transaction.is_open = false;
  coordinator::Marker marker;
  marker.producer = {producer, transaction.epoch};
  marker.commit = commit;
  write(marker);
}

void Transactions::write(const coordinator::Marker& marker) {
  world_.trace(marker.commit ? "COMMIT" : "ABORT", " of producer ", marker.producer.id.value());
  undurable_.push_back(marker);
  world_.write_marker(marker, checker_.on_marker(marker));
}

void Transactions::on_crash() {
  for (const auto& marker : std::exchange(undurable_, {})) write(marker);
}

void Transactions::abort_all() {
  for (auto& [producer, transaction] : transactions_)
    if (transaction.is_open) decide(producer, transaction, false);
}

}  // namespace moldau::group::sim
