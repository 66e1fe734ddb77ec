#pragma once
// OffsetFetch, versions 0 to 10 of Apache Kafka 4.4's protocol.

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

struct OffsetFetchRequest {
  static constexpr ApiKey api_key = ApiKey::offset_fetch;
  static constexpr codec::VersionRange versions{0, 10};
  static constexpr codec::VersionRange flexible{6, 10};

  struct Topic {
    std::string name;
    std::vector<PartitionIndex> partition_indexes;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partition_indexes", m.partition_indexes, since(0));
    }
  };

  struct Group {
    struct Topic {
      std::string name;
      base::Uuid topic_id{};
      std::vector<PartitionIndex> partition_indexes;

      static constexpr void fields(auto& field, auto& m) {
        field("name", m.name, since(8).until(9));
        field("topic_id", m.topic_id, since(10));
        field("partition_indexes", m.partition_indexes, since(8));
      }
    };

    std::string group_id;
    std::optional<std::string> member_id;
    std::int32_t member_epoch = -1;
    std::optional<std::vector<Topic>> topics{std::in_place};

    static constexpr void fields(auto& field, auto& m) {
      field("group_id", m.group_id, since(8));
      field("member_id", m.member_id, since(9).nullable(9));
      field("member_epoch", m.member_epoch, since(9));
      field("topics", m.topics, since(8).nullable(8));
    }
  };

  std::string group_id;
  std::optional<std::vector<Topic>> topics{std::in_place};
  std::vector<Group> groups;
  bool require_stable = false;

  static constexpr void fields(auto& field, auto& m) {
    field("group_id", m.group_id, since(0).until(7));
    field("topics", m.topics, since(0).until(7).nullable(2));
    field("groups", m.groups, since(8));
    field("require_stable", m.require_stable, since(7));
  }
};

struct OffsetFetchResponse {
  static constexpr ApiKey api_key = ApiKey::offset_fetch;
  static constexpr codec::VersionRange versions{0, 10};
  static constexpr codec::VersionRange flexible{6, 10};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      Offset committed_offset{};
      LeaderEpoch committed_leader_epoch{-1};
      std::optional<std::string> metadata{std::in_place};
      ErrorCode error_code = ErrorCode::none;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("committed_offset", m.committed_offset, since(0));
        field("committed_leader_epoch", m.committed_leader_epoch, since(5));
        field("metadata", m.metadata, since(0).nullable(0));
        field("error_code", m.error_code, since(0));
      }
    };

    std::string name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  struct Group {
    struct Topic {
      struct Partition {
        PartitionIndex partition_index{};
        Offset committed_offset{};
        LeaderEpoch committed_leader_epoch{-1};
        std::optional<std::string> metadata{std::in_place};
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& field, auto& m) {
          field("partition_index", m.partition_index, since(8));
          field("committed_offset", m.committed_offset, since(8));
          field("committed_leader_epoch", m.committed_leader_epoch, since(8));
          field("metadata", m.metadata, since(8).nullable(8));
          field("error_code", m.error_code, since(8));
        }
      };

      std::string name;
      base::Uuid topic_id{};
      std::vector<Partition> partitions;

      static constexpr void fields(auto& field, auto& m) {
        field("name", m.name, since(8).until(9));
        field("topic_id", m.topic_id, since(10));
        field("partitions", m.partitions, since(8));
      }
    };

    std::string group_id;
    std::vector<Topic> topics;
    ErrorCode error_code = ErrorCode::none;

    static constexpr void fields(auto& field, auto& m) {
      field("group_id", m.group_id, since(8));
      field("topics", m.topics, since(8));
      field("error_code", m.error_code, since(8));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Group> groups;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(3));
    field("topics", m.topics, since(0).until(7));
    field("error_code", m.error_code, since(2).until(7));
    field("groups", m.groups, since(8));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::OffsetFetchRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::OffsetFetchResponse>;
