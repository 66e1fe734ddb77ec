#pragma once
// SaslHandshake, versions 0 and 1 of Apache Kafka 4.4's protocol.  After version 0 the client's tokens come
// as bare frames without headers; after version 1 they are SaslAuthenticate requests (KIP-152).

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct SaslHandshakeRequest {
  static constexpr ApiKey api_key = ApiKey::sasl_handshake;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{codec::never, codec::never};

  std::string mechanism;

  static constexpr void fields(auto& field, auto& m) { field("mechanism", m.mechanism, since(0)); }
};

struct SaslHandshakeResponse {
  static constexpr ApiKey api_key = ApiKey::sasl_handshake;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{codec::never, codec::never};

  ErrorCode error_code = ErrorCode::none;
  std::vector<std::string> mechanisms;  // those the broker serves

  static constexpr void fields(auto& field, auto& m) {
    field("error_code", m.error_code, since(0));
    field("mechanisms", m.mechanisms, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::SaslHandshakeRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::SaslHandshakeResponse>;
