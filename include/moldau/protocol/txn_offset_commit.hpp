#pragma once
// TxnOffsetCommit, versions 0 to 6 of Apache Kafka 4.4's protocol.

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

struct TxnOffsetCommitRequest {
  static constexpr ApiKey api_key = ApiKey::txn_offset_commit;
  static constexpr codec::VersionRange versions{0, 6};
  static constexpr codec::VersionRange flexible{3, 6};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      Offset committed_offset{};
      LeaderEpoch committed_leader_epoch{-1};
      std::optional<std::string> committed_metadata{std::in_place};

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("committed_offset", m.committed_offset, since(0));
        field("committed_leader_epoch", m.committed_leader_epoch, since(2));
        field("committed_metadata", m.committed_metadata, since(0).nullable(0));
      }
    };

    std::string name;
    base::Uuid topic_id{};
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0).until(5));
      field("topic_id", m.topic_id, since(6));
      field("partitions", m.partitions, since(0));
    }
  };

  std::string transactional_id;
  std::string group_id;
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  std::int32_t generation_id = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("transactional_id", m.transactional_id, since(0));
    field("group_id", m.group_id, since(0));
    field("producer_id", m.producer_id, since(0));
    field("producer_epoch", m.producer_epoch, since(0));
    field("generation_id", m.generation_id, since(3));
    field("member_id", m.member_id, since(3));
    field("group_instance_id", m.group_instance_id, since(3).nullable(3));
    field("topics", m.topics, since(0));
  }
};

struct TxnOffsetCommitResponse {
  static constexpr ApiKey api_key = ApiKey::txn_offset_commit;
  static constexpr codec::VersionRange versions{0, 6};
  static constexpr codec::VersionRange flexible{3, 6};

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
      field("name", m.name, since(0).until(5));
      field("topic_id", m.topic_id, since(6));
      field("partitions", m.partitions, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("topics", m.topics, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::TxnOffsetCommitRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::TxnOffsetCommitResponse>;
