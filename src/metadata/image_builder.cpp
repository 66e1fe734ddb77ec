#include "moldau/metadata/image_builder.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace moldau::metadata {
namespace {

using base::Errc;
using base::fail;
using base::Status;

std::vector<BrokerId> broker_ids(const Ids& ids) {
  std::vector<BrokerId> result;
  result.reserve(ids.size());
  for (const std::int32_t id : ids) result.emplace_back(id);
  return result;
}

/// A changed copy in place of a shared value.
template <class T, class F>
void replace(std::shared_ptr<const T>& shared, F&& change) {
  auto copy = std::make_shared<T>(*shared);
  change(*copy);
  shared = std::move(copy);
}

Status unknown_topic(const base::Uuid& id) {
  return fail(Errc::malformed, "metadata record of unknown topic id " + id.to_string());
}

}  // namespace

ImageBuilder::ImageBuilder(std::shared_ptr<const MetadataImage> base)
    : base_(std::move(base)), image_(std::make_shared<MetadataImage>(*base_)) {}

Status ImageBuilder::apply(const MetadataRecord& record) {
  return std::visit([this](const auto& r) { return on(r); }, record);
}

void ImageBuilder::apply_kraft_version(std::int16_t level) {
  set_feature("kraft.version", level);
}

// Brokers.

Status ImageBuilder::edit_broker(std::int32_t id, const std::function<void(BrokerImage&)>& change) {
  const BrokerImage* broker = image_->find_broker(BrokerId{id});
  if (broker == nullptr) {
    return fail(Errc::malformed, "metadata record of unregistered broker " + std::to_string(id));
  }
  auto copy = std::make_shared<BrokerImage>(*broker);
  change(*copy);
  replace(image_->brokers_, [&](auto& brokers) { brokers[BrokerId{id}] = std::move(copy); });
  brokers_.insert(BrokerId{id});
  return {};
}

Status ImageBuilder::on(const RegisterBrokerRecord& r) {
  auto broker = std::make_shared<BrokerImage>();
  broker->id = BrokerId{r.broker_id};
  broker->epoch = BrokerEpoch{r.broker_epoch};
  broker->incarnation_id = r.incarnation_id;
  broker->endpoints = r.end_points;
  broker->rack = r.rack;
  broker->fenced = r.fenced;
  broker->in_controlled_shutdown = r.in_controlled_shutdown;
  broker->log_dirs = r.log_dirs;
  if (r.cordoned_log_dirs) broker->cordoned_log_dirs = *r.cordoned_log_dirs;
  for (const FeatureRecord& feature : r.features) {
    broker->features[feature.name] = {feature.min_supported_version, feature.max_supported_version};
  }
  brokers_.insert(broker->id);
  replace(image_->brokers_, [&](auto& brokers) { brokers[broker->id] = broker; });
  return {};
}

Status ImageBuilder::on(const UnregisterBrokerRecord& r) {
  brokers_.insert(BrokerId{r.broker_id});
  replace(image_->brokers_, [&](auto& brokers) { brokers.erase(BrokerId{r.broker_id}); });
  return {};
}

Status ImageBuilder::on(const FenceBrokerRecord& r) {
  return edit_broker(r.id, [](BrokerImage& broker) { broker.fenced = true; });
}

Status ImageBuilder::on(const UnfenceBrokerRecord& r) {
  return edit_broker(r.id, [](BrokerImage& broker) { broker.fenced = false; });
}

Status ImageBuilder::on(const BrokerRegistrationChangeRecord& r) {
  return edit_broker(r.broker_id, [&](BrokerImage& broker) {
    if (r.fenced != 0) broker.fenced = r.fenced > 0;
    if (r.in_controlled_shutdown != 0) broker.in_controlled_shutdown = r.in_controlled_shutdown > 0;
    if (!r.log_dirs.empty()) broker.log_dirs = r.log_dirs;
    if (r.cordoned_log_dirs) broker.cordoned_log_dirs = *r.cordoned_log_dirs;
  });
}

Status ImageBuilder::on(const RegisterControllerRecord& r) {
  replace(image_->controllers_, [&](auto& controllers) {
    controllers[r.controller_id] = std::make_shared<const RegisterControllerRecord>(r);
  });
  return {};
}

// Topics.

ImageBuilder::TopicEdit* ImageBuilder::edit_topic(const TopicId& id) {
  auto it = topics_.find(id);
  if (it == topics_.end()) {
    auto before = base_->share_topic(id);
    if (before == nullptr) return nullptr;
    auto after = std::make_shared<TopicImage>(*before);
    it = topics_.emplace(id, TopicEdit{std::move(before), std::move(after), {}}).first;
  }
  return it->second.after == nullptr ? nullptr : &it->second;
}

Status ImageBuilder::on(const TopicRecord& r) {
  const TopicImage* old = base_->find_topic(r.name);
  if (old != nullptr) {
    const auto edit = topics_.find(old->id);
    if (edit != topics_.end() && edit->second.after == nullptr) old = nullptr;
  }
  const bool taken = old != nullptr || base_->find_topic(r.topic_id) != nullptr ||
                     topics_.contains(r.topic_id) || !names_.emplace(r.name, r.topic_id).second;
  if (taken) {
    return fail(Errc::malformed,
                "metadata record makes a topic again: " + r.name + " " + r.topic_id.to_string());
  }
  auto topic = std::make_shared<TopicImage>();
  topic->name = r.name;
  topic->id = r.topic_id;
  topics_.emplace(r.topic_id, TopicEdit{nullptr, std::move(topic), {}});
  return {};
}

Status ImageBuilder::on(const PartitionRecord& r) {
  TopicEdit* edit = edit_topic(r.topic_id);
  if (edit == nullptr) return unknown_topic(r.topic_id);
  auto& partitions = edit->after->partitions;
  const auto index = static_cast<std::size_t>(r.partition_id);
  if (r.partition_id < 0 || index > partitions.size()) {
    return fail(Errc::malformed, "partitions of topic " + edit->after->name +
                                     " are not in order: " + std::to_string(r.partition_id));
  }
  if (index == partitions.size()) partitions.emplace_back();
  PartitionImage partition;
  partition.index = PartitionIndex{r.partition_id};
  partition.replicas = broker_ids(r.replicas);
  partition.isr = broker_ids(r.isr);
  partition.removing_replicas = broker_ids(r.removing_replicas);
  partition.adding_replicas = broker_ids(r.adding_replicas);
  if (r.eligible_leader_replicas) {
    partition.eligible_leader_replicas = broker_ids(*r.eligible_leader_replicas);
  }
  if (r.last_known_elr) partition.last_known_elr = broker_ids(*r.last_known_elr);
  partition.directories = r.directories;
  partition.leader = BrokerId{r.leader};
  partition.leader_recovery_state = static_cast<LeaderRecoveryState>(r.leader_recovery_state);
  partition.leader_epoch = LeaderEpoch{r.leader_epoch};
  partition.partition_epoch = PartitionEpoch{r.partition_epoch};
  partitions[index] = std::move(partition);
  edit->changed.insert(PartitionIndex{r.partition_id});
  return {};
}

Status ImageBuilder::on(const PartitionChangeRecord& r) {
  TopicEdit* edit = edit_topic(r.topic_id);
  if (edit == nullptr) return unknown_topic(r.topic_id);
  const auto index = static_cast<std::size_t>(r.partition_id);
  if (r.partition_id < 0 || index >= edit->after->partitions.size()) {
    return fail(Errc::malformed, "metadata record changes unknown partition " + edit->after->name +
                                     "-" + std::to_string(r.partition_id));
  }
  PartitionImage& partition = edit->after->partitions[index];
  if (r.isr) partition.isr = broker_ids(*r.isr);
  if (r.replicas) partition.replicas = broker_ids(*r.replicas);
  if (r.removing_replicas) partition.removing_replicas = broker_ids(*r.removing_replicas);
  if (r.adding_replicas) partition.adding_replicas = broker_ids(*r.adding_replicas);
  if (r.eligible_leader_replicas) {
    partition.eligible_leader_replicas = broker_ids(*r.eligible_leader_replicas);
  }
  if (r.last_known_elr) partition.last_known_elr = broker_ids(*r.last_known_elr);
  if (r.directories) partition.directories = *r.directories;
  if (r.leader_recovery_state >= 0) {
    partition.leader_recovery_state = static_cast<LeaderRecoveryState>(r.leader_recovery_state);
  }
  if (r.leader != leader_unchanged) {
    partition.leader = BrokerId{r.leader};
    partition.leader_epoch = LeaderEpoch{partition.leader_epoch.value() + 1};
  }
  partition.partition_epoch = PartitionEpoch{partition.partition_epoch.value() + 1};
  edit->changed.insert(PartitionIndex{r.partition_id});
  return {};
}

Status ImageBuilder::on(const RemoveTopicRecord& r) {
  TopicEdit* edit = edit_topic(r.topic_id);
  if (edit == nullptr) return unknown_topic(r.topic_id);
  names_.erase(edit->after->name);
  edit_configs({ConfigResourceType::topic, edit->after->name}).clear();
  edit->after = nullptr;
  edit->changed.clear();
  return {};
}

Status ImageBuilder::on(const ClearElrRecord& r) {
  std::vector<TopicId> ids;
  const auto want = [&](const TopicImage& topic) {
    if (r.topic_name.empty() || topic.name == r.topic_name) ids.push_back(topic.id);
  };
  base_->for_each_topic(want);
  for (const auto& [id, edit] : topics_) {
    if (edit.before == nullptr && edit.after != nullptr) want(*edit.after);
  }
  for (const TopicId& id : ids) {
    TopicEdit* edit = edit_topic(id);
    if (edit == nullptr) continue;
    for (PartitionImage& partition : edit->after->partitions) {
      if (partition.eligible_leader_replicas.empty() && partition.last_known_elr.empty()) continue;
      partition.eligible_leader_replicas.clear();
      partition.last_known_elr.clear();
      edit->changed.insert(partition.index);
    }
  }
  return {};
}

// Configurations, features, ids.

ConfigMap& ImageBuilder::edit_configs(const ConfigResource& resource) {
  const auto [it, fresh] = configs_.try_emplace(resource);
  if (fresh) {
    const ConfigMap* old = base_->find_configs(resource.type, resource.name);
    if (old != nullptr) it->second = *old;
  }
  return it->second;
}

Status ImageBuilder::on(const ConfigRecord& r) {
  ConfigMap& values =
      edit_configs({static_cast<ConfigResourceType>(r.resource_type), r.resource_name});
  if (r.value) {
    values[r.name] = *r.value;
  } else {
    values.erase(r.name);
  }
  return {};
}

void ImageBuilder::set_feature(const std::string& name, std::int16_t level) {
  replace(image_->features_, [&](auto& features) {
    if (level == 0) {
      features.erase(name);
    } else {
      features[name] = level;
    }
  });
  delta_.features_changed = true;
}

Status ImageBuilder::on(const FeatureLevelRecord& r) {
  set_feature(r.name, r.feature_level);
  return {};
}

Status ImageBuilder::on(const ProducerIdsRecord& r) {
  image_->next_producer_id_ = r.next_producer_id;
  return {};
}

// Security and quotas.

Status ImageBuilder::on(const AccessControlEntryRecord& r) {
  replace(image_->acls_,
          [&](auto& acls) { acls[r.id] = std::make_shared<const AccessControlEntryRecord>(r); });
  delta_.acls_changed = true;
  return {};
}

Status ImageBuilder::on(const RemoveAccessControlEntryRecord& r) {
  replace(image_->acls_, [&](auto& acls) { acls.erase(r.id); });
  delta_.acls_changed = true;
  return {};
}

Status ImageBuilder::on(const UserScramCredentialRecord& r) {
  replace(image_->scram_, [&](auto& scram) {
    scram[{r.mechanism, r.name}] = std::make_shared<const UserScramCredentialRecord>(r);
  });
  delta_.scram_changed = true;
  return {};
}

Status ImageBuilder::on(const RemoveUserScramCredentialRecord& r) {
  replace(image_->scram_, [&](auto& scram) { scram.erase({r.mechanism, r.name}); });
  delta_.scram_changed = true;
  return {};
}

Status ImageBuilder::on(const ClientQuotaRecord& r) {
  QuotaEntity entity;
  for (const QuotaEntityRecord& part : r.entity) {
    entity.emplace_back(part.entity_type, part.entity_name);
  }
  std::ranges::sort(entity);
  replace(image_->quotas_, [&](auto& quotas) {
    if (!r.remove) {
      quotas[entity][r.key] = r.value;
      return;
    }
    const auto it = quotas.find(entity);
    if (it == quotas.end()) return;
    it->second.erase(r.key);
    if (it->second.empty()) quotas.erase(it);
  });
  delta_.quotas_changed = true;
  return {};
}

Status ImageBuilder::on(const DelegationTokenRecord& r) {
  replace(image_->tokens_, [&](auto& tokens) {
    tokens[r.token_id] = std::make_shared<const DelegationTokenRecord>(r);
  });
  return {};
}

Status ImageBuilder::on(const RemoveDelegationTokenRecord& r) {
  replace(image_->tokens_, [&](auto& tokens) { tokens.erase(r.token_id); });
  return {};
}

// Nothing to do.

Status ImageBuilder::on(const NoOpRecord&) {
  return {};
}
Status ImageBuilder::on(const ZkMigrationStateRecord&) {
  return {};
}
Status ImageBuilder::on(const BeginTransactionRecord&) {
  return {};
}
Status ImageBuilder::on(const EndTransactionRecord&) {
  return {};
}
Status ImageBuilder::on(const AbortTransactionRecord&) {
  return {};
}

// The image.

void ImageBuilder::build_topics(MetadataDelta& delta) {
  if (topics_.empty()) return;
  auto by_name = std::make_shared<MetadataImage::TopicsByName>(*base_->topics_by_name_);
  auto by_id = std::make_shared<MetadataImage::TopicsById>(*base_->topics_by_id_);
  std::size_t partitions = base_->partition_count_;
  // Removals first: a name may have been given to another topic.
  for (auto& [id, edit] : topics_) {
    if (edit.before == nullptr) continue;
    partitions -= edit.before->partitions.size();
    if (edit.after != nullptr) continue;
    by_name->erase(edit.before->name);
    by_id->erase(id);
    delta.topics.push_back({edit.before, nullptr, {}});
  }
  for (auto& [id, edit] : topics_) {
    if (edit.after == nullptr) continue;
    partitions += edit.after->partitions.size();
    std::shared_ptr<const TopicImage> topic = std::move(edit.after);
    by_name->insert(topic);
    by_id->insert(topic);
    delta.topics.push_back(
        {edit.before, std::move(topic), {edit.changed.begin(), edit.changed.end()}});
  }
  image_->topics_by_name_ = std::move(by_name);
  image_->topics_by_id_ = std::move(by_id);
  image_->partition_count_ = partitions;
}

void ImageBuilder::build_configs(MetadataDelta& delta) {
  if (configs_.empty()) return;
  auto configs = std::make_shared<MetadataImage::Configs>(*base_->configs_);
  for (auto& [resource, values] : configs_) {
    delta.configs.push_back(resource);
    if (values.empty()) {
      configs->erase({static_cast<std::int8_t>(resource.type), resource.name});
    } else {
      configs->insert(std::make_shared<const ConfigsOf>(ConfigsOf{resource, std::move(values)}));
    }
  }
  image_->configs_ = std::move(configs);
}

ImageBuilder::Built ImageBuilder::build(Offset offset, std::int32_t epoch) {
  build_topics(delta_);
  build_configs(delta_);
  delta_.brokers.assign(brokers_.begin(), brokers_.end());
  image_->offset_ = offset;
  image_->epoch_ = epoch;
  return {std::move(image_), std::move(delta_)};
}

}  // namespace moldau::metadata
