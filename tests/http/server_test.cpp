#include "moldau/http/server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <vector>

#include "moldau/http/standard_routes.hpp"

namespace moldau::http {
namespace {

class Client {
 public:
  explicit Client(const net::Endpoint& to) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    ::inet_pton(AF_INET, to.host.c_str(), &address.sin_addr);
    ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  Client(Client&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  ~Client() {
    if (socket_ >= 0) ::close(socket_);
  }
  void send(std::string_view text) const {
    while (!text.empty()) {
      const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Up to the end of the connection, or until `until` has come.
  [[nodiscard]] std::string receive(std::string_view until = {}) const {
    std::string all;
    char part[4096];
    for (;;) {
      if (!until.empty() && all.find(until) != std::string::npos) return all;
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, 30'000) <= 0) return all + "[nothing more came]";
      const auto n = ::recv(socket_, part, sizeof part, 0);
      if (n <= 0) return all;
      all.append(part, static_cast<std::size_t>(n));
    }
  }

 private:
  int socket_ = -1;
};

class HttpServer : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.port = 0;
    registry_.counter("moldau_test_total", "Test.").add(7);
    add_process_metrics(registry_);
    auto routes = standard_routes({.live = [] { return std::vector<Check>{{"loops", true, ""}}; },
                                   .ready =
                                       [this] {
                                         return std::vector<Check>{
                                             {"recovered", is_ready_.load(), "3 of 9 \"logs\""}};
                                       },
                                   .metrics = &registry_,
                                   .version = "0.1"});
    routes.push_back({"POST", "/echo",
                      [](const Request& r) { return Response{.status = 201, .body = r.body}; }});
    auto opened = Server::open(std::move(options), std::move(routes));
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    server_ = std::move(opened).value();
  }
  [[nodiscard]] std::string ask(std::string_view request) const {
    const Client client(server_->address());
    client.send(request);
    return client.receive();
  }
  [[nodiscard]] std::string get(const std::string& target) const {
    return ask("GET " + target + " HTTP/1.1\r\nHost: localhost:9644\r\nConnection: close\r\n\r\n");
  }

  base::MetricsRegistry registry_;
  std::atomic<bool> is_ready_{true};
  std::unique_ptr<Server> server_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(HttpServer, SaysWhetherItIsReady) {
  start();
  for (const char* path : {"/livez", "/healthz", "/readyz", "/v1/status/ready"}) {
    EXPECT_TRUE(get(path).starts_with("HTTP/1.1 200 OK\r\n")) << path;
  }
  is_ready_ = false;
  for (const char* path : {"/readyz", "/v1/status/ready"}) {
    EXPECT_TRUE(get(path).starts_with("HTTP/1.1 503 ")) << path;
  }
  EXPECT_TRUE(get("/livez").starts_with("HTTP/1.1 200 "));
  const std::string verbose = get("/readyz?verbose");
  EXPECT_TRUE(verbose.starts_with("HTTP/1.1 503 "));
  EXPECT_TRUE(has(verbose, "Content-Type: application/json\r\n")) << verbose;
  EXPECT_TRUE(verbose.ends_with(
      "\r\n\r\n{\"status\":\"failing\",\"checks\":[{\"name\":\"recovered\",\"ok\":false,"
      "\"reason\":\"3 of 9 \\\"logs\\\"\"}]}\n"))
      << verbose;
  EXPECT_TRUE(has(get("/livez?verbose"), "{\"name\":\"loops\",\"ok\":true}"));
}

TEST_F(HttpServer, ShowsMetrics) {
  start();
  const std::string text = get("/metrics");
  EXPECT_TRUE(has(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n")) << text;
  EXPECT_TRUE(has(text, "\nmoldau_test_total 7\n"));
  EXPECT_TRUE(has(text, "\nprocess_resident_memory_bytes "));
  EXPECT_TRUE(has(text, "\nprocess_start_time_seconds 1")) << text;
}

TEST_F(HttpServer, HasAPageAndNothingElse) {
  start();
  EXPECT_TRUE(has(get("/"), "<h1>Moldau 0.1</h1>"));
  EXPECT_TRUE(get("/nothing").starts_with("HTTP/1.1 404 "));
  const std::string wrong =
      ask("DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(wrong.starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(has(wrong, "Allow: GET, HEAD\r\n"));
}

TEST_F(HttpServer, AnswersHeadWithoutABody) {
  start();
  const std::string head =
      ask("HEAD /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(has(head, "Content-Length: 3\r\n")) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
}

TEST_F(HttpServer, AnswersMoreRequestsOnOneConnection) {
  start();
  const Client client(server_->address());
  const std::string post = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n";
  client.send(post + "first" + post + "secon");
  const std::string both = client.receive("secon");
  EXPECT_TRUE(has(both, "201 Created")) << both;
  EXPECT_TRUE(has(both, "first"));
  client.send(post + "third");
  EXPECT_TRUE(has(client.receive("third"), "third"));
}

TEST_F(HttpServer, RefusesANameThatPointsHereFromElsewhere) {
  ServerOptions options;
  options.allowed_hosts = {"Broker.example.org"};
  start(options);
  const auto with_host = [&](const std::string& host) {
    return ask("GET /livez HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n").substr(9, 3);
  };
  EXPECT_EQ(with_host("Host: evil.example.org\r\n"), "403");
  EXPECT_EQ(with_host("Host: evil.example.org:9644\r\n"), "403");
  EXPECT_EQ(with_host("Host: broker.example.ORG:9644\r\n"), "200");
  EXPECT_EQ(with_host("Host: 127.0.0.1:9644\r\n"), "200");
  EXPECT_EQ(with_host("Host: [::1]:9644\r\n"), "200");
  EXPECT_EQ(with_host(""), "400");
  EXPECT_EQ(with_host("Host: localhost\r\nHost: evil.example.org\r\n"), "400");
  EXPECT_EQ(ask("GET /livez HTTP/1.0\r\n\r\n").substr(9, 3), "200");
}

TEST_F(HttpServer, RefusesWhatIsTooLargeOrNotHttp) {
  start();
  EXPECT_TRUE(
      ask("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n")
          .starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(ask("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n")
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(get("/livez").starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServer, CutsTheSlowAndTheIdle) {
  ServerOptions options;
  options.idle_max = base::Milliseconds(200);
  options.request_time_max = base::Milliseconds(200);
  start(options);
  const Client idle(server_->address());
  EXPECT_EQ(idle.receive(), "");
  const Client slow(server_->address());
  slow.send("GET /livez HT");
  EXPECT_EQ(slow.receive(), "");
}

TEST_F(HttpServer, TakesABoundedNumberOfConnections) {
  ServerOptions options;
  options.connections_max = 3;
  start(options);
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server_->address());
    clients.back().send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_TRUE(has(clients.back().receive("ok\n"), "200"));
  }
  EXPECT_EQ(get("/livez"), "");
  clients.clear();
  std::string answer;
  for (int i = 0; i < 1'000 && answer.empty(); ++i) {
    ::poll(nullptr, 0, 5);
    answer = get("/livez");
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpServer, SaysThatItsPortIsTaken) {
  start();
  ServerOptions options;
  options.port = server_->address().port;
  const auto second = Server::open(options, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, base::Errc::already_exists);
  options.host = "203.0.113.7";
  const auto foreign = Server::open(options, {});
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().code, base::Errc::invalid_argument);
}

TEST_F(HttpServer, StopsWhileClientsAreConnected) {
  start();
  const Client idle(server_->address());
  const Client busy(server_->address());
  busy.send("GET /livez HT");
  server_.reset();
  EXPECT_EQ(idle.receive(), "");
}

}  // namespace
}  // namespace moldau::http
