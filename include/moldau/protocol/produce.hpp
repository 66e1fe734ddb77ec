#pragma once
// Produce, versions 3 to 13 of Apache Kafka 4.4's protocol.

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

struct ProduceRequest {
  static constexpr ApiKey api_key = ApiKey::produce;
  static constexpr codec::VersionRange versions{3, 13};
  static constexpr codec::VersionRange flexible{9, 13};

  struct TopicData {
    struct PartitionData {
      PartitionIndex index{};
      std::optional<base::Payload> records;

      static constexpr void fields(auto& field, auto& m) {
        field("index", m.index, since(3));
        field("records", m.records, since(3).nullable(3));
      }
    };

    std::string name;
    base::Uuid topic_id{};
    std::vector<PartitionData> partition_data;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(3).until(12));
      field("topic_id", m.topic_id, since(13));
      field("partition_data", m.partition_data, since(3));
    }
  };

  std::optional<std::string> transactional_id;
  std::int16_t acks = 0;
  std::int32_t timeout_ms = 0;
  std::vector<TopicData> topic_data;

  static constexpr void fields(auto& field, auto& m) {
    field("transactional_id", m.transactional_id, since(3).nullable(3));
    field("acks", m.acks, since(3));
    field("timeout_ms", m.timeout_ms, since(3));
    field("topic_data", m.topic_data, since(3));
  }
};

struct ProduceResponse {
  static constexpr ApiKey api_key = ApiKey::produce;
  static constexpr codec::VersionRange versions{3, 13};
  static constexpr codec::VersionRange flexible{9, 13};

  struct Response {
    struct PartitionResponse {
      struct RecordError {
        std::int32_t batch_index = 0;
        std::optional<std::string> batch_index_error_message;

        static constexpr void fields(auto& field, auto& m) {
          field("batch_index", m.batch_index, since(8));
          field("batch_index_error_message", m.batch_index_error_message, since(8).nullable(8));
        }
      };

      struct CurrentLeader {
        BrokerId leader_id{-1};
        LeaderEpoch leader_epoch{-1};

        static constexpr void fields(auto& field, auto& m) {
          field("leader_id", m.leader_id, since(10));
          field("leader_epoch", m.leader_epoch, since(10));
        }
      };

      PartitionIndex index{};
      ErrorCode error_code = ErrorCode::none;
      Offset base_offset{};
      std::int64_t log_append_time_ms = -1;
      Offset log_start_offset{-1};
      std::vector<RecordError> record_errors;
      std::optional<std::string> error_message;
      CurrentLeader current_leader;

      static constexpr void fields(auto& field, auto& m) {
        field("index", m.index, since(3));
        field("error_code", m.error_code, since(3));
        field("base_offset", m.base_offset, since(3));
        field("log_append_time_ms", m.log_append_time_ms, since(3));
        field("log_start_offset", m.log_start_offset, since(5));
        field("record_errors", m.record_errors, since(8));
        field("error_message", m.error_message, since(8).nullable(8));
        field("current_leader", m.current_leader, since(10).tagged(0));
      }
    };

    std::string name;
    base::Uuid topic_id{};
    std::vector<PartitionResponse> partition_responses;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(3).until(12));
      field("topic_id", m.topic_id, since(13));
      field("partition_responses", m.partition_responses, since(3));
    }
  };

  struct NodeEndpoint {
    BrokerId node_id{};
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    static constexpr void fields(auto& field, auto& m) {
      field("node_id", m.node_id, since(10));
      field("host", m.host, since(10));
      field("port", m.port, since(10));
      field("rack", m.rack, since(10).nullable(10));
    }
  };

  std::vector<Response> responses;
  std::int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;

  static constexpr void fields(auto& field, auto& m) {
    field("responses", m.responses, since(3));
    field("throttle_time_ms", m.throttle_time_ms, since(3));
    field("node_endpoints", m.node_endpoints, since(10).tagged(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ProduceRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ProduceResponse>;
