#pragma once
// DescribeConfigs, versions 0 to 4 of Apache Kafka 4.4's protocol.

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

struct DescribeConfigsRequest {
  static constexpr ApiKey api_key = ApiKey::describe_configs;
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{4, 4};

  struct Resource {
    std::int8_t resource_type = 0;
    std::string resource_name;
    std::optional<std::vector<std::string>> configuration_keys{std::in_place};

    static constexpr void fields(auto& field, auto& m) {
      field("resource_type", m.resource_type, since(0));
      field("resource_name", m.resource_name, since(0));
      field("configuration_keys", m.configuration_keys, since(0).nullable(0));
    }
  };

  std::vector<Resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  static constexpr void fields(auto& field, auto& m) {
    field("resources", m.resources, since(0));
    field("include_synonyms", m.include_synonyms, since(1));
    field("include_documentation", m.include_documentation, since(3));
  }
};

struct DescribeConfigsResponse {
  static constexpr ApiKey api_key = ApiKey::describe_configs;
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{4, 4};

  struct Result {
    struct Config {
      struct Synonym {
        std::string name;
        std::optional<std::string> value{std::in_place};
        std::int8_t source = 0;

        static constexpr void fields(auto& field, auto& m) {
          field("name", m.name, since(1));
          field("value", m.value, since(1).nullable(1));
          field("source", m.source, since(1));
        }
      };

      std::string name;
      std::optional<std::string> value{std::in_place};
      bool read_only = false;
      bool is_default = false;
      std::int8_t config_source = -1;
      bool is_sensitive = false;
      std::vector<Synonym> synonyms;
      std::int8_t config_type = 0;
      std::optional<std::string> documentation{std::in_place};

      static constexpr void fields(auto& field, auto& m) {
        field("name", m.name, since(0));
        field("value", m.value, since(0).nullable(0));
        field("read_only", m.read_only, since(0));
        field("is_default", m.is_default, since(0).until(0));
        field("config_source", m.config_source, since(1));
        field("is_sensitive", m.is_sensitive, since(0));
        field("synonyms", m.synonyms, since(1));
        field("config_type", m.config_type, since(3));
        field("documentation", m.documentation, since(3).nullable(3));
      }
    };

    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{std::in_place};
    std::int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;

    static constexpr void fields(auto& field, auto& m) {
      field("error_code", m.error_code, since(0));
      field("error_message", m.error_message, since(0).nullable(0));
      field("resource_type", m.resource_type, since(0));
      field("resource_name", m.resource_name, since(0));
      field("configs", m.configs, since(0));
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

extern template struct moldau::codec::Codec<moldau::protocol::DescribeConfigsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DescribeConfigsResponse>;
