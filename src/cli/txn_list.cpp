#include <cstdio>
#include <utility>

#include "moldau/base/clock.hpp"
#include "output.hpp"
#include "time_text.hpp"
#include "txn_data.hpp"
#include "txn_verbs.hpp"

namespace moldau::cli {
namespace {

struct Row {
  TransactionListing listed;
  std::optional<std::int64_t> coordinator;
  std::optional<std::int64_t> epoch;   // nullopt: it has gone meanwhile
  std::optional<std::int64_t> age_ms;  // of the transaction that is open
};

base::Result<std::vector<Row>> rows_of(Client& client, const TxnFilter& filter) {
  MOLDAU_ASSIGN(const auto listed, list_transactions(client, filter));
  std::vector<std::string> ids;
  for (const auto& one : listed) ids.push_back(one.transactional_id);
  MOLDAU_ASSIGN(const auto described, describe_transactions(client, ids));
  MOLDAU_ASSIGN(const auto coordinators, transaction_coordinators(client, ids));
  const auto now_ms = base::SystemClock{}.wall_ms();
  std::vector<Row> rows;
  for (const auto& one : listed) {
    Row row{one, {}, {}, {}};
    if (const auto at = coordinators.find(one.transactional_id); at != coordinators.end())
      row.coordinator = at->second.value();
    if (const auto found = described.find(one.transactional_id); found != described.end()) {
      row.epoch = found->second.producer_epoch.value();
      if (found->second.start_ms) row.age_ms = now_ms - *found->second.start_ms;
    }
    // The protocol's filter lets ids through that have no transaction at all.
    if (filter.longer_than_ms && !row.age_ms) continue;
    rows.push_back(std::move(row));
  }
  return rows;
}

void print_json(const std::vector<Row>& rows) {
  Json json;
  json.open('[');
  for (const auto& [listed, coordinator, epoch, age_ms] : rows) {
    json.open('{').key("transactional_id").value(listed.transactional_id);
    add_optional(json.key("coordinator"), coordinator);
    json.key("producer_id").value(listed.producer_id.value());
    add_optional(json.key("producer_epoch"), epoch);
    json.key("state").value(listed.transaction_state);
    add_optional(json.key("age_ms"), age_ms);
    json.close('}');
  }
  json.close(']').print();
}

}  // namespace

base::Status txn_list(const CommonOptions& common, const TxnFilter& filter) {
  MOLDAU_ASSIGN(auto client, Client::connect(common.server));
  MOLDAU_ASSIGN(const auto rows, rows_of(client, filter));
  if (common.format == Format::json) {
    print_json(rows);
    return {};
  }
  if (rows.empty()) {
    std::fputs("there are no such transactional ids\n", stderr);
    return {};
  }
  Table table({"TRANSACTIONAL ID", "COORDINATOR", "PRODUCER", "EPOCH", "STATE", "AGE"});
  for (const auto& [listed, coordinator, epoch, age_ms] : rows)
    table.add({listed.transactional_id, or_dash(coordinator),
               std::to_string(listed.producer_id.value()), or_dash(epoch),
               listed.transaction_state, age_ms ? duration_text(*age_ms) : "-"});
  table.print();
  return {};
}

}  // namespace moldau::cli
