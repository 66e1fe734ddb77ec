// schema.txt is what fields() of every message say, for a person to review as a diff: a released version
// cannot change unnoticed.  MOLDAU_REWRITE=1 writes it anew.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/protocol/message_list.hpp"

namespace moldau::test {
namespace {

std::string range_text(codec::VersionRange range) {
  if (range.first == codec::never) return "none";
  return std::to_string(range.first) + '-' + std::to_string(range.last);
}

std::string whole_schema() {
  std::string text =
      "# Made from fields(); see schema_test.cpp.  name: type versions [nullable from] [tag] [= default]\n";
  for (const auto& entry : all_messages()) {
    text += '\n' + std::to_string(static_cast<int>(entry.api_key)) + ' ' +
            std::string(protocol::name(entry.api_key)) +
            (entry.is_request ? " request " : " response ") + range_text(entry.versions) +
            " flexible " + range_text(entry.flexible) + '\n';
    text += entry.schema();
  }
  return text;
}

TEST(Schema, IsWhatWasReviewed) {
  const std::string path = MOLDAU_SOURCE_DIR "/tests/protocol/schema.txt";
  const std::string now = whole_schema();
  if (std::getenv("MOLDAU_REWRITE") != nullptr) {
    std::ofstream(path, std::ios::binary) << now;
    GTEST_LOG_(INFO) << "wrote " << path;
  }
  std::ifstream file(path, std::ios::binary);
  std::stringstream reviewed;
  reviewed << file.rdbuf();
  EXPECT_EQ(reviewed.str(), now)
      << "a message changed: review the difference, then run this test with MOLDAU_REWRITE=1";
}

TEST(Schema, VersionsAreOneRangePerApi) {
  for (std::size_t i = 0; i + 1 < all_messages().size(); i += 2) {
    const auto& request = all_messages()[i];
    const auto& response = all_messages()[i + 1];
    EXPECT_EQ(request.api_key, response.api_key);
    EXPECT_TRUE(request.is_request && !response.is_request);
    EXPECT_EQ(request.versions, response.versions) << request.name();
    EXPECT_EQ(request.flexible, response.flexible) << request.name();
  }
}

}  // namespace
}  // namespace moldau::test
