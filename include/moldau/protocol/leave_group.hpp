#pragma once
// LeaveGroup, versions 0 to 5 of Apache Kafka 4.4's protocol.

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

struct LeaveGroupRequest {
  static constexpr ApiKey api_key = ApiKey::leave_group;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{4, 5};

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::optional<std::string> reason;

    static constexpr void fields(auto& field, auto& m) {
      field("member_id", m.member_id, since(3));
      field("group_instance_id", m.group_instance_id, since(3).nullable(3));
      field("reason", m.reason, since(5).nullable(5));
    }
  };

  std::string group_id;
  std::string member_id;
  std::vector<Member> members;

  static constexpr void fields(auto& field, auto& m) {
    field("group_id", m.group_id, since(0));
    field("member_id", m.member_id, since(0).until(2));
    field("members", m.members, since(3));
  }
};

struct LeaveGroupResponse {
  static constexpr ApiKey api_key = ApiKey::leave_group;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{4, 5};

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id{std::in_place};
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto& field, auto& m) {
      field("member_id", m.member_id, since(3));
      field("group_instance_id", m.group_instance_id, since(3).nullable(3));
      field("error_code", m.error_code, since(3));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Member> members;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(1));
    field("error_code", m.error_code, since(0));
    field("members", m.members, since(3));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::LeaveGroupRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::LeaveGroupResponse>;
