#include "net/congestion_control.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "moldau/base/log.hpp"
#include "moldau/net/listener.hpp"

namespace moldau::net {
namespace {

constexpr const char* available = "/proc/sys/net/ipv4/tcp_available_congestion_control";
constexpr const char* allowed = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";
constexpr const char* standard = "/proc/sys/net/ipv4/tcp_congestion_control";

std::string line_of(const char* path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

}  // namespace

base::Error congestion_control_refusal(const std::string& name, int error) {
  const std::string shown = log::client(name);
  switch (error) {
    case ENOENT:
    case EINVAL:
      return base::fail(base::Errc::invalid_argument,
                        fmt::format("the kernel has no congestion control '{}', only {} ({}); a "
                                    "module adds one: modprobe tcp_NAME",
                                    shown, line_of(available), available));
    case EPERM:
      return base::fail(base::Errc::invalid_argument,
                        fmt::format("congestion control '{}' needs CAP_NET_ADMIN; without it "
                                    "the kernel allows {} ({})",
                                    shown, line_of(allowed), allowed));
    default:
      return base::fail(base::Errc::io, fmt::format("cannot set congestion control '{}': {}", shown,
                                                    std::strerror(error)));
  }
}

base::Status set_congestion_control(int socket, const std::string& name) {
  if (::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                   static_cast<socklen_t>(name.size())) != 0) {
    return congestion_control_refusal(name, errno);
  }
  return {};
}

base::Status check_congestion_control(const std::string& name) {
  // Asked of a socket: the lists do not show the modules that the kernel would load by itself.
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (socket < 0) {
    return base::fail(base::Errc::io, fmt::format("cannot try congestion control '{}': {}",
                                                  log::client(name), std::strerror(errno)));
  }
  auto status = set_congestion_control(socket, name);
  ::close(socket);
  return status;
}

std::string standard_congestion_control() {
  return line_of(standard);
}

}  // namespace moldau::net
