#include "loop.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <stdexcept>
#include <system_error>

namespace moldau::mbench {

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

int connect_to(const Endpoint& endpoint) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (inet_pton(AF_INET, endpoint.host.c_str(), &address.sin_addr) != 1) {
    errno = EINVAL;
  } else if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

Connection::Connection(Loop& loop, const Endpoint& endpoint)
    : loop_(loop), fd_(connect_to(endpoint)) {
  if (fd_ < 0) {
    throw std::runtime_error("connect to " + endpoint.host + ":" + std::to_string(endpoint.port) +
                             ": " + std::generic_category().message(errno));
  }
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = this;
  epoll_ctl(loop_.epoll_, EPOLL_CTL_ADD, fd_, &event);
}

Connection::~Connection() {
  close();
}

void Connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Connection::lose() {
  close();
  on_lost();
}

void Connection::want_writable(bool wanted) {
  if (wanted == writable_wanted_) return;
  writable_wanted_ = wanted;
  epoll_event event{};
  event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.ptr = this;
  epoll_ctl(loop_.epoll_, EPOLL_CTL_MOD, fd_, &event);
}

void Connection::flush() {
  static constexpr std::size_t pieces_max = 256;
  while (open() && out_at_ < out_.size()) {
    msghdr message{};
    message.msg_iov = out_.data() + out_at_;
    message.msg_iovlen = std::min(pieces_max, out_.size() - out_at_);
    const ssize_t sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return want_writable(true);
    if (sent < 0) return lose();
    auto left = static_cast<std::size_t>(sent);
    while (left > 0 && left >= out_[out_at_].iov_len) left -= out_[out_at_++].iov_len;
    if (left > 0) {
      out_[out_at_].iov_base = static_cast<std::uint8_t*>(out_[out_at_].iov_base) + left;
      out_[out_at_].iov_len -= left;
    }
  }
  out_.clear();
  out_at_ = 0;
  if (open()) want_writable(false);
}

void Connection::readable() {
  const std::size_t kept = carry_.size();
  Bytes& buffer = loop_.buffer_;
  if (buffer.size() < kept + Loop::chunk_bytes) buffer.resize(kept + Loop::chunk_bytes);
  std::copy(carry_.begin(), carry_.end(), buffer.begin());
  const ssize_t got = recv(fd_, buffer.data() + kept, Loop::chunk_bytes, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return lose();
  const std::size_t size = kept + static_cast<std::size_t>(got);
  const std::size_t used = on_data(buffer.data(), size);
  carry_.assign(buffer.data() + used, buffer.data() + size);
}

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(chunk_bytes) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Loop::~Loop() {
  ::close(epoll_);
}

void Loop::run_once(std::int64_t until_ns) {
  static constexpr int events_max = 256;
  epoll_event events[events_max];
  const std::int64_t wait = std::max<std::int64_t>(until_ns - now_ns(), 0);
  const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
  const int ready = epoll_pwait2(epoll_, events, events_max, &timeout, nullptr);
  for (int i = 0; i < ready; ++i) {
    auto& connection = *static_cast<Connection*>(events[i].data.ptr);
    if (connection.open() && (events[i].events & EPOLLOUT) != 0) connection.flush();
    if (connection.open() && (events[i].events & ~EPOLLOUT) != 0) connection.readable();
  }
}

}  // namespace moldau::mbench
