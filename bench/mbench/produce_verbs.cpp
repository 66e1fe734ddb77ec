#include <cstdio>
#include <memory>
#include <stdexcept>

#include "admin.hpp"
#include "consumer.hpp"
#include "load.hpp"
#include "producer.hpp"
#include "verbs.hpp"

namespace moldau::mbench {
namespace {

ProduceSpec produce_spec(const Options& options) {
  ProduceSpec spec;
  spec.endpoints = options.servers;
  spec.topic = options.topic;
  spec.partitions = static_cast<std::int32_t>(options.partitions);
  spec.connections = static_cast<std::size_t>(options.connections);
  spec.in_flight = static_cast<std::size_t>(options.in_flight);
  spec.shape = {static_cast<std::size_t>(options.record_bytes),
                static_cast<std::size_t>(options.records), options.codec};
  spec.acks = static_cast<std::int16_t>(options.acks);
  spec.rate = options.rate;
  spec.requests_max = static_cast<std::uint64_t>(options.count);
  spec.idempotent = options.idempotent;
  return spec;
}

Json produce_json(const char* verb, const Options& options, Producer& producer, const Cost& cost) {
  const LoadTally& tally = producer.tally();
  const double elapsed_s = static_cast<double>(cost.elapsed_ns) / ns_per_s;
  const auto acked = static_cast<double>(tally.acked);
  const double value_bytes = acked * static_cast<double>(options.records * options.record_bytes);
  Json json;
  json.add("verb", verb).add("topic", options.topic).add("partitions", options.partitions);
  json.add("connections", options.connections).add("in_flight", options.in_flight);
  json.add("record_bytes", options.record_bytes).add("records_per_batch", options.records);
  json.add("batch_bytes", producer.batch_bytes()).add("acks", options.acks);
  json.add("idempotent", options.idempotent);
  json.add("rate_asked", options.rate).add("elapsed_s", elapsed_s);
  json.add("acked", tally.acked).add("acked_ever", producer.acked_ever());
  json.add("requests_per_s", acked / elapsed_s);
  json.add("records_per_s", acked * static_cast<double>(options.records) / elapsed_s);
  json.add("value_bytes", value_bytes).add("value_mb_per_s", value_bytes / 1e6 / elapsed_s);
  json.add("wire_bytes", acked * static_cast<double>(producer.batch_bytes()));
  json.add("ack_ms", tally.latency).add("not_sent", tally.not_sent);
  json.add("errors", tally.errors).add("lost_connections", tally.lost_connections);
  json.add("acked_offsets", producer.acked_offsets());
  add_cost(json, options, cost, tally.acked);
  return json;
}

std::vector<Position> all_partitions(std::int64_t partitions, std::vector<std::int64_t> starts) {
  std::vector<Position> positions;
  for (std::int64_t i = 0; i < partitions; ++i) {
    positions.push_back(
        {static_cast<std::int32_t>(i), starts[static_cast<std::size_t>(i)], INT64_MAX});
  }
  return positions;
}

FetchSpec fetch_spec(const Options& options) {
  FetchSpec spec;
  spec.endpoint = options.servers.front();
  spec.topic = options.topic;
  spec.max_bytes = static_cast<std::int32_t>(options.max_bytes);
  spec.partition_max_bytes = static_cast<std::int32_t>(options.partition_max_bytes);
  spec.session = options.session;
  spec.check_crc = options.check;
  spec.committed_only = options.committed_only;
  return spec;
}

// What all consumers read, added up.
struct FetchTotals {
  std::uint64_t responses = 0, wire_bytes = 0, batch_bytes = 0, batches = 0, records = 0;
  std::uint64_t markers = 0, aborted = 0;
  std::uint64_t gaps = 0, crc_bad = 0, lost = 0;
  std::map<std::int16_t, std::uint64_t> errors;

  void add(Consumer& consumer) {
    const FetchTally& tally = consumer.tally();
    responses += tally.responses;
    wire_bytes += tally.wire_bytes;
    batch_bytes += tally.batch_bytes;
    batches += tally.batches;
    records += tally.records;
    markers += tally.markers;
    aborted += tally.aborted;
    gaps += tally.gaps;
    crc_bad += tally.crc_bad;
    lost += consumer.lost() ? 1 : 0;
    for (const auto& [code, count] : tally.errors) errors[code] += count;
  }
  bool clean() const { return gaps + crc_bad + lost == 0 && errors.empty(); }
  Json json() const {
    Json out;
    out.add("responses", responses).add("wire_bytes", wire_bytes);
    out.add("batch_bytes", batch_bytes).add("batches", batches).add("records", records);
    out.add("markers", markers).add("aborted", aborted);
    out.add("gaps", gaps).add("crc_bad", crc_bad).add("lost", lost).add("errors", errors);
    return out;
  }
};

using Consumers = std::vector<std::unique_ptr<Consumer>>;

}  // namespace

int run_produce(const Options& options) {
  create_topic(options);
  Loop loop;
  Producer producer(loop, produce_spec(options));
  const Cost cost = drive(loop, producer, options);
  std::puts(produce_json("produce", options, producer, cost).text().c_str());
  return status_of(producer.tally());
}

int run_mixed(const Options& options) {
  if (options.rate <= 0) throw std::invalid_argument("mixed needs --rate");
  if (options.codec != Codec::none) throw std::invalid_argument("mixed stamps plain values only");
  create_topic(options);
  const auto ends = Admin(options.servers.front())
                        .offsets(options.topic, static_cast<std::int32_t>(options.partitions), -1);
  Loop loop;
  FetchSpec reading = fetch_spec(options);
  reading.stamped = true;
  Consumers consumers;
  for (std::int64_t i = 0; i < options.consumers; ++i) {
    consumers.push_back(
        std::make_unique<Consumer>(loop, reading, all_partitions(options.partitions, ends)));
    consumers.back()->start();
  }
  ProduceSpec writing = produce_spec(options);
  writing.stamped = true;
  Producer producer(loop, writing);
  const Cost cost = drive(loop, producer, options);
  Histogram end_to_end;
  FetchTotals totals;
  for (auto& consumer : consumers) {
    totals.add(*consumer);
    end_to_end.add(consumer->tally().end_to_end);
  }
  Json json = produce_json("mixed", options, producer, cost);
  json.add("e2e_ms", end_to_end).add("fetch", totals.json());
  std::puts(json.text().c_str());
  return status_of(producer.tally()) == 0 && totals.clean() ? 0 : 1;
}

int run_fetch(const Options& options) {
  Admin admin(options.servers.front());
  const std::int32_t partitions = admin.partitions(options.topic).first;
  if (partitions == 0) throw std::runtime_error("no such topic: " + options.topic);
  const auto starts = admin.offsets(options.topic, partitions, -2);
  const auto ends = admin.offsets(options.topic, partitions, -1);
  Loop loop;
  std::vector<std::vector<Position>> shares(static_cast<std::size_t>(options.consumers));
  for (std::int32_t i = 0; i < partitions; ++i) {
    const auto at = static_cast<std::size_t>(i);
    shares[at % shares.size()].push_back({i, starts[at], ends[at]});
  }
  Consumers consumers;
  for (auto& share : shares) {
    if (share.empty()) continue;
    consumers.push_back(std::make_unique<Consumer>(loop, fetch_spec(options), std::move(share)));
  }
  const Meter meter(static_cast<pid_t>(options.cpu_of));
  for (auto& consumer : consumers) consumer->start();
  const std::int64_t deadline = now_ns() + ns(options.timeout_s);
  const auto finished = [&] {
    for (auto& consumer : consumers) {
      const bool ended = consumer->done() || consumer->lost() || !consumer->tally().errors.empty();
      if (!ended) return false;
    }
    return true;
  };
  while (!finished() && now_ns() < deadline) loop.run_once(deadline);
  const Cost cost = meter.read();

  FetchTotals totals;
  bool complete = true;
  for (auto& consumer : consumers) {
    totals.add(*consumer);
    complete = complete && consumer->done();
  }
  const double elapsed_s = static_cast<double>(cost.elapsed_ns) / ns_per_s;
  Json json;
  json.add("verb", "fetch").add("topic", options.topic).add("partitions", partitions);
  json.add("consumers", options.consumers).add("max_bytes", options.max_bytes);
  json.add("partition_max_bytes", options.partition_max_bytes).add("elapsed_s", elapsed_s);
  json.add("complete", complete).add("fetch", totals.json());
  json.add("mb_per_s", static_cast<double>(totals.batch_bytes) / 1e6 / elapsed_s);
  json.add("records_per_s", static_cast<double>(totals.records) / elapsed_s);
  json.add("start_offsets", starts).add("end_offsets", ends);
  add_cost(json, options, cost, totals.responses);
  std::puts(json.text().c_str());
  return complete && totals.clean() ? 0 : 1;
}

}  // namespace moldau::mbench
