#pragma once
// DescribeTransactions, versions 0 to 0 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct DescribeTransactionsRequest {
  static constexpr ApiKey api_key = ApiKey::describe_transactions;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, 0};

  std::vector<std::string> transactional_ids;

  static constexpr void fields(auto& field, auto& m) {
    field("transactional_ids", m.transactional_ids, since(0));
  }
};

struct DescribeTransactionsResponse {
  static constexpr ApiKey api_key = ApiKey::describe_transactions;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, 0};

  struct TransactionState {
    struct Topic {
      std::string topic;
      std::vector<PartitionIndex> partitions;

      static constexpr void fields(auto& field, auto& m) {
        field("topic", m.topic, since(0));
        field("partitions", m.partitions, since(0));
      }
    };

    ErrorCode error_code = ErrorCode::none;
    std::string transactional_id;
    std::string transaction_state;
    std::int32_t transaction_timeout_ms = 0;
    std::int64_t transaction_start_time_ms = 0;
    ProducerId producer_id{};
    ProducerEpoch producer_epoch{};
    std::vector<Topic> topics;

    static constexpr void fields(auto& field, auto& m) {
      field("error_code", m.error_code, since(0));
      field("transactional_id", m.transactional_id, since(0));
      field("transaction_state", m.transaction_state, since(0));
      field("transaction_timeout_ms", m.transaction_timeout_ms, since(0));
      field("transaction_start_time_ms", m.transaction_start_time_ms, since(0));
      field("producer_id", m.producer_id, since(0));
      field("producer_epoch", m.producer_epoch, since(0));
      field("topics", m.topics, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<TransactionState> transaction_states;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("transaction_states", m.transaction_states, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DescribeTransactionsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DescribeTransactionsResponse>;
