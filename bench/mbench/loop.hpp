#pragma once

// One thread, one epoll set, plain non-blocking sockets: the cheapest generator that still reads
// and writes as a real client does.

#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <vector>

#include "wire.hpp"

namespace moldau::mbench {

struct Endpoint {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9092;
};

// CLOCK_MONOTONIC in nanoseconds.
std::int64_t now_ns();

// A connected, blocking TCP socket without Nagle's delay, or -1 with errno.
int connect_to(const Endpoint& endpoint);

class Loop;

// Thread rule: lives on its loop's thread. Must not outlive its loop.
class Connection {
 public:
  // Connects at once (blocking; the peer is on this machine). Throws std::runtime_error.
  Connection(Loop& loop, const Endpoint& endpoint);
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool open() const { return fd_ >= 0; }
  void close();

 protected:
  // Called with all unconsumed bytes; returns how many it used up. The rest comes again, in front
  // of what arrives next.
  virtual std::size_t on_data(const std::uint8_t* data, std::size_t size) = 0;
  // The peer closed or the socket failed. Not called by close().
  virtual void on_lost() = 0;

  // The bytes must stay where they are until they are sent.
  void queue(const void* data, std::size_t size) {
    out_.push_back({const_cast<void*>(data), size});
  }
  // Sends what is queued, as much as the socket takes; the loop sends the rest.
  void flush();

 private:
  friend class Loop;
  void readable();
  void lose();
  void want_writable(bool wanted);

  Loop& loop_;
  int fd_ = -1;
  bool writable_wanted_ = false;
  std::vector<iovec> out_;
  std::size_t out_at_ = 0;
  Bytes carry_;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Handles what is ready; waits for it until `until_ns` (CLOCK_MONOTONIC) at the latest.
  void run_once(std::int64_t until_ns);

 private:
  friend class Connection;
  static constexpr std::size_t chunk_bytes = 256 * 1024;  // stays in the second-level cache

  int epoll_;
  Bytes buffer_;
};

}  // namespace moldau::mbench
