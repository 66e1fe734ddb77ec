#include "moldau/cluster/solo_controller.hpp"

#include <gtest/gtest.h>

#include "moldau/metadata/features.hpp"
#include "tests/support/faulty_file_system.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/manual_executor.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::cluster {
namespace {

using metadata::CreateTopicsRequest;
using metadata::MetadataDelta;
using metadata::MetadataImage;
using support::FaultyFileSystem;
using support::ManualClock;
using support::ManualExecutor;
using support::MemoryFileSystem;

class Recorder final : public MetadataListener {
 public:
  void on_metadata(const std::shared_ptr<const MetadataImage>& before,
                   const std::shared_ptr<const MetadataImage>& after,
                   const MetadataDelta& delta) override {
    if (last != nullptr) {
      EXPECT_EQ(before, last);
    }
    last = after;
    ++calls;
    for (const auto& topic : delta.topics) {
      events.push_back((topic.is_deleted() ? "-" + topic.before->name : "+" + topic.after->name) +
                       ":" + std::to_string(topic.changed.size()));
    }
  }
  std::shared_ptr<const MetadataImage> last;
  int calls = 0;
  std::vector<std::string> events;
};

class SoloControllerTest : public testing::Test {
 protected:
  SoloControllerTest() { EXPECT_TRUE(disk_.make_directory("data")); }

  base::Result<std::unique_ptr<SoloController>> try_open() {
    SoloControllerOptions options;
    options.log_dir = "data";
    options.cluster_id = "cluster";
    options.directory_id.bytes[15] = 5;
    options.endpoints = {{"PLAINTEXT", "localhost", 9092, 0}};
    return SoloController::open({fs_, clock_, random_, executor_, config_}, options);
  }
  std::unique_ptr<SoloController> open() {
    auto controller = try_open();
    EXPECT_TRUE(controller) << to_string(controller.error());
    return std::move(*controller);
  }
  static CreateTopicsRequest topics(std::vector<std::string> names, std::int32_t partitions = 1) {
    CreateTopicsRequest request;
    for (auto& name : names) {
      CreateTopicsRequest::Topic topic;
      topic.name = std::move(name);
      topic.num_partitions = partitions;
      request.topics.push_back(std::move(topic));
    }
    return request;
  }

  MemoryFileSystem disk_;
  FaultyFileSystem fs_{disk_};
  ManualClock clock_;
  base::SeededRandom random_{7};
  ManualExecutor executor_;
  metadata::BrokerConfig config_;
};

TEST_F(SoloControllerTest, IsRegisteredAndUnfencedWhenItOpened) {
  const auto controller = open();
  const auto image = controller->image();
  const auto* broker = image->find_broker(BrokerId{1});
  ASSERT_NE(broker, nullptr);
  EXPECT_FALSE(broker->fenced);
  EXPECT_EQ(broker->epoch, controller->broker_epoch());
  EXPECT_EQ(broker->endpoint("PLAINTEXT")->port, 9092);
  EXPECT_EQ(image->feature_level("metadata.version"), metadata::metadata_version_max);
  EXPECT_EQ(metadata::offered_features(*image).at("kraft.version"), 1);
  EXPECT_EQ(metadata::offered_features(*image).at(metadata::transaction_version), 2);
}

TEST_F(SoloControllerTest, AnswersWhenTheImageHasIt) {
  const auto controller = open();
  bool answered = false;
  controller->create_topics(topics({"a"}, 3), [&](auto result) {
    answered = true;
    ASSERT_TRUE(result);
    EXPECT_FALSE(result->topics.at(0).error);
    const auto image = controller->image();
    ASSERT_NE(image->find_topic("a"), nullptr);
    EXPECT_EQ(image->find_topic("a")->id, result->topics.at(0).id);
    EXPECT_EQ(image->find_topic("a")->partitions.size(), 3u);
  });
  EXPECT_FALSE(answered);
  executor_.run();
  EXPECT_TRUE(answered);
}

TEST_F(SoloControllerTest, TellsListenersBeforeItAnswers) {
  const auto controller = open();
  Recorder recorder;
  controller->add_listener(recorder);
  controller->create_topics(topics({"a"}, 2), [&](auto) {
    EXPECT_EQ(recorder.events, std::vector<std::string>{"+a:2"});
  });
  executor_.run();
  EXPECT_EQ(recorder.calls, 2);  // the start, then the topic
  metadata::DeleteTopicsRequest remove{{{"a", {}}}};
  controller->delete_topics(remove, [](auto) {});
  executor_.run();
  EXPECT_EQ(recorder.events, (std::vector<std::string>{"+a:2", "-a:0"}));
  controller->remove_listener(recorder);
  controller->create_topics(topics({"b"}), [](auto) {});
  executor_.run();
  EXPECT_EQ(recorder.calls, 3);
}

TEST_F(SoloControllerTest, TellsANewListenerEverythingThatIsThere) {
  const auto controller = open();
  controller->create_topics(topics({"a", "b"}, 2), [](auto) {});
  Recorder recorder;
  controller->add_listener(recorder);
  executor_.run();
  EXPECT_EQ(recorder.events, (std::vector<std::string>{"+a:2", "+b:2"}));
  EXPECT_EQ(recorder.last, controller->image());
}

TEST_F(SoloControllerTest, CommitsWhatIsQueuedWithOneSync) {
  const auto controller = open();
  const auto before = disk_.counts().syncs;
  int answers = 0;
  for (int i = 0; i < 20; ++i) {
    controller->create_topics(topics({"t" + std::to_string(i)}), [&](auto result) {
      ++answers;
      EXPECT_FALSE(result->topics.at(0).error);
    });
  }
  // Decided one upon the other: the second "t0" finds the first.
  controller->create_topics(topics({"t0"}), [&](auto result) {
    ++answers;
    EXPECT_EQ(result->topics.at(0).error->code, base::Errc::topic_already_exists);
  });
  executor_.run();
  EXPECT_EQ(answers, 21);
  EXPECT_EQ(disk_.counts().syncs, before + 1);
  EXPECT_EQ(controller->image()->topic_count(), 20u);
}

TEST_F(SoloControllerTest, WritesNothingForARequestThatChangesNothing) {
  const auto controller = open();
  const auto before = disk_.counts().writes;
  CreateTopicsRequest request = topics({"a"});
  request.validate_only = true;
  controller->create_topics(request, [](auto result) { EXPECT_FALSE(result->topics[0].error); });
  executor_.run();
  EXPECT_EQ(disk_.counts().writes, before);
}

TEST_F(SoloControllerTest, RaisesEveryLeaderEpochWithEveryStart) {
  TopicId id;
  {
    const auto controller = open();
    controller->create_topics(topics({"a"}, 2), [&](auto result) { id = result->topics[0].id; });
    executor_.run();
    EXPECT_EQ(controller->image()->find_topic("a")->partitions[1].leader_epoch, LeaderEpoch{0});
  }
  for (int start = 1; start <= 2; ++start) {
    const auto controller = open();
    const auto* topic = controller->image()->find_topic("a");
    ASSERT_NE(topic, nullptr);
    EXPECT_EQ(topic->id, id);
    EXPECT_EQ(topic->partitions[1].leader_epoch, LeaderEpoch{start});
  }
}

TEST_F(SoloControllerTest, GivesProducerIdsOnceOverRestarts) {
  ProducerId first{-1};
  for (int start = 0; start < 2; ++start) {
    const auto controller = open();
    controller->allocate_producer_ids({BrokerId{1}, controller->broker_epoch()},
                                      [&](auto result) { first = result->first; });
    executor_.run();
    EXPECT_EQ(first, ProducerId{start * 1000});
  }
}

TEST_F(SoloControllerTest, FencesItsBrokerWhenItStops) {
  {
    const auto controller = open();
    bool created = false;
    bool closed = false;
    controller->create_topics(topics({"a"}), [&](auto result) { created = result.has_value(); });
    controller->close([&](const base::Status& status) { closed = status.has_value(); });
    controller->create_topics(
        topics({"b"}), [&](auto result) { EXPECT_EQ(result.error().code, base::Errc::cancelled); });
    executor_.run();
    EXPECT_TRUE(created);
    EXPECT_TRUE(closed);
  }
  // Kafka's own reader of this log would see the fence; the next start lifts it.
  EXPECT_FALSE(open()->image()->find_broker(BrokerId{1})->fenced);
}

TEST_F(SoloControllerTest, AnswersStorageErrorAfterAFailedSyncAndPublishesNothing) {
  const auto controller = open();
  const auto before = controller->image();
  fs_.fail(FaultyFileSystem::Operation::sync, 1);
  int errors = 0;
  const auto expect_error = [&](auto result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, base::Errc::storage_error);
    ++errors;
  };
  controller->create_topics(topics({"a"}), expect_error);
  controller->create_topics(topics({"b"}), expect_error);
  executor_.run();
  fs_.heal();
  controller->create_topics(topics({"c"}), expect_error);
  executor_.run();
  EXPECT_EQ(errors, 3);
  EXPECT_EQ(controller->image(), before);
}

TEST_F(SoloControllerTest, MakesASnapshotWhenMuchWasWritten) {
  {
    SoloControllerOptions options;
    options.log_dir = "data";
    options.cluster_id = "cluster";
    options.endpoints = {{"PLAINTEXT", "localhost", 9092, 0}};
    options.bytes_between_snapshots = 20'000;
    auto controller =
        SoloController::open({fs_, clock_, random_, executor_, config_}, options).value();
    for (int i = 0; i < 400; ++i) {
      controller->create_topics(topics({"t" + std::to_string(i)}, 2), [](auto) {});
      executor_.run();
    }
  }
  int snapshots = 0;
  for (const auto& name : disk_.list("data/__cluster_metadata-0").value()) {
    if (name.ends_with(".checkpoint")) ++snapshots;
  }
  EXPECT_EQ(snapshots, 2);
  fs_.heal();
  SoloControllerOptions options;
  options.log_dir = "data";
  options.cluster_id = "cluster";
  const auto again =
      SoloController::open({fs_, clock_, random_, executor_, config_}, options).value();
  EXPECT_EQ(again->image()->topic_count(), 400u);
  EXPECT_EQ(again->image()->partition_count(), 800u);
}

TEST_F(SoloControllerTest, MakesAThousandTopicsInOneRequest) {
  const auto controller = open();
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("topic-" + std::to_string(i));
  controller->create_topics(topics(names, 4), [](auto result) {
    for (const auto& topic : result->topics) EXPECT_FALSE(topic.error);
  });
  executor_.run();
  EXPECT_EQ(controller->image()->topic_count(), 1000u);
  EXPECT_EQ(controller->image()->partition_count(), 4000u);
}

}  // namespace
}  // namespace moldau::cluster
