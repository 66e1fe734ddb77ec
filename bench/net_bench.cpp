// What a request costs in the network layer: an echo of 64 bytes, 1 and 16 deep on a connection, as
// in the design's measurements of raw epoll and Asio.  cpu_us is the loop's own thread, per
// request; the clients run beside it.

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/net/listener.hpp"

namespace moldau::net {
namespace {

class Echo final : public FrameHandler {
 public:
  void on_frame(Connection&, base::SharedBytes frame, Responder responder) override {
    base::Payload payload;
    payload.append(std::move(frame));
    responder.send(std::move(payload));
  }
};

double cpu_us_of(EventLoop& loop) {
  std::promise<double> result;
  loop.post([&] {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    result.set_value(1e6 * static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
  });
  return result.get_future().get();
}

int connect_to(const Endpoint& to) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(to.port);
  ::inet_pton(AF_INET, to.host.c_str(), &address.sin_addr);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
  return socket;
}

void echo(benchmark::State& state) {
  const auto connections = static_cast<std::size_t>(state.range(0));
  const auto depth = static_cast<std::size_t>(state.range(1));
  const auto size = static_cast<std::size_t>(state.range(2));
  base::SystemClock clock;
  Echo handler;
  const auto limiter = ConnectionLimiter::create({});
  EventLoopGroup group(clock, 1);
  ListenerOptions options;
  options.port = 0;
  const auto listener = Listener::open(group.loops(), options, handler, *limiter).value();
  std::vector<int> sockets;
  for (std::size_t i = 0; i < connections; ++i) sockets.push_back(connect_to(listener->address()));
  std::string burst;
  for (std::size_t i = 0; i < depth; ++i) {
    for (int shift = 24; shift >= 0; shift -= 8) burst += static_cast<char>(size >> shift & 0xff);
    burst.append(size, 'x');
  }
  std::string answers(burst.size(), '\0');
  const double before = cpu_us_of(group.loop(0));
  for (auto _ : state) {
    for (const int socket : sockets) {
      if (::send(socket, burst.data(), burst.size(), 0) < 0) std::abort();
    }
    for (const int socket : sockets) {
      if (::recv(socket, answers.data(), answers.size(), MSG_WAITALL) < 0) std::abort();
    }
  }
  const auto requests =
      static_cast<double>(state.iterations()) * static_cast<double>(connections * depth);
  state.counters["cpu_us"] = (cpu_us_of(group.loop(0)) - before) / requests;
  state.counters["requests"] = benchmark::Counter(requests, benchmark::Counter::kIsRate);
  for (const int socket : sockets) ::close(socket);
}

BENCHMARK(echo)
    ->ArgNames({"connections", "depth", "bytes"})
    ->Args({1, 1, 64})
    ->Args({16, 1, 64})
    ->Args({16, 16, 64})
    ->Args({16, 5, 1024})
    ->Args({4, 4, 131072})
    ->UseRealTime();

}  // namespace
}  // namespace moldau::net
