#pragma once
// OffsetCommit, versions 0 to 10 of Apache Kafka 4.4's protocol.

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

struct OffsetCommitRequest {
  static constexpr ApiKey api_key = ApiKey::offset_commit;
  static constexpr codec::VersionRange versions{0, 10};
  static constexpr codec::VersionRange flexible{8, 10};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      Offset committed_offset{};
      LeaderEpoch committed_leader_epoch{-1};
      std::int64_t commit_timestamp = -1;
      std::optional<std::string> committed_metadata{std::in_place};

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("committed_offset", m.committed_offset, since(0));
        field("committed_leader_epoch", m.committed_leader_epoch, since(6));
        field("commit_timestamp", m.commit_timestamp, since(1).until(1));
        field("committed_metadata", m.committed_metadata, since(0).nullable(0));
      }
    };

    std::string name;
    base::Uuid topic_id{};
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0).until(9));
      field("topic_id", m.topic_id, since(10));
      field("partitions", m.partitions, since(0));
    }
  };

  std::string group_id;
  std::int32_t generation_id_or_member_epoch = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::int64_t retention_time_ms = -1;
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("group_id", m.group_id, since(0));
    field("generation_id_or_member_epoch", m.generation_id_or_member_epoch, since(1));
    field("member_id", m.member_id, since(1));
    field("group_instance_id", m.group_instance_id, since(7).nullable(7));
    field("retention_time_ms", m.retention_time_ms, since(2).until(4));
    field("topics", m.topics, since(0));
  }
};

struct OffsetCommitResponse {
  static constexpr ApiKey api_key = ApiKey::offset_commit;
  static constexpr codec::VersionRange versions{0, 10};
  static constexpr codec::VersionRange flexible{8, 10};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      ErrorCode error_code = ErrorCode::none;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("error_code", m.error_code, since(0));
      }
    };

    std::string name;
    base::Uuid topic_id{};
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0).until(9));
      field("topic_id", m.topic_id, since(10));
      field("partitions", m.partitions, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(3));
    field("topics", m.topics, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::OffsetCommitRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::OffsetCommitResponse>;
