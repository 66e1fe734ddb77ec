#pragma once
// Text scenarios: files of commands, each followed by what is expected of it, for state machines
// whose stories are better read than coded (style.md rule 45).
//
//   # Anything, up to the line's end: the story, a picture.
//   > verb argument key=value key="with spaces"
//   what is expected
//   in any number of lines
//
// Expectations end at an empty line, a comment or the next command.  Thread rule: none is needed.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moldau::scenario {

struct Command {
  std::string verb;
  std::vector<std::string> arguments;
  std::map<std::string, std::string, std::less<>> options;

  /// The value of a key; throws nothing: absent keys give `fallback`.
  [[nodiscard]] std::string get(std::string_view key, std::string fallback = "") const;
  [[nodiscard]] std::optional<std::string> find(std::string_view key) const;
  [[nodiscard]] std::int64_t number(std::string_view key, std::int64_t fallback) const;
  [[nodiscard]] bool has(std::string_view key) const { return options.contains(key); }
};

/// What a command gives, as lines; throws std::runtime_error for a command that makes no sense.
using Handler = std::function<std::string(const Command&)>;

struct Difference {
  std::size_t line = 0;  // of the command
  std::string command;
  std::string expected;
  std::string actual;
};

/// Runs the file's commands in order.  Empty: all is as expected.
std::vector<Difference> run_file(const std::filesystem::path& path, const Handler& handler);
/// The same, and puts what the commands gave in the place of what was expected: look at the diff.
void rewrite_file(const std::filesystem::path& path, const Handler& handler);
/// Whether MOLDAU_REWRITE is set.
bool wants_rewrite();

/// "a,b" as {"a", "b"}; nothing for "".
std::vector<std::string> split(std::string_view text, char separator);
/// "250ms", "3s", "5m", "7d" in milliseconds.
std::int64_t milliseconds_of(std::string_view text);

}  // namespace moldau::scenario
