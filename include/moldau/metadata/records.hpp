#pragma once
// Kafka's KRaft metadata records: what the metadata log is made of.  One struct holds every version
// of a record.  A record's value in the log is: uvarint 1 (the frame), uvarint key, uvarint
// version, body. All versions are flexible.  Source: Kafka's metadata records (KIP-631, KIP-858,
// KIP-966, KIP-1066). Thread rule: values.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/base/uuid.hpp"
#include "moldau/codec/fields.hpp"
#include "moldau/metadata/image.hpp"

namespace moldau::metadata {

using codec::since;
using Ids = std::vector<std::int32_t>;  // of brokers
using Bytes = std::vector<std::uint8_t>;

/// PartitionChangeRecord::leader: as it was.
constexpr std::int32_t leader_unchanged = -2;

/// A feature with the levels that a node supports.
struct FeatureRecord {
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::string name;
  std::int16_t min_supported_version = 0;
  std::int16_t max_supported_version = 0;
  friend bool operator==(const FeatureRecord&, const FeatureRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("name", m.name, since(0));
    field("min_supported_version", m.min_supported_version, since(0));
    field("max_supported_version", m.max_supported_version, since(0));
  }
};

struct QuotaEntityRecord {
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::string entity_type;
  std::optional<std::string> entity_name;  // nullopt: the default entity
  friend bool operator==(const QuotaEntityRecord&, const QuotaEntityRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("entity_type", m.entity_type, since(0));
    field("entity_name", m.entity_name, since(0).nullable(0));
  }
};

/// A broker (re-)registered; fenced until a change says otherwise.
struct RegisterBrokerRecord {
  static constexpr std::int16_t record_key = 0;
  static constexpr codec::VersionRange versions{0, 4};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int32_t broker_id = 0;
  bool is_migrating_zk_broker = false;
  base::Uuid incarnation_id{};
  std::int64_t broker_epoch = 0;
  std::vector<Endpoint> end_points;
  std::vector<FeatureRecord> features;
  std::optional<std::string> rack;
  bool fenced = true;
  bool in_controlled_shutdown = false;
  std::vector<base::Uuid> log_dirs;
  std::optional<std::vector<base::Uuid>> cordoned_log_dirs;
  friend bool operator==(const RegisterBrokerRecord&, const RegisterBrokerRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("broker_id", m.broker_id, since(0));
    field("is_migrating_zk_broker", m.is_migrating_zk_broker, since(2));
    field("incarnation_id", m.incarnation_id, since(0));
    field("broker_epoch", m.broker_epoch, since(0));
    field("end_points", m.end_points, since(0));
    field("features", m.features, since(0));
    field("rack", m.rack, since(0).nullable(0));
    field("fenced", m.fenced, since(0));
    field("in_controlled_shutdown", m.in_controlled_shutdown, since(1));
    field("log_dirs", m.log_dirs, since(3).tagged(0));
    field("cordoned_log_dirs", m.cordoned_log_dirs, since(4).nullable(4).tagged(1));
  }
};

struct UnregisterBrokerRecord {
  static constexpr std::int16_t record_key = 1;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int32_t broker_id = 0;
  std::int64_t broker_epoch = 0;
  friend bool operator==(const UnregisterBrokerRecord&, const UnregisterBrokerRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("broker_id", m.broker_id, since(0));
    field("broker_epoch", m.broker_epoch, since(0));
  }
};

/// A topic was made; its partitions follow.
struct TopicRecord {
  static constexpr std::int16_t record_key = 2;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::string name;
  base::Uuid topic_id{};
  friend bool operator==(const TopicRecord&, const TopicRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("name", m.name, since(0));
    field("topic_id", m.topic_id, since(0));
  }
};

struct PartitionRecord {
  static constexpr std::int16_t record_key = 3;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int32_t partition_id = -1;
  base::Uuid topic_id{};
  Ids replicas;
  Ids isr;
  Ids removing_replicas;
  Ids adding_replicas;
  std::int32_t leader = -1;
  std::int8_t leader_recovery_state = 0;
  std::int32_t leader_epoch = -1;
  std::int32_t partition_epoch = -1;
  std::vector<base::Uuid> directories;
  std::optional<Ids> eligible_leader_replicas;
  std::optional<Ids> last_known_elr;
  friend bool operator==(const PartitionRecord&, const PartitionRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("partition_id", m.partition_id, since(0));
    field("topic_id", m.topic_id, since(0));
    field("replicas", m.replicas, since(0));
    field("isr", m.isr, since(0));
    field("removing_replicas", m.removing_replicas, since(0));
    field("adding_replicas", m.adding_replicas, since(0));
    field("leader", m.leader, since(0));
    field("leader_recovery_state", m.leader_recovery_state, since(0).tagged(0));
    field("leader_epoch", m.leader_epoch, since(0));
    field("partition_epoch", m.partition_epoch, since(0));
    field("directories", m.directories, since(1));
    field("eligible_leader_replicas", m.eligible_leader_replicas, since(2).nullable(2).tagged(1));
    field("last_known_elr", m.last_known_elr, since(2).nullable(2).tagged(2));
  }
};

struct ConfigRecord {
  static constexpr std::int16_t record_key = 4;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int8_t resource_type = 0;
  std::string resource_name;
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const ConfigRecord&, const ConfigRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("resource_type", m.resource_type, since(0));
    field("resource_name", m.resource_name, since(0));
    field("name", m.name, since(0));
    field("value", m.value, since(0).nullable(0));
  }
};

/// What is absent did not change.  Every one raises the partition epoch; a leader other than
/// leader_unchanged raises the leader epoch too, also when it names the same leader.
struct PartitionChangeRecord {
  static constexpr std::int16_t record_key = 5;
  static constexpr codec::VersionRange versions{0, 2};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int32_t partition_id = -1;
  base::Uuid topic_id{};
  std::optional<Ids> isr;
  std::int32_t leader = leader_unchanged;
  std::optional<Ids> replicas;
  std::optional<Ids> removing_replicas;
  std::optional<Ids> adding_replicas;
  std::int8_t leader_recovery_state = -1;
  std::optional<Ids> eligible_leader_replicas;
  std::optional<Ids> last_known_elr;
  std::optional<std::vector<base::Uuid>> directories;
  friend bool operator==(const PartitionChangeRecord&, const PartitionChangeRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("partition_id", m.partition_id, since(0));
    field("topic_id", m.topic_id, since(0));
    field("isr", m.isr, since(0).nullable(0).tagged(0));
    field("leader", m.leader, since(0).tagged(1));
    field("replicas", m.replicas, since(0).nullable(0).tagged(2));
    field("removing_replicas", m.removing_replicas, since(0).nullable(0).tagged(3));
    field("adding_replicas", m.adding_replicas, since(0).nullable(0).tagged(4));
    field("leader_recovery_state", m.leader_recovery_state, since(0).tagged(5));
    field("eligible_leader_replicas", m.eligible_leader_replicas, since(2).nullable(2).tagged(6));
    field("last_known_elr", m.last_known_elr, since(2).nullable(2).tagged(7));
    field("directories", m.directories, since(1).nullable(1).tagged(8));
  }
};

struct FenceBrokerRecord {
  static constexpr std::int16_t record_key = 7;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int32_t id = 0;
  std::int64_t epoch = 0;
  friend bool operator==(const FenceBrokerRecord&, const FenceBrokerRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("id", m.id, since(0));
    field("epoch", m.epoch, since(0));
  }
};

struct UnfenceBrokerRecord {
  static constexpr std::int16_t record_key = 8;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int32_t id = 0;
  std::int64_t epoch = 0;
  friend bool operator==(const UnfenceBrokerRecord&, const UnfenceBrokerRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("id", m.id, since(0));
    field("epoch", m.epoch, since(0));
  }
};

struct RemoveTopicRecord {
  static constexpr std::int16_t record_key = 9;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  base::Uuid topic_id{};
  friend bool operator==(const RemoveTopicRecord&, const RemoveTopicRecord&) = default;
  static constexpr void fields(auto& field, auto& m) { field("topic_id", m.topic_id, since(0)); }
};

struct DelegationTokenRecord {
  static constexpr std::int16_t record_key = 10;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::string owner;
  std::string requester;
  std::vector<std::string> renewers;
  std::int64_t issue_timestamp = 0;
  std::int64_t max_timestamp = 0;
  std::int64_t expiration_timestamp = 0;
  std::string token_id;
  friend bool operator==(const DelegationTokenRecord&, const DelegationTokenRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("owner", m.owner, since(0));
    field("requester", m.requester, since(0));
    field("renewers", m.renewers, since(0));
    field("issue_timestamp", m.issue_timestamp, since(0));
    field("max_timestamp", m.max_timestamp, since(0));
    field("expiration_timestamp", m.expiration_timestamp, since(0));
    field("token_id", m.token_id, since(0));
  }
};

struct UserScramCredentialRecord {
  static constexpr std::int16_t record_key = 11;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::string name;
  std::int8_t mechanism = 0;
  Bytes salt;
  Bytes stored_key;
  Bytes server_key;
  std::int32_t iterations = 0;
  friend bool operator==(const UserScramCredentialRecord&,
                         const UserScramCredentialRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("name", m.name, since(0));
    field("mechanism", m.mechanism, since(0));
    field("salt", m.salt, since(0));
    field("stored_key", m.stored_key, since(0));
    field("server_key", m.server_key, since(0));
    field("iterations", m.iterations, since(0));
  }
};

/// Level 0: the feature is no longer finalized.
struct FeatureLevelRecord {
  static constexpr std::int16_t record_key = 12;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::string name;
  std::int16_t feature_level = 0;
  friend bool operator==(const FeatureLevelRecord&, const FeatureLevelRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("name", m.name, since(0));
    field("feature_level", m.feature_level, since(0));
  }
};

struct ClientQuotaRecord {
  static constexpr std::int16_t record_key = 14;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::vector<QuotaEntityRecord> entity;
  std::string key;
  double value = 0;
  bool remove = false;
  friend bool operator==(const ClientQuotaRecord&, const ClientQuotaRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("entity", m.entity, since(0));
    field("key", m.key, since(0));
    field("value", m.value, since(0));
    field("remove", m.remove, since(0));
  }
};

/// All ids below next_producer_id were given out.
struct ProducerIdsRecord {
  static constexpr std::int16_t record_key = 15;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int32_t broker_id = 0;
  std::int64_t broker_epoch = -1;
  std::int64_t next_producer_id = 0;
  friend bool operator==(const ProducerIdsRecord&, const ProducerIdsRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("broker_id", m.broker_id, since(0));
    field("broker_epoch", m.broker_epoch, since(0));
    field("next_producer_id", m.next_producer_id, since(0));
  }
};

/// fenced and in_controlled_shutdown: 1 yes, -1 no, 0 unchanged.
struct BrokerRegistrationChangeRecord {
  static constexpr std::int16_t record_key = 17;
  static constexpr codec::VersionRange versions{0, 3};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int32_t broker_id = 0;
  std::int64_t broker_epoch = 0;
  std::int8_t fenced = 0;
  std::int8_t in_controlled_shutdown = 0;
  std::vector<base::Uuid> log_dirs;
  std::optional<std::vector<base::Uuid>> cordoned_log_dirs;
  friend bool operator==(const BrokerRegistrationChangeRecord&,
                         const BrokerRegistrationChangeRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("broker_id", m.broker_id, since(0));
    field("broker_epoch", m.broker_epoch, since(0));
    field("fenced", m.fenced, since(0).tagged(0));
    field("in_controlled_shutdown", m.in_controlled_shutdown, since(1).tagged(1));
    field("log_dirs", m.log_dirs, since(2).tagged(2));
    field("cordoned_log_dirs", m.cordoned_log_dirs, since(3).nullable(3).tagged(3));
  }
};

struct AccessControlEntryRecord {
  static constexpr std::int16_t record_key = 18;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  base::Uuid id{};
  std::int8_t resource_type = 0;
  std::string resource_name;
  std::int8_t pattern_type = 0;
  std::string principal;
  std::string host;
  std::int8_t operation = 0;
  std::int8_t permission_type = 0;
  friend bool operator==(const AccessControlEntryRecord&,
                         const AccessControlEntryRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("id", m.id, since(0));
    field("resource_type", m.resource_type, since(0));
    field("resource_name", m.resource_name, since(0));
    field("pattern_type", m.pattern_type, since(0));
    field("principal", m.principal, since(0));
    field("host", m.host, since(0));
    field("operation", m.operation, since(0));
    field("permission_type", m.permission_type, since(0));
  }
};

struct RemoveAccessControlEntryRecord {
  static constexpr std::int16_t record_key = 19;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  base::Uuid id{};
  friend bool operator==(const RemoveAccessControlEntryRecord&,
                         const RemoveAccessControlEntryRecord&) = default;
  static constexpr void fields(auto& field, auto& m) { field("id", m.id, since(0)); }
};

struct NoOpRecord {
  static constexpr std::int16_t record_key = 20;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  friend bool operator==(const NoOpRecord&, const NoOpRecord&) = default;
  static constexpr void fields(auto&, auto&) {}
};

struct ZkMigrationStateRecord {
  static constexpr std::int16_t record_key = 21;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int8_t zk_migration_state = 0;
  friend bool operator==(const ZkMigrationStateRecord&, const ZkMigrationStateRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("zk_migration_state", m.zk_migration_state, since(0));
  }
};

struct RemoveUserScramCredentialRecord {
  static constexpr std::int16_t record_key = 22;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::string name;
  std::int8_t mechanism = 0;
  friend bool operator==(const RemoveUserScramCredentialRecord&,
                         const RemoveUserScramCredentialRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("name", m.name, since(0));
    field("mechanism", m.mechanism, since(0));
  }
};

/// What follows holds only once the end of the transaction is there.
struct BeginTransactionRecord {
  static constexpr std::int16_t record_key = 23;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::optional<std::string> name;
  friend bool operator==(const BeginTransactionRecord&, const BeginTransactionRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("name", m.name, since(0).nullable(0).tagged(0));
  }
};

struct EndTransactionRecord {
  static constexpr std::int16_t record_key = 24;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  friend bool operator==(const EndTransactionRecord&, const EndTransactionRecord&) = default;
  static constexpr void fields(auto&, auto&) {}
};

struct AbortTransactionRecord {
  static constexpr std::int16_t record_key = 25;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::optional<std::string> reason;
  friend bool operator==(const AbortTransactionRecord&, const AbortTransactionRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("reason", m.reason, since(0).nullable(0).tagged(0));
  }
};

struct RemoveDelegationTokenRecord {
  static constexpr std::int16_t record_key = 26;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::string token_id;
  friend bool operator==(const RemoveDelegationTokenRecord&,
                         const RemoveDelegationTokenRecord&) = default;
  static constexpr void fields(auto& field, auto& m) { field("token_id", m.token_id, since(0)); }
};

struct RegisterControllerRecord {
  static constexpr std::int16_t record_key = 27;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::int32_t controller_id = 0;
  base::Uuid incarnation_id{};
  bool zk_migration_ready = false;
  std::vector<Endpoint> end_points;
  std::vector<FeatureRecord> features;
  friend bool operator==(const RegisterControllerRecord&,
                         const RegisterControllerRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("controller_id", m.controller_id, since(0));
    field("incarnation_id", m.incarnation_id, since(0));
    field("zk_migration_ready", m.zk_migration_ready, since(0));
    field("end_points", m.end_points, since(0));
    field("features", m.features, since(0));
  }
};

/// Of one topic, or of all when the name is empty.
struct ClearElrRecord {
  static constexpr std::int16_t record_key = 28;
  static constexpr codec::VersionRange versions{0, 0};
  static constexpr codec::VersionRange flexible{0, codec::never};
  std::string topic_name;
  friend bool operator==(const ClearElrRecord&, const ClearElrRecord&) = default;
  static constexpr void fields(auto& field, auto& m) {
    field("topic_name", m.topic_name, since(0));
  }
};

using MetadataRecord = std::variant<
    RegisterBrokerRecord, UnregisterBrokerRecord, TopicRecord, PartitionRecord, ConfigRecord,
    PartitionChangeRecord, FenceBrokerRecord, UnfenceBrokerRecord, RemoveTopicRecord,
    DelegationTokenRecord, UserScramCredentialRecord, FeatureLevelRecord, ClientQuotaRecord,
    ProducerIdsRecord, BrokerRegistrationChangeRecord, AccessControlEntryRecord,
    RemoveAccessControlEntryRecord, NoOpRecord, ZkMigrationStateRecord,
    RemoveUserScramCredentialRecord, BeginTransactionRecord, EndTransactionRecord,
    AbortTransactionRecord, RemoveDelegationTokenRecord, RegisterControllerRecord, ClearElrRecord>;

/// The version in which this broker writes the record: the lowest that holds all of it, which every
/// release that knows the record can read.
[[nodiscard]] std::int16_t version_to_write(const MetadataRecord& record);

/// The value of the record, framed.
[[nodiscard]] std::vector<std::uint8_t> encode_record(const MetadataRecord& record,
                                                      std::int16_t version);
[[nodiscard]] std::vector<std::uint8_t> encode_record(const MetadataRecord& record);

struct DecodedRecord {
  MetadataRecord record;
  std::int16_t version = 0;
};
/// Errors: malformed, limit_exceeded; unsupported (another frame, an unknown key or version: a
/// newer broker wrote it, and nothing after it may be applied).
[[nodiscard]] base::Result<DecodedRecord> decode_record(base::SharedBytes value);

/// "PartitionRecord"
[[nodiscard]] std::string_view name(const MetadataRecord& record);

}  // namespace moldau::metadata
