#pragma once
// The options of groups beside the broker's that bound them.  Rules: Kafka 4.3.1's GroupConfig.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/result.hpp"
#include "moldau/metadata/config_view.hpp"
#include "moldau/metadata/image.hpp"

namespace moldau::metadata {

/// The number that holds for `group`: what is set on it, else the broker's.  A value that lies
/// outside of what the broker allows by now (group.consumer.min.session.timeout.ms) counts as the
/// bound. `option` is an integer of group_options().
[[nodiscard]] std::int64_t group_integer(const BrokerConfig& broker, const MetadataImage& image,
                                         std::string_view group, std::string_view option);

/// What Kafka demands of all values of a group, those that stay as they are included, and their own
/// form.  Errors: invalid_config.
[[nodiscard]] base::Result<ConfigMap> checked_group_configs(const BrokerConfig& broker,
                                                            const ConfigMap& values);

/// What is wrong with a broker's own options of groups together: name and what it must be.
struct BrokenBound {
  std::string option;
  std::string text;
};
[[nodiscard]] std::vector<BrokenBound> broken_group_bounds(const BrokerConfig& broker);

}  // namespace moldau::metadata
