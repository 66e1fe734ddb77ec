// Kafka's server.properties: the syntax of java.util.Properties.

#include <cctype>
#include <fstream>

#include "loader.hpp"

namespace moldau::config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

/// Undoes the escapes of Properties: \t \n \r \f \uXXXX, and a backslash before anything else.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char c = text[++i];
    switch (c) {
      case 't': out.push_back('\t'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 'f': out.push_back('\f'); break;
      default: out.push_back(c); break;
    }
  }
  return out;
}

/// The end of the key: the first '=', ':' or blank that is not escaped.
std::size_t key_end(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '=' || line[i] == ':' || is_blank(line[i])) {
      return i;
    }
  }
  return line.size();
}

bool continues(std::string_view line) {
  std::size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

void one_line(const Place& place, std::string_view line, Loader& loader) {
  const auto end = key_end(line);
  const std::string key = unescape(line.substr(0, end));
  auto rest = line.substr(end);
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (!rest.empty() && (rest.front() == '=' || rest.front() == ':')) rest.remove_prefix(1);
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  loader.set_kafka(place, key, unescape(rest));
}

}  // namespace

void read_properties(const std::string& path, Loader& loader) {
  std::ifstream file(path);
  if (!file) return loader.problem(path, "cannot be read; is the path right?");
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const int first = number;
    const auto trimmed = [](std::string text) {
      if (text.ends_with('\r')) text.pop_back();
      const auto begin = text.find_first_not_of(" \t\f");
      return begin == std::string::npos ? std::string{} : text.substr(begin);
    };
    std::string logical = trimmed(line);
    if (logical.empty() || logical[0] == '#' || logical[0] == '!') continue;
    while (continues(logical) && std::getline(file, line)) {
      logical.pop_back();
      logical += trimmed(line);
      ++number;
    }
    one_line(path + ":" + std::to_string(first), logical, loader);
  }
}

}  // namespace moldau::config
