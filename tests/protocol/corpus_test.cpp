// The fuzz targets' first inputs, and whatever they found: each stays harmless.  MOLDAU_REWRITE=1
// makes the inputs anew from the encoder; what was found (found_*) is kept.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "moldau/base/random.hpp"
#include "moldau/codec/writer.hpp"
#include "moldau/protocol/headers.hpp"
#include "tests/protocol/decode_probe.hpp"

namespace moldau::test {
namespace {

const std::filesystem::path corpus = MOLDAU_SOURCE_DIR "/tests/fuzz/corpus";

void write_seed(const MessageEntry& entry, codec::Version version) {
  const auto key = static_cast<std::int16_t>(entry.api_key);
  // Of its own, so that another message leaves this one's bytes as they are.
  base::SeededRandom random(static_cast<std::uint64_t>(key) << 16 |
                            static_cast<std::uint16_t>(version));
  const bool flexible = entry.flexible.contains(version);
  codec::Writer writer;
  if (entry.is_request) {
    protocol::encode_request_header(writer, {key, version, 1, "seed"}, flexible);
  } else {
    writer.fixed(key);
    writer.fixed(version);
    protocol::encode_response_header(writer, entry.api_key, flexible, 1);
  }
  auto body = entry.random_bytes(random, version);
  for (int i = 0; i < 50 && (body.size() < 40 || body.size() > 500); ++i)
    body = entry.random_bytes(random, version);
  writer.raw(body.view());
  const auto bytes = std::move(writer).finish().flatten();
  std::ofstream(corpus / (entry.is_request ? "request" : "response") / file_stem(entry, version),
                std::ios::binary)
      << base::as_text(bytes.view());
}

void rewrite_seeds() {
  for (const char* family : {"request", "response"}) {
    std::filesystem::create_directories(corpus / family);
    for (const auto& file : std::filesystem::directory_iterator(corpus / family)) {
      if (!file.path().filename().string().starts_with("found_"))
        std::filesystem::remove(file.path());
    }
  }
  for (const auto& entry : all_messages()) {
    write_seed(entry, entry.versions.first);
    if (entry.versions.last != entry.versions.first) write_seed(entry, entry.versions.last);
  }
}

int probe_all(const char* family, std::string (*probe)(base::ByteView)) {
  int count = 0;
  for (const auto& path : std::filesystem::directory_iterator(corpus / family)) {
    std::ifstream file(path.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(probe(base::as_bytes(bytes)), "") << path.path().filename();
    ++count;
  }
  return count;
}

TEST(FuzzCorpus, IsHarmless) {
  if (std::getenv("MOLDAU_REWRITE") != nullptr) rewrite_seeds();
  EXPECT_GT(probe_all("request", probe_request), 20);
  EXPECT_GT(probe_all("response", probe_response), 20);
}

}  // namespace
}  // namespace moldau::test
