#pragma once
// What handlers call on, on a disk in memory, driven by hand: no threads and no sockets.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "moldau/api/handlers.hpp"
#include "moldau/api/services.hpp"
#include "moldau/api/transaction_markers.hpp"
#include "moldau/codec/codec_impl.hpp"
#include "moldau/group/coordinator.hpp"
#include "moldau/txn/coordinator.hpp"
#include "tests/support/data_node.hpp"

namespace moldau::api {

/// One request's answer, once there is one.
template <class Response>
struct Answered {
  std::optional<Response> response;
  std::vector<protocol::ErrorCode> errors;  // as metrics are told of them
  bool silent = false;
  std::string closed;
};

class TestNode final : public support::DataNode {
 public:
  explicit TestNode(metadata::ConfigMap options = {}) : DataNode(std::move(options)) {
    sessions.emplace(10, clock, random);
    producer_ids.emplace(*controller, BrokerId{1});
    producer_ids->set_broker_epoch(controller->broker_epoch());
    start_coordinators();
    executor.run();
  }
  ~TestNode() override {
    connection.reset();
    stop_coordinators();
  }

  /// As after a restart: other coordinators read what the logs have, as soon as the executor runs.
  void restart_coordinators() {
    stop_coordinators();
    start_coordinators();
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
    context.client_id = client_id;
    context.connection_id = connection_id;
    handler(*services, context, std::move(request),
            Reply<Response>(std::make_unique<Sink<Response>>(answered, version), version, 7));
    return answered;
  }

  std::optional<FetchSessions> sessions;
  std::optional<ProducerIds> producer_ids;
  std::optional<group::Coordinator> groups;
  std::optional<TransactionMarkers> markers;
  std::optional<txn::Coordinator> transactions;
  std::optional<Services> services;
  std::unique_ptr<ConnectionState> connection = std::make_unique<ConnectionState>();
  // Of the requests to come.
  std::string client_id;
  std::uint64_t connection_id = 1;

 private:
  void start_coordinators() {
    groups.emplace(group::Coordinator::Environment{*partitions, *controller, config, BrokerId{1}, clock,
                                                   random, executor, {&loop}});
    controller->add_listener(*groups);
    markers.emplace(*partitions, *controller, *groups, clock);
    transactions.emplace(txn::Coordinator::Environment{
        *partitions, *controller, config, BrokerId{1}, clock, executor, {&loop}, *markers,
        [this] { return producer_ids->try_next(); }});
    controller->add_listener(*transactions);
    partitions->find_transaction_owners_by([this](const std::vector<ProducerId>& producers) {
      return transactions->find_owners(producers);
    });
    services.emplace(Services{*partitions, *controller, *controller, config, *sessions, *producer_ids,
                              *groups, *transactions, *markers, clock, executor, "cluster",
                              BrokerId{1}, "data"});
  }
  void stop_coordinators() {
    partitions->find_transaction_owners_by({});
    controller->remove_listener(*transactions);
    controller->remove_listener(*groups);
    services.reset();
    transactions.reset();
    markers.reset();
    groups.reset();
  }

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
