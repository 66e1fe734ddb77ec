#pragma once
// The records of __consumer_offsets, typed: what the group coordinator is a fold over.
//
// A record's key is an int16 record type and the fields that name the thing; its value is an int16
// version and the fields that say what is so, or null: a tombstone.  Types, fields and versions are
// Kafka's (protocol.md 5.9; KIP-848, KIP-1101, KIP-1251), so that Kafka reads what is written here and
// tools that read the topic work.  Source of the bytes: a real Kafka 4.3.1 (tests/group/golden).
//
// fields() are the layout of a value behind its version, by Kafka's names in snake_case.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/codec/fields.hpp"
#include "moldau/coordinator/effects.hpp"

namespace moldau::group {

constexpr std::string_view offsets_topic = "__consumer_offsets";

using Bytes = std::vector<std::uint8_t>;
using codec::since;

/// Partitions of one topic, ascending.
struct TopicPartitions {
  TopicId topic_id{};
  std::vector<std::int32_t> partitions;
  static constexpr void fields(auto& field, auto& m) {
    field("topic_id", m.topic_id, since(0));
    field("partitions", m.partitions, since(0));
  }
  friend bool operator==(const TopicPartitions&, const TopicPartitions&) = default;
};

/// Types 0 and 1: a committed offset.
struct OffsetCommitRecord {
  struct Value {
    Offset offset{};
    LeaderEpoch leader_epoch = no_leader_epoch;
    std::string metadata;
    std::int64_t commit_timestamp_ms = 0;
    std::optional<std::int64_t> expire_timestamp_ms;  // given by OffsetCommit v2 to v4 only
    TopicId topic_id{};                               // zero: not known
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::string group_id;
  std::string topic;
  PartitionIndex partition{};
  std::optional<Value> value;
  friend bool operator==(const OffsetCommitRecord&, const OffsetCommitRecord&) = default;
};

/// Type 2: a classic group that is stable or empty.
struct GroupMetadataRecord {
  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    std::int32_t rebalance_timeout_ms = -1;  // -1 (of Kafka before 0.10.1): that of the session
    std::int32_t session_timeout_ms = 0;
    Bytes subscription;
    Bytes assignment;
    static constexpr void fields(auto& field, auto& m) {
      field("member_id", m.member_id, since(0));
      field("group_instance_id", m.group_instance_id, since(3).nullable(3));
      field("client_id", m.client_id, since(0));
      field("client_host", m.client_host, since(0));
      field("rebalance_timeout", m.rebalance_timeout_ms, since(1));
      field("session_timeout", m.session_timeout_ms, since(0));
      field("subscription", m.subscription, since(0));
      field("assignment", m.assignment, since(0));
    }
    friend bool operator==(const Member&, const Member&) = default;
  };
  struct Value {
    static constexpr codec::VersionRange versions{0, 4};
    static constexpr codec::VersionRange flexible{4, codec::never};
    std::string protocol_type;
    std::int32_t generation = 0;
    std::optional<std::string> protocol;
    std::optional<std::string> leader;
    std::int64_t current_state_timestamp_ms = -1;
    std::vector<Member> members;
    static constexpr void fields(auto& field, auto& m) {
      field("protocol_type", m.protocol_type, since(0));
      field("generation", m.generation, since(0));
      field("protocol", m.protocol, since(0).nullable(0));
      field("leader", m.leader, since(0).nullable(0));
      field("current_state_timestamp", m.current_state_timestamp_ms, since(2));
      field("members", m.members, since(0));
    }
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::string group_id;
  std::optional<Value> value;
  friend bool operator==(const GroupMetadataRecord&, const GroupMetadataRecord&) = default;
};

/// Type 3: a consumer group and its epoch.
struct ConsumerGroupMetadataRecord {
  struct Value {
    static constexpr codec::VersionRange versions{0, 0};
    static constexpr codec::VersionRange flexible{0, codec::never};
    std::int32_t epoch = 0;
    std::int64_t metadata_hash = 0;
    static constexpr void fields(auto& field, auto& m) {
      field("epoch", m.epoch, since(0));
      field("metadata_hash", m.metadata_hash, since(0).tagged(0));
    }
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::string group_id;
  std::optional<Value> value;
  friend bool operator==(const ConsumerGroupMetadataRecord&, const ConsumerGroupMetadataRecord&) = default;
};

/// Type 4: written by Kafka up to 4.0 only; read so that its tombstone can be written.  A value's content
/// is not looked at, and encode() makes a tombstone.
struct ConsumerGroupPartitionMetadataRecord {
  std::string group_id;
  bool is_tombstone = true;
  friend bool operator==(const ConsumerGroupPartitionMetadataRecord&,
                         const ConsumerGroupPartitionMetadataRecord&) = default;
};

/// Type 5: what a member of a consumer group wants.
struct ConsumerGroupMemberRecord {
  struct ClassicProtocol {
    std::string name;
    Bytes metadata;
    static constexpr void fields(auto& field, auto& m) {
      field("name", m.name, since(0));
      field("metadata", m.metadata, since(0));
    }
    friend bool operator==(const ClassicProtocol&, const ClassicProtocol&) = default;
  };
  /// Of a member that speaks the classic protocol.
  struct Classic {
    std::int32_t session_timeout_ms = 0;
    std::vector<ClassicProtocol> protocols;
    static constexpr void fields(auto& field, auto& m) {
      field("session_timeout_ms", m.session_timeout_ms, since(0));
      field("supported_protocols", m.protocols, since(0));
    }
    friend bool operator==(const Classic&, const Classic&) = default;
  };
  struct Value {
    static constexpr codec::VersionRange versions{0, 0};
    static constexpr codec::VersionRange flexible{0, codec::never};
    std::optional<std::string> instance_id;
    std::optional<std::string> rack_id;
    std::string client_id;
    std::string client_host;
    std::vector<std::string> subscribed_topic_names;  // ascending
    std::optional<std::string> subscribed_topic_regex;
    std::int32_t rebalance_timeout_ms = -1;
    std::optional<std::string> server_assignor;
    std::optional<Classic> classic;
    static constexpr void fields(auto& field, auto& m) {
      field("instance_id", m.instance_id, since(0).nullable(0));
      field("rack_id", m.rack_id, since(0).nullable(0));
      field("client_id", m.client_id, since(0));
      field("client_host", m.client_host, since(0));
      field("subscribed_topic_names", m.subscribed_topic_names, since(0));
      field("subscribed_topic_regex", m.subscribed_topic_regex, since(0).nullable(0));
      field("rebalance_timeout_ms", m.rebalance_timeout_ms, since(0));
      field("server_assignor", m.server_assignor, since(0).nullable(0));
      field("classic_member_metadata", m.classic,
            since(0).nullable(0).tagged(0).always_written());
    }
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::string group_id;
  std::string member_id;
  std::optional<Value> value;
  friend bool operator==(const ConsumerGroupMemberRecord&, const ConsumerGroupMemberRecord&) = default;
};

/// Type 6: the epoch of the target assignment.
struct TargetAssignmentMetadataRecord {
  struct Value {
    static constexpr codec::VersionRange versions{0, 0};
    static constexpr codec::VersionRange flexible{0, codec::never};
    std::int32_t assignment_epoch = 0;
    std::int64_t assignment_timestamp_ms = 0;  // KIP-1263, tag 0: when it was computed; 0: not known
    static constexpr void fields(auto& field, auto& m) {
      field("assignment_epoch", m.assignment_epoch, since(0));
      field("assignment_timestamp", m.assignment_timestamp_ms, since(0).tagged(0));
    }
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::string group_id;
  std::optional<Value> value;
  friend bool operator==(const TargetAssignmentMetadataRecord&,
                         const TargetAssignmentMetadataRecord&) = default;
};

/// Type 7: what a member shall own.
struct TargetAssignmentMemberRecord {
  std::string group_id;
  std::string member_id;
  std::optional<std::vector<TopicPartitions>> value;
  friend bool operator==(const TargetAssignmentMemberRecord&,
                         const TargetAssignmentMemberRecord&) = default;
};

/// Type 8: what a member owns now and what it has yet to give up.
struct CurrentMemberAssignmentRecord {
  struct Owned {
    TopicId topic_id{};
    std::vector<std::int32_t> partitions;
    /// KIP-1251: the epoch in which each was given; empty where the record does not say.
    std::vector<std::int32_t> assignment_epochs;
    static constexpr void fields(auto& field, auto& m) {
      field("topic_id", m.topic_id, since(0));
      field("partitions", m.partitions, since(0));
      field("assignment_epochs", m.assignment_epochs, since(0).nullable(0).tagged(0));
    }
    friend bool operator==(const Owned&, const Owned&) = default;
  };
  struct Value {
    static constexpr codec::VersionRange versions{0, 0};
    static constexpr codec::VersionRange flexible{0, codec::never};
    std::int32_t member_epoch = 0;
    std::int32_t previous_member_epoch = 0;
    std::int8_t state = 0;  // consumer_group.hpp: MemberState
    std::vector<Owned> assigned;
    std::vector<Owned> pending_revocation;
    static constexpr void fields(auto& field, auto& m) {
      field("member_epoch", m.member_epoch, since(0));
      field("previous_member_epoch", m.previous_member_epoch, since(0));
      field("state", m.state, since(0));
      field("assigned_partitions", m.assigned, since(0));
      field("partitions_pending_revocation", m.pending_revocation, since(0));
    }
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::string group_id;
  std::string member_id;
  std::optional<Value> value;
  friend bool operator==(const CurrentMemberAssignmentRecord&,
                         const CurrentMemberAssignmentRecord&) = default;
};

/// Type 16: the topics that a regular expression matched.
struct RegularExpressionRecord {
  struct Value {
    static constexpr codec::VersionRange versions{0, 0};
    static constexpr codec::VersionRange flexible{0, codec::never};
    std::vector<std::string> topics;  // ascending
    std::int64_t version = 0;         // offset of the metadata that it was resolved against
    std::int64_t timestamp_ms = 0;
    static constexpr void fields(auto& field, auto& m) {
      field("topics", m.topics, since(0));
      field("version", m.version, since(0));
      field("timestamp", m.timestamp_ms, since(0));
    }
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::string group_id;
  std::string regex;
  std::optional<Value> value;
  friend bool operator==(const RegularExpressionRecord&, const RegularExpressionRecord&) = default;
};

/// Moldau's own, type 19789 ("MM"): offsets of a partition that an administrator replaced, newest first.
/// Kafka passes over record types that it does not know.
struct OffsetTrailRecord {
  struct Entry {
    Offset offset{};
    LeaderEpoch leader_epoch = no_leader_epoch;
    std::string metadata;
    std::int64_t commit_timestamp_ms = 0;
    std::int64_t replaced_at_ms = 0;
    static constexpr void fields(auto& field, auto& m) {
      field("offset", m.offset, since(0));
      field("leader_epoch", m.leader_epoch, since(0));
      field("metadata", m.metadata, since(0));
      field("commit_timestamp", m.commit_timestamp_ms, since(0));
      field("replaced_at", m.replaced_at_ms, since(0));
    }
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::string group_id;
  std::string topic;
  PartitionIndex partition{};
  std::optional<std::vector<Entry>> value;
  friend bool operator==(const OffsetTrailRecord&, const OffsetTrailRecord&) = default;
};

using Record = std::variant<OffsetCommitRecord, GroupMetadataRecord, ConsumerGroupMetadataRecord,
                            ConsumerGroupPartitionMetadataRecord, ConsumerGroupMemberRecord,
                            TargetAssignmentMetadataRecord, TargetAssignmentMemberRecord,
                            CurrentMemberAssignmentRecord, RegularExpressionRecord, OffsetTrailRecord>;

using coordinator::EncodedRecord;

/// In the versions that Kafka 4.3.1 writes: 4 for an offset, but 1 (without epoch and topic id) where it
/// has an expiry of its own; 3 for a classic group; 0 for all others.
[[nodiscard]] EncodedRecord encode(const Record& record);

/// Errors: unsupported (a record type or version that is not known here: the reader passes over it),
/// corrupt_message (bytes that do not fit their type).
[[nodiscard]] base::Result<Record> decode(base::ByteView key, std::optional<base::ByteView> value);

/// Of any record, for those who look records up by group; the view lives as long as the record.
[[nodiscard]] std::string_view group_of(const Record& record);

}  // namespace moldau::group
