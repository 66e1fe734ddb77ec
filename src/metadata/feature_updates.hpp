#pragma once
// Changes of finalized features (KIP-584, KIP-778).

#include <vector>

#include "moldau/metadata/records.hpp"
#include "moldau/metadata/requests.hpp"

namespace moldau::metadata {

/// Appends the record that sets the level, or nothing when it is as asked.  Errors:
/// invalid_update_version.
ItemError decide_feature_update(const MetadataImage& image, BrokerId self,
                                const UpdateFeaturesRequest::Update& update,
                                std::vector<MetadataRecord>& records);

}  // namespace moldau::metadata
