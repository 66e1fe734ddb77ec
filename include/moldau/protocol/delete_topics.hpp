#pragma once
// DeleteTopics, versions 0 to 6 of Apache Kafka 4.4's protocol.

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

struct DeleteTopicsRequest {
  static constexpr ApiKey api_key = ApiKey::delete_topics;
  static constexpr codec::VersionRange versions{0, 6};
  static constexpr codec::VersionRange flexible{4, 6};

  struct Topic {
    std::optional<std::string> name;
    base::Uuid topic_id{};

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(6).nullable(6));
      field("topic_id", m.topic_id, since(6));
    }
  };

  std::vector<std::string> topic_names;
  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;

  static constexpr void fields(auto& field, auto& m) {
    field("topic_names", m.topic_names, since(0).until(5));
    field("topics", m.topics, since(6));
    field("timeout_ms", m.timeout_ms, since(0));
  }
};

struct DeleteTopicsResponse {
  static constexpr ApiKey api_key = ApiKey::delete_topics;
  static constexpr codec::VersionRange versions{0, 6};
  static constexpr codec::VersionRange flexible{4, 6};

  struct Response {
    std::optional<std::string> name{std::in_place};
    base::Uuid topic_id{};
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;

    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0).nullable(6));
      field("topic_id", m.topic_id, since(6));
      field("error_code", m.error_code, since(0));
      field("error_message", m.error_message, since(5).nullable(5));
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Response> responses;

  static constexpr void fields(auto& field, auto& m) {
    field("throttle_time_ms", m.throttle_time_ms, since(1));
    field("responses", m.responses, since(0));
  }
};

}  // namespace moldau::protocol

extern template struct moldau::codec::Codec<moldau::protocol::DeleteTopicsRequest>;
extern template struct moldau::codec::Codec<moldau::protocol::DeleteTopicsResponse>;
