#include "moldau/metadata/image.hpp"

#include <algorithm>

#include "moldau/metadata/records.hpp"

namespace moldau::metadata {

const Endpoint* BrokerImage::endpoint(std::string_view listener) const {
  const auto it = std::ranges::find(endpoints, listener, &Endpoint::name);
  return it == endpoints.end() ? nullptr : &*it;
}

const PartitionImage* TopicImage::find(PartitionIndex partition) const {
  const auto i = static_cast<std::size_t>(partition.value());
  return partition.value() >= 0 && i < partitions.size() ? &partitions[i] : nullptr;
}

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state" ||
         name == "__share_group_state";
}

MetadataImage::MetadataImage()
    : topics_by_name_(std::make_shared<const TopicsByName>()),
      topics_by_id_(std::make_shared<const TopicsById>()),
      configs_(std::make_shared<const Configs>()),
      brokers_(std::make_shared<const SharedMap<BrokerId, BrokerImage>>()),
      features_(std::make_shared<const std::map<std::string, std::int16_t>>()),
      acls_(std::make_shared<const SharedMap<base::Uuid, AccessControlEntryRecord>>()),
      scram_(std::make_shared<
             const SharedMap<std::pair<std::int8_t, std::string>, UserScramCredentialRecord>>()),
      quotas_(std::make_shared<const std::map<QuotaEntity, std::map<std::string, double>>>()),
      tokens_(std::make_shared<const SharedMap<std::string, DelegationTokenRecord>>()),
      controllers_(std::make_shared<const SharedMap<std::int32_t, RegisterControllerRecord>>()) {}

std::shared_ptr<const MetadataImage> MetadataImage::empty() {
  return std::make_shared<const MetadataImage>();
}

const TopicImage* MetadataImage::find_topic(std::string_view name) const {
  const auto* topic = topics_by_name_->find(name);
  return topic == nullptr ? nullptr : topic->get();
}

const TopicImage* MetadataImage::find_topic(const TopicId& id) const {
  const auto* topic = topics_by_id_->find(id);
  return topic == nullptr ? nullptr : topic->get();
}

std::shared_ptr<const TopicImage> MetadataImage::share_topic(const TopicId& id) const {
  const auto* topic = topics_by_id_->find(id);
  return topic == nullptr ? nullptr : *topic;
}

const PartitionImage* MetadataImage::find_partition(const TopicIdPartition& partition) const {
  const TopicImage* topic = find_topic(partition.topic_id);
  return topic == nullptr ? nullptr : topic->find(partition.partition);
}

std::vector<std::string_view> MetadataImage::topic_names() const {
  std::vector<std::string_view> names;
  names.reserve(topic_count());
  for_each_topic([&](const TopicImage& topic) { names.push_back(topic.name); });
  std::ranges::sort(names);
  return names;
}

const BrokerImage* MetadataImage::find_broker(BrokerId id) const {
  const auto it = brokers_->find(id);
  return it == brokers_->end() ? nullptr : it->second.get();
}

const ConfigMap* MetadataImage::find_configs(ConfigResourceType type, std::string_view name) const {
  const auto* configs = configs_->find({static_cast<std::int8_t>(type), name});
  return configs == nullptr ? nullptr : &(*configs)->values;
}

std::int16_t MetadataImage::feature_level(const std::string& name) const {
  const auto it = features_->find(name);
  return it == features_->end() ? std::int16_t{0} : it->second;
}

}  // namespace moldau::metadata
