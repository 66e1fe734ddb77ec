#pragma once
// OffsetForLeaderEpoch, versions 0 to 4 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct OffsetForLeaderEpochRequest {
  static constexpr ApiKey api_key = ApiKey::offset_for_leader_epoch;
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{4, 4};

  struct Topic {
    struct Partition {
      PartitionIndex partition{};
      LeaderEpoch current_leader_epoch{-1};
      LeaderEpoch leader_epoch{};

      static constexpr void fields(auto& field, auto& m) {
        field("partition", m.partition, since(0));
        field("current_leader_epoch", m.current_leader_epoch, since(2));
        field("leader_epoch", m.leader_epoch, since(0));
      }
    };

    std::string topic;
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic", m.topic, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  BrokerId replica_id{-2};
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("replica_id", m.replica_id, since(3));
    field("topics", m.topics, since(0));
  }
};

struct OffsetForLeaderEpochResponse {
  static constexpr ApiKey api_key = ApiKey::offset_for_leader_epoch;
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{4, 4};

  struct Topic {
    struct Partition {
      ErrorCode error_code = ErrorCode::none;
      PartitionIndex partition{};
      LeaderEpoch leader_epoch{-1};
      Offset end_offset{-1};

      static constexpr void fields(auto& field, auto& m) {
        field("error_code", m.error_code, since(0));
        field("partition", m.partition, since(0));
        field("leader_epoch", m.leader_epoch, since(1));
        field("end_offset", m.end_offset, since(0));
      }
    };

    std::string topic;
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic", m.topic, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(2));
    field("topics", m.topics, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::OffsetForLeaderEpochRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::OffsetForLeaderEpochResponse>;
