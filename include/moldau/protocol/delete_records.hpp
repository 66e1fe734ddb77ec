#pragma once
// DeleteRecords, versions 0 to 2 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct DeleteRecordsRequest {
  static constexpr ApiKey api_key = ApiKey::delete_records;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{2, 2};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      Offset offset{};

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("offset", m.offset, since(0));
      }
    };

    std::string name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;

  static constexpr void fields(auto& field, auto& m) {
    field("topics", m.topics, since(0));
    field("timeout_ms", m.timeout_ms, since(0));
  }
};

struct DeleteRecordsResponse {
  static constexpr ApiKey api_key = ApiKey::delete_records;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{2, 2};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};
      Offset low_watermark{};
      ErrorCode error_code = ErrorCode::none;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("low_watermark", m.low_watermark, since(0));
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

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("topics", m.topics, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DeleteRecordsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DeleteRecordsResponse>;
