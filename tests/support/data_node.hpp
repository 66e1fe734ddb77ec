#pragma once
// Partitions and metadata on a disk in memory, driven by hand: no threads and no sockets.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "moldau/cluster/solo_controller.hpp"
#include "moldau/partition/partition_manager.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/manual_executor.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::support {

class DataNode : public cluster::MetadataListener {
 public:
  explicit DataNode(metadata::ConfigMap options = {}) : config(std::move(options)), loop(clock) {
    storage::DirectoryIdentity identity;
    identity.cluster_id = "cluster";
    directory = storage::LogDirectory::open(disk, "data", identity, {}, clock, random).value();
    partitions.emplace(*directory, config, BrokerId{1});
    cluster::SoloControllerOptions controller_options;
    controller_options.log_dir = "data";
    controller_options.cluster_id = "cluster";
    controller_options.endpoints = {{"PLAINTEXT", "localhost", 9092, 0}};
    controller = cluster::SoloController::open({disk, clock, random, executor, config},
                                               std::move(controller_options)).value();
    controller->add_listener(*this);
    executor.run();
  }
  ~DataNode() override {
    controller->remove_listener(*this);
    controller->close([](const base::Status&) {});
    executor.run();
  }

  void on_metadata(const std::shared_ptr<const metadata::MetadataImage>&,
                   const std::shared_ptr<const metadata::MetadataImage>& after,
                   const metadata::MetadataDelta& delta) override {
    partitions->apply(*after, delta);
  }

  void create_topic(const std::string& name, std::int32_t partition_count = 1,
                    const metadata::ConfigMap& configs = {}) {
    metadata::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partition_count;
    for (const auto& [key, value] : configs) topic.configs.emplace_back(key, value);
    controller->create_topics(std::move(request), [](auto) {});
    executor.run();
  }
  void delete_topic(const std::string& name) {
    metadata::DeleteTopicsRequest request;
    request.topics.emplace_back().name = name;
    controller->delete_topics(std::move(request), [](auto) {});
    executor.run();
  }
  [[nodiscard]] partition::PartitionPtr partition(const std::string& topic,
                                                  std::int32_t index = 0) const {
    return partitions->find(topic, PartitionIndex{index});
  }

  /// Everything that was posted is run, and nothing is made durable.
  void settle() {
    executor.run();
    loop.run();
    executor.run();
  }
  /// What the committing thread does: what was appended is durable after it.
  void commit() {
    const auto status = directory->commit();
    partitions->committed(status);
    ASSERT_TRUE(status.has_value());
    loop.run();
  }
  void advance(base::Milliseconds by) {
    clock.advance(by);
    loop.run();
  }

  MemoryFileSystem disk;
  ManualClock clock;
  base::SeededRandom random{1};
  metadata::BrokerConfig config;
  ManualExecutor executor;
  ManualLoop loop;
  std::unique_ptr<storage::LogDirectory> directory;
  std::optional<partition::PartitionManager> partitions;
  std::unique_ptr<cluster::SoloController> controller;
};

}  // namespace moldau::support
