#pragma once
// What every broker answers: is it alive, is it ready, what has it counted.

#include <functional>
#include <string>
#include <vector>

#include "moldau/base/metrics.hpp"
#include "moldau/http/server.hpp"

namespace moldau::http {

/// One thing that must be so, and why it is not.
struct Check {
  std::string name;  // a stable word: "recovered", "listeners"
  bool is_ok = false;
  std::string reason;  // for a person; when it is not ok
};

/// Asked on the server's thread for each request; must answer at once.  No check is ok.
using Checks = std::function<std::vector<Check>()>;

struct StandardRoutes {
  Checks live;                                     // the event loops turn
  Checks ready;                                    // recovered, listening, registered, not draining
  const base::MetricsRegistry* metrics = nullptr;  // outlives the server
  std::string version;                             // for the page at /
};

/// GET /livez, /readyz (200 or 503; with ?verbose as JSON with each check), /healthz (as /livez),
/// /v1/status/ready (as /readyz; Redpanda's path), /metrics (Prometheus text), / (a page that says
/// what is here).  Source: operator.md 3.
std::vector<Route> standard_routes(StandardRoutes parts);

/// Adds the process_* families that Prometheus's own clients have: CPU seconds, resident memory,
/// open descriptors, start time.  Returns the collector's id.
std::uint64_t add_process_metrics(base::MetricsRegistry& registry);

}  // namespace moldau::http
