#pragma once
// ConsumerGroupHeartbeat, versions 0 to 1 of Apache Kafka 4.4's protocol.

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

struct ConsumerGroupHeartbeatRequest {
  static constexpr ApiKey api_key = ApiKey::consumer_group_heartbeat;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{0, 1};

  struct TopicPartitions {
    base::Uuid topic_id{};
    std::vector<PartitionIndex> partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic_id", m.topic_id, since(0));
      field("partitions", m.partitions, since(0));
    }
  };

  std::string group_id;
  std::string member_id;
  std::int32_t member_epoch = 0;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::int32_t rebalance_timeout_ms = -1;
  std::optional<std::vector<std::string>> subscribed_topic_names;
  std::optional<std::string> subscribed_topic_regex;
  std::optional<std::string> server_assignor;
  std::optional<std::vector<TopicPartitions>> topic_partitions;

  static constexpr void fields(auto& field, auto& m) {
    field("group_id", m.group_id, since(0));
    field("member_id", m.member_id, since(0));
    field("member_epoch", m.member_epoch, since(0));
    field("instance_id", m.instance_id, since(0).nullable(0));
    field("rack_id", m.rack_id, since(0).nullable(0));
    field("rebalance_timeout_ms", m.rebalance_timeout_ms, since(0));
    field("subscribed_topic_names", m.subscribed_topic_names, since(0).nullable(0));
    field("subscribed_topic_regex", m.subscribed_topic_regex, since(1).nullable(1));
    field("server_assignor", m.server_assignor, since(0).nullable(0));
    field("topic_partitions", m.topic_partitions, since(0).nullable(0));
  }
};

struct ConsumerGroupHeartbeatResponse {
  static constexpr ApiKey api_key = ApiKey::consumer_group_heartbeat;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{0, 1};

  struct Assignment {
    struct TopicPartitions {
      base::Uuid topic_id{};
      std::vector<PartitionIndex> partitions;

      static constexpr void fields(auto& field, auto& m) {
        field("topic_id", m.topic_id, since(0));
        field("partitions", m.partitions, since(0));
      }
    };

    std::vector<TopicPartitions> topic_partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic_partitions", m.topic_partitions, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message;
  std::optional<std::string> member_id;
  std::int32_t member_epoch = 0;
  std::int32_t heartbeat_interval_ms = 0;
  std::optional<Assignment> assignment;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("error_code", m.error_code, since(0));
    field("error_message", m.error_message, since(0).nullable(0));
    field("member_id", m.member_id, since(0).nullable(0));
    field("member_epoch", m.member_epoch, since(0));
    field("heartbeat_interval_ms", m.heartbeat_interval_ms, since(0));
    field("assignment", m.assignment, since(0).nullable(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ConsumerGroupHeartbeatRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ConsumerGroupHeartbeatResponse>;
