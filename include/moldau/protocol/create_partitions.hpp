#pragma once
// CreatePartitions, versions 0 to 3 of Apache Kafka 4.4's protocol.

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

struct CreatePartitionsRequest {
  static constexpr ApiKey api_key = ApiKey::create_partitions;
  static constexpr codec::VersionRange versions{0, 3};
  static constexpr codec::VersionRange flexible{2, 3};

  struct Topic {
    struct Assignment {
      std::vector<BrokerId> broker_ids;

      static constexpr void fields(auto& field, auto& m) {
        field("broker_ids", m.broker_ids, since(0));
      }
    };

    std::string name;
    std::int32_t count = 0;
    std::optional<std::vector<Assignment>> assignments{std::in_place};

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("count", m.count, since(0));
      field("assignments", m.assignments, since(0).nullable(0));
    }
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;

  static constexpr void fields(auto& field, auto& m) {
    field("topics", m.topics, since(0));
    field("timeout_ms", m.timeout_ms, since(0));
    field("validate_only", m.validate_only, since(0));
  }
};

struct CreatePartitionsResponse {
  static constexpr ApiKey api_key = ApiKey::create_partitions;
  static constexpr codec::VersionRange versions{0, 3};
  static constexpr codec::VersionRange flexible{2, 3};

  struct Result {
    std::string name;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("error_code", m.error_code, since(0));
      field("error_message", m.error_message, since(0).nullable(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("results", m.results, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::CreatePartitionsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::CreatePartitionsResponse>;
