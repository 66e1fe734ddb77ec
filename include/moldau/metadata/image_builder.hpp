#pragma once
// The only way to a new image: the old one and the records that were committed since.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "moldau/base/result.hpp"
#include "moldau/metadata/image.hpp"
#include "moldau/metadata/records.hpp"

namespace moldau::metadata {

/// Takes records in the order of the log and makes one image of them all: a thousand topics in one
/// request cost one copy of what they touch.
/// Thread rule: one thread.
class ImageBuilder {
 public:
  explicit ImageBuilder(std::shared_ptr<const MetadataImage> base);

  /// Errors: malformed, when the record does not fit the image (a partition of an unknown topic,
  /// ...). The builder is of no use after an error.  Records that delimit metadata transactions do
  /// nothing here: the reader of the log holds back what was not ended.
  base::Status apply(const MetadataRecord& record);
  /// The control record of the log that sets kraft.version.
  void apply_kraft_version(std::int16_t level);

  struct Built {
    std::shared_ptr<const MetadataImage> image;
    MetadataDelta delta;
  };
  /// `offset` of the last record applied, `epoch` of its batch.  Once.
  Built build(Offset offset, std::int32_t epoch);

 private:
  struct TopicEdit {
    std::shared_ptr<const TopicImage> before;
    std::shared_ptr<TopicImage> after;  // nullptr: removed
    std::set<PartitionIndex> changed;
  };

  base::Status on(const RegisterBrokerRecord& r);
  base::Status on(const UnregisterBrokerRecord& r);
  base::Status on(const TopicRecord& r);
  base::Status on(const PartitionRecord& r);
  base::Status on(const ConfigRecord& r);
  base::Status on(const PartitionChangeRecord& r);
  base::Status on(const FenceBrokerRecord& r);
  base::Status on(const UnfenceBrokerRecord& r);
  base::Status on(const RemoveTopicRecord& r);
  base::Status on(const DelegationTokenRecord& r);
  base::Status on(const UserScramCredentialRecord& r);
  base::Status on(const FeatureLevelRecord& r);
  base::Status on(const ClientQuotaRecord& r);
  base::Status on(const ProducerIdsRecord& r);
  base::Status on(const BrokerRegistrationChangeRecord& r);
  base::Status on(const AccessControlEntryRecord& r);
  base::Status on(const RemoveAccessControlEntryRecord& r);
  base::Status on(const NoOpRecord& r);
  base::Status on(const ZkMigrationStateRecord& r);
  base::Status on(const RemoveUserScramCredentialRecord& r);
  base::Status on(const BeginTransactionRecord& r);
  base::Status on(const EndTransactionRecord& r);
  base::Status on(const AbortTransactionRecord& r);
  base::Status on(const RemoveDelegationTokenRecord& r);
  base::Status on(const RegisterControllerRecord& r);
  base::Status on(const ClearElrRecord& r);

  /// The topic as this builder changes it; nullptr when there is none (any more).
  TopicEdit* edit_topic(const TopicId& id);
  ConfigMap& edit_configs(const ConfigResource& resource);
  /// Changes one broker; malformed when it is not registered.
  base::Status edit_broker(std::int32_t id, const std::function<void(BrokerImage&)>& change);
  void set_feature(const std::string& name, std::int16_t level);
  void build_topics(MetadataDelta& delta);
  void build_configs(MetadataDelta& delta);

  const std::shared_ptr<const MetadataImage> base_;
  std::shared_ptr<MetadataImage> image_;  // second owner: who gets it from build()
  std::unordered_map<TopicId, TopicEdit> topics_;
  std::map<std::string, TopicId, std::less<>> names_;  // of topics made here
  std::map<ConfigResource, ConfigMap> configs_;
  std::set<BrokerId> brokers_;
  MetadataDelta delta_;
};

}  // namespace moldau::metadata
