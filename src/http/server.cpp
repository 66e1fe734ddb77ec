#include "moldau/http/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/version.hpp>
#include <thread>
#include <utility>

#include "http/request.hpp"
#include "http/router.hpp"
#include "moldau/base/log.hpp"
#include "moldau/base/thread_name.hpp"

namespace moldau::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds accept_pause{100};

struct Shared {
  ServerOptions options;
  Router router;
  bool checks_host;
  std::size_t sessions = 0;  // its thread only
};

bool is_allowed_host(const Shared& shared, std::string_view header) {
  if (!shared.checks_host) return true;
  const std::string host = host_of(header);
  return is_loopback_host(host) || std::ranges::find(shared.options.allowed_hosts, host) !=
                                       shared.options.allowed_hosts.end();
}

/// One client.  Second owners: the operations it waits for; it ends with the last of them.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Shared& shared) : stream_(std::move(socket)), shared_(shared) {
    ++shared_.sessions;
  }
  ~Session() { --shared_.sessions; }

  // The first byte of a request may take long, the rest of it may not.
  void wait_for_request() {
    if (buffer_.size() > 0) return read();
    stream_.expires_after(shared_.options.idle_max);
    stream_.async_read_some(buffer_.prepare(read_bytes),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                              if (error) return;
                              self->buffer_.commit(size);
                              self->read();
                            });
  }

 private:
  using Parser = beast::http::request_parser<beast::http::string_body>;
  using Message = beast::http::response<beast::http::string_body>;
  static constexpr std::size_t read_bytes = 4096;

  void read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.options.header_bytes_max));
    parser_->body_limit(shared_.options.body_bytes_max);
    stream_.expires_after(shared_.options.request_time_max);
    beast::http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_read(error); });
  }

  void on_read(error_code error) {
    namespace h = beast::http;
    if (!error) return send(answer(parser_->get()), parser_->get().keep_alive());
    if (error == h::error::header_limit) {
      return send({.status = 431, .body = "the header is too large\n"}, false);
    }
    if (error == h::error::body_limit) {
      return send({.status = 413, .body = "the body is too large\n"}, false);
    }
    const bool is_client_gone = error == h::error::end_of_stream ||
                                error == h::error::partial_message ||
                                error == beast::error::timeout;
    if (!is_client_gone &&
        error.category() == h::make_error_code(h::error::bad_method).category()) {
      return send({.status = 400, .body = "this is not an HTTP request\n"}, false);
    }
  }

  Response answer(const Parser::value_type& message) {
    namespace h = beast::http;
    Request request;
    is_head_ = message.method() == h::verb::head;
    request.method = is_head_ ? "GET" : std::string(message.method_string());
    if (message.version() >= 11 && message.count(h::field::host) != 1) {
      return {.status = 400, .body = "one Host header, please\n"};
    }
    if (message.count(h::field::host) > 0 && !is_allowed_host(shared_, message[h::field::host])) {
      return {.status = 403,
              .body =
                  "this server does not answer to that host name; add it to http.allowed_hosts "
                  "if it should\n"};
    }
    if (!parse_target(message.target(), request)) return {.status = 400, .body = "bad target\n"};
    for (const auto& field : message) {
      std::string name(field.name_string());
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      request.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    request.body = message.body();
    return shared_.router.handle(request);
  }

  void send(Response response, bool keep_alive) {
    namespace h = beast::http;
    message_.emplace();
    message_->version(11);
    message_->result(static_cast<unsigned>(response.status));
    message_->set(h::field::content_type, response.content_type);
    message_->set("X-Content-Type-Options", "nosniff");
    message_->set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'");
    message_->set(h::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers) message_->set(name, value);
    message_->keep_alive(keep_alive);
    message_->content_length(response.body.size());
    if (!is_head_) message_->body() = std::move(response.body);
    beast::http::async_write(
        stream_, *message_, [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
          if (error) return;
          if (keep_alive) return self->wait_for_request();
          self->finish();
        });
  }

  // What the client still sends is read for a moment, so that it gets the answer and not a reset.
  void finish() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(std::chrono::seconds(1));
    drain();
  }
  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(read_bytes),
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (!error) self->drain();
                            });
  }

  beast::tcp_stream stream_;
  Shared& shared_;
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<Message> message_;
  bool is_head_ = false;
};

base::Error open_error(const ServerOptions& options, const error_code& error) {
  const std::string where = net::to_string({options.host, options.port});
  if (error == asio::error::address_in_use) {
    return base::fail(
        base::Errc::already_exists,
        fmt::format("http: {} is in use by another process; stop it, or choose another "
                    "port in the http section",
                    where));
  }
  const bool is_foreign = error == boost::system::errc::address_not_available;
  return base::fail(is_foreign ? base::Errc::invalid_argument : base::Errc::io,
                    fmt::format("http: cannot listen on {}: {}", where, error.message()));
}

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, std::vector<Route> routes)
      : shared_{std::move(options), Router(std::move(routes)), false},
        acceptor_(context_),
        pause_(context_) {}

  ~ServerImpl() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] const net::Endpoint& address() const override { return address_; }

  base::Status start() {
    const ServerOptions& options = shared_.options;
    error_code error;
    tcp::resolver resolver(context_);
    const std::string host = options.host.empty() ? "::" : options.host;
    const auto found =
        resolver.resolve(host, std::to_string(options.port),
                         tcp::resolver::passive | tcp::resolver::numeric_service, error);
    if (error || found.empty()) {
      return base::fail(base::Errc::invalid_argument,
                        fmt::format("http: '{}' is not an address to listen on", options.host));
    }
    tcp::endpoint endpoint = *found.begin();
    for (const auto& entry : found) {  // a name such as localhost has both: IPv4 first
      if (entry.endpoint().address().is_v4()) {
        endpoint = entry.endpoint();
        break;
      }
    }
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return open_error(options, error);
    const auto bound = acceptor_.local_endpoint(error);
    address_ = {bound.address().to_string(), bound.port()};
    shared_.checks_host = bound.address().is_loopback() || !options.allowed_hosts.empty();
    accept();
    thread_ = std::thread([this] {
      base::name_thread("http");
      context_.run();
    });
    return {};
  }

 private:
  void accept() {
    acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return pause(error);
      if (shared_.sessions < shared_.options.connections_max) {
        std::make_shared<Session>(std::move(socket), shared_)->wait_for_request();
      }
      accept();
    });
  }

  // Usually there is no descriptor left: not a reason to spin.
  void pause(const error_code& error) {
    log::warn("http.accept_failed", "cannot take a connection: {}", error.message());
    pause_.expires_after(accept_pause);
    pause_.async_wait([this](const error_code& cancelled) {
      if (!cancelled) accept();
    });
  }

  Shared shared_;
  asio::io_context context_{1};  // destroyed before what its handlers refer to
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  net::Endpoint address_;
  std::thread thread_;
};

}  // namespace

base::Result<std::unique_ptr<Server>> Server::open(ServerOptions options,
                                                   std::vector<Route> routes) {
  for (std::string& host : options.allowed_hosts) host = host_of(host);
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(routes));
  MOLDAU_TRY(server->start());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace moldau::http
