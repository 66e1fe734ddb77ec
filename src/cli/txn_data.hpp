#pragma once
// What a broker says of transactions, as the verbs need it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client.hpp"
#include "moldau/base/ids.hpp"
#include "moldau/protocol/describe_producers.hpp"
#include "moldau/protocol/list_transactions.hpp"
#include "txn_verbs.hpp"

namespace moldau::cli {

struct Transaction {
  std::string id;
  std::string state;  // "Ongoing", "CompleteCommit", ...
  ProducerId producer_id{};
  ProducerEpoch producer_epoch{};
  std::int32_t timeout_ms = 0;
  std::optional<std::int64_t> start_ms;     // of the one that is open
  std::vector<TopicPartition> partitions;   // in it, in order

  [[nodiscard]] bool is_open() const { return state == "Ongoing"; }
};

using TransactionListing = protocol::ListTransactionsResponse::TransactionState;

/// By id.
base::Result<std::vector<TransactionListing>> list_transactions(Client& client,
                                                                const TxnFilter& filter);

/// By id; those that have gone meanwhile are left out.
base::Result<std::map<std::string, Transaction>> describe_transactions(
    Client& client, const std::vector<std::string>& ids);

/// An id that does not exist is an error that says so.
base::Result<Transaction> describe_transaction(Client& client, const std::string& id);

/// Which broker is asked about each id.
base::Result<std::map<std::string, BrokerId>> transaction_coordinators(
    Client& client, const std::vector<std::string>& ids);

/// A producer in one partition.
using ActiveProducer =
    protocol::DescribeProducersResponse::Topic::Partition::ActiveProducer;

/// Of each of the partitions that can be asked about; others are left out.
base::Result<std::map<TopicPartition, std::vector<ActiveProducer>>> active_producers(
    Client& client, const std::vector<TopicPartition>& partitions);

}  // namespace moldau::cli
