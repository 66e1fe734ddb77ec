#include "moldau/txn/machine.hpp"

#include <algorithm>
#include <utility>

#include "moldau/base/check.hpp"
#include "transaction.hpp"

namespace moldau::txn {
namespace {

using coordinator::Producer;
using protocol::ErrorCode;

/// Between two tries to write the markers of a transaction; it doubles up to the second.
constexpr base::Milliseconds marker_pause_min{100};
constexpr base::Milliseconds marker_pause_max{10'000};
/// What one step of expire_ids() does.
constexpr std::size_t ids_per_sweep = 1'000;

constexpr std::int16_t first_end_txn_v2 = 5;

/// Older clients do not know the newer code.
ErrorCode for_version(ErrorCode code, std::int16_t version, std::int16_t first_that_knows) {
  return code == ErrorCode::producer_fenced && version < first_that_knows
             ? ErrorCode::invalid_producer_epoch
             : code;
}

bool is_open(const Transaction& transaction) {
  return transaction.is_ongoing() || transaction.is_ending();
}

}  // namespace

Machine::Machine() = default;
Machine::~Machine() = default;

Transaction* Machine::find(std::string_view transactional_id) const {
  const auto place = transactions_.find(transactional_id);
  return place == transactions_.end() ? nullptr : place->second.get();
}

// The fold.

void Machine::apply(const TransactionRecord& record) {
  auto place = transactions_.find(record.transactional_id);
  if (place != transactions_.end() && is_open(*place->second)) --open_;
  if (!record.value) {
    if (place != transactions_.end()) transactions_.erase(place);
    return;
  }
  if (place == transactions_.end())
    place = transactions_
                .emplace(record.transactional_id,
                         std::make_unique<Transaction>(record.transactional_id))
                .first;
  place->second->apply(*record.value);
  if (is_open(*place->second)) ++open_;
}

void Machine::change(Step& step, Transaction& transaction, const TransactionRecord::Value& next) {
  const bool was_ongoing = transaction.is_ongoing();
  if (is_open(transaction)) --open_;
  transaction.change_to(next);
  if (is_open(transaction)) ++open_;
  step.effects.records.push_back(
      {.transactional_id = transaction.id(),
       .value = next,
       .value_version = static_cast<std::int16_t>(step.transaction_version == 0 ? 0 : 1)});
  if (transaction.is_ongoing() && !was_ongoing) {
    step.deadlines.set(transaction.id(),
                       step.now.steady + base::Milliseconds{transaction.value().timeout_ms});
  } else if (!transaction.is_ongoing()) {
    step.deadlines.clear(transaction.id());
  }
}

void Machine::finish_loading(Step& step) {
  for (const auto& [id, transaction] : transactions_) {
    if (transaction->is_ending()) order_markers(step, *transaction);
    if (!transaction->is_ongoing()) continue;
    // The wall clock may have been set since: no transaction gets more than its timeout for that.
    const base::Milliseconds timeout{std::max(transaction->value().timeout_ms, 0)};
    const base::Milliseconds age{step.now.wall_ms - transaction->value().start_ms};
    const auto left = std::clamp(timeout - age, base::Milliseconds{0}, timeout);
    step.deadlines.set(id, step.now.steady + left);
  }
}

// Producers.

protocol::InitProducerIdResponse Machine::init_producer_id(
    Step& step, const Caller& caller, const protocol::InitProducerIdRequest& request) {
  const auto refuse = [&](ErrorCode code) {
    protocol::InitProducerIdResponse response;
    response.error_code = for_version(code, caller.version, 4);
    response.producer_epoch = no_producer_epoch;
    return response;
  };
  const bool names_id = request.producer_id != no_producer_id;
  if (names_id != (request.producer_epoch != no_producer_epoch))
    return refuse(ErrorCode::invalid_request);
  const auto& id = request.transactional_id;
  if (!id || id->empty()) return refuse(ErrorCode::invalid_request);
  if (request.transaction_timeout_ms <= 0 ||
      request.transaction_timeout_ms > step.options.max_timeout.count())
    return refuse(ErrorCode::invalid_transaction_timeout);

  auto* transaction = find(*id);
  std::unique_ptr<Transaction> made;
  if (transaction == nullptr) {
    made = std::make_unique<Transaction>(*id);
    transaction = made.get();
  }
  std::optional<Producer> expected;
  if (names_id) expected = Producer{request.producer_id, request.producer_epoch};
  if (expected && !transaction->may_continue(*expected)) return refuse(ErrorCode::producer_fenced);
  if (transaction->is_ending()) return refuse(ErrorCode::concurrent_transactions);
  if (transaction->is_ongoing()) {
    // Who names something else than the producer of what is open is behind, and aborts nothing.
    if (expected && transaction->check_producer(*expected) != ErrorCode::none)
      return refuse(ErrorCode::producer_fenced);
    const auto code = abort(step, *transaction);
    return refuse(code == ErrorCode::none ? ErrorCode::concurrent_transactions : code);
  }
  const auto decision =
      transaction->initialise(step, request.transaction_timeout_ms, expected);
  if (!decision.next) return refuse(decision.code);
  if (made) transactions_.emplace(*id, std::move(made));
  change(step, *transaction, *decision.next);
  transaction->remember(decision.previous_epoch);
  protocol::InitProducerIdResponse response;
  response.producer_id = transaction->producer().id;
  response.producer_epoch = transaction->producer().epoch;
  MOLDAU_CHECK(response.producer_epoch < last_epoch, "the last epoch is given to a client");
  return response;
}

std::vector<ErrorCode> Machine::enlist(Step& step, const Caller& caller, const Enlistment& wanted) {
  using Mode = Enlistment::Mode;
  const auto all = [&](ErrorCode code) {
    return std::vector<ErrorCode>(wanted.partitions.size(), code);
  };
  if (wanted.transactional_id.empty()) return all(ErrorCode::invalid_request);
  auto* transaction = find(wanted.transactional_id);
  if (transaction == nullptr) return all(ErrorCode::invalid_producer_id_mapping);
  if (const auto code = transaction->check_producer(wanted.producer); code != ErrorCode::none)
    return all(code);
  if (wanted.mode == Mode::add &&
      transaction->is_left(Transaction::Channel::transaction, caller.connection_id))
    return all(ErrorCode::not_coordinator);
  if (wanted.mode == Mode::verify) {
    if (transaction->is_ending()) return all(ErrorCode::concurrent_transactions);
    auto codes = all(ErrorCode::none);
    for (std::size_t i = 0; i < codes.size(); ++i)
      if (!transaction->partitions().contains(wanted.partitions[i]))
        codes[i] = ErrorCode::transaction_abortable;
    return codes;
  }
  const bool begins = !transaction->is_ongoing();
  const auto decision = transaction->add(step, wanted.partitions,
                                         wanted.mode == Mode::add_by_write ? 2 : 0);
  if (!decision.next) return all(decision.code);
  if (begins) {
    transaction->client_id = caller.client_id;
    transaction->client_host = caller.host;
  }
  change(step, *transaction, *decision.next);
  return all(ErrorCode::none);
}

bool Machine::is_left_by_offsets(const Caller& caller, const std::string& transactional_id,
                                 coordinator::Producer producer) {
  auto* transaction = find(transactional_id);
  return transaction != nullptr && transaction->check_producer(producer) == ErrorCode::none &&
         transaction->is_left(Transaction::Channel::offsets, caller.connection_id);
}

// The end.

protocol::EndTxnResponse Machine::end_txn(Step& step, const Caller& caller,
                                          const protocol::EndTxnRequest& request) {
  const bool is_v2 = caller.version >= first_end_txn_v2;
  protocol::EndTxnResponse response;
  const auto refuse = [&](ErrorCode code) {
    response.error_code = for_version(code, caller.version, 2);
    return response;
  };
  if (request.transactional_id.empty()) return refuse(ErrorCode::invalid_request);
  auto* transaction = find(request.transactional_id);
  if (transaction == nullptr) return refuse(ErrorCode::invalid_producer_id_mapping);
  const Producer producer{request.producer_id, request.producer_epoch};
  if (!is_v2 && transaction->check_producer(producer) == ErrorCode::none &&
      transaction->is_left(Transaction::Channel::transaction, caller.connection_id))
    return refuse(ErrorCode::not_coordinator);
  const auto decision = is_v2 ? transaction->end_v2(step, producer, request.committed)
                              : transaction->end_v1(step, producer, request.committed);
  if (decision.code != ErrorCode::none) return refuse(decision.code);
  if (decision.next) {
    change(step, *transaction, *decision.next);
    transaction->remember(decision.previous_epoch);
    order_markers(step, *transaction);
  }
  if (is_v2) {
    const auto next = transaction->next_producer();
    MOLDAU_CHECK(next.epoch < last_epoch, "the last epoch is given to a client");
    response.producer_id = next.id;
    response.producer_epoch = next.epoch;
  }
  return response;
}

ErrorCode Machine::abort(Step& step, const std::string& transactional_id) {
  auto* transaction = find(transactional_id);
  if (transaction == nullptr) return ErrorCode::transactional_id_not_found;
  if (transaction->is_ending()) return ErrorCode::concurrent_transactions;
  if (!transaction->is_ongoing()) return ErrorCode::invalid_txn_state;
  return abort(step, *transaction);
}

ErrorCode Machine::abort(Step& step, Transaction& transaction) {
  const auto decision = transaction.fence(step);
  if (!decision.next) return decision.code;
  change(step, transaction, *decision.next);
  transaction.remember(decision.previous_epoch);
  order_markers(step, transaction);
  return ErrorCode::none;
}

/// The decision is in the records; what is left is to tell the partitions.
void Machine::order_markers(Step& step, Transaction& transaction) {
  if (transaction.partitions().empty())
    return change(step, transaction, transaction.completed(step.now));
  step.effects.markers.push_back(
      {.transactional_id = transaction.id(),
       .marker = transaction.marker(step.coordinator_epoch),
       .partitions = {transaction.partitions().begin(), transaction.partitions().end()}});
}

void Machine::markers_written(Step& step, const MarkerOutcome& outcome) {
  auto* transaction = find(outcome.transactional_id);
  MOLDAU_CHECK(transaction != nullptr && transaction->is_ending(),
               "markers were written for a transaction that is not ending");
  for (const auto& partition : outcome.written) transaction->marker_written(partition);
  if (!transaction->partitions().empty()) return try_again_later(step, *transaction);
  transaction->pause = base::Milliseconds{0};
  change(step, *transaction, transaction->completed(step.now));
}

void Machine::try_again_later(Step& step, Transaction& transaction) {
  transaction.pause = std::clamp(2 * transaction.pause, marker_pause_min, marker_pause_max);
  step.deadlines.set(transaction.id(), step.now.steady + transaction.pause);
}

// Time.

void Machine::expire(Step& step, base::SteadyTime now) {
  while (const auto id = step.deadlines.take_due(now)) {
    auto& transaction = *find(*id);
    if (transaction.is_ending()) {
      order_markers(step, transaction);
      continue;
    }
    TimedOut timed_out{.transactional_id = *id,
                       .producer = transaction.producer(),
                       .client_id = transaction.client_id,
                       .host = transaction.client_host,
                       .open_ms = step.now.wall_ms - transaction.value().start_ms};
    if (abort(step, transaction) == ErrorCode::none) {
      step.effects.timed_out.push_back(std::move(timed_out));
    } else {
      try_again_later(step, transaction);  // no producer id to go on with is there yet
    }
  }
}

bool Machine::expire_ids(Step& step) {
  std::size_t done = 0;
  for (auto place = transactions_.begin(); place != transactions_.end();) {
    if (!place->second->is_expired(step.now, step.options.id_expiration)) {
      ++place;
      continue;
    }
    if (++done > ids_per_sweep) return true;
    step.effects.records.push_back({.transactional_id = place->first, .value = std::nullopt});
    place = transactions_.erase(place);
  }
  return false;
}

// Looks.

protocol::DescribeTransactionsResponse::TransactionState Machine::describe(
    const std::string& transactional_id) const {
  protocol::DescribeTransactionsResponse::TransactionState described;
  described.transactional_id = transactional_id;
  if (transactional_id.empty()) {
    described.error_code = ErrorCode::invalid_request;
    return described;
  }
  const auto* transaction = find(transactional_id);
  if (transaction == nullptr) {
    described.error_code = ErrorCode::transactional_id_not_found;
    return described;
  }
  described.transaction_state = state_name(transaction->state());
  described.transaction_timeout_ms = transaction->value().timeout_ms;
  described.transaction_start_time_ms = transaction->value().start_ms;
  described.producer_id = transaction->producer().id;
  described.producer_epoch = transaction->producer().epoch;
  for (const auto& [topic, partition] : transaction->partitions()) {
    if (described.topics.empty() || described.topics.back().topic != topic)
      described.topics.push_back({topic, {}});
    described.topics.back().partitions.push_back(partition);
  }
  return described;
}

std::vector<protocol::ListTransactionsResponse::TransactionState> Machine::list(
    const Now& now, const TransactionFilter& filter) const {
  std::vector<protocol::ListTransactionsResponse::TransactionState> found;
  for (const auto& [id, transaction] : transactions_) {
    if (!filter.passes(id, transaction->value(), now.wall_ms)) continue;
    found.push_back({.transactional_id = id,
                     .producer_id = transaction->producer().id,
                     .transaction_state = std::string(state_name(transaction->state()))});
  }
  return found;
}

void Machine::find_owners(const std::vector<ProducerId>& producers,
                          partition::TransactionOwners& found) const {
  for (const auto& [id, transaction] : transactions_) {
    const auto& value = transaction->value();
    // The epochs of the previous one are used up; its last transaction may be what hangs.
    for (const auto producer : {value.previous_producer_id, value.producer_id}) {
      if (producer == no_producer_id || !std::ranges::binary_search(producers, producer)) continue;
      partition::TransactionOwner owner{.transactional_id = id,
                                        .client_id = transaction->client_id,
                                        .client_host = transaction->client_host,
                                        .partitions = {}};
      if (producer == value.producer_id)
        owner.partitions.assign(transaction->partitions().begin(), transaction->partitions().end());
      found.by_producer.insert_or_assign(producer, std::move(owner));
    }
  }
}

}  // namespace moldau::txn
