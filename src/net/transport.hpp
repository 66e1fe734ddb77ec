#pragma once
// The bytes of one connection, plain today and TLS later: what a connection needs of them, and no
// more.

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "moldau/base/payload.hpp"

namespace moldau::net {

class LoopImpl;

/// Told once for each wait, on the loop; also when the transport was closed meanwhile.
class TransportClient {
 public:
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;

 protected:
  ~TransportClient() = default;
};

/// Nothing blocks: results are the bytes moved, 0 for the peer's end (receive), or -errno, with
/// -EAGAIN for "wait first". Thread rule: on its loop.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::int64_t receive(const iovec* parts, std::size_t count) = 0;
  /// `more`: the rest of the message follows at once.
  virtual std::int64_t send(const iovec* parts, std::size_t count, bool more) = 0;
  /// False: files are read and sent as memory (a transport that has to encrypt).
  [[nodiscard]] virtual bool can_send_file() const = 0;
  virtual std::int64_t send_file(int descriptor, std::uint64_t position, std::size_t size) = 0;
  virtual void wait_readable(TransportClient& client) = 0;
  virtual void wait_writable(TransportClient& client) = 0;
  /// Ends both waits, whose client is still told.
  virtual void close() = 0;
};

/// Over a connected TCP socket that does not block; takes `descriptor` over.
std::unique_ptr<Transport> make_plain_transport(LoopImpl& loop, int descriptor);

}  // namespace moldau::net
