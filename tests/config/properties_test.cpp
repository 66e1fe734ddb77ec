#include <gtest/gtest.h>

#include "written_file.hpp"

namespace moldau::config {
namespace {

using Problems = std::vector<std::string>;

Loaded load_properties(const WrittenFile& file) {
  Sources sources;
  sources.properties = file.path();
  return load(sources);
}

TEST(Properties, KafkasOwnFileStartsABroker) {
  const WrittenFile file(R"(# Licensed to nobody
process.roles=broker,controller
node.id=4
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:19092,CONTROLLER://:19093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:19092,CONTROLLER://localhost:19093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL
num.network.threads=3
log.dirs=/tmp/kraft-combined-logs
num.partitions=2
log.retention.hours=168
)",
                         "server.properties");
  const auto [config, problems] = load_properties(file);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.node_id, BrokerId{4});
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.listeners[0].name, "PLAINTEXT");
  EXPECT_EQ(config.listeners[0].bind, (Address{"", 19092}));
  EXPECT_EQ(config.listeners[0].advertised, (Address{"localhost", 19092}));
  EXPECT_EQ(config.data_dir, "/tmp/kraft-combined-logs");
  EXPECT_EQ(config.kafka.at("num.partitions"), "2");
}

TEST(Properties, ListsWhatHasNoEffect) {
  const WrittenFile file(
      "num.network.threads=3\nlisteners=PLAINTEXT://:1,CONTROLLER://:2\n"
      "controller.listener.names=CONTROLLER\n",
      "server.properties");
  const auto [config, problems] = load_properties(file);
  EXPECT_EQ(problems, Problems{});
  const auto names = [&](std::string_view start) {
    return std::any_of(config.no_effect.begin(), config.no_effect.end(),
                       [&](const auto& name) { return name.starts_with(start); });
  };
  EXPECT_TRUE(names("num.network.threads"));
  EXPECT_TRUE(names("listener CONTROLLER"));
}

TEST(Properties, JoinsContinuedLines) {
  const WrittenFile file(
      "listeners=PLAINTEXT://:1,\\\n"
      "    OTHER://:2\n"
      "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,OTHER:\\\n"
      "PLAINTEXT\n"
      "num.partitions=x\n",
      "server.properties");
  const auto loaded = load_properties(file);
  ASSERT_EQ(loaded.first.listeners.size(), 2U);
  EXPECT_EQ(loaded.first.listeners[1].bind, (Address{"", 2}));
  const auto problems = short_problems(loaded, file);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_TRUE(problems[0].starts_with("server.properties:5: error: ")) << problems[0];
}

TEST(Properties, ReadsTheSyntaxOfJava) {
  const WrittenFile file(
      "! a comment\n"
      "  num.partitions : 5  \n"
      "\n"
      "default.replication.factor 1\r\n"
      "broker.rack=a\\=b\\\\\n",
      "server.properties");
  const auto [config, problems] = load_properties(file);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.kafka.at("num.partitions"), "5");
  EXPECT_EQ(config.kafka.at("default.replication.factor"), "1");
  EXPECT_EQ(config.rack, "a=b\\");
}

TEST(Properties, NamesAnUnknownOptionWithItsLine) {
  const WrittenFile file("\nnum.partitons=1\n", "server.properties");
  EXPECT_EQ(short_problems(load_properties(file), file),
            (Problems{"server.properties:2: error: unknown option 'num.partitons'; did you mean "
                      "'num.partitions'?"}));
}

TEST(Properties, RefusesAListenerThatIsNotServed) {
  const WrittenFile file("listeners=SSL://:9093\n", "server.properties");
  const auto loaded = load_properties(file);
  ASSERT_EQ(loaded.second.size(), 1U);
  EXPECT_NE(loaded.second[0].find("only PLAINTEXT is served"), std::string::npos);
}

TEST(Properties, AdvertisesTheDefaultListener) {
  const WrittenFile file("advertised.listeners=PLAINTEXT://broker.example:9092\n",
                         "server.properties");
  const auto [config, problems] = load_properties(file);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(config.listeners.at(0).bind, (Address{"127.0.0.1", 9092}));
  EXPECT_EQ(config.listeners.at(0).advertised, (Address{"broker.example", 9092}));
}

TEST(Properties, RefusesToBeAControllerAlone) {
  const WrittenFile file("process.roles=controller\n", "server.properties");
  const auto loaded = load_properties(file);
  EXPECT_EQ(short_problems(loaded, file),
            (Problems{"server.properties:1: error: 'process.roles' has no 'broker' in it; a "
                      "controller alone is Apache Kafka's"}));
}

TEST(Properties, RefusesSeveralDirectories) {
  const WrittenFile file("log.dirs=/a,/b\n", "server.properties");
  EXPECT_EQ(load_properties(file).second.size(), 1U);
}

}  // namespace
}  // namespace moldau::config
