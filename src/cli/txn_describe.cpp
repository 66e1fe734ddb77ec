#include <algorithm>
#include <cstdio>

#include "coordinator_call.hpp"
#include "moldau/base/clock.hpp"
#include "output.hpp"
#include "time_text.hpp"
#include "txn_data.hpp"
#include "txn_verbs.hpp"

namespace moldau::cli {
namespace {

/// What a partition of the transaction has of it.
struct Part {
  TopicPartition partition;
  std::optional<std::int64_t> first_offset;  // nullopt: nothing was written there yet
  std::optional<std::int64_t> last_write_ms;
};

base::Result<std::vector<Part>> parts_of(Client& client, const Transaction& transaction) {
  MOLDAU_ASSIGN(const auto producers, active_producers(client, transaction.partitions));
  std::vector<Part> parts;
  for (const auto& partition : transaction.partitions) {
    auto& part = parts.emplace_back(Part{partition, {}, {}});
    const auto found = producers.find(partition);
    if (found == producers.end()) continue;
    const auto mine = std::ranges::find(found->second, transaction.producer_id,
                                        &ActiveProducer::producer_id);
    if (mine == found->second.end() || mine->current_txn_start_offset == no_offset) continue;
    part.first_offset = mine->current_txn_start_offset.value();
    part.last_write_ms = mine->last_timestamp;
  }
  return parts;
}

void print_table(const Transaction& transaction, BrokerId coordinator, std::int64_t now_ms,
                 const std::vector<Part>& parts) {
  std::printf("id           %s\ncoordinator  %d\nstate        %s\nproducer     %lld, epoch %d\n",
              transaction.id.c_str(), coordinator.value(), transaction.state.c_str(),
              static_cast<long long>(transaction.producer_id.value()),
              transaction.producer_epoch.value());
  std::printf("timeout      %s\n", duration_text(transaction.timeout_ms).c_str());
  if (transaction.start_ms)
    std::printf("begun        %s, %s ago\n", time_text(*transaction.start_ms).c_str(),
                duration_text(now_ms - *transaction.start_ms).c_str());
  if (parts.empty()) return;
  std::fputc('\n', stdout);
  Table table({"TOPIC", "PARTITION", "FIRST OFFSET", "LAST WRITE"});
  for (const auto& [partition, first_offset, last_write_ms] : parts)
    table.add({partition.topic, std::to_string(partition.partition.value()), or_dash(first_offset),
               last_write_ms ? time_text(*last_write_ms) : "-"});
  table.print();
}

void print_json(const Transaction& transaction, BrokerId coordinator, std::int64_t now_ms,
                const std::vector<Part>& parts) {
  Json json;
  json.open('{').key("transactional_id").value(transaction.id);
  json.key("coordinator").value(std::int64_t{coordinator.value()});
  json.key("state").value(transaction.state);
  json.key("producer_id").value(transaction.producer_id.value());
  json.key("producer_epoch").value(std::int64_t{transaction.producer_epoch.value()});
  json.key("timeout_ms").value(std::int64_t{transaction.timeout_ms});
  add_optional(json.key("start_ms"), transaction.start_ms);
  add_optional(json.key("age_ms"), transaction.start_ms
                                       ? std::optional(now_ms - *transaction.start_ms)
                                       : std::nullopt);
  json.key("partitions").open('[');
  for (const auto& [partition, first_offset, last_write_ms] : parts) {
    json.open('{').key("topic").value(partition.topic);
    json.key("partition").value(std::int64_t{partition.partition.value()});
    add_optional(json.key("first_offset"), first_offset);
    add_optional(json.key("last_write_ms"), last_write_ms);
    json.close('}');
  }
  json.close(']').close('}').print();
}

}  // namespace

base::Status txn_describe(const CommonOptions& common, const std::string& id) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto coordinator,
                find_coordinator(client, CoordinatorKind::transaction, id));
  MOLDAU_ASSIGN(const auto transaction, describe_transaction(client, id));
  MOLDAU_ASSIGN(const auto parts, parts_of(client, transaction));
  const auto now_ms = base::SystemClock{}.wall_ms();
  common.format == Format::json ? print_json(transaction, coordinator, now_ms, parts)
                                : print_table(transaction, coordinator, now_ms, parts);
  return {};
}

}  // namespace moldau::cli
