#include "moldau/txn/transaction_filter.hpp"

#include <algorithm>
#include <utility>

namespace moldau::txn {

base::Result<TransactionFilter> TransactionFilter::of(
    const protocol::ListTransactionsRequest& request) {
  TransactionFilter filter;
  for (const auto& name : request.state_filters) {
    if (const auto state = state_of(name)) {
      filter.states_.push_back(*state);
    } else {
      filter.unknown_states_.push_back(name);
    }
  }
  filter.producer_ids_ = request.producer_id_filters;
  filter.open_longer_than_ms_ = request.duration_filter;
  if (request.transactional_id_pattern && !request.transactional_id_pattern->empty()) {
    MOLDAU_ASSIGN(filter.pattern_, base::Pattern::compile(*request.transactional_id_pattern));
  }
  return filter;
}

bool TransactionFilter::passes(std::string_view transactional_id,
                               const TransactionRecord::Value& value, std::int64_t now_ms) const {
  const bool filters_states = !states_.empty() || !unknown_states_.empty();
  if (filters_states && std::ranges::find(states_, value.state) == states_.end()) return false;
  if (!producer_ids_.empty() &&
      std::ranges::find(producer_ids_, value.producer_id) == producer_ids_.end())
    return false;
  // As in Kafka, an id without a transaction counts as begun long ago.
  if (open_longer_than_ms_ >= 0 && now_ms - value.start_ms <= open_longer_than_ms_) return false;
  return !pattern_ || pattern_->matches(transactional_id);
}

}  // namespace moldau::txn
