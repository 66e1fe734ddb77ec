#pragma once
// Collects values and problems while the sources are gone through.

#include <string>
#include <string_view>
#include <vector>

#include "moldau/config/config.hpp"

namespace moldau::config {

/// Where a value stands, as it is printed: "moldau.yaml:12:5", "--set", "environment MOLDAU_NODE__ID".
using Place = std::string;

class Loader {
 public:
  Config config;
  std::vector<std::string> problems;

  void problem(const Place& place, const std::string& text) {
    problems.push_back(place + ": error: " + text);
  }
  /// A setting of our own by its path: "node.id", "storage.data_dir".  False when there is none.
  bool set_own(const Place& place, std::string_view path, const std::string& value);
  /// An option by Kafka's name; `place` for what is wrong with it.
  void set_kafka(const Place& place, const std::string& name, const std::string& value);
  /// Turns what Kafka's names say of nodes, listeners and directories into our settings, and looks at
  /// what no single option shows; after all sources.
  void resolve_kafka();

  /// All paths that set_own knows.
  static const std::vector<std::string_view>& own_paths();

 private:
  void resolve_listeners();
  /// What Kafka refuses too: bounds of groups' options that contradict each other.
  void check_groups();
  /// A setting of our own was given later than Kafka's names for it: those say nothing any more.
  void forget_kafka(std::string_view path);
  Place place_of(const std::string& name) const;

  std::map<std::string, Place, std::less<>> kafka_places_;
};

void read_yaml(const std::string& path, Loader& loader);
void read_properties(const std::string& path, Loader& loader);

}  // namespace moldau::config
