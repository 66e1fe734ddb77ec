#include "moldau/config/config.hpp"

#include <algorithm>
#include <cctype>

#include "loader.hpp"

namespace moldau::config {
namespace {

std::string with_dots(std::string name) {
  std::replace(name.begin(), name.end(), '_', '.');
  return name;
}

/// MOLDAU_NODE__ID is node.id, MOLDAU_LOG__LEVEL is log.level; MOLDAU_KAFKA__NUM_PARTITIONS is Kafka's
/// num.partitions.
void read_environment(const Sources& sources, Loader& loader) {
  constexpr std::string_view prefix = "MOLDAU_";
  for (const auto& [name, value] : sources.environment) {
    if (!name.starts_with(prefix) || name.find("__") == std::string::npos) continue;
    const Place place = "environment " + name;
    std::string rest = name.substr(prefix.size());
    std::transform(rest.begin(), rest.end(), rest.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto split = rest.find("__");
    std::string section = rest.substr(0, split);
    const std::string key = rest.substr(split + 2);
    if (section == "kafka") {
      loader.set_kafka(place, with_dots(key), value);
    } else if (!loader.set_own(place, section + "." + key, value) &&
               !loader.set_own(place, section + "." + with_dots(key), value)) {
      loader.problem(place, "no setting '" + section + "." + key + "'");
    }
  }
}

void read_set(const Sources& sources, Loader& loader) {
  for (const auto& assignment : sources.set) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos) {
      loader.problem("--set " + assignment, "is not NAME=VALUE");
      continue;
    }
    const std::string name = assignment.substr(0, equals);
    const std::string value = assignment.substr(equals + 1);
    const Place place = "--set " + name;
    if (name.starts_with("kafka.")) {
      loader.set_kafka(place, name.substr(6), value);
    } else if (!loader.set_own(place, name, value)) {
      loader.set_kafka(place, name, value);
    }
  }
}

void read_flags(const Sources& sources, Loader& loader) {
  if (sources.data_dir) loader.config.data_dir = *sources.data_dir;
  if (sources.listen) {
    const auto address = parse_address(*sources.listen);
    if (address) {
      Listener listener;
      listener.bind = *address;
      loader.config.listeners = {listener};
    } else {
      loader.problem("--listen " + *sources.listen, "is not HOST:PORT");
    }
  }
  if (sources.unsafe_no_fsync) loader.config.sync = false;
}

std::string listener_text(const std::string& name, const Address& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return name + "://" + (ipv6 ? "[" + address.host + "]" : address.host) + ":" +
         std::to_string(address.port);
}

/// Writes down by Kafka's names what came by other ones or by default: DescribeConfigs shows what
/// this node really has.
void state_by_kafkas_names(const Sources& sources, Config& config) {
  auto& kafka = config.kafka;
  kafka["node.id"] = kafka["broker.id"] = std::to_string(config.node_id.value());
  if (config.rack) kafka["broker.rack"] = *config.rack;
  const auto dir = kafka.find("log.dir");
  if (dir == kafka.end() || dir->second != config.data_dir) kafka["log.dirs"] = config.data_dir;
  if (!sources.listen && kafka.contains("listeners")) return;
  std::string bound, advertised;
  for (const auto& listener : config.listeners) {
    bound += (bound.empty() ? "" : ",") + listener_text(listener.name, listener.bind);
    if (listener.advertised)
      advertised += (advertised.empty() ? "" : ",") +
                    listener_text(listener.name, *listener.advertised);
  }
  kafka["listeners"] = bound;
  kafka.erase("advertised.listeners");
  if (!advertised.empty()) kafka["advertised.listeners"] = advertised;
}

}  // namespace

std::pair<Config, std::vector<std::string>> load(const Sources& sources) {
  Loader loader;
  if (sources.file) {
    loader.config.source = *sources.file;
    read_yaml(*sources.file, loader);
  }
  if (sources.properties) {
    loader.config.source = *sources.properties;
    read_properties(*sources.properties, loader);
  }
  read_environment(sources, loader);
  read_set(sources, loader);
  loader.resolve_kafka();
  read_flags(sources, loader);
  state_by_kafkas_names(sources, loader.config);
  return {std::move(loader.config), std::move(loader.problems)};
}

}  // namespace moldau::config
