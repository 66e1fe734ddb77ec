#include <cstdio>

#include "admin.hpp"
#include "json.hpp"
#include "transactor.hpp"
#include "verbs.hpp"

namespace moldau::mbench {
namespace {

TransactionSpec transaction_spec(const Options& options) {
  TransactionSpec spec;
  spec.endpoints = options.servers;
  spec.topic = options.topic;
  spec.id = options.group;
  spec.partitions = static_cast<std::int32_t>(options.partitions);
  spec.connections = static_cast<std::size_t>(options.connections);
  spec.in_flight = static_cast<std::size_t>(options.in_flight);
  spec.shape = {static_cast<std::size_t>(options.record_bytes),
                static_cast<std::size_t>(options.records), options.codec};
  spec.duration_ns = options.transaction_ms * 1'000'000;
  spec.names_partitions = options.transaction_version < 2;
  spec.requests_max = static_cast<std::uint64_t>(options.count);
  spec.rate = options.rate;
  return spec;
}

}  // namespace

int run_transactions(const Options& options) {
  create_topic(options);
  Loop loop;
  Transactor transactor(loop, transaction_spec(options));
  const Cost cost = drive(loop, transactor, options);
  LoadTally& tally = transactor.tally();
  const double elapsed_s = static_cast<double>(cost.elapsed_ns) / ns_per_s;
  const auto acked = static_cast<double>(tally.acked);
  const double value_bytes = acked * static_cast<double>(options.records * options.record_bytes);
  Json json;
  json.add("verb", "transactions").add("topic", options.topic);
  json.add("partitions", options.partitions).add("connections", options.connections);
  json.add("in_flight", options.in_flight).add("record_bytes", options.record_bytes);
  json.add("records_per_batch", options.records).add("batch_bytes", transactor.batch_bytes());
  json.add("transaction_ms", options.transaction_ms);
  json.add("transaction_version", options.transaction_version).add("rate_asked", options.rate);
  json.add("elapsed_s", elapsed_s);
  json.add("acked", tally.acked).add("acked_ever", transactor.acked_ever());
  json.add("requests_per_s", acked / elapsed_s);
  json.add("value_bytes", value_bytes).add("value_mb_per_s", value_bytes / 1e6 / elapsed_s);
  json.add("ack_ms", tally.latency).add("commits", transactor.commits().count());
  json.add("commit_ms", transactor.commits()).add("turnaround_ms", transactor.turnarounds());
  json.add("tried_again", transactor.tried_again());
  json.add("errors", tally.errors).add("lost_connections", tally.lost_connections);
  add_cost(json, options, cost, tally.acked);
  std::puts(json.text().c_str());
  return status_of(tally);
}

}  // namespace moldau::mbench
