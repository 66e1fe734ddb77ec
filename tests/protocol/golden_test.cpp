// Frames of real clients and of a real Apache Kafka (recorded by tests/clients/record_golden.py, without
// their length): each decodes and encodes to the very same bytes.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "moldau/protocol/headers.hpp"
#include "tests/protocol/message_list.hpp"

namespace moldau::test {
namespace {

using base::SharedBytes;

std::vector<std::filesystem::path> golden_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& file :
       std::filesystem::directory_iterator(MOLDAU_SOURCE_DIR "/tests/protocol/golden")) {
    if (file.path().extension() == ".bin") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

SharedBytes contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return SharedBytes::copy_of(base::as_bytes(text));
}

/// Reads the header and writes it again; what fails is said by `reader`.
void recode_header(const MessageEntry& entry, codec::Version version, codec::Reader& reader,
                   codec::Writer& writer) {
  const bool flexible = entry.flexible.contains(version);
  if (!entry.is_request) {
    const auto id = protocol::decode_response_header(reader, entry.api_key, flexible);
    ASSERT_TRUE(id) << to_string(id.error());
    protocol::encode_response_header(writer, entry.api_key, flexible, *id);
    return;
  }
  const auto header = protocol::decode_request_header(reader);
  ASSERT_TRUE(header) << to_string(header.error());
  EXPECT_EQ(header->api_key, static_cast<std::int16_t>(entry.api_key));
  EXPECT_EQ(header->version, version);
  if (flexible) {
    const auto tags = protocol::decode_request_header_tags(reader);
    ASSERT_TRUE(tags) << to_string(tags.error());
  }
  protocol::encode_request_header(writer, *header, flexible);
}

TEST(GoldenFrames, EncodeToTheSameBytes) {
  const auto files = golden_files();
  ASSERT_FALSE(files.empty());
  for (const auto& path : files) {
    SCOPED_TRACE(path.filename().string());
    codec::Version version = 0;
    const auto* entry = find_message(path.stem().string(), version);
    ASSERT_NE(entry, nullptr) << "no message of ours has this name";
    const auto frame = contents(path);
    codec::Reader reader(frame);
    codec::Writer writer;
    recode_header(*entry, version, reader, writer);
    if (testing::Test::HasFatalFailure()) return;
    const auto body = entry->recode(reader, version);
    ASSERT_TRUE(body) << to_string(body.error());
    EXPECT_EQ(reader.remaining(), 0U);
    writer.raw(body->view());
    const auto again = std::move(writer).finish().flatten();
    EXPECT_EQ(base::as_text(again.view()), base::as_text(frame.view()));
  }
}

}  // namespace
}  // namespace moldau::test
