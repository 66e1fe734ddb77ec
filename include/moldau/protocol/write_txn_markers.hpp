#pragma once
// WriteTxnMarkers, versions 1 to 2 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct WriteTxnMarkersRequest {
  static constexpr ApiKey api_key = ApiKey::write_txn_markers;
  static constexpr codec::VersionRange versions{1, 2};
  static constexpr codec::VersionRange flexible{1, 2};

  struct Marker {
    struct Topic {
      std::string name;
      std::vector<PartitionIndex> partition_indexes;

      static constexpr void fields(auto& field, auto& m) {
        field("name", m.name, since(1));
        field("partition_indexes", m.partition_indexes, since(1));
      }
    };

    ProducerId producer_id{};
    ProducerEpoch producer_epoch{};
    bool transaction_result = false;
    std::vector<Topic> topics;
    std::int32_t coordinator_epoch = 0;
    std::int8_t transaction_version = 0;

    static constexpr void fields(auto& field, auto& m) {
      field("producer_id", m.producer_id, since(1));
      field("producer_epoch", m.producer_epoch, since(1));
      field("transaction_result", m.transaction_result, since(1));
      field("topics", m.topics, since(1));
      field("coordinator_epoch", m.coordinator_epoch, since(1));
      field("transaction_version", m.transaction_version, since(2));
    }
  };

  std::vector<Marker> markers;

  static constexpr void fields(auto& field, auto& m) {
    field("markers", m.markers, since(1));
  }
};

struct WriteTxnMarkersResponse {
  static constexpr ApiKey api_key = ApiKey::write_txn_markers;
  static constexpr codec::VersionRange versions{1, 2};
  static constexpr codec::VersionRange flexible{1, 2};

  struct Marker {
    struct Topic {
      struct Partition {
        PartitionIndex partition_index{};
        ErrorCode error_code = ErrorCode::none;

        static constexpr void fields(auto& field, auto& m) {
          field("partition_index", m.partition_index, since(1));
          field("error_code", m.error_code, since(1));
        }
      };

      std::string name;
      std::vector<Partition> partitions;

      static constexpr void fields(auto& field, auto& m) {
        field("name", m.name, since(1));
        field("partitions", m.partitions, since(1));
      }
    };

    ProducerId producer_id{};
    std::vector<Topic> topics;

    static constexpr void fields(auto& field, auto& m) {
      field("producer_id", m.producer_id, since(1));
      field("topics", m.topics, since(1));
    }
  };

  std::vector<Marker> markers;

  static constexpr void fields(auto& field, auto& m) {
    field("markers", m.markers, since(1));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::WriteTxnMarkersRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::WriteTxnMarkersResponse>;
