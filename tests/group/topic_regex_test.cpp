#include "group/topic_regex.hpp"

#include <gtest/gtest.h>

#include "topics.hpp"

namespace moldau::group {
namespace {

std::string why_not(std::string_view expression) {
  const auto regex = TopicRegex::compile(expression);
  return regex ? "" : regex.error().message;
}

TEST(TopicRegex, MatchesWholeNamesOnly) {
  const auto regex = TopicRegex::compile("ord.*s").value();
  EXPECT_TRUE(regex.matches("orders"));
  EXPECT_FALSE(regex.matches("orders-2"));
  EXPECT_FALSE(regex.matches("my-orders"));
  EXPECT_FALSE(regex.matches(""));
}

TEST(TopicRegex, AnAlternativeCountsForTheWholeNameToo) {
  const auto regex = TopicRegex::compile("a|b").value();
  EXPECT_TRUE(regex.matches("a"));
  EXPECT_TRUE(regex.matches("b"));
  EXPECT_FALSE(regex.matches("ab"));
}

TEST(TopicRegex, SaysWhatIsWrongAsKafkaDoes) {
  EXPECT_EQ(why_not("a(b"), "missing closing )");
  EXPECT_EQ(why_not("[a"), "missing closing ]");
  EXPECT_EQ(why_not("*"), "missing argument to repetition operator");
  EXPECT_EQ(why_not("a**"), "invalid nested repetition operator");
  EXPECT_EQ(why_not("\\"), "trailing backslash at end of expression");
  EXPECT_EQ(why_not("(?=a)"), "invalid or unsupported Perl syntax");
  EXPECT_EQ(why_not("a"), "");
}

TEST(TopicRegex, RefusesWhatIsTooLarge) {
  EXPECT_NE(why_not("((a{1000}){1000}){1000}"), "");
  EXPECT_NE(why_not(std::string(TopicRegex::length_max + 1, 'a')), "");
  EXPECT_NE(why_not("\xff"), "");
}

TEST(TopicRegex, AnExpressionThatWouldTakeOthersForeverIsHarmless) {
  const auto regex = TopicRegex::compile("(a*)*b").value();
  EXPECT_FALSE(regex.matches(std::string(249, 'a')));
}

TEST(TopicRegex, FindsTopicsInOrder) {
  Topics topics;
  for (const auto* name : {"orders", "offers", "other", "__consumer_offsets"}) topics.make(name, 1);
  const auto matching = [&](std::string_view expression) {
    return TopicRegex::compile(expression)->matching_topics(topics.image());
  };
  EXPECT_EQ(matching("o.*ers"), (std::vector<std::string>{"offers", "orders"}));
  EXPECT_EQ(matching(".*").size(), 4U);
  EXPECT_TRUE(matching("nothing").empty());
  EXPECT_TRUE(matching("").empty());
}

}  // namespace
}  // namespace moldau::group
