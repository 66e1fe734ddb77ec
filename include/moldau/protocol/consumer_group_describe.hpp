#pragma once
// ConsumerGroupDescribe, versions 0 to 1 of Apache Kafka 4.4's protocol.

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

struct ConsumerGroupDescribeRequest {
  static constexpr ApiKey api_key = ApiKey::consumer_group_describe;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{0, 1};

  std::vector<std::string> group_ids;
  bool include_authorized_operations = false;

  static constexpr void fields(auto& field, auto& m) {
    field("group_ids", m.group_ids, since(0));
    field("include_authorized_operations", m.include_authorized_operations, since(0));
  }
};

struct ConsumerGroupDescribeResponse {
  static constexpr ApiKey api_key = ApiKey::consumer_group_describe;
  static constexpr codec::VersionRange versions{0, 1};
  static constexpr codec::VersionRange flexible{0, 1};

  struct Assignment {
    struct TopicPartitions {
      base::Uuid topic_id{};
      std::string topic_name;
      std::vector<PartitionIndex> partitions;

      static constexpr void fields(auto& field, auto& m) {
        field("topic_id", m.topic_id, since(0));
        field("topic_name", m.topic_name, since(0));
        field("partitions", m.partitions, since(0));
      }
    };

    std::vector<TopicPartitions> topic_partitions;

    static constexpr void fields(auto& field, auto& m) {
      field("topic_partitions", m.topic_partitions, since(0));
    }
  };

  struct Group {
    struct Member {
      std::string member_id;
      std::optional<std::string> instance_id;
      std::optional<std::string> rack_id;
      std::int32_t member_epoch = 0;
      std::string client_id;
      std::string client_host;
      std::vector<std::string> subscribed_topic_names;
      std::optional<std::string> subscribed_topic_regex;
      Assignment assignment;
      Assignment target_assignment;
      std::int8_t member_type = -1;

      static constexpr void fields(auto& field, auto& m) {
        field("member_id", m.member_id, since(0));
        field("instance_id", m.instance_id, since(0).nullable(0));
        field("rack_id", m.rack_id, since(0).nullable(0));
        field("member_epoch", m.member_epoch, since(0));
        field("client_id", m.client_id, since(0));
        field("client_host", m.client_host, since(0));
        field("subscribed_topic_names", m.subscribed_topic_names, since(0));
        field("subscribed_topic_regex", m.subscribed_topic_regex, since(0).nullable(0));
        field("assignment", m.assignment, since(0));
        field("target_assignment", m.target_assignment, since(0));
        field("member_type", m.member_type, since(1));
      }
    };

    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    std::string group_id;
    std::string group_state;
    std::int32_t group_epoch = 0;
    std::int32_t assignment_epoch = 0;
    std::string assignor_name;
    std::vector<Member> members;
    std::int32_t authorized_operations = INT32_MIN;

    static constexpr void fields(auto& field, auto& m) {
      field("error_code", m.error_code, since(0));
      field("error_message", m.error_message, since(0).nullable(0));
      field("group_id", m.group_id, since(0));
      field("group_state", m.group_state, since(0));
      field("group_epoch", m.group_epoch, since(0));
      field("assignment_epoch", m.assignment_epoch, since(0));
      field("assignor_name", m.assignor_name, since(0));
      field("members", m.members, since(0));
      field("authorized_operations", m.authorized_operations, since(0));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(0));
    field("groups", m.groups, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::ConsumerGroupDescribeRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::ConsumerGroupDescribeResponse>;
