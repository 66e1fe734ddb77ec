#pragma once

// A blocking client for what happens before and after the measured part: topics and offsets.

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "batch.hpp"
#include "loop.hpp"
#include "wire.hpp"

namespace moldau::mbench {

constexpr std::string_view client_id = "mbench";

// api keys
constexpr std::int16_t api_produce = 0, api_fetch = 1, api_list_offsets = 2, api_metadata = 3,
                       api_offset_commit = 8, api_find_coordinator = 10, api_join_group = 11,
                       api_heartbeat = 12, api_leave_group = 13, api_sync_group = 14,
                       api_api_versions = 18, api_create_topics = 19, api_delete_topics = 20,
                       api_init_producer_id = 22, api_add_partitions_to_txn = 24, api_end_txn = 26,
                       api_consumer_group_heartbeat = 68;

// The front of a request frame with header version 2, its length still 0.
Writer request_head(std::int16_t api, std::int16_t version, std::int32_t correlation);
// Writes the length in front once the frame is complete.
void finish_frame(Bytes& frame);
constexpr std::size_t correlation_at = 8;

// The broker answered with an error code where none was expected.
struct BrokerError : std::runtime_error {
  BrokerError(const std::string& what, std::int16_t error)
      : std::runtime_error(what + ": error code " + std::to_string(error)), code(error) {}
  std::int16_t code;
};

struct NewTopic {
  std::string name;
  std::int32_t partitions = 1;
  std::vector<std::pair<std::string, std::string>> config;
};

// Throws std::runtime_error when the connection fails, BrokerError on an error code.
class Admin {
 public:
  explicit Admin(const Endpoint& endpoint);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  void api_versions();
  // Returns once every partition's leader answers, or throws after 30 s. An existing topic is an
  // error 36, TOPIC_ALREADY_EXISTS.
  void create(const NewTopic& topic);
  void remove(const std::string& topic);
  // Partitions of the topic, and how many of them have a leader; {0, 0} when it does not exist.
  std::pair<std::int32_t, std::int32_t> partitions(const std::string& topic);
  // Offsets at -1 (end) or -2 (start), by partition.
  std::vector<std::int64_t> offsets(const std::string& topic, std::int32_t partitions,
                                    std::int64_t timestamp);
  enum class CoordinatorOf : std::int8_t { group = 0, transaction = 1 };
  // Returns once the broker coordinates the group or transactional id; makes the topic of such on a
  // broker's first. Throws after 60 s.
  void find_coordinator(const std::string& key, CoordinatorOf kind = CoordinatorOf::group);
  // A producer's id, of a transactional one when `transactional_id` is not empty. Tries again while
  // the coordinator is not ready, or is not done with the transaction before; throws after 60 s.
  ProducerIdentity init_producer(const std::string& transactional_id);
  // One synchronous produce of a ready batch; returns the error code.
  std::int16_t produce(const std::string& topic, std::int32_t partition, const Bytes& batch);

 private:
  bool serving(const NewTopic& topic);
  // Sends the request, returns the body of the answer (behind its header).
  Bytes call(Writer request, bool flexible_answer = true);
  void exactly(std::uint8_t* data, std::size_t size, bool sending);

  int fd_;
};

}  // namespace moldau::mbench
