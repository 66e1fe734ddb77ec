#include "http/router.hpp"

#include <exception>

#include "moldau/base/log.hpp"

namespace moldau::http {
namespace {

bool fits(const Route& route, std::string_view path) {
  if (path == route.path) return true;
  if (route.match == Route::Match::exact || !path.starts_with(route.path)) return false;
  return route.path.ends_with('/') || path[route.path.size()] == '/';
}

}  // namespace

Response Router::handle(const Request& request) const {
  const Route* best = nullptr;
  std::string allowed;
  for (const Route& route : routes_) {
    if (!fits(route, request.path)) continue;
    if (!allowed.empty()) allowed += ", ";
    allowed += route.method == "GET" ? "GET, HEAD" : route.method;
    const bool is_better = best == nullptr || route.path.size() > best->path.size();
    if (route.method == request.method && is_better) best = &route;
  }
  if (allowed.empty()) return {.status = 404, .body = "not found\n"};
  if (best == nullptr) {
    return {.status = 405, .body = "method not allowed\n", .headers = {{"Allow", allowed}}};
  }
  try {
    return best->handler(request);
  } catch (const std::exception& e) {
    log::error("http.handler_failed", "{} {}: {}", request.method, log::client(request.path),
               e.what());
    return {.status = 500, .body = "internal error\n"};
  }
}

}  // namespace moldau::http
