#include <algorithm>
#include <cstdio>
#include <thread>

#include "coordinator_call.hpp"
#include "moldau/base/clock.hpp"
#include "moldau/protocol/init_producer_id.hpp"
#include "moldau/protocol/write_txn_markers.hpp"
#include "output.hpp"
#include "time_text.hpp"
#include "txn_data.hpp"
#include "txn_verbs.hpp"

namespace moldau::cli {
namespace {

using protocol::ErrorCode;
using protocol::InitProducerIdRequest;
using protocol::InitProducerIdResponse;
using protocol::WriteTxnMarkersRequest;
using protocol::WriteTxnMarkersResponse;

void say_preview() {
  std::fputs("nothing was changed: this is a preview, add --yes to do it\n", stderr);
}

// --- By its id.

/// Another producer of that id takes over, which aborts what the one before has open (KIP-360).
base::Status take_over(Client& client, const Transaction& transaction) {
  InitProducerIdRequest request;
  request.transactional_id = transaction.id;
  request.transaction_timeout_ms = transaction.timeout_ms;
  for (int tries = 1;; ++tries) {
    const auto code_of = [](const InitProducerIdResponse& response) { return response.error_code; };
    MOLDAU_ASSIGN(const auto response,
                  call_coordinator<InitProducerIdResponse>(client, request, code_of));
    if (response.error_code == ErrorCode::none) return {};
    // It is being aborted: markers are on their way.
    if (response.error_code != ErrorCode::concurrent_transactions || tries == coordinator_tries_max)
      return refusal("transactional id '" + transaction.id + "'", response.error_code);
    std::this_thread::sleep_for(coordinator_wait);
  }
}

void print(const CommonOptions& common, const Transaction& transaction, bool is_done) {
  if (common.format == Format::json) {
    Json json;
    json.open('{').key("transactional_id").value(transaction.id);
    json.key("producer_id").value(transaction.producer_id.value());
    json.key("producer_epoch").value(std::int64_t{transaction.producer_epoch.value()});
    json.key("done").value(is_done).key("partitions").open('[');
    for (const auto& [topic, index] : transaction.partitions)
      json.open('{').key("topic").value(topic).key("partition").value(std::int64_t{index.value()})
          .close('}');
    json.close(']').close('}').print();
    return;
  }
  if (is_done) {
    std::printf("aborted the transaction of %s\n", transaction.id.c_str());
    return;
  }
  const auto now_ms = base::SystemClock{}.wall_ms();
  std::printf("would abort the transaction of %s, producer %lld, epoch %d, begun %s ago\n",
              transaction.id.c_str(), static_cast<long long>(transaction.producer_id.value()),
              transaction.producer_epoch.value(),
              duration_text(now_ms - transaction.start_ms.value_or(now_ms)).c_str());
  if (transaction.partitions.empty()) return;
  Table table({"TOPIC", "PARTITION"});
  for (const auto& [topic, index] : transaction.partitions)
    table.add({topic, std::to_string(index.value())});
  table.print();
}

// --- Hanging ones.

std::string text_of(const TopicPartition& partition) {
  return "partition " + std::to_string(partition.partition.value()) + " of '" + partition.topic +
         "'";
}

base::Result<ActiveProducer> find_open(Client& client, const HangingOptions& options) {
  MOLDAU_ASSIGN(const auto producers, active_producers(client, {options.partition}));
  if (producers.empty())
    return base::fail(base::Errc::unknown_topic, text_of(options.partition) + " does not exist");
  const auto& all = producers.begin()->second;
  const auto found = std::ranges::find(all, options.producer_id, &ActiveProducer::producer_id);
  if (found == all.end() || found->current_txn_start_offset == no_offset)
    return base::fail(base::Errc::not_found, text_of(options.partition) +
                                                 " has no open transaction of producer " +
                                                 std::to_string(options.producer_id.value()));
  return *found;
}

/// What its coordinator still knows it will end itself, in all of its partitions: a marker by hand
/// would tear it.
base::Status check_hanging(Client& client, const HangingOptions& options) {
  TxnFilter filter;
  filter.producer_ids = {options.producer_id.value()};
  MOLDAU_ASSIGN(const auto listed, list_transactions(client, filter));
  std::vector<std::string> ids;
  for (const auto& one : listed) ids.push_back(one.transactional_id);
  MOLDAU_ASSIGN(const auto described, describe_transactions(client, ids));
  for (const auto& [id, transaction] : described)
    if (std::ranges::find(transaction.partitions, options.partition) !=
        transaction.partitions.end())
      return base::fail(base::Errc::invalid_argument,
                        "it does not hang: it is the transaction of '" + id + "', which is " +
                            transaction.state + "; `moldau txn abort " + id +
                            "` ends it in all of its partitions");
  return {};
}

base::Status write_abort(Client& client, const HangingOptions& options,
                         const ActiveProducer& producer) {
  WriteTxnMarkersRequest request;
  auto& marker = request.markers.emplace_back();
  marker.producer_id = producer.producer_id;
  marker.producer_epoch = ProducerEpoch{static_cast<std::int16_t>(producer.producer_epoch)};
  marker.transaction_result = false;
  // A producer whose first transaction this is has had no coordinator's marker yet.
  marker.coordinator_epoch = std::max(producer.coordinator_epoch, 0);
  marker.topics.push_back({options.partition.topic, {options.partition.partition}});
  MOLDAU_ASSIGN(const auto response, client.call<WriteTxnMarkersResponse>(request));
  for (const auto& one : response.markers)
    for (const auto& topic : one.topics)
      for (const auto& partition : topic.partitions)
        if (partition.error_code != ErrorCode::none)
          return refusal(text_of(options.partition), partition.error_code);
  return {};
}

void print(const CommonOptions& common, const HangingOptions& options,
           const ActiveProducer& producer) {
  const auto& [topic, index] = options.partition;
  if (common.format == Format::json) {
    Json json;
    json.open('{').key("topic").value(topic).key("partition").value(std::int64_t{index.value()});
    json.key("producer_id").value(producer.producer_id.value());
    json.key("producer_epoch").value(std::int64_t{producer.producer_epoch});
    json.key("first_offset").value(producer.current_txn_start_offset.value());
    json.key("last_write_ms").value(producer.last_timestamp);
    json.key("done").value(options.is_confirmed).close('}').print();
    return;
  }
  std::printf("%s the transaction of producer %lld, epoch %d, in %s: from offset %lld on, last "
              "written to %s\n",
              options.is_confirmed ? "aborted" : "would abort",
              static_cast<long long>(producer.producer_id.value()), producer.producer_epoch,
              text_of(options.partition).c_str(),
              static_cast<long long>(producer.current_txn_start_offset.value()),
              time_text(producer.last_timestamp).c_str());
}

}  // namespace

base::Status txn_abort(const CommonOptions& common, const std::string& id, bool is_confirmed) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto transaction, describe_transaction(client, id));
  if (!transaction.is_open())
    return base::fail(base::Errc::invalid_argument,
                      "'" + id + "' has no open transaction: it is " + transaction.state);
  if (is_confirmed) MOLDAU_TRY(take_over(client, transaction));
  print(common, transaction, is_confirmed);
  if (!is_confirmed) {
    std::fputs("its producer will be fenced and has to start anew\n", stderr);
    say_preview();
  }
  return {};
}

base::Status txn_abort_hanging(const CommonOptions& common, const HangingOptions& options) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto producer, find_open(client, options));
  MOLDAU_TRY(check_hanging(client, options));
  if (options.is_confirmed) MOLDAU_TRY(write_abort(client, options, producer));
  print(common, options, producer);
  if (!options.is_confirmed) say_preview();
  return {};
}

}  // namespace moldau::cli
