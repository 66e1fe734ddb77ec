#pragma once
// DescribeTopicPartitions, versions 0 to 0 of Apache Kafka 4.4's protocol.

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

struct DescribeTopicPartitionsRequest {
  static constexpr ApiKey api_key = ApiKey::describe_topic_partitions;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, 0};

  struct Topic {
    std::string name;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
    }
  };

  struct Cursor {
    std::string topic_name;
    PartitionIndex partition_index{};

    static constexpr void fields(auto& field, auto& m) {
      field("topic_name", m.topic_name, since(0));
      field("partition_index", m.partition_index, since(0));
    }
  };

  std::vector<Topic> topics;
  std::int32_t response_partition_limit = 2000;
  std::optional<Cursor> cursor;

  static constexpr void fields(auto& field, auto& m) {
    field("topics", m.topics, since(0));
    field("response_partition_limit", m.response_partition_limit, since(0));
    field("cursor", m.cursor, since(0).nullable(0));
  }
};

struct DescribeTopicPartitionsResponse {
  static constexpr ApiKey api_key = ApiKey::describe_topic_partitions;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, 0};

  struct Topic {
    struct Partition {
      ErrorCode error_code = ErrorCode::none;
      PartitionIndex partition_index{};
      BrokerId leader_id{};
      LeaderEpoch leader_epoch{-1};
      std::vector<BrokerId> replica_nodes;
      std::vector<BrokerId> isr_nodes;
      std::optional<std::vector<BrokerId>> eligible_leader_replicas;
      std::optional<std::vector<BrokerId>> last_known_elr;
      std::vector<BrokerId> offline_replicas;

      static constexpr void fields(auto& field, auto& m) {
        field("error_code", m.error_code, since(0));
        field("partition_index", m.partition_index, since(0));
        field("leader_id", m.leader_id, since(0));
        field("leader_epoch", m.leader_epoch, since(0));
        field("replica_nodes", m.replica_nodes, since(0));
        field("isr_nodes", m.isr_nodes, since(0));
        field("eligible_leader_replicas", m.eligible_leader_replicas, since(0).nullable(0));
        field("last_known_elr", m.last_known_elr, since(0).nullable(0));
        field("offline_replicas", m.offline_replicas, since(0));
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
      field("name", m.name, since(0).nullable(0));
      field("topic_id", m.topic_id, since(0));
      field("is_internal", m.is_internal, since(0));
      field("partitions", m.partitions, since(0));
      field("topic_authorized_operations", m.topic_authorized_operations, since(0));
    }
  };

  struct NextCursor {
    std::string topic_name;
    PartitionIndex partition_index{};

    static constexpr void fields(auto& field, auto& m) {
      field("topic_name", m.topic_name, since(0));
      field("partition_index", m.partition_index, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  std::optional<NextCursor> next_cursor;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("topics", m.topics, since(0));
    field("next_cursor", m.next_cursor, since(0).nullable(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DescribeTopicPartitionsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DescribeTopicPartitionsResponse>;
