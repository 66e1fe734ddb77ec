#include "tests/scenario/scenario_runner.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace moldau::scenario {
namespace {

/// A line of the file with what follows it.
struct Case {
  std::size_t line = 0;
  std::vector<std::string> before;  // comments and empty lines
  std::string command;              // empty: only what comes before the file's end
  std::string expected;
};

std::vector<Case> read_cases(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::vector<Case> cases(1);
  std::string line;
  bool in_expectation = false;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.starts_with("> ")) {
      if (!cases.back().command.empty()) cases.emplace_back();
      cases.back().line = number;
      cases.back().command = line.substr(2);
      in_expectation = true;
    } else if (line.empty() || line.starts_with("#")) {
      if (!cases.back().command.empty()) cases.emplace_back();
      cases.back().before.push_back(line);
      in_expectation = false;
    } else if (in_expectation) {
      cases.back().expected += line + "\n";
    } else {
      throw std::runtime_error(path.string() + ":" + std::to_string(number) +
                               ": an expectation without a command");
    }
  }
  return cases;
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool in_quotes = false;
  bool in_word = false;
  for (const char c : line) {
    if (c == '"') {
      in_quotes = !in_quotes;
      in_word = true;
    } else if (c == ' ' && !in_quotes) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word.push_back(c);
      in_word = true;
    }
  }
  if (in_quotes) throw std::runtime_error("a quote is not closed");
  if (in_word) words.push_back(word);
  return words;
}

Command parse(const std::string& line) {
  Command command;
  auto words = words_of(line);
  if (words.empty()) throw std::runtime_error("an empty command");
  command.verb = words.front();
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto equals = words[i].find('=');
    if (equals == std::string::npos)
      command.arguments.push_back(words[i]);
    else
      command.options[words[i].substr(0, equals)] = words[i].substr(equals + 1);
  }
  return command;
}

std::string run_case(const std::filesystem::path& path, const Case& each, const Handler& handler) {
  try {
    auto text = handler(parse(each.command));
    if (!text.empty() && text.back() != '\n') text.push_back('\n');
    return text;
  } catch (const std::exception& e) {
    throw std::runtime_error(path.string() + ":" + std::to_string(each.line) + ": " + e.what());
  }
}

}  // namespace

std::string Command::get(std::string_view key, std::string fallback) const {
  return find(key).value_or(std::move(fallback));
}

std::optional<std::string> Command::find(std::string_view key) const {
  const auto place = options.find(key);
  return place == options.end() ? std::nullopt : std::optional(place->second);
}

std::int64_t Command::number(std::string_view key, std::int64_t fallback) const {
  const auto value = find(key);
  return value ? std::stoll(*value) : fallback;
}

std::vector<Difference> run_file(const std::filesystem::path& path, const Handler& handler) {
  std::vector<Difference> differences;
  for (const auto& each : read_cases(path)) {
    if (each.command.empty()) continue;
    auto actual = run_case(path, each, handler);
    if (actual != each.expected)
      differences.push_back({each.line, each.command, each.expected, std::move(actual)});
  }
  return differences;
}

void rewrite_file(const std::filesystem::path& path, const Handler& handler) {
  std::string text;
  for (const auto& each : read_cases(path)) {
    for (const auto& line : each.before) text += line + "\n";
    if (!each.command.empty()) text += "> " + each.command + "\n" + run_case(path, each, handler);
  }
  std::ofstream(path, std::ios::trunc) << text;
}

bool wants_rewrite() {
  return std::getenv("MOLDAU_REWRITE") != nullptr;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::int64_t milliseconds_of(std::string_view text) {
  std::size_t digits = 0;
  const auto count = std::stoll(std::string(text), &digits);
  const auto unit = text.substr(digits);
  if (unit == "ms") return count;
  if (unit == "s") return count * 1000;
  if (unit == "m") return count * 60'000;
  if (unit == "h") return count * 3'600'000;
  if (unit == "d") return count * 86'400'000;
  throw std::runtime_error("not a duration: " + std::string(text));
}

}  // namespace moldau::scenario
