#pragma once
// UpdateFeatures, versions 0 to 2 of Apache Kafka 4.4's protocol.

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

struct UpdateFeaturesRequest {
  static constexpr ApiKey api_key = ApiKey::update_features;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, 2};

  struct FeatureUpdate {
    std::string feature;
    std::int16_t max_version_level = 0;
    bool allow_downgrade = false;
    std::int8_t upgrade_type = 1;

    static constexpr void fields(auto& field, auto& m) {
      field("feature", m.feature, since(0));
      field("max_version_level", m.max_version_level, since(0));
      field("allow_downgrade", m.allow_downgrade, since(0).until(0));
      field("upgrade_type", m.upgrade_type, since(1));
    }
  };

  std::int32_t timeout_ms = 60000;
  std::vector<FeatureUpdate> feature_updates;
  bool validate_only = false;

  static constexpr void fields(auto& field, auto& m) {
    field("timeout_ms", m.timeout_ms, since(0));
    field("feature_updates", m.feature_updates, since(0));
    field("validate_only", m.validate_only, since(1));
  }
};

struct UpdateFeaturesResponse {
  static constexpr ApiKey api_key = ApiKey::update_features;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, 2};

  struct Result {
    std::string feature;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{std::in_place};

    static constexpr void fields(auto& field, auto& m) {
      field("feature", m.feature, since(0));
      field("error_code", m.error_code, since(0));
      field("error_message", m.error_message, since(0).nullable(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message{std::in_place};
  std::vector<Result> results;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(0));
    field("error_message", m.error_message, since(0).nullable(0));
    field("results", m.results, since(0).until(1));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::UpdateFeaturesRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::UpdateFeaturesResponse>;
