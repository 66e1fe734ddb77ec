#include "loader.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>

#include "moldau/metadata/group_config.hpp"
#include "moldau/metadata/option_table.hpp"

namespace moldau::config {
namespace {

template <class T>
std::optional<T> parse_integer(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

/// What a setting takes; empty when `value` was taken, else what it should be.
using Setter = std::function<std::string_view(Config&, const std::string& value)>;

Setter text(std::string Config::*member) {
  return [member](Config& config, const std::string& value) {
    config.*member = value;
    return std::string_view{};
  };
}

Setter bytes(std::uint64_t Config::*member, std::uint64_t min) {
  return [member, min](Config& config, const std::string& value) -> std::string_view {
    const auto parsed = parse_bytes(value);
    if (!parsed || *parsed < min) return "a size such as 64MiB (1MiB at least)";
    config.*member = *parsed;
    return {};
  };
}

Setter limit(std::uint64_t Limits::*member) {
  return [member](Config& config, const std::string& value) -> std::string_view {
    const auto parsed = parse_bytes(value);
    if (!parsed) return "a number, or a size such as 64MiB";
    config.limits.*member = *parsed;
    return {};
  };
}

Setter choice(std::string Config::*member, std::vector<std::string_view> values,
              std::string_view expected) {
  return [member, values, expected](Config& config, const std::string& value) -> std::string_view {
    for (const auto allowed : values) {
      if (value != allowed) continue;
      config.*member = value;
      return {};
    }
    return expected;
  };
}

std::string_view set_node_id(Config& config, const std::string& value) {
  const auto id = parse_integer<std::int32_t>(value);
  if (!id || *id < 0) return "a number from 0 on";
  config.node_id = BrokerId{*id};
  return {};
}

std::string_view set_loops(Config& config, const std::string& value) {
  const auto loops = parse_integer<int>(value);
  if (!loops || *loops < 0 || *loops > 256) return "a number from 0 (one per core) to 256";
  config.loops = *loops;
  return {};
}

std::string_view set_rack(Config& config, const std::string& value) {
  config.rack = value;
  return {};
}

std::string_view set_free_bytes_min(Config& config, const std::string& value) {
  const auto parsed = parse_bytes(value);
  if (value != "auto" && parsed.value_or(0) < 1 << 20)
    return "auto, or a size such as 64MiB (1MiB at least)";
  config.free_bytes_min = parsed;
  return {};
}

std::string_view set_scrub_interval(Config& config, const std::string& value) {
  const auto interval = parse_integer<std::int64_t>(value);
  constexpr std::int64_t ten_years_ms = 315'360'000'000;
  if (!interval || *interval < 0 || *interval > ten_years_ms) return "a number of milliseconds, or 0 (never)";
  config.scrub_interval_ms = *interval;
  return {};
}

std::string_view set_http(Config& config, const std::string& value) {
  const auto address = parse_address(value);
  if (!address) return "HOST:PORT";
  config.http = *address;
  return {};
}

std::string_view set_http_enabled(Config& config, const std::string& value) {
  const auto enabled = parse_bool(value);
  if (!enabled) return "true or false";
  config.http_enabled = *enabled;
  return {};
}

/// Ours, named as if it were Kafka's: it stands beside offsets.retention.minutes.
constexpr std::string_view retention_policy = "offsets.retention.policy";

const std::map<std::string_view, Setter>& setters() {
  static const std::map<std::string_view, Setter> table = {
      {"node.id", set_node_id},
      {"node.rack", set_rack},
      {"node.cluster_id", text(&Config::cluster_id)},
      {"node.loops", set_loops},
      {"storage.data_dir", text(&Config::data_dir)},
      {"storage.lane_file_bytes", bytes(&Config::lane_file_bytes, 1 << 20)},
      {"storage.tail_bytes_max", bytes(&Config::tail_bytes_max, 1 << 20)},
      {"storage.free_bytes_min", set_free_bytes_min},
      {"storage.scrub_interval_ms", set_scrub_interval},
      {retention_policy, choice(&Config::offsets_retention_policy, {"keep", "kafka"},
                                "keep or kafka")},
      {"http.enabled", set_http_enabled},
      {"http.address", set_http},
      {"log.level", choice(&Config::log_level, {"trace", "debug", "info", "warn", "error"},
                           "one of trace, debug, info, warn, error")},
      {"log.format", choice(&Config::log_format, {"human", "json"}, "human or json")},
      {"limits.connections_max", limit(&Limits::connections_max)},
      {"limits.connections_per_ip_max", limit(&Limits::connections_per_ip_max)},
      {"limits.request_memory_bytes", limit(&Limits::request_memory_bytes)},
  };
  return table;
}

/// Kafka's names for what Moldau keeps elsewhere, or that say what a single node is anyway.
bool is_resolved(std::string_view name) {
  static const std::vector<std::string_view> names = {
      "node.id",   "broker.id", "listeners", "advertised.listeners", "log.dir",
      "log.dirs",  "broker.rack"};
  for (const auto known : names)
    if (known == name) return true;
  return false;
}

std::vector<std::string> names_of_values(std::string_view list) {
  return metadata::split_list(list);
}

}  // namespace

const std::vector<std::string_view>& Loader::own_paths() {
  static const std::vector<std::string_view> paths = [] {
    std::vector<std::string_view> all;
    for (const auto& [path, setter] : setters()) all.push_back(path);
    return all;
  }();
  return paths;
}

void Loader::forget_kafka(std::string_view path) {
  static const std::vector<std::pair<std::string_view, std::string>> same = {
      {"node.id", "node.id"},          {"node.id", "broker.id"},
      {"node.rack", "broker.rack"},    {"storage.data_dir", "log.dir"},
      {"storage.data_dir", "log.dirs"}};
  for (const auto& [own, name] : same)
    if (own == path) config.kafka.erase(name);
}

bool Loader::set_own(const Place& place, std::string_view path, const std::string& value) {
  const auto setter = setters().find(path);
  if (setter == setters().end()) return false;
  const auto expected = setter->second(config, value);
  if (expected.empty()) {
    forget_kafka(path);
    return true;
  }
  problem(place, "'" + std::string(path) + "' is '" + value + "', but takes " +
                     std::string(expected));
  return true;
}

void Loader::set_kafka(const Place& place, const std::string& name, const std::string& value) {
  const auto* option = metadata::find_broker_option(name);
  if (option == nullptr) {
    if (name == retention_policy) {
      set_own(place, name, value);
      return;
    }
    if (metadata::is_known_broker_option(name)) {
      config.no_effect.push_back(name);
      return;
    }
    std::vector<std::string_view> known;
    for (const auto& candidate : metadata::broker_options()) known.push_back(candidate.name);
    const auto meant = closest(name, known);
    problem(place, "unknown option '" + name + "'" +
                       (meant.empty() ? std::string{}
                                      : "; did you mean '" + std::string(meant) + "'?"));
    return;
  }
  const auto parsed = metadata::parse_option(*option, value);
  if (!parsed) {
    problem(place, parsed.error().message);
    return;
  }
  if (!option->has_effect && !is_resolved(name)) config.no_effect.push_back(name);
  config.kafka[name] = parsed.value();
  kafka_places_[name] = place;
}

Place Loader::place_of(const std::string& name) const {
  const auto place = kafka_places_.find(name);
  return place == kafka_places_.end() ? Place{"configuration"} : place->second;
}

void Loader::resolve_listeners() {
  const auto place = place_of("listeners");
  const auto text_of = [&](const char* name) {
    const auto value = config.kafka.find(name);
    return value == config.kafka.end() ? std::string{} : value->second;
  };
  std::map<std::string, std::string> protocols;
  for (const auto& pair : names_of_values(text_of("listener.security.protocol.map")))
    if (const auto colon = pair.find(':'); colon != std::string::npos)
      protocols[pair.substr(0, colon)] = pair.substr(colon + 1);
  const auto controllers = names_of_values(text_of("controller.listener.names"));
  std::vector<Listener> listeners;
  for (const auto& text : names_of_values(text_of("listeners"))) {
    const auto scheme = text.find("://");
    const auto address =
        scheme == std::string::npos ? std::nullopt : parse_address(text.substr(scheme + 3));
    if (!address) {
      problem(place, "'" + text + "' in 'listeners' is not NAME://HOST:PORT");
      continue;
    }
    Listener listener;
    listener.name = text.substr(0, scheme);
    listener.bind = *address;
    bool controller = listener.name == "CONTROLLER" && controllers.empty();
    for (const auto& name : controllers) controller = controller || name == listener.name;
    if (controller) {
      config.no_effect.push_back("listener " + listener.name + " (a single node needs none)");
      continue;
    }
    const auto protocol = protocols.contains(listener.name) ? protocols[listener.name]
                                                            : listener.name;
    if (protocol != "PLAINTEXT") {
      problem(place, "listener '" + listener.name + "' is " + protocol +
                         ", but only PLAINTEXT is served by this version");
      continue;
    }
    listeners.push_back(std::move(listener));
  }
  if (!listeners.empty()) config.listeners = std::move(listeners);
  for (const auto& text : names_of_values(text_of("advertised.listeners"))) {
    const auto scheme = text.find("://");
    const auto address =
        scheme == std::string::npos ? std::nullopt : parse_address(text.substr(scheme + 3));
    if (!address || address->host.empty() || address->host == "0.0.0.0") {
      problem(place_of("advertised.listeners"),
              "'" + text + "' in 'advertised.listeners' is no address that a client could use");
      continue;
    }
    for (auto& listener : config.listeners)
      if (listener.name == text.substr(0, scheme)) listener.advertised = *address;
  }
}

void Loader::check_groups() {
  const metadata::BrokerConfig broker(config.kafka);
  for (const auto& [option, text] : metadata::broken_group_bounds(broker)) {
    problem(place_of(option),
            "'" + option + "' is " + std::string(*broker.text(option)) + ", but must be " + text);
  }
}

void Loader::resolve_kafka() {
  if (const auto roles = config.kafka.find("process.roles"); roles != config.kafka.end()) {
    const auto names = names_of_values(roles->second);
    if (!names.empty() && std::ranges::find(names, "broker") == names.end())
      problem(place_of("process.roles"), "'process.roles' has no 'broker' in it; a controller "
                                         "alone is Apache Kafka's");
  }
  for (const char* name : {"broker.id", "node.id"})
    if (const auto value = config.kafka.find(name); value != config.kafka.end())
      if (const auto expected = set_node_id(config, value->second); !expected.empty())
        problem(place_of(name), "'" + std::string(name) + "' takes " + std::string(expected));
  if (const auto rack = config.kafka.find("broker.rack"); rack != config.kafka.end())
    config.rack = rack->second;
  for (const char* name : {"log.dir", "log.dirs"}) {
    const auto value = config.kafka.find(name);
    if (value == config.kafka.end() || !kafka_places_.contains(name)) continue;
    const auto directories = names_of_values(value->second);
    if (directories.size() != 1) {
      problem(place_of(name), "one log directory is served by this version, not " +
                                  std::to_string(directories.size()));
      continue;
    }
    config.data_dir = directories.front();
  }
  resolve_listeners();
  check_groups();
}

}  // namespace moldau::config
