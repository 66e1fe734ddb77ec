#pragma once
// Fetch, versions 4 to 18 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/payload.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct FetchRequest {
  static constexpr ApiKey api_key = ApiKey::fetch;
  static constexpr codec::VersionRange versions{4, 18};
  static constexpr codec::VersionRange flexible{12, 18};

  struct Topic {
    struct Partition {
      PartitionIndex partition{};
      LeaderEpoch current_leader_epoch{-1};
      Offset fetch_offset{};
      LeaderEpoch last_fetched_epoch{-1};
      Offset log_start_offset{-1};
      std::int32_t partition_max_bytes = 0;
      base::Uuid replica_directory_id{};
      Offset high_watermark{9223372036854775807};

      static constexpr void fields(auto& field, auto& m) {
        field("partition", m.partition, since(4));
        field("current_leader_epoch", m.current_leader_epoch, since(9));
        field("fetch_offset", m.fetch_offset, since(4));
        field("last_fetched_epoch", m.last_fetched_epoch, since(12));
        field("log_start_offset", m.log_start_offset, since(5));
        field("partition_max_bytes", m.partition_max_bytes, since(4));
        field("replica_directory_id", m.replica_directory_id, since(17).tagged(0));
        field("high_watermark", m.high_watermark, since(18).tagged(1));
      }
    };

    std::string topic;
    base::Uuid topic_id{};
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic", m.topic, since(4).until(12));
      field("topic_id", m.topic_id, since(13));
      field("partitions", m.partitions, since(4));
    }
  };

  struct ForgottenTopicsData {
    std::string topic;
    base::Uuid topic_id{};
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic", m.topic, since(7).until(12));
      field("topic_id", m.topic_id, since(13));
      field("partitions", m.partitions, since(7));
    }
  };

  struct ReplicaState {
    BrokerId replica_id{-1};
    std::int64_t replica_epoch = -1;

    static constexpr void fields(auto& field, auto& m) {
      field("replica_id", m.replica_id, since(15));
      field("replica_epoch", m.replica_epoch, since(15));
    }
  };

  BrokerId replica_id{-1};
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = INT32_MAX;
  std::int8_t isolation_level = 0;
  std::int32_t session_id = 0;
  std::int32_t session_epoch = -1;
  std::vector<Topic> topics;
  std::vector<ForgottenTopicsData> forgotten_topics_data;
  std::string rack_id;
  std::optional<std::string> cluster_id;
  ReplicaState replica_state;

  static constexpr void fields(auto& field, auto& m) {
    field("replica_id", m.replica_id, since(4).until(14));
    field("max_wait_ms", m.max_wait_ms, since(4));
    field("min_bytes", m.min_bytes, since(4));
    field("max_bytes", m.max_bytes, since(4));
    field("isolation_level", m.isolation_level, since(4));
    field("session_id", m.session_id, since(7));
    field("session_epoch", m.session_epoch, since(7));
    field("topics", m.topics, since(4));
    field("forgotten_topics_data", m.forgotten_topics_data, since(7));
    field("rack_id", m.rack_id, since(11));
    field("cluster_id", m.cluster_id, since(12).nullable(12).tagged(0));
    field("replica_state", m.replica_state, since(15).tagged(1));
  }
};

struct FetchResponse {
  static constexpr ApiKey api_key = ApiKey::fetch;
  static constexpr codec::VersionRange versions{4, 18};
  static constexpr codec::VersionRange flexible{12, 18};

  struct Response {
    struct Partition {
      struct AbortedTransaction {
        ProducerId producer_id{};
        Offset first_offset{};

        static constexpr void fields(auto& field, auto& m) {
          field("producer_id", m.producer_id, since(4));
          field("first_offset", m.first_offset, since(4));
        }
      };

      struct DivergingEpoch {
        LeaderEpoch epoch{-1};
        Offset end_offset{-1};

        static constexpr void fields(auto& field, auto& m) {
          field("epoch", m.epoch, since(12));
          field("end_offset", m.end_offset, since(12));
        }
      };

      struct CurrentLeader {
        BrokerId leader_id{-1};
        LeaderEpoch leader_epoch{-1};

        static constexpr void fields(auto& field, auto& m) {
          field("leader_id", m.leader_id, since(12));
          field("leader_epoch", m.leader_epoch, since(12));
        }
      };

      struct SnapshotId {
        Offset end_offset{-1};
        std::int32_t epoch = -1;

        static constexpr void fields(auto& field, auto& m) {
          field("end_offset", m.end_offset, since(12));
          field("epoch", m.epoch, since(12));
        }
      };

      PartitionIndex partition_index{};
      ErrorCode error_code = ErrorCode::none;
      Offset high_watermark{};
      Offset last_stable_offset{-1};
      Offset log_start_offset{-1};
      std::optional<std::vector<AbortedTransaction>> aborted_transactions{std::in_place};
      std::int32_t preferred_read_replica = -1;
      std::optional<base::Payload> records;
      DivergingEpoch diverging_epoch;
      CurrentLeader current_leader;
      SnapshotId snapshot_id;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(4));
        field("error_code", m.error_code, since(4));
        field("high_watermark", m.high_watermark, since(4));
        field("last_stable_offset", m.last_stable_offset, since(4));
        field("log_start_offset", m.log_start_offset, since(5));
        field("aborted_transactions", m.aborted_transactions, since(4).nullable(4));
        field("preferred_read_replica", m.preferred_read_replica, since(11));
        field("records", m.records, since(4).nullable(4));
        field("diverging_epoch", m.diverging_epoch, since(12).tagged(0));
        field("current_leader", m.current_leader, since(12).tagged(1));
        field("snapshot_id", m.snapshot_id, since(12).tagged(2));
      }
    };

    std::string topic;
    base::Uuid topic_id{};
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic", m.topic, since(4).until(12));
      field("topic_id", m.topic_id, since(13));
      field("partitions", m.partitions, since(4));
    }
  };

  struct NodeEndpoint {
    BrokerId node_id{};
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    static constexpr void fields(auto& field, auto& m) {
      field("node_id", m.node_id, since(16));
      field("host", m.host, since(16));
      field("port", m.port, since(16));
      field("rack", m.rack, since(16).nullable(16));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::int32_t session_id = 0;
  std::vector<Response> responses;
  std::vector<NodeEndpoint> node_endpoints;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(4));
    field("error_code", m.error_code, since(7));
    field("session_id", m.session_id, since(7));
    field("responses", m.responses, since(4));
    field("node_endpoints", m.node_endpoints, since(16).tagged(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::FetchRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::FetchResponse>;
