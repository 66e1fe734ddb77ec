#include "moldau/config/config.hpp"

#include <gtest/gtest.h>

#include "written_file.hpp"

namespace moldau::config {
namespace {

using Problems = std::vector<std::string>;

TEST(Load, WithoutAnythingIsDurableAndOnLoopback) {
  const auto [config, problems] = load({});
  EXPECT_EQ(problems, Problems{});
  EXPECT_TRUE(config.sync);
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.listeners[0].bind, (Address{"127.0.0.1", 9092}));
  EXPECT_EQ(config.http, (Address{"127.0.0.1", 9644}));
}

TEST(Load, TheLaterSourceWins) {
  const WrittenFile file(
      "node: {id: 1, loops: 1}\nkafka: {num.partitions: 1}\nlog: {level: warn}\n");
  Sources sources;
  sources.file = file.path();
  sources.environment = {{"MOLDAU_NODE__ID", "2"}, {"MOLDAU_KAFKA__NUM_PARTITIONS", "2"}};
  sources.set = {"num.partitions=3"};
  const auto [config, problems] = load(sources);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.loops, 1);
  EXPECT_EQ(config.log_level, "warn");
  EXPECT_EQ(config.node_id, BrokerId{2});
  EXPECT_EQ(config.kafka.at("num.partitions"), "3");
}

TEST(Load, TheLaterSourceWinsUnderEitherName) {
  const WrittenFile file("broker.id=1\nlog.dirs=/one\nbroker.rack=a\n", "server.properties");
  Sources sources;
  sources.properties = file.path();
  sources.set = {"node.id=2", "storage.data_dir=/two", "node.rack=b"};
  const auto [config, problems] = load(sources);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.node_id, BrokerId{2});
  EXPECT_EQ(config.data_dir, "/two");
  EXPECT_EQ(config.rack, "b");
}

TEST(Load, StatesByKafkasNamesWhatThisNodeHas) {
  Sources sources;
  sources.listen = "[::1]:2";
  sources.data_dir = "/three";
  sources.set = {"broker.id=7", "node.rack=r", "advertised.listeners=PLAINTEXT://gone:1"};
  const auto [config, problems] = load(sources);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.node_id, BrokerId{7});
  EXPECT_EQ(config.kafka, (metadata::ConfigMap{{"broker.id", "7"},
                                               {"broker.rack", "r"},
                                               {"listeners", "PLAINTEXT://[::1]:2"},
                                               {"log.dirs", "/three"},
                                               {"node.id", "7"}}));
  const WrittenFile file(
      "node.id=3\nlog.dir=/one\nlisteners=PLAINTEXT://:1,CONTROLLER://:2\n"
      "controller.listener.names=CONTROLLER\n",
      "server.properties");
  Sources kafkas;
  kafkas.properties = file.path();
  const auto given = load(kafkas).first.kafka;
  EXPECT_EQ(given.at("broker.id"), "3");
  EXPECT_EQ(given.at("listeners"), "PLAINTEXT://:1,CONTROLLER://:2");
  EXPECT_FALSE(given.contains("log.dirs"));
}

TEST(Load, ReadsTheEnvironment) {
  Sources sources;
  sources.environment = {{"MOLDAU_LOG__LEVEL", "debug"},
                         {"MOLDAU_KAFKA__LOG_RETENTION_HOURS", "1"},
                         {"MOLDAU_HOME", "/not/a/setting"},
                         {"HOME", "/root"}};
  const auto [config, problems] = load(sources);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.kafka.at("log.retention.hours"), "1");
}

TEST(Load, NamesTheVariableThatIsWrong) {
  Sources sources;
  sources.environment = {{"MOLDAU_NODE__IDD", "1"}, {"MOLDAU_LOG__LEVEL", "loud"}};
  const auto problems = load(sources).second;
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0], "environment MOLDAU_NODE__IDD: error: no setting 'node.idd'");
  EXPECT_TRUE(problems[1].starts_with("environment MOLDAU_LOG__LEVEL: error: ")) << problems[1];
}

TEST(Load, SetTakesBothKindsOfNames) {
  Sources sources;
  sources.set = {"limits.connections_max=7", "kafka.num.partitions=2", "message.max.bytes=2000"};
  const auto [config, problems] = load(sources);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.limits.connections_max, 7U);
  EXPECT_EQ(config.kafka.at("num.partitions"), "2");
  EXPECT_EQ(config.kafka.at("message.max.bytes"), "2000");
}

TEST(Load, TakesTheRetentionPolicyWhereItIsLookedFor) {
  const auto policy_of = [](const Sources& sources) {
    const auto [config, problems] = load(sources);
    EXPECT_EQ(problems, Problems{});
    EXPECT_FALSE(config.kafka.contains("offsets.retention.policy"));
    return config.offsets_retention_policy;
  };
  EXPECT_EQ(policy_of({}), "keep");
  Sources set;
  set.set = {"offsets.retention.policy=kafka"};
  EXPECT_EQ(policy_of(set), "kafka");
  Sources environment;
  environment.environment = {{"MOLDAU_OFFSETS__RETENTION_POLICY", "kafka"}};
  EXPECT_EQ(policy_of(environment), "kafka");
  const WrittenFile file("offsets.retention.policy=kafka\n", "server.properties");
  Sources properties;
  properties.properties = file.path();
  EXPECT_EQ(policy_of(properties), "kafka");
}

TEST(Load, SetRefusesWhatIsNoAssignment) {
  Sources sources;
  sources.set = {"num.partitions", "no.such.thing=1"};
  const auto problems = load(sources).second;
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0], "--set num.partitions: error: is not NAME=VALUE");
  EXPECT_EQ(problems[1], "--set no.such.thing: error: unknown option 'no.such.thing'");
}

TEST(Load, FlagsGoBeforeEverything) {
  const WrittenFile file("storage: {data_dir: /one}\nlisteners: [{address: \"1.2.3.4:1\"}]\n");
  Sources sources;
  sources.file = file.path();
  sources.set = {"log.dirs=/two"};
  sources.data_dir = "/three";
  sources.listen = "127.0.0.1:2";
  sources.unsafe_no_fsync = true;
  const auto [config, problems] = load(sources);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.data_dir, "/three");
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.listeners[0].bind, (Address{"127.0.0.1", 2}));
  EXPECT_FALSE(config.sync);
}

TEST(Load, ReportsTheErrorsOfAllSources) {
  const WrittenFile file("node: {id: x}\n");
  Sources sources;
  sources.file = file.path();
  sources.environment = {{"MOLDAU_LOG__FORMAT", "xml"}};
  sources.set = {"num.partitions=0"};
  sources.listen = "9092";
  EXPECT_EQ(load(sources).second.size(), 4U);
}

}  // namespace
}  // namespace moldau::config
