#include "moldau/metadata/features.hpp"

namespace moldau::metadata {

const std::map<std::string, FeatureRange>& supported_features() {
  static const std::map<std::string, FeatureRange> features{
      {"kraft.version", {0, 1}},
      {"metadata.version", {metadata_version_min, metadata_version_max}},
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

}  // namespace moldau::metadata
