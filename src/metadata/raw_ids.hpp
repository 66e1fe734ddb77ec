#pragma once
// Broker ids as the records have them.

#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/metadata/records.hpp"

namespace moldau::metadata {

inline Ids raw_ids(const std::vector<BrokerId>& brokers) {
  Ids ids;
  ids.reserve(brokers.size());
  for (const BrokerId id : brokers) ids.push_back(id.value());
  return ids;
}

}  // namespace moldau::metadata
