// DescribeCluster (KIP-700, KIP-919, KIP-1073).

#include "moldau/api/handlers.hpp"

namespace moldau::api {

void describe_cluster(const Services& services, const RequestContext& context,
                      protocol::DescribeClusterRequest request,
                      Reply<protocol::DescribeClusterResponse> reply) {
  protocol::DescribeClusterResponse response;
  response.cluster_id = services.cluster_id;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type != 1) {
    response.error_code = request.endpoint_type == 2
                              ? protocol::ErrorCode::mismatched_endpoint_type
                              : protocol::ErrorCode::unsupported_endpoint_type;
    response.error_message = "this listener is a broker's";
    reply(response);
    return;
  }
  response.controller_id = services.node_id;
  for (const auto& [id, broker] : services.metadata.image()->brokers()) {
    if (broker->fenced && !request.include_fenced_brokers) continue;
    const auto [host, port] = advertised(*broker, context);
    response.brokers.push_back({id, host, port, broker->rack, broker->fenced});
  }
  reply(response);
}

}  // namespace moldau::api
