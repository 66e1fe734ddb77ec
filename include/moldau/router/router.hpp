#pragma once
// Frames to handlers: header, version gate, decoding, the slot of the answer.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "moldau/api/services.hpp"
#include "moldau/base/metrics.hpp"
#include "moldau/net/frame_handler.hpp"

namespace moldau::router {

/// Thread rule: as net::FrameHandler: a connection's calls come on its loop.
class Router final : public net::FrameHandler {
 public:
  /// `services` and `metrics` outlive the router.
  Router(const api::Services& services, base::MetricsRegistry& metrics);
  ~Router() override;

  void on_frame(net::Connection& connection, base::SharedBytes frame,
                net::Responder responder) override;
  void on_drain(net::Connection& connection) override;
  void on_close(net::Connection& connection) override;

 private:
  struct ApiMetrics;
  void refuse(net::Connection& connection, net::Responder& responder, const std::string& what);

  const api::Services& services_;
  std::map<std::int16_t, std::unique_ptr<ApiMetrics>> by_api_;
};

}  // namespace moldau::router
