#pragma once
// FindCoordinator, versions 0 to 6 of Apache Kafka 4.4's protocol.

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

struct FindCoordinatorRequest {
  static constexpr ApiKey api_key = ApiKey::find_coordinator;
  static constexpr codec::VersionRange versions{0, 6};
  static constexpr codec::VersionRange flexible{3, 6};

  std::string key;
  std::int8_t key_type = 0;
  std::vector<std::string> coordinator_keys;

  static constexpr void fields(auto& field, auto& m) {
    field("key", m.key, since(0).until(3));
    field("key_type", m.key_type, since(1));
    field("coordinator_keys", m.coordinator_keys, since(4));
  }
};

struct FindCoordinatorResponse {
  static constexpr ApiKey api_key = ApiKey::find_coordinator;
  static constexpr codec::VersionRange versions{0, 6};
  static constexpr codec::VersionRange flexible{3, 6};

  struct Coordinator {
    std::string key;
    BrokerId node_id{};
    std::string host;
    std::int32_t port = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{std::in_place};

    static constexpr void fields(auto& field, auto& m) {
      field("key", m.key, since(4));
      field("node_id", m.node_id, since(4));
      field("host", m.host, since(4));
      field("port", m.port, since(4));
      field("error_code", m.error_code, since(4));
      field("error_message", m.error_message, since(4).nullable(4));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message{std::in_place};
  BrokerId node_id{};
  std::string host;
  std::int32_t port = 0;
  std::vector<Coordinator> coordinators;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(1));
    field("error_code", m.error_code, since(0).until(3));
    field("error_message", m.error_message, since(1).until(3).nullable(1));
    field("node_id", m.node_id, since(0).until(3));
    field("host", m.host, since(0).until(3));
    field("port", m.port, since(0).until(3));
    field("coordinators", m.coordinators, since(4));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::FindCoordinatorRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::FindCoordinatorResponse>;
