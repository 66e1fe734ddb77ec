#pragma once
// OffsetDelete, versions 0 to 0 of Apache Kafka 4.4's protocol.

#include <cstdint>
#include <string>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"

namespace moldau::protocol {

using codec::since;

struct OffsetDeleteRequest {
  static constexpr ApiKey api_key = ApiKey::offset_delete;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{codec::never, codec::never};

  struct Topic {
    struct Partition {
      PartitionIndex partition_index{};

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
      }
    };

    std::string name;
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  std::string group_id;
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("group_id", m.group_id, since(0));
    field("topics", m.topics, since(0));
  }
};

struct OffsetDeleteResponse {
  static constexpr ApiKey api_key = ApiKey::offset_delete;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{codec::never, codec::never};

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
    std::vector<Partition> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  ErrorCode error_code = ErrorCode::none;
  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("error_code", m.error_code, since(0));
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("topics", m.topics, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::OffsetDeleteRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::OffsetDeleteResponse>;
