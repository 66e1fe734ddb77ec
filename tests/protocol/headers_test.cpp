#include <gtest/gtest.h>

#include "moldau/protocol/error_code.hpp"
#include "moldau/protocol/headers.hpp"

namespace moldau::protocol {
namespace {

using base::SharedBytes;

SharedBytes header_bytes(const RequestHeader& header, bool flexible) {
  codec::Writer writer;
  encode_request_header(writer, header, flexible);
  return std::move(writer).finish().flatten();
}

TEST(RequestHeader, ReadsWhatWasWritten) {
  for (const bool flexible : {false, true}) {
    const auto bytes = header_bytes({18, 3, 77, "rdkafka"}, flexible);
    codec::Reader reader(bytes);
    const auto header = decode_request_header(reader);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->api_key, 18);
    EXPECT_EQ(header->version, 3);
    EXPECT_EQ(header->correlation_id, 77);
    EXPECT_EQ(header->client_id, "rdkafka");
    if (flexible) {
      EXPECT_TRUE(decode_request_header_tags(reader));
    }
    EXPECT_EQ(reader.remaining(), 0U);
  }
}

TEST(RequestHeader, HasAPlainClientIdInFlexibleVersions) {
  const auto bytes = header_bytes({18, 3, 1, "ab"}, true);
  EXPECT_EQ(base::as_text(bytes.view()), std::string_view("\0\x12\0\3\0\0\0\1\0\2ab\0", 13));
}

TEST(RequestHeader, ClientIdMayBeNull) {
  const auto bytes = header_bytes({3, 1, 5, std::nullopt}, false);
  codec::Reader reader(bytes);
  const auto header = decode_request_header(reader);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->client_id, std::nullopt);
}

TEST(RequestHeader, CutOffIsAnError) {
  const auto bytes = header_bytes({18, 3, 77, "rdkafka"}, false);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    codec::Reader reader(bytes.slice(0, size));
    EXPECT_FALSE(decode_request_header(reader)) << size;
  }
}

TEST(RequestHeader, SkipsTaggedFieldsAndRefusesTooMany) {
  codec::Writer few;
  few.unsigned_varint(1);
  few.unsigned_varint(7);
  few.unsigned_varint(2);
  few.raw(base::as_bytes("hi"));
  codec::Reader reader(std::move(few).finish().flatten());
  EXPECT_TRUE(decode_request_header_tags(reader));
  EXPECT_EQ(reader.remaining(), 0U);

  codec::Writer many;
  many.unsigned_varint(1'000'000);
  for (int i = 0; i < 1'000'000; ++i) many.fixed<std::int16_t>(0);
  codec::Reader refused(std::move(many).finish().flatten());
  const auto status = decode_request_header_tags(refused);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Errc::limit_exceeded);
}

TEST(ResponseHeader, HasTagsInFlexibleVersionsButNeverForApiVersions) {
  const auto size = [](ApiKey key, bool flexible) {
    codec::Writer writer;
    encode_response_header(writer, key, flexible, 9);
    const auto bytes = std::move(writer).finish().flatten();
    codec::Reader reader(bytes);
    const auto id = decode_response_header(reader, key, flexible);
    EXPECT_TRUE(id && *id == 9);
    EXPECT_EQ(reader.remaining(), 0U);
    return bytes.size();
  };
  EXPECT_EQ(size(ApiKey::metadata, false), 4U);
  EXPECT_EQ(size(ApiKey::metadata, true), 5U);
  EXPECT_EQ(size(ApiKey::api_versions, false), 4U);
  EXPECT_EQ(size(ApiKey::api_versions, true), 4U);
}

TEST(ErrorCode, HasKafkasNameForEveryNumber) {
  EXPECT_EQ(name(ErrorCode::none), "NONE");
  EXPECT_EQ(name(ErrorCode::unknown_server_error), "UNKNOWN_SERVER_ERROR");
  EXPECT_EQ(name(static_cast<ErrorCode>(136)), "CONTROLLER_ID_NOT_REGISTERED");
  EXPECT_EQ(name(static_cast<ErrorCode>(137)), "UNKNOWN");
  for (std::int16_t code = -1; code <= 136; ++code)
    EXPECT_NE(name(static_cast<ErrorCode>(code)), "UNKNOWN") << code;
}

TEST(ApiKey, HasKafkasNameForEveryNumber) {
  EXPECT_EQ(name(ApiKey::list_config_resources), "ListConfigResources");
  for (std::int16_t key = 0; key <= 94; ++key)
    EXPECT_NE(name(static_cast<ApiKey>(key)), "unknown") << key;
  EXPECT_EQ(name(static_cast<ApiKey>(95)), "unknown");
}

}  // namespace
}  // namespace moldau::protocol
