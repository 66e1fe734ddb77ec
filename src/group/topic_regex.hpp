#pragma once
// A subscription by regular expression (KIP-848): resolved by the broker.

#include <string>
#include <vector>

#include "moldau/base/pattern.hpp"
#include "moldau/metadata/image.hpp"

namespace moldau::group {

/// Names of the topics that it matches, ascending.
[[nodiscard]] std::vector<std::string> matching_topics(const base::Pattern& pattern,
                                                       const metadata::MetadataImage& image);

}  // namespace moldau::group
