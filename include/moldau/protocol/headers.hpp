#pragma once
// What stands in front of every request and response.  Which header goes with which version is the
// protocol's: version 2 (requests) and 1 (responses) with flexible versions (KIP-482); an ApiVersions
// response always has version 0, since its reader does not know yet what the broker speaks (KIP-511).

#include <cstdint>
#include <optional>
#include <string>

#include "moldau/base/result.hpp"
#include "moldau/codec/fields.hpp"
#include "moldau/codec/reader.hpp"
#include "moldau/codec/writer.hpp"
#include "moldau/protocol/api_key.hpp"

namespace moldau::protocol {

struct RequestHeader {
  std::int16_t api_key = 0;  // not yet known to be one
  codec::Version version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string> client_id;
};

/// Reads the part that all versions share; nothing of it needs to be known.
base::Result<RequestHeader> decode_request_header(codec::Reader& reader);
/// Reads the tagged fields that follow in a flexible version.  Errors as Codec::decode.
base::Status decode_request_header_tags(codec::Reader& reader);

void encode_request_header(codec::Writer& writer, const RequestHeader& header, bool flexible);

/// For responses: `flexible` of that response's version.
void encode_response_header(codec::Writer& writer, ApiKey api_key, bool flexible,
                            std::int32_t correlation_id);
/// Returns the correlation id.
base::Result<std::int32_t> decode_response_header(codec::Reader& reader, ApiKey api_key,
                                                  bool flexible);

}  // namespace moldau::protocol
