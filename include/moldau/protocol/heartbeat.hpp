#pragma once
// Heartbeat, versions 0 to 4 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <optional>
#include <string>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct HeartbeatRequest {
  static constexpr ApiKey api_key = ApiKey::heartbeat;
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{4, 4};

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;

  static constexpr void fields(auto& field, auto& m) {
    field("group_id", m.group_id, since(0));
    field("generation_id", m.generation_id, since(0));
    field("member_id", m.member_id, since(0));
    field("group_instance_id", m.group_instance_id, since(3).nullable(3));
  }
};

struct HeartbeatResponse {
  static constexpr ApiKey api_key = ApiKey::heartbeat;
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{4, 4};

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(1));
    field("error_code", m.error_code, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::HeartbeatRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::HeartbeatResponse>;
