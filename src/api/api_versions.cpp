// ApiVersions, computed from the table.  Rules: protocol.md section 2 and edge cases 1 to 3.

#include <algorithm>
#include <cctype>
#include <string_view>

#include "moldau/api/api_table.hpp"
#include "moldau/api/handlers.hpp"
#include "moldau/metadata/features.hpp"

namespace moldau::api {
namespace {

using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;
using protocol::ErrorCode;

/// [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?  (KIP-511)
bool is_software_name(std::string_view text) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  return !text.empty() && plain(text.front()) && plain(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

/// KIP-1242: a client that says whom it means is told when we are somebody else.
ErrorCode check_identity(const Services& services, const ApiVersionsRequest& request) {
  const bool names_node = request.node_id.value() != -1;
  if (!request.cluster_id) return names_node ? ErrorCode::invalid_request : ErrorCode::none;
  if (*request.cluster_id != services.cluster_id ||
      (names_node && request.node_id != services.node_id))
    return ErrorCode::rebootstrap_required;
  return ErrorCode::none;
}

void add_features(const Services& services, std::int16_t version, ApiVersionsResponse& response) {
  const auto image = services.metadata.image();
  for (const auto& [name, range] : metadata::supported_features()) {
    // Clients before version 4 fail on a minimum of 0 (KAFKA-17011).
    if (version < 4 && range.min == 0) continue;
    response.supported_features.push_back({name, range.min, range.max});
  }
  for (const auto& [name, level] : metadata::offered_features(*image))
    response.finalized_features.push_back({name, level, level});
  response.finalized_features_epoch = image->offset().value();
}

}  // namespace

void api_versions(const Services& services, const RequestContext& context,
                  ApiVersionsRequest request, Reply<ApiVersionsResponse> reply) {
  ApiVersionsResponse response;
  if (context.version >= 3 && (!is_software_name(request.client_software_name) ||
                               !is_software_name(request.client_software_version))) {
    response.error_code = ErrorCode::invalid_request;
    reply(response);
    return;
  }
  if (context.version >= 5) response.error_code = check_identity(services, request);
  if (response.error_code == ErrorCode::none) {
    for (const auto& row : api_table())
      response.api_keys.push_back({static_cast<std::int16_t>(row.key), row.advertised.first,
                                   row.advertised.last});
    add_features(services, context.version, response);
  }
  reply(response);
}

}  // namespace moldau::api
