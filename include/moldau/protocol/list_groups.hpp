#pragma once
// ListGroups, versions 0 to 5 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct ListGroupsRequest {
  static constexpr ApiKey api_key = ApiKey::list_groups;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{3, 5};

  std::vector<std::string> states_filter;
  std::vector<std::string> types_filter;

  static constexpr void fields(auto& field, auto& m) {
    field("states_filter", m.states_filter, since(4));
    field("types_filter", m.types_filter, since(5));
  }
};

struct ListGroupsResponse {
  static constexpr ApiKey api_key = ApiKey::list_groups;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{3, 5};

  struct Group {
    std::string group_id;
    std::string protocol_type;
    std::string group_state;
    std::string group_type;

    static constexpr void fields(auto& field, auto& m) {
      field("group_id", m.group_id, since(0));
      field("protocol_type", m.protocol_type, since(0));
      field("group_state", m.group_state, since(4));
      field("group_type", m.group_type, since(5));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Group> groups;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(1));
    field("error_code", m.error_code, since(0));
    field("groups", m.groups, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ListGroupsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ListGroupsResponse>;
