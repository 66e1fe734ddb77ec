#pragma once
#include <vector>

#include "moldau/http/server.hpp"

namespace moldau::http {

/// From a request to its route.  Immutable.
class Router {
 public:
  explicit Router(std::vector<Route> routes) : routes_(std::move(routes)) {}
  /// The route's answer; 404 for a path that nothing serves, 405 with `Allow` for another method;
  /// 500 when the handler threw.
  [[nodiscard]] Response handle(const Request& request) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace moldau::http
