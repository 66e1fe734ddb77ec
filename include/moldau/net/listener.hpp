#pragma once
// Listeners and the limits on what their clients may do.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "moldau/base/clock.hpp"
#include "moldau/base/limits.hpp"
#include "moldau/base/result.hpp"
#include "moldau/net/event_loop.hpp"
#include "moldau/net/frame_handler.hpp"

namespace moldau::base {
class MetricsRegistry;
}

namespace moldau::net {

/// How many connections are taken (reliability.md O3).  On by default, unlike Kafka's, whose
/// max.connections, max.connections.per.ip and connection rate are unlimited.
struct ConnectionLimits {
  /// All listeners together (Kafka: max.connections).  Also never more than 3/4 of the process's
  /// file descriptors.
  std::size_t connections_max = 20'000;
  /// From one address (max.connections.per.ip); 0 = 3/4 of the total, so that one address can never
  /// take all of them and a whole site behind one address still gets in.
  std::size_t connections_per_ip_max = 0;
  /// New connections per second from one address, sustained, and the burst above it: a fleet that
  /// reconnects after a restart fits the burst; churn does not.
  std::size_t connections_per_second_per_ip = 1'000;
  std::size_t connection_burst_per_ip = 12'000;
};

/// Counts connections for all listeners of a process.
/// Thread rule: any thread (a lock, taken per accepted and closed connection only).
class ConnectionLimiter {
 public:
  enum class Verdict { accepted, total, per_ip, rate };
  virtual ~ConnectionLimiter() = default;
  static std::unique_ptr<ConnectionLimiter> create(const ConnectionLimits& limits);
  /// Counts a connection from `ip` in, or says which limit is against it.
  virtual Verdict admit(const std::string& ip, base::SteadyTime now) = 0;
  /// One admitted connection from `ip` is closed.
  virtual void release(const std::string& ip) = 0;
  [[nodiscard]] virtual std::size_t count() const = 0;
};

struct NetOptions {
  std::size_t frame_bytes_max = limits::frame_bytes_max_default;  // socket.request.max.bytes
  std::size_t stranger_frame_bytes_max = 64 * 1024;               // before trust()
  std::size_t requests_in_flight_max = limits::requests_in_flight_max;
  /// Requests are not handed over while more than this waits to be sent to their client (O6).
  std::size_t unsent_bytes_max = 1024 * 1024;
  base::Milliseconds idle_max{600'000};          // connections.max.idle.ms; 0 = never
  base::Milliseconds frame_time_max{30'000};     // a started frame ends within this
  base::Milliseconds stranger_time_max{10'000};  // until trust()
  base::Milliseconds send_stall_max{60'000};     // a client that takes nothing for so long is cut
};

struct ListenerOptions {
  std::string name = "PLAINTEXT";
  /// An IP address, a name to look up, or empty for all addresses.
  std::string host = "127.0.0.1";
  /// 0: the system chooses one; see Listener::address().
  std::uint16_t port = 9092;
  int backlog = 4096;
  /// The congestion control of its connections (TCP_CONGESTION); empty: the kernel's standard.
  std::string tcp_congestion_control;
  /// False where clients must authenticate first.
  bool trusted_from_start = true;
  NetOptions net;
};

/// Whether this process may use the congestion control `name`.  Errors: invalid_argument, which says
/// what the kernel has or allows instead; io.
base::Status check_congestion_control(const std::string& name);
/// What sockets have that nobody gave one: "cubic"; empty when the kernel does not say.
std::string standard_congestion_control();

/// A listening address, served by all of `loops` (SO_REUSEPORT; each new connection goes to the
/// loop that has fewest).  Sockets have TCP_NODELAY and the kernel's own buffer sizes. Lifetime:
/// `loops`, `handler`, `limiter` and `metrics` outlive it. Thread rule: made, stopped and destroyed
/// by a thread that is none of the loops; the loops run.
class Listener {
 public:
  /// Binds and starts to accept.  Errors: already_exists (the port is in use: says by what
  /// setting), invalid_argument (an address that is not one or not ours, a congestion control that
  /// check_congestion_control refuses), io.
  static base::Result<std::unique_ptr<Listener>> open(std::span<EventLoop* const> loops,
                                                      ListenerOptions options,
                                                      FrameHandler& handler,
                                                      ConnectionLimiter& limiter,
                                                      base::MetricsRegistry* metrics = nullptr);
  /// As shut_down(0 ms) if that has not been called.
  virtual ~Listener() = default;
  /// What it is bound to, with the port the system chose.
  [[nodiscard]] virtual const Endpoint& address() const = 0;
  /// Accepts no more; connections stay.
  virtual void stop_accepting() = 0;
  /// Stops accepting and reading, calls on_drain() for each connection, lets what is in flight
  /// finish for at most `grace`, closes the rest.  Returns when all its connections are closed.
  virtual void shut_down(base::Milliseconds grace) = 0;
};

}  // namespace moldau::net
