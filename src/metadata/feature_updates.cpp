#include "metadata/feature_updates.hpp"

#include <fmt/format.h>

#include "moldau/metadata/features.hpp"

namespace moldau::metadata {
namespace {

using Update = UpdateFeaturesRequest::Update;

base::Error refused(std::string reason) {
  return base::fail(
      base::Errc::invalid_update_version,
      "The update failed for all features since the following feature had an error: " +
          std::move(reason));
}

std::string invalid(const Update& update, std::string_view reason) {
  return fmt::format("Invalid update version {} for feature {}. {}", update.level, update.name,
                     reason);
}

ItemError check_downgrade(const Update& update, std::int16_t now) {
  if (update.mode == UpdateFeaturesRequest::Mode::upgrade) {
    return refused(invalid(update,
                           "Can't downgrade the version of this feature without setting the "
                           "upgrade type to either safe or unsafe downgrade."));
  }
  if (update.name != "metadata.version") return std::nullopt;
  if (update.mode == UpdateFeaturesRequest::Mode::safe_downgrade) {
    return refused(
        fmt::format("Unsupported metadata.version downgrade from {} to {}. Refusing to "
                    "perform the requested downgrade because it might delete metadata "
                    "information.",
                    now, update.level));
  }
  return refused(
      fmt::format("Unsupported metadata.version downgrade from {} to {}. Unsafe metadata "
                  "downgrade is not supported in this version.",
                  now, update.level));
}

}  // namespace

ItemError decide_feature_update(const MetadataImage& image, BrokerId self, const Update& update,
                                std::vector<MetadataRecord>& records) {
  using enum UpdateFeaturesRequest::Mode;
  if (update.mode != upgrade && update.mode != safe_downgrade && update.mode != unsafe_downgrade)
    return refused(invalid(update, "The controller does not support the given upgrade type."));
  if (update.level < 0)
    return refused(invalid(update, "A feature version cannot be less than 0."));
  const auto supported = supported_features().find(update.name);
  if (supported == supported_features().end()) {
    return refused(invalid(
        update, fmt::format("Local controller {} does not support this feature.", self.value())));
  }
  const FeatureRange range = supported->second;
  if (update.level < range.min || update.level > range.max) {
    return refused(invalid(update, fmt::format("Local controller {} only supports versions {}-{}",
                                               self.value(), range.min, range.max)));
  }
  const std::int16_t now = image.feature_level(update.name);
  if (update.level == now) return std::nullopt;
  if (update.level < now) {
    if (ItemError error = check_downgrade(update, now)) return error;
  } else if (update.mode != upgrade) {
    return refused(invalid(update, "Can't downgrade to a newer version."));
  }
  if (update.name == "kraft.version") {
    return refused(invalid(update, "This node's kraft.version is set when it is formatted."));
  }
  records.emplace_back(FeatureLevelRecord{update.name, update.level});
  return std::nullopt;
}

}  // namespace moldau::metadata
