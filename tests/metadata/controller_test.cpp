#include "moldau/metadata/controller.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "moldau/metadata/image_builder.hpp"
#include "moldau/metadata/topic_config.hpp"

namespace moldau::metadata {
namespace {

/// A node of one broker whose decisions are applied at once.
class Node {
 public:
  explicit Node(ConfigMap settings = {});

  template <class Method, class Request>
  auto run(Method method, const Request& request) {
    Controller controller(
        {*image_, config_, random_, "cluster", BrokerId{1}, Offset{image_->offset().value() + 1}});
    auto decision = (controller.*method)(request);
    return finish(std::move(decision));
  }
  void begin_term() {
    Controller controller({*image_, config_, random_, "cluster", BrokerId{1}, Offset{0}});
    apply(controller.begin_term(BrokerId{1}));
  }
  void apply(const std::vector<MetadataRecord>& records) {
    ImageBuilder builder(image_);
    for (const auto& record : records) {
      // What the log would hold is what is applied.
      const auto decoded = decode_record(base::SharedBytes::copy_of(encode_record(record)));
      ASSERT_TRUE(decoded) << to_string(decoded.error());
      EXPECT_EQ(decoded->record, record);
      const auto status = builder.apply(record);
      ASSERT_TRUE(status) << to_string(status.error());
    }
    written_ += records.size();
    image_ = builder.build(image_->offset() + static_cast<std::int64_t>(records.size()), 1).image;
  }

  std::string create(CreateTopicsRequest::Topic topic, bool validate_only = false);
  std::string alter(ConfigResourceType type, std::string name, AlterConfigsRequest::Change change);
  static std::string text(const ItemError& error) {
    return error ? std::string(base::name(error->code)) + ": " + error->message : "ok";
  }

  [[nodiscard]] const MetadataImage& image() const { return *image_; }
  [[nodiscard]] BrokerEpoch epoch() const { return epoch_; }
  [[nodiscard]] std::size_t written() const { return written_; }

 private:
  template <class R>
  R finish(Decision<R> decision) {
    apply(decision.records);
    return std::move(decision.result);
  }
  template <class R>
  base::Result<R> finish(base::Result<Decision<R>> decision) {
    if (!decision) return decision.error();
    apply(decision->records);
    return std::move(decision->result);
  }

  base::SeededRandom random_{1};
  BrokerConfig config_;
  std::shared_ptr<const MetadataImage> image_ = MetadataImage::empty();
  BrokerEpoch epoch_{};
  std::size_t written_ = 0;
};

std::string Node::create(CreateTopicsRequest::Topic topic, bool validate_only) {
  const auto result = run(&Controller::create_topics, CreateTopicsRequest{{topic}, validate_only});
  return text(result.topics.at(0).error);
}
std::string Node::alter(ConfigResourceType type, std::string name,
                        AlterConfigsRequest::Change change) {
  const auto result =
      run(&Controller::alter_configs, AlterConfigsRequest{{{{type, name}, {change}}}});
  return text(result.resources.at(0).error);
}
Node::Node(ConfigMap settings) : config_(std::move(settings)) {
  RegisterBrokerRequest request;
  request.id = BrokerId{1};
  request.cluster_id = "cluster";
  request.endpoints = {{"PLAINTEXT", "localhost", 9092, 0}};
  request.log_dirs = {base::Uuid::random(random_)};
  epoch_ = run(&Controller::register_broker, request).value().epoch;
  BrokerHeartbeatRequest beat;
  beat.id = BrokerId{1};
  beat.epoch = epoch_;
  beat.metadata_offset = image_->offset();
  EXPECT_FALSE(run(&Controller::broker_heartbeat, beat).value().is_fenced);
}

CreateTopicsRequest::Topic topic(std::string name, std::int32_t partitions = 1,
                                 std::int16_t replication = 1) {
  CreateTopicsRequest::Topic t;
  t.name = std::move(name);
  t.num_partitions = partitions;
  t.replication_factor = replication;
  return t;
}

CreateTopicsRequest::Topic assigned(std::vector<std::pair<int, std::vector<int>>> assignments) {
  CreateTopicsRequest::Topic t = topic("man", -1, -1);
  for (const auto& [index, replicas] : assignments) {
    t.assignments.push_back({PartitionIndex{index}, {}});
    for (const int id : replicas) t.assignments.back().replicas.emplace_back(id);
  }
  return t;
}

TEST(Controller, MakesATopicWithItsLeader) {
  Node node;
  ASSERT_EQ(node.create(topic("a", 3)), "ok");
  const TopicImage* made = node.image().find_topic("a");
  ASSERT_NE(made, nullptr);
  ASSERT_EQ(made->partitions.size(), 3u);
  EXPECT_EQ(made->partitions[2].leader, BrokerId{1});
  EXPECT_EQ(made->partitions[2].isr, std::vector{BrokerId{1}});
  EXPECT_EQ(made->partitions[2].leader_epoch, LeaderEpoch{0});
  EXPECT_EQ(made->partitions[2].directories.size(), 1u);
}

TEST(Controller, TakesCountsFromTheBrokersConfiguration) {
  Node node(ConfigMap{{"num.partitions", "4"}});
  ASSERT_EQ(node.create(topic("a", -1, -1)), "ok");
  EXPECT_EQ(node.image().find_topic("a")->partitions.size(), 4u);
}

TEST(Controller, ChangesNothingWhenOnlyAskedToValidate) {
  Node node;
  const std::size_t before = node.written();
  EXPECT_EQ(node.create(topic("a"), true), "ok");
  EXPECT_EQ(node.written(), before);
  EXPECT_EQ(node.image().find_topic("a"), nullptr);
}

// The answers of Apache Kafka 4.3.1 to the same requests.
TEST(Controller, RefusesTopicsInKafkasWords) {
  Node node;
  ASSERT_EQ(node.create(topic("a")), "ok");
  ASSERT_EQ(node.create(topic("col.x")), "ok");
  EXPECT_EQ(node.create(topic("a")), "topic_already_exists: Topic 'a' already exists.");
  EXPECT_EQ(node.create(topic("col_x")),
            "invalid_topic: Topic 'col_x' collides with existing topic: col.x");
  EXPECT_EQ(node.create(topic(".")), "invalid_topic: Topic name is invalid: '.' is not allowed");
  EXPECT_EQ(node.create(topic("a b")),
            "invalid_topic: Topic name is invalid: 'a b' contains one or more characters other "
            "than ASCII alphanumerics, '.', '_' and '-'");
  EXPECT_EQ(node.create(topic(std::string(250, 'x'))),
            "invalid_topic: Topic name is invalid: the length of '" + std::string(250, 'x') +
                "' is longer than the max allowed length 249");
  EXPECT_EQ(node.create(topic(std::string(249, 'x'))), "ok");
  EXPECT_EQ(node.create(topic("__cluster_metadata")),
            "invalid_request: Creation of internal topic __cluster_metadata is prohibited.");
  EXPECT_EQ(node.create(topic("z", 0)),
            "invalid_partitions: Number of partitions was set to an invalid non-positive value.");
  EXPECT_EQ(node.create(topic("z", 1, 0)),
            "invalid_replication_factor: Replication factor must be larger than 0, or -1 to use "
            "the default value.");
  EXPECT_EQ(node.create(topic("z", 1, 3)),
            "invalid_replication_factor: Unable to replicate the partition 3 time(s): The target "
            "replication factor of 3 cannot be reached because only 1 broker(s) are registered or "
            "some brokers have all their log directories cordoned.");
  EXPECT_EQ(node.create(topic("z", 2'000'000)),
            "policy_violation: Excessively large number of partitions per request.");
  CreateTopicsRequest::Topic null_value = topic("z");
  null_value.configs = {{"retention.ms", std::nullopt}};
  EXPECT_EQ(node.create(null_value),
            "invalid_config: Null value not supported for topic configs: retention.ms");
  CreateTopicsRequest::Topic lag = topic("z");
  lag.configs = {{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}};
  EXPECT_EQ(node.create(lag),
            "invalid_config: conflict topic config setting min.compaction.lag.ms (10) > "
            "max.compaction.lag.ms (5)");
}

TEST(Controller, ChecksManualAssignments) {
  Node node;
  const std::string prefix = "invalid_replica_assignment: ";
  EXPECT_EQ(node.create(assigned({{0, {1}}, {2, {1}}})),
            prefix + "partitions should be a consecutive 0-based integer sequence");
  EXPECT_EQ(node.create(assigned({{0, {7}}})),
            prefix +
                "The manual partition assignment includes broker 7, but no such broker is "
                "registered.");
  EXPECT_EQ(node.create(assigned({{0, {1, 1}}})),
            prefix + "The manual partition assignment includes the broker 1 more than once.");
  EXPECT_EQ(node.create(assigned({{0, {}}})),
            prefix + "The manual partition assignment includes an empty replica list.");
  CreateTopicsRequest::Topic counted = assigned({{0, {1}}});
  counted.num_partitions = 1;
  EXPECT_EQ(node.create(counted),
            "invalid_request: A manual partition assignment was specified, but numPartitions was "
            "not set to -1.");
  EXPECT_EQ(node.create(assigned({{1, {1}}, {0, {1}}})), "ok");
  EXPECT_EQ(node.image().find_topic("man")->partitions.size(), 2u);
}

TEST(Controller, AnswersANameThatWasAskedForTwiceOnce) {
  Node node;
  const auto result = node.run(&Controller::create_topics,
                               CreateTopicsRequest{{topic("a"), topic("b"), topic("a")}, false});
  ASSERT_EQ(result.topics.size(), 2u);
  EXPECT_EQ(Node::text(result.topics[0].error), "invalid_request: Duplicate topic name.");
  EXPECT_EQ(Node::text(result.topics[1].error), "ok");
  EXPECT_EQ(node.image().topic_count(), 1u);
}

TEST(Controller, DeletesByNameAndByIdWithANewIdAfterwards) {
  Node node;
  ASSERT_EQ(node.create(topic("a")), "ok");
  const TopicId first = node.image().find_topic("a")->id;
  const auto remove = [&](DeleteTopicsRequest::Topic which) {
    const auto result = node.run(&Controller::delete_topics, DeleteTopicsRequest{{which}});
    return Node::text(result.topics.at(0).error);
  };
  EXPECT_EQ(remove({"nope", {}}), "unknown_topic: This server does not host this topic-partition.");
  EXPECT_EQ(remove({"a", {}}), "ok");
  EXPECT_EQ(remove({"", first}), "unknown_topic_id: This server does not host this topic ID.");
  ASSERT_EQ(node.create(topic("a")), "ok");
  const TopicId second = node.image().find_topic("a")->id;
  EXPECT_NE(first, second);
  EXPECT_EQ(remove({"", second}), "ok");
  EXPECT_EQ(node.image().topic_count(), 0u);
}

TEST(Controller, RefusesDeletionWhereItIsSwitchedOff) {
  Node node(ConfigMap{{"delete.topic.enable", "false"}});
  ASSERT_EQ(node.create(topic("a")), "ok");
  const auto result = node.run(&Controller::delete_topics, DeleteTopicsRequest{{{"a", {}}}});
  EXPECT_EQ(Node::text(result.topics.at(0).error),
            "topic_deletion_disabled: Topic deletion is disabled.");
}

TEST(Controller, AddsPartitions) {
  Node node;
  ASSERT_EQ(node.create(topic("a", 5)), "ok");
  const auto add = [&](std::int32_t count,
                       std::optional<std::vector<std::vector<BrokerId>>> assignments = {}) {
    const auto result = node.run(&Controller::create_partitions,
                                 CreatePartitionsRequest{{{"a", count, assignments}}, false});
    return Node::text(result.topics.at(0).error);
  };
  EXPECT_EQ(add(5), "invalid_partitions: Topic already has 5 partition(s).");
  EXPECT_EQ(add(2),
            "invalid_partitions: The topic a currently has 5 partition(s); 2 would not be an "
            "increase.");
  EXPECT_EQ(add(8, {{{BrokerId{1}}}}),
            "invalid_replica_assignment: Attempted to add 3 additional partition(s), but only 1 "
            "assignment(s) were specified.");
  EXPECT_EQ(add(6), "ok");
  EXPECT_EQ(add(7, {{{BrokerId{1}}}}), "ok");
  EXPECT_EQ(node.image().find_topic("a")->partitions.size(), 7u);
}

TEST(Controller, AltersTopicsAsKafkaDoes) {
  Node node;
  ASSERT_EQ(node.create(topic("a")), "ok");
  using enum AlterOperation;
  const auto alter = [&](std::string name, AlterOperation op, std::optional<std::string> value) {
    return node.alter(ConfigResourceType::topic, "a", {std::move(name), op, std::move(value)});
  };
  const auto value = [&](std::string_view name) -> std::string {
    const ConfigMap* map = node.image().find_configs(ConfigResourceType::topic, "a");
    if (map == nullptr || !map->contains(name)) return "unset";
    return map->find(name)->second;
  };
  EXPECT_EQ(alter("retention.ms", set, "5000"), "ok");
  EXPECT_EQ(value("retention.ms"), "5000");
  EXPECT_EQ(alter("retention.ms", append, "1"),
            "invalid_config: Can't APPEND to key retention.ms because its type is not LIST.");
  EXPECT_EQ(alter("retention.ms", set, std::nullopt),
            "invalid_request: Null value not supported for : retention.ms");
  EXPECT_EQ(alter("nope", set, "1"), "invalid_config: Unknown topic config name: nope");
  EXPECT_EQ(alter("nope", remove, std::nullopt), "ok");
  EXPECT_EQ(alter("cleanup.policy", append, "compact"), "ok");
  EXPECT_EQ(value("cleanup.policy"), "delete,compact");
  const std::size_t before = node.written();
  EXPECT_EQ(alter("cleanup.policy", append, "compact"), "ok");
  EXPECT_EQ(node.written(), before);  // Nothing changed, nothing is written.
  EXPECT_EQ(alter("cleanup.policy", subtract, "delete"), "ok");
  EXPECT_EQ(value("cleanup.policy"), "compact");
  EXPECT_EQ(alter("cleanup.policy", subtract, "compact"), "ok");
  EXPECT_EQ(value("cleanup.policy"), "");
  EXPECT_EQ(alter("cleanup.policy", static_cast<AlterOperation>(7), "compact"),
            "invalid_request: Unknown operation 7 for key cleanup.policy");
  EXPECT_EQ(value("cleanup.policy"), "");
  EXPECT_EQ(alter("retention.ms", remove, std::nullopt), "ok");
  EXPECT_EQ(value("retention.ms"), "unset");
  EXPECT_EQ(node.alter(ConfigResourceType::topic, "nope", {"retention.ms", set, "1"}),
            "unknown_topic: The topic 'nope' does not exist.");
  EXPECT_EQ(node.alter(ConfigResourceType::topic, "", {"retention.ms", set, "1"}),
            "invalid_request: Default topic resources are not allowed.");
}

TEST(Controller, ReplacesAllValuesForTheAlterConfigsOfOld) {
  Node node;
  ASSERT_EQ(node.create(topic("a")), "ok");
  node.alter(ConfigResourceType::topic, "a", {"retention.ms", AlterOperation::set, "1"});
  AlterConfigsRequest request{
      {{{ConfigResourceType::topic, "a"}, {{"segment.ms", AlterOperation::set, "9"}}}}};
  request.replace_all = true;
  const auto result = node.run(&Controller::alter_configs, request);
  EXPECT_EQ(Node::text(result.resources.at(0).error), "ok");
  EXPECT_EQ(*node.image().find_configs(ConfigResourceType::topic, "a"),
            (ConfigMap{{"segment.ms", "9"}}));
}

TEST(Controller, AltersBrokersAsKafkaDoes) {
  Node node;
  const auto alter = [&](std::string broker, std::string name, std::string value) {
    return node.alter(ConfigResourceType::broker, std::move(broker),
                      {std::move(name), AlterOperation::set, std::move(value)});
  };
  EXPECT_EQ(alter("", "message.max.bytes", "2000000"), "ok");
  EXPECT_EQ(alter("1", "log.cleaner.threads", "2"), "ok");
  EXPECT_EQ(alter("1", "nope.nope", "1"), "ok");
  EXPECT_EQ(alter("1", "log.dirs", "/x"),
            "invalid_request: Cannot update these configs dynamically: [log.dirs]");
  EXPECT_EQ(alter("", "listeners", "PLAINTEXT://:1"),
            "invalid_request: Cannot update these configs at default cluster level, broker id must "
            "be specified: [listeners]");
  EXPECT_EQ(alter("1", "log.cleaner.threads", "x"),
            "invalid_request: Invalid value x for configuration log.cleaner.threads: Not a number "
            "of type INT");
  EXPECT_EQ(alter("7", "log.cleaner.threads", "2"),
            "invalid_request: Unexpected broker id, expected 1 or empty string, but received 7");
  EXPECT_EQ(alter("x", "log.cleaner.threads", "2"),
            "invalid_request: Broker id must be an integer, but it is: x");
  AlterConfigsRequest::Change change{"message.max.bytes", AlterOperation::set, "1"};
  const auto twice =
      node.run(&Controller::alter_configs,
               AlterConfigsRequest{{{{ConfigResourceType::broker, ""}, {change, change}}}});
  EXPECT_EQ(Node::text(twice.resources.at(0).error),
            "invalid_request: Error due to duplicate config keys");
}

// Apache Kafka 4.3.1's answers.
TEST(Controller, AltersGroupsAsKafkaDoes) {
  Node node;
  using enum AlterOperation;
  const auto alter = [&](std::string name, AlterOperation op, std::optional<std::string> value) {
    return node.alter(ConfigResourceType::group, "g", {std::move(name), op, std::move(value)});
  };
  EXPECT_EQ(alter("consumer.session.timeout.ms", set, " 50000"), "ok");
  EXPECT_EQ(*node.image().find_configs(ConfigResourceType::group, "g"),
            (ConfigMap{{"consumer.session.timeout.ms", "50000"}}));
  EXPECT_EQ(alter("consumer.session.timeout.ms", set, "44999"),
            "invalid_config: consumer.session.timeout.ms must be greater than or equal to "
            "group.consumer.min.session.timeout.ms");
  EXPECT_EQ(alter("consumer.session.timeout.ms", set, "60001"),
            "invalid_config: consumer.session.timeout.ms must be less than or equal to "
            "group.consumer.max.session.timeout.ms");
  EXPECT_EQ(alter("consumer.heartbeat.interval.ms", set, "0"),
            "invalid_config: Invalid value 0 for configuration consumer.heartbeat.interval.ms: "
            "Value must be at least 1");
  EXPECT_EQ(alter("streams.num.standby.replicas", set, "3"),
            "invalid_config: streams.num.standby.replicas must be less than or equal to "
            "group.streams.max.standby.replicas");
  EXPECT_EQ(alter("share.auto.offset.reset", set, "by_duration:PT1H"), "ok");
  EXPECT_EQ(alter("consumer.session.timeout.ms", set, std::nullopt),
            "invalid_request: Null value not supported for : consumer.session.timeout.ms");
  EXPECT_EQ(alter("consumer.session.timeout.ms", append, "1"),
            "invalid_config: Can't APPEND to key consumer.session.timeout.ms because its type is "
            "not LIST.");
  EXPECT_EQ(alter("nonsense", set, "1"), "invalid_config: Unknown group config name: nonsense");
  EXPECT_EQ(alter("nonsense", remove, std::nullopt), "ok");
  EXPECT_EQ(alter("share.auto.offset.reset", remove, std::nullopt), "ok");
  EXPECT_EQ(alter("consumer.session.timeout.ms", remove, std::nullopt), "ok");
  EXPECT_EQ(node.image().find_configs(ConfigResourceType::group, "g"), nullptr);
  EXPECT_EQ(
      node.alter(ConfigResourceType::group, "", {"consumer.session.timeout.ms", set, "50000"}),
      "invalid_request: Default group resources are not allowed.");
}

TEST(Controller, HoldsTheValuesOfAGroupAgainstEachOther) {
  Node node(ConfigMap{{"group.consumer.min.session.timeout.ms", "4000"},
                      {"group.consumer.session.timeout.ms", "12000"}});
  using enum AlterOperation;
  const auto alter = [&](std::vector<AlterConfigsRequest::Change> changes) {
    return Node::text(
        node.run(&Controller::alter_configs,
                 AlterConfigsRequest{{{{ConfigResourceType::group, "g"}, std::move(changes)}}})
            .resources.at(0)
            .error);
  };
  const std::string too_short =
      "invalid_config: consumer.session.timeout.ms must be greater than "
      "consumer.heartbeat.interval.ms";
  EXPECT_EQ(alter({{"consumer.heartbeat.interval.ms", set, "12000"}}), too_short);
  EXPECT_EQ(alter({{"consumer.heartbeat.interval.ms", set, "11999"}}), "ok");
  EXPECT_EQ(alter({{"consumer.session.timeout.ms", set, "11999"}}), too_short);
  // An unknown name, then the order of Kafka's own checks, whatever the order of the request.
  EXPECT_EQ(alter({{"consumer.session.timeout.ms", set, "1"}, {"nonsense", set, "1"}}),
            "invalid_config: Unknown group config name: nonsense");
  EXPECT_EQ(alter({{"consumer.session.timeout.ms", set, "1"},
                   {"consumer.heartbeat.interval.ms", set, "1"}}),
            "invalid_config: consumer.heartbeat.interval.ms must be greater than or equal to "
            "group.consumer.min.heartbeat.interval.ms");
}

TEST(Controller, AltersClientMetricsAsKafkaDoes) {
  Node node;
  const auto set = [&](std::string name, std::string value) {
    return node.alter(ConfigResourceType::client_metrics, "m",
                      {std::move(name), AlterOperation::set, std::move(value)});
  };
  EXPECT_EQ(set("interval.ms", "1000"), "ok");
  EXPECT_EQ(set("metrics", "*"), "ok");
  EXPECT_EQ(set("match", "client_id=x,client_source_port=1"), "ok");
  EXPECT_EQ(set("interval.ms", "99"),
            "invalid_request: Invalid value 99 for interval.ms, interval must be between 100 and "
            "3600000 (1 hour)");
  EXPECT_EQ(set("interval.ms", "x"),
            "invalid_config: Invalid value x for configuration interval.ms: Not a number of type "
            "INT");
  EXPECT_EQ(set("match", "foo=x"), "invalid_config: Illegal client matching pattern: foo=x");
  EXPECT_EQ(set("nonsense", "x"),
            "invalid_request: Unknown client metrics configuration: nonsense");
  EXPECT_EQ(
      node.alter(ConfigResourceType::client_metrics, "", {"metrics", AlterOperation::set, "d"}),
      "invalid_request: Subscription name can't be empty");
}

TEST(Controller, TakesDynamicBrokerValuesAsTopicDefaults) {
  Node node;
  ASSERT_EQ(node.create(topic("a")), "ok");
  node.alter(ConfigResourceType::broker, "", {"log.retention.ms", AlterOperation::set, "7"});
  EXPECT_EQ(TopicConfig::resolve(node.image(), BrokerConfig{}, BrokerId{1}, "a")->retention_ms, 7);
}

TEST(Controller, BeginsATermWithANewLeaderEpochForEveryPartition) {
  Node node;
  ASSERT_EQ(node.create(topic("a", 2)), "ok");
  node.begin_term();
  node.begin_term();
  for (const PartitionImage& partition : node.image().find_topic("a")->partitions) {
    EXPECT_EQ(partition.leader_epoch, LeaderEpoch{2});
    EXPECT_EQ(partition.leader, BrokerId{1});
  }
}

TEST(Controller, TakesBackWhatKafkaLeftWithoutALeader) {
  Node node;
  ASSERT_EQ(node.create(topic("a")), "ok");
  PartitionChangeRecord stopped;
  stopped.topic_id = node.image().find_topic("a")->id;
  stopped.partition_id = 0;
  stopped.isr = Ids{};
  stopped.leader = -1;
  stopped.eligible_leader_replicas = Ids{1};
  stopped.last_known_elr = Ids{1};
  node.apply({stopped});
  node.begin_term();
  const PartitionImage& partition = node.image().find_topic("a")->partitions[0];
  EXPECT_EQ(partition.leader, BrokerId{1});
  EXPECT_EQ(partition.isr, std::vector{BrokerId{1}});
  EXPECT_TRUE(partition.eligible_leader_replicas.empty());
  EXPECT_EQ(partition.leader_epoch, LeaderEpoch{2});
}

TEST(Controller, GivesEachProducerIdOnce) {
  Node node;
  const AllocateProducerIdsRequest request{BrokerId{1}, node.epoch()};
  EXPECT_EQ(node.run(&Controller::allocate_producer_ids, request)->first, ProducerId{0});
  EXPECT_EQ(node.run(&Controller::allocate_producer_ids, request)->first, ProducerId{1000});
  const auto stale = node.run(&Controller::allocate_producer_ids,
                              AllocateProducerIdsRequest{BrokerId{1}, BrokerEpoch{99}});
  EXPECT_EQ(stale.error().code, base::Errc::stale_broker_epoch);
}

TEST(Controller, FencesStaleIsrChanges) {
  Node node;
  ASSERT_EQ(node.create(topic("a")), "ok");
  node.begin_term();
  AlterPartitionRequest request{BrokerId{1}, node.epoch(), {}};
  AlterPartitionRequest::Partition wanted{{node.image().find_topic("a")->id, PartitionIndex{0}},
                                          LeaderEpoch{1},
                                          PartitionEpoch{1},
                                          {{BrokerId{1}, BrokerEpoch{-1}}},
                                          LeaderRecoveryState::recovered};
  const auto alter = [&](AlterPartitionRequest::Partition partition) {
    request.partitions = {std::move(partition)};
    return node.run(&Controller::alter_partition, request)->partitions.at(0);
  };
  EXPECT_EQ(Node::text(alter(wanted).error), "ok");
  auto old_leader = wanted;
  old_leader.leader_epoch = LeaderEpoch{0};
  EXPECT_EQ(alter(old_leader).error->code, base::Errc::fenced_leader_epoch);
  auto old_partition = wanted;
  old_partition.partition_epoch = PartitionEpoch{0};
  EXPECT_EQ(alter(old_partition).error->code, base::Errc::invalid_update_version);
  auto newer = wanted;
  newer.partition_epoch = PartitionEpoch{5};
  EXPECT_EQ(alter(newer).error->code, base::Errc::not_leader);
  auto stranger = wanted;
  stranger.isr.push_back({BrokerId{2}, BrokerEpoch{-1}});
  EXPECT_EQ(alter(stranger).error->code, base::Errc::invalid_request);
}

TEST(Controller, UpdatesFeaturesAsKafkaDoes) {
  Node node;
  node.apply({FeatureLevelRecord{"metadata.version", 29}});
  const auto update = [&](std::string name, std::int16_t level, UpdateFeaturesRequest::Mode mode) {
    return Node::text(
        node.run(&Controller::update_features, UpdateFeaturesRequest{{{name, level, mode}}, false})
            .error);
  };
  using enum UpdateFeaturesRequest::Mode;
  const std::string prefix =
      "invalid_update_version: The update failed for all features since the following feature had "
      "an error: ";
  EXPECT_EQ(update("nope", 1, upgrade),
            prefix +
                "Invalid update version 1 for feature nope. Local controller 1 does not "
                "support this feature.");
  EXPECT_EQ(update("metadata.version", 99, upgrade),
            prefix +
                "Invalid update version 99 for feature metadata.version. Local controller 1 "
                "only supports versions 7-30");
  EXPECT_EQ(update("metadata.version", 28, upgrade),
            prefix +
                "Invalid update version 28 for feature metadata.version. Can't downgrade the "
                "version of this feature without setting the upgrade type to either safe or "
                "unsafe downgrade.");
  EXPECT_EQ(update("metadata.version", 30, upgrade), "ok");
  EXPECT_EQ(node.image().feature_level("metadata.version"), 30);
}

// Apache Kafka 4.3.1, asked the same.
TEST(Controller, MovesTransactionsBetweenTheirVersions) {
  Node node;
  node.apply({FeatureLevelRecord{"transaction.version", 2}});
  const auto update = [&](std::int16_t level, UpdateFeaturesRequest::Mode mode) {
    return Node::text(
        node.run(&Controller::update_features,
                 UpdateFeaturesRequest{{{"transaction.version", level, mode}}, false})
            .error);
  };
  const auto refused = [](int level, const std::string& reason) {
    return "invalid_update_version: The update failed for all features since the following feature "
           "had an error: Invalid update version " +
           std::to_string(level) + " for feature transaction.version. " + reason;
  };
  using enum UpdateFeaturesRequest::Mode;
  EXPECT_EQ(update(2, upgrade), "ok");
  EXPECT_EQ(update(2, safe_downgrade), "ok");
  EXPECT_EQ(update(3, upgrade), refused(3, "Local controller 1 only supports versions 0-2"));
  EXPECT_EQ(update(-1, safe_downgrade), refused(-1, "A feature version cannot be less than 0."));
  EXPECT_EQ(update(1, UpdateFeaturesRequest::Mode{9}),
            refused(1, "The controller does not support the given upgrade type."));
  EXPECT_EQ(update(1, upgrade),
            refused(1,
                    "Can't downgrade the version of this feature without setting the upgrade type "
                    "to either safe or unsafe downgrade."));
  EXPECT_EQ(node.image().feature_level("transaction.version"), 2);
  EXPECT_EQ(update(1, safe_downgrade), "ok");
  EXPECT_EQ(node.image().feature_level("transaction.version"), 1);
  EXPECT_EQ(update(2, safe_downgrade), refused(2, "Can't downgrade to a newer version."));
  EXPECT_EQ(update(0, unsafe_downgrade), "ok");
  EXPECT_FALSE(node.image().features().contains("transaction.version"));
  EXPECT_EQ(update(2, upgrade), "ok");
  EXPECT_EQ(node.image().feature_level("transaction.version"), 2);
}

// Apache Kafka 4.3.1, asked the same.
TEST(Controller, MakesMinInsyncReplicasTheClustersWithEligibleLeaderReplicas) {
  Node node(ConfigMap{{"min.insync.replicas", "2"}});
  const auto update = [&](std::int16_t level, UpdateFeaturesRequest::Mode mode) {
    return Node::text(
        node.run(&Controller::update_features,
                 UpdateFeaturesRequest{{{"eligible.leader.replicas.version", level, mode}}, false})
            .error);
  };
  const auto value = [&](const std::string& name) {
    const ConfigMap* map = node.image().find_configs(ConfigResourceType::broker, name);
    return map != nullptr && map->contains("min.insync.replicas") ? map->at("min.insync.replicas")
                                                                  : "none";
  };
  const AlterConfigsRequest::Change three{"min.insync.replicas", AlterOperation::set, "3"};
  EXPECT_EQ(node.alter(ConfigResourceType::broker, "1", three), "ok");
  EXPECT_EQ(update(1, UpdateFeaturesRequest::Mode::upgrade), "ok");
  EXPECT_EQ(value(""), "2");
  EXPECT_EQ(value("1"), "none");
  EXPECT_EQ(
      node.alter(ConfigResourceType::broker, "1", three),
      "invalid_config: Broker-level min.insync.replicas cannot be altered while ELR is enabled.");
  EXPECT_EQ(node.alter(ConfigResourceType::broker, "", three), "ok");
  EXPECT_EQ(update(0, UpdateFeaturesRequest::Mode::safe_downgrade), "ok");
  EXPECT_EQ(update(1, UpdateFeaturesRequest::Mode::upgrade), "ok");
  EXPECT_EQ(value(""), "3");  // what the operator chose stays
}

TEST(Controller, ElectsOnlyWhereNeeded) {
  Node node;
  ASSERT_EQ(node.create(topic("a")), "ok");
  const auto result = node.run(
      &Controller::elect_leaders,
      ElectLeadersRequest{
          ElectLeadersRequest::Type::preferred,
          {{{"a", PartitionIndex{0}}, {"a", PartitionIndex{7}}, {"nope", PartitionIndex{0}}}}});
  EXPECT_EQ(Node::text(result.partitions.at(0).error),
            "election_not_needed: Leader election not needed for topic partition.");
  EXPECT_EQ(Node::text(result.partitions.at(1).error), "unknown_topic: No such partition as a-7");
  EXPECT_EQ(Node::text(result.partitions.at(2).error), "unknown_topic: No such topic as nope");
  EXPECT_TRUE(node.run(&Controller::elect_leaders, ElectLeadersRequest{}).partitions.empty());
}

TEST(Controller, RefusesABrokerOfAnotherCluster) {
  Node node;
  RegisterBrokerRequest request;
  request.id = BrokerId{2};
  request.cluster_id = "other";
  EXPECT_EQ(node.run(&Controller::register_broker, request).error().code,
            base::Errc::foreign_directory);
}

TEST(ImageRecords, MakeTheSameImageAgain) {
  Node node;
  ASSERT_EQ(node.create(topic("b", 3)), "ok");
  ASSERT_EQ(node.create(topic("a", 2)), "ok");
  node.alter(ConfigResourceType::topic, "a", {"retention.ms", AlterOperation::set, "5"});
  node.alter(ConfigResourceType::broker, "", {"message.max.bytes", AlterOperation::set, "500"});
  node.apply({FeatureLevelRecord{"metadata.version", 30}, ProducerIdsRecord{1, 0, 3000},
              ClientQuotaRecord{{{"user", "x"}}, "producer_byte_rate", 5.0, false},
              UserScramCredentialRecord{"u", 1, {1}, {2}, {3}, 4096}});
  node.begin_term();
  ImageBuilder builder(MetadataImage::empty());
  const auto records = image_records(node.image());
  for (const auto& record : records) ASSERT_TRUE(builder.apply(record));
  const auto copy = builder.build(node.image().offset(), 1).image;
  EXPECT_EQ(*copy->find_topic("a"), *node.image().find_topic("a"));
  EXPECT_EQ(*copy->find_topic("b"), *node.image().find_topic("b"));
  EXPECT_EQ(*copy->find_broker(BrokerId{1}), *node.image().find_broker(BrokerId{1}));
  EXPECT_EQ(copy->features(), node.image().features());
  EXPECT_EQ(copy->quotas(), node.image().quotas());
  EXPECT_EQ(copy->next_producer_id(), 3000);
  EXPECT_EQ(image_records(*copy), records);
  const MetadataDelta delta = delta_from_nothing(*copy);
  ASSERT_EQ(delta.topics.size(), 2u);
  EXPECT_EQ(delta.topics[1].changed.size(), 3u);
}

}  // namespace
}  // namespace moldau::metadata
