#include <sys/sendfile.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <cerrno>

#include "net/loop_impl.hpp"
#include "net/transport.hpp"

namespace moldau::net {
namespace {

namespace asio = boost::asio;
using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

// Asio tells when the socket is ready; the system calls are our own, so that memory is chosen when
// there is something to read and not while a connection is idle.
class PlainTransport final : public Transport {
 public:
  PlainTransport(LoopImpl& loop, int descriptor) : loop_(loop), socket_(loop.context()) {
    // The family matters to Asio only for calls that are not made here.
    boost::system::error_code error;
    socket_.assign(asio::ip::tcp::v4(), descriptor, error);
    MOLDAU_CHECK(!error, "a new socket joins its loop");
  }

  std::int64_t receive(const iovec* parts, std::size_t count) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = count;
    return outcome(::recvmsg(socket_.native_handle(), &message, MSG_DONTWAIT));
  }

  std::int64_t send(const iovec* parts, std::size_t count, bool more) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = count;
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    return outcome(::sendmsg(socket_.native_handle(), &message, flags));
  }

  [[nodiscard]] bool can_send_file() const override { return true; }

  std::int64_t send_file(int descriptor, std::uint64_t position, std::size_t size) override {
    auto offset = static_cast<off_t>(position);
    return outcome(::sendfile(socket_.native_handle(), descriptor, &offset, size));
  }

  void wait_readable(TransportClient& client) override {
    socket_.async_wait(Socket::wait_read, [this, &client](const boost::system::error_code&) {
      loop_.turn([&client] { client.on_readable(); });
    });
  }

  void wait_writable(TransportClient& client) override {
    socket_.async_wait(Socket::wait_write, [this, &client](const boost::system::error_code&) {
      loop_.turn([&client] { client.on_writable(); });
    });
  }

  void close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  static std::int64_t outcome(ssize_t result) {
    if (result >= 0) return result;
    return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
  }

  LoopImpl& loop_;
  Socket socket_;
};

}  // namespace

std::unique_ptr<Transport> make_plain_transport(LoopImpl& loop, int descriptor) {
  return std::make_unique<PlainTransport>(loop, descriptor);
}

}  // namespace moldau::net
