#include "group/topic_regex.hpp"

#include <gtest/gtest.h>

#include "topics.hpp"

namespace moldau::group {
namespace {

TEST(TopicRegex, FindsTopicsInOrder) {
  Topics topics;
  for (const auto* name : {"orders", "offers", "other", "__consumer_offsets"}) topics.make(name, 1);
  const auto matching = [&](std::string_view expression) {
    return matching_topics(base::Pattern::compile(expression).value(), topics.image());
  };
  EXPECT_EQ(matching("o.*ers"), (std::vector<std::string>{"offers", "orders"}));
  EXPECT_EQ(matching(".*").size(), 4U);
  EXPECT_TRUE(matching("nothing").empty());
  EXPECT_TRUE(matching("").empty());
}

}  // namespace
}  // namespace moldau::group
