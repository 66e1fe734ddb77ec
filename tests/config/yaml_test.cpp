#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "moldau/metadata/option_table.hpp"
#include "src/config/loader.hpp"
#include "written_file.hpp"

namespace moldau::config {
namespace {

using Problems = std::vector<std::string>;

Problems problems_of(std::string_view contents) {
  const WrittenFile file(contents);
  return short_problems(load_yaml(file), file);
}

TEST(Yaml, ReadsEverySection) {
  const WrittenFile file(R"(version: 1
node: {id: 7, rack: r1, loops: 3}
listeners:
  - {name: PLAINTEXT, address: "0.0.0.0:9093", advertised: "broker.example:19093",
     tcp_congestion_control: reno}
  - {name: LOCAL, address: "[::1]:9094", advertised: auto}
storage: {data_dir: /srv/m, lane_file_bytes: 2MiB, tail_bytes_max: 4194304, free_bytes_min: 3GiB,
          scrub_interval_ms: 5000}
offsets: {retention.policy: kafka}
http: {enabled: false, address: "127.0.0.1:1"}
log: {level: debug, format: json}
limits: {connections_max: 5, connections_per_ip_max: 4, request_memory_bytes: 1GiB}
kafka: {num.partitions: 3}
)");
  const auto [config, problems] = load_yaml(file);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.node_id, BrokerId{7});
  EXPECT_EQ(config.rack, "r1");
  EXPECT_EQ(config.loops, 3);
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.listeners[0].bind, (Address{"0.0.0.0", 9093}));
  EXPECT_EQ(config.listeners[0].advertised, (Address{"broker.example", 19093}));
  EXPECT_EQ(config.listeners[0].tcp_congestion_control, "reno");
  EXPECT_EQ(config.listeners[1].name, "LOCAL");
  EXPECT_EQ(config.listeners[1].bind, (Address{"::1", 9094}));
  EXPECT_EQ(config.listeners[1].advertised, std::nullopt);
  EXPECT_EQ(config.listeners[1].tcp_congestion_control, "");
  EXPECT_EQ(config.data_dir, "/srv/m");
  EXPECT_EQ(config.lane_file_bytes, 2U << 20);
  EXPECT_EQ(config.tail_bytes_max, 4U << 20);
  EXPECT_EQ(config.free_bytes_min, 3ULL << 30);
  EXPECT_EQ(config.scrub_interval_ms, 5000);
  EXPECT_EQ(config.offsets_retention_policy, "kafka");
  EXPECT_FALSE(config.http_enabled);
  EXPECT_EQ(config.http, (Address{"127.0.0.1", 1}));
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.log_format, "json");
  EXPECT_EQ(config.limits.connections_max, 5U);
  EXPECT_EQ(config.limits.connections_per_ip_max, 4U);
  EXPECT_EQ(config.limits.request_memory_bytes, 1ULL << 30);
  EXPECT_EQ(config.kafka.at("num.partitions"), "3");
}

TEST(Yaml, AnEmptyFileIsTheDefaults) {
  const WrittenFile file("");
  const auto [config, problems] = load_yaml(file);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.listeners.at(0).bind, (Address{"127.0.0.1", 9092}));
  EXPECT_TRUE(config.sync);
}

TEST(Yaml, NamesAnUnknownKeyWithItsPlaceAndWhatWasMeant) {
  EXPECT_EQ(problems_of("node:\n  idd: 1\n"),
            (Problems{"moldau.yaml:2:3: error: unknown key 'idd' in 'node'; did you mean 'id'?"}));
  EXPECT_EQ(problems_of("lsiteners: []\n"),
            (Problems{"moldau.yaml:1:1: error: unknown key 'lsiteners' in the file; did you mean "
                      "'listeners'?"}));
  EXPECT_EQ(problems_of("listeners:\n  - adress: localhost:1\n"),
            (Problems{"moldau.yaml:2:5: error: unknown key 'adress' in a listener; did you mean "
                      "'address'?"}));
  EXPECT_EQ(problems_of("kafka:\n  num.partitons: 3\n"),
            (Problems{"moldau.yaml:2:3: error: unknown option 'num.partitons'; did you mean "
                      "'num.partitions'?"}));
}

TEST(Yaml, GuessesNothingFarFetched) {
  EXPECT_EQ(problems_of("blancmange: 1\n"),
            (Problems{"moldau.yaml:1:1: error: unknown key 'blancmange' in the file"}));
}

TEST(Yaml, RefusesAKeyGivenTwice) {
  EXPECT_EQ(problems_of("node:\n  id: 1\n  id: 2\n"),
            (Problems{"moldau.yaml:3:3: error: 'id' stands twice in 'node'"}));
  EXPECT_EQ(problems_of("node: {id: 1}\nnode: {id: 2}\n"),
            (Problems{"moldau.yaml:2:1: error: 'node' stands twice in the file"}));
}

TEST(Yaml, ReadsALeadingZeroAsDecimal) {
  const WrittenFile file("node:\n  id: 010\nkafka:\n  num.partitions: 010\n");
  const auto [config, problems] = load_yaml(file);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.node_id, BrokerId{10});  // YAML 1.1 reads eight
  EXPECT_EQ(config.kafka.at("num.partitions"), "10");
}

TEST(Yaml, TakesNoWordForATruthValue) {
  EXPECT_EQ(problems_of("http:\n  enabled: on\n"),
            (Problems{"moldau.yaml:2:12: error: 'http.enabled' is 'on', but takes true or false"}));
}

TEST(Yaml, RefusesWhatIsOutOfRange) {
  EXPECT_EQ(problems_of("storage:\n  lane_file_bytes: 10KiB\n").size(), 1U);
  EXPECT_EQ(problems_of("node:\n  id: -1\n").size(), 1U);
  EXPECT_EQ(problems_of("node:\n  loops: 1000\n").size(), 1U);
  EXPECT_EQ(problems_of("kafka:\n  num.partitions: 0\n").size(), 1U);
  EXPECT_EQ(problems_of("kafka:\n  num.partitions: many\n").size(), 1U);
}

TEST(Yaml, TakesTheIntervalOfScrubbingInMilliseconds) {
  EXPECT_EQ(problems_of("storage:\n  scrub_interval_ms: 1d\n"),
            (Problems{"moldau.yaml:2:22: error: 'storage.scrub_interval_ms' is '1d', but takes a number of "
                      "milliseconds, or 0 (never)"}));
  EXPECT_EQ(problems_of("storage:\n  scrub_interval_ms: 0\n"), Problems{});
}

TEST(Yaml, RefusesToFillTheDiskToItsEnd) {
  EXPECT_EQ(problems_of("storage:\n  free_bytes_min: 0\n"),
            (Problems{"moldau.yaml:2:19: error: 'storage.free_bytes_min' is '0', but takes auto, or a "
                      "size such as 64MiB (1MiB at least)"}));
  EXPECT_EQ(problems_of("storage:\n  free_bytes_min: 5%\n").size(), 1U);
  EXPECT_EQ(problems_of("storage:\n  free_bytes_min: auto\n"), Problems{});
}

TEST(Yaml, RefusesAnAddressThatNoClientCouldUse) {
  EXPECT_EQ(problems_of("listeners:\n  - advertised: 0.0.0.0:9092\n").size(), 1U);
  EXPECT_EQ(problems_of("listeners:\n  - advertised: :9092\n").size(), 1U);
}

TEST(Yaml, RefusesACongestionControlThatTheKernelDoesNotHave) {
  const auto problems = problems_of("listeners:\n  - tcp_congestion_control: cubik\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_TRUE(problems[0].starts_with("moldau.yaml:2:29: error: 'tcp_congestion_control': the "
                                      "kernel has no congestion control 'cubik', only "))
      << problems[0];
  EXPECT_NE(problems[0].find("/proc/sys/net/ipv4/tcp_available_congestion_control"),
            std::string::npos)
      << problems[0];
}

TEST(Yaml, RefusesAnotherPolicyOfRetention) {
  EXPECT_EQ(problems_of("offsets:\n  retention.policy: forever\n"),
            (Problems{"moldau.yaml:2:21: error: 'offsets.retention.policy' is 'forever', but takes "
                      "keep or kafka"}));
  EXPECT_EQ(problems_of("offsets:\n  retention.polcy: keep\n"),
            (Problems{"moldau.yaml:2:3: error: unknown key 'retention.polcy' in 'offsets'; did you "
                      "mean 'retention.policy'?"}));
}

TEST(Yaml, RefusesBoundsOfGroupsThatContradictEachOther) {
  EXPECT_EQ(problems_of("kafka:\n  group.consumer.max.session.timeout.ms: 44000\n"),
            (Problems{"moldau.yaml:2:3: error: 'group.consumer.max.session.timeout.ms' is 44000, but "
                      "must be greater than or equal to group.consumer.min.session.timeout.ms"}));
  EXPECT_EQ(problems_of("kafka:\n  group.consumer.heartbeat.interval.ms: 1\n"),
            (Problems{"moldau.yaml:2:3: error: 'group.consumer.heartbeat.interval.ms' is 1, but must "
                      "be greater than or equal to group.consumer.min.heartbeat.interval.ms"}));
}

TEST(Yaml, RefusesAnotherVersion) {
  EXPECT_EQ(problems_of("version: 2\n"),
            (Problems{"moldau.yaml:1:10: error: 'version' is 1 for this program"}));
}

TEST(Yaml, ReportsEveryErrorOfARun) {
  const auto problems = problems_of(
      "nodes: {}\n"
      "node:\n  id: x\n"
      "log:\n  level: loud\n  level: info\n"
      "kafka:\n  num.partitions: -3\n  no.such.option: 1\n");
  ASSERT_EQ(problems.size(), 6U);
  EXPECT_TRUE(problems[0].starts_with("moldau.yaml:1:1: ")) << problems[0];
  EXPECT_TRUE(problems[1].starts_with("moldau.yaml:3:7: ")) << problems[1];
  EXPECT_TRUE(problems[2].starts_with("moldau.yaml:5:10: ")) << problems[2];
  EXPECT_TRUE(problems[3].starts_with("moldau.yaml:6:3: ")) << problems[3];
  EXPECT_TRUE(problems[4].starts_with("moldau.yaml:8:3: ")) << problems[4];
  EXPECT_TRUE(problems[5].starts_with("moldau.yaml:9:3: ")) << problems[5];
}

TEST(Yaml, HintsAtTabs) {
  const auto problems = problems_of("node:\n\tid: 1\n");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("YAML does not indent by tabs"), std::string::npos) << problems[0];
  EXPECT_TRUE(problems[0].starts_with("moldau.yaml:2:")) << problems[0];
}

TEST(Yaml, SaysThatAFileIsMissing) {
  Sources sources;
  sources.file = "/nonexistent/moldau.yaml";
  const auto [config, problems] = load(sources);
  EXPECT_EQ(problems, (Problems{"/nonexistent/moldau.yaml: error: cannot be read; is the path "
                                "right?"}));
}

std::string shipped() {
  std::ifstream file(MOLDAU_SOURCE_DIR "/config/moldau.yaml");
  std::stringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

TEST(ShippedFile, LoadsAndIsTheDefaults) {
  const WrittenFile file(shipped());
  const auto [config, problems] = load_yaml(file);
  EXPECT_EQ(problems, Problems{});
  const Config standard;
  EXPECT_EQ(config.node_id, standard.node_id);
  EXPECT_EQ(config.loops, standard.loops);
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.listeners[0].bind, standard.listeners[0].bind);
  EXPECT_EQ(config.listeners[0].advertised, std::nullopt);
  EXPECT_EQ(config.listeners[0].tcp_congestion_control, "");
  EXPECT_EQ(config.data_dir, standard.data_dir);
  EXPECT_EQ(config.lane_file_bytes, standard.lane_file_bytes);
  EXPECT_EQ(config.tail_bytes_max, standard.tail_bytes_max);
  EXPECT_EQ(config.free_bytes_min, std::nullopt);
  EXPECT_EQ(config.scrub_interval_ms, standard.scrub_interval_ms);
  EXPECT_EQ(config.offsets_retention_policy, standard.offsets_retention_policy);
  EXPECT_EQ(config.http, standard.http);
  EXPECT_EQ(config.limits.connections_max, standard.limits.connections_max);
  EXPECT_EQ(config.limits.request_memory_bytes, standard.limits.request_memory_bytes);
  EXPECT_EQ(config.kafka, load({}).first.kafka);
}

TEST(ShippedFile, HasTheTablesDefaultForEveryOptionItNames) {
  const std::regex line(R"(^  # ([a-z][a-z0-9.]+):(?: ([^ #]*))?(?: .*)?$)");
  std::istringstream lines(shipped());
  std::string text;
  int options = 0;
  while (std::getline(lines, text)) {
    std::smatch match;
    if (!std::regex_match(text, match, line) || match[1].str().find('.') == std::string::npos)
      continue;
    const auto* option = metadata::find_broker_option(match[1].str());
    ASSERT_NE(option, nullptr) << text;
    EXPECT_EQ(option->default_value.value_or(""), match[2].str()) << text;
    EXPECT_TRUE(option->has_effect) << text;
    ++options;
  }
  EXPECT_GT(options, 40);
}

TEST(ShippedFile, NamesEveryOptionThatHasAnEffect) {
  // What the sections of Moldau's own say.
  const std::set<std::string_view> elsewhere = {
      "advertised.listeners", "broker.id", "broker.rack", "listener.security.protocol.map",
      "listeners", "log.dir", "log.dirs", "node.id", "process.roles"};
  const std::string text = shipped();
  for (const auto& option : metadata::broker_options()) {
    if (!option.has_effect || option.hidden || elsewhere.contains(option.name)) continue;
    EXPECT_NE(text.find("\n  # " + std::string(option.name) + ":"), std::string::npos)
        << option.name;
  }
}

TEST(ShippedFile, NamesEverySettingOfOurOwn) {
  const std::regex section(R"(^([a-z]+):.*$)");
  const std::regex key(R"(^  (?:# )?([a-z_.]+):.*$)");
  std::istringstream lines(shipped());
  std::set<std::string> named;
  std::string line, in;
  while (std::getline(lines, line)) {
    std::smatch match;
    if (std::regex_match(line, match, section)) in = match[1];
    if (std::regex_match(line, match, key)) named.insert(in + "." + match[1].str());
  }
  for (const auto path : Loader::own_paths())
    EXPECT_TRUE(named.contains(std::string(path))) << path;
}

}  // namespace
}  // namespace moldau::config
