#include "moldau/net/event_loop.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/net/harness.hpp"

namespace moldau::net {
namespace {

using std::chrono::milliseconds;

TEST(EventLoop, RunsTasksOfEachThreadInTheirOrder) {
  base::SystemClock clock;
  EventLoopGroup group(clock, 1);
  EventLoop& loop = group.loop(0);
  std::vector<std::vector<int>> seen(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5'000; ++i) {
        loop.post([&, t, i] {
          EXPECT_TRUE(loop.is_current());
          seen[t].push_back(i);
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(loop.is_current());
  std::atomic<bool> is_done{false};
  loop.post([&] { is_done = true; });
  ASSERT_TRUE(eventually([&] { return is_done.load(); }));
  for (const auto& list : seen) {
    ASSERT_EQ(list.size(), 5'000U);
    EXPECT_TRUE(std::ranges::is_sorted(list));
  }
}

TEST(EventLoop, RunsTimersInTheOrderOfTheirTimesAndNotCancelledOnes) {
  base::SystemClock clock;
  EventLoopGroup group(clock, 1);
  EventLoop& loop = group.loop(0);
  std::vector<int> order;
  std::atomic<bool> is_done{false};
  loop.post([&] {
    const auto now = clock.now();
    for (int ms : {60, 20, 40, 0, -5}) {
      loop.call_at(now + milliseconds(ms), [&, ms, now] {
        EXPECT_GE(clock.now(), now + milliseconds(ms));
        order.push_back(ms);
      });
    }
    const auto cancelled = loop.call_at(now + milliseconds(30), [&] { order.push_back(30); });
    loop.call_at(now + milliseconds(10), [&, cancelled] { loop.cancel(cancelled); });
    loop.call_at(now + milliseconds(80), [&] { is_done = true; });
    loop.cancel(0);
    loop.cancel(12345);
  });
  ASSERT_TRUE(eventually([&] { return is_done.load(); }));
  EXPECT_EQ(order, (std::vector<int>{-5, 0, 20, 40, 60}));
}

TEST(EventLoop, TimerIdsAreNotTakenForThoseOfLaterTimers) {
  base::SystemClock clock;
  EventLoopGroup group(clock, 1);
  EventLoop& loop = group.loop(0);
  std::atomic<bool> is_done{false};
  loop.post([&] {
    const auto soon = clock.now() + milliseconds(20);
    const auto first = loop.call_at(soon, [] { FAIL() << "it was cancelled"; });
    loop.cancel(first);
    loop.call_at(soon, [&] { is_done = true; });  // takes the slot of the first
    loop.cancel(first);
  });
  EXPECT_TRUE(eventually([&] { return is_done.load(); }));
}

TEST(EventLoop, ManyCancelledTimersTakeNoMemoryForLong) {
  base::SystemClock clock;
  EventLoopGroup group(clock, 1);
  EventLoop& loop = group.loop(0);
  std::atomic<int> runs{0};
  loop.post([&] {
    const auto later = clock.now() + std::chrono::hours(1);
    for (int i = 0; i < 100'000; ++i) loop.cancel(loop.call_at(later, [] {}));
    loop.call_at(clock.now(), [&] { ++runs; });
  });
  EXPECT_TRUE(eventually([&] { return runs == 1; }));
}

TEST(EventLoop, DestroysWhatNeverRan) {
  base::SystemClock clock;
  const auto held = std::make_shared<int>(1);
  {
    EventLoopGroup group(clock, 1);
    group.loop(0).post([&, held] {
      group.loop(0).call_at(clock.now() + std::chrono::hours(1), [held] { FAIL(); });
    });
    ASSERT_TRUE(eventually([&] { return held.use_count() == 2; }));
    group.stop();
    group.loop(0).post([held] { FAIL(); });
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(EventLoop, CountsInItsOwnShard) {
  base::SystemClock clock;
  EventLoopGroup group(clock, 2);
  std::atomic<int> sum{0};
  std::atomic<int> done{0};
  for (EventLoop* loop : group.loops()) {
    loop->post([&] {
      sum += base::detail::metrics_shard;
      ++done;
    });
  }
  ASSERT_TRUE(eventually([&] { return done == 2; }));
  EXPECT_EQ(sum, 1 + 2);
}

}  // namespace
}  // namespace moldau::net
