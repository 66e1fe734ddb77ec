#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "admin.hpp"
#include "json.hpp"
#include "measure.hpp"
#include "verbs.hpp"

namespace moldau::mbench {
namespace {

constexpr std::int16_t topic_already_exists = 36;

void sleep_s(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

double seconds_since(std::int64_t ns) {
  return static_cast<double>(now_ns() - ns) / 1e9;
}

// One attempt at everything a client does before its first ack, on every partition asked for.
// Throws until it works. `acked` keeps what earlier attempts reached.
void try_acks(const Options& options, const Bytes& batch, std::int64_t since_ns,
              std::vector<std::int64_t>& acked_ns) {
  Admin admin(options.servers.front());
  admin.api_versions();
  if (options.create && acked_ns.empty()) {
    try {
      admin.create(
          {options.topic, static_cast<std::int32_t>(options.partitions), options.topic_config});
    } catch (const BrokerError& error) {
      if (error.code != topic_already_exists) throw;
    }
  }
  while (acked_ns.size() < static_cast<std::size_t>(options.partitions)) {
    const auto partition = static_cast<std::int32_t>(acked_ns.size());
    const std::int16_t error = admin.produce(options.topic, partition, batch);
    if (error != 0) throw BrokerError("Produce", error);
    acked_ns.push_back(now_ns() - since_ns);
  }
}

}  // namespace

int run_first_ack(const Options& options) {
  const std::int64_t since_ns = options.since_ns > 0 ? options.since_ns : now_ns();
  const BatchShape shape{static_cast<std::size_t>(options.record_bytes), 1, Codec::none};
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const Batch batch =
      make_batch(shape, 1, std::chrono::duration_cast<std::chrono::milliseconds>(wall).count());
  std::vector<std::int64_t> acked_ns;
  std::uint64_t attempts = 0;
  std::string last_error;
  const auto wanted = static_cast<std::size_t>(options.partitions);
  while (acked_ns.size() < wanted && seconds_since(since_ns) < options.timeout_s) {
    ++attempts;
    try {
      try_acks(options, batch.bytes, since_ns, acked_ns);
    } catch (const std::runtime_error& error) {
      last_error = error.what();
      sleep_s(0.001);
    }
  }
  const bool complete = acked_ns.size() == wanted;
  Json json;
  json.add("verb", "first-ack").add("complete", complete).add("attempts", attempts);
  if (!acked_ns.empty()) json.add("first_ack_ms", static_cast<double>(acked_ns.front()) / 1e6);
  if (complete) json.add("all_acks_ms", static_cast<double>(acked_ns.back()) / 1e6);
  std::puts(json.text().c_str());
  if (!complete) std::fprintf(stderr, "mbench: no ack: %s\n", last_error.c_str());
  return complete ? 0 : 1;
}

int run_connect(const Options& options) {
  const Meter meter(static_cast<pid_t>(options.cpu_of));
  std::vector<std::unique_ptr<Admin>> connections;
  std::string failure;
  const auto wanted = static_cast<std::size_t>(options.connections);
  try {
    while (connections.size() < wanted) {
      const auto number = connections.size();
      connections.push_back(
          std::make_unique<Admin>(options.servers[number % options.servers.size()]));
      connections.back()->api_versions();
    }
  } catch (const std::runtime_error& error) {
    failure = error.what();
  }
  const std::size_t opened = connections.size();
  const Cost opening = meter.read();
  sleep_s(options.seconds);
  const Cost held = meter.read();
  std::size_t alive = 0;
  for (auto& connection : connections) {
    try {
      connection->api_versions();
      ++alive;
    } catch (const std::runtime_error&) {
    }
  }
  const auto s = [](std::int64_t ns) { return static_cast<double>(ns) / 1e9; };
  Json json;
  json.add("verb", "connect").add("asked", wanted).add("opened", opened).add("alive", alive);
  json.add("opening_s", s(opening.elapsed_ns)).add("held_s", options.seconds);
  if (options.cpu_of != 0) {
    json.add("broker_opening_cpu_s", s(opening.broker_cpu_ns));
    json.add("broker_idle_cpu_s", s(held.broker_cpu_ns - opening.broker_cpu_ns));
  }
  std::puts(json.text().c_str());
  if (!failure.empty()) std::fprintf(stderr, "mbench: %s\n", failure.c_str());
  return alive == wanted ? 0 : 1;
}

void create_topic(const Options& options) {
  if (!options.create) return;
  Admin(options.servers.front())
      .create({options.topic, static_cast<std::int32_t>(options.partitions), options.topic_config});
}

int run_create(const Options& options) {
  const std::int64_t began = now_ns();
  create_topic(options);
  Json json;
  json.add("verb", "create").add("topic", options.topic).add("partitions", options.partitions);
  json.add("ms", seconds_since(began) * 1e3);
  std::puts(json.text().c_str());
  return 0;
}

int run_delete(const Options& options) {
  Admin(options.servers.front()).remove(options.topic);
  std::puts(Json().add("verb", "delete").add("topic", options.topic).text().c_str());
  return 0;
}

int run_offsets(const Options& options) {
  Admin admin(options.servers.front());
  const std::int32_t partitions = admin.partitions(options.topic).first;
  if (partitions == 0) throw std::runtime_error("no such topic: " + options.topic);
  Json json;
  json.add("verb", "offsets").add("topic", options.topic).add("partitions", partitions);
  json.add("start_offsets", admin.offsets(options.topic, partitions, -2));
  json.add("end_offsets", admin.offsets(options.topic, partitions, -1));
  std::puts(json.text().c_str());
  return 0;
}

}  // namespace moldau::mbench
