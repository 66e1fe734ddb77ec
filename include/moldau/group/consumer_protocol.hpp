#pragma once
// What Kafka's own consumers put into the opaque bytes of the classic protocol when its protocol
// type is "consumer": subscriptions in JoinGroup, assignments in SyncGroup.  Both begin with their
// version.
//
// The coordinator passes these bytes through.  It reads subscriptions to know which topics a group
// reads, and both when a group changes between the classic protocol and KIP-848.
// Sources: KIP-54, KIP-429 (owned partitions), KIP-792 (generation), KIP-881 (rack).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/result.hpp"
#include "moldau/codec/fields.hpp"
#include "moldau/group/records.hpp"

namespace moldau::group {

/// The protocol type whose members' bytes these are.
constexpr std::string_view consumer_protocol_type = "consumer";
constexpr std::int16_t consumer_protocol_version_max = 3;

struct NamedTopicPartitions {
  static constexpr codec::VersionRange flexible{codec::never, codec::never};
  std::string topic;
  std::vector<std::int32_t> partitions;
  static constexpr void fields(auto& field, auto& m) {
    field("topic", m.topic, codec::since(0));
    field("partitions", m.partitions, codec::since(0));
  }
  friend bool operator==(const NamedTopicPartitions&, const NamedTopicPartitions&) = default;
};

struct ConsumerSubscription {
  static constexpr codec::VersionRange flexible{codec::never, codec::never};
  std::vector<std::string> topics;
  std::optional<Bytes> user_data;
  std::vector<NamedTopicPartitions> owned_partitions;
  std::int32_t generation = -1;
  std::optional<std::string> rack_id;
  static constexpr void fields(auto& field, auto& m) {
    field("topics", m.topics, codec::since(0));
    field("user_data", m.user_data, codec::since(0).nullable(0));
    field("owned_partitions", m.owned_partitions, codec::since(1));
    field("generation", m.generation, codec::since(2));
    field("rack_id", m.rack_id, codec::since(3).nullable(3));
  }
  friend bool operator==(const ConsumerSubscription&, const ConsumerSubscription&) = default;
};

struct ConsumerAssignment {
  static constexpr codec::VersionRange flexible{codec::never, codec::never};
  std::vector<NamedTopicPartitions> partitions;
  std::optional<Bytes> user_data;
  static constexpr void fields(auto& field, auto& m) {
    field("partitions", m.partitions, codec::since(0));
    field("user_data", m.user_data, codec::since(0).nullable(0));
  }
  friend bool operator==(const ConsumerAssignment&, const ConsumerAssignment&) = default;
};

/// The version that the bytes begin with, not checked; errors: malformed.
[[nodiscard]] base::Result<std::int16_t> consumer_protocol_version(base::ByteView bytes);

/// Versions above the newest known are read as that one: newer ones only append (as Kafka does).
/// Errors: malformed, and unsupported for a version below 0.
[[nodiscard]] base::Result<ConsumerSubscription> decode_subscription(base::ByteView bytes);
[[nodiscard]] base::Result<ConsumerAssignment> decode_assignment(base::ByteView bytes);
/// The topics alone: what every version begins with, so that what follows may be anything.
/// Errors: malformed.
[[nodiscard]] base::Result<std::vector<std::string>> subscribed_topics(base::ByteView bytes);

/// `version` as a client declared it; those above the newest known become that one, negative ones
/// 0.
[[nodiscard]] Bytes encode_subscription(const ConsumerSubscription& subscription,
                                        std::int16_t version);
[[nodiscard]] Bytes encode_assignment(const ConsumerAssignment& assignment, std::int16_t version);

}  // namespace moldau::group
