#pragma once
// InitProducerId, versions 0 to 5 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <optional>
#include <string>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct InitProducerIdRequest {
  static constexpr ApiKey api_key = ApiKey::init_producer_id;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{2, 5};

  std::optional<std::string> transactional_id{std::in_place};
  std::int32_t transaction_timeout_ms = 0;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{-1};

  static constexpr void fields(auto& field, auto& m) {
    field("transactional_id", m.transactional_id, since(0).nullable(0));
    field("transaction_timeout_ms", m.transaction_timeout_ms, since(0));
    field("producer_id", m.producer_id, since(3));
    field("producer_epoch", m.producer_epoch, since(3));
  }
};

struct InitProducerIdResponse {
  static constexpr ApiKey api_key = ApiKey::init_producer_id;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{2, 5};

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  ProducerId producer_id{-1};
  ProducerEpoch producer_epoch{};

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(0));
    field("producer_id", m.producer_id, since(0));
    field("producer_epoch", m.producer_epoch, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::InitProducerIdRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::InitProducerIdResponse>;
