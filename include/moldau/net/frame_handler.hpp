#pragma once
// What stands between the network and what answers requests: connections, frames, and the slots of
// their answers.  A frame is what follows a 4-byte big-endian length in Kafka's protocol; net knows
// nothing of what is in it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "moldau/base/clock.hpp"
#include "moldau/base/loop.hpp"
#include "moldau/base/payload.hpp"
#include "moldau/base/shared_bytes.hpp"

namespace moldau::net {

/// An IP address as text (IPv6 without brackets, an IPv4-mapped one as IPv4) and a port.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// "127.0.0.1:9092", "[::1]:9092"
std::string to_string(const Endpoint& endpoint);

/// What the handler keeps with a connection: its own class derives from this.
class SessionState {
 public:
  virtual ~SessionState() = default;
};

/// A client's connection.  It lives until it is closed and the last of its Responders is gone, so a
/// request in flight may always refer to it (Responder::connection()).
/// Thread rule: on its loop only.
class Connection {
 public:
  enum class CloseMode {
    after_answers,  // reads nothing more; every request already handed over is still answered
    now,
  };

  /// Unique in the process, never reused.
  [[nodiscard]] virtual std::uint64_t id() const = 0;
  [[nodiscard]] virtual base::Loop& loop() = 0;
  [[nodiscard]] virtual const std::string& listener_name() const = 0;
  /// What the client connected to: what `advertised: auto` answers.
  [[nodiscard]] virtual const Endpoint& local_address() const = 0;
  [[nodiscard]] virtual const Endpoint& remote_address() const = 0;
  /// Free for the handler; empty at first.  Destroyed with the connection, on its loop.
  [[nodiscard]] virtual std::unique_ptr<SessionState>& session() = 0;
  /// True once closed: answers are dropped, and on_close() has been or soon will be called (at the
  /// end of the turn, never from within another call of the handler).
  [[nodiscard]] virtual bool is_closed() const = 0;
  /// Closes; `reason` goes to the log (one line, not from the client unless escaped).
  virtual void close(std::string_view reason, CloseMode mode = CloseMode::after_answers) = 0;
  /// The peer has shown who it is: the limits and deadlines for strangers end (reliability.md O2,
  /// O5). Connections of a listener with `trusted_from_start` are trusted at once.
  virtual void trust() = 0;
  /// Reads nothing more before `when` (quotas, KIP-219); answers still go out.
  virtual void throttle_until(base::SteadyTime when) = 0;

 protected:
  ~Connection() = default;
};

/// Where the outcome of a request goes.  net has one; tests of the layers above may have their own.
class ResponseSink {
 public:
  enum class Outcome : std::uint8_t { send, no_response, close };
  /// Called once per sequence number, from any thread.
  virtual void complete(std::uint64_t sequence, Outcome outcome, base::Payload payload,
                        std::string_view reason) = 0;
  [[nodiscard]] virtual Connection& connection() = 0;

 protected:
  ~ResponseSink() = default;
};

/// The slot of one request in its connection's answers.  Answers go out in the order of the
/// requests, whatever the order in which they are given (Kafka: SocketServer mutes a channel until
/// its request is answered).  Exactly one of send, no_response and close is called, once, from any
/// thread; a Responder destroyed without one closes the connection.  On a closed connection all of
/// them do nothing. Thread rule: a value; one thread at a time.
class Responder {
 public:
  Responder() = default;
  Responder(ResponseSink& sink, std::uint64_t sequence) : sink_(&sink), sequence_(sequence) {}
  Responder(Responder&& other) noexcept
      : sink_(std::exchange(other.sink_, nullptr)), sequence_(other.sequence_) {}
  Responder& operator=(Responder&& other) noexcept {
    if (this != &other) {
      abandon();
      sink_ = std::exchange(other.sink_, nullptr);
      sequence_ = other.sequence_;
    }
    return *this;
  }
  ~Responder() { abandon(); }

  /// Sends `payload` as one frame: net puts its 4-byte length in front.
  void send(base::Payload payload) { finish(ResponseSink::Outcome::send, std::move(payload), {}); }
  /// The request has no answer (Produce with acks=0).
  void no_response() { finish(ResponseSink::Outcome::no_response, {}, {}); }
  /// Closes the connection once the answers of the requests before this one have been sent.
  void close(std::string_view reason) { finish(ResponseSink::Outcome::close, {}, reason); }

  /// True while an answer is owed.
  explicit operator bool() const { return sink_ != nullptr; }
  /// The connection; while an answer is owed, on the connection's loop.
  [[nodiscard]] Connection& connection() const { return sink_->connection(); }

 private:
  void finish(ResponseSink::Outcome outcome, base::Payload payload, std::string_view reason) {
    if (auto* sink = std::exchange(sink_, nullptr)) {
      sink->complete(sequence_, outcome, std::move(payload), reason);
    }
  }
  void abandon() {
    finish(ResponseSink::Outcome::close, {}, "a request was dropped without an answer");
  }

  ResponseSink* sink_ = nullptr;
  std::uint64_t sequence_ = 0;
};

/// What answers.  One object for all loops.
/// Thread rule: each call comes on the loop of its connection, so calls for different connections
/// may run at the same time.
class FrameHandler {
 public:
  virtual ~FrameHandler() = default;
  virtual void on_open(Connection&) {}
  /// One whole frame, without its length; never larger than the listener's limit, may be empty.
  /// `frame` may be kept, as may slices of it: nothing is copied.  Keeping a slice pins its slab
  /// (up to 256 KiB; SharedBytes::pinned_bytes()), so what is small and kept for long without being
  /// data (a parked request) is better copied.  Up to limits::requests_in_flight_max requests of a
  /// connection are handed over before the first is answered.
  virtual void on_frame(Connection&, base::SharedBytes frame, Responder) = 0;
  /// The listener is stopping: what is parked on this connection should be answered now.
  virtual void on_drain(Connection&) {}
  /// The connection is gone; answers are dropped from now on.  Called once for each on_open().
  virtual void on_close(Connection&) {}
};

}  // namespace moldau::net
