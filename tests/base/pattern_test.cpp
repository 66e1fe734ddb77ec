#include "moldau/base/pattern.hpp"

#include <gtest/gtest.h>

#include <string>

namespace moldau::base {
namespace {

std::string why_not(std::string_view expression) {
  const auto pattern = Pattern::compile(expression);
  return pattern ? "" : pattern.error().message;
}

TEST(Pattern, MatchesWholeNamesOnly) {
  const auto pattern = Pattern::compile("ord.*s").value();
  EXPECT_TRUE(pattern.matches("orders"));
  EXPECT_FALSE(pattern.matches("orders-2"));
  EXPECT_FALSE(pattern.matches("my-orders"));
  EXPECT_FALSE(pattern.matches(""));
}

TEST(Pattern, AnAlternativeCountsForTheWholeNameToo) {
  const auto pattern = Pattern::compile("a|b").value();
  EXPECT_TRUE(pattern.matches("a"));
  EXPECT_TRUE(pattern.matches("b"));
  EXPECT_FALSE(pattern.matches("ab"));
}

TEST(Pattern, SaysWhatIsWrongAsKafkaDoes) {
  EXPECT_EQ(why_not("a(b"), "missing closing )");
  EXPECT_EQ(why_not("[a"), "missing closing ]");
  EXPECT_EQ(why_not("*"), "missing argument to repetition operator");
  EXPECT_EQ(why_not("a**"), "invalid nested repetition operator");
  EXPECT_EQ(why_not("\\"), "trailing backslash at end of expression");
  EXPECT_EQ(why_not("(?=a)"), "invalid or unsupported Perl syntax");
  EXPECT_EQ(why_not("a"), "");
}

TEST(Pattern, RefusesWhatIsTooLarge) {
  EXPECT_NE(why_not("((a{1000}){1000}){1000}"), "");
  EXPECT_NE(why_not(std::string(Pattern::length_max + 1, 'a')), "");
  EXPECT_NE(why_not("\xff"), "");
}

TEST(Pattern, AnExpressionThatWouldTakeOthersForeverIsHarmless) {
  const auto pattern = Pattern::compile("(a*)*b").value();
  EXPECT_FALSE(pattern.matches(std::string(249, 'a')));
}

}  // namespace
}  // namespace moldau::base
