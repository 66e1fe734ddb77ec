#pragma once
// ListOffsets, versions 0 to 11 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct ListOffsetsRequest {
  static constexpr ApiKey api_key = ApiKey::list_offsets;
  static constexpr codec::VersionRange versions{0, 11};
  static constexpr codec::VersionRange flexible{6, 11};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      LeaderEpoch current_leader_epoch{-1};
      std::int64_t timestamp = 0;
      std::int32_t max_num_offsets = 1;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("current_leader_epoch", m.current_leader_epoch, since(4));
        field("timestamp", m.timestamp, since(0));
        field("max_num_offsets", m.max_num_offsets, since(0).until(0));
      }
    };

    std::string name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  BrokerId replica_id{};
  std::int8_t isolation_level = 0;
  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;

  static constexpr void fields(auto& field, auto& m) {
    field("replica_id", m.replica_id, since(0));
    field("isolation_level", m.isolation_level, since(2));
    field("topics", m.topics, since(0));
    field("timeout_ms", m.timeout_ms, since(10));
  }
};

struct ListOffsetsResponse {
  static constexpr ApiKey api_key = ApiKey::list_offsets;
  static constexpr codec::VersionRange versions{0, 11};
  static constexpr codec::VersionRange flexible{6, 11};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      ErrorCode error_code = ErrorCode::none;
      std::vector<std::int64_t> old_style_offsets;
      std::int64_t timestamp = -1;
      Offset offset{-1};
      LeaderEpoch leader_epoch{-1};

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("error_code", m.error_code, since(0));
        field("old_style_offsets", m.old_style_offsets, since(0).until(0));
        field("timestamp", m.timestamp, since(1));
        field("offset", m.offset, since(1));
        field("leader_epoch", m.leader_epoch, since(4));
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
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(2));
    field("topics", m.topics, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ListOffsetsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ListOffsetsResponse>;
