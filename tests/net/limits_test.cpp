// What a client cannot do: hold memory, time, connections.

#include <gtest/gtest.h>

#include "tests/net/harness.hpp"

namespace moldau::net {
namespace {

using std::chrono::milliseconds;

ListenerOptions with(void (*change)(NetOptions&)) {
  ListenerOptions options;
  change(options.net);
  return options;
}

TEST(Limits, RequestsInFlightAreBoundedPerConnection) {
  Parked parked;
  TestHandler handler;
  handler.frame = [&](Connection&, base::SharedBytes, Responder r) { parked.add(std::move(r)); };
  Server server(handler);
  const Client client = server.connect();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(client.send_frame(std::to_string(i)));
  ASSERT_TRUE(eventually([&] { return parked.size() == limits::requests_in_flight_max; }));
  EXPECT_FALSE(client.has_input_within(100));
  EXPECT_EQ(parked.size(), limits::requests_in_flight_max);
  int answered = 0;
  while (answered < 200) {
    ASSERT_TRUE(eventually([&] { return parked.size() > 0; }));
    for (Responder& responder : parked.take_all()) {
      responder.send(payload_of(std::to_string(answered++)));
    }
  }
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.receive_frame(), std::to_string(i));
  EXPECT_EQ(handler.frames, 200);
}

TEST(Limits, AClientThatDoesNotReadIsHandedNoMoreRequestsAndThenCut) {
  TestHandler handler;
  handler.frame = [](Connection&, base::SharedBytes, Responder responder) {
    responder.send(payload_of(std::string(400'000, 'x')));
  };
  Server server(handler, with([](NetOptions& o) { o.send_stall_max = milliseconds(500); }));
  const Client deaf(server.listener().address(), 4096);
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(deaf.send_frame("give"));
  const Client other = server.connect();
  ASSERT_TRUE(other.send_frame("give"));
  EXPECT_EQ(other.receive_frame()->size(), 400'000U);
  EXPECT_TRUE(eventually([&] { return handler.closed == 1; }));
  EXPECT_LT(handler.frames, 100);
  EXPECT_EQ(server.metric("moldau_net_connections_closed_total", "send_stall"), 1);
}

TEST(Limits, AClientThatReadsSlowlyIsNotCut) {
  TestHandler handler;
  handler.frame = [](Connection&, base::SharedBytes, Responder responder) {
    responder.send(payload_of(std::string(8'000'000, 'x')));
  };
  Server server(handler, with([](NetOptions& o) { o.send_stall_max = milliseconds(600); }));
  const Client slow(server.listener().address(), 64 * 1024);
  ASSERT_TRUE(slow.send_frame("give"));
  std::size_t got = 0;
  while (got < 8'000'004) {
    const auto part = slow.receive(std::min<std::size_t>(400'000, 8'000'004 - got));
    ASSERT_FALSE(part.empty()) << got;
    got += part.size();
    std::this_thread::sleep_for(milliseconds(60));
  }
  EXPECT_EQ(handler.closed, 0);
}

TEST(Limits, IdleConnectionsAreCutAndBusyOnesAreNot) {
  TestHandler handler;
  Server server(handler, with([](NetOptions& o) { o.idle_max = milliseconds(400); }));
  const Client idle = server.connect();
  const Client busy = server.connect();
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(busy.send_frame("ping"));
    ASSERT_EQ(busy.receive_frame(), "ping") << i;
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_TRUE(idle.sees_close());
  EXPECT_EQ(handler.closed, 1);
  EXPECT_EQ(server.metric("moldau_net_connections_closed_total", "idle"), 1);
}

TEST(Limits, AParkedRequestIsNotIdle) {
  Parked parked;
  TestHandler handler;
  handler.frame = [&](Connection&, base::SharedBytes, Responder r) { parked.add(std::move(r)); };
  Server server(handler, with([](NetOptions& o) { o.idle_max = milliseconds(200); }));
  const Client client = server.connect();
  ASSERT_TRUE(client.send_frame("fetch"));
  EXPECT_FALSE(client.has_input_within(1'000));
  parked.take(0).send(payload_of("at last"));
  EXPECT_EQ(client.receive_frame(), "at last");
  EXPECT_TRUE(client.sees_close());
}

TEST(Limits, AStartedFrameMustEnd) {
  TestHandler handler;
  Server server(handler, with([](NetOptions& o) { o.frame_time_max = milliseconds(400); }));
  const Client slowloris = server.connect();
  ASSERT_TRUE(slowloris.send(frame_of(std::string(100, 'x')).substr(0, 10)));
  const Client patient = server.connect();
  std::thread trickle([&] {
    for (int i = 0; i < 50 && slowloris.send("x"); ++i)
      std::this_thread::sleep_for(milliseconds(50));
  });
  EXPECT_TRUE(slowloris.sees_close());
  trickle.join();
  EXPECT_EQ(server.metric("moldau_net_connections_closed_total", "frame_time"), 1);
  ASSERT_TRUE(patient.send_frame("ping"));  // between frames there is no such deadline
  EXPECT_EQ(patient.receive_frame(), "ping");
}

TEST(Limits, StrangersHaveLittleTimeAndSmallFrames) {
  TestHandler handler;
  handler.frame = [](Connection& c, base::SharedBytes bytes, Responder responder) {
    if (text_of(bytes) == "password") c.trust();
    responder.send(payload_of("ok"));
  };
  ListenerOptions options = with([](NetOptions& o) { o.stranger_time_max = milliseconds(1'000); });
  options.trusted_from_start = false;
  Server server(handler, options);
  const Client stranger = server.connect();
  const Client greedy = server.connect();
  const Client friendly = server.connect();
  ASSERT_TRUE(greedy.send_frame("hello"));
  EXPECT_EQ(greedy.receive_frame(), "ok");
  ASSERT_TRUE(greedy.send(frame_of(std::string(70'000, 'x')).substr(0, 4)));
  EXPECT_TRUE(greedy.sees_close());
  ASSERT_TRUE(friendly.send_frame("password"));
  EXPECT_EQ(friendly.receive_frame(), "ok");
  EXPECT_TRUE(stranger.sees_close());
  EXPECT_EQ(server.metric("moldau_net_connections_closed_total", "stranger_time"), 1);
  ASSERT_TRUE(friendly.send_frame(std::string(70'000, 'x')));
  EXPECT_EQ(friendly.receive_frame(), "ok");
  EXPECT_TRUE(eventually([&] { return server.loop().memory_used() == 0; }));
}

TEST(Limits, ConnectionsThatDeclareMuchAndSendLittleHoldLittle) {
  TestHandler handler;
  Server server(handler, {}, 2);
  const std::string start("\x06\x40\x00\x00x", 5);  // 100 MiB, and one byte of it
  std::vector<Client> clients;
  for (int i = 0; i < 2'000; ++i) {
    clients.push_back(server.connect());
    ASSERT_TRUE(clients.back().is_connected());
    ASSERT_TRUE(clients.back().send(start));
  }
  ASSERT_TRUE(
      eventually([&] { return server.metric("moldau_net_received_bytes_total") == 5.0 * 2'000; }));
  std::size_t held = 0;
  for (EventLoop* loop : server.group().loops()) held += loop->memory_used();
  EXPECT_LE(held, 20U * 1024 * 1024);
  const Client other = server.connect();
  ASSERT_TRUE(other.send_frame("serving"));
  EXPECT_EQ(other.receive_frame(), "serving");
  clients.clear();
  EXPECT_TRUE(eventually([&] { return handler.closed == 2'000; }));
  for (EventLoop* loop : server.group().loops()) EXPECT_EQ(loop->memory_used(), 0U);
}

TEST(Limits, FramesThatTogetherNeedMoreMemoryThanThereIsAreAllFinished) {
  TestHandler handler;
  handler.frame = [](Connection&, base::SharedBytes bytes, Responder responder) {
    responder.send(payload_of(std::to_string(bytes.size())));
  };
  EventLoopOptions small;
  small.request_memory_bytes = 2 * 1024 * 1024;
  Server server(handler, {}, 1, {}, small);
  std::atomic<bool> is_done{false};
  std::atomic<std::size_t> most{0};
  std::thread watcher([&] {
    while (!is_done) {
      most = std::max(most.load(), server.loop().memory_used());
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  std::vector<std::thread> clients;
  for (unsigned c = 0; c < 8; ++c) {
    clients.emplace_back([&server, c] {
      const Client client = server.connect();
      const std::string text = varied_text(3'000'000, c);
      for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(client.send_frame(text));
        EXPECT_EQ(client.receive_frame(), "3000000");
      }
    });
  }
  for (auto& client : clients) client.join();
  is_done = true;
  watcher.join();
  // The pool, one frame above it, and what was read before it was full.
  EXPECT_LE(most, 2U * 1024 * 1024 + 3'000'000 + 8 * 256 * 1024);
  EXPECT_TRUE(eventually([&] { return server.loop().memory_used() == 0; }));
}

TEST(Limits, OnConnectionsCloseTheNextOneAtOnceAndCountIt) {
  TestHandler handler;
  ConnectionLimits limits;
  limits.connections_max = 3;
  limits.connections_per_ip_max = 3;
  Server server(handler, {}, 2, limits);
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(server.connect());
    ASSERT_TRUE(clients.back().send_frame("in"));
    ASSERT_EQ(clients.back().receive_frame(), "in");
  }
  const Client over = server.connect();
  EXPECT_TRUE(over.sees_close());
  EXPECT_EQ(server.metric("moldau_net_connections_refused_total", "total"), 1);
  clients.pop_back();
  ASSERT_TRUE(eventually([&] { return server.limiter().count() == 2; }));
  const Client next = server.connect();
  ASSERT_TRUE(next.send_frame("in"));
  EXPECT_EQ(next.receive_frame(), "in");
  EXPECT_EQ(server.metric("moldau_net_connections"), 3);
}

}  // namespace
}  // namespace moldau::net
