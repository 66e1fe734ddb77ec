#pragma once
// ElectLeaders, versions 0 to 2 of Apache Kafka 4.4's protocol.

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

struct ElectLeadersRequest {
  static constexpr ApiKey api_key = ApiKey::elect_leaders;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{2, 2};

  struct TopicPartition {
    std::string topic;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic", m.topic, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  std::int8_t election_type = 0;
  std::optional<std::vector<TopicPartition>> topic_partitions{std::in_place};
  std::int32_t timeout_ms = 60000;

  static constexpr void fields(auto& field, auto& m) {
    field("election_type", m.election_type, since(1));
    field("topic_partitions", m.topic_partitions, since(0).nullable(0));
    field("timeout_ms", m.timeout_ms, since(0));
  }
};

struct ElectLeadersResponse {
  static constexpr ApiKey api_key = ApiKey::elect_leaders;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{2, 2};

  struct ReplicaElectionResult {
    struct PartitionResult {
      PartitionIndex partition_id{};
      ErrorCode error_code = ErrorCode::none;
      std::optional<std::string> error_message{std::in_place};

      static constexpr void fields(auto& field, auto& m) {
        field("partition_id", m.partition_id, since(0));
        field("error_code", m.error_code, since(0));
        field("error_message", m.error_message, since(0).nullable(0));
      }
    };

    std::string topic;
    std::vector<PartitionResult> partition_result;

    static constexpr void fields(auto& field, auto& m) {
      field("topic", m.topic, since(0));
      field("partition_result", m.partition_result, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<ReplicaElectionResult> replica_election_results;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(1));
    field("replica_election_results", m.replica_election_results, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ElectLeadersRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ElectLeadersResponse>;
