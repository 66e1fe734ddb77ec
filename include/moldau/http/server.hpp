#pragma once
// The HTTP port: health, metrics, later the admin API and the console.  Boost.Beast stays in one
// source file of src/http.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moldau/base/clock.hpp"
#include "moldau/base/result.hpp"
#include "moldau/net/frame_handler.hpp"

namespace moldau::http {

struct Request {
  std::string method;                                        // "GET"; HEAD arrives as GET
  std::string path;                                          // without the query, percent-decoded
  std::vector<std::pair<std::string, std::string>> query;    // decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body{};

  /// The first value of a query parameter; `?verbose` has the value "".
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
  [[nodiscard]] std::optional<std::string_view> header(std::string_view lower_case_name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};  // beside type, length and safety
};

/// Answers one request, on the server's thread: quickly, since all requests wait for it.
using Handler = std::function<Response(const Request&)>;

/// A path and what answers it.  The longest path that fits is taken.
struct Route {
  enum class Match : std::uint8_t { exact, prefix };  // prefix: the path, or anything below it
  std::string method;
  std::string path;
  Handler handler;
  Match match = Match::exact;
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9644;  // 0: the system chooses
  /// Names that clients may use in `Host`, beside those of the machine itself.  Bound to a loopback
  /// address, any other is refused, so that a web page elsewhere cannot reach in by a name that it
  /// points here (DNS rebinding).  Bound to others, checked only when there is one here.
  std::vector<std::string> allowed_hosts;
  std::size_t connections_max = 64;
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 1024 * 1024;
  base::Milliseconds request_time_max{10'000};  // from its first byte to the end of its answer
  base::Milliseconds idle_max{60'000};
};

/// Serves `routes` on a thread of its own, which costs nothing while nobody asks.
/// Thread rule: made and destroyed by one thread.
class Server {
 public:
  /// Errors: already_exists (the port is in use), invalid_argument (not an address of ours), io.
  static base::Result<std::unique_ptr<Server>> open(ServerOptions options,
                                                    std::vector<Route> routes);
  /// Stops: what is being answered is not finished.
  virtual ~Server() = default;
  [[nodiscard]] virtual const net::Endpoint& address() const = 0;
};

}  // namespace moldau::http
