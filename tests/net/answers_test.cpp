// Answers out: their order, their slots, their end.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/net/harness.hpp"

namespace moldau::net {
namespace {

struct ParkingHandler {
  ParkingHandler() {
    handler.frame = [this](Connection&, base::SharedBytes bytes, Responder responder) {
      texts.push_back(text_of(bytes));
      parked.add(std::move(responder));
    };
  }
  TestHandler handler;
  std::vector<std::string> texts;  // read only when the loop rests
  Parked parked;
};

TEST(Answers, GoOutInTheOrderOfTheRequestsWhateverTheOrderTheyAreGivenIn) {
  ParkingHandler parking;
  Server server(parking.handler);
  const Client client = server.connect();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(client.send_frame(std::to_string(i)));
  ASSERT_TRUE(eventually([&] { return parking.parked.size() == 50; }));
  std::vector<std::size_t> order(50);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::shuffle(order, std::mt19937(7));
  for (const std::size_t i : order) {
    // Some on the loop, some from here.
    Responder responder = parking.parked.take(i);
    if (i % 2 == 0) {
      responder.send(payload_of("answer " + std::to_string(i)));
    } else {
      server.loop().post([r = std::move(responder), i]() mutable {
        r.send(payload_of("answer " + std::to_string(i)));
      });
    }
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.receive_frame(), "answer " + std::to_string(i));
}

TEST(Answers, AreGivenByManyThreadsAtOnce) {
  ParkingHandler parking;
  Server server(parking.handler, {}, 2);
  std::vector<Client> clients;
  for (int c = 0; c < 4; ++c) clients.push_back(server.connect());
  // One thread per loop writes texts; not used here.
  parking.handler.frame = [&](Connection&, base::SharedBytes bytes, Responder responder) {
    std::thread([r = std::move(responder), text = text_of(bytes)]() mutable {
      r.send(payload_of(text));
    }).detach();
  };
  for (int round = 0; round < 20; ++round) {
    for (const Client& client : clients) {
      std::string burst;
      for (int i = 0; i < 20; ++i) burst += frame_of(std::to_string(round * 100 + i));
      ASSERT_TRUE(client.send(burst));
    }
    for (const Client& client : clients) {
      for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(client.receive_frame(), std::to_string(round * 100 + i));
      }
    }
  }
}

TEST(Answers, ThatAreReadyWaitForAnEarlierOneThatIsNot) {
  ParkingHandler parking;
  Server server(parking.handler);
  const Client client = server.connect();
  ASSERT_TRUE(client.send(frame_of("slow") + frame_of("quick")));
  ASSERT_TRUE(eventually([&] { return parking.parked.size() == 2; }));
  parking.parked.take(1).send(payload_of("quick"));
  EXPECT_FALSE(client.has_input_within(100));
  parking.parked.take(0).send(payload_of("slow"));
  EXPECT_EQ(client.receive_frame(), "slow");
  EXPECT_EQ(client.receive_frame(), "quick");
}

TEST(Answers, AreLeftOutWhereThereIsNone) {
  TestHandler handler;
  handler.frame = [](Connection&, base::SharedBytes bytes, Responder responder) {
    if (text_of(bytes) == "acks=0") return responder.no_response();
    responder.send(payload_of(text_of(bytes)));
  };
  Server server(handler);
  const Client client = server.connect();
  ASSERT_TRUE(client.send(frame_of("acks=0") + frame_of("a") + frame_of("acks=0") +
                          frame_of("acks=0") + frame_of("b") + frame_of("acks=0")));
  EXPECT_EQ(client.receive_frame(), "a");
  EXPECT_EQ(client.receive_frame(), "b");
  EXPECT_FALSE(client.has_input_within(50));
}

TEST(Answers, BeforeOneThatClosesAreSentAndThoseAfterItAreNot) {
  ParkingHandler parking;
  Server server(parking.handler);
  const Client client = server.connect();
  ASSERT_TRUE(client.send(frame_of("1") + frame_of("2") + frame_of("3")));
  ASSERT_TRUE(eventually([&] { return parking.parked.size() == 3; }));
  parking.parked.take(2).send(payload_of("3"));
  parking.parked.take(1).close("a bad request");
  EXPECT_FALSE(client.has_input_within(50));
  parking.parked.take(0).send(payload_of("1"));
  EXPECT_EQ(client.receive_frame(), "1");
  EXPECT_EQ(client.receive_frame(), std::nullopt);
}

TEST(Answers, ThatAreForgottenCloseTheConnection) {
  TestHandler handler;
  handler.frame = [](Connection&, base::SharedBytes, Responder) {};
  Server server(handler);
  const Client client = server.connect();
  ASSERT_TRUE(client.send_frame("lost"));
  EXPECT_TRUE(client.sees_close());
}

TEST(Answers, ToAClientThatLeftAreDropped) {
  ParkingHandler parking;
  Server server(parking.handler);
  {
    const Client client = server.connect();
    ASSERT_TRUE(client.send(frame_of("1") + frame_of("2")));
    ASSERT_TRUE(eventually([&] { return parking.parked.size() == 2; }));
  }
  ASSERT_TRUE(eventually([&] { return parking.handler.closed == 1; }));
  EXPECT_EQ(server.loop().connection_count(), 0U);
  parking.parked.take(0).send(payload_of("1"));
  parking.parked.take(1).close("whatever");
  EXPECT_TRUE(eventually([&] { return server.loop().memory_used() == 0; }));
}

TEST(Answers, AreStillOwedWhenTheListenerIsGone) {
  ParkingHandler parking;
  Server server(parking.handler);
  const Client client = server.connect();
  ASSERT_TRUE(client.send_frame("1"));
  ASSERT_TRUE(eventually([&] { return parking.parked.size() == 1; }));
  server.close_listener();
  EXPECT_TRUE(client.sees_close());
  EXPECT_EQ(parking.handler.closed, 1);
  parking.parked.take(0).send(payload_of("late"));
}

TEST(Answers, OwedWhenTheLoopsHaveStoppedAreDropped) {
  ParkingHandler parking;
  {
    Server server(parking.handler);
    const Client client = server.connect();
    ASSERT_TRUE(client.send(frame_of("1") + frame_of("2")));
    ASSERT_TRUE(eventually([&] { return parking.parked.size() == 2; }));
    server.close_listener();
    server.group().stop();
    parking.parked.take(0).send(payload_of("late"));
    // A task that holds one and never runs.
    server.loop().post([r = parking.parked.take(1)] {});
  }
  EXPECT_EQ(parking.handler.closed, 1);
}

TEST(Answers, OfMegabytesReachAClientThatReadsSlowly) {
  TestHandler handler;
  const std::string big = varied_text(20 * 1024 * 1024);
  handler.frame = [&](Connection&, base::SharedBytes, Responder responder) {
    base::Payload payload;
    for (std::size_t at = 0; at < big.size(); at += 100'000) {
      payload.append(payload_of(std::string_view(big).substr(at, 100'000)));
    }
    responder.send(std::move(payload));
  };
  Server server(handler);
  const Client client = server.connect();
  ASSERT_TRUE(client.send_frame("give"));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto frame = client.receive_frame();
  ASSERT_TRUE(frame.has_value());
  EXPECT_TRUE(*frame == big);
}

TEST(Connection, KnowsItsAddressesAndKeepsTheHandlersState) {
  struct State final : SessionState {
    explicit State(std::atomic<int>& c) : count(c) { ++count; }
    ~State() override { --count; }
    std::atomic<int>& count;
    int requests = 0;
  };
  std::atomic<int> states{0};
  TestHandler handler;
  Endpoint local;
  Endpoint remote;
  std::string listener;
  bool is_on_loop = false;
  handler.open = [&](Connection& c) {
    local = c.local_address();
    remote = c.remote_address();
    listener = c.listener_name();
    is_on_loop = c.loop().is_current();
    c.session() = std::make_unique<State>(states);
  };
  handler.frame = [&](Connection& c, base::SharedBytes, Responder responder) {
    EXPECT_EQ(&responder.connection(), &c);
    responder.send(payload_of(std::to_string(++static_cast<State&>(*c.session()).requests)));
  };
  ListenerOptions options;
  options.name = "INSIDE";
  Server server(handler, options);
  {
    const Client client = server.connect();
    ASSERT_TRUE(client.send(frame_of("x") + frame_of("x")));
    EXPECT_EQ(client.receive_frame(), "1");
    EXPECT_EQ(client.receive_frame(), "2");
    sockaddr_in mine{};
    socklen_t size = sizeof mine;
    ::getsockname(client.socket(), reinterpret_cast<sockaddr*>(&mine), &size);
    EXPECT_EQ(to_string(local), to_string(server.listener().address()));
    EXPECT_EQ(remote, (Endpoint{"127.0.0.1", ntohs(mine.sin_port)}));
    EXPECT_EQ(listener, "INSIDE");
    EXPECT_TRUE(is_on_loop);
    EXPECT_EQ(states, 1);
  }
  EXPECT_TRUE(eventually([&] { return states == 0; }));
}

TEST(Connection, ClosesAfterItsAnswersOrAtOnce) {
  Parked parked;
  TestHandler handler;
  handler.frame = [&](Connection& c, base::SharedBytes bytes, Responder responder) {
    const std::string text = text_of(bytes);
    if (text == "finish") c.close("enough");
    if (text == "now") c.close("at once", Connection::CloseMode::now);
    EXPECT_EQ(c.is_closed(), text == "now");
    parked.add(std::move(responder));
  };
  Server server(handler);
  const Client polite = server.connect();
  ASSERT_TRUE(polite.send(frame_of("a") + frame_of("finish") + frame_of("not read")));
  ASSERT_TRUE(eventually([&] { return parked.size() == 2; }));
  EXPECT_FALSE(polite.has_input_within(50));
  parked.take(0).send(payload_of("1"));
  parked.take(1).send(payload_of("2"));
  EXPECT_EQ(polite.receive_frame(), "1");
  EXPECT_EQ(polite.receive_frame(), "2");
  EXPECT_TRUE(polite.sees_close());
  const Client rude = server.connect();
  ASSERT_TRUE(rude.send(frame_of("a") + frame_of("now") + frame_of("not read")));
  EXPECT_TRUE(rude.sees_close());
  // The handler goes on after it has closed the connection; no responder may outlive the loops.
  ASSERT_TRUE(eventually([&] { return parked.size() == 4; }));
  EXPECT_EQ(handler.frames, 4);
  parked.take_all();
}

TEST(Connection, ReadsNothingWhileItIsThrottled) {
  TestHandler handler;
  std::atomic<bool> is_throttled{false};
  handler.frame = [&](Connection& c, base::SharedBytes bytes, Responder responder) {
    if (!is_throttled.exchange(true)) {
      c.throttle_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(300));
    }
    responder.send(payload_of(text_of(bytes)));
  };
  Server server(handler);
  const Client client = server.connect();
  ASSERT_TRUE(client.send(frame_of("1") + frame_of("2")));
  EXPECT_EQ(client.receive_frame(), "1");
  EXPECT_EQ(handler.frames, 1);
  EXPECT_EQ(client.receive_frame(), "2");
  EXPECT_EQ(handler.frames, 2);
}

}  // namespace
}  // namespace moldau::net
