#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "admin.hpp"
#include "committer.hpp"
#include "crowd.hpp"
#include "json.hpp"
#include "verbs.hpp"

namespace moldau::mbench {
namespace {

CommitSpec commit_spec(const Options& options) {
  CommitSpec spec;
  spec.endpoints = options.servers;
  spec.topic = options.topic;
  spec.partitions = static_cast<std::int32_t>(options.partitions);
  spec.connections = static_cast<std::size_t>(options.connections);
  spec.in_flight = static_cast<std::size_t>(options.in_flight);
  spec.rate = options.rate;
  spec.requests_max = static_cast<std::uint64_t>(options.count);
  for (std::int64_t i = 0; i < options.groups; ++i) {
    spec.committers.push_back({group_name(options, i), "", -1});
  }
  return spec;
}

// Those who have a group to themselves and heartbeat on while they commit, or nobody.
struct AttendedCommitter : Committer {
  AttendedCommitter(Loop& loop, const CommitSpec& spec, Crowd* members)
      : Committer(loop, spec), crowd(members) {}
  std::int64_t advance(std::int64_t latest_ns) {
    latest_ns = Committer::advance(latest_ns);
    return crowd == nullptr ? latest_ns : std::min(latest_ns, crowd->advance(now_ns()));
  }
  Crowd* crowd;
};

// Each group's single member joins, and stays until `crowd` leaves.
void make_members(Crowd& crowd, const Options& options, CommitSpec& spec) {
  crowd.join_all();
  if (!crowd.run_until_stable(ns(options.timeout_s))) {
    throw std::runtime_error("the members did not get into their groups in time");
  }
  spec.committers.clear();
  for (auto& member : crowd.members()) spec.committers.push_back(member->who());
}

// One commit of each group first: a coordinator that still loads its partitions answers errors.
void commit_once(CommitSpec spec) {
  static constexpr int tries_max = 200;
  spec.rate = 0;
  spec.requests_max = spec.committers.size();
  for (int tries = 1;; ++tries) {
    Loop loop;
    Committer committer(loop, spec);
    Options once;
    once.count = static_cast<std::int64_t>(spec.requests_max);
    drive(loop, committer, once);
    const LoadTally& tally = committer.tally();
    if (status_of(tally) == 0) return;
    for (const auto& [code, count] : tally.errors) {
      if (tries == tries_max || !group_error::is_retriable(code)) {
        throw BrokerError("OffsetCommit", code);
      }
    }
    if (tally.lost_connections > 0) throw std::runtime_error("a connection was lost");
    loop.run_once(now_ns() + 20'000'000);
  }
}

Json commit_json(const char* verb, const Options& options, LoadTally& tally, const Cost& cost) {
  const double elapsed_s = static_cast<double>(cost.elapsed_ns) / ns_per_s;
  Json json;
  json.add("verb", verb).add("groups", options.groups).add("partitions", options.partitions);
  json.add("real_members", options.real_members).add("connections", options.connections);
  json.add("in_flight", options.in_flight).add("rate_asked", options.rate);
  json.add("elapsed_s", elapsed_s).add("acked", tally.acked);
  json.add("requests_per_s", static_cast<double>(tally.acked) / elapsed_s);
  json.add("ack_ms", tally.latency).add("not_sent", tally.not_sent);
  json.add("errors", tally.errors).add("lost_connections", tally.lost_connections);
  add_cost(json, options, cost, tally.acked);
  return json;
}

}  // namespace

int run_commits(const Options& options) {
  create_topic(options);
  Admin(options.servers.front()).find_coordinator(options.group);
  CommitSpec spec = commit_spec(options);
  Loop loop;
  std::unique_ptr<Crowd> crowd;
  if (options.real_members) {
    crowd = std::make_unique<Crowd>(loop, options, 1, 0, options.groups);
    make_members(*crowd, options, spec);
  }
  commit_once(spec);
  AttendedCommitter committer(loop, spec, crowd.get());
  const Cost cost = drive(loop, committer, options);
  int status = status_of(committer.tally());
  if (crowd) status |= crowd->leave_all(ns(options.timeout_s)) && !crowd->failed() ? 0 : 1;
  std::puts(commit_json("commits", options, committer.tally(), cost).text().c_str());
  return status;
}

int run_idle_groups(const Options& options) {
  create_topic(options);
  Admin(options.servers.front()).find_coordinator(options.group);
  CommitSpec spec = commit_spec(options);
  const Meter meter(static_cast<pid_t>(options.cpu_of));
  bool complete = true;
  if (!options.emptied) commit_once(spec);
  // In waves: thousands of connections would leave more memory in use than thousands of groups.
  static constexpr std::int64_t wave = 250;
  for (std::int64_t first = 0; options.emptied && complete && first < options.groups;
       first += wave) {
    Loop loop;
    Crowd crowd(loop, options, 1, first, std::min(first + wave, options.groups));
    make_members(crowd, options, spec);
    commit_once(spec);
    complete = crowd.leave_all(ns(options.timeout_s)) && !crowd.failed();
  }
  const Cost cost = meter.read();
  Json json;
  json.add("verb", "idle-groups").add("groups", options.groups).add("emptied", options.emptied);
  json.add("complete", complete);
  json.add("elapsed_s", static_cast<double>(cost.elapsed_ns) / ns_per_s);
  add_cost(json, options, cost, static_cast<std::uint64_t>(options.groups));
  std::puts(json.text().c_str());
  return complete ? 0 : 1;
}

}  // namespace moldau::mbench
