#pragma once
// Who writes a transaction, as the coordinator of transactions knows it: a partition knows producer ids only.

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "moldau/base/ids.hpp"

namespace moldau::partition {

struct TransactionOwner {
  std::string transactional_id;
  // Who began its newest transaction; empty where that was before the broker's last start.
  std::string client_id;
  std::string client_host;
  std::vector<TopicPartition> partitions;  // that the coordinator will end its open transaction in
};

struct TransactionOwners {
  std::unordered_map<ProducerId, TransactionOwner> by_producer;
  /// Nobody has the producers that are missing.  Otherwise a part of the coordinator does not serve now.
  bool is_complete = false;
};

using FindTransactionOwners = std::function<TransactionOwners(const std::vector<ProducerId>& producers)>;

}  // namespace moldau::partition
