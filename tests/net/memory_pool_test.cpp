#include "net/memory_pool.hpp"

#include <gtest/gtest.h>

namespace moldau::net {
namespace {

struct User final : MemoryUser {
  void on_memory() override { ++woken; }
  int woken = 0;
};

TEST(MemoryPool, LetsOneUserOverTheLimitAndTheOthersWait) {
  MemoryPool pool(100);
  User a;
  User b;
  User c;
  EXPECT_TRUE(pool.acquire(a, 60));
  EXPECT_TRUE(pool.acquire(b, 60));  // the first that does not fit is the privileged one
  EXPECT_TRUE(pool.acquire(b, 500));
  EXPECT_FALSE(pool.acquire(a, 1));
  EXPECT_FALSE(pool.acquire(c, 1));
  EXPECT_EQ(pool.used(), 620U);
  pool.give_way(b);
  EXPECT_EQ(a.woken, 1);
  EXPECT_EQ(c.woken, 1);
  EXPECT_TRUE(pool.acquire(c, 1));  // now it is this one
  EXPECT_FALSE(pool.acquire(a, 1));
}

TEST(MemoryPool, WakesAllWhenThereIsRoomAgain) {
  MemoryPool pool(100);
  User a;
  User b;
  User c;
  EXPECT_TRUE(pool.acquire(a, 100));
  EXPECT_TRUE(pool.acquire(a, 1));
  EXPECT_FALSE(pool.acquire(b, 10));
  EXPECT_FALSE(pool.acquire(c, 10));
  pool.release(10);
  EXPECT_EQ(b.woken + c.woken, 0);  // 91 of 100 are used: not worth it
  pool.release(50);
  EXPECT_EQ(b.woken, 1);
  EXPECT_EQ(c.woken, 1);
  EXPECT_TRUE(pool.acquire(b, 10));
}

TEST(MemoryPool, ForgetsThoseWhoAreGone) {
  MemoryPool pool(10);
  User a;
  User b;
  EXPECT_TRUE(pool.acquire(a, 11));
  EXPECT_FALSE(pool.acquire(b, 1));
  pool.forget(b);
  pool.release(11);
  pool.forget(a);
  EXPECT_EQ(b.woken, 0);
}

}  // namespace
}  // namespace moldau::net
