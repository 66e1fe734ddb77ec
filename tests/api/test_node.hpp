#pragma once
// What handlers call on, on a disk in memory, driven by hand: no threads and no sockets.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moldau/api/handlers.hpp"
#include "moldau/cluster/solo_controller.hpp"
#include "moldau/codec/codec_impl.hpp"
#include "moldau/group/coordinator.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/manual_executor.hpp"
#include "tests/support/memory_file_system.hpp"

namespace moldau::api {

/// One request's answer, once there is one.
template <class Response>
struct Answered {
  std::optional<Response> response;
  std::vector<protocol::ErrorCode> errors;  // as metrics are told of them
  bool silent = false;
  std::string closed;
};

class TestNode final : public cluster::MetadataListener {
 public:
  explicit TestNode(metadata::ConfigMap options = {}) : config(std::move(options)), loop(clock) {
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
    sessions.emplace(10, clock, random);
    producer_ids.emplace(*controller, BrokerId{1});
    producer_ids->set_broker_epoch(controller->broker_epoch());
    groups.emplace(group::Coordinator::Environment{*partitions, *controller, config, BrokerId{1}, clock,
                                                   random, executor, {&loop}});
    controller->add_listener(*groups);
    executor.run();
    services.emplace(Services{*partitions, *controller, *controller, config, *sessions, *producer_ids,
                              *groups, clock, executor, "cluster", BrokerId{1}, "data"});
  }
  ~TestNode() override {
    connection.reset();
    controller->remove_listener(*groups);
    controller->remove_listener(*this);
    controller->close([](const base::Status&) {});
    executor.run();
  }

  void on_metadata(const std::shared_ptr<const metadata::MetadataImage>&,
                   const std::shared_ptr<const metadata::MetadataImage>& after,
                   const metadata::MetadataDelta& delta) override {
    partitions->apply(*after, delta);
  }

  void create_topic(const std::string& name, std::int32_t partition_count = 1) {
    metadata::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partition_count;
    controller->create_topics(std::move(request), [](auto) {});
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

  /// Calls `handler` as the connection would; the answer may come later.
  template <class Request, class Response>
  std::shared_ptr<Answered<Response>> call(void (*handler)(const Services&, const RequestContext&,
                                                           Request, Reply<Response>),
                                           Request request, std::int16_t version) {
    auto answered = std::make_shared<Answered<Response>>();
    RequestContext context;
    context.api_key = Request::api_key;
    context.version = version;
    context.received = clock.now();
    context.loop = &loop;
    context.connection = connection.get();
    context.listener = "PLAINTEXT";
    handler(*services, context, std::move(request),
            Reply<Response>(std::make_unique<Sink<Response>>(answered, version), version, 7));
    return answered;
  }

  support::MemoryFileSystem disk;
  support::ManualClock clock;
  base::SeededRandom random{1};
  metadata::BrokerConfig config;
  support::ManualExecutor executor;
  support::ManualLoop loop;
  std::unique_ptr<storage::LogDirectory> directory;
  std::optional<partition::PartitionManager> partitions;
  std::unique_ptr<cluster::SoloController> controller;
  std::optional<FetchSessions> sessions;
  std::optional<ProducerIds> producer_ids;
  std::optional<group::Coordinator> groups;
  std::optional<Services> services;
  std::unique_ptr<ConnectionState> connection = std::make_unique<ConnectionState>();

 private:
  template <class Response>
  class Sink final : public ResponseSink {
   public:
    Sink(std::shared_ptr<Answered<Response>> to, std::int16_t version)
        : to_(std::move(to)), version_(version) {}
    void send(base::Payload payload) override {
      EXPECT_FALSE(to_->response.has_value()) << "answered twice";
      codec::Reader reader(payload.flatten());
      const std::size_t header_bytes = Response::flexible.contains(version_) ? 5 : 4;
      for (std::size_t i = 0; i < header_bytes; ++i) (void)reader.fixed<std::int8_t>();
      auto decoded = codec::Codec<Response>::decode(reader, version_);
      ASSERT_TRUE(decoded.has_value());
      to_->response = std::move(decoded).value();
    }
    void note_error(protocol::ErrorCode code) override { to_->errors.push_back(code); }
    void no_response() override { to_->silent = true; }
    void close(std::string_view reason) override { to_->closed = reason; }

   private:
    std::shared_ptr<Answered<Response>> to_;
    std::int16_t version_;
  };
};

}  // namespace moldau::api
