#pragma once
// ListTransactions, versions 0 to 2 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct ListTransactionsRequest {
  static constexpr ApiKey api_key = ApiKey::list_transactions;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, 2};

  std::vector<std::string> state_filters;
  std::vector<ProducerId> producer_id_filters;
  std::int64_t duration_filter = -1;
  std::optional<std::string> transactional_id_pattern;

  static constexpr void fields(auto& field, auto& m) {
    field("state_filters", m.state_filters, since(0));
    field("producer_id_filters", m.producer_id_filters, since(0));
    field("duration_filter", m.duration_filter, since(1));
    field("transactional_id_pattern", m.transactional_id_pattern, since(2).nullable(2));
  }
};

struct ListTransactionsResponse {
  static constexpr ApiKey api_key = ApiKey::list_transactions;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, 2};

  struct TransactionState {
    std::string transactional_id;
    ProducerId producer_id{};
    std::string transaction_state;

    static constexpr void fields(auto& field, auto& m) {
      field("transactional_id", m.transactional_id, since(0));
      field("producer_id", m.producer_id, since(0));
      field("transaction_state", m.transaction_state, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<std::string> unknown_state_filters;
  std::vector<TransactionState> transaction_states;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(0));
    field("unknown_state_filters", m.unknown_state_filters, since(0));
    field("transaction_states", m.transaction_states, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ListTransactionsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ListTransactionsResponse>;
