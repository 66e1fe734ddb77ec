#include "moldau/net/listener.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "moldau/base/log.hpp"
#include "net/congestion_control.hpp"
#include "net/connection_impl.hpp"
#include "net/endpoint.hpp"
#include "net/loop_impl.hpp"

namespace moldau::net {
namespace {

namespace asio = boost::asio;
using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;

constexpr int accepts_per_turn = 64;
constexpr std::chrono::milliseconds accept_pause{100};

/// A descriptor that is closed with its owner.
class OwnedDescriptor {
 public:
  explicit OwnedDescriptor(int descriptor = -1) : descriptor_(descriptor) {}
  OwnedDescriptor(OwnedDescriptor&& other) noexcept : descriptor_(other.take()) {}
  OwnedDescriptor& operator=(OwnedDescriptor&& other) noexcept {
    reset(other.take());
    return *this;
  }
  ~OwnedDescriptor() { reset(); }
  int take() { return std::exchange(descriptor_, -1); }
  void reset(int descriptor = -1) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = descriptor;
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

void set_option(int descriptor, int level, int option, int value) {
  ::setsockopt(descriptor, level, option, &value, sizeof value);
}

base::Error bind_error(const SocketAddress& address, const ListenerOptions& options) {
  const int error = errno;
  const std::string where = to_string(endpoint_of(address));
  if (error == EADDRINUSE) {
    return base::fail(
        base::Errc::already_exists,
        fmt::format("listener {}: {} is in use by another process; stop it, or choose "
                    "another port in the listener's address",
                    options.name, where));
  }
  if (error == EADDRNOTAVAIL) {
    return base::fail(
        base::Errc::invalid_argument,
        fmt::format("listener {}: {} is not an address of this machine; clients' names "
                    "for it belong in the advertised address",
                    options.name, where));
  }
  const auto code = error == EACCES ? base::Errc::invalid_argument : base::Errc::io;
  return base::fail(code, fmt::format("listener {}: cannot listen on {}: {}", options.name, where,
                                      std::strerror(error)));
}

enum class Sharing : bool { alone, with_other_loops };

base::Result<OwnedDescriptor> bind_socket(const SocketAddress& address,
                                          const ListenerOptions& options, Sharing sharing) {
  OwnedDescriptor socket(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (socket.get() < 0) return bind_error(address, options);
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (sharing == Sharing::with_other_loops) set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.storage.ss_family == AF_INET6) {
    set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.host.empty() ? 0 : 1);
  }
  if (::bind(socket.get(), address.get(), address.size) != 0) return bind_error(address, options);
  return socket;
}

// Accepted sockets take these from the listening one.
base::Status start_listening(int socket, const SocketAddress& address,
                             const ListenerOptions& options) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  if (!options.tcp_congestion_control.empty()) {
    MOLDAU_TRY(set_congestion_control(socket, options.tcp_congestion_control));
  }
  if (::listen(socket, options.backlog) != 0) return bind_error(address, options);
  return {};
}

SocketAddress local_address_of(int socket) {
  SocketAddress address;
  ::getsockname(socket, address.get(), &address.size);
  return address;
}

/// One socket for each of `count` loops, all bound to the same address.
base::Result<std::vector<OwnedDescriptor>> bind_for_loops(SocketAddress address, std::size_t count,
                                                          const ListenerOptions& options) {
  if (options.port != 0) {
    // A second broker of the same user could share the port by SO_REUSEPORT: found out without it.
    MOLDAU_ASSIGN(auto probe, bind_socket(address, options, Sharing::alone));
    MOLDAU_TRY(start_listening(probe.get(), address, options));
  }
  std::vector<OwnedDescriptor> sockets;
  for (std::size_t i = 0; i < count; ++i) {
    MOLDAU_ASSIGN(auto socket, bind_socket(address, options, Sharing::with_other_loops));
    if (i == 0) address = local_address_of(socket.get());  // the port the system chose
    MOLDAU_TRY(start_listening(socket.get(), address, options));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

/// A connection on its way to its loop; given back if it never gets there.
struct Accepted {
  std::shared_ptr<ListenerShared> shared;
  LoopImpl* loop;
  OwnedDescriptor socket;
  Endpoint remote;

  Accepted(std::shared_ptr<ListenerShared> s, LoopImpl& l, OwnedDescriptor fd, Endpoint r)
      : shared(std::move(s)), loop(&l), socket(std::move(fd)), remote(std::move(r)) {
    loop->count_connections(1);
    shared->opened();
  }
  Accepted(Accepted&&) noexcept = default;
  Accepted& operator=(Accepted&&) = delete;
  ~Accepted() {
    if (shared == nullptr) return;
    loop->count_connections(-1);
    shared->limiter.release(remote.host);
    shared->closed();
  }
  /// On its loop.
  void become_connection() {
    const Endpoint local = endpoint_of(local_address_of(socket.get()));
    shared->metrics->open->add(1);
    auto owner = std::move(shared);
    auto* connection =
        new ConnectionImpl(*loop, std::move(owner), socket.take(), local, std::move(remote));
    connection->start();
  }
};

/// Accepts on one loop.  Thread rule: that loop.
class Acceptor {
 public:
  Acceptor(LoopImpl& loop, std::span<EventLoop* const> loops, OwnedDescriptor socket,
           std::shared_ptr<ListenerShared> shared)
      : loop_(loop),
        loops_(loops.begin(), loops.end()),
        shared_(std::move(shared)),
        socket_(loop.context(), socket.take()),
        reserve_(open_reserve()) {}

  void start() {
    if (is_stopped_) return;
    socket_.async_wait(Descriptor::wait_read, [this](const boost::system::error_code& error) {
      if (error || is_stopped_) return;
      loop_.turn([this] { accept_ready(); });
    });
  }

  void stop() {
    is_stopped_ = true;
    loop_.cancel(std::exchange(pause_timer_, 0));
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  static OwnedDescriptor open_reserve() {
    return OwnedDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  void accept_ready() {
    for (int i = 0; i < accepts_per_turn; ++i) {
      SocketAddress address;
      OwnedDescriptor socket(::accept4(socket_.native_handle(), address.get(), &address.size,
                                       SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.get() < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
          return pause(errno);
        }
        continue;  // it went away before it was accepted
      }
      take(std::move(socket), endpoint_of(address));
    }
    start();
  }

  void take(OwnedDescriptor socket, Endpoint remote) {
    using Verdict = ConnectionLimiter::Verdict;
    const Verdict verdict = shared_->limiter.admit(remote.host, loop_.turn_time());
    if (verdict != Verdict::accepted) return refuse(verdict, remote);
    shared_->metrics->accepted->add();
    Accepted accepted(shared_, emptiest_loop(), std::move(socket), std::move(remote));
    if (accepted.loop == &loop_) return accepted.become_connection();
    LoopImpl& target = *accepted.loop;
    target.post([a = std::move(accepted)]() mutable { a.become_connection(); });
  }

  // This one, unless another has fewer connections: a hop per connection, none per request.
  LoopImpl& emptiest_loop() {
    LoopImpl* best = &loop_;
    for (EventLoop* loop : loops_) {
      if (loop->connection_count() < best->connection_count()) {
        best = static_cast<LoopImpl*>(loop);
      }
    }
    return *best;
  }

  void refuse(ConnectionLimiter::Verdict verdict, const Endpoint& remote) {
    const auto index = static_cast<std::size_t>(verdict) - 1;
    shared_->metrics->refused[index]->add();
    std::uint64_t suppressed = 0;
    if (!loop_.log_limiter.allow(LogLimiter::refused, loop_.turn_time(), suppressed)) return;
    constexpr std::array<std::string_view, 3> limits{
        "there are as many as limits.connections_max", "it has as many as limits.connections_per_ip_max",
        "it makes too many in a second"};
    log::warn("net.connection_refused",
              "a connection from {} was closed at once: {} ({} more were not logged)",
              remote.host, limits[index], suppressed);
  }

  // No descriptor is left.  The reserve takes one waiting client off the queue, which would
  // otherwise keep the socket readable and this loop busy; then nothing is accepted for a moment.
  void pause(int error) {
    shared_->metrics->refused[3]->add();
    if (reserve_.get() >= 0) {
      reserve_.reset();
      OwnedDescriptor(::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
      reserve_ = open_reserve();
    }
    std::uint64_t suppressed = 0;
    if (loop_.log_limiter.allow(LogLimiter::descriptors, loop_.turn_time(), suppressed)) {
      log::warn("net.accept_failed",
                "listener {} cannot take connections: {}; raise the limit of open files "
                "(ulimit -n, LimitNOFILE=)",
                shared_->options.name, std::strerror(error));
    }
    pause_timer_ = loop_.call_at(loop_.turn_time() + accept_pause, [this] {
      pause_timer_ = 0;
      start();
    });
  }

  LoopImpl& loop_;
  const std::vector<EventLoop*> loops_;
  const std::shared_ptr<ListenerShared> shared_;  // see ListenerShared
  Descriptor socket_;
  OwnedDescriptor reserve_;
  base::Loop::TimerId pause_timer_ = 0;
  bool is_stopped_ = false;
};

class ListenerImpl final : public Listener {
 public:
  ListenerImpl(std::span<EventLoop* const> loops, std::vector<OwnedDescriptor> sockets,
               std::shared_ptr<ListenerShared> shared)
      : loops_(loops.begin(), loops.end()),
        shared_(std::move(shared)),
        address_(endpoint_of(local_address_of(sockets.front().get()))) {
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      acceptors_.push_back(
          std::make_unique<Acceptor>(loop(i), loops, std::move(sockets[i]), shared_));
      loops_[i]->post([acceptor = acceptors_.back().get()] { acceptor->start(); });
    }
  }

  ~ListenerImpl() override {
    shut_down(base::Milliseconds(0));
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      // Its last handlers have run by then.
      loop(i).run_and_wait([&] { acceptors_[i].reset(); });
    }
  }

  [[nodiscard]] const Endpoint& address() const override { return address_; }

  void stop_accepting() override {
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      loop(i).run_and_wait([&] { acceptors_[i]->stop(); });
    }
  }

  void shut_down(base::Milliseconds grace) override {
    stop_accepting();
    if (grace.count() > 0) {
      for_connections([](ConnectionImpl& connection) { connection.drain(); });
      std::unique_lock lock(shared_->mutex);
      shared_->all_closed.wait_for(lock, grace, [&] { return shared_->open == 0; });
    }
    for_connections([](ConnectionImpl& connection) {
      connection.close_for(CloseCause::shutdown, "the listener stops");
    });
    // A connection on its way to a loop is one there by now: posts keep their order.
    if (std::ranges::any_of(
            loops_, [](EventLoop* l) { return static_cast<LoopImpl*>(l)->has_stopped(); })) {
      return;
    }
    std::unique_lock lock(shared_->mutex);
    shared_->all_closed.wait(lock, [&] { return shared_->open == 0; });
  }

 private:
  [[nodiscard]] LoopImpl& loop(std::size_t i) const { return static_cast<LoopImpl&>(*loops_[i]); }

  template <class F>
  void for_connections(F&& work) {
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      loop(i).run_and_wait([&] { loop(i).for_connections_of(shared_.get(), work); });
    }
  }

  const std::vector<EventLoop*> loops_;
  const std::shared_ptr<ListenerShared> shared_;  // see ListenerShared
  const Endpoint address_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
};

}  // namespace

base::Result<std::unique_ptr<Listener>> Listener::open(std::span<EventLoop* const> loops,
                                                       ListenerOptions options,
                                                       FrameHandler& handler,
                                                       ConnectionLimiter& limiter,
                                                       base::MetricsRegistry* metrics) {
  MOLDAU_CHECK(!loops.empty(), "a listener has a loop");
  MOLDAU_ASSIGN(auto addresses, listening_addresses(options.host, options.port));
  base::Error error = base::fail(base::Errc::invalid_argument,
                                 fmt::format("'{}' has no address to listen on", options.host));
  for (const SocketAddress& address : addresses) {
    auto sockets = bind_for_loops(address, loops.size(), options);
    if (sockets.has_value()) {
      auto shared = std::make_shared<ListenerShared>(std::move(options), handler, limiter, metrics);
      return std::unique_ptr<Listener>(
          std::make_unique<ListenerImpl>(loops, std::move(sockets).value(), std::move(shared)));
    }
    error = std::move(sockets).error();
    // Without IPv6 the next one is IPv4's; a port that is taken is taken.
    if (error.code == base::Errc::already_exists) break;
  }
  return error;
}

}  // namespace moldau::net
