#pragma once
// AddOffsetsToTxn, versions 0 to 4 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct AddOffsetsToTxnRequest {
  static constexpr ApiKey api_key = ApiKey::add_offsets_to_txn;
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{3, 4};

  std::string transactional_id;
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  std::string group_id;

  static constexpr void fields(auto& field, auto& m) {
    field("transactional_id", m.transactional_id, since(0));
    field("producer_id", m.producer_id, since(0));
    field("producer_epoch", m.producer_epoch, since(0));
    field("group_id", m.group_id, since(0));
  }
};

struct AddOffsetsToTxnResponse {
  static constexpr ApiKey api_key = ApiKey::add_offsets_to_txn;
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{3, 4};

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::AddOffsetsToTxnRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::AddOffsetsToTxnResponse>;
