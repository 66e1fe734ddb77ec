#pragma once
// What a listener counts.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "moldau/base/metrics.hpp"

namespace moldau::net {

/// Why a connection ended, as a label.
enum class CloseCause : std::size_t {
  client,          // it closed, or its host did
  handler,         // the layer above
  bad_frame,       // a length that is negative or too large
  wrong_protocol,  // TLS or HTTP
  idle,
  frame_time,     // a started frame took too long
  stranger_time,  // it did not show who it is in time
  send_stall,     // it took nothing for too long
  shutdown,
  io,
  causes
};

constexpr std::string_view name(CloseCause cause) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(CloseCause::causes)> names{
      "client",     "handler",       "bad_frame",  "wrong_protocol", "idle",
      "frame_time", "stranger_time", "send_stall", "shutdown",       "io"};
  return names[static_cast<std::size_t>(cause)];
}

/// Thread rule: counting from any thread.
struct NetMetrics {
  NetMetrics(base::MetricsRegistry& registry, const std::string& listener) {
    const base::MetricLabels of_listener{{"listener", listener}};
    open = &registry.gauge("moldau_net_connections", "Open connections.", of_listener);
    accepted = &registry.counter("moldau_net_connections_accepted_total", "Connections taken.",
                                 of_listener);
    constexpr std::array<std::string_view, 4> reasons{"total", "per_ip", "rate", "descriptors"};
    for (std::size_t i = 0; i < reasons.size(); ++i) {
      refused[i] = &registry.counter("moldau_net_connections_refused_total",
                                     "Connections closed at once, by the limit against them.",
                                     {{"listener", listener}, {"limit", std::string(reasons[i])}});
    }
    for (std::size_t i = 0; i < closed.size(); ++i) {
      closed[i] = &registry.counter(
          "moldau_net_connections_closed_total", "Connections that ended, by cause.",
          {{"listener", listener}, {"cause", std::string(name(static_cast<CloseCause>(i)))}});
    }
    frames =
        &registry.counter("moldau_net_frames_received_total", "Requests received.", of_listener);
    received_bytes =
        &registry.counter("moldau_net_received_bytes_total", "Bytes received.", of_listener);
    sent_bytes = &registry.counter("moldau_net_sent_bytes_total", "Bytes sent.", of_listener);
    reads = &registry.counter("moldau_net_reads_total", "Reads of sockets.", of_listener);
    writes = &registry.counter("moldau_net_writes_total", "Writes to sockets.", of_listener);
  }

  base::Gauge* open;
  base::Counter* accepted;
  std::array<base::Counter*, 4> refused;  // total, per_ip, rate, descriptors
  std::array<base::Counter*, static_cast<std::size_t>(CloseCause::causes)> closed;
  base::Counter* frames;
  base::Counter* received_bytes;
  base::Counter* sent_bytes;
  base::Counter* reads;
  base::Counter* writes;
};

}  // namespace moldau::net
