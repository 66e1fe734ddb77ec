#include "moldau/metadata/features.hpp"

namespace moldau::metadata {

const std::map<std::string, FeatureRange>& supported_features() {
  static const std::map<std::string, FeatureRange> features{
      {eligible_leader_replicas, {0, 1}},
      {group_version, {0, 1}},
      {"kraft.version", {0, 1}},
      {"metadata.version", {metadata_version_min, metadata_version_max}},
      {transaction_version, {0, 2}},
  };
  return features;
}

std::map<std::string, std::int16_t> offered_features(const MetadataImage& image) {
  std::map<std::string, std::int16_t> offered;
  for (const auto& [name, level] : image.features()) {
    const auto it = supported_features().find(name);
    if (it == supported_features().end()) continue;
    if (level >= it->second.min && level <= it->second.max) offered[name] = level;
  }
  return offered;
}

std::vector<MetadataRecord> eligible_leader_records(const MetadataImage& image,
                                                    const BrokerConfig& static_config) {
  const std::string option = "min.insync.replicas";
  std::vector<MetadataRecord> records;
  const auto record = [&](const std::string& broker, std::optional<std::string> value) {
    records.emplace_back(ConfigRecord{static_cast<std::int8_t>(ConfigResourceType::broker), broker,
                                      option, std::move(value)});
  };
  const ConfigMap* cluster = image.find_configs(ConfigResourceType::broker, "");
  if (cluster == nullptr || !cluster->contains(option))
    record("", std::to_string(static_config.integer(option)));
  for (const auto& [id, broker] : image.brokers()) {
    const std::string name = std::to_string(id.value());
    const ConfigMap* own = image.find_configs(ConfigResourceType::broker, name);
    if (own != nullptr && own->contains(option)) record(name, std::nullopt);
  }
  return records;
}

}  // namespace moldau::metadata
