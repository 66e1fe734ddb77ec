#pragma once
// ApiVersions, versions 0 to 5 of Apache Kafka 4.4's protocol.

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

struct ApiVersionsRequest {
  static constexpr ApiKey api_key = ApiKey::api_versions;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{3, 5};

  std::string client_software_name;
  std::string client_software_version;
  std::optional<std::string> cluster_id;
  BrokerId node_id{-1};

  static constexpr void fields(auto& field, auto& m) {
    field("client_software_name", m.client_software_name, since(3));
    field("client_software_version", m.client_software_version, since(3));
    field("cluster_id", m.cluster_id, since(5).nullable(5));
    field("node_id", m.node_id, since(5));
  }
};

struct ApiVersionsResponse {
  static constexpr ApiKey api_key = ApiKey::api_versions;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{3, 5};

  struct Api {
    std::int16_t api_key = 0;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;

    static constexpr void fields(auto& field, auto& m) {
      field("api_key", m.api_key, since(0));
      field("min_version", m.min_version, since(0));
      field("max_version", m.max_version, since(0));
    }
  };

  struct SupportedFeature {
    std::string name;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(3));
      field("min_version", m.min_version, since(3));
      field("max_version", m.max_version, since(3));
    }
  };

  struct FinalizedFeature {
    std::string name;
    std::int16_t max_version_level = 0;
    std::int16_t min_version_level = 0;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(3));
      field("max_version_level", m.max_version_level, since(3));
      field("min_version_level", m.min_version_level, since(3));
    }
  };

  ErrorCode error_code = ErrorCode::none;
  std::vector<Api> api_keys;
  std::int32_t throttle_time_ms = 0;
  std::vector<SupportedFeature> supported_features;
  std::int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeature> finalized_features;
  bool zk_migration_ready = false;

  static constexpr void fields(auto& field, auto& m) {
    field("error_code", m.error_code, since(0));
    field("api_keys", m.api_keys, since(0));
    field("throttle_time_ms", m.throttle_time_ms, since(1));
    field("supported_features", m.supported_features, since(3).tagged(0));
    field("finalized_features_epoch", m.finalized_features_epoch, since(3).tagged(1));
    field("finalized_features", m.finalized_features, since(3).tagged(2));
    field("zk_migration_ready", m.zk_migration_ready, since(3).tagged(3));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ApiVersionsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ApiVersionsResponse>;
