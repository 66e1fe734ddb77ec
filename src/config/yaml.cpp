// The YAML file.  yaml-cpp reads the syntax; scalars are taken as text and parsed here, since it would
// read 010 as eight, take "on" for a bool and keep the last of two equal keys.

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "loader.hpp"
#include "moldau/net/listener.hpp"

namespace moldau::config {
namespace {

constexpr std::size_t file_bytes_max = 1024 * 1024;

class YamlReader {
 public:
  YamlReader(std::string path, Loader& loader) : path_(std::move(path)), loader_(loader) {}

  void read(const YAML::Node& root) {
    if (root.IsNull()) return;
    if (!root.IsMap()) return loader_.problem(place(root), "the file is not a map of sections");
    for_each(root, "the file", [&](const std::string& key, const YAML::Node& at,
                                   const YAML::Node& value) { section(key, at, value); });
  }

  [[nodiscard]] Place place(const YAML::Node& node) const {
    const auto mark = node.Mark();
    return path_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
  }

 private:
  template <class F>
  void for_each(const YAML::Node& map, const std::string& where, F&& visit) {
    std::set<std::string> seen;
    for (const auto& pair : map) {
      if (!pair.first.IsScalar()) {
        loader_.problem(place(pair.first), "a key in " + where + " is not a word");
        continue;
      }
      const std::string key = pair.first.Scalar();
      if (!seen.insert(key).second) {
        loader_.problem(place(pair.first), "'" + key + "' stands twice in " + where);
        continue;
      }
      visit(key, pair.first, pair.second);
    }
  }

  void unknown(const YAML::Node& at, const std::string& key, const std::string& where,
               const std::vector<std::string_view>& known) {
    const auto meant = closest(key, known);
    loader_.problem(place(at), "unknown key '" + key + "' in " + where +
                                   (meant.empty() ? std::string{}
                                                  : "; did you mean '" + std::string(meant) + "'?"));
  }

  void section(const std::string& key, const YAML::Node& at, const YAML::Node& value) {
    static const std::vector<std::string_view> sections = {
        "version", "node", "listeners", "storage", "offsets",
        "http",    "log",  "limits",    "kafka"};
    if (key == "version") {
      if (!value.IsScalar() || value.Scalar() != "1")
        loader_.problem(place(value), "'version' is 1 for this program");
    } else if (key == "listeners") {
      listeners(value);
    } else if (key == "kafka") {
      settings(key, value, true);
    } else if (std::find(sections.begin(), sections.end(), key) != sections.end()) {
      settings(key, value, false);
    } else {
      unknown(at, key, "the file", sections);
    }
  }

  void settings(const std::string& name, const YAML::Node& map, bool kafka) {
    if (map.IsNull()) return;
    if (!map.IsMap()) return loader_.problem(place(map), "'" + name + "' is not a map");
    for_each(map, "'" + name + "'",
             [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
               if (!value.IsScalar() && !value.IsNull())
                 return loader_.problem(place(value), "'" + key + "' takes a single value");
               const std::string scalar = value.IsNull() ? std::string{} : value.Scalar();
               if (kafka) return loader_.set_kafka(place(at), key, scalar);
               if (loader_.set_own(place(value), name + "." + key, scalar)) return;
               unknown(at, key, "'" + name + "'", keys_of(name));
             });
  }

  static std::vector<std::string_view> keys_of(const std::string& section) {
    std::vector<std::string_view> keys;
    for (const auto path : Loader::own_paths())
      if (path.starts_with(section + ".")) keys.push_back(path.substr(section.size() + 1));
    return keys;
  }

  void listeners(const YAML::Node& list) {
    if (!list.IsSequence() || list.size() == 0)
      return loader_.problem(place(list), "'listeners' is not a list of listeners");
    std::vector<Listener> read;
    for (const auto& entry : list) {
      if (!entry.IsMap()) {
        loader_.problem(place(entry), "a listener has a name and an address");
        continue;
      }
      Listener listener;
      for_each(entry, "a listener",
               [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
                 listener_key(listener, key, at, value);
               });
      read.push_back(std::move(listener));
    }
    loader_.config.listeners = std::move(read);
  }

  void listener_key(Listener& listener, const std::string& key, const YAML::Node& at,
                    const YAML::Node& value) {
    const std::string text = value.IsScalar() ? value.Scalar() : std::string{};
    if (key == "name") {
      listener.name = text;
    } else if (key == "address") {
      const auto address = parse_address(text);
      if (!address) return loader_.problem(place(value), "'address' is not HOST:PORT");
      listener.bind = *address;
    } else if (key == "advertised") {
      if (text == "auto") return;
      const auto address = parse_address(text);
      if (!address || address->host.empty() || address->host == "0.0.0.0")
        return loader_.problem(place(value),
                               "'advertised' is neither auto nor an address clients could use");
      listener.advertised = *address;
    } else if (key == "tcp_congestion_control") {
      const auto checked = net::check_congestion_control(text);
      if (!checked)
        return loader_.problem(place(value), "'" + key + "': " + checked.error().message);
      listener.tcp_congestion_control = text;
    } else {
      unknown(at, key, "a listener", {"name", "address", "advertised", "tcp_congestion_control"});
    }
  }

  const std::string path_;
  Loader& loader_;
};

}  // namespace

void read_yaml(const std::string& path, Loader& loader) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return loader.problem(path, "cannot be read; is the path right?");
  std::stringstream contents;
  contents << file.rdbuf();
  if (contents.str().size() > file_bytes_max)
    return loader.problem(path, "is larger than 1 MiB; that is no configuration");
  YamlReader reader(path, loader);
  try {
    reader.read(YAML::Load(contents.str()));
  } catch (const YAML::Exception& error) {
    std::string hint;
    if (contents.str().find('\t') != std::string::npos) hint = " (YAML does not indent by tabs)";
    loader.problem(path + ":" + std::to_string(error.mark.line + 1) + ":" +
                       std::to_string(error.mark.column + 1),
                   error.msg + hint);
  }
}

}  // namespace moldau::config
