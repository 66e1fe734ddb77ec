#pragma once
// Metadata, versions 0 to 13 of Apache Kafka 4.4's protocol.

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

struct MetadataRequest {
  static constexpr ApiKey api_key = ApiKey::metadata;
  static constexpr codec::VersionRange versions{0, 13};
  static constexpr codec::VersionRange flexible{9, 13};

  struct Topic {
    base::Uuid topic_id{};
    std::optional<std::string> name{std::in_place};

    static constexpr void fields(auto& field, auto& m) {
      field("topic_id", m.topic_id, since(10));
      field("name", m.name, since(0).nullable(10));
    }
  };

  std::optional<std::vector<Topic>> topics{std::in_place};
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  static constexpr void fields(auto& field, auto& m) {
    field("topics", m.topics, since(0).nullable(1));
    field("allow_auto_topic_creation", m.allow_auto_topic_creation, since(4));
    field("include_cluster_authorized_operations", m.include_cluster_authorized_operations, since(8).until(10));
    field("include_topic_authorized_operations", m.include_topic_authorized_operations, since(8));
  }
};

struct MetadataResponse {
  static constexpr ApiKey api_key = ApiKey::metadata;
  static constexpr codec::VersionRange versions{0, 13};
  static constexpr codec::VersionRange flexible{9, 13};

  struct Broker {
    BrokerId node_id{};
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    static constexpr void fields(auto& field, auto& m) {
      field("node_id", m.node_id, since(0));
      field("host", m.host, since(0));
      field("port", m.port, since(0));
      field("rack", m.rack, since(1).nullable(1));
    }
  };

  struct Topic {
    struct Partition {
      ErrorCode error_code = ErrorCode::none;
      PartitionIndex partition_index{};
      BrokerId leader_id{};
      LeaderEpoch leader_epoch{-1};
      std::vector<BrokerId> replica_nodes;
      std::vector<BrokerId> isr_nodes;
      std::vector<BrokerId> offline_replicas;

      static constexpr void fields(auto& field, auto& m) {
        field("error_code", m.error_code, since(0));
        field("partition_index", m.partition_index, since(0));
        field("leader_id", m.leader_id, since(0));
        field("leader_epoch", m.leader_epoch, since(7));
        field("replica_nodes", m.replica_nodes, since(0));
        field("isr_nodes", m.isr_nodes, since(0));
        field("offline_replicas", m.offline_replicas, since(5));
      }
    };

    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> name{std::in_place};
    base::Uuid topic_id{};
    bool is_internal = false;
    std::vector<Partition> partitions;
    std::int32_t topic_authorized_operations = INT32_MIN;

    static constexpr void fields(auto& field, auto& m) {
      field("error_code", m.error_code, since(0));
      field("name", m.name, since(0).nullable(12));
      field("topic_id", m.topic_id, since(10));
      field("is_internal", m.is_internal, since(1));
      field("partitions", m.partitions, since(0));
      field("topic_authorized_operations", m.topic_authorized_operations, since(8));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Broker> brokers;
  std::optional<std::string> cluster_id;
  BrokerId controller_id{-1};
  std::vector<Topic> topics;
  std::int32_t cluster_authorized_operations = INT32_MIN;
  ErrorCode error_code = ErrorCode::none;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(3));
    field("brokers", m.brokers, since(0));
    field("cluster_id", m.cluster_id, since(2).nullable(2));
    field("controller_id", m.controller_id, since(1));
    field("topics", m.topics, since(0));
    field("cluster_authorized_operations", m.cluster_authorized_operations, since(8).until(10));
    field("error_code", m.error_code, since(13));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::MetadataRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::MetadataResponse>;
