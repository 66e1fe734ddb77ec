#pragma once
// CreateTopics, versions 0 to 7 of Apache Kafka 4.4's protocol.

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

struct CreateTopicsRequest {
  static constexpr ApiKey api_key = ApiKey::create_topics;
  static constexpr codec::VersionRange versions{0, 7};
  static constexpr codec::VersionRange flexible{5, 7};

  struct Topic {
    struct Assignment {
      PartitionIndex partition_index{};
      std::vector<BrokerId> broker_ids;

      static constexpr void fields(auto& field, auto& m) {
        field("partition_index", m.partition_index, since(0));
        field("broker_ids", m.broker_ids, since(0));
      }
    };

    struct Config {
      std::string name;
      std::optional<std::string> value{std::in_place};

      static constexpr void fields(auto& field, auto& m) {
        field("name", m.name, since(0));
        field("value", m.value, since(0).nullable(0));
      }
    };

    std::string name;
    std::int32_t num_partitions = 0;
    std::int16_t replication_factor = 0;
    std::vector<Assignment> assignments;
    std::vector<Config> configs;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("num_partitions", m.num_partitions, since(0));
      field("replication_factor", m.replication_factor, since(0));
      field("assignments", m.assignments, since(0));
      field("configs", m.configs, since(0));
    }
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 60000;
  bool validate_only = false;

  static constexpr void fields(auto& field, auto& m) {
    field("topics", m.topics, since(0));
    field("timeout_ms", m.timeout_ms, since(0));
    field("validate_only", m.validate_only, since(1));
  }
};

struct CreateTopicsResponse {
  static constexpr ApiKey api_key = ApiKey::create_topics;
  static constexpr codec::VersionRange versions{0, 7};
  static constexpr codec::VersionRange flexible{5, 7};

  struct Topic {
    struct Config {
      std::string name;
      std::optional<std::string> value{std::in_place};
      bool read_only = false;
      std::int8_t config_source = -1;
      bool is_sensitive = false;

      static constexpr void fields(auto& field, auto& m) {
        field("name", m.name, since(5));
        field("value", m.value, since(5).nullable(5));
        field("read_only", m.read_only, since(5));
        field("config_source", m.config_source, since(5));
        field("is_sensitive", m.is_sensitive, since(5));
      }
    };

    std::string name;
    base::Uuid topic_id{};
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message{std::in_place};
    std::int32_t num_partitions = -1;
    std::int16_t replication_factor = -1;
    std::optional<std::vector<Config>> configs{std::in_place};
    std::int16_t topic_config_error_code = 0;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("topic_id", m.topic_id, since(7));
      field("error_code", m.error_code, since(0));
      field("error_message", m.error_message, since(1).nullable(1));
      field("num_partitions", m.num_partitions, since(5));
      field("replication_factor", m.replication_factor, since(5));
      field("configs", m.configs, since(5).nullable(5));
      field("topic_config_error_code", m.topic_config_error_code, since(5).tagged(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(2));
    field("topics", m.topics, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::CreateTopicsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::CreateTopicsResponse>;
