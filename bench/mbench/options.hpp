#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "batch.hpp"
#include "loop.hpp"

namespace moldau::mbench {

struct Options {
  std::vector<Endpoint> servers{Endpoint{}};
  std::string topic = "mbench";
  bool create = true;  // false with --no-create
  std::vector<std::pair<std::string, std::string>> topic_config;
  std::int64_t partitions = 1;
  std::int64_t connections = 1;
  std::int64_t in_flight = 5;
  std::int64_t record_bytes = 1000;
  std::int64_t records = 1;
  std::int64_t acks = -1;
  Codec codec = Codec::none;
  double seconds = 10;
  double warmup_s = 0;
  std::int64_t count = 0;
  double rate = 0;
  std::int64_t consumers = 1;
  std::int64_t max_bytes = 50 * 1024 * 1024;
  std::int64_t partition_max_bytes = 1024 * 1024;
  bool session = true;  // false with --no-session
  bool check = false;
  double timeout_s = 60;
  std::int64_t since_ns = 0;
  std::int64_t cpu_of = 0;
  std::string directory = ".";
  std::string group = "mbench";
  std::int64_t groups = 1;
  std::int64_t members = 500;
  std::int64_t rounds = 1;
  bool classic = true;        // false with --protocol consumer
  bool real_members = false;  // --real-members
  bool emptied = false;       // --emptied
  double interval_s = 0;
  bool idempotent = false;      // --idempotent
  bool committed_only = false;  // --read-committed
  std::int64_t transaction_ms = 100;
  std::int64_t transaction_version = 2;
};

// What `mbench --help` prints.
extern const char usage[];

// Throws std::invalid_argument with one line that says what is wrong.
Options parse_options(const std::vector<std::string>& arguments);

}  // namespace moldau::mbench
