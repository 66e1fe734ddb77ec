#pragma once
// What ListTransactions asks for, ready to be held against many transactions (KIP-664, 994, 1152).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/pattern.hpp"
#include "moldau/base/result.hpp"
#include "moldau/protocol/list_transactions.hpp"
#include "moldau/txn/records.hpp"

namespace moldau::txn {

class TransactionFilter {
 public:
  /// Errors: invalid_argument, a pattern that is no regular expression; Kafka: INVALID_REGULAR_EXPRESSION.
  static base::Result<TransactionFilter> of(const protocol::ListTransactionsRequest& request);

  /// Those that it asked for and that are none.  A filter of only such states leaves nothing.
  [[nodiscard]] const std::vector<std::string>& unknown_states() const { return unknown_states_; }
  [[nodiscard]] bool passes(std::string_view transactional_id,
                            const TransactionRecord::Value& value, std::int64_t now_ms) const;

 private:
  TransactionFilter() = default;

  std::vector<TransactionState> states_;
  std::vector<std::string> unknown_states_;
  std::vector<ProducerId> producer_ids_;
  std::int64_t open_longer_than_ms_ = -1;
  std::optional<base::Pattern> pattern_;
};

}  // namespace moldau::txn
