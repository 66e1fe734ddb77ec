#pragma once
// DescribeQuorum, versions 0 to 2 of Apache Kafka 4.4's protocol.

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

struct DescribeQuorumRequest {
  static constexpr ApiKey api_key = ApiKey::describe_quorum;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, 2};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
      }
    };

    std::string topic_name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic_name", m.topic_name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("topics", m.topics, since(0));
  }
};

struct DescribeQuorumResponse {
  static constexpr ApiKey api_key = ApiKey::describe_quorum;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, 2};

  struct Topic {
    struct Partition {
      struct CurrentVoter {
        BrokerId replica_id{};
        base::Uuid replica_directory_id{};
        Offset log_end_offset{};
        std::int64_t last_fetch_timestamp = -1;
        std::int64_t last_caught_up_timestamp = -1;

        static constexpr void fields(auto& field, auto& m) {
          field("replica_id", m.replica_id, since(0));
          field("replica_directory_id", m.replica_directory_id, since(2));
          field("log_end_offset", m.log_end_offset, since(0));
          field("last_fetch_timestamp", m.last_fetch_timestamp, since(1));
          field("last_caught_up_timestamp", m.last_caught_up_timestamp, since(1));
        }
      };

      struct Observer {
        BrokerId replica_id{};
        base::Uuid replica_directory_id{};
        Offset log_end_offset{};
        std::int64_t last_fetch_timestamp = -1;
        std::int64_t last_caught_up_timestamp = -1;

        static constexpr void fields(auto& field, auto& m) {
          field("replica_id", m.replica_id, since(0));
          field("replica_directory_id", m.replica_directory_id, since(2));
          field("log_end_offset", m.log_end_offset, since(0));
          field("last_fetch_timestamp", m.last_fetch_timestamp, since(1));
          field("last_caught_up_timestamp", m.last_caught_up_timestamp, since(1));
        }
      };

      PartitionIndex partition_index{};
      ErrorCode error_code = ErrorCode::none;
      std::optional<std::string> error_message{std::in_place};
      BrokerId leader_id{};
      LeaderEpoch leader_epoch{};
      Offset high_watermark{};
      std::vector<CurrentVoter> current_voters;
      std::vector<Observer> observers;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("error_code", m.error_code, since(0));
        field("error_message", m.error_message, since(2).nullable(2));
        field("leader_id", m.leader_id, since(0));
        field("leader_epoch", m.leader_epoch, since(0));
        field("high_watermark", m.high_watermark, since(0));
        field("current_voters", m.current_voters, since(0));
        field("observers", m.observers, since(0));
      }
    };

    std::string topic_name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic_name", m.topic_name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  struct Node {
    struct Listener {
      std::string name;
      std::string host;
      std::uint16_t port = 0;

      static constexpr void fields(auto& field, auto& m) {
        field("name", m.name, since(2));
        field("host", m.host, since(2));
        field("port", m.port, since(2));
      }
    };

    BrokerId node_id{};
    std::vector<Listener> listeners;

    static constexpr void fields(auto& field, auto& m) {
      field("node_id", m.node_id, since(2));
      field("listeners", m.listeners, since(2));
    }
  };

  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message{std::in_place};
  std::vector<Topic> topics;
  std::vector<Node> nodes;

  static constexpr void fields(auto& field, auto& m) {
    field("error_code", m.error_code, since(0));
    field("error_message", m.error_message, since(2).nullable(2));
    field("topics", m.topics, since(0));
    field("nodes", m.nodes, since(2));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DescribeQuorumRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DescribeQuorumResponse>;
