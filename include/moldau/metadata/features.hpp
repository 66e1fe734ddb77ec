#pragma once
// The features of the cluster (KIP-584) that this release can serve.

#include <map>
#include <string>

#include "moldau/metadata/image.hpp"

namespace moldau::metadata {

/// Levels of metadata.version (KIP-778).  What Kafka 4.3 calls 4.3-IV0 is what a new directory
/// gets: Kafka 4.3 and newer can take it over.
constexpr std::int16_t metadata_version_min = 7;
constexpr std::int16_t metadata_version_max = 30;

/// What ApiVersions and the broker's registration declare: only what works.
[[nodiscard]] const std::map<std::string, FeatureRange>& supported_features();

/// Features of `image` whose finalized level this release serves: a directory taken over from Kafka
/// may have others, which are kept and not offered.
[[nodiscard]] std::map<std::string, std::int16_t> offered_features(const MetadataImage& image);

}  // namespace moldau::metadata
