#include "moldau/router/router.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <utility>

#include "moldau/api/api_table.hpp"
#include "moldau/base/log.hpp"
#include "moldau/protocol/api_versions.hpp"
#include "moldau/protocol/headers.hpp"

namespace moldau::router {

using protocol::ApiKey;

/// What is counted of one API.  Thread rule: any thread.
struct Router::ApiMetrics {
  ApiMetrics(base::MetricsRegistry& metrics, ApiKey key)
      : registry(metrics),
        labels{{"api", std::string(protocol::name(key))}},
        requests(metrics.counter("moldau_requests_total", "Requests received, by API.", labels)),
        request_bytes(metrics.counter("moldau_request_bytes_total",
                                      "Bytes of requests received, by API.", labels)),
        response_bytes(metrics.counter("moldau_response_bytes_total",
                                       "Bytes of answers made, by API.", labels)),
        latency(metrics.histogram("moldau_request_duration_seconds",
                                  "From the request's arrival to its answer being ready, by API.",
                                  base::HistogramOptions::seconds(), labels)) {}

  void count_error(protocol::ErrorCode code) {
    const auto at = static_cast<std::size_t>(static_cast<std::int16_t>(code) + 1);
    if (at >= errors.size()) return;
    auto* counter = errors[at].load(std::memory_order_acquire);
    if (counter == nullptr) {  // the registry gives the same one to whoever asks
      auto with_error = labels;
      with_error.emplace_back("error", std::string(protocol::name(code)));
      counter = &registry.counter("moldau_request_errors_total",
                                  "Error codes in answers, by API and code.", with_error);
      errors[at].store(counter, std::memory_order_release);
    }
    counter->add();
  }

  base::MetricsRegistry& registry;
  const base::MetricLabels labels;
  base::Counter& requests;
  base::Counter& request_bytes;
  base::Counter& response_bytes;
  base::Histogram& latency;
  std::array<std::atomic<base::Counter*>, 256> errors{};  // by code + 1: Kafka's begin at -1
};

namespace {

/// A handler's answer on its way to the connection's slot; measures how long it took.
template <class Metrics>
class Slot final : public api::ResponseSink {
 public:
  Slot(net::Responder responder, const base::Clock& clock, base::SteadyTime received,
       Metrics& metrics)
      : responder_(std::move(responder)),
        clock_(clock),
        received_(received),
        metrics_(metrics) {}

  void send(base::Payload response) override {
    observe();
    metrics_.response_bytes.add(response.size());
    responder_.send(std::move(response));
  }
  void note_error(protocol::ErrorCode code) override { metrics_.count_error(code); }
  void no_response() override {
    observe();
    responder_.no_response();
  }
  void close(std::string_view reason) override { responder_.close(reason); }

 private:
  void observe() {
    const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(clock_.now() - received_);
    metrics_.latency.observe(static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count())));
  }

  net::Responder responder_;
  const base::Clock& clock_;
  const base::SteadyTime received_;
  Metrics& metrics_;
};

/// KIP-511: a version of ApiVersions that is not known is answered in version 0, with the range of this
/// one API.
base::Payload unsupported_api_versions(const api::ApiRow& row, std::int32_t correlation_id) {
  protocol::ApiVersionsResponse response;
  response.error_code = protocol::ErrorCode::unsupported_version;
  response.api_keys.push_back(
      {static_cast<std::int16_t>(row.key), row.advertised.first, row.advertised.last});
  codec::Writer writer;
  protocol::encode_response_header(writer, ApiKey::api_versions, false, correlation_id);
  codec::Codec<protocol::ApiVersionsResponse>::encode(writer, response, 0);
  return std::move(writer).finish();
}

struct Session final : net::SessionState {
  explicit Session(std::string peer) : remote(std::move(peer)) {}
  api::ConnectionState state;
  const std::string remote;  // written once: every request's context has it
};

Session& session_of(net::Connection& connection) {
  auto& session = connection.session();
  if (session == nullptr)
    session = std::make_unique<Session>(net::to_string(connection.remote_address()));
  return static_cast<Session&>(*session);
}

api::ConnectionState& state_of(net::Connection& connection) { return session_of(connection).state; }

api::RequestContext context_of(net::Connection& connection, const protocol::RequestHeader& header,
                               base::SteadyTime received) {
  api::RequestContext context;
  context.api_key = static_cast<ApiKey>(header.api_key);
  context.version = header.version;
  context.correlation_id = header.correlation_id;
  context.client_id = header.client_id.value_or("");
  context.connection_id = connection.id();
  context.listener = connection.listener_name();
  context.local = {connection.local_address().host, connection.local_address().port};
  context.remote = session_of(connection).remote;
  context.received = received;
  context.loop = &connection.loop();
  context.connection = &state_of(connection);
  return context;
}

}  // namespace

Router::Router(const api::Services& services, base::MetricsRegistry& metrics)
    : services_(services) {
  for (const auto& row : api::api_table()) {
    auto entry = std::make_unique<ApiMetrics>(metrics, row.key);
    by_api_.emplace(static_cast<std::int16_t>(row.key), std::move(entry));
  }
}

Router::~Router() = default;

void Router::on_drain(net::Connection& connection) { state_of(connection).give_up(); }

void Router::on_close(net::Connection& connection) { state_of(connection).give_up(); }

void Router::refuse(net::Connection& connection, net::Responder& responder,
                    const std::string& what) {
  log::warn("request.refused", "closing {}: {}", net::to_string(connection.remote_address()), what);
  responder.close("a request that cannot be read");
}

void Router::on_frame(net::Connection& connection, base::SharedBytes frame,
                      net::Responder responder) {
  const auto received = services_.clock.now();
  const std::size_t frame_bytes = frame.size();
  codec::Reader reader(std::move(frame));
  const auto header = protocol::decode_request_header(reader);
  if (!header) return refuse(connection, responder, "no request header: " + header.error().message);
  const auto* row = api::find_api(header.value().api_key);
  const auto version = header.value().version;
  if (row == nullptr || !row->served.contains(version)) {
    if (row != nullptr && row->key == ApiKey::api_versions) {
      responder.send(unsupported_api_versions(*row, header.value().correlation_id));
      return;
    }
    return refuse(connection, responder,
                  "version " + std::to_string(version) + " of API " +
                      std::to_string(header.value().api_key) + " (" +
                      std::string(protocol::name(static_cast<ApiKey>(header.value().api_key))) +
                      ") is not served");
  }
  if (row->flexible.contains(version)) {
    if (const auto tags = protocol::decode_request_header_tags(reader); !tags)
      return refuse(connection, responder, "request header: " + tags.error().message);
  }
  auto& metrics = *by_api_.at(header.value().api_key);
  metrics.requests.add();
  metrics.request_bytes.add(frame_bytes);
  const auto context = context_of(connection, header.value(), received);
  std::unique_ptr<api::ResponseSink> sink =
      std::make_unique<Slot<ApiMetrics>>(std::move(responder), services_.clock, received, metrics);
  if (const auto handled = row->handle(services_, context, reader, sink); !handled) {
    log::warn("request.malformed", "closing {} ({}): {} version {}: {}", context.remote,
              log::client(context.client_id), protocol::name(row->key), version,
              handled.error().message);
    sink->close("a malformed request");
  }
}

}  // namespace moldau::router
