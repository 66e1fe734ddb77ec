#pragma once
// The one list of what is served.  ApiVersions is computed from it: nothing is advertised that is not here.

#include <memory>
#include <span>

#include "moldau/api/reply.hpp"
#include "moldau/api/services.hpp"
#include "moldau/codec/fields.hpp"
#include "moldau/codec/reader.hpp"

namespace moldau::api {

struct ApiRow {
  protocol::ApiKey key{};
  codec::VersionRange served;
  codec::VersionRange advertised;  // as served, but for Produce (protocol.md 3.3)
  codec::VersionRange flexible;
  /// Decodes the body and calls the handler.  An error: nothing was called, the sink is unused.
  base::Status (*handle)(const Services&, const RequestContext&, codec::Reader&,
                         std::unique_ptr<ResponseSink>&) = nullptr;
};

[[nodiscard]] std::span<const ApiRow> api_table();  // ordered by key
[[nodiscard]] const ApiRow* find_api(std::int16_t key);

}  // namespace moldau::api
