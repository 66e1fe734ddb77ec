#include "moldau/api/services.hpp"

namespace moldau::api {

HostPort advertised(const metadata::BrokerImage& broker, const RequestContext& context) {
  const auto* endpoint = broker.endpoint(context.listener);
  if (endpoint == nullptr) return context.local;
  // `advertised: auto`: nobody knows better than the client under which address it reached us.
  if (endpoint->host.empty()) return context.local;
  return {endpoint->host, endpoint->port};
}

}  // namespace moldau::api
