#pragma once
// ListConfigResources, versions 0 to 1 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct ListConfigResourcesRequest {
  static constexpr ApiKey api_key = ApiKey::list_config_resources;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{0, 1};

  std::vector<std::int8_t> resource_types;

  static constexpr void fields(auto& field, auto& m) {
    field("resource_types", m.resource_types, since(1));
  }
};

struct ListConfigResourcesResponse {
  static constexpr ApiKey api_key = ApiKey::list_config_resources;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{0, 1};

  struct ConfigResource {
    std::string resource_name;
    std::int8_t resource_type = 16;

    static constexpr void fields(auto& field, auto& m) {
      field("resource_name", m.resource_name, since(0));
      field("resource_type", m.resource_type, since(1));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<ConfigResource> config_resources;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(0));
    field("config_resources", m.config_resources, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ListConfigResourcesRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ListConfigResourcesResponse>;
