#pragma once
// Every message behind functions of one type, for the tests and fuzz targets that go through them all.

#include <string>
#include <string_view>
#include <vector>

#include "moldau/base/random.hpp"
#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/codec/fields.hpp"
#include "moldau/codec/reader.hpp"
#include "moldau/protocol/api_key.hpp"

namespace moldau::test {

struct MessageEntry {
  protocol::ApiKey api_key{};
  bool is_request = false;
  codec::VersionRange versions;
  codec::VersionRange flexible;

  /// Decodes and lets go: what the memory bound is measured on.
  base::Status (*decode)(codec::Reader& reader, codec::Version version) = nullptr;
  /// Decodes and encodes what came out.
  base::Result<base::SharedBytes> (*recode)(codec::Reader& reader, codec::Version version) = nullptr;
  /// The bytes of a message with random values.
  base::SharedBytes (*random_bytes)(base::Random& random, codec::Version version) = nullptr;
  /// Fills at random, encodes, decodes, compares; empty, or what is wrong.
  std::string (*round_trip)(base::Random& random, codec::Version version) = nullptr;
  /// The bytes of a message as constructed.
  base::SharedBytes (*default_bytes)(codec::Version version) = nullptr;
  std::string (*schema)() = nullptr;
  std::string (*repeated_members)() = nullptr;

  /// "ProduceRequest"
  [[nodiscard]] std::string name() const;
};

const std::vector<MessageEntry>& all_messages();

/// By the name of golden and corpus files: "api_versions_v3_request".
const MessageEntry* find_message(std::string_view file_stem, codec::Version& version);
std::string file_stem(const MessageEntry& entry, codec::Version version);

}  // namespace moldau::test
