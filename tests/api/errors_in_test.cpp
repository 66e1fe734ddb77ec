#include "moldau/api/errors_in.hpp"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "moldau/protocol/describe_configs.hpp"
#include "moldau/protocol/fetch.hpp"
#include "moldau/protocol/metadata.hpp"

namespace moldau::api {
namespace {

using codec::since;
using protocol::ErrorCode;

int plain_visited = 0;

struct Plain {
  std::string name;
  static constexpr void fields(auto& field, auto& m) {
    if (!std::is_constant_evaluated()) ++plain_visited;
    field("name", m.name, since(0));
  }
};

struct Failing {
  ErrorCode error_code = ErrorCode::none;
  std::vector<Plain> plain;
  static constexpr void fields(auto& field, auto& m) {
    field("error_code", m.error_code, since(0));
    field("plain", m.plain, since(0));
  }
};

struct Answer {
  ErrorCode error_code = ErrorCode::none;
  std::vector<Failing> list;
  std::optional<Failing> one;
  std::optional<std::vector<Failing>> nullable;
  std::vector<ErrorCode> codes;
  std::optional<std::vector<Plain>> plain;
  static constexpr void fields(auto& field, auto& m) {
    field("error_code", m.error_code, since(0));
    field("list", m.list, since(0));
    field("one", m.one, since(0));
    field("nullable", m.nullable, since(0));
    field("codes", m.codes, since(0));
    field("plain", m.plain, since(0));
  }
};

std::vector<ErrorCode> errors_in(const auto& response) {
  std::vector<ErrorCode> found;
  for_each_error(response, [&](ErrorCode code) { found.push_back(code); });
  return found;
}

TEST(ErrorsIn, AreFoundWhereverTheyStand) {
  Answer answer;
  EXPECT_EQ(errors_in(answer), std::vector<ErrorCode>{});
  answer.error_code = ErrorCode{1};
  answer.list = {{ErrorCode{2}, {}}, {ErrorCode::none, {}}, {ErrorCode{3}, {}}};
  answer.one = Failing{ErrorCode{5}, {}};
  answer.nullable = {{ErrorCode{6}, {}}};
  answer.codes = {ErrorCode{7}, ErrorCode::none};
  EXPECT_EQ(errors_in(answer), (std::vector{ErrorCode{1}, ErrorCode{2}, ErrorCode{3}, ErrorCode{5},
                                            ErrorCode{6}, ErrorCode{7}}));
}

TEST(ErrorsIn, ArraysThatCanHoldNoneAreNotGoneThrough) {
  Answer answer;
  answer.plain = {Plain{"a"}, Plain{"b"}};
  answer.list = {{ErrorCode{2}, {Plain{"c"}}}};
  plain_visited = 0;
  EXPECT_EQ(errors_in(answer), std::vector{ErrorCode{2}});
  EXPECT_EQ(plain_visited, 0);
}

TEST(ErrorsIn, AreKnownByTheTypesOfKafkasMessages) {
  using Configs = protocol::DescribeConfigsResponse;
  EXPECT_TRUE(holds_error_code<Configs>);
  EXPECT_TRUE(holds_error_code<decltype(Configs::results)>);
  EXPECT_FALSE(holds_error_code<decltype(Configs::Result::configs)>);
  EXPECT_TRUE(holds_error_code<protocol::FetchResponse>);
  EXPECT_TRUE(holds_error_code<protocol::MetadataResponse>);
  EXPECT_FALSE(holds_error_code<protocol::FetchRequest>);
}

}  // namespace
}  // namespace moldau::api
