#pragma once
// DescribeProducers, versions 0 to 0 of Apache Kafka 4.4's protocol.

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

struct DescribeProducersRequest {
  static constexpr ApiKey api_key = ApiKey::describe_producers;
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

  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("topics", m.topics, since(0));
  }
};

struct DescribeProducersResponse {
  static constexpr ApiKey api_key = ApiKey::describe_producers;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, 0};

  struct Topic {
    struct Partition {
      struct ActiveProducer {
        ProducerId producer_id{};
        std::int32_t producer_epoch = 0;
        std::int32_t last_sequence = -1;
        std::int64_t last_timestamp = -1;
        std::int32_t coordinator_epoch = 0;
        Offset current_txn_start_offset{-1};

        static constexpr void fields(auto& field, auto& m) {
          field("producer_id", m.producer_id, since(0));
          field("producer_epoch", m.producer_epoch, since(0));
          field("last_sequence", m.last_sequence, since(0));
          field("last_timestamp", m.last_timestamp, since(0));
          field("coordinator_epoch", m.coordinator_epoch, since(0));
          field("current_txn_start_offset", m.current_txn_start_offset, since(0));
        }
      };

      PartitionIndex partition_index{};
      ErrorCode error_code = ErrorCode::none;
      std::optional<std::string> error_message;
      std::vector<ActiveProducer> active_producers;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("error_code", m.error_code, since(0));
        field("error_message", m.error_message, since(0).nullable(0));
        field("active_producers", m.active_producers, since(0));
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
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("topics", m.topics, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DescribeProducersRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DescribeProducersResponse>;
