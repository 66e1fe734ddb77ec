#pragma once
// DeleteGroups, versions 0 to 3 of Apache Kafka 4.4's protocol.

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

struct DeleteGroupsRequest {
  static constexpr ApiKey api_key = ApiKey::delete_groups;
  static constexpr codec::VersionRange versions{0, 3};
  static constexpr codec::VersionRange flexible{2, 3};

  std::vector<std::string> groups_names;

  static constexpr void fields(auto& field, auto& m) {
    field("groups_names", m.groups_names, since(0));
  }
};

struct DeleteGroupsResponse {
  static constexpr ApiKey api_key = ApiKey::delete_groups;
  static constexpr codec::VersionRange versions{0, 3};
  static constexpr codec::VersionRange flexible{2, 3};

  struct Result {
    std::string group_id;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;

    static constexpr void fields(auto& field, auto& m) {
      field("group_id", m.group_id, since(0));
      field("error_code", m.error_code, since(0));
      field("error_message", m.error_message, since(3).nullable(3));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("results", m.results, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DeleteGroupsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DeleteGroupsResponse>;
