#pragma once
// How a handler answers: once, from any thread, now or later.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "moldau/api/errors_in.hpp"
#include "moldau/base/payload.hpp"
#include "moldau/codec/codec.hpp"
#include "moldau/codec/writer.hpp"
#include "moldau/protocol/headers.hpp"

namespace moldau::api {

/// Where the encoded answer goes; the router implements it over a connection's slot.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  virtual void send(base::Payload response) = 0;
  /// Of an answer that is about to be sent: an error code in it.
  virtual void note_error(protocol::ErrorCode code) = 0;
  /// acks=0: the request has no answer.
  virtual void no_response() = 0;
  virtual void close(std::string_view reason) = 0;
};

/// Exactly one of its verbs is called, once; destroyed without, the connection is closed by its slot.
/// Thread rule: a value that is moved; the verbs may be called on any thread.
template <class Response>
class Reply {
 public:
  Reply(std::unique_ptr<ResponseSink> sink, std::int16_t version, std::int32_t correlation_id)
      : sink_(std::move(sink)), version_(version), correlation_id_(correlation_id) {}

  void operator()(const Response& response) {
    for_each_error(response, [this](protocol::ErrorCode code) { sink_->note_error(code); });
    codec::Writer writer;
    protocol::encode_response_header(writer, Response::api_key,
                                     Response::flexible.contains(version_), correlation_id_);
    codec::Codec<Response>::encode(writer, response, version_);
    sink_->send(std::move(writer).finish());
  }
  void no_response() { sink_->no_response(); }
  void close(std::string_view reason) { sink_->close(reason); }
  [[nodiscard]] std::int16_t version() const { return version_; }

 private:
  std::unique_ptr<ResponseSink> sink_;
  std::int16_t version_;
  std::int32_t correlation_id_;
};

}  // namespace moldau::api
