#include "moldau/net/listener.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <set>
#include <string>

#include "net/congestion_control.hpp"
#include "tests/net/harness.hpp"

namespace moldau::net {
namespace {

using std::chrono::milliseconds;

TEST(Listener, SaysThatItsPortIsTaken) {
  TestHandler handler;
  Server server(handler);
  ListenerOptions options;
  options.port = server.listener().address().port;
  const auto second =
      Listener::open(server.group().loops(), options, handler, server.limiter(), nullptr);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, base::Errc::already_exists);
  EXPECT_NE(second.error().message.find(std::to_string(options.port)), std::string::npos);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos);
}

TEST(Listener, TakesAPortAgainRightAfterItsConnectionsWereClosed) {
  TestHandler handler;
  base::SystemClock clock;
  auto limiter = ConnectionLimiter::create({});
  EventLoopGroup group(clock, 1);
  ListenerOptions options;
  options.port = 0;
  for (int i = 0; i < 3; ++i) {
    auto opened = Listener::open(group.loops(), options, handler, *limiter);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    options.port = (*opened)->address().port;
    const Client client((*opened)->address());
    ASSERT_TRUE(client.send_frame("x"));
    ASSERT_EQ(client.receive_frame(), "x");
    (*opened)->shut_down(milliseconds(0));  // our side closes first: TIME_WAIT is ours
    EXPECT_TRUE(client.sees_close());
  }
}

TEST(Listener, RefusesAnAddressThatIsNotOne) {
  TestHandler handler;
  Server server(handler);
  ListenerOptions options;
  options.host = "203.0.113.7";  // for documentation: nobody's
  const auto foreign =
      Listener::open(server.group().loops(), options, handler, server.limiter(), nullptr);
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().code, base::Errc::invalid_argument);
  options.host = "not an address";
  const auto nonsense =
      Listener::open(server.group().loops(), options, handler, server.limiter(), nullptr);
  ASSERT_FALSE(nonsense.has_value());
  EXPECT_EQ(nonsense.error().code, base::Errc::invalid_argument);
}

/// This process's end of `client`'s connection.
int accepted_socket(const Client& client) {
  sockaddr_in of_client{};
  socklen_t size = sizeof of_client;
  ::getsockname(client.socket(), reinterpret_cast<sockaddr*>(&of_client), &size);
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    sockaddr_in peer{};
    size = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        peer.sin_family == AF_INET && peer.sin_port == of_client.sin_port) {
      return descriptor;
    }
  }
  return -1;
}

std::string congestion_control_of(int socket) {
  std::array<char, 17> name{};
  socklen_t size = 16;
  ::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size);
  return name.data();
}

TEST(Listener, GivesItsConnectionsTheCongestionControlThatWasChosen) {
  const std::string standard = standard_congestion_control();
  // The kernel always has reno; whichever of two is not the standard shows that it was chosen.
  for (const std::string& chosen : {std::string("reno"), std::string("cubic"), std::string()}) {
    if (!chosen.empty() && !check_congestion_control(chosen)) continue;
    TestHandler handler;
    ListenerOptions options;
    options.tcp_congestion_control = chosen;
    Server server(handler, options);
    const Client client = server.connect();
    ASSERT_TRUE(client.send_frame("x"));
    ASSERT_EQ(client.receive_frame(), "x");
    EXPECT_EQ(congestion_control_of(accepted_socket(client)), chosen.empty() ? standard : chosen);
  }
}

TEST(Listener, RefusesACongestionControlThatTheKernelDoesNotHave) {
  TestHandler handler;
  Server server(handler);
  ListenerOptions options;
  options.port = 0;
  options.tcp_congestion_control = "cubik";
  const auto opened =
      Listener::open(server.group().loops(), options, handler, server.limiter(), nullptr);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, base::Errc::invalid_argument);
  EXPECT_NE(opened.error().message.find("no congestion control 'cubik'"), std::string::npos)
      << opened.error().message;
  EXPECT_NE(opened.error().message.find("reno"), std::string::npos) << opened.error().message;
  EXPECT_NE(opened.error().message.find("/proc/sys/net/ipv4/tcp_available_congestion_control"),
            std::string::npos)
      << opened.error().message;
}

TEST(Listener, SaysWhichCongestionControlsAreAllowedWithoutPrivilege) {
  const auto error = congestion_control_refusal("bbr", EPERM);
  EXPECT_EQ(error.code, base::Errc::invalid_argument);
  EXPECT_NE(error.message.find("CAP_NET_ADMIN"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("reno"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("/proc/sys/net/ipv4/tcp_allowed_congestion_control"),
            std::string::npos)
      << error.message;
}

TEST(Listener, SpreadsConnectionsOverItsLoops) {
  TestHandler handler;
  std::mutex mutex;
  std::multiset<int> loops;
  handler.open = [&](Connection& c) {
    const std::lock_guard lock(mutex);
    loops.insert(c.loop().index());
  };
  Server server(handler, {}, 2);
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(server.connect());
    ASSERT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return static_cast<int>(loops.size()) == i + 1;
    }));
  }
  const std::lock_guard lock(mutex);
  EXPECT_EQ(loops.count(0), 5U);
  EXPECT_EQ(loops.count(1), 5U);
}

TEST(Listener, ServesIPv4AndIPv6OnAllAddresses) {
  TestHandler handler;
  std::string remote;
  handler.open = [&](Connection& c) { remote = c.remote_address().host; };
  ListenerOptions options;
  options.host = "";
  Server server(handler, options);
  const Client v4(Endpoint{"127.0.0.1", server.listener().address().port});
  ASSERT_TRUE(v4.send_frame("v4"));
  EXPECT_EQ(v4.receive_frame(), "v4");
  EXPECT_EQ(remote, "127.0.0.1");
}

TEST(Listener, LetsWhatIsInFlightFinishWhenItShutsDown) {
  Parked parked;
  TestHandler handler;
  handler.frame = [&](Connection&, base::SharedBytes, Responder r) { parked.add(std::move(r)); };
  std::atomic<int> drained{0};
  handler.drain = [&](Connection& c) {
    ++drained;
    c.loop().call_at(std::chrono::steady_clock::now() + milliseconds(100), [&] {
      for (Responder& r : parked.take_all()) r.send(payload_of("done"));
    });
  };
  Server server(handler, {}, 2);
  const Client busy = server.connect();
  const Client idle = server.connect();
  ASSERT_TRUE(busy.send_frame("work"));
  ASSERT_TRUE(eventually([&] { return parked.size() == 1 && handler.opened == 2; }));
  server.listener().shut_down(milliseconds(20'000));
  EXPECT_EQ(drained, 2);
  EXPECT_EQ(handler.closed, 2);
  EXPECT_EQ(busy.receive_frame(), "done");
  EXPECT_TRUE(busy.sees_close());
  EXPECT_TRUE(idle.sees_close());
  const Client late = server.connect();
  EXPECT_TRUE(!late.is_connected() || late.sees_close());
}

TEST(Listener, ClosesWhatIsNotFinishedInTime) {
  Parked parked;
  TestHandler handler;
  handler.frame = [&](Connection&, base::SharedBytes, Responder r) { parked.add(std::move(r)); };
  Server server(handler);
  const Client client = server.connect();
  ASSERT_TRUE(client.send_frame("work"));
  ASSERT_TRUE(eventually([&] { return parked.size() == 1; }));
  server.listener().shut_down(milliseconds(100));
  EXPECT_EQ(handler.closed, 1);
  EXPECT_TRUE(client.sees_close());
  parked.take_all();
}

// Not with UBSan, which opens a pipe to look at an object's type and takes its failure for a bad
// object.
#if !defined(MOLDAU_SANITIZED)
TEST(Listener, SurvivesTheLossOfAllDescriptors) {
  TestHandler handler;
  Server server(handler);
  const Client before = server.connect();
  ASSERT_TRUE(before.send_frame("a"));
  ASSERT_EQ(before.receive_frame(), "a");
  // Sockets for clients first, then none is left for the server to accept them with.
  std::vector<int> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(::socket(AF_INET, SOCK_STREAM, 0));
  rlimit old{};
  ::getrlimit(RLIMIT_NOFILE, &old);
  rlimit none = old;
  none.rlim_cur = static_cast<rlim_t>(clients.back()) + 1;
  std::vector<int> fillers;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) fillers.push_back(fd);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.listener().address().port);
  ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  for (const int client : clients) {
    ::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  EXPECT_TRUE(eventually(
      [&] { return server.metric("moldau_net_connections_refused_total", "descriptors") >= 1; }));
  // Those that are here are served meanwhile.
  ASSERT_TRUE(before.send_frame("b"));
  EXPECT_EQ(before.receive_frame(), "b");
  for (const int fd : fillers) ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &old);
  for (const int client : clients) ::close(client);
  const Client after = server.connect();
  ASSERT_TRUE(after.send_frame("c"));
  EXPECT_EQ(after.receive_frame(), "c");
}
#endif

}  // namespace
}  // namespace moldau::net
