#pragma once
// What a handler may know of the request it answers.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/loop.hpp"
#include "moldau/protocol/api_key.hpp"

namespace moldau::api {

/// A host as a client can reach it, and a port.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// A request that waits: told to end its wait when its connection drains or goes.
class Parked {
 public:
  virtual ~Parked() = default;
  virtual void give_up() = 0;
};

/// A request with a latest time for its answer.
class Expiring {
 public:
  virtual ~Expiring() = default;
  /// Called once at most, on the connection's loop, also when the answer has just been given.
  virtual void expire() = 0;
};

/// What a connection's requests leave with it.  Thread rule: the connection's loop.
class ConnectionState {
 public:
  ConnectionState() = default;
  ConnectionState(const ConnectionState&) = delete;
  ConnectionState& operator=(const ConnectionState&) = delete;
  ~ConnectionState();

  /// Calls `request->expire()` at `deadline`, if it still lives then.  Costs one timer for a connection,
  /// however many requests are on their way.
  void expire_at(base::Loop& loop, base::SteadyTime deadline, std::weak_ptr<Expiring> request);

  void park(const std::shared_ptr<Parked>& request) {
    std::erase_if(parked_, [](const auto& entry) { return entry.expired(); });
    parked_.push_back(request);
  }
  /// Every parked request answers now, with what it has.
  void give_up() {
    const auto parked = std::exchange(parked_, {});
    for (const auto& entry : parked)
      if (const auto request = entry.lock()) request->give_up();
  }

 private:
  struct Deadline {
    base::SteadyTime when{};
    std::weak_ptr<Expiring> request;
  };
  void arm();
  void on_timer();

  std::vector<std::weak_ptr<Parked>> parked_;
  std::deque<Deadline> expiring_;  // in order of arrival; those answered go from the front
  base::Loop* loop_ = nullptr;     // set with the first of them; outlives the connection
  base::Loop::TimerId timer_ = 0;
  base::SteadyTime armed_for_{};
};

/// One request's facts: a small value, not a bag of services.
struct RequestContext {
  protocol::ApiKey api_key{};
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::string client_id;
  std::uint64_t connection_id = 0;
  std::string listener;
  HostPort local;              // the address that the client's connection came in on
  std::string remote;          // for logs
  base::SteadyTime received{};
  base::Loop* loop = nullptr;  // where the connection lives; outlives the request
  ConnectionState* connection = nullptr;  // on its loop only, while the request has no answer
};

}  // namespace moldau::api
