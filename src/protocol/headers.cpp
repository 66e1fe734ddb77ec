#include "moldau/protocol/headers.hpp"

#include "moldau/base/limits.hpp"

namespace moldau::protocol {
namespace {

void skip_tags(codec::Reader& reader) {
  const std::uint64_t count = reader.unsigned_varint();
  if (count > limits::tagged_fields_max) {
    reader.fail(base::Errc::limit_exceeded, "too many tagged fields in the header");
    return;
  }
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    reader.unsigned_varint();
    reader.skip(reader.unsigned_varint());
  }
}

}  // namespace

base::Result<RequestHeader> decode_request_header(codec::Reader& reader) {
  RequestHeader header;
  header.api_key = reader.fixed<std::int16_t>();
  header.version = reader.fixed<std::int16_t>();
  header.correlation_id = reader.fixed<std::int32_t>();
  // In every version a plain nullable string, also where the body is compact (KIP-482).
  if (const auto length = reader.string_length(false); length && reader.charge(*length + 1, 1))
    header.client_id = std::string(base::as_text(reader.view(*length)));
  if (!reader.ok()) return reader.error();
  return header;
}

base::Status decode_request_header_tags(codec::Reader& reader) {
  skip_tags(reader);
  if (!reader.ok()) return reader.error();
  return {};
}

void encode_request_header(codec::Writer& writer, const RequestHeader& header, bool flexible) {
  writer.fixed(header.api_key);
  writer.fixed(header.version);
  writer.fixed(header.correlation_id);
  if (header.client_id) {
    writer.string_length(header.client_id->size(), false);
    writer.raw(base::as_bytes(*header.client_id));
  } else {
    writer.null_string(false);
  }
  if (flexible) writer.unsigned_varint(0);
}

void encode_response_header(codec::Writer& writer, ApiKey api_key, bool flexible,
                            std::int32_t correlation_id) {
  writer.fixed(correlation_id);
  if (flexible && api_key != ApiKey::api_versions) writer.unsigned_varint(0);
}

base::Result<std::int32_t> decode_response_header(codec::Reader& reader, ApiKey api_key,
                                                  bool flexible) {
  const auto correlation_id = reader.fixed<std::int32_t>();
  if (flexible && api_key != ApiKey::api_versions) skip_tags(reader);
  if (!reader.ok()) return reader.error();
  return correlation_id;
}

}  // namespace moldau::protocol
