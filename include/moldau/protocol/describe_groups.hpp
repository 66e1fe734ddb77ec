#pragma once
// DescribeGroups, versions 0 to 6 of Apache Kafka 4.4's protocol.

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

struct DescribeGroupsRequest {
  static constexpr ApiKey api_key = ApiKey::describe_groups;
  static constexpr codec::VersionRange versions{0, 6};
  static constexpr codec::VersionRange flexible{5, 6};

  std::vector<std::string> groups;
  bool include_authorized_operations = false;

  static constexpr void fields(auto& field, auto& m) {
    field("groups", m.groups, since(0));
    field("include_authorized_operations", m.include_authorized_operations, since(3));
  }
};

struct DescribeGroupsResponse {
  static constexpr ApiKey api_key = ApiKey::describe_groups;
  static constexpr codec::VersionRange versions{0, 6};
  static constexpr codec::VersionRange flexible{5, 6};

  struct Group {
    struct Member {
      std::string member_id;
      std::optional<std::string> group_instance_id;
      std::string client_id;
      std::string client_host;
      std::vector<std::uint8_t> member_metadata;
      std::vector<std::uint8_t> member_assignment;

      static constexpr void fields(auto& field, auto& m) {
        field("member_id", m.member_id, since(0));
        field("group_instance_id", m.group_instance_id, since(4).nullable(4));
        field("client_id", m.client_id, since(0));
        field("client_host", m.client_host, since(0));
        field("member_metadata", m.member_metadata, since(0));
        field("member_assignment", m.member_assignment, since(0));
      }
    };

    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    std::string group_id;
    std::string group_state;
    std::string protocol_type;
    std::string protocol_data;
    std::vector<Member> members;
    std::int32_t authorized_operations = INT32_MIN;

    static constexpr void fields(auto& field, auto& m) {
      field("error_code", m.error_code, since(0));
      field("error_message", m.error_message, since(6).nullable(6));
      field("group_id", m.group_id, since(0));
      field("group_state", m.group_state, since(0));
      field("protocol_type", m.protocol_type, since(0));
      field("protocol_data", m.protocol_data, since(0));
      field("members", m.members, since(0));
      field("authorized_operations", m.authorized_operations, since(3));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(1));
    field("groups", m.groups, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DescribeGroupsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DescribeGroupsResponse>;
