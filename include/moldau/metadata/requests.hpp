#pragma once
// What may be asked of a controller, and its answers: plain structs in the shape of Kafka's
// controller RPCs, without wire versions.  One failing item does not fail the others; an item
// without an error was done (or, with validate_only, would be).

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/base/result.hpp"
#include "moldau/metadata/config_view.hpp"
#include "moldau/metadata/image.hpp"

namespace moldau::metadata {

using ItemError = std::optional<base::Error>;

struct CreateTopicsRequest {
  struct Assignment {
    PartitionIndex partition{};
    std::vector<BrokerId> replicas;
  };
  struct Topic {
    std::string name;
    std::int32_t num_partitions = -1;      // -1: num.partitions, or as many as were assigned
    std::int16_t replication_factor = -1;  // -1: default.replication.factor, or as assigned
    std::vector<Assignment> assignments;
    std::vector<std::pair<std::string, std::optional<std::string>>> configs;
  };
  std::vector<Topic> topics;
  bool validate_only = false;
};
struct CreateTopicsResult {
  /// In the order of the request; a name asked for twice is answered once.
  /// Errors: invalid_topic, topic_already_exists, invalid_partitions, invalid_replication_factor,
  /// invalid_replica_assignment, invalid_config, invalid_request, policy_violation.
  struct Topic {
    std::string name;
    ItemError error;
    TopicId id{};
    std::int32_t num_partitions = -1;
    std::int16_t replication_factor = -1;
    std::vector<ConfigEntry> configs;  // effective, as CreateTopics v5 answers
  };
  std::vector<Topic> topics;
};

struct DeleteTopicsRequest {
  /// By name, or by id when the name is empty.
  struct Topic {
    std::string name;
    TopicId id{};
  };
  std::vector<Topic> topics;
};
struct DeleteTopicsResult {
  /// Errors: unknown_topic, unknown_topic_id, topic_deletion_disabled, invalid_request.
  struct Topic {
    std::string name;  // empty when asked by an unknown id
    TopicId id{};
    ItemError error;
  };
  std::vector<Topic> topics;
};

struct CreatePartitionsRequest {
  struct Topic {
    std::string name;
    std::int32_t count = 0;  // that the topic is to have afterwards
    /// Replicas of each new partition; nullopt: chosen.
    std::optional<std::vector<std::vector<BrokerId>>> assignments;
  };
  std::vector<Topic> topics;
  bool validate_only = false;
};
struct CreatePartitionsResult {
  /// Errors: unknown_topic, invalid_partitions, invalid_replica_assignment, invalid_request.
  struct Topic {
    std::string name;
    ItemError error;
  };
  std::vector<Topic> topics;
};

enum class AlterOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

struct AlterConfigsRequest {
  struct Change {
    std::string name;
    AlterOperation operation = AlterOperation::set;
    std::optional<std::string>
        value;  // nullopt: with replace_all as remove, else invalid unless remove
  };
  struct Resource {
    ConfigResource resource;
    std::vector<Change> changes;
  };
  std::vector<Resource> resources;
  /// AlterConfigs of old: what is not named goes back to its default; every change is a set.
  bool replace_all = false;
  bool validate_only = false;
};
struct AlterConfigsResult {
  /// Errors: unknown_topic, invalid_config, invalid_request, broker_not_available.
  struct Resource {
    ConfigResource resource;
    ItemError error;
  };
  std::vector<Resource> resources;
};

struct UpdateFeaturesRequest {
  enum class Mode : std::int8_t { upgrade = 1, safe_downgrade = 2, unsafe_downgrade = 3 };
  struct Update {
    std::string name;
    std::int16_t level = 0;  // 0: no longer finalized
    Mode mode = Mode::upgrade;
  };
  std::vector<Update> updates;
  bool validate_only = false;
};
struct UpdateFeaturesResult {
  UpdateFeaturesResult() = default;  // no aggregate: else a Result of it could be made of its error
  /// Nothing was changed when there is an error.  Errors: invalid_request, feature_update_failed.
  ItemError error;
};

struct RegisterBrokerRequest {
  BrokerId id{};
  std::string cluster_id;
  base::Uuid incarnation_id{};
  std::vector<Endpoint> endpoints;
  std::map<std::string, FeatureRange> features;
  std::optional<std::string> rack;
  std::vector<base::Uuid> log_dirs;
  BrokerEpoch previous_epoch{-1};  // of the last orderly stop
};
struct RegisterBrokerResult {
  BrokerEpoch epoch{-1};
};

struct BrokerHeartbeatRequest {
  BrokerId id{};
  BrokerEpoch epoch{-1};
  Offset metadata_offset = no_offset;
  bool want_fence = false;
  bool want_shutdown = false;
};
struct BrokerHeartbeatResult {
  bool is_caught_up = false;
  bool is_fenced = true;
  bool should_shutdown = false;
};

struct AllocateProducerIdsRequest {
  BrokerId id{};
  BrokerEpoch epoch{-1};
};
/// The ids [first, first + count).
struct AllocateProducerIdsResult {
  ProducerId first{-1};
  std::int32_t count = 0;
};

struct AlterPartitionRequest {
  struct Member {
    BrokerId id{};
    BrokerEpoch epoch{-1};  // -1: not checked
  };
  struct Partition {
    TopicIdPartition partition;
    LeaderEpoch leader_epoch{};
    PartitionEpoch partition_epoch{};
    std::vector<Member> isr;
    LeaderRecoveryState leader_recovery_state = LeaderRecoveryState::recovered;
  };
  BrokerId id{};
  BrokerEpoch epoch{-1};
  std::vector<Partition> partitions;
};
struct AlterPartitionResult {
  /// Errors: unknown_topic_id, unknown_topic, fenced_leader_epoch, invalid_update_version,
  /// invalid_request, not_leader.
  struct Partition {
    TopicIdPartition partition;
    ItemError error;
    PartitionImage now;  // when there is no error
  };
  std::vector<Partition> partitions;
};

struct ElectLeadersRequest {
  enum class Type : std::int8_t { preferred = 0, unclean = 1 };
  Type type = Type::preferred;
  std::optional<std::vector<TopicPartition>> partitions;  // nullopt: all
};
struct ElectLeadersResult {
  /// Errors: unknown_topic, election_not_needed, broker_not_available (no leader can be had).
  struct Partition {
    TopicPartition partition;
    ItemError error;
  };
  std::vector<Partition> partitions;  // asked for all: without those that need no election
};

}  // namespace moldau::metadata
