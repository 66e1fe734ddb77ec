#pragma once
// What a controller decides: from an image and a request to records and an answer.  Pure: no clock,
// no disk, no thread; the solo controller appends the records, syncs and applies them, and a
// simulation can do the same.  Messages are Kafka's own (checked against 4.3.1).

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "moldau/base/random.hpp"
#include "moldau/base/result.hpp"
#include "moldau/metadata/config_view.hpp"
#include "moldau/metadata/image.hpp"
#include "moldau/metadata/records.hpp"
#include "moldau/metadata/requests.hpp"

namespace moldau::metadata {

/// The answer to a request, and what has to be in the log before it may be given.
template <class Result>
struct Decision {
  Result result;
  std::vector<MetadataRecord> records;
};

/// Decides on one image.  What an Errc of a whole call means is said in
/// cluster/controller_gateway.hpp. Thread rule: one thread.  The references outlive it.
class Controller {
 public:
  struct Context {
    const MetadataImage& image;
    const BrokerConfig& static_config;
    base::Random& random;  // topic ids, placement
    std::string cluster_id;
    BrokerId self{};       // whose dynamic values apply, and who answers
    Offset next_offset{};  // that the first record will get: a broker's epoch
  };
  explicit Controller(Context context) : context_(std::move(context)) {}

  [[nodiscard]] Decision<CreateTopicsResult> create_topics(const CreateTopicsRequest& request);
  [[nodiscard]] Decision<DeleteTopicsResult> delete_topics(const DeleteTopicsRequest& request);
  [[nodiscard]] Decision<CreatePartitionsResult> create_partitions(
      const CreatePartitionsRequest& request);
  [[nodiscard]] Decision<AlterConfigsResult> alter_configs(const AlterConfigsRequest& request);
  [[nodiscard]] Decision<UpdateFeaturesResult> update_features(
      const UpdateFeaturesRequest& request);
  [[nodiscard]] Decision<ElectLeadersResult> elect_leaders(const ElectLeadersRequest& request);

  [[nodiscard]] base::Result<Decision<AllocateProducerIdsResult>> allocate_producer_ids(
      const AllocateProducerIdsRequest& request);
  [[nodiscard]] base::Result<Decision<AlterPartitionResult>> alter_partition(
      const AlterPartitionRequest& request);
  [[nodiscard]] base::Result<Decision<RegisterBrokerResult>> register_broker(
      const RegisterBrokerRequest& request);
  [[nodiscard]] base::Result<Decision<BrokerHeartbeatResult>> broker_heartbeat(
      const BrokerHeartbeatRequest& request);

  /// A single node's start: its broker becomes the leader, in a new epoch, of every partition it
  /// may lead; so a batch's epoch tells which run of the node wrote it.
  [[nodiscard]] std::vector<MetadataRecord> begin_term(BrokerId broker) const;

 private:
  struct Placement {
    std::vector<std::vector<BrokerId>> replicas;  // by partition
    ItemError error;
  };

  ItemError check_new_name(const std::string& name);
  CreateTopicsResult::Topic create_topic(const CreateTopicsRequest::Topic& topic,
                                         std::vector<MetadataRecord>& records);
  Placement place(const CreateTopicsRequest::Topic& topic);
  Placement place_automatically(std::int32_t partitions, std::int32_t replication_factor);
  ItemError check_replicas(const std::vector<BrokerId>& replicas, std::size_t expected) const;
  PartitionRecord new_partition(const TopicId& topic, std::int32_t index,
                                const std::vector<BrokerId>& replicas) const;
  ItemError add_partitions(const CreatePartitionsRequest::Topic& topic,
                           std::vector<MetadataRecord>& records);
  ItemError check_resource(const ConfigResource& resource) const;
  ItemError elect(const TopicImage& topic, const PartitionImage& partition,
                  ElectLeadersRequest::Type type, std::vector<MetadataRecord>& records) const;
  ItemError alter_isr(const AlterPartitionRequest& request,
                      const AlterPartitionRequest::Partition& wanted, PartitionImage& now,
                      std::vector<MetadataRecord>& records) const;
  [[nodiscard]] base::Status check_epoch(BrokerId id, BrokerEpoch epoch) const;
  const BrokerConfig& config();

  Context context_;
  std::optional<BrokerConfig> config_;  // with the dynamic values, once it was asked for
  std::optional<std::map<std::string, std::string>> folded_names_;  // with "." as "_", to the name
};

/// Names that a topic may have (edge case 77): the reason why not, or empty.
[[nodiscard]] std::string invalid_topic_name(std::string_view name);

/// The records that make `image` out of nothing: the contents of a snapshot.
[[nodiscard]] std::vector<MetadataRecord> image_records(const MetadataImage& image);

/// Everything in `image` as news, for who begins to follow it.
[[nodiscard]] MetadataDelta delta_from_nothing(const MetadataImage& image);

}  // namespace moldau::metadata
