#include "options.hpp"

#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>

namespace moldau::mbench {

const char usage[] =
    R"(mbench: replays pre-encoded Kafka requests and prints one JSON object.

usage: mbench VERB [options]

  produce    produce to one topic, in a closed loop or at a fixed rate
  fetch      read a topic from its start to its end, as fast as it comes
  mixed      produce at a fixed rate with tailing consumers: latency to the ack and to the reader
  connect    open connections, say hello on each, keep them, count those that live
  first-ack  try until one produce is acknowledged; the time it took
  create, delete, offsets   one topic
  commits    commit offsets of many groups, in a closed loop or at a fixed rate
  join-storm members that join one group all at once, until each has its share of the topic
  group-heartbeats   members of many groups that do nothing but send heartbeats
  idle-groups        groups with one committed offset each, and nobody in them
  transactions       produce in transactions, each connection its own, one after the other
  calibrate  this machine: CRC-32C, a null system call, fdatasync in --directory DIR

where and what:
  --server HOST:PORT[,...]  default 127.0.0.1:9092; several are one broker's addresses
  --topic NAME              default mbench
  --partitions N            default 1
  --topic-config NAME=VALUE for the created topic; may be repeated
  --no-create               the topic is there already
produce and mixed:
  --connections C           default 1        --in-flight K   per connection, default 5
  --record-bytes B          default 1000     --records R     records in a batch, default 1
  --acks N                  -1 or 1          --codec NAME    none gzip snappy lz4 zstd
  --seconds S               default 10       --count N       stop after N requests
  --warmup S                not counted      --rate R        requests a second, on a schedule;
                                             latency counts from the scheduled moment
  --idempotent              each connection numbers its batches; the broker checks them
fetch and mixed:
  --consumers N             connections that read; default 1
  --max-bytes N             of an answer, default 50 MiB
  --partition-max-bytes N   default 1 MiB
  --no-session              every fetch names every partition
  --check                   check each batch's CRC and that no offset is missing
  --read-committed          only what committed transactions wrote, and records of none
first-ack:
  --timeout S               give up after, default 60
  --since-ns T              count from this CLOCK_MONOTONIC moment
commits, join-storm, group-heartbeats and idle-groups (--topic is made with --partitions, too):
  --group NAME              default mbench; with several groups a number follows
  --groups N                default 1
  --members N               in each group; default 500
  --protocol classic|consumer                default classic; consumer is KIP-848's
  --interval S              between heartbeats; default 3, or what the broker says with consumer
  --rounds N                of join-storm: all join, all leave, all join again; default 1
  --real-members            commits: one classic member a group commits, not a stranger
  --emptied                 idle-groups: a member joins, commits and leaves; not a stranger's commit
  commits takes --connections, --in-flight, --rate, --count, --seconds and --warmup as produce does,
  idle-groups --connections and --in-flight, group-heartbeats --seconds and --warmup
transactions (takes what produce takes; --count and --rate are of batches):
  --transaction-ms N        from its first batch to its end; default 100
  --transaction-version V   2 (KIP-890, the default) or 1, which names partitions beforehand
  --group NAME              the transactional ids are NAME-0, NAME-1, ...
all:
  --cpu-of PID              report what that process used during the measured part

Exit status: 0; 1 when the broker answered an error, a connection was lost or a check failed
(the JSON is printed all the same); 2 for a wrong option.
)";

namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& value, const char* wanted) {
  throw std::invalid_argument(name + " " + value + ": " + wanted);
}

using Setter = std::function<void(Options&, const std::string& name, const std::string& value)>;

Setter whole(std::int64_t Options::* member, std::int64_t least, std::int64_t most) {
  return [=](Options& options, const std::string& name, const std::string& value) {
    const char* end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, options.*member);
    if (error != std::errc() || at != end) refuse(name, value, "not a whole number");
    if (options.*member < least || options.*member > most) refuse(name, value, "out of range");
  };
}

Setter real(double Options::* member) {
  return [=](Options& options, const std::string& name, const std::string& value) {
    const char* end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, options.*member);
    if (error != std::errc() || at != end || options.*member < 0) {
      refuse(name, value, "not a number of 0 or more");
    }
  };
}

void set_servers(Options& options, const std::string& name, const std::string& value) {
  options.servers.clear();
  std::istringstream list(value);
  for (std::string one; std::getline(list, one, ',');) {
    const std::size_t colon = one.rfind(':');
    unsigned port = 0;
    if (colon != std::string::npos) {
      std::from_chars(one.data() + colon + 1, one.data() + one.size(), port);
    }
    if (port == 0 || port > 65535) refuse(name, value, "not HOST:PORT");
    options.servers.push_back({one.substr(0, colon), static_cast<std::uint16_t>(port)});
  }
  if (options.servers.empty()) refuse(name, value, "not HOST:PORT");
}

void set_topic_config(Options& options, const std::string& name, const std::string& value) {
  const std::size_t equals = value.find('=');
  if (equals == std::string::npos) refuse(name, value, "not NAME=VALUE");
  options.topic_config.emplace_back(value.substr(0, equals), value.substr(equals + 1));
}

void set_protocol(Options& options, const std::string& name, const std::string& value) {
  if (value != "classic" && value != "consumer") refuse(name, value, "not classic or consumer");
  options.classic = value == "classic";
}

void set_codec(Options& options, const std::string& name, const std::string& value) {
  if (!codec_of(value, options.codec)) refuse(name, value, "no such codec");
}

const std::map<std::string, Setter>& setters() {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t bytes_max = 100 * 1024 * 1024;
  using O = Options;
  static const std::map<std::string, Setter> table = {
      {"--server", set_servers},
      {"--topic", [](O& o, const std::string&, const std::string& value) { o.topic = value; }},
      {"--directory",
       [](O& o, const std::string&, const std::string& value) { o.directory = value; }},
      {"--group", [](O& o, const std::string&, const std::string& value) { o.group = value; }},
      {"--protocol", set_protocol},
      {"--topic-config", set_topic_config},
      {"--codec", set_codec},
      {"--partitions", whole(&O::partitions, 1, 1'000'000)},
      {"--connections", whole(&O::connections, 1, 100'000)},
      {"--in-flight", whole(&O::in_flight, 1, 1'000'000)},
      {"--record-bytes", whole(&O::record_bytes, 8, bytes_max)},
      {"--records", whole(&O::records, 1, 1'000'000)},
      {"--acks", whole(&O::acks, -1, 1)},
      {"--count", whole(&O::count, 0, most)},
      {"--groups", whole(&O::groups, 1, 1'000'000)},
      {"--transaction-ms", whole(&O::transaction_ms, 1, 3'600'000)},
      {"--transaction-version", whole(&O::transaction_version, 1, 2)},
      {"--members", whole(&O::members, 1, 100'000)},
      {"--rounds", whole(&O::rounds, 1, 1000)},
      {"--consumers", whole(&O::consumers, 0, 10'000)},
      {"--max-bytes", whole(&O::max_bytes, 1, std::numeric_limits<std::int32_t>::max())},
      {"--partition-max-bytes",
       whole(&O::partition_max_bytes, 1, std::numeric_limits<std::int32_t>::max())},
      {"--since-ns", whole(&O::since_ns, 0, most)},
      {"--cpu-of", whole(&O::cpu_of, 1, std::numeric_limits<std::int32_t>::max())},
      {"--seconds", real(&O::seconds)},
      {"--warmup", real(&O::warmup_s)},
      {"--interval", real(&O::interval_s)},
      {"--rate", real(&O::rate)},
      {"--timeout", real(&O::timeout_s)},
  };
  return table;
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
  static const std::map<std::string, std::pair<bool Options::*, bool>> switches = {
      {"--no-create", {&Options::create, false}},
      {"--no-session", {&Options::session, false}},
      {"--check", {&Options::check, true}},
      {"--real-members", {&Options::real_members, true}},
      {"--emptied", {&Options::emptied, true}},
      {"--idempotent", {&Options::idempotent, true}},
      {"--read-committed", {&Options::committed_only, true}},
  };
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (const auto found = switches.find(name); found != switches.end()) {
      options.*found->second.first = found->second.second;
      continue;
    }
    const auto found = setters().find(name);
    if (found == setters().end()) throw std::invalid_argument(name + ": no such option");
    if (++i == arguments.size()) throw std::invalid_argument(name + ": a value is missing");
    found->second(options, name, arguments[i]);
  }
  if (options.acks == 0) throw std::invalid_argument("--acks 0: nothing would be answered");
  return options;
}

}  // namespace moldau::mbench
