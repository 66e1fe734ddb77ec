#pragma once
// SyncGroup, versions 0 to 5 of Apache Kafka 4.4's protocol.

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

struct SyncGroupRequest {
  static constexpr ApiKey api_key = ApiKey::sync_group;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{4, 5};

  struct Assignment {
    std::string member_id;
    std::vector<std::uint8_t> assignment;

    static constexpr void fields(auto& field, auto& m) {
      field("member_id", m.member_id, since(0));
      field("assignment", m.assignment, since(0));
    }
  };

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<Assignment> assignments;

  static constexpr void fields(auto& field, auto& m) {
    field("group_id", m.group_id, since(0));
    field("generation_id", m.generation_id, since(0));
    field("member_id", m.member_id, since(0));
    field("group_instance_id", m.group_instance_id, since(3).nullable(3));
    field("protocol_type", m.protocol_type, since(5).nullable(5));
    field("protocol_name", m.protocol_name, since(5).nullable(5));
    field("assignments", m.assignments, since(0));
  }
};

struct SyncGroupResponse {
  static constexpr ApiKey api_key = ApiKey::sync_group;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{4, 5};

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<std::uint8_t> assignment;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(1));
    field("error_code", m.error_code, since(0));
    field("protocol_type", m.protocol_type, since(5).nullable(5));
    field("protocol_name", m.protocol_name, since(5).nullable(5));
    field("assignment", m.assignment, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::SyncGroupRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::SyncGroupResponse>;
