#pragma once
// ListPartitionReassignments, versions 0 to 0 of Apache Kafka 4.4's protocol.

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

struct ListPartitionReassignmentsRequest {
  static constexpr ApiKey api_key = ApiKey::list_partition_reassignments;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, 0};

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partition_indexes;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partition_indexes", m.partition_indexes, since(0));
    }
  };

  std::int32_t timeout_ms = 60000;
  std::optional<std::vector<Topic>> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("timeout_ms", m.timeout_ms, since(0));
    field("topics", m.topics, since(0).nullable(0));
  }
};

struct ListPartitionReassignmentsResponse {
  static constexpr ApiKey api_key = ApiKey::list_partition_reassignments;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, 0};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      std::vector<BrokerId> replicas;
      std::vector<BrokerId> adding_replicas;
      std::vector<BrokerId> removing_replicas;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("replicas", m.replicas, since(0));
        field("adding_replicas", m.adding_replicas, since(0));
        field("removing_replicas", m.removing_replicas, since(0));
      }
    };

    std::string name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message{std::in_place};
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(0));
    field("error_message", m.error_message, since(0).nullable(0));
    field("topics", m.topics, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ListPartitionReassignmentsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ListPartitionReassignmentsResponse>;
