#pragma once
// DescribeCluster, versions 0 to 2 of Apache Kafka 4.4's protocol.

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

struct DescribeClusterRequest {
  static constexpr ApiKey api_key = ApiKey::describe_cluster;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, 2};

  bool include_cluster_authorized_operations = false;
  std::int8_t endpoint_type = 1;
  bool include_fenced_brokers = false;

  static constexpr void fields(auto& field, auto& m) {
    field("include_cluster_authorized_operations", m.include_cluster_authorized_operations, since(0));
    field("endpoint_type", m.endpoint_type, since(1));
    field("include_fenced_brokers", m.include_fenced_brokers, since(2));
  }
};

struct DescribeClusterResponse {
  static constexpr ApiKey api_key = ApiKey::describe_cluster;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, 2};

  struct Broker {
    BrokerId broker_id{};
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;
    bool is_fenced = false;

    static constexpr void fields(auto& field, auto& m) {
      field("broker_id", m.broker_id, since(0));
      field("host", m.host, since(0));
      field("port", m.port, since(0));
      field("rack", m.rack, since(0).nullable(0));
      field("is_fenced", m.is_fenced, since(2));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message;
  std::int8_t endpoint_type = 1;
  std::string cluster_id;
  BrokerId controller_id{-1};
  std::vector<Broker> brokers;
  std::int32_t cluster_authorized_operations = INT32_MIN;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(0));
    field("error_message", m.error_message, since(0).nullable(0));
    field("endpoint_type", m.endpoint_type, since(1));
    field("cluster_id", m.cluster_id, since(0));
    field("controller_id", m.controller_id, since(0));
    field("brokers", m.brokers, since(0));
    field("cluster_authorized_operations", m.cluster_authorized_operations, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DescribeClusterRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DescribeClusterResponse>;
