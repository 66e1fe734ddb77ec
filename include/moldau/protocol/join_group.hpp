#pragma once
// JoinGroup, versions 0 to 9 of Apache Kafka 4.4's protocol.

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

struct JoinGroupRequest {
  static constexpr ApiKey api_key = ApiKey::join_group;
  static constexpr codec::VersionRange versions{0, 9};
  static constexpr codec::VersionRange flexible{6, 9};

  struct Protocol {
    std::string name;
    std::vector<std::uint8_t> metadata;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("metadata", m.metadata, since(0));
    }
  };

  std::string group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::string protocol_type;
  std::vector<Protocol> protocols;
  std::optional<std::string> reason;

  static constexpr void fields(auto& field, auto& m) {
    field("group_id", m.group_id, since(0));
    field("session_timeout_ms", m.session_timeout_ms, since(0));
    field("rebalance_timeout_ms", m.rebalance_timeout_ms, since(1));
    field("member_id", m.member_id, since(0));
    field("group_instance_id", m.group_instance_id, since(5).nullable(5));
    field("protocol_type", m.protocol_type, since(0));
    field("protocols", m.protocols, since(0));
    field("reason", m.reason, since(8).nullable(8));
  }
};

struct JoinGroupResponse {
  static constexpr ApiKey api_key = ApiKey::join_group;
  static constexpr codec::VersionRange versions{0, 9};
  static constexpr codec::VersionRange flexible{6, 9};

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::vector<std::uint8_t> metadata;

    static constexpr void fields(auto& field, auto& m) {
      field("member_id", m.member_id, since(0));
      field("group_instance_id", m.group_instance_id, since(5).nullable(5));
      field("metadata", m.metadata, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::int32_t generation_id = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name{std::in_place};
  std::string leader;
  bool skip_assignment = false;
  std::string member_id;
  std::vector<Member> members;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(2));
    field("error_code", m.error_code, since(0));
    field("generation_id", m.generation_id, since(0));
    field("protocol_type", m.protocol_type, since(7).nullable(7));
    field("protocol_name", m.protocol_name, since(0).nullable(7));
    field("leader", m.leader, since(0));
    field("skip_assignment", m.skip_assignment, since(9));
    field("member_id", m.member_id, since(0));
    field("members", m.members, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::JoinGroupRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::JoinGroupResponse>;
