#include <cstdio>

#include "admin.hpp"
#include "crowd.hpp"
#include "json.hpp"
#include "verbs.hpp"

namespace moldau::mbench {
namespace {

// What is there before the clock starts: the topic, and the offsets topic with its coordinator.
void prepare_groups(const Options& options) {
  create_topic(options);
  Admin(options.servers.front()).find_coordinator(options.group);
}

Json members_json(const char* verb, const Options& options) {
  Json json;
  json.add("verb", verb).add("protocol", options.classic ? "classic" : "consumer");
  json.add("groups", options.groups).add("members_each", options.members);
  json.add("partitions", options.partitions);
  return json;
}

void add_tally(Json& json, const MemberTally& tally) {
  json.add("requests", tally.requests).add("heartbeats", tally.heartbeats);
  json.add("rejoins", tally.rejoins).add("heartbeat_ms", tally.heartbeat_latency);
  json.add("errors", tally.errors).add("lost_connections", tally.lost_connections);
}

}  // namespace

int run_join_storm(const Options& options) {
  prepare_groups(options);
  Json rounds;
  bool stable = true;
  for (std::int64_t round = 1; stable && round <= options.rounds; ++round) {
    Loop loop;
    Crowd crowd(loop, options, options.members, 0, options.groups);
    const Meter meter(static_cast<pid_t>(options.cpu_of));
    crowd.join_all();
    stable = crowd.run_until_stable(ns(options.timeout_s));
    const Cost cost = meter.read();
    Json one;
    one.add("stable", stable).add("s", static_cast<double>(cost.elapsed_ns) / ns_per_s);
    add_tally(one, crowd.tally());
    add_cost(one, options, cost, crowd.tally().requests);
    rounds.add(std::to_string(round), one);
    stable = crowd.leave_all(ns(options.timeout_s)) && stable && !crowd.failed();
  }
  Json json = members_json("join-storm", options);
  json.add("complete", stable).add("rounds", rounds);
  std::puts(json.text().c_str());
  return stable ? 0 : 1;
}

int run_group_heartbeats(const Options& options) {
  prepare_groups(options);
  Loop loop;
  Crowd crowd(loop, options, options.members, 0, options.groups);
  const std::int64_t began = now_ns();
  crowd.join_all();
  bool complete = crowd.run_until_stable(ns(options.timeout_s));
  const std::int64_t stable_ns = now_ns() - began;
  Cost cost;
  if (complete) {
    // They settled together; those of a day's work are spread over the interval.
    const auto count = static_cast<std::int64_t>(crowd.members().size());
    const std::int64_t interval_ns = ns(options.interval_s > 0 ? options.interval_s : 3);
    std::int64_t number = 0;
    for (auto& member : crowd.members()) {
      member->beat_at(now_ns() + interval_ns * number++ / count);
    }
    const auto never = [] { return false; };
    crowd.run_until(now_ns() + ns(options.warmup_s), never);
    crowd.tally().heartbeats = crowd.tally().requests = crowd.tally().rejoins = 0;
    crowd.tally().heartbeat_latency = {};
    const Meter meter(static_cast<pid_t>(options.cpu_of));
    crowd.run_until(now_ns() + ns(options.seconds), never);
    cost = meter.read();
  }
  const MemberTally measured = crowd.tally();
  complete = crowd.leave_all(ns(options.timeout_s)) && complete && !crowd.failed();
  Json json = members_json("group-heartbeats", options);
  json.add("complete", complete).add("stable_s", static_cast<double>(stable_ns) / ns_per_s);
  json.add("elapsed_s", static_cast<double>(cost.elapsed_ns) / ns_per_s);
  add_tally(json, measured);
  add_cost(json, options, cost, measured.heartbeats);
  std::puts(json.text().c_str());
  return complete ? 0 : 1;
}

}  // namespace moldau::mbench
