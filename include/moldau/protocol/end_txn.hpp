#pragma once
// EndTxn, versions 0 to 5 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct EndTxnRequest {
  static constexpr ApiKey api_key = ApiKey::end_txn;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{3, 5};

  std::string transactional_id;
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  bool committed = false;

  static constexpr void fields(auto& field, auto& m) {
    field("transactional_id", m.transactional_id, since(0));
    field("producer_id", m.producer_id, since(0));
    field("producer_epoch", m.producer_epoch, since(0));
    field("committed", m.committed, since(0));
  }
};

struct EndTxnResponse {
  static constexpr ApiKey api_key = ApiKey::end_txn;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{3, 5};

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(0));
    field("producer_id", m.producer_id, since(5));
    field("producer_epoch", m.producer_epoch, since(5));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::EndTxnRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::EndTxnResponse>;
