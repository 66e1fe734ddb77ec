// UpdateFeatures (KIP-584, KIP-778), through the controller.

#include <utility>

#include "moldau/api/error_mapping.hpp"
#include "moldau/api/handlers.hpp"

namespace moldau::api {

void update_features(const Services& services, const RequestContext& context,
                     protocol::UpdateFeaturesRequest request,
                     Reply<protocol::UpdateFeaturesResponse> reply) {
  using Mode = metadata::UpdateFeaturesRequest::Mode;
  metadata::UpdateFeaturesRequest update;
  update.validate_only = request.validate_only;
  // Version 0's allow_downgrade means nothing any more, as in Kafka: its updates are upgrades.
  for (const auto& feature : request.feature_updates)
    update.updates.push_back({feature.feature, feature.max_version_level,
                              static_cast<Mode>(feature.upgrade_type)});
  services.controller.update_features(
      std::move(update), [request = std::move(request), version = context.version,
                          reply = std::move(reply)](auto result) mutable {
        protocol::UpdateFeaturesResponse response;
        response.error_message.reset();
        metadata::ItemError error;
        if (!result) {
          error = result.error();
        } else {
          error = result.value().error;
        }
        if (error) {
          response.error_code = error_code(error->code);
          response.error_message = error->message;
        } else if (version < 2) {
          for (const auto& feature : request.feature_updates)
            response.results.push_back({feature.feature, protocol::ErrorCode::none, "NONE"});
        }
        reply(response);
      });
}

}  // namespace moldau::api
