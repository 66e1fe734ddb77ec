#include "moldau/api/producer_ids.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/api/test_node.hpp"

namespace moldau::api {
namespace {

TEST(ProducerIds, AreAtHandOnceABlockWasAskedFor) {
  TestNode node;
  EXPECT_EQ(node.producer_ids->try_next(), std::nullopt);  // which asks for it
  node.executor.run();
  EXPECT_TRUE(node.producer_ids->try_next().has_value());
}

TEST(ProducerIds, ArePreparedOnce) {
  TestNode node;
  node.producer_ids->prepare();
  node.producer_ids->prepare();
  node.executor.run();
  node.producer_ids->prepare();
  node.executor.run();
  EXPECT_EQ(node.producer_ids->try_next(), ProducerId{0});
  EXPECT_EQ(node.controller->image()->next_producer_id(), 1'000);
}

TEST(ProducerIds, NeverRunOutWhereTheControllerKeepsUp) {
  TestNode node;
  node.producer_ids->prepare();
  node.executor.run();
  std::set<ProducerId> ids;
  for (int i = 0; i < 5'000; ++i) {
    const auto id = node.producer_ids->try_next();
    ASSERT_TRUE(id.has_value()) << i;
    EXPECT_TRUE(ids.insert(*id).second);
    if (i % 50 == 0) node.executor.run();  // a block takes its time
  }
}

TEST(ProducerIds, OfBothWaysAreOneSequence) {
  TestNode node;
  std::set<ProducerId> ids;
  const auto note = [&](base::Result<ProducerId> id) {
    ASSERT_TRUE(id.has_value());
    EXPECT_TRUE(ids.insert(id.value()).second);
  };
  for (int i = 0; i < 2'500; ++i) node.producer_ids->next(note);  // more than two blocks, at once
  EXPECT_TRUE(ids.empty());
  node.executor.run();
  EXPECT_EQ(ids.size(), 2'500U);
  const auto id = node.producer_ids->try_next();
  ASSERT_TRUE(id.has_value());
  EXPECT_FALSE(ids.contains(*id));
}

}  // namespace
}  // namespace moldau::api
