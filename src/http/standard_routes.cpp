#include "moldau/http/standard_routes.hpp"

#include <algorithm>

#include "moldau/base/escape.hpp"

namespace moldau::http {
namespace {

std::string as_json(bool is_ok, const std::vector<Check>& checks) {
  std::string out = is_ok ? R"({"status":"ok","checks":[)" : R"({"status":"failing","checks":[)";
  bool is_first = true;
  for (const Check& check : checks) {
    if (!std::exchange(is_first, false)) out += ',';
    out += R"({"name":)";
    base::append_json_string(out, check.name);
    out += check.is_ok ? R"(,"ok":true)" : R"(,"ok":false)";
    if (!check.is_ok && !check.reason.empty()) {
      out += R"(,"reason":)";
      base::append_json_string(out, check.reason);
    }
    out += '}';
  }
  return out + "]}\n";
}

Response health(const Checks& checks_of, const Request& request) {
  const std::vector<Check> checks = checks_of ? checks_of() : std::vector<Check>();
  const bool is_ok = std::ranges::all_of(checks, &Check::is_ok);
  Response response;
  response.status = is_ok ? 200 : 503;
  if (request.parameter("verbose")) {
    response.content_type = "application/json";
    response.body = as_json(is_ok, checks);
    return response;
  }
  response.body = is_ok ? "ok\n" : "failing\n";
  for (const Check& check : checks) {
    if (!check.is_ok) response.body += check.name + ": " + check.reason + '\n';
  }
  return response;
}

std::string page(const std::string& version) {
  return "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Moldau</title>\n"
         "<h1>Moldau " +
         version +
         "</h1>\n<p>A broker for Kafka clients. They connect to another port; here are:</p>\n<ul>\n"
         "<li><a href=\"/readyz?verbose\">/readyz</a>: does it serve clients? (200 or 503)\n"
         "<li><a href=\"/livez?verbose\">/livez</a>: does it run?\n"
         "<li><a href=\"/metrics\">/metrics</a>: what it counted, for Prometheus\n"
         "</ul>\n</html>\n";
}

}  // namespace

std::vector<Route> standard_routes(StandardRoutes parts) {
  std::vector<Route> routes;
  const auto get = [&](std::string path, Handler handler) {
    routes.push_back({"GET", std::move(path), std::move(handler)});
  };
  for (const char* path : {"/livez", "/healthz"}) {
    get(path, [checks = parts.live](const Request& r) { return health(checks, r); });
  }
  for (const char* path : {"/readyz", "/v1/status/ready"}) {
    get(path, [checks = parts.ready](const Request& r) { return health(checks, r); });
  }
  if (parts.metrics != nullptr) {
    get("/metrics", [metrics = parts.metrics](const Request&) {
      return Response{.content_type = std::string(base::prometheus_content_type),
                      .body = base::to_prometheus_text(metrics->snapshot())};
    });
  }
  get("/", [text = page(parts.version)](const Request&) {
    return Response{.content_type = "text/html; charset=utf-8", .body = text};
  });
  return routes;
}

}  // namespace moldau::http
