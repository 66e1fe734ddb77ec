#pragma once
// The broker's configuration: built-in defaults, the YAML file, Kafka's server.properties, the environment
// and the command line, in this order; a later one wins.  Every value is checked, and every error of one
// run is reported with its place:
//   moldau.yaml:12:5: error: unknown key 'listner' in 'node'; did you mean 'listeners'?

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "moldau/base/ids.hpp"
#include "moldau/metadata/image.hpp"

namespace moldau::config {

struct Address {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const Address&, const Address&) = default;
};

struct Listener {
  std::string name = "PLAINTEXT";
  Address bind{"127.0.0.1", 9092};
  /// What clients are told; nullopt: the address that each client's own connection came in on.
  std::optional<Address> advertised;
  std::string tcp_congestion_control;  // empty: the kernel's standard
};

struct Limits {
  std::uint64_t connections_max = 20'000;
  std::uint64_t connections_per_ip_max = 0;  // 0: three quarters of connections_max
  std::uint64_t request_memory_bytes = 256ULL * 1024 * 1024;
};

struct Config {
  BrokerId node_id{1};
  std::string cluster_id;  // empty: the data directory's, or a new one
  std::optional<std::string> rack;
  int loops = 0;  // 0: one per core
  std::vector<Listener> listeners{Listener{}};
  std::string data_dir = "./moldau-data";
  bool sync = true;  // false only by --unsafe-no-fsync
  std::uint64_t lane_file_bytes = 128ULL * 1024 * 1024;
  std::uint64_t tail_bytes_max = 64ULL * 1024 * 1024;
  std::optional<std::uint64_t> free_bytes_min;  // see storage::LogDirectoryOptions
  std::int64_t scrub_interval_ms = 86'400'000;  // 0: never
  /// offsets.retention.policy: "keep" or "kafka" (group::OffsetRetention).
  std::string offsets_retention_policy = "keep";
  bool http_enabled = true;
  Address http{"127.0.0.1", 9644};
  std::string log_level = "info";
  std::string log_format = "human";
  Limits limits;
  metadata::ConfigMap kafka;           // options by Kafka's names, validated
  std::vector<std::string> no_effect;  // given, known to Kafka, and nothing here depends on them
  std::string source = "none (built-in defaults)";
};

/// Where values come from.
struct Sources {
  std::optional<std::string> file;        // --config
  std::optional<std::string> properties;  // --properties
  std::optional<std::string> data_dir;    // --data
  std::optional<std::string> listen;      // --listen HOST:PORT
  std::vector<std::string> set;           // --set NAME=VALUE, Kafka's names or YAML paths
  std::vector<std::pair<std::string, std::string>> environment;
  bool unsafe_no_fsync = false;
};

/// The configuration, or (second not empty) everything that is wrong with it, a line each.
std::pair<Config, std::vector<std::string>> load(const Sources& sources);

/// "10", "64KiB", "10MiB", "1GiB": bytes.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// "host:port", "[::1]:9092", ":9092".
std::optional<Address> parse_address(std::string_view text);
/// The candidate that `word` is most likely meant to be (two edits away at most), or empty.
std::string_view closest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace moldau::config
