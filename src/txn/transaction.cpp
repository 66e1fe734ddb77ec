#include "transaction.hpp"

#include <algorithm>
#include <utility>

#include "moldau/base/check.hpp"

namespace moldau::txn {
namespace {

using protocol::ErrorCode;
using enum TransactionState;

/// Clients and servers of this version raise the epoch at the end of every transaction.
constexpr std::int16_t version_with_bump = 2;

constexpr bool is_at_rest(TransactionState state) {
  return state == empty || state == complete_commit || state == complete_abort;
}

ProducerEpoch raised(ProducerEpoch epoch) {
  // At the last epoch only by a log that another broker spoilt: there is nothing above it to fence with.
  if (epoch == last_epoch) return epoch;
  return ProducerEpoch{static_cast<std::int16_t>(epoch.value() + 1)};
}

std::vector<TransactionRecord::Partitions> by_topic(const std::set<TopicPartition>& partitions) {
  std::vector<TransactionRecord::Partitions> topics;
  for (const auto& [topic, partition] : partitions) {
    if (topics.empty() || topics.back().topic != topic) topics.push_back({topic, {}});
    topics.back().partition_ids.push_back(partition.value());
  }
  return topics;
}

}  // namespace

bool may_follow(TransactionState from, TransactionState to) {
  switch (to) {
    case empty: return is_at_rest(from);
    case ongoing: return from == ongoing || is_at_rest(from);
    case prepare_commit: return from == ongoing;
    case prepare_abort: return from == ongoing || is_at_rest(from);
    case complete_commit: return from == prepare_commit;
    case complete_abort: return from == prepare_abort;
    case dead: return is_at_rest(from);
    case prepare_epoch_fence: return false;
  }
  return false;
}

bool Transaction::is_ending() const { return state() == prepare_commit || state() == prepare_abort; }

// What is so.

void Transaction::apply(const Value& value) {
  if (value.producer_id != value_.producer_id || value.producer_epoch != value_.producer_epoch)
    newest_connections_ = {};
  value_ = value;
  partitions_.clear();
  if (value.partitions)
    for (const auto& [topic, ids] : *value.partitions)
      for (const auto id : ids) partitions_.insert({topic, PartitionIndex{id}});
  value_.partitions.reset();
}

void Transaction::change_to(const Value& value) {
  const bool is_new = value_.producer_id == no_producer_id;
  MOLDAU_CHECK(is_new ? value.state == empty : may_follow(state(), value.state),
               "a transaction went from one state to another that may not follow");
  if (value.producer_id == value_.producer_id) {
    MOLDAU_CHECK(value.producer_epoch >= value_.producer_epoch, "a producer's epoch fell");
  } else {
    MOLDAU_CHECK(value.producer_epoch.value() == 0, "a new producer does not begin with epoch 0");
    MOLDAU_CHECK(!is_ongoing(), "the producer of an open transaction was taken away");
  }
  apply(value);
}

/// The next value, but for what the caller changes.
Transaction::Value Transaction::changed(TransactionState state, const Now& now) const {
  Value next = value_;
  next.state = state;
  next.previous_producer_id = value_.producer_id;
  next.last_update_ms = now.wall_ms;
  if (state != empty) next.partitions = by_topic(partitions_);
  return next;
}

// InitProducerId.

bool Transaction::may_continue(coordinator::Producer expected) const {
  if (value_.producer_epoch == no_producer_epoch || expected.id == value_.producer_id) return true;
  // A retry of what gave the client a new id, since its epochs were used up.
  return expected.id == value_.previous_producer_id && is_exhausted(expected.epoch);
}

Transaction::Decision Transaction::initialise(const Step& step, std::int32_t timeout_ms,
                                              std::optional<coordinator::Producer> expected) const {
  Value next = changed(empty, step.now);
  next.timeout_ms = timeout_ms;
  next.start_ms = -1;
  const ProducerEpoch current = value_.producer_epoch;
  const bool is_new = value_.producer_id == no_producer_id;
  if (is_new || (is_exhausted(current) && (!expected || expected->epoch == current))) {
    const auto id = step.new_producer_id();
    if (!id) return {.code = ErrorCode::coordinator_load_in_progress};
    next.producer_id = *id;
    if (is_new) next.previous_producer_id = *id;
    next.producer_epoch = ProducerEpoch{0};
    return {.next = std::move(next), .previous_epoch = expected ? current : no_producer_epoch};
  }
  if (!expected || expected->epoch == current) {
    next.producer_epoch = raised(current);
    return {.next = std::move(next), .previous_epoch = expected ? current : no_producer_epoch};
  }
  // The retry of one that was answered already; a new producer would have set previous_epoch_ to none.
  if (expected->epoch == previous_epoch_)
    return {.next = std::move(next), .previous_epoch = previous_epoch_};
  return {.code = ErrorCode::producer_fenced};
}

// Partitions.

ErrorCode Transaction::check_producer(coordinator::Producer producer) const {
  if (is_ending()) {
    // It knows already who it will be.
    const auto next = next_producer();
    if (producer.id == next.id && producer.epoch == next.epoch) return ErrorCode::none;
  }
  if (producer.id != value_.producer_id) return ErrorCode::invalid_producer_id_mapping;
  if (producer.epoch != value_.producer_epoch) return ErrorCode::producer_fenced;
  return ErrorCode::none;
}

Transaction::Decision Transaction::add(const Step& step,
                                       const std::vector<TopicPartition>& partitions,
                                       std::int16_t client_transaction_version) const {
  if (is_ending()) return {.code = ErrorCode::concurrent_transactions};
  const bool begins = !is_ongoing();
  auto all = partitions_;
  all.insert(partitions.begin(), partitions.end());
  if (!begins && all.size() == partitions_.size()) return {};
  Value next = changed(ongoing, step.now);
  next.partitions = by_topic(all);
  if (begins) next.start_ms = step.now.wall_ms;
  next.client_transaction_version = client_transaction_version;
  return {.next = std::move(next), .previous_epoch = previous_epoch_};
}

// The end.

Transaction::Decision Transaction::end_v1(const Step& step, coordinator::Producer producer,
                                          bool commit) const {
  if (producer.id != value_.producer_id) return {.code = ErrorCode::invalid_producer_id_mapping};
  if (producer.epoch != value_.producer_epoch) return {.code = ErrorCode::producer_fenced};
  switch (state()) {
    case ongoing: {
      Value next = changed(commit ? prepare_commit : prepare_abort, step.now);
      next.client_transaction_version = 0;
      return {.next = std::move(next), .previous_epoch = previous_epoch_};
    }
    case prepare_commit:
    case prepare_abort:
      if (commit != (state() == prepare_commit)) return {.code = ErrorCode::invalid_txn_state};
      return {.code = ErrorCode::concurrent_transactions};
    case complete_commit:
    case complete_abort:
      if (commit != (state() == complete_commit)) return {.code = ErrorCode::invalid_txn_state};
      return {};  // a retry, or the next transaction of one that has nothing to say: no way to know
    default: return {.code = ErrorCode::invalid_txn_state};
  }
}

Transaction::Decision Transaction::end_v2(const Step& step, coordinator::Producer producer,
                                          bool commit) const {
  const bool end_raised_epoch = value_.client_transaction_version >= version_with_bump;
  const bool is_same = producer.id == value_.producer_id;
  const bool is_current = is_same && producer.epoch == value_.producer_epoch;
  const bool is_retry =
      end_raised_epoch &&
      (is_same ? producer.epoch.value() + 1 == value_.producer_epoch.value()
               : producer.id == value_.previous_producer_id &&
                     producer.epoch.value() == last_epoch.value() - 1 &&
                     value_.producer_epoch.value() == 0);
  if (!is_same && !(is_retry && is_at_rest(state())))
    return {.code = ErrorCode::invalid_producer_id_mapping};
  switch (state()) {
    case ongoing:
      if (!is_current) return {.code = ErrorCode::producer_fenced};
      return prepare_v2(step, commit);
    case prepare_commit:
    case prepare_abort:
      if (!is_retry) return {.code = ErrorCode::producer_fenced};
      if (commit != (state() == prepare_commit)) return {.code = ErrorCode::invalid_txn_state};
      return {.code = ErrorCode::concurrent_transactions};
    case complete_commit:
    case complete_abort:
      if (is_retry) {
        if (commit != (state() == complete_commit)) return {.code = ErrorCode::invalid_txn_state};
        return {};
      }
      [[fallthrough]];
    case empty:
      if (!is_current) return {.code = ErrorCode::producer_fenced};
      // A transaction to which nothing was added: its abort raises the epoch, so that what may still be on
      // its way is left behind.
      if (commit) return {.code = ErrorCode::invalid_txn_state};
      return prepare_v2(step, false);
    default: return {.code = ErrorCode::invalid_txn_state};
  }
}

Transaction::Decision Transaction::prepare_v2(const Step& step, bool commit) const {
  Value next = changed(commit ? prepare_commit : prepare_abort, step.now);
  next.next_producer_id = no_producer_id;
  if (is_exhausted(value_.producer_epoch)) {
    const auto id = step.new_producer_id();
    if (!id) return {.code = ErrorCode::coordinator_load_in_progress};
    next.next_producer_id = *id;
  }
  next.producer_epoch = raised(value_.producer_epoch);
  if (!is_ongoing()) next.start_ms = step.now.wall_ms;
  next.client_transaction_version = version_with_bump;
  return {.next = std::move(next), .previous_epoch = value_.producer_epoch};
}

Transaction::Decision Transaction::fence(const Step& step) const {
  MOLDAU_CHECK(is_ongoing(), "only an open transaction is fenced");
  if (step.transaction_version >= version_with_bump ||
      value_.client_transaction_version >= version_with_bump)
    return prepare_v2(step, false);
  Value next = changed(prepare_abort, step.now);
  next.producer_epoch = raised(value_.producer_epoch);
  next.client_transaction_version = 0;
  return {.next = std::move(next)};
}

coordinator::Marker Transaction::marker(std::int32_t coordinator_epoch) const {
  auto version = value_.client_transaction_version;
  // Above the last epoch is none: a log that holds it takes the marker by the older rule only.
  if (value_.producer_epoch == last_epoch) version = std::min(version, std::int16_t{1});
  return {.producer = producer(),
          .commit = state() == prepare_commit,
          .coordinator_epoch = coordinator_epoch,
          .transaction_version = version};
}

coordinator::Producer Transaction::next_producer() const {
  if (is_ending() && value_.next_producer_id != no_producer_id)
    return {value_.next_producer_id, ProducerEpoch{0}};
  return producer();
}

Transaction::Value Transaction::completed(const Now& now) const {
  Value next = changed(state() == prepare_commit ? complete_commit : complete_abort, now);
  next.partitions.emplace();
  const auto producer = next_producer();
  next.producer_id = producer.id;
  next.producer_epoch = producer.epoch;
  next.next_producer_id = no_producer_id;
  return next;
}

bool Transaction::is_left(Channel channel, std::uint64_t connection_id) {
  auto& newest = newest_connections_[static_cast<std::size_t>(channel)];
  if (connection_id < newest) return true;
  newest = connection_id;
  return false;
}

bool Transaction::is_expired(const Now& now, base::Milliseconds expiration) const {
  return is_at_rest(state()) && value_.last_update_ms <= now.wall_ms - expiration.count();
}

}  // namespace moldau::txn
