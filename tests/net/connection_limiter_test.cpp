#include <gtest/gtest.h>

#include "moldau/net/listener.hpp"

namespace moldau::net {
namespace {

using Verdict = ConnectionLimiter::Verdict;

TEST(ConnectionLimiter, CountsInTotalAndPerAddress) {
  const auto limiter = ConnectionLimiter::create({.connections_max = 3,
                                                  .connections_per_ip_max = 2,
                                                  .connections_per_second_per_ip = 100,
                                                  .connection_burst_per_ip = 100});
  const base::SteadyTime now{std::chrono::seconds(1)};
  EXPECT_EQ(limiter->admit("10.0.0.1", now), Verdict::accepted);
  EXPECT_EQ(limiter->admit("10.0.0.1", now), Verdict::accepted);
  EXPECT_EQ(limiter->admit("10.0.0.1", now), Verdict::per_ip);
  EXPECT_EQ(limiter->admit("10.0.0.2", now), Verdict::accepted);
  EXPECT_EQ(limiter->admit("10.0.0.3", now), Verdict::total);
  limiter->release("10.0.0.1");
  EXPECT_EQ(limiter->count(), 2U);
  EXPECT_EQ(limiter->admit("10.0.0.3", now), Verdict::accepted);
}

TEST(ConnectionLimiter, AllowsABurstAndThenARate) {
  const auto limiter = ConnectionLimiter::create({.connections_max = 1'000,
                                                  .connections_per_ip_max = 1'000,
                                                  .connections_per_second_per_ip = 10,
                                                  .connection_burst_per_ip = 20});
  base::SteadyTime now{std::chrono::seconds(1)};
  for (int i = 0; i < 20; ++i) ASSERT_EQ(limiter->admit("10.0.0.1", now), Verdict::accepted);
  EXPECT_EQ(limiter->admit("10.0.0.1", now), Verdict::rate);
  EXPECT_EQ(limiter->admit("10.0.0.2", now), Verdict::accepted);
  now += std::chrono::milliseconds(201);
  EXPECT_EQ(limiter->admit("10.0.0.1", now), Verdict::accepted);
  EXPECT_EQ(limiter->admit("10.0.0.1", now), Verdict::accepted);
  EXPECT_EQ(limiter->admit("10.0.0.1", now), Verdict::rate);
}

TEST(ConnectionLimiter, LeavesRoomForOtherAddressesByDefault) {
  const auto limiter = ConnectionLimiter::create({.connections_max = 100});
  const base::SteadyTime now{std::chrono::seconds(1)};
  for (int i = 0; i < 75; ++i) ASSERT_EQ(limiter->admit("10.0.0.1", now), Verdict::accepted);
  EXPECT_EQ(limiter->admit("10.0.0.1", now), Verdict::per_ip);
  EXPECT_EQ(limiter->admit("10.0.0.2", now), Verdict::accepted);
}

TEST(ConnectionLimiter, ForgetsAddressesWithoutConnections) {
  const auto limiter = ConnectionLimiter::create({});
  const base::SteadyTime now{std::chrono::seconds(1)};
  ASSERT_EQ(limiter->admit("open", now), Verdict::accepted);
  for (int i = 0; i < 40'000; ++i) {
    const std::string ip = std::to_string(i);
    ASSERT_EQ(limiter->admit(ip, now), Verdict::accepted);
    limiter->release(ip);
  }
  limiter->release("open");  // not forgotten: a check would fail
  EXPECT_EQ(limiter->count(), 0U);
}

}  // namespace
}  // namespace moldau::net
