#include "admin.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

namespace moldau::mbench {
namespace {

constexpr std::int32_t timeout_ms = 30'000;

Reader reader_of(const Bytes& body) {
  return {body.data(), body.size()};
}

void require_read(const Reader& reader, const char* what) {
  if (!reader.ok()) throw std::runtime_error(std::string(what) + ": the answer is cut short");
}

}  // namespace

Writer request_head(std::int16_t api, std::int16_t version, std::int32_t correlation) {
  Writer out;
  out.be(std::int32_t{0}).be(api).be(version).be(correlation).string(client_id).no_tags();
  return out;
}

void finish_frame(Bytes& frame) {
  store_be(frame.data(), static_cast<std::int32_t>(frame.size() - 4));
}

Admin::Admin(const Endpoint& endpoint) : fd_(connect_to(endpoint)) {
  if (fd_ < 0) {
    throw std::runtime_error("connect to " + endpoint.host + ":" + std::to_string(endpoint.port) +
                             ": " + std::generic_category().message(errno));
  }
  // A broker that takes a request and never answers must not hold us for ever.
  const timeval patience{2 * timeout_ms / 1000, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

Admin::~Admin() {
  close(fd_);
}

void Admin::exactly(std::uint8_t* data, std::size_t size, bool sending) {
  while (size > 0) {
    const ssize_t done = sending ? send(fd_, data, size, MSG_NOSIGNAL) : recv(fd_, data, size, 0);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && errno == EAGAIN) throw std::runtime_error("no answer in time");
    if (done <= 0) throw std::runtime_error("the broker closed the connection");
    data += done;
    size -= static_cast<std::size_t>(done);
  }
}

Bytes Admin::call(Writer request, bool flexible_answer) {
  finish_frame(request.bytes());
  exactly(request.bytes().data(), request.size(), true);
  std::uint8_t head[8];
  exactly(head, sizeof head, false);
  const auto size = load_be<std::int32_t>(head);
  if (size < 4 || size > 256 * 1024 * 1024) throw std::runtime_error("an answer of absurd size");
  Bytes body(static_cast<std::size_t>(size) - 4);
  exactly(body.data(), body.size(), false);
  if (!flexible_answer) return body;
  Reader reader = reader_of(body);
  reader.tags();
  return {reader.at(), reader.at() + reader.left()};
}

void Admin::api_versions() {
  Writer request = request_head(api_api_versions, 3, 1);
  request.compact_string("mbench").compact_string("1").no_tags();
  const Bytes body = call(std::move(request), false);
  Reader reader = reader_of(body);
  const auto error = reader.be<std::int16_t>();
  if (error != 0) throw BrokerError("ApiVersions", error);
}

void Admin::create(const NewTopic& topic) {
  Writer request = request_head(api_create_topics, 5, 2);
  request.compact_array(1).compact_string(topic.name).be(topic.partitions).be(std::int16_t{1});
  request.compact_array(0).compact_array(topic.config.size());
  for (const auto& [name, value] : topic.config) {
    request.compact_string(name).compact_string(value).no_tags();
  }
  request.no_tags().be(timeout_ms).be(std::int8_t{0}).no_tags();
  const Bytes body = call(std::move(request));
  Reader reader = reader_of(body);
  reader.be<std::int32_t>();
  reader.compact_size();
  reader.compact_string();
  const auto error = reader.be<std::int16_t>();
  const std::string message(reader.compact_string());
  require_read(reader, "CreateTopics");
  if (error != 0) throw BrokerError("CreateTopics " + topic.name + " (" + message + ")", error);
  for (int tries = 0; !serving(topic); ++tries) {
    if (tries == 3000) throw std::runtime_error("the partitions got no leader in 30 s");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

bool Admin::serving(const NewTopic& topic) {
  if (partitions(topic.name).second < topic.partitions) return false;
  // Kafka's metadata names a leader before that leader takes requests.
  try {
    offsets(topic.name, topic.partitions, -1);
    return true;
  } catch (const BrokerError&) {
    return false;
  }
}

void Admin::remove(const std::string& topic) {
  Writer request = request_head(api_delete_topics, 4, 3);
  request.compact_array(1).compact_string(topic).be(timeout_ms).no_tags();
  const Bytes body = call(std::move(request));
  Reader reader = reader_of(body);
  reader.be<std::int32_t>();
  reader.compact_size();
  reader.compact_string();
  const auto error = reader.be<std::int16_t>();
  require_read(reader, "DeleteTopics");
  if (error != 0) throw BrokerError("DeleteTopics " + topic, error);
}

std::pair<std::int32_t, std::int32_t> Admin::partitions(const std::string& topic) {
  Writer request = request_head(api_metadata, 9, 4);
  request.compact_array(1).compact_string(topic).no_tags();
  request.be(std::int8_t{0}).be(std::int8_t{0}).be(std::int8_t{0}).no_tags();
  const Bytes body = call(std::move(request));
  Reader reader = reader_of(body);
  reader.be<std::int32_t>();
  for (std::size_t brokers = reader.compact_size(); brokers > 0 && reader.ok(); --brokers) {
    reader.be<std::int32_t>();
    reader.compact_string();
    reader.be<std::int32_t>();
    reader.compact_string();
    reader.tags();
  }
  reader.compact_string();
  reader.be<std::int32_t>();
  reader.compact_size();
  const auto error = reader.be<std::int16_t>();
  reader.compact_string();
  reader.be<std::int8_t>();
  std::pair<std::int32_t, std::int32_t> counts{0, 0};
  for (std::size_t left = reader.compact_size(); left > 0 && reader.ok(); --left) {
    const auto partition_error = reader.be<std::int16_t>();
    reader.be<std::int32_t>();
    const auto leader = reader.be<std::int32_t>();
    reader.be<std::int32_t>();
    for (int arrays = 0; arrays < 3; ++arrays) reader.skip(reader.compact_size() * 4);
    reader.tags();
    ++counts.first;
    if (partition_error == 0 && leader >= 0) ++counts.second;
  }
  require_read(reader, "Metadata");
  return error == 0 ? counts : std::pair<std::int32_t, std::int32_t>{0, 0};
}

std::vector<std::int64_t> Admin::offsets(const std::string& topic, std::int32_t partitions,
                                         std::int64_t timestamp) {
  Writer request = request_head(api_list_offsets, 6, 5);
  request.be(std::int32_t{-1}).be(std::int8_t{0}).compact_array(1).compact_string(topic);
  request.compact_array(static_cast<std::size_t>(partitions));
  for (std::int32_t i = 0; i < partitions; ++i) {
    request.be(i).be(std::int32_t{-1}).be(timestamp).no_tags();
  }
  request.no_tags().no_tags();
  const Bytes body = call(std::move(request));
  Reader reader = reader_of(body);
  reader.be<std::int32_t>();
  reader.compact_size();
  reader.compact_string();
  std::vector<std::int64_t> found(static_cast<std::size_t>(partitions), -1);
  for (std::size_t left = reader.compact_size(); left > 0 && reader.ok(); --left) {
    const auto index = static_cast<std::size_t>(reader.be<std::int32_t>());
    const auto error = reader.be<std::int16_t>();
    reader.be<std::int64_t>();
    const auto offset = reader.be<std::int64_t>();
    reader.be<std::int32_t>();
    reader.tags();
    if (error != 0) throw BrokerError("ListOffsets " + topic, error);
    if (index < found.size()) found[index] = offset;
  }
  require_read(reader, "ListOffsets");
  return found;
}

void Admin::find_coordinator(const std::string& key, CoordinatorOf kind) {
  std::int16_t error = 0;
  for (int tries = 0; tries < 6000; ++tries) {
    Writer request = request_head(api_find_coordinator, 4, 7);
    request.be(static_cast<std::int8_t>(kind)).compact_array(1).compact_string(key).no_tags();
    const Bytes body = call(std::move(request));
    Reader reader = reader_of(body);
    reader.be<std::int32_t>();
    reader.compact_size();
    reader.compact_string();
    reader.be<std::int32_t>();
    reader.compact_string();
    reader.be<std::int32_t>();
    error = reader.be<std::int16_t>();
    require_read(reader, "FindCoordinator");
    if (error == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw BrokerError("FindCoordinator " + key, error);
}

ProducerIdentity Admin::init_producer(const std::string& transactional_id) {
  static constexpr std::int16_t load_in_progress = 14, not_available = 15, not_coordinator = 16,
                                concurrent_transactions = 51;
  std::int16_t error = 0;
  for (int tries = 0; tries < 6000; ++tries) {
    Writer request = request_head(api_init_producer_id, 4, 8);
    if (transactional_id.empty()) {
      request.compact_null();
    } else {
      request.compact_string(transactional_id);
    }
    request.be(timeout_ms).be(std::int64_t{-1}).be(std::int16_t{-1}).no_tags();
    const Bytes body = call(std::move(request));
    Reader reader = reader_of(body);
    reader.be<std::int32_t>();
    error = reader.be<std::int16_t>();
    ProducerIdentity producer;
    producer.id = reader.be<std::int64_t>();
    producer.epoch = reader.be<std::int16_t>();
    require_read(reader, "InitProducerId");
    if (error == 0) return producer;
    if (error != load_in_progress && error != not_available && error != not_coordinator &&
        error != concurrent_transactions)
      break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw BrokerError("InitProducerId " + transactional_id, error);
}

std::int16_t Admin::produce(const std::string& topic, std::int32_t partition, const Bytes& batch) {
  Writer request = request_head(api_produce, 9, 6);
  request.uvarint(0).be(std::int16_t{-1}).be(timeout_ms).compact_array(1).compact_string(topic);
  request.compact_array(1).be(partition).uvarint(batch.size() + 1);
  request.raw(batch.data(), batch.size()).no_tags().no_tags().no_tags();
  const Bytes body = call(std::move(request));
  Reader reader = reader_of(body);
  reader.compact_size();
  reader.compact_string();
  reader.compact_size();
  reader.be<std::int32_t>();
  const auto error = reader.be<std::int16_t>();
  require_read(reader, "Produce");
  return error;
}

}  // namespace moldau::mbench
