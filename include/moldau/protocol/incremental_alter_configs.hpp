#pragma once
// IncrementalAlterConfigs, versions 0 to 1 of Apache Kafka 4.4's protocol.

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

struct IncrementalAlterConfigsRequest {
  static constexpr ApiKey api_key = ApiKey::incremental_alter_configs;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{1, 1};

  struct Resource {
    struct Config {
      std::string name;
      std::int8_t config_operation = 0;
      std::optional<std::string> value{std::in_place};

      static constexpr void fields(auto& field, auto& m) {
        field("name", m.name, since(0));
        field("config_operation", m.config_operation, since(0));
        field("value", m.value, since(0).nullable(0));
      }
    };

    std::int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;

    static constexpr void fields(auto& field, auto& m) {
      field("resource_type", m.resource_type, since(0));
      field("resource_name", m.resource_name, since(0));
      field("configs", m.configs, since(0));
    }
  };

  std::vector<Resource> resources;
  bool validate_only = false;

  static constexpr void fields(auto& field, auto& m) {
    field("resources", m.resources, since(0));
    field("validate_only", m.validate_only, since(0));
  }
};

struct IncrementalAlterConfigsResponse {
  static constexpr ApiKey api_key = ApiKey::incremental_alter_configs;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{1, 1};

  struct Response {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{std::in_place};
    std::int8_t resource_type = 0;
    std::string resource_name;

    static constexpr void fields(auto& field, auto& m) {
      field("error_code", m.error_code, since(0));
      field("error_message", m.error_message, since(0).nullable(0));
      field("resource_type", m.resource_type, since(0));
      field("resource_name", m.resource_name, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Response> responses;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("responses", m.responses, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::IncrementalAlterConfigsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::IncrementalAlterConfigsResponse>;
