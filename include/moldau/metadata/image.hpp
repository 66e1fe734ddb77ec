#pragma once
// What the cluster looks like at one offset of the metadata log.  An image never changes; it is
// built only by applying records (image_builder.hpp) and swapped by pointer, so a handler that
// holds one sees a consistent cluster for as long as it likes.  Images share everything that did
// not change between them.
//
// Source: Kafka's MetadataImage (KIP-500, KIP-595, KIP-631).  Thread rule: immutable, any thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/codec/fields.hpp"
#include "moldau/metadata/sharded_set.hpp"

namespace moldau::metadata {

struct AccessControlEntryRecord;  // records.hpp
struct DelegationTokenRecord;
struct RegisterControllerRecord;
struct UserScramCredentialRecord;

/// A listener of a broker.
struct Endpoint {
  std::string name;  // of the listener: PLAINTEXT, CONTROLLER, ...
  std::string host;
  std::uint16_t port = 0;
  std::int16_t security_protocol = 0;  // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  /// As it stands in the metadata log.
  static constexpr void fields(auto& field, auto& m) {
    field("name", m.name, codec::since(0));
    field("host", m.host, codec::since(0));
    field("port", m.port, codec::since(0));
    field("security_protocol", m.security_protocol, codec::since(0));
  }
};

/// Levels of a feature, both ends included.
struct FeatureRange {
  std::int16_t min = 0;
  std::int16_t max = 0;
  friend bool operator==(const FeatureRange&, const FeatureRange&) = default;
};

struct BrokerImage {
  BrokerId id{};
  BrokerEpoch epoch{};  // offset of its registration; rises with every one
  base::Uuid incarnation_id{};
  std::vector<Endpoint> endpoints;
  std::optional<std::string> rack;
  bool fenced = true;
  bool in_controlled_shutdown = false;
  std::vector<base::Uuid> log_dirs;
  std::vector<base::Uuid> cordoned_log_dirs;
  std::map<std::string, FeatureRange> features;
  friend bool operator==(const BrokerImage&, const BrokerImage&) = default;
  /// The endpoint of that listener, or nullptr.
  [[nodiscard]] const Endpoint* endpoint(std::string_view listener) const;
};

enum class LeaderRecoveryState : std::int8_t { recovered = 0, recovering = 1 };

constexpr BrokerId no_leader{-1};

struct PartitionImage {
  PartitionIndex index{};
  std::vector<BrokerId> replicas;  // the first is the preferred leader
  std::vector<BrokerId> isr;
  std::vector<BrokerId> removing_replicas;
  std::vector<BrokerId> adding_replicas;
  std::vector<BrokerId> eligible_leader_replicas;  // KIP-966
  std::vector<BrokerId> last_known_elr;
  std::vector<base::Uuid> directories;  // one per replica, or empty in old logs
  BrokerId leader = no_leader;
  LeaderRecoveryState leader_recovery_state = LeaderRecoveryState::recovered;
  LeaderEpoch leader_epoch{0};        // +1 with every election and every start of a single node
  PartitionEpoch partition_epoch{0};  // +1 with every change
  friend bool operator==(const PartitionImage&, const PartitionImage&) = default;
};

struct TopicImage {
  std::string name;
  TopicId id{};
  std::vector<PartitionImage> partitions;  // partitions[i].index == i
  friend bool operator==(const TopicImage&, const TopicImage&) = default;
  /// nullptr when out of range.
  [[nodiscard]] const PartitionImage* find(PartitionIndex index) const;
};

/// Kafka's own topics: __consumer_offsets, __transaction_state, __share_group_state.
[[nodiscard]] bool is_internal_topic(std::string_view name);

/// What a configuration belongs to (codes of DescribeConfigs).
enum class ConfigResourceType : std::int8_t {
  unknown = 0,
  topic = 2,
  broker = 4,
  broker_logger = 8,
  client_metrics = 16,
  group = 32,
};

struct ConfigResource {
  ConfigResourceType type = ConfigResourceType::unknown;
  std::string name;  // of a broker: its id, or empty for the cluster's default
  friend auto operator<=>(const ConfigResource&, const ConfigResource&) = default;
};

/// The values set on one resource, by name.
using ConfigMap = std::map<std::string, std::string, std::less<>>;

struct ConfigsOf {
  ConfigResource resource;
  ConfigMap values;
};

/// A client quota's entity: sorted pairs of entity type ("user", "client-id", "ip") and name
/// (nullopt: the default entity).
using QuotaEntity = std::vector<std::pair<std::string, std::optional<std::string>>>;

namespace detail {
struct TopicName {
  std::string_view operator()(const TopicImage& topic) const { return topic.name; }
};
struct TopicIdOf {
  const TopicId& operator()(const TopicImage& topic) const { return topic.id; }
};
struct ConfigKey {
  std::pair<std::int8_t, std::string_view> operator()(const ConfigsOf& configs) const {
    return {static_cast<std::int8_t>(configs.resource.type), configs.resource.name};
  }
};
}  // namespace detail

class MetadataImage {
 public:
  template <class K, class V>
  using SharedMap = std::map<K, std::shared_ptr<const V>>;  // second owners: later images

  MetadataImage();

  /// Of nothing: offset -1, epoch 0.
  static std::shared_ptr<const MetadataImage> empty();

  /// Of the last record applied, and the epoch of the batch that held it.
  [[nodiscard]] Offset offset() const { return offset_; }
  [[nodiscard]] std::int32_t epoch() const { return epoch_; }

  /// nullptr when there is no such topic.  The pointer lives as long as the image.
  [[nodiscard]] const TopicImage* find_topic(std::string_view name) const;
  [[nodiscard]] const TopicImage* find_topic(const TopicId& id) const;
  [[nodiscard]] std::shared_ptr<const TopicImage> share_topic(const TopicId& id) const;
  [[nodiscard]] const PartitionImage* find_partition(const TopicIdPartition& partition) const;
  [[nodiscard]] std::size_t topic_count() const { return topics_by_name_->size(); }
  [[nodiscard]] std::size_t partition_count() const { return partition_count_; }
  /// In no particular order.
  template <class F>
  void for_each_topic(F&& f) const {
    topics_by_name_->for_each(f);
  }
  /// All topics' names, sorted.
  [[nodiscard]] std::vector<std::string_view> topic_names() const;

  [[nodiscard]] const BrokerImage* find_broker(BrokerId id) const;
  [[nodiscard]] const SharedMap<BrokerId, BrokerImage>& brokers() const { return *brokers_; }

  /// The values set on a resource (not the effective ones: config_view.hpp); nullptr when none.
  [[nodiscard]] const ConfigMap* find_configs(ConfigResourceType type, std::string_view name) const;
  template <class F>
  void for_each_config(F&& f) const {
    configs_->for_each(f);
  }

  /// Finalized features with a level above 0, "metadata.version" and "kraft.version" among them.
  [[nodiscard]] const std::map<std::string, std::int16_t>& features() const { return *features_; }
  [[nodiscard]] std::int16_t feature_level(const std::string& name) const;

  /// The first producer id that no block has given out.
  [[nodiscard]] std::int64_t next_producer_id() const { return next_producer_id_; }

  // Carried for the layers that will use them; the records as they were written.
  [[nodiscard]] const SharedMap<base::Uuid, AccessControlEntryRecord>& acls() const {
    return *acls_;
  }
  /// By mechanism and user name.
  [[nodiscard]] const SharedMap<std::pair<std::int8_t, std::string>, UserScramCredentialRecord>&
  scram_credentials() const {
    return *scram_;
  }
  [[nodiscard]] const std::map<QuotaEntity, std::map<std::string, double>>& quotas() const {
    return *quotas_;
  }
  [[nodiscard]] const SharedMap<std::string, DelegationTokenRecord>& delegation_tokens() const {
    return *tokens_;
  }
  [[nodiscard]] const SharedMap<std::int32_t, RegisterControllerRecord>& controllers() const {
    return *controllers_;
  }

 private:
  friend class ImageBuilder;
  template <class T>
  using Shared = std::shared_ptr<const T>;
  using TopicsByName = ShardedSet<TopicImage, detail::TopicName>;
  using TopicsById = ShardedSet<TopicImage, detail::TopicIdOf>;
  using Configs = ShardedSet<ConfigsOf, detail::ConfigKey>;

  Offset offset_ = no_offset;
  std::int32_t epoch_ = 0;
  std::size_t partition_count_ = 0;
  std::int64_t next_producer_id_ = 0;
  Shared<TopicsByName> topics_by_name_;
  Shared<TopicsById> topics_by_id_;
  Shared<Configs> configs_;
  Shared<SharedMap<BrokerId, BrokerImage>> brokers_;
  Shared<std::map<std::string, std::int16_t>> features_;
  Shared<SharedMap<base::Uuid, AccessControlEntryRecord>> acls_;
  Shared<SharedMap<std::pair<std::int8_t, std::string>, UserScramCredentialRecord>> scram_;
  Shared<std::map<QuotaEntity, std::map<std::string, double>>> quotas_;
  Shared<SharedMap<std::string, DelegationTokenRecord>> tokens_;
  Shared<SharedMap<std::int32_t, RegisterControllerRecord>> controllers_;
};

/// What one or more records changed, for those who follow the image.
struct MetadataDelta {
  /// One topic, by id: a name that was deleted and made again appears twice.
  struct Topic {
    std::shared_ptr<const TopicImage> before;  // nullptr: the topic is new
    std::shared_ptr<const TopicImage> after;   // nullptr: the topic is gone
    std::vector<PartitionIndex> changed;       // new or changed partitions of `after`, ascending
    [[nodiscard]] bool is_created() const { return before == nullptr; }
    [[nodiscard]] bool is_deleted() const { return after == nullptr; }
  };
  std::vector<Topic> topics;  // deleted ones first
  std::vector<ConfigResource> configs;
  std::vector<BrokerId> brokers;  // registered, unregistered, fenced, ...
  bool features_changed = false;
  bool acls_changed = false;
  bool scram_changed = false;
  bool quotas_changed = false;
};

}  // namespace moldau::metadata
