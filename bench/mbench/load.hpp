#pragma once

// What loads of short requests have in common: what they count, how they are run through warm-up,
// measured part and last answers, and what of it is printed.

#include <cstdint>
#include <map>

#include "histogram.hpp"
#include "json.hpp"
#include "loop.hpp"
#include "measure.hpp"
#include "options.hpp"

namespace moldau::mbench {

constexpr double ns_per_s = 1e9;

inline std::int64_t ns(double seconds) {
  return static_cast<std::int64_t>(seconds * ns_per_s);
}

struct LoadTally {
  std::uint64_t acked = 0;
  std::uint64_t not_sent = 0;  // due by the schedule, never sent: the broker did not keep up
  std::uint64_t lost_connections = 0;
  std::map<std::int16_t, std::uint64_t> errors;  // by Kafka's error code
  Histogram latency;
};

// Moment of request `number` of a schedule of `rate` requests a second.
inline std::int64_t due_ns(std::int64_t started_ns, std::uint64_t number, double rate) {
  return started_ns + static_cast<std::int64_t>(static_cast<double>(number) * ns_per_s / rate);
}

// Runs a load (start, advance, stop, idle, exhausted, all_lost, tally, reset_tally: see Producer)
// through its warm-up, its measured part and the answers still to come.
template <typename Load>
Cost drive(Loop& loop, Load& load, const Options& options) {
  static constexpr std::int64_t answer_timeout_ns = 30'000'000'000;
  const auto until = [&](std::int64_t end_ns, bool draining) {
    while (now_ns() < end_ns && !load.all_lost()) {
      if (load.idle() && (draining || load.exhausted())) return;
      const std::int64_t wake_ns = load.advance(end_ns);
      loop.run_once(wake_ns);
    }
  };
  load.start();
  if (options.warmup_s > 0) {
    until(now_ns() + ns(options.warmup_s), false);
    load.reset_tally();
  }
  const Meter meter(static_cast<pid_t>(options.cpu_of));
  const bool by_count = options.count > 0;
  until(by_count ? INT64_MAX : now_ns() + ns(options.seconds), false);
  // A count ends with its last answer; a time ends with the time, and what is still under way
  // is not part of it.
  const Cost cost = meter.read();
  load.stop();
  const std::uint64_t acked = load.tally().acked;
  until(now_ns() + answer_timeout_ns, true);
  if (!load.idle()) load.tally().errors[-1] += 1;  // unanswered
  load.tally().acked = acked;
  return cost;
}

inline int status_of(const LoadTally& tally) {
  return tally.errors.empty() && tally.lost_connections == 0 ? 0 : 1;
}

inline void add_cost(Json& json, const Options& options, const Cost& cost, std::uint64_t requests) {
  const auto each = [&](std::int64_t cpu_ns) {
    return requests == 0 ? 0.0 : static_cast<double>(cpu_ns) / 1e3 / static_cast<double>(requests);
  };
  json.add("client_cpu_s", static_cast<double>(cost.client_cpu_ns) / ns_per_s);
  json.add("client_us_per_request", each(cost.client_cpu_ns));
  if (options.cpu_of == 0) return;
  json.add("broker_cpu_s", static_cast<double>(cost.broker_cpu_ns) / ns_per_s);
  json.add("broker_us_per_request", each(cost.broker_cpu_ns));
}

}  // namespace moldau::mbench
