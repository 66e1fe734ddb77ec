#include "client.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "moldau/config/config.hpp"
#include "moldau/protocol/api_versions.hpp"

namespace moldau::cli {
namespace {

using base::Errc;
using protocol::ApiKey;
using protocol::ErrorCode;

constexpr int connect_timeout_s = 5;
constexpr int answer_timeout_s = 30;
/// Far above any answer to what is asked here; a larger length is not Kafka's protocol.
constexpr std::int32_t frame_bytes_max = 512 * 1024 * 1024;

std::string system_text(int error) {
  return error == EAGAIN || error == EINPROGRESS ? "it took too long" : std::strerror(error);
}

void set_timeouts(int socket, int seconds) {
  const timeval time{seconds, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

base::Result<Descriptor> open_socket(const std::string& server) {
  const auto address = config::parse_address(server);
  if (!address) return base::fail(Errc::invalid_argument, "'" + server + "' is not HOST:PORT");
  const std::string host = address->host.empty() ? "localhost" : address->host;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int resolved =
      ::getaddrinfo(host.c_str(), std::to_string(address->port).c_str(), &hints, &found);
  if (resolved != 0)
    return base::fail(Errc::io, "host '" + host + "' is not found: " + ::gai_strerror(resolved));
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  int error = 0;
  for (const auto* one = list.get(); one != nullptr; one = one->ai_next) {
    Descriptor socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) {
      error = errno;
      continue;
    }
    set_timeouts(socket.get(), connect_timeout_s);
    if (::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0) {
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      set_timeouts(socket.get(), answer_timeout_s);
      return socket;
    }
    error = errno;
  }
  return base::fail(Errc::io, "no connection to " + server + ": " + system_text(error) +
                                  "; is the broker running there? (--server HOST:PORT)");
}

}  // namespace

Descriptor::~Descriptor() {
  if (value_ >= 0) ::close(value_);
}

base::Result<Client> Client::connect(const std::string& server) {
  MOLDAU_ASSIGN(auto socket, open_socket(server));
  Client client(server, std::move(socket));
  MOLDAU_TRY(client.learn_versions());
  return client;
}

base::Status Client::learn_versions() {
  protocol::ApiVersionsRequest request;
  request.client_software_name = "moldau";
  request.client_software_version = "0.1.0";
  // A broker that lacks version 3 answers in version 0 (KIP-511), which is then asked for.
  for (const codec::Version version : {codec::Version{3}, codec::Version{0}}) {
    broker_versions_[static_cast<std::int16_t>(ApiKey::api_versions)] = {version, version};
    MOLDAU_TRY(send(request));
    MOLDAU_ASSIGN(auto reader, receive_frame(false));
    auto error = reader;
    const auto code = static_cast<ErrorCode>(error.fixed<std::int16_t>());
    if (code == ErrorCode::unsupported_version && version != 0) continue;
    if (code != ErrorCode::none) return refusal("asking " + server_ + " for its versions", code);
    auto response = codec::Codec<protocol::ApiVersionsResponse>::decode(reader, version);
    if (!response) return describe(response.error());
    for (const auto& api : response.value().api_keys)
      broker_versions_[api.api_key] = {api.min_version, api.max_version};
    return {};
  }
  return base::fail(Errc::unsupported, server_ + " has no version of ApiVersions that is known");
}

base::Result<codec::Version> Client::version_of(ApiKey key, codec::VersionRange ours,
                                                codec::Version version_max) const {
  const auto theirs = broker_versions_.find(static_cast<std::int16_t>(key));
  if (theirs == broker_versions_.end())
    return base::fail(Errc::unsupported,
                      server_ + " does not serve " + std::string(protocol::name(key)));
  const auto version = std::min({theirs->second.last, ours.last, version_max});
  if (version < theirs->second.first || version < ours.first)
    return base::fail(Errc::unsupported, server_ + " serves no version of " +
                                             std::string(protocol::name(key)) +
                                             " that this program speaks");
  return version;
}

void Client::begin(codec::Writer& writer, ApiKey key, codec::Version version, bool flexible) {
  protocol::RequestHeader header;
  header.api_key = static_cast<std::int16_t>(key);
  header.version = version;
  header.correlation_id = ++last_correlation_id_;
  header.client_id = "moldau-cli";
  protocol::encode_request_header(writer, header, flexible);
  expected_.push_back({header.correlation_id, key, version});
}

base::Status Client::send_frame(codec::Writer writer) {
  const auto payload = std::move(writer).finish();
  std::uint8_t length[4];
  base::store_be(length, static_cast<std::int32_t>(payload.size()));
  MOLDAU_TRY(send_all(length, MSG_MORE));
  const auto body = payload.flatten();
  return send_all(body.view(), 0);
}

base::Status Client::send_all(base::ByteView bytes, int flags) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), flags | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0)
      return base::fail(Errc::io, "sending to " + server_ + " failed: " + system_text(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return {};
}

base::Status Client::receive_all(base::MutableByteView bytes) {
  while (!bytes.empty()) {
    const auto got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0)
      return base::fail(Errc::io, server_ +
                                      " closed the connection; its log says why, if it is "
                                      "a broker without TLS");
    if (got < 0)
      return base::fail(Errc::io, "no answer from " + server_ + ": " + system_text(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

base::Result<codec::Reader> Client::receive_frame(bool flexible) {
  std::uint8_t prefix[4];
  MOLDAU_TRY(receive_all(prefix));
  const auto length = base::load_be<std::int32_t>(prefix);
  if (length < 4 || length > frame_bytes_max)
    return base::fail(Errc::malformed, server_ + " does not speak Kafka's protocol");
  auto frame = base::SharedBytes::allocate(static_cast<std::size_t>(length));
  MOLDAU_TRY(receive_all(frame.mutable_view()));
  const auto expected = expected_.front();
  expected_.pop_front();
  codec::Reader reader(std::move(frame));
  const auto correlation_id = protocol::decode_response_header(reader, expected.api_key, flexible);
  if (!correlation_id) return describe(correlation_id.error());
  if (correlation_id.value() != expected.correlation_id)
    return base::fail(Errc::malformed, server_ + " answered another request than was sent");
  return reader;
}

base::Error Client::describe(const base::Error& error) const {
  return base::fail(error.code, "the answer of " + server_ + " is not readable: " + error.message);
}

base::Error refusal(const std::string& what, ErrorCode code,
                    const std::optional<std::string>& message) {
  std::string text = what + ": " + std::string(protocol::name(code));
  if (message && !message->empty()) text += " (" + *message + ")";
  return base::fail(Errc::unknown, std::move(text));
}

}  // namespace moldau::cli
