// An image as records (a snapshot's contents) and as news.

#include <algorithm>
#include <utility>

#include "metadata/raw_ids.hpp"
#include "moldau/metadata/controller.hpp"

namespace moldau::metadata {
namespace {

std::optional<Ids> elr_ids(const std::vector<BrokerId>& brokers) {
  if (brokers.empty()) return std::nullopt;
  return raw_ids(brokers);
}

MetadataRecord broker_record(const BrokerImage& broker) {
  RegisterBrokerRecord record;
  record.broker_id = broker.id.value();
  record.incarnation_id = broker.incarnation_id;
  record.broker_epoch = broker.epoch.value();
  record.end_points = broker.endpoints;
  for (const auto& [name, range] : broker.features) {
    record.features.push_back({name, range.min, range.max});
  }
  record.rack = broker.rack;
  record.fenced = broker.fenced;
  record.in_controlled_shutdown = broker.in_controlled_shutdown;
  record.log_dirs = broker.log_dirs;
  if (!broker.cordoned_log_dirs.empty()) record.cordoned_log_dirs = broker.cordoned_log_dirs;
  return record;
}

MetadataRecord partition_record(const TopicImage& topic, const PartitionImage& partition) {
  PartitionRecord record;
  record.partition_id = partition.index.value();
  record.topic_id = topic.id;
  record.replicas = raw_ids(partition.replicas);
  record.isr = raw_ids(partition.isr);
  record.removing_replicas = raw_ids(partition.removing_replicas);
  record.adding_replicas = raw_ids(partition.adding_replicas);
  record.leader = partition.leader.value();
  record.leader_recovery_state = static_cast<std::int8_t>(partition.leader_recovery_state);
  record.leader_epoch = partition.leader_epoch.value();
  record.partition_epoch = partition.partition_epoch.value();
  record.directories = partition.directories;
  record.eligible_leader_replicas = elr_ids(partition.eligible_leader_replicas);
  record.last_known_elr = elr_ids(partition.last_known_elr);
  return record;
}

void add_features(const MetadataImage& image, std::vector<MetadataRecord>& records) {
  // First of all: it tells a reader which records to expect.
  const std::int16_t version = image.feature_level("metadata.version");
  if (version > 0) records.emplace_back(FeatureLevelRecord{"metadata.version", version});
  for (const auto& [name, level] : image.features()) {
    if (name == "metadata.version" || name == "kraft.version") continue;
    records.emplace_back(FeatureLevelRecord{name, level});
  }
}

void add_security(const MetadataImage& image, std::vector<MetadataRecord>& records) {
  for (const auto& [id, acl] : image.acls()) records.emplace_back(*acl);
  for (const auto& [key, credential] : image.scram_credentials()) {
    records.emplace_back(*credential);
  }
  for (const auto& [id, token] : image.delegation_tokens()) records.emplace_back(*token);
}

void add_quotas(const MetadataImage& image, std::vector<MetadataRecord>& records) {
  for (const auto& [entity, values] : image.quotas()) {
    for (const auto& [key, value] : values) {
      ClientQuotaRecord record;
      for (const auto& [type, name] : entity) record.entity.push_back({type, name});
      record.key = key;
      record.value = value;
      records.emplace_back(std::move(record));
    }
  }
}

}  // namespace

std::vector<MetadataRecord> image_records(const MetadataImage& image) {
  std::vector<MetadataRecord> records;
  add_features(image, records);
  for (const auto& [id, broker] : image.brokers()) records.push_back(broker_record(*broker));
  for (const auto& [id, controller] : image.controllers()) records.emplace_back(*controller);
  for (const std::string_view name : image.topic_names()) {
    const TopicImage& topic = *image.find_topic(name);
    records.emplace_back(TopicRecord{topic.name, topic.id});
    for (const PartitionImage& partition : topic.partitions) {
      records.push_back(partition_record(topic, partition));
    }
  }
  image.for_each_config([&](const ConfigsOf& configs) {
    for (const auto& [name, value] : configs.values) {
      records.emplace_back(ConfigRecord{static_cast<std::int8_t>(configs.resource.type),
                                        configs.resource.name, name, value});
    }
  });
  add_quotas(image, records);
  if (image.next_producer_id() > 0) {
    records.emplace_back(ProducerIdsRecord{0, -1, image.next_producer_id()});
  }
  add_security(image, records);
  return records;
}

MetadataDelta delta_from_nothing(const MetadataImage& image) {
  MetadataDelta delta;
  for (const std::string_view name : image.topic_names()) {
    auto topic = image.share_topic(image.find_topic(name)->id);
    std::vector<PartitionIndex> all;
    for (const PartitionImage& partition : topic->partitions) all.push_back(partition.index);
    delta.topics.push_back({nullptr, std::move(topic), std::move(all)});
  }
  image.for_each_config(
      [&](const ConfigsOf& configs) { delta.configs.push_back(configs.resource); });
  for (const auto& [id, broker] : image.brokers()) delta.brokers.push_back(id);
  delta.features_changed = !image.features().empty();
  delta.acls_changed = !image.acls().empty();
  delta.scram_changed = !image.scram_credentials().empty();
  delta.quotas_changed = !image.quotas().empty();
  return delta;
}

}  // namespace moldau::metadata
