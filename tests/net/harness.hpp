#pragma once
// A server over real sockets with a handler made of functions, and a blocking client.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "moldau/base/bytes.hpp"
#include "moldau/base/clock.hpp"
#include "moldau/base/metrics.hpp"
#include "moldau/net/listener.hpp"

namespace moldau::net {

inline base::Payload payload_of(std::string_view text) {
  base::Payload payload;
  payload.append(base::SharedBytes::copy_of(base::as_bytes(text)));
  return payload;
}

inline std::string text_of(const base::SharedBytes& bytes) {
  return std::string(base::as_text(bytes.view()));
}

/// `text` with its length in front.
inline std::string frame_of(std::string_view text) {
  std::string frame(4, '\0');
  base::store_be(reinterpret_cast<std::uint8_t*>(frame.data()),
                 static_cast<std::uint32_t>(text.size()));
  return frame.append(text);
}

/// Text that is not the same anywhere.
inline std::string varied_text(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  std::uint32_t state = seed * 2654435761U + 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

/// Waits until `condition` holds; false when it does not for a very long time.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 6'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

class Client {
 public:
  explicit Client(const Endpoint& to, int receive_buffer_bytes = 0) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer_bytes > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                   sizeof receive_buffer_bytes);
    }
    int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    ::inet_pton(AF_INET, to.host.c_str(), &address.sin_addr);
    is_connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), is_connected_(other.is_connected_) {}
  ~Client() {
    if (socket_ >= 0) ::close(socket_);
  }

  [[nodiscard]] bool is_connected() const { return is_connected_; }
  [[nodiscard]] int socket() const { return socket_; }
  /// False when the server no longer takes it.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool send_frame(std::string_view text) const { return send(frame_of(text)); }
  /// Exactly `size` bytes, or less at the end of the connection.
  [[nodiscard]] std::string receive(std::size_t size) const {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t n = ::recv(socket_, bytes.data() + got, size - got, 0);
      if (n <= 0) break;
      got += static_cast<std::size_t>(n);
    }
    bytes.resize(got);
    return bytes;
  }
  /// The next answer, or nothing when the server has closed.
  [[nodiscard]] std::optional<std::string> receive_frame() const {
    const std::string length = receive(4);
    if (length.size() < 4) return std::nullopt;
    const auto size =
        base::load_be<std::uint32_t>(reinterpret_cast<const std::uint8_t*>(length.data()));
    std::string frame = receive(size);
    if (frame.size() < size) return std::nullopt;
    return frame;
  }
  /// Waits for the end of the connection; drops what comes before it.
  [[nodiscard]] bool sees_close() const {
    char byte[4096];
    for (;;) {
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, 30'000) <= 0) return false;
      if (::recv(socket_, byte, sizeof byte, 0) <= 0) return true;
    }
  }
  [[nodiscard]] bool has_input_within(int ms) const {
    pollfd ready{socket_, POLLIN, 0};
    return ::poll(&ready, 1, ms) > 0;
  }

 private:
  int socket_ = -1;
  bool is_connected_ = false;
};

/// Answers each frame with itself, unless told otherwise.
class TestHandler final : public FrameHandler {
 public:
  std::function<void(Connection&, base::SharedBytes, Responder)> frame =
      [](Connection&, base::SharedBytes bytes, Responder responder) {
        base::Payload payload;
        payload.append(std::move(bytes));
        responder.send(std::move(payload));
      };
  std::function<void(Connection&)> open = [](Connection&) {};
  std::function<void(Connection&)> drain = [](Connection&) {};
  std::atomic<int> opened{0};
  std::atomic<int> closed{0};
  std::atomic<int> frames{0};

  void on_open(Connection& connection) override {
    ++opened;
    open(connection);
  }
  void on_frame(Connection& connection, base::SharedBytes bytes, Responder responder) override {
    ++frames;
    frame(connection, std::move(bytes), std::move(responder));
  }
  void on_drain(Connection& connection) override { drain(connection); }
  void on_close(Connection&) override { ++closed; }
};

/// Responders that were kept, in the order of their requests.
class Parked {
 public:
  void add(Responder responder) {
    const std::lock_guard lock(mutex_);
    responders_.push_back(std::move(responder));
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return responders_.size();
  }
  Responder take(std::size_t index) {
    const std::lock_guard lock(mutex_);
    return std::move(responders_.at(index));
  }
  std::vector<Responder> take_all() {
    const std::lock_guard lock(mutex_);
    return std::exchange(responders_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Responder> responders_;
};

class Server {
 public:
  explicit Server(TestHandler& handler, ListenerOptions options = {}, int loops = 1,
                  ConnectionLimits limits = {}, EventLoopOptions loop_options = {})
      : metrics_(loops),
        limiter_(ConnectionLimiter::create(limits)),
        group_(clock_, loops, loop_options) {
    options.port = 0;
    auto opened = Listener::open(group_.loops(), options, handler, *limiter_, &metrics_);
    EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().message);
    listener_ = std::move(opened).value();
  }
  ~Server() {
    if (listener_) listener_->shut_down(base::Milliseconds(0));
    listener_.reset();
    group_.stop();
  }

  [[nodiscard]] Client connect() const { return Client(listener_->address()); }
  [[nodiscard]] Listener& listener() const { return *listener_; }
  void close_listener() { listener_.reset(); }
  [[nodiscard]] EventLoopGroup& group() { return group_; }
  [[nodiscard]] EventLoop& loop() { return group_.loop(0); }
  [[nodiscard]] ConnectionLimiter& limiter() { return *limiter_; }
  /// The sum over all labels that hold `label_value`, if one is given.
  [[nodiscard]] double metric(std::string_view name, std::string_view label_value = {}) const {
    double sum = 0;
    for (const auto& family : metrics_.snapshot()) {
      if (family.name != name) continue;
      for (const auto& sample : family.samples) {
        bool matches = label_value.empty();
        for (const auto& label : sample.labels) matches |= label.second == label_value;
        if (matches) sum += sample.value;
      }
    }
    return sum;
  }

 private:
  base::SystemClock clock_;
  base::MetricsRegistry metrics_;
  std::unique_ptr<ConnectionLimiter> limiter_;
  EventLoopGroup group_;
  std::unique_ptr<Listener> listener_;
};

}  // namespace moldau::net
