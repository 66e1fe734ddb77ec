#include "txn_data.hpp"

#include <algorithm>
#include <utility>

#include "coordinator_call.hpp"
#include "moldau/protocol/describe_transactions.hpp"
#include "moldau/protocol/find_coordinator.hpp"

namespace moldau::cli {
namespace {

using protocol::DescribeProducersRequest;
using protocol::DescribeProducersResponse;
using protocol::DescribeTransactionsRequest;
using protocol::DescribeTransactionsResponse;
using protocol::ErrorCode;
using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;
using protocol::ListTransactionsRequest;
using protocol::ListTransactionsResponse;

Transaction transaction_of(const DescribeTransactionsResponse::TransactionState& from) {
  Transaction transaction;
  transaction.id = from.transactional_id;
  transaction.state = from.transaction_state;
  transaction.producer_id = from.producer_id;
  transaction.producer_epoch = from.producer_epoch;
  transaction.timeout_ms = from.transaction_timeout_ms;
  if (from.transaction_start_time_ms > 0) transaction.start_ms = from.transaction_start_time_ms;
  for (const auto& topic : from.topics)
    for (const auto index : topic.partitions)
      transaction.partitions.push_back({topic.topic, index});
  std::sort(transaction.partitions.begin(), transaction.partitions.end());
  return transaction;
}

}  // namespace

base::Result<std::vector<TransactionListing>> list_transactions(Client& client,
                                                                const TxnFilter& filter) {
  ListTransactionsRequest request;
  request.state_filters = filter.states;
  for (const auto id : filter.producer_ids) request.producer_id_filters.emplace_back(id);
  request.duration_filter = filter.longer_than_ms.value_or(-1);
  request.transactional_id_pattern = filter.pattern;
  const auto code_of = [](const ListTransactionsResponse& response) { return response.error_code; };
  MOLDAU_ASSIGN(auto response, call_coordinator<ListTransactionsResponse>(client, request, code_of));
  if (response.error_code != ErrorCode::none)
    return refusal("listing transactions", response.error_code);
  if (!response.unknown_state_filters.empty())
    return base::fail(base::Errc::invalid_argument,
                      "there is no state '" + response.unknown_state_filters.front() +
                          "'; there are Empty, Ongoing, PrepareCommit, PrepareAbort, "
                          "CompleteCommit, CompleteAbort and Dead");
  auto& listed = response.transaction_states;
  std::sort(listed.begin(), listed.end(), [](const auto& a, const auto& b) {
    return a.transactional_id < b.transactional_id;
  });
  return std::move(listed);
}

base::Result<std::map<std::string, Transaction>> describe_transactions(
    Client& client, const std::vector<std::string>& ids) {
  std::map<std::string, Transaction> found;
  if (ids.empty()) return found;
  DescribeTransactionsRequest request;
  request.transactional_ids = ids;
  const auto code_of = [](const DescribeTransactionsResponse& response) {
    for (const auto& state : response.transaction_states)
      if (is_passing(state.error_code)) return state.error_code;
    return ErrorCode::none;
  };
  MOLDAU_ASSIGN(const auto response,
                call_coordinator<DescribeTransactionsResponse>(client, request, code_of));
  for (const auto& state : response.transaction_states) {
    if (state.error_code == ErrorCode::transactional_id_not_found) continue;
    if (state.error_code != ErrorCode::none)
      return refusal("transactional id '" + state.transactional_id + "'", state.error_code);
    found.emplace(state.transactional_id, transaction_of(state));
  }
  return found;
}

base::Result<Transaction> describe_transaction(Client& client, const std::string& id) {
  MOLDAU_TRY(find_coordinator(client, CoordinatorKind::transaction, id));
  MOLDAU_ASSIGN(auto found, describe_transactions(client, {id}));
  const auto place = found.find(id);
  if (place == found.end())
    return base::fail(base::Errc::not_found, "transactional id '" + id + "' does not exist");
  return std::move(place->second);
}

base::Result<std::map<std::string, BrokerId>> transaction_coordinators(
    Client& client, const std::vector<std::string>& ids) {
  std::map<std::string, BrokerId> found;
  if (ids.empty()) return found;
  FindCoordinatorRequest request;
  request.key_type = static_cast<std::int8_t>(CoordinatorKind::transaction);
  request.coordinator_keys = ids;
  MOLDAU_ASSIGN(const auto response, client.call<FindCoordinatorResponse>(request));
  for (const auto& one : response.coordinators)
    if (one.error_code == ErrorCode::none) found.emplace(one.key, one.node_id);
  return found;
}

base::Result<std::map<TopicPartition, std::vector<ActiveProducer>>> active_producers(
    Client& client, const std::vector<TopicPartition>& partitions) {
  DescribeProducersRequest request;
  for (const auto& [topic, index] : partitions) {
    if (request.topics.empty() || request.topics.back().name != topic)
      request.topics.emplace_back().name = topic;
    request.topics.back().partition_indexes.push_back(index);
  }
  std::map<TopicPartition, std::vector<ActiveProducer>> found;
  if (partitions.empty()) return found;
  MOLDAU_ASSIGN(const auto response, client.call<DescribeProducersResponse>(request));
  for (const auto& topic : response.topics)
    for (const auto& partition : topic.partitions)
      if (partition.error_code == ErrorCode::none)
        found[{topic.name, partition.partition_index}] = partition.active_producers;
  return found;
}

}  // namespace moldau::cli
