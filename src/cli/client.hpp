#pragma once
// A client of one broker for the command line: blocking, over one plain connection, speaking the
// same codec as the broker.  It talks to the broker it was given and follows nobody to another one.
//
//   MOLDAU_ASSIGN(auto client, Client::connect("127.0.0.1:9092"));
//   MOLDAU_ASSIGN(const auto answer, client.call<MetadataResponse>(request));

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "moldau/base/result.hpp"
#include "moldau/base/shared_bytes.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/protocol/api_key.hpp"
#include "moldau/protocol/error_code.hpp"
#include "moldau/protocol/headers.hpp"

namespace moldau::cli {

/// A version above every one there is.
constexpr codec::Version any_version = std::numeric_limits<codec::Version>::max();

/// An open descriptor; closed by its last owner.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : value_(other.value_) { other.value_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

/// Errors: io (not reachable, cut off, no answer in 30 s), unsupported (no common version),
/// malformed. After an error of any call the connection is of no more use.  Thread rule: one
/// thread.
class Client {
 public:
  /// `server` is HOST:PORT; an IPv6 address goes in brackets.  Asks for the broker's versions.
  static base::Result<Client> connect(const std::string& server);

  /// One request and its answer, in the highest version that both sides have, `version_max` at
  /// most.
  template <class Response, class Request>
  base::Result<Response> call(const Request& request, codec::Version version_max = any_version) {
    MOLDAU_TRY(send(request, version_max));
    return receive<Response>();
  }

  /// The same in two halves: several requests may be under way; answers come in their order.
  template <class Request>
  base::Status send(const Request& request, codec::Version version_max = any_version) {
    MOLDAU_ASSIGN(const auto version, version_of(Request::api_key, Request::versions, version_max));
    codec::Writer writer;
    begin(writer, Request::api_key, version, Request::flexible.contains(version));
    codec::Codec<Request>::encode(writer, request, version);
    return send_frame(std::move(writer));
  }
  template <class Response>
  base::Result<Response> receive() {
    const auto version = expected_.front().version;
    MOLDAU_ASSIGN(auto reader, receive_frame(Response::flexible.contains(version)));
    auto response = codec::Codec<Response>::decode(reader, version);
    if (!response) return describe(response.error());
    return response;
  }

  [[nodiscard]] std::size_t in_flight() const { return expected_.size(); }
  [[nodiscard]] const std::string& server() const { return server_; }

 private:
  struct Expected {
    std::int32_t correlation_id = 0;
    protocol::ApiKey api_key{};
    codec::Version version = 0;
  };

  Client(std::string server, Descriptor socket)
      : server_(std::move(server)), socket_(std::move(socket)) {}

  base::Status learn_versions();
  [[nodiscard]] base::Result<codec::Version> version_of(protocol::ApiKey key,
                                                        codec::VersionRange ours,
                                                        codec::Version version_max) const;
  void begin(codec::Writer& writer, protocol::ApiKey key, codec::Version version, bool flexible);
  base::Status send_frame(codec::Writer writer);
  base::Status send_all(base::ByteView bytes, int flags);
  base::Status receive_all(base::MutableByteView bytes);
  /// The next answer, its header read; it leaves `expected_`.
  base::Result<codec::Reader> receive_frame(bool flexible);
  [[nodiscard]] base::Error describe(const base::Error& error) const;

  std::string server_;
  Descriptor socket_;
  std::map<std::int16_t, codec::VersionRange> broker_versions_;
  std::deque<Expected> expected_;
  std::int32_t last_correlation_id_ = 0;
};

/// What a broker answered instead of doing it, for a person: "topic 'x': TOPIC_ALREADY_EXISTS
/// (...)".
base::Error refusal(const std::string& what, protocol::ErrorCode code,
                    const std::optional<std::string>& message = std::nullopt);

}  // namespace moldau::cli
