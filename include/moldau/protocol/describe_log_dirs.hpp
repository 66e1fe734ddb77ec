#pragma once
// DescribeLogDirs, versions 0 to 5 of Apache Kafka 4.4's protocol.

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

struct DescribeLogDirsRequest {
  static constexpr ApiKey api_key = ApiKey::describe_log_dirs;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{2, 5};

  struct Topic {
    std::string topic;
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic", m.topic, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  std::optional<std::vector<Topic>> topics{std::in_place};

  static constexpr void fields(auto& field, auto& m) {
    field("topics", m.topics, since(0).nullable(0));
  }
};

struct DescribeLogDirsResponse {
  static constexpr ApiKey api_key = ApiKey::describe_log_dirs;
  static constexpr codec::VersionRange versions{0, 5};
  static constexpr codec::VersionRange flexible{2, 5};

  struct Result {
    struct Topic {
      struct Partition {
        PartitionIndex partition_index{};
        std::int64_t partition_size = 0;
        std::int64_t offset_lag = 0;
        bool is_future_key = false;

        static constexpr void fields(auto& field, auto& m) {
          field("partition_index", m.partition_index, since(0));
          field("partition_size", m.partition_size, since(0));
          field("offset_lag", m.offset_lag, since(0));
          field("is_future_key", m.is_future_key, since(0));
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
    std::string log_dir;
    std::vector<Topic> topics;
    std::int64_t total_bytes = -1;
    std::int64_t usable_bytes = -1;
    bool is_cordoned = false;

    static constexpr void fields(auto& field, auto& m) {
      field("error_code", m.error_code, since(0));
      field("log_dir", m.log_dir, since(0));
      field("topics", m.topics, since(0));
      field("total_bytes", m.total_bytes, since(4));
      field("usable_bytes", m.usable_bytes, since(4));
      field("is_cordoned", m.is_cordoned, since(5));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Result> results;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(3));
    field("results", m.results, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DescribeLogDirsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DescribeLogDirsResponse>;
